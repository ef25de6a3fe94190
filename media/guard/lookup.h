// A host's address, looked up on a thread of its own: a name server may take many seconds. Thread: main.
#ifndef HZ_MEDIA_GUARD_LOOKUP_H
#define HZ_MEDIA_GUARD_LOOKUP_H

#include <stdbool.h>

struct hz_lookup;

struct hz_lookup *hz_lookup_new(const char *host); // NULL: no memory, no thread
// True: it is over and freed. *ret_err: 0 and the address (INET6_ADDRSTRLEN), or as hz_guard_resolve().
bool hz_lookup_poll(struct hz_lookup *lookup, int *ret_err, char ret_address[]);
void hz_lookup_leave(struct hz_lookup *lookup); // whenever it ends; NULL allowed

#endif

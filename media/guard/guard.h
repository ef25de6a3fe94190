// Where this process may connect to: the C library's connect() goes through here, so that a redirection, a name that resolves to
// something else, or whatever a source makes a library do ends outside ingest.allow with EACCES. Thread: any.
#ifndef HZ_MEDIA_GUARD_GUARD_H
#define HZ_MEDIA_GUARD_GUARD_H

#include <stdbool.h>

#include "media/ingest/api.h"

// The networks of the source, and our own gateway's address (of set->whip).
void hz_guard_set(const struct hz_ingest_source_set *set);
// Begins a connection of the source: forgets what was before.
void hz_guard_begin(void);
// 0; -EACCES: something was refused here; else -errno of the newest connection that failed since hz_guard_begin().
int hz_guard_error(void);
// Looks up host: 0 and a numeric address that is allowed, in ret (INET6_ADDRSTRLEN); -EACCES none is; -EHOSTUNREACH.
int hz_guard_resolve(const char *host, char *ret, unsigned bytes);
// May somebody at this address send to us?
bool hz_guard_may(const struct sockaddr *address);

#endif

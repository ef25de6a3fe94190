// The addresses that clients are told to send media to. Thread: one.
#ifndef HZ_GATEWAY_SESSION_ICE_CANDIDATES_H
#define HZ_GATEWAY_SESSION_ICE_CANDIDATES_H

#include "gateway/session/model.h"

// From media.address (comma-separated), or, when that is empty, those of the interfaces that are up, IPv4 first, without
// loopback and link-local ones; 127.0.0.1 when none is left. Words that are no numeric address are skipped with a
// warning. At least one on return.
void hz_local_addresses_find(struct hz_brain *brain, const char *configured);

#endif

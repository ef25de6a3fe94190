// Networks that sources may be in (ingest.allow): so that nobody has the gateway look around in the hospital's network where it
// should not (server-side request forgery). Pure.
#ifndef HZ_MEDIA_INGEST_ALLOW_H
#define HZ_MEDIA_INGEST_ALLOW_H

#include <stdbool.h>
#include <sys/socket.h>

#include "media/ingest/api.h"

// Comma-separated addresses, networks (10.0.0.0/8, fd00::/8), and the words "private" (10/8, 172.16/12, 192.168/16, fc00::/7),
// "loopback" (127/8, ::1) and "any". -EINVAL: none of these, bits that are set outside the mask, or more than
// HZ_INGEST_NETWORKS.
int hz_ingest_allow_parse(const char *text, struct hz_ingest_network ret[HZ_INGEST_NETWORKS],
                          uint8_t *ret_count);

// False also for what is neither IPv4 nor IPv6. An IPv4 address within IPv6 is that address.
bool hz_ingest_allowed(const struct hz_ingest_network *network, unsigned count,
                       const struct sockaddr *address);

#endif

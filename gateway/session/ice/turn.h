// The TURN and STUN servers that clients are told at join, with credentials of their own for each. Thread: one.
#ifndef HZ_GATEWAY_SESSION_ICE_TURN_H
#define HZ_GATEWAY_SESSION_ICE_TURN_H

#include <jansson.h>

#include "gateway/config.h"
#include "gateway/session/model.h"
#include "signaling/whip/whip.h"

// From turn.*; also at a reload. -ENOMEM: the old ones stay. With NULL: wipes and frees.
int hz_turn_configure(struct hz_brain *brain, const struct hz_config *config);

// Credentials of our own for them. -EINVAL: none are needed.
struct hz_turn_credential;
int hz_turn_login(const struct hz_brain *brain, const char *name, struct hz_turn_credential *ret);

// RTCIceServer[] for this participant; [] when none is configured.
json_t *hz_turn_json(const struct hz_brain *brain, const char *participant);

// The same as values of Link headers (RFC 9725 section 4.6), malloc'd; what memory does not suffice for is left out.
void hz_turn_links(const struct hz_brain *brain, const char *participant, char *ret[HZ_WHIP_LINKS]);

#endif

// What the gateway's own full ICE agents use (ice.agent: full): addresses of ours, STUN and TURN servers. Thread: one.
#ifndef HZ_GATEWAY_SESSION_ICE_ICE_SERVERS_H
#define HZ_GATEWAY_SESSION_ICE_ICE_SERVERS_H

#include "gateway/config.h"
#include "gateway/session/model.h"

// Fills brain->ice. Names of servers are resolved now, which waits for the resolver; those that cannot be are left out
// and logged. At a start and at a reload.
void hz_ice_configure(struct hz_brain *brain, const struct hz_config *config);

#endif

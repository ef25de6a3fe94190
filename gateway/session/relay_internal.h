// Inside gateway/session: relay.c makes and ends, relay_load.c finds again what an earlier control process made.
#ifndef HZ_GATEWAY_SESSION_RELAY_INTERNAL_H
#define HZ_GATEWAY_SESSION_RELAY_INTERNAL_H

#include "gateway/session/relay.h"

// The relay peer on `worker` that leads to `other`; NULL.
struct hz_peer *hz_relay_link(const struct hz_consult *consult, unsigned worker, unsigned other);
void hz_relay_link_add(struct hz_consult *consult, struct hz_peer *link);

// The publisher's track behind a relayed one; NULL: it is gone.
struct hz_track *hz_relay_origin(struct hz_brain *brain, const struct hz_track *relay);

// Makes both sides as the origin is now; tells what changed. -ENOSPC, -ENOMEM.
int hz_relay_fit(struct hz_brain *brain, struct hz_track *relay, const struct hz_track *origin);
void hz_relay_track_end(struct hz_brain *brain,
                        struct hz_track *relay); // with its subscriptions; frees relay
// Subscriptions to a track, from this layer on.
void hz_relay_layers_end(struct hz_brain *brain, struct hz_peer *link, hz_id track, unsigned from);

#endif

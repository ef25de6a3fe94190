// Inside gateway/session: relay.c makes and ends, relay_load.c finds again what an earlier control process made; mix.c makes
// the same objects for the mix.
#ifndef HZ_GATEWAY_SESSION_RELAY_INTERNAL_H
#define HZ_GATEWAY_SESSION_RELAY_INTERNAL_H

#include "gateway/session/relay.h"

// The relay peer on `worker` that leads to `other`; NULL.
struct hz_peer *hz_relay_link(const struct hz_consult *consult, unsigned worker, unsigned other);
// A relay peer in a list of the consult's: told and written, or only put there. -ENOSPC, -ENOMEM.
int hz_relay_peer_new(struct hz_brain *brain, struct hz_consult *consult, unsigned worker, unsigned other,
                      struct hz_peer **list, struct hz_peer **ret);
void hz_relay_peer_add(struct hz_consult *consult, struct hz_peer **list, struct hz_peer *link);
void hz_relay_peer_end(struct hz_brain *brain, struct hz_peer **list, struct hz_peer *link); // frees link
uint32_t hz_relay_ssrc(const struct hz_peer *link); // that none of its subscriptions has

// The publisher's track behind a relayed one; NULL: it is gone.
struct hz_track *hz_relay_origin(struct hz_brain *brain, const struct hz_track *relay);

// Makes both sides as the origin is now; tells what changed. -ENOSPC, -ENOMEM.
int hz_relay_fit(struct hz_brain *brain, struct hz_track *relay, const struct hz_track *origin);
void hz_relay_track_end(struct hz_brain *brain,
                        struct hz_track *relay); // with its subscriptions; frees relay
// Subscriptions to a track, from this layer on.
void hz_relay_layers_end(struct hz_brain *brain, struct hz_peer *link, hz_id track, unsigned from);

#endif

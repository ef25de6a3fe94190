// Inside gateway/session: relay.c makes and ends, relay_load.c finds again what an earlier control process made; relay_peers.c has
// the peers, which are those of the mix, of pictures and of broadcasts as well, each with a list of its own.
#ifndef HZ_GATEWAY_SESSION_RELAY_INTERNAL_H
#define HZ_GATEWAY_SESSION_RELAY_INTERNAL_H

#include "gateway/session/relay.h"

// --- relay_peers.c: `list` is one of the consult's; `other` is a worker, or HZ_PICTURE_RELAY and the like

// The relay peer on `worker` that leads to `other`; NULL.
struct hz_peer *hz_relay_peer_of(struct hz_peer *list, unsigned worker, unsigned other);
struct hz_peer *hz_relay_link(const struct hz_consult *consult, unsigned worker,
                              unsigned other); // in consult->relays
// The same, made where there is none: told and written. -ENOSPC, -ENOMEM.
int hz_relay_peer_get(struct hz_brain *brain, struct hz_consult *consult, unsigned worker, unsigned other,
                      struct hz_peer **list, struct hz_peer **ret);
void hz_relay_peer_add(struct hz_consult *consult, struct hz_peer **list, struct hz_peer *link); // puts there
void hz_relay_peer_end(struct hz_brain *brain, struct hz_peer **list, struct hz_peer *link);     // frees link
void hz_relay_peers_sweep(struct hz_brain *brain, struct hz_peer **list); // ends those that carry nothing
void hz_relay_peers_free_memory(struct hz_peer **list); // of all of them, at the end of the process
// What is shown of `of` on this worker (a publisher's track, a rendition, a seat of the mix); NULL.
struct hz_track *hz_relay_track_of(const struct hz_peer *list, unsigned worker, uint32_t of);
// As it is to be now: told and written when that is news.
void hz_relay_track_set(struct hz_brain *brain, struct hz_track *track, const struct hz_cmd_track_set *cmd);

// --- relay.c

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

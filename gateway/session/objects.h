// Media objects: peers, tracks and slots, each kept in three places at once: here, in the store and at its worker.
// `_set` writes the two others from `cmd`. Limits are the caller's to check first (hz_place_room). Thread: one.
#ifndef HZ_GATEWAY_SESSION_OBJECTS_H
#define HZ_GATEWAY_SESSION_OBJECTS_H

#include "gateway/session/model.h"

// Fills the header and sends the command to a worker.
void hz_objects_tell(struct hz_brain *brain, unsigned worker, struct hz_msg_header *h, uint16_t type,
                     size_t bytes);

// On the worker that placement.h chooses: a peer with fresh ICE credentials, not told to anyone yet. -ENOSPC, -ENOMEM.
int hz_peer_new(struct hz_brain *brain, struct hz_participant *owner, uint8_t kind, struct hz_peer **ret);
void hz_peer_credentials(struct hz_peer *peer); // new local ones: an ICE restart
void hz_peer_set(struct hz_brain *brain, struct hz_peer *peer);
// Of the DTLS certificate that this gateway answers with: each start of the whole gateway makes another one.
uint32_t hz_peer_identity(const struct hz_brain *brain);
// The gateway was started anew since it was made: its keys are gone, no client can go on with it.
bool hz_peer_lost(const struct hz_brain *brain, const struct hz_peer *peer);
// Ends it at once, with its tracks and slots; slots of others that showed its tracks become idle.
void hz_peer_end(struct hz_brain *brain, struct hz_peer *peer);

int hz_track_new(struct hz_brain *brain, struct hz_peer *peer, struct hz_track **ret);
void hz_track_set(struct hz_brain *brain, struct hz_track *track);
void hz_track_end(struct hz_brain *brain, struct hz_track *track);
// Only that: nobody else is told, and no slot looked after. Frees track: of a relay peer it is all there is to do.
void hz_track_drop(struct hz_brain *brain, struct hz_track *track);

int hz_slot_new(struct hz_brain *brain, struct hz_peer *peer, struct hz_slot **ret);
void hz_slot_set(struct hz_brain *brain, struct hz_slot *slot);
void hz_slot_end(struct hz_brain *brain, struct hz_slot *slot);

// For loading: objects with ids they had. -EINVAL, -EEXIST, -ENOMEM.
int hz_peer_claim(struct hz_brain *brain, struct hz_participant *owner, unsigned worker, hz_id id,
                  struct hz_peer **ret);
int hz_track_claim(struct hz_brain *brain, struct hz_peer *peer, hz_id id, struct hz_track **ret);
int hz_slot_claim(struct hz_brain *brain, struct hz_peer *peer, hz_id id, struct hz_slot **ret);

// NULL: there is none (any more), or it belongs to a relay. Ids of publishers' tracks are unique over all workers.
struct hz_track *hz_track_find(struct hz_brain *brain, hz_id id);
struct hz_peer *hz_peer_by_id(struct hz_brain *brain, unsigned worker, hz_id id);
struct hz_slot *hz_slot_by_id(struct hz_brain *brain, unsigned worker, hz_id id);
struct hz_track *hz_track_by_id(struct hz_brain *brain, unsigned worker, hz_id id);
struct hz_track *hz_track_of_source(const struct hz_participant *p, uint8_t kind, uint8_t source);
unsigned hz_tracks_count(const struct hz_participant *p);

// For hz_media_link_ops.next.
const struct hz_msg_header *hz_objects_next(void *brain, unsigned worker, uint32_t *at);

// Frees memory only (at the end of the process).
void hz_transport_free_memory(struct hz_peer *peer);

#endif

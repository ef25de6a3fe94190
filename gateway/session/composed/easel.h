// The images on a consult's table as a picture (docs/decisions/020-the-live-lane.md): who asks for the track `image` on one of their
// slots of pictures, or for the source `image` of WHEP, sees them as huizhen-live draws them. While somebody does, and something lies
// on the table, there are
//   - on each worker of those who watch a relay peer whose other end is huizhen-live (cmd.relay: HZ_RELAY_PIPES + HZ_PIPE_LIVE),
//     and a track of each encode that they watch; `of` is the rendition,
//   - wishes to huizhen-live (easel_link.h): the table as it is (easel_table.c), the encodes. Ids of renditions follow from the
//     consult: a control that was started anew finds the same ones.
// They are media objects like any other: persisted, repeated at a RECONCILE, and of no participant. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_COMPOSED_EASEL_H
#define HZ_GATEWAY_SESSION_COMPOSED_EASEL_H

#include "gateway/link/easel_link.h"
#include "gateway/session/model.h"

#define HZ_TABLE       "~table" // as a participant of broadcasts and pictures: no token can name it
#define HZ_IMAGE       "image"  // the track, and the source of WHEP
#define HZ_EASEL_RELAY (HZ_RELAY_PIPES + HZ_PIPE_LIVE)

// Makes the way to huizhen-live; before hz_persist_load(). fd: as in hz_easel_link_new(). -ENOMEM.
int hz_easel_begin(struct hz_brain *brain, int fd);
// It is there, and so is something on the table.
bool hz_easel_available(struct hz_brain *brain, struct hz_consult *consult);

// What a client asks of one of its slots of pictures that takes H.264 or VP8; hz_slot_set() is the caller's.
void hz_easel_watch(struct hz_brain *brain, struct hz_slot *slot);
void hz_easel_leave(struct hz_brain *brain, struct hz_slot *slot); // it shows something else, or nothing

// Makes the consult's objects and wishes what they should be.
void hz_easel_recount(struct hz_brain *brain, struct hz_consult *consult);
// The table has changed: said with the end of this turn.
void hz_easel_table(struct hz_brain *brain, struct hz_consult *consult);
// Ends what nobody has watched for a while; returns when to call again, INT64_MAX.
int64_t hz_easel_due(struct hz_brain *brain);
void hz_easel_end(struct hz_brain *brain, struct hz_consult *consult); // the consult is closed

// --- for the mosaic and a broadcast (docs/decisions/016-the-broadcast.md): the large one in H.264. bare: for those outside, nothing that may
// name somebody is drawn. It is there while hz_picture_composes(), or while the table is on the air.

// Its track on this worker; made when there is none. NULL: nothing lies on the table, or nobody draws. Then call hz_easel_settle().
struct hz_track *hz_easel_track(struct hz_brain *brain, struct hz_consult *consult, unsigned worker,
                                bool bare);
void hz_easel_settle(struct hz_brain *brain, struct hz_consult *consult); // tells of what was made

// News of a receiver's link.
void hz_easel_on_step(struct hz_brain *brain, struct hz_slot *slot);
void hz_easel_on_stats(struct hz_brain *brain, struct hz_peer *peer);

// Its relay peers; loading: where they go (NULL: none is drawn), a slot (true: it shows the images), once everything is there.
struct hz_peer *hz_easel_first_link(const struct hz_consult *consult);
struct hz_peer **hz_easel_links(struct hz_brain *brain, struct hz_consult *consult);
bool hz_easel_load_slot(struct hz_brain *brain, struct hz_slot *slot);
void hz_easel_repair(struct hz_brain *brain, struct hz_consult *consult);
void hz_easel_free_memory(struct hz_consult *consult); // at the end of the process

#endif

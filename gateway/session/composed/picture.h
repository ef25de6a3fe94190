// The composed picture of a consult (docs/decisions/014-the-mosaic.md, its second half): who asks for the track `mix` on one of their
// slots of pictures sees everybody in one. While somebody does, there are
//   - on each worker in use a relay peer whose other end is the mosaic (relay.h; cmd.relay: HZ_RELAY_PIPES + HZ_PIPE_MOSAIC), in
//     consult->picture->links,
//   - for each camera, screen and image a pinned subscription there, to the simulcast layer that fits its tile,
//   - for each size and codec that somebody watches one encode, and on each worker of those who watch a track of it; `of` is the
//     rendition,
//   - wishes to the mosaic (picture_link.h). Ids of members and renditions follow from whose they are: a control that was started
//     anew finds the same ones.
// They are media objects like any other: persisted, repeated at a RECONCILE, and of no participant: nobody sees them.
// Which size somebody gets follows from what they ask and what their link carries. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_COMPOSED_PICTURE_H
#define HZ_GATEWAY_SESSION_COMPOSED_PICTURE_H

#include "gateway/session/model.h"
#include "gateway/link/picture_link.h"

#define HZ_PICTURE_RELAY (HZ_RELAY_PIPES + HZ_PIPE_MOSAIC) // of its relay peers

// Makes the way to the mosaic; before hz_persist_load(). fd as in hz_picture_link_new(). -ENOMEM.
int hz_picture_begin(struct hz_brain *brain, int fd);

// Somebody may ask for it: a mosaic is there, or went less than HZ_PICTURE_AWAY_US ago, and has room for the consult.
bool hz_picture_available(const struct hz_brain *brain, const struct hz_consult *consult);

// The slot takes a codec that pictures are made in.
bool hz_picture_takes(const struct hz_slot *slot);
// What a client asks of one of its slots of pictures; hz_slot_set() is the caller's.
void hz_picture_watch(struct hz_brain *brain, struct hz_slot *slot);
// It shows something else, or nothing.
void hz_picture_leave(struct hz_brain *brain, struct hz_slot *slot);

// Makes the consult's objects and wishes what they should be.
void hz_picture_recount(struct hz_brain *brain, struct hz_consult *consult);
// Ends what nobody has watched for a while, asks again for what was refused; returns when to call again, INT64_MAX.
int64_t hz_picture_due(struct hz_brain *brain);
// Four times a second: is there still a mosaic?
void hz_picture_tick(struct hz_brain *brain);
// The consult is closed.
void hz_picture_end(struct hz_brain *brain, struct hz_consult *consult);

// --- what a broadcast shows of a source that has masks, or of several (picture_air.c): a rendition of these alone, painted over, and a
// track of it on each worker of those who watch

// The track on this worker of what is on the air, painted; made when there is none. NULL: what is on the air needs no painting, or cannot
// be shown. Then call hz_picture_air_settle().
struct hz_track *hz_picture_air_track(struct hz_brain *brain, struct hz_consult *consult, unsigned worker);
// Tells mosaic and workers of what was made.
void hz_picture_air_settle(struct hz_brain *brain, struct hz_consult *consult);

// Somebody watches everybody in one picture.
bool hz_picture_composes(const struct hz_consult *consult);

// Who speaks now, loudest first.
void hz_picture_speakers(struct hz_brain *brain, struct hz_consult *consult,
                         const struct hz_participant *const *seen, unsigned count);
// News of a receiver's link: of a slot's step, and the statistics of its peer (also: is one picture to be offered?).
void hz_picture_on_step(struct hz_brain *brain, struct hz_slot *slot);
void hz_picture_on_stats(struct hz_brain *brain, struct hz_peer *peer);

// Codecs that the consult's mosaic takes: bits 1 << enum hz_codec; 0: none is composed.
uint32_t hz_picture_receives(const struct hz_consult *consult);

// Loading: where its relay peers go (NULL: nothing is composed, or no memory); a slot (true: it shows the picture); once
// everything is there.
struct hz_peer **hz_picture_links(struct hz_brain *brain, struct hz_consult *consult);
bool hz_picture_load_slot(struct hz_brain *brain, struct hz_slot *slot);
void hz_picture_repair(struct hz_brain *brain, struct hz_consult *consult);

// Frees memory only (at the end of the process).
void hz_picture_free_memory(struct hz_consult *consult);

#endif

// A consult that lives on several workers: what a slot shows may be a track of another worker. Then there are, made when
// the first slot needs them and ended when none does any more,
//   - a relay peer on each of the two workers (HZ_PEER_RELAY, kind HZ_PEER_LINK, owner NULL, in consult->relays),
//   - on the publisher's worker a pinned subscription for each simulcast layer, in that peer's slots,
//   - on the receiver's worker the track which those feed, in that peer's tracks; `of` names the publisher's track.
// They are media objects like any other: persisted, repeated at a RECONCILE. Who may see what is decided on the
// publisher's track and on the receiver's slot, never here. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_RELAY_H
#define HZ_GATEWAY_SESSION_RELAY_H

#include "gateway/session/model.h"
#include "gateway/store/runtime.h"

// What a slot shows, on whichever worker it is published; NULL: nothing.
struct hz_track *hz_slot_track(struct hz_brain *brain, const struct hz_slot *slot);

// Points it at a track of any worker, NULL: nothing. The caller then calls hz_slot_set(). When a worker has no room for
// the relay, it shows nothing; counted and logged.
void hz_slot_show(struct hz_brain *brain, struct hz_slot *slot, struct hz_track *track);

// A publisher's track was set anew, or is about to go.
void hz_relay_follow(struct hz_brain *brain, const struct hz_track *track);
void hz_relay_end(struct hz_brain *brain, const struct hz_track *track);

// Ends what nobody needs any more. all: whatever anybody needs.
void hz_relay_sweep(struct hz_brain *brain, struct hz_consult *consult, bool all);

// Loading. Rows without a participant: -EINVAL, -EEXIST, -ENOENT, -ENOMEM. repair: once everything is there.
int hz_relay_load(struct hz_brain *brain, struct hz_consult *consult, const struct hz_media_row *row);
void hz_relay_repair(struct hz_brain *brain, struct hz_consult *consult);

// Frees memory only (at the end of the process).
void hz_relay_free_memory(struct hz_consult *consult);

#endif

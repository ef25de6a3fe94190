// Which layers of a publisher's pictures anybody takes, told to that publisher as the `watched` push: an uplink that is
// narrow need not carry small copies that nobody looks at. The whole state of its simulcast tracks on every change, at most
// four times a second, repeated after a resume. What a receiver takes is what it asked for, and less as its link leaves it
// (steps.h); a track that nobody shows is told as taken from the lowest layer on. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_WATCHED_H
#define HZ_GATEWAY_SESSION_WATCHED_H

#include "gateway/session/model.h"

// Something of this may have changed: a slot, a step, who is there.
void hz_watched_mark(struct hz_brain *brain, struct hz_consult *consult);

// Its socket may have missed pushes.
void hz_watched_repeat(struct hz_brain *brain, const struct hz_participant *p);

// The consult goes.
void hz_watched_forget(struct hz_brain *brain, const struct hz_consult *consult);

// Sends what is due. Returns when the next one is (now_us scale), INT64_MAX: none waits.
int64_t hz_watched_due(struct hz_brain *brain);

#endif

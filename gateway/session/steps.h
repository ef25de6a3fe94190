// The ladder: what each receiver's link leaves of the pictures on its slots (HZ_EV_SUB_STATE), told to that receiver as
// the `ladder` push: the whole state, at most four times a second, repeated after a resume. Each step goes into the
// visit's log. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_STEPS_H
#define HZ_GATEWAY_SESSION_STEPS_H

#include "gateway/session/model.h"

// An event of the worker.
void hz_steps_on_state(struct hz_brain *brain, unsigned worker, const struct hz_ev_sub_state *ev);

// The slot shows another track, or none: what was known is over.
void hz_steps_reset(struct hz_slot *slot);

// Its socket may have missed pushes.
void hz_steps_repeat(struct hz_brain *brain, struct hz_participant *p);

// The peer goes: takes it out of what is due.
void hz_steps_forget(struct hz_brain *brain, const struct hz_peer *peer);

// Sends what is due. Returns when the next one is (now_us scale), INT64_MAX: none waits.
int64_t hz_steps_due(struct hz_brain *brain);

const char *hz_step_name(uint8_t step);

#endif

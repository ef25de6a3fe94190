// The encoded streams and which of them a listener hears. The rule of changing over, so that no decoder notices:
//
//  - From the shared stream to one's own: the own one begins as a copy of the shared one, encoder and limiter, in the tick
//    before which the speaker was not yet in the mix. Up to then both are the same bit for bit.
//  - To another language: a copy again, whose weights then move within 200 ms.
//  - Back to a shared stream: when what goes into both has been the same for HZ_STREAMS_SETTLE ticks: then the encoders'
//    states are so near that what is decoded differs by less than what Opus leaves out anyway. If nobody listens to the
//    shared one, it becomes a copy of the own one.
#ifndef HZ_MEDIA_MIX_STREAMS_H
#define HZ_MEDIA_MIX_STREAMS_H

#include "media/mix/state.h"

#define HZ_STREAMS_SETTLE 25u

// The listener will be heard from this tick on: gives it a stream of its own. False: all are taken, later.
bool hz_streams_own(struct hz_mixer *mixer, int member);
// Once a tick, when it is known who is heard: every listener's stream.
void hz_streams_route(struct hz_mixer *mixer);
// Mixes and encodes all that somebody hears.
void hz_streams_encode(struct hz_mixer *mixer, hz_mixer_emit_fn *emit, void *ctx);
int hz_streams_set_up(struct hz_mixer *mixer, struct hz_mix_stream *stream); // 0; -EINVAL

#endif

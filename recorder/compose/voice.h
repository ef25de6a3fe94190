// The sound of one person's source over the whole record, as samples on its clock: 48 kHz stereo, sample n is at n/48000 s.
//
// Where each packet belongs its time says. A recording clock that runs fast or slow is followed by resampling a little; where
// packets are missing, late or repeated by 10 ms or more there is silence, or they are cut. Thread: one.
#ifndef HZ_RECORDER_COMPOSE_VOICE_H
#define HZ_RECORDER_COMPOSE_VOICE_H

#include "recorder/compose/clip.h"
#include "recorder/compose/input.h"

#define HZ_VOICE_HZ 48000

struct hz_voice;

// Files with sound of the participant and source: those with sound alone (alone) or those that have it beside a picture.
int hz_voice_new(const struct hz_input *input, unsigned person, uint8_t source, bool alone,
                 struct hz_voice **ret);    // NULL where there are none
void hz_voice_free(struct hz_voice *voice); // NULL allowed

// Adds samples at..at+count to `stereo`, left and right in turn. at follows on what was read last. -errno as hz_clip_open().
int hz_voice_mix(struct hz_voice *voice, int64_t at, float *stereo, unsigned count,
                 char ret_error[HZ_CLIP_ERROR]);

#endif

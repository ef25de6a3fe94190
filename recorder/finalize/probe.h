// Would a decoder take this? Frames are stored without decoding, which makes finalising fast; but a publisher may send
// anything, and a file that no player opens helps nobody. So a stream is decoded for a while at its begin and after
// everything odd, and one keyframe in ten seconds always. What libavcodec refuses is left out like a lost frame.
//
// The verdicts follow from the frames alone, so both passes come to the same. Thread: one (libav's log is counted there).
#ifndef HZ_RECORDER_FINALIZE_PROBE_H
#define HZ_RECORDER_FINALIZE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_frame;
struct hz_probe;

int hz_probe_new(uint8_t codec, struct hz_probe **ret); // enum hz_codec. -ENOTSUP: no decoder; -ENOMEM
void hz_probe_free(struct hz_probe *probe);             // NULL allowed

// Something was odd: look closely for a while.
void hz_probe_alarm(struct hz_probe *probe);
// In the order of decoding. False: it is refused.
bool hz_probe_frame(struct hz_probe *probe, const struct hz_frame *frame);

#endif

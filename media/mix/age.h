// How long ago what is heard was said: from the sender reports of the voices to those of the mix (RFC 3550 6.4.1), so that a
// receiver plays the sound in step with the composed picture, whose reports say the same of it (media/mosaic/api.h). Times:
// now_us of one clock.
#ifndef HZ_MEDIA_MIX_AGE_H
#define HZ_MEDIA_MIX_AGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp/clockmap.h"

#define HZ_MIX_REPORT_US 1000000 // between two sender reports

// Of one voice.
struct hz_mix_said {
	struct hz_clock_peer clock;
	struct hz_clockmap map;
};

void hz_mix_said_init(struct hz_mix_said *said);
void hz_mix_said_report(struct hz_mix_said *said, uint64_t ntp, uint32_t rtp_ts, int64_t arrival_us);

// Of one room: the mean over the voices in it. Where it hears nobody it stays as it was.
struct hz_mix_age {
	int64_t us, sum_us, voices;
	bool known;
};

void hz_mix_age_add(struct hz_mix_age *age, const struct hz_mix_said *said, uint32_t rtp_ts, int64_t now_us);
bool hz_mix_age_settle(
    struct hz_mix_age *age); // after all voices of this moment; false: nothing is known yet

#define HZ_MIX_REPORT_BYTES 28u // a sender report without blocks
// rtp_ts: of what is heard at wall_us. The report names that moment, as every sender's does, and the timestamp of what is said then, which
// is heard when it is as old as the age: a reader that takes the quickest report's way for none must not take off an age with it. sent:
// packets, octets so far. Returns the bytes written.
size_t hz_mix_age_write(const struct hz_mix_age *age, uint32_t ssrc, uint32_t rtp_ts, int64_t wall_us,
                        const uint32_t sent[2], uint8_t ret[HZ_MIX_REPORT_BYTES]);

#endif

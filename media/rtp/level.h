// Who speaks: smoothed loudness from RFC 6464 audio levels with hysteresis, and the loudest N of many.
// A source speaks after about 0.4 s of speech (a cough does not count) and stops about 0.7 s after it fell silent or
// stopped sending. Plain data, no pointers. Thread: its worker's.
#ifndef HZ_MEDIA_RTP_LEVEL_H
#define HZ_MEDIA_RTP_LEVEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_level {
	int64_t at_us;        // of the last update; 0 none
	uint32_t activity;    // share of recent time with speech, 0..65536
	uint32_t loudness_q8; // 127 - dBov of the speech, smoothed, * 256
	uint8_t speaking;
	uint8_t rank; // at the last hz_level_select(): 1 loudest .. ; 0 not chosen
	uint16_t reserved[3];
};

void hz_level_init(struct hz_level *level);

// One packet's level: 0 loudest .. 127 silence. Any cadence.
void hz_level_update(struct hz_level *level, uint8_t dbov, bool voice, int64_t now_us);

// 0: does not speak now. Else higher is louder. Silence since the last update is taken into account.
uint32_t hz_level_score(const struct hz_level *level, int64_t now_us);

// Indices of the loudest `max` (at most 64) speakers of levels[0..count) into ret_index, loudest first; returns how many.
// Those chosen before keep their place unless another is clearly louder. Sets `rank` of all.
size_t hz_level_select(struct hz_level *const *levels, size_t count, int64_t now_us, uint32_t *ret_index,
                       size_t max);

#endif

// Keeps a mix under a ceiling without clipping: looks one block ahead and turns the gain in straight lines. The ceiling
// holds for every sample. Adds HZ_LIMITER_BLOCK samples of delay. No allocation; a plain struct that may be copied.
#ifndef HZ_MEDIA_MIX_LIMITER_H
#define HZ_MEDIA_MIX_LIMITER_H

#include <stddef.h>

#define HZ_LIMITER_BLOCK   240u  // 5 ms of 48 kHz
#define HZ_LIMITER_CEILING 0.75f // -2.5 dB of full scale: what Opus overshoots by

struct hz_limiter {
	float ahead[HZ_LIMITER_BLOCK]; // came in, not yet out
	float bound;                   // the gain that `ahead` allows
	float gain;                    // at the end of the last block that went out
};

void hz_limiter_init(struct hz_limiter *limiter);
// In place. samples: a multiple of HZ_LIMITER_BLOCK.
void hz_limiter_run(struct hz_limiter *limiter, float *pcm, size_t samples);

#endif

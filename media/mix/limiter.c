#include "media/mix/limiter.h"

#include <assert.h>
#include <string.h>

#define RELEASE 1.0116f // a block: 20 dB/s

void hz_limiter_init(struct hz_limiter *limiter)
{
	memset(limiter, 0, sizeof(*limiter));
	limiter->bound = limiter->gain = 1;
}

static float bound_of(const float *pcm)
{
	float peak = HZ_LIMITER_CEILING;
	for (size_t i = 0; i < HZ_LIMITER_BLOCK; i++) {
		float a = pcm[i] < 0 ? -pcm[i] : pcm[i];
		peak = a > peak ? a : peak;
	}
	return HZ_LIMITER_CEILING / peak;
}

// The gain at each seam of two blocks satisfies both, so the line between two seams satisfies its block.
void hz_limiter_run(struct hz_limiter *limiter, float *pcm, size_t samples)
{
	float in[HZ_LIMITER_BLOCK];
	assert(samples % HZ_LIMITER_BLOCK == 0);
	for (size_t at = 0; at < samples; at += HZ_LIMITER_BLOCK) {
		float *out = pcm + at;
		memcpy(in, out, sizeof(in));
		float next = bound_of(in), to = limiter->gain * RELEASE;
		to = to < 1 ? to : 1;
		to = to < limiter->bound ? to : limiter->bound;
		to = to < next ? to : next;
		float from = limiter->gain, step = (to - from) / HZ_LIMITER_BLOCK;
		for (int i = 0; i < (int)HZ_LIMITER_BLOCK; i++)
			out[i] = limiter->ahead[i] * (from + step * (float)(i + 1));
		memcpy(limiter->ahead, in, sizeof(in));
		limiter->bound = next;
		limiter->gain = to;
	}
}

#include "recorder/compose/limit.h"

#include <math.h>
#include <string.h>

#define RELEASE 1.0233f // a block: 0.2 dB

void hz_limit_init(struct hz_limit *limit)
{
	memset(limit, 0, sizeof(*limit));
	limit->held_gain = limit->gain = 1;
}

static float lower(float a, float b)
{
	return a < b ? a : b;
}

void hz_limit_block(struct hz_limit *limit, float *samples)
{
	float out[2 * HZ_LIMIT_BLOCK], peak = 0;
	for (unsigned i = 0; i < 2 * HZ_LIMIT_BLOCK; i++) {
		if (!isfinite(samples[i]))
			samples[i] = 0;
		peak = fmaxf(peak, fabsf(samples[i]));
	}
	float needs = peak > HZ_LIMIT_PEAK ? HZ_LIMIT_PEAK / peak : 1;
	// between two blocks the gain suits both; inside of one it goes straight from border to border
	float end = lower(lower(limit->held_gain, needs), lower(limit->gain * RELEASE, 1));
	for (unsigned i = 0; i < HZ_LIMIT_BLOCK; i++) {
		float g = limit->gain + (end - limit->gain) * (float)(i + 1) / HZ_LIMIT_BLOCK;
		out[2 * i] = limit->held[2 * i] * g;
		out[2 * i + 1] = limit->held[2 * i + 1] * g;
	}
	memcpy(limit->held, samples, sizeof(limit->held));
	memcpy(samples, out, sizeof(out));
	limit->held_gain = needs;
	limit->gain = end;
}

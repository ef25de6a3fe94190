#include "media/cc/rate.h"

#include <string.h>

static int64_t step_of(int64_t at_us)
{
	int64_t step = at_us / HZ_CC_RATE_STEP_US;
	return at_us < step * HZ_CC_RATE_STEP_US ? step - 1 : step; // a receiver's clock may be negative
}

static uint32_t *bucket(struct hz_cc_rate *r, int64_t step)
{
	int64_t i = step % HZ_CC_RATE_STEPS;
	return &r->bytes[i < 0 ? i + HZ_CC_RATE_STEPS : i];
}

void hz_cc_rate_add(struct hz_cc_rate *r, size_t bytes, int64_t at_us)
{
	int64_t step = step_of(at_us);
	if (!r->started || step - r->step >= 4 * HZ_CC_RATE_STEPS ||
	    r->step - step >= 40 * HZ_CC_RATE_STEPS) {
		memset(r, 0, sizeof(*r));
		r->started = 1;
		r->step = r->first = step;
	}
	for (; r->step < step;)
		*bucket(r, ++r->step) = 0;
	if (step <= r->step - HZ_CC_RATE_STEPS)
		return;
	if (step < r->first)
		r->first = step;
	uint32_t *b = bucket(r, step);
	*b = bytes < UINT32_MAX - *b ? *b + (uint32_t)bytes : UINT32_MAX;
}

uint32_t hz_cc_rate_bps(const struct hz_cc_rate *r)
{
	uint64_t sum = 0;
	int64_t from = r->step - HZ_CC_RATE_STEPS + 1;
	if (from < r->first)
		from = r->first;
	int64_t steps = r->step - from; // the newest one is not whole
	if (!r->started || steps < 3)
		return 0;
	for (int64_t s = from; s < r->step; s++)
		sum += *bucket((struct hz_cc_rate *)r, s);
	uint64_t bps = sum * 8 * 1000000 / (uint64_t)(steps * HZ_CC_RATE_STEP_US);
	return bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bps;
}

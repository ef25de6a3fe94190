#include "media/rtp/remb.h"

static uint32_t bound(uint64_t bps)
{
	if (bps < HZ_REMB_MIN_BPS)
		return HZ_REMB_MIN_BPS;
	return bps > HZ_REMB_MAX_BPS ? HZ_REMB_MAX_BPS : (uint32_t)bps;
}

uint32_t hz_remb_fall(uint32_t *back_bps, uint32_t bps, uint32_t permille)
{
	if (permille <= 500)
		*back_bps /= 2;
	else if (*back_bps < bps)
		*back_bps = bps;
	return (uint32_t)((uint64_t)bps * (2000 - (permille > 1000 ? 1000 : permille)) / 2000);
}

uint32_t hz_remb_rise(uint32_t back_bps, uint32_t bps, uint32_t permille)
{
	uint32_t back = back_bps / 4 * 3;
	if (bps < back)
		return (uint64_t)bps * 13 / 10 + 1000 < back ? (uint32_t)((uint64_t)bps * 13 / 10 + 1000)
		                                             : back;
	return permille < 20 ? bound((uint64_t)bps + bps / 100 * 8 + 1000) : bps;
}

// No further than half above what arrived: an idle source proves nothing.
static uint64_t grow(const struct hz_remb *r, uint32_t bps, uint64_t arrived, uint32_t permille)
{
	uint64_t next = hz_remb_rise(r->back_bps, bps, permille);
	uint64_t limit = arrived + arrived / 2 + 50000;
	if (next > limit)
		next = limit;
	return next > bps ? next : bps;
}

uint32_t hz_remb_step(struct hz_remb *r, const struct hz_remb_in *in, int64_t now_us)
{
	int64_t past_us = now_us - r->at_us;
	struct hz_remb before = *r;
	if (r->at_us && past_us < 500000)
		return r->bps;
	r->at_us = now_us;
	r->bytes = in->bytes;
	r->expected = in->expected;
	r->lost = in->lost;
	if (!before.at_us || in->bytes < before.bytes)
		return r->bps;
	uint64_t arrived = (in->bytes - before.bytes) * 8 * 1000000 / (uint64_t)past_us;
	int64_t expected = in->expected - before.expected, lost = in->lost - before.lost;
	uint32_t permille = expected > 0 && lost > 0 ? (uint32_t)(lost * 1000 / expected) : 0;
	uint32_t bps = before.bps ? before.bps : bound(2 * arrived);
	if (!before.bps && bps < HZ_REMB_START_BPS)
		bps = HZ_REMB_START_BPS;
	if (permille > 1000)
		permille = 1000;
	if (permille > 100) {
		uint64_t most = arrived * (2000 - permille) / 2000;
		bps = hz_remb_fall(&r->back_bps, bps, permille);
		bps = most < bps ? (uint32_t)most : bps;
	} else {
		bps = bound(grow(r, bps, arrived, permille));
	}
	r->bps = bound(bps);
	return r->bps;
}

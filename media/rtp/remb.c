#include "media/rtp/remb.h"

static uint32_t bound(uint64_t bps)
{
	if (bps < HZ_REMB_MIN_BPS)
		return HZ_REMB_MIN_BPS;
	return bps > HZ_REMB_MAX_BPS ? HZ_REMB_MAX_BPS : (uint32_t)bps;
}

// 8 % and a little a second, but no further than half above what arrived: an idle source proves nothing.
static uint64_t grow(uint64_t bps, uint64_t arrived)
{
	uint64_t next = bps + bps * 8 / 100 + 1000;
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
	uint64_t permille = expected > 0 && lost > 0 ? (uint64_t)(lost * 1000 / expected) : 0;
	uint64_t bps = before.bps ? before.bps : bound(2 * arrived);
	if (!before.bps && bps < HZ_REMB_START_BPS)
		bps = HZ_REMB_START_BPS;
	if (permille > 1000)
		permille = 1000;
	if (permille > 100)
		bps = (arrived < bps ? arrived : bps) * (2000 - permille) / 2000;
	else if (permille < 20)
		bps = grow(bps, arrived);
	r->bps = bound(bps);
	return r->bps;
}

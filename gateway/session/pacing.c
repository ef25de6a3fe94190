#include "gateway/session/pacing.h"

#include "signaling/server/pace.h"

#define UNKNOWN_BPS  300000
#define LOST_PERCENT 2

uint32_t hz_pacing_of(uint32_t estimate_bps, uint32_t down_bps)
{
	if (estimate_bps == 0)
		return UNKNOWN_BPS;
	uint32_t left = estimate_bps > down_bps ? estimate_bps - down_bps : 0;
	left = (uint32_t)((uint64_t)left * 65 / 100);
	return left > HZ_PACE_LEAST_BPS ? left : HZ_PACE_LEAST_BPS;
}

static void bound(struct hz_participant *p)
{
	uint64_t down_bps = 0;
	uint32_t estimate_bps = 0;
	bool calls = false;
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		calls = calls || peer->state == HZ_PEER_CONNECTED;
		down_bps += peer->stats.down_bps;
		if (peer->stats.estimate_bps > estimate_bps)
			estimate_bps = peer->stats.estimate_bps;
	}
	uint32_t down = down_bps > UINT32_MAX ? UINT32_MAX : (uint32_t)down_bps;
	hz_pace_bound(p->pace, calls ? hz_pacing_of(estimate_bps, down) : 0);
}

void hz_pacing_update(struct hz_participant *p, const struct hz_peer *told)
{
	if (!p->pace)
		return;
	bound(p);
	if ((uint64_t)told->stats.down_lost * 100 > (uint64_t)told->stats.down_packets * LOST_PERCENT)
		hz_pace_lost(p->pace);
}

void hz_pacing_answer(struct hz_participant *p, struct hz_response *res)
{
	if (!p->pace && !(p->pace = hz_pace_new()))
		return;
	bound(p);
	hz_response_pace(res, p->pace);
}

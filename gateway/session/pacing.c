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

void hz_pacing_update(struct hz_participant *p)
{
	uint64_t down_bps = 0, packets = 0, lost = 0;
	uint32_t estimate_bps = 0;
	bool calls = false;
	if (!p->pace)
		return;
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		calls = calls || peer->state == HZ_PEER_CONNECTED;
		down_bps += peer->stats.down_bps;
		packets += peer->stats.down_packets;
		lost += peer->stats.down_lost;
		if (peer->stats.estimate_bps > estimate_bps)
			estimate_bps = peer->stats.estimate_bps;
	}
	uint32_t down = down_bps > UINT32_MAX ? UINT32_MAX : (uint32_t)down_bps;
	hz_pace_bound(p->pace, calls ? hz_pacing_of(estimate_bps, down) : 0);
	if (lost * 100 > packets * LOST_PERCENT)
		hz_pace_lost(p->pace);
}

void hz_pacing_answer(struct hz_participant *p, struct hz_response *res)
{
	if (!p->pace && !(p->pace = hz_pace_new()))
		return;
	hz_pacing_update(p);
	hz_response_pace(res, p->pace);
}

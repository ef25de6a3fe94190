#include "gateway/session/pacing.h"

#include "gateway/session/objects.h"
#include "signaling/server/pace.h"

#define UNKNOWN_BPS  300000
#define LOST_PERCENT 2
#define WISH_US      400000  // a share is wished for so often, while there is something to send,
#define WISH_FOR_MS  2500    // and for so long each time
#define SHARE_US     3000000 // without a word of it there is none any more
#define HOLD_US      1000000 // images wait so long for it, at most
#define BUSY_US      1000000

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

// --- a share of its link

// Repeated while there is something to send; it runs out by itself. true: there is a worker that can give one.
static bool wish(struct hz_brain *brain, struct hz_participant *p)
{
	bool any = false, again = brain->now_us - p->share_asked_us >= WISH_US;
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		if (peer->state != HZ_PEER_CONNECTED || !peer->stats.estimate_bps)
			continue;
		struct hz_cmd_peer_share cmd = {.peer = peer->id, .for_ms = WISH_FOR_MS};
		any = true;
		if (again)
			hz_objects_tell(brain, peer->worker, &cmd.h, HZ_CMD_PEER_SHARE, sizeof(cmd));
	}
	if (any && again)
		p->share_asked_us = brain->now_us;
	return any;
}

// Nobody confirms it any more: its worker is another one, or it ran out.
static void forget(struct hz_brain *brain, struct hz_participant *p)
{
	if (brain->now_us - p->share_us <= SHARE_US)
		return;
	p->share_us = 0;
	hz_pace_share(p->pace, 0);
}

static bool busy(const struct hz_brain *brain, const struct hz_participant *p)
{
	return brain->now_us - hz_pace_asked_us(p->pace) < BUSY_US;
}

void hz_pacing_share(struct hz_brain *brain, unsigned worker, const struct hz_ev_peer_share *ev)
{
	struct hz_peer *peer = hz_peer_by_id(brain, worker, ev->peer);
	struct hz_participant *p = peer ? peer->owner : NULL;
	if (!p || !p->pace)
		return;
	p->share_us = brain->now_us;
	hz_pace_hold(p->pace, 0);
	hz_pace_share(p->pace, ev->bps > HZ_PACE_LEAST_BPS ? ev->bps : HZ_PACE_LEAST_BPS);
	if (busy(brain, p))
		wish(brain, p);
}

void hz_pacing_update(struct hz_brain *brain, struct hz_participant *p, const struct hz_peer *told)
{
	if (!p->pace)
		return;
	bound(p);
	forget(brain, p);
	if (busy(brain, p))
		wish(brain, p);
	if ((uint64_t)told->stats.down_lost * 100 > (uint64_t)told->stats.down_packets * LOST_PERCENT)
		hz_pace_lost(p->pace);
}

void hz_pacing_answer(struct hz_brain *brain, struct hz_participant *p, struct hz_response *res)
{
	if (!p->pace && !(p->pace = hz_pace_new()))
		return;
	bound(p);
	forget(brain, p);
	// The first one of a series waits, and the others with it; nobody waits in the midst of it, whatever became of the worker.
	bool begins = brain->now_us - hz_pace_asked_us(p->pace) > SHARE_US &&
	              brain->now_us - p->share_asked_us > HOLD_US;
	if (wish(brain, p) && !p->share_us && begins)
		hz_pace_hold(p->pace, brain->now_us + HOLD_US);
	hz_response_pace(res, p->pace);
}

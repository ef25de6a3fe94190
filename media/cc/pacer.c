#include "media/cc/pacer.h"

#define ALWAYS_BPS    4000000u // from here on a keyframe's burst is the network's business
#define NARROWEST_BPS 150000u
#define NARROW_BPS    500000u
#define PACKET        1500

void hz_pacer_set(struct hz_pacer *p, uint32_t target_bps, uint32_t sending_bps, int64_t now_us)
{
	// On a narrow link a single picture is a queue. Further up only near the limit; on a little sooner than off.
	uint64_t far = (uint64_t)sending_bps * (p->on ? 115 : 100) / 100;
	bool on = target_bps < NARROW_BPS || (target_bps < ALWAYS_BPS && target_bps < far);
	if (on && !p->on) {
		p->budget_bytes = PACKET;
		p->at_us = now_us;
	}
	p->on = on;
	// A little more than the target: what waits here waits for nothing there. On the narrowest a little less: a packet
	// too much is a gap in the sound.
	int64_t part = target_bps < NARROWEST_BPS ? -(int64_t)(target_bps / 20) : target_bps / 10;
	p->bps = target_bps < UINT32_MAX / 2 ? (uint32_t)(target_bps + part) : target_bps;
}

static void refill(struct hz_pacer *p, int64_t now_us)
{
	int64_t gone = now_us - p->at_us;
	int64_t most = (int64_t)p->bps * HZ_PACER_BURST_US / 8000000;
	if (gone <= 0)
		return;
	if (gone > 1000000)
		gone = 1000000;
	p->budget_bytes += (int64_t)p->bps * gone / 8000000;
	p->at_us = now_us;
	if (most < PACKET)
		most = PACKET;
	if (p->budget_bytes > most)
		p->budget_bytes = most;
}

bool hz_pacer_may(struct hz_pacer *p, int64_t now_us)
{
	if (!p->on)
		return true;
	refill(p, now_us);
	// Where one packet is a burst, audio gets its turn after each.
	int64_t least = (int64_t)p->bps * HZ_PACER_BURST_US / 8000000 < PACKET ? PACKET - 300 : 1;
	return p->budget_bytes >= least;
}

void hz_pacer_spend(struct hz_pacer *p, size_t wire_bytes)
{
	if (!p->on)
		return;
	// Bounded: a burst of repairs does not silence video for longer than this.
	int64_t least = -(int64_t)p->bps * HZ_PACER_DEBT_US / 8000000;
	p->budget_bytes -= (int64_t)wire_bytes;
	if (p->budget_bytes < least - PACKET)
		p->budget_bytes = least - PACKET;
}

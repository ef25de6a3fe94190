#include <stdlib.h>

#include "media/router/congestion.h"
#include "media/router/state.h"

unsigned hz_repeat_wanted(struct hz_router *r, uint32_t slot)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	c->loss_x16 += hz_cc_loss_permille(c->cc) - c->loss_x16 / 16;
	uint32_t rtt_us = hz_congestion_rtt_us(r, slot);
	uint32_t loss = c->loss_x16 / 16;
	unsigned wanted = 0;
	if (c->repeats_wanted) // not to and fro at the edge
		loss += loss / 4;
	if (rtt_us >= HZ_REPEAT_RTT_US && loss >= HZ_REPEAT_LOSS && !hz_cc_outage(c->cc))
		wanted = loss >= 2 * HZ_REPEAT_LOSS ? 2 : 1;
	c->repeats_wanted = (uint8_t)wanted;
	return wanted;
}

void hz_repeat_decide(struct hz_router *r, uint32_t slot, uint64_t video_bps, uint64_t room_bps)
{
	struct hz_rt_peer *p = &r->peer[slot];
	struct hz_rt_congestion *c = p->congestion;
	unsigned copies = 0;
	// A queue says that the room is not there, whatever was estimated.
	bool free = hz_cc_measured(c->cc) && hz_cc_queue_us(c->cc) < 60000 && !p->paced;
	while (free && copies < c->repeats_wanted && video_bps &&
	       room_bps >= video_bps * (copies + 2) + (copies >= p->repeats ? video_bps / 4 : 0))
		copies++;
	p->repeats = (uint8_t)copies;
}

static struct hz_repeat *at(struct hz_rt_congestion *c, unsigned i)
{
	return &c->repeat[(c->repeat_head + i) % HZ_REPEAT_SLOTS];
}

void hz_repeat_note(struct hz_router *r, uint32_t sub, uint64_t index, unsigned copies, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[r->sub[sub].peer].congestion;
	if (c && !c->repeat)
		c->repeat = calloc(HZ_REPEAT_SLOTS, sizeof(*c->repeat));
	if (!c || !c->repeat || c->repeat_count == HZ_REPEAT_SLOTS)
		return; // whoever misses it asks
	*at(c, c->repeat_count++) = (struct hz_repeat){
	    .at_us = now_us + HZ_REPEAT_US, .index = index, .sub = (uint16_t)sub, .more = (uint8_t)copies};
}

void hz_repeat_due(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	while (c->repeat_count && at(c, 0)->at_us <= now_us) {
		struct hz_repeat q = *at(c, 0);
		c->repeat_head = (uint16_t)((c->repeat_head + 1) % HZ_REPEAT_SLOTS);
		c->repeat_count--;
		bool there = r->arena->sub[q.sub].id && r->sub[q.sub].peer == slot;
		if (there && hz_resend_again(r, q.sub, q.index, true, now_us) && q.more > 1)
			hz_repeat_note(r, q.sub, q.index, q.more - 1u, now_us);
	}
}

// The estimator of each receiving peer: making it, feeding it, its clock.
#include "media/router/congestion.h"

#include <stdlib.h>

#include "media/router/state.h"

static bool has_video(const struct hz_router *r, uint32_t slot)
{
	for (uint16_t s = r->peer[slot].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_peer)
		if (hz_arena_sub_set(&r->arena->sub[s])->kind == HZ_KIND_VIDEO)
			return true;
	return false;
}

static struct hz_rt_congestion *make(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	if (p->congestion || !has_video(r, slot))
		return p->congestion;
	struct hz_rt_congestion *c = calloc(1, sizeof(*c));
	if (!c || hz_cc_new(now_us, &c->cc)) {
		free(c);
		return NULL; // without memory it gets everything, as before
	}
	c->allot_us = now_us;
	p->congestion = c;
	return c;
}

void hz_congestion_free(struct hz_router *r, uint32_t slot)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	if (!c)
		return;
	hz_cc_free(c->cc);
	while (c->kept) {
		struct hz_kept *next = c->kept->next;
		free(c->kept);
		c->kept = next;
	}
	free(c->pace);
	free(c->repeat);
	free(c);
	r->peer[slot].congestion = NULL;
	r->peer[slot].paced = r->peer[slot].repeats = 0;
}

void hz_congestion_sent(struct hz_router *r, uint32_t slot, uint16_t seq, size_t bytes, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	struct hz_rt_congestion *c = p->congestion;
	if (!c) {
		if (p->no_video)
			return;
		c = make(r, slot, now_us);
		p->no_video = !c; // until its subscriptions change
		if (!c)
			return;
	}
	size_t wire = bytes + HZ_CC_OVERHEAD_BYTES;
	c->bytes += wire;
	hz_pacer_spend(&c->pacer, wire);
	hz_cc_on_sent(c->cc, seq, wire, c->probing, now_us);
}

void hz_congestion_feedback(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet,
                            int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	if (!c)
		return;
	if (!r->scratch)
		r->scratch = malloc(sizeof(*r->scratch));
	if (!r->scratch)
		return;
	uint32_t before = hz_cc_target_bps(c->cc);
	c->look = 1;
	int err = hz_cc_on_feedback(c->cc, packet, r->scratch, now_us);
	if (err)
		r->arena->counters.rtcp_bad++;
	// A fall, and a network that came back, are not left waiting for the next round.
	if (hz_cc_target_bps(c->cc) < before / 10 * 8 || hz_cc_take_return(c->cc)) {
		if (hz_cc_target_bps(c->cc) >= before / 10 * 8)
			c->urgent_us = now_us + HZ_URGENT_US;
		c->allot_us = now_us;
	}
}

void hz_congestion_remb(struct hz_router *r, uint32_t slot, uint64_t bps, int64_t now_us)
{
	struct hz_rt_congestion *c = make(r, slot, now_us);
	if (c)
		hz_cc_on_remb(c->cc, bps, now_us);
}

void hz_congestion_report(struct hz_router *r, uint32_t slot, uint8_t fraction_lost, int64_t now_us)
{
	if (r->peer[slot].congestion)
		hz_cc_on_report(r->peer[slot].congestion->cc, fraction_lost, now_us);
}

void hz_congestion_path(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	if (!c)
		return;
	hz_cc_on_path(c->cc, now_us);
	(void)hz_cc_take_return(c->cc);
	c->urgent_us = now_us + HZ_URGENT_US;
	c->allot_us = now_us;
	// What went the old way is lost: pictures begin anew, before the receiver has noticed.
	for (uint16_t s = r->peer[slot].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_peer)
		if (r->sub[s].track != HZ_NO_SLOT)
			hz_keyframe_want(r, r->sub[s].track, r->sub[s].target);
}

void hz_congestion_tick(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	if (!c || !r->peer[slot].live)
		return;
	if (now_us >= c->allot_us) {
		hz_cc_tick(c->cc, now_us);
		hz_cc_set_blind(c->cc, !hz_probe_may(r, slot));
		hz_allot(r, slot, now_us);
		c->allot_us = now_us + HZ_ALLOT_US;
		c->look = 1;
	}
	if (c->pace_count)
		hz_pace_drain(r, slot, now_us);
	if (c->repeat_count)
		hz_repeat_due(r, slot, now_us);
	if (c->look)
		c->look = hz_probe_send(r, slot, now_us);
}

uint32_t hz_congestion_rtt_us(const struct hz_router *r, uint32_t slot)
{
	const struct hz_rt_peer *p = &r->peer[slot];
	return p->rtt_us || !p->congestion ? p->rtt_us : hz_cc_rtt_us(p->congestion->cc);
}

uint32_t hz_congestion_resend_bps(const struct hz_router *r, uint32_t slot)
{
	const struct hz_rt_congestion *c = r->peer[slot].congestion;
	if (!c || !hz_cc_estimate_bps(c->cc))
		return HZ_RESEND_BPS;
	uint32_t bps = hz_cc_target_bps(c->cc);
	// A third of the link: enough for a loss of a fifth, lost again; the least is a packet or two a second.
	return bps / 3 < 20000 ? 20000 : bps / 3;
}

#include "media/router/congestion.h"
#include "media/router/state.h"

// One repair: asked for when the next packet shows the gap, and back a round trip later.
static uint32_t repair_us(uint32_t loss_permille, uint32_t rtt_us)
{
	if (loss_permille < HZ_PLAYOUT_LOSS || rtt_us < HZ_PLAYOUT_RTT_US)
		return 0;
	return rtt_us + rtt_us / 8 + HZ_PLAYOUT_MARGIN_US;
}

// A peer that only publishes sends no reports: what repairs took tells the distance.
static uint32_t up_rtt_us(const struct hz_router *r, const struct hz_rt_track *t, const struct hz_rt_layer *l)
{
	if (!r->peer[t->peer].rtt_us && l->stream && l->stream->nack.rtt_us)
		return l->stream->nack.rtt_us;
	return hz_congestion_rtt_us(r, t->peer);
}

static uint32_t wanted_us(const struct hz_router *r, uint32_t slot, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_rt_peer *p = &r->peer[slot];
	const struct hz_rt_track *t = &r->track[s->track];
	const struct hz_rt_layer *l = &t->layer[s->target];
	uint32_t up_us = repair_us(l->late_x4 / 4, up_rtt_us(r, t, l));
	uint32_t down_us = repair_us(p->congestion->loss_x16 / 16, hz_congestion_rtt_us(r, slot));
	if (down_us && p->repeats)
		down_us = HZ_REPEAT_US * p->repeats + HZ_PLAYOUT_MARGIN_US;
	uint32_t us = up_us + down_us;
	return us < HZ_PLAYOUT_MAX_US ? us : HZ_PLAYOUT_MAX_US;
}

// So long must it have been too long: a way that is shorter shows it soon, a while without losses proves little.
static int64_t keep_us(const struct hz_router *r, uint32_t slot, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	bool loses = r->track[s->track].layer[s->target].late_x4 / 4 >= HZ_PLAYOUT_LOSS ||
	             r->peer[slot].congestion->loss_x16 / 16 >= HZ_PLAYOUT_LOSS;
	return loses ? HZ_PLAYOUT_KEEP_US : HZ_PLAYOUT_QUIET_US;
}

// Up at once; down when it was too long for a while: each change is seen.
void hz_playout(struct hz_router *r, uint32_t slot, uint32_t sub, int64_t now_us)
{
	struct hz_rt_sub *s = &r->sub[sub];
	struct hz_rt_sub_cc *sc = &r->sub_cc[sub];
	if (!hz_arena_sub_set(&r->arena->sub[sub])->ext.playout_delay)
		return;
	uint32_t want_us = wanted_us(r, slot, sub), now_10ms = s->playout_told ? s->playout_10ms : 0;
	bool more = want_us / 10000 > now_10ms + now_10ms / 8, less = want_us / 10000 < now_10ms * 3 / 4;
	if (!less)
		sc->hold_us = now_us;
	if (!more && !(less && now_us - sc->hold_us > keep_us(r, slot, sub)))
		return;
	sc->hold_us = now_us;
	s->playout_told = 1;
	s->playout_10ms = (uint16_t)(want_us / 10000);
	hz_sub_template(r, sub);
}

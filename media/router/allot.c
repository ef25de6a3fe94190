// Rounds of the ladder for one peer: what its link carries, less audio and repairs, is shared among its video slots;
// the result goes to layers.h and, when it changed, to control.
#include <string.h>

#include "media/router/congestion.h"
#include "media/router/state.h"

#define SMOOTH_US 1500000
#define DETAIL_US                                                                                            \
	4500000 // of details, upward: the large keyframe of each still is not what they cost in motion

static const struct hz_layers everything = {
    .layer = HZ_MAX_LAYERS - 1, .spatial = HZ_LAYERS_ALL, .temporal = HZ_LAYERS_ALL};

// --- what things cost

static void smooth(struct hz_rt_track_cc *t, const struct hz_layers_rates *now, bool detail, int64_t past_us)
{
	const uint32_t *from = &now->bps[0][0][0];
	uint32_t *to = &t->rates.bps[0][0][0];
	if (past_us > SMOOTH_US)
		past_us = SMOOTH_US;
	for (unsigned i = 0; i < sizeof(now->bps) / sizeof(now->bps[0][0][0]); i++) {
		int64_t gap = (int64_t)from[i] - to[i];
		int64_t smooth_us = detail && gap > 0 ? DETAIL_US : SMOOTH_US;
		to[i] = to[i] && from[i] ? (uint32_t)(to[i] + gap * past_us / smooth_us) : from[i];
	}
	memcpy(t->rates.spatial, now->spatial, sizeof(now->spatial));
	memcpy(t->rates.temporal, now->temporal, sizeof(now->temporal));
	t->rates.alive = now->alive;
	t->rates.count = now->count;
}

static const struct hz_layers_rates *rates_of(struct hz_router *r, uint32_t track, int64_t now_us)
{
	struct hz_rt_track_cc *t = &r->track_cc[track];
	struct hz_layers_rates now;
	hz_id id = r->arena->track[track].id;
	if (t->track == id && now_us - t->at_us < HZ_ALLOT_US / 2)
		return &t->rates; // another receiver asked just now
	hz_layers_rates(r, track, &now);
	if (t->track != id)
		memset(t, 0, sizeof(*t));
	t->track = id;
	bool detail = hz_arena_track_set(&r->arena->track[track])->flags & HZ_TRACK_DETAIL;
	smooth(t, &now, detail, now_us - t->at_us);
	t->at_us = now_us;
	return &t->rates;
}

// Headers of the network and tags: about thirty packets a second at least, and one for every 1,200 bytes.
static uint32_t wire(uint32_t bps)
{
	uint64_t more = bps ? (uint64_t)bps + bps / 25 + 6000 : 0;
	return more > UINT32_MAX ? UINT32_MAX : (uint32_t)more;
}

static void add_option(struct hz_ladder_wish *w, uint32_t bps, const struct hz_layers *at)
{
	if (w->options == HZ_LADDER_MAX_OPTIONS)
		return;
	w->option[w->options++] = (struct hz_ladder_option){
	    .bps = wire(bps), .layer = at->layer, .spatial = at->spatial, .temporal = at->temporal};
}

// All frame rates of the lowest picture size; of larger ones the full one and the one below. For details (screen,
// ultrasound) every frame rate of the larger sizes and only the full one of the lower: size goes before smoothness.
static void add_temporal(struct hz_ladder_wish *w, const struct hz_layers_rates *rates, struct hz_layers at,
                         bool lowest, bool detail)
{
	unsigned row = at.spatial < HZ_LAYERS_SPATIAL ? at.spatial : HZ_LAYERS_SPATIAL - 1u;
	unsigned top = rates->temporal[at.layer];
	unsigned from = top;
	if (lowest != detail)
		from = 0;
	else if (!detail && top)
		from = top - 1;
	for (unsigned t = from; t <= top; t++) {
		at.temporal = t == top ? HZ_LAYERS_ALL : (uint8_t)t;
		add_option(w, rates->bps[at.layer][row][t], &at);
	}
}

static void options_of(struct hz_router *r, uint32_t sub, struct hz_ladder_wish *w, int64_t now_us)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[sub]);
	const struct hz_layers_rates *rates = rates_of(r, s->track, now_us);
	bool detail = hz_arena_track_set(&r->arena->track[s->track])->flags & HZ_TRACK_DETAIL;
	bool lowest = true;
	for (unsigned l = 0; l < HZ_MAX_LAYERS; l++) {
		if (!(rates->alive & 1u << l) || (l > set->max_layer && w->options))
			continue;
		bool simulcast = rates->count > 1;
		for (unsigned q = simulcast ? rates->spatial[l] : 0; q <= rates->spatial[l]; q++) {
			struct hz_layers at = {.layer = (uint8_t)l, .spatial = (uint8_t)q};
			if (q == rates->spatial[l])
				at.spatial = HZ_LAYERS_ALL;
			add_temporal(w, rates, at, lowest, detail);
			lowest = false;
		}
	}
}

static uint32_t audio_bps(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	uint64_t sum = 0;
	for (uint16_t s = r->peer[slot].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_peer) {
		const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[s]);
		if (set->kind != HZ_KIND_AUDIO || r->sub[s].track == HZ_NO_SLOT ||
		    set->flags & HZ_SUB_PAUSED || hz_sub_held(r, s, now_us))
			continue;
		uint32_t bps = rates_of(r, r->sub[s].track, now_us)->bps[0][0][0];
		// Fifty packets a second while somebody speaks, a few in silence.
		sum += bps > 12000 ? bps + 50ull * 8 * HZ_CC_OVERHEAD_BYTES : 2ull * bps;
	}
	return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

// --- what comes of it

static void cut(struct hz_router *r, uint32_t slot, uint32_t sub, const struct hz_layers *want,
                int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	struct hz_layers now;
	// The larger stream would run on until the smaller one's keyframe comes, into a link that cannot take it, and
	// audio would wait behind it.
	if (want->flow != HZ_FLOW_ALL || !hz_layers_now(r, sub, &now) || now.flow != HZ_FLOW_ALL ||
	    now.layer <= want->layer || hz_cc_queue_us(c->cc) < 150000)
		return;
	struct hz_layers off = *want;
	off.flow = HZ_FLOW_OFF;
	hz_layers_want(r, sub, &off, now_us);
	hz_pace_drop(r, sub);
}

// Only what changed: a slot that always had everything is not touched.
static void give(struct hz_router *r, uint32_t slot, uint32_t sub, const struct hz_layers *want,
                 int64_t now_us)
{
	struct hz_rt_sub_cc *sc = &r->sub_cc[sub];
	const struct hz_layers *was = sc->wanted ? &sc->want : &everything;
	if (was->layer == want->layer && was->spatial == want->spatial && was->temporal == want->temporal &&
	    was->flow == want->flow)
		return;
	cut(r, slot, sub, want, now_us);
	hz_layers_want(r, sub, want, now_us);
	if (want->flow == HZ_FLOW_ALL)
		hz_kept_free(r, sub);
	sc->want = *want;
	sc->wanted = 1;
}

// rich: there is room for a still every few seconds.
static void put(struct hz_router *r, uint32_t slot, uint32_t sub, const struct hz_ladder_wish *w, bool rich,
                int64_t now_us)
{
	struct hz_rt_sub_cc *sc = &r->sub_cc[sub];
	struct hz_layers want = everything;
	if (sc->ladder.step == HZ_STEP_LOWER)
		want = (struct hz_layers){.layer = w->option[sc->ladder.choice].layer,
		                          .spatial = w->option[sc->ladder.choice].spatial,
		                          .temporal = w->option[sc->ladder.choice].temporal};
	if (sc->ladder.step == HZ_STEP_STILL || sc->ladder.step == HZ_STEP_OFF)
		want =
		    (struct hz_layers){.flow = sc->ladder.step == HZ_STEP_STILL ? HZ_FLOW_STILL : HZ_FLOW_OFF,
		                       .temporal = HZ_LAYERS_ALL};
	// A still under way goes on: it fills what audio leaves, whatever that is.
	if (want.flow == HZ_FLOW_OFF && sc->wanted && sc->want.flow == HZ_FLOW_STILL &&
	    hz_pace_waits(r, sub) && !hz_cc_outage(r->peer[slot].congestion->cc))
		return;
	give(r, slot, sub, &want, now_us);
	if (want.flow == HZ_FLOW_STILL && now_us >= sc->still_us) {
		hz_layers_still(r, sub, now_us);
		sc->still_us = now_us + (rich ? HZ_STILL_US : HZ_STILL_RARE_US);
	}
}

static void tell(struct hz_router *r, uint32_t slot, uint32_t sub, const struct hz_ladder_wish *w)
{
	struct hz_rt_sub_cc *sc = &r->sub_cc[sub];
	const struct hz_rt_congestion *c = r->peer[slot].congestion;
	struct hz_ladder_option at = {0};
	if (w->options && sc->ladder.step <= HZ_STEP_LOWER)
		at = w->option[sc->ladder.choice];
	uint8_t spatial =
	    at.spatial == HZ_LAYERS_ALL ? r->track_cc[r->sub[sub].track].rates.spatial[at.layer] : at.spatial;
	uint8_t temporal = at.temporal == HZ_LAYERS_ALL
	                       ? r->track_cc[r->sub[sub].track].rates.temporal[at.layer]
	                       : at.temporal;
	if (!w->options || (sc->told && sc->step == sc->ladder.step && sc->layer == at.layer &&
	                    sc->spatial == spatial && sc->temporal == temporal))
		return;
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	union hz_msg msg = {.sub_state = {.sub = as->id,
	                                  .peer = r->arena->peer[slot].id,
	                                  .track = hz_arena_sub_set(as)->track,
	                                  .consult = hz_arena_peer_set(&r->arena->peer[slot])->consult,
	                                  .step = sc->ladder.step,
	                                  .layer = at.layer,
	                                  .spatial = spatial,
	                                  .temporal = temporal,
	                                  .estimate_bps = hz_cc_estimate_bps(c->cc)}};
	hz_event_header(&msg.h, HZ_EV_SUB_STATE, sizeof(msg.sub_state));
	if (!r->ops->event(r->ctx, &msg))
		return; // the difference remains: the next round tries again
	sc->told = 1;
	sc->step = sc->ladder.step;
	sc->layer = at.layer;
	sc->spatial = spatial;
	sc->temporal = temporal;
}

void hz_allot_forget(struct hz_router *r, uint32_t sub)
{
	memset(&r->sub_cc[sub], 0, sizeof(r->sub_cc[sub]));
}

void hz_allot_tell_all(struct hz_router *r)
{
	for (uint32_t i = 0; i < r->arena->subs_high; i++)
		if (r->arena->sub[i].id && r->sub_cc[i].told)
			r->sub_cc[i].told = 0;
}

// --- a round

// A paused slot has no place in the ladder; when it goes on, that begins at the top again, and so must what is left out of it:
// a link that was too narrow for any picture when it was paused may be wide by then, and give() touches only what changes.
static void stand_aside(struct hz_router *r, uint32_t sub, int64_t now_us)
{
	hz_allot_forget(r, sub);
	hz_layers_want(r, sub, &everything, now_us);
}

static size_t wishes_of(struct hz_router *r, uint32_t slot, struct hz_ladder_wish *wishes,
                        uint16_t subs[HZ_LADDER_MAX_SLOTS], int64_t now_us)
{
	size_t count = 0;
	for (uint16_t s = r->peer[slot].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_peer) {
		const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[s]);
		struct hz_rt_sub_cc *sc = &r->sub_cc[s];
		if (set->kind != HZ_KIND_VIDEO)
			continue;
		if (r->sub[s].track == HZ_NO_SLOT || set->flags & (HZ_SUB_PAUSED | HZ_SUB_PIN)) {
			if (sc->track)
				stand_aside(r, s, now_us);
			continue;
		}
		if (count == HZ_LADDER_MAX_SLOTS)
			break; // what is behind gets everything
		if (sc->track != set->track) {
			hz_allot_forget(r, s);
			sc->track = set->track;
		}
		wishes[count] = (struct hz_ladder_wish){.slot = &sc->ladder, .priority = set->priority};
		options_of(r, s, &wishes[count], now_us);
		subs[count++] = s;
	}
	return count;
}

static void measure(struct hz_rt_congestion *c, int64_t past_us)
{
	if (past_us <= 0)
		past_us = HZ_ALLOT_US;
	uint64_t bps = c->bytes * 8 * 1000000 / (uint64_t)past_us;
	c->bytes = 0;
	if (bps > UINT32_MAX)
		bps = UINT32_MAX;
	c->sending_bps = (uint32_t)(((uint64_t)c->sending_bps * 7 + bps) / 8);
	c->fresh_bps = (uint32_t)(((uint64_t)c->fresh_bps + bps) / 2);
}

// All of them at their smallest.
static uint64_t least_of(const struct hz_ladder_wish *wishes, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += wishes[i].options ? wishes[i].option[0].bps : 0;
	return sum;
}

// What there is for pictures, and what the ladder may do about it.
static struct hz_ladder_round round_of(struct hz_router *r, uint32_t slot, uint32_t target, uint64_t least,
                                       int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	bool shared = c->share.since_us != 0;
	struct hz_ladder_round round = {
	    .now_us = now_us,
	    .bps = UINT64_MAX,
	    .floor = !hz_cc_measured(c->cc) && !hz_cc_outage(c->cc),
	    .urgent = now_us < c->urgent_us,
	    .calm = hz_cc_queue_us(c->cc) < 80000,
	    .short_us = hz_cc_outage(c->cc) || hz_cc_queue_us(c->cc) > 200000 ? NULL : &c->short_us};
	if (target == UINT32_MAX)
		return round;
	// What is lost of them is sent again, and one that is off comes back only where there is an eighth more (ladder.c).
	least = least * 9 / 8 * (1000 + hz_cc_loss_permille(c->cc)) / 1000;
	round.bps = hz_share_left(r, slot, target, least, now_us);
	round.bps = round.bps * 1000 / (1000 + hz_cc_loss_permille(c->cc)); // what is lost is sent again
	if (!shared && c->share.since_us)
		round.short_us = NULL; // images wait for it: nothing is borne
	return round;
}

// What pictures could use. While they are held back for images only, nobody looks for more than is there.
static void demand(struct hz_router *r, uint32_t slot, const struct hz_ladder_wish *wishes, size_t count)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	uint64_t bps = hz_ladder_demand(wishes, count) * (1 + hz_repeat_wanted(r, slot));
	uint64_t now_bps = (uint64_t)c->video_bps + c->share.bps;
	if (c->share.since_us && c->share.bps && now_bps < bps)
		bps = now_bps;
	bps += c->audio_bps;
	hz_cc_set_demand(c->cc, bps > HZ_CC_MAX_BPS ? HZ_CC_MAX_BPS : (uint32_t)bps);
}

// A guess holds nothing back. While images share the link a keyframe's burst waits here, not there.
// So do stills, and the large pictures of details on a link that is known to be no wider: in its queue they would drown, and
// sound with them.
static void pacer(struct hz_rt_congestion *c, uint32_t target, bool large, int64_t now_us)
{
	bool shared = c->share.since_us && c->share.bps;
	bool wait = shared || large;
	if (shared && target < UINT32_MAX)
		target = target > c->share.bps ? target - c->share.bps / 2 : target / 2;
	hz_pacer_set(&c->pacer, hz_cc_measured(c->cc) ? target : UINT32_MAX,
	             wait ? UINT32_MAX : c->sending_bps, now_us);
}

static bool is_large(const struct hz_router *r, uint32_t slot, uint16_t sub)
{
	const struct hz_rt_congestion *c = r->peer[slot].congestion;
	bool detail = hz_arena_track_set(&r->arena->track[r->sub[sub].track])->flags & HZ_TRACK_DETAIL;
	return r->sub_cc[sub].ladder.step == HZ_STEP_STILL ||
	       (detail && hz_cc_full(c->cc) && !c->repeats_wanted);
}

void hz_allot(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	struct hz_ladder_wish wishes[HZ_LADDER_MAX_SLOTS];
	uint16_t subs[HZ_LADDER_MAX_SLOTS];
	measure(c, now_us - c->round_us);
	c->round_us = now_us;
	uint32_t audio = audio_bps(r, slot, now_us), fallen = c->audio_bps - c->audio_bps / 100;
	c->audio_bps = audio > fallen ? audio : fallen;
	size_t count = wishes_of(r, slot, wishes, subs, now_us);
	demand(r, slot, wishes, count);
	uint32_t target = hz_cc_target_bps(c->cc);
	struct hz_ladder_round round = round_of(r, slot, target, least_of(wishes, count), now_us);
	if (hz_ladder_run(wishes, count, &round))
		return;
	bool rich = round.bps >= (uint64_t)HZ_STILL_BPS * count;
	uint64_t video_bps = 0;
	bool large = false;
	for (size_t i = 0; i < count; i++) {
		large = large || is_large(r, slot, subs[i]);
		put(r, slot, subs[i], &wishes[i], rich, now_us);
		tell(r, slot, subs[i], &wishes[i]);
		hz_playout(r, slot, subs[i], now_us);
		if (wishes[i].options && wishes[i].slot->step <= HZ_STEP_LOWER)
			video_bps += wishes[i].option[wishes[i].slot->choice].bps;
	}
	hz_repeat_decide(r, slot, video_bps, target == UINT32_MAX ? 0 : round.bps);
	c->video_bps = video_bps > UINT32_MAX ? UINT32_MAX : (uint32_t)video_bps;
	pacer(c, target, large, now_us);
	r->peer[slot].paced = c->pacer.on || c->pace_count;
}

// Which simulcast layer a subscription gets, and asking publishers for the keyframes that this takes.
#include "media/router/state.h"

static uint8_t choose(const struct hz_router *r, uint32_t track, uint8_t max_layer, uint8_t now_layer)
{
	const struct hz_rt_track *t = &r->track[track];
	unsigned count = hz_arena_track_set(&r->arena->track[track])->layer_count;
	if (count == 1)
		return 0;
	unsigned top = max_layer < count ? max_layer : count - 1;
	for (unsigned i = top + 1; i-- > 0;)
		if (t->layer[i].alive)
			return (uint8_t)i;
	for (unsigned i = top + 1; i < count; i++)
		if (t->layer[i].alive)
			return (uint8_t)i; // better more than wanted than nothing
	return now_layer <= top ? now_layer : (uint8_t)top;
}

bool hz_sub_synced(const struct hz_router *r, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_sub_map *map = hz_arena_sub_map(&r->arena->sub[sub]);
	if (s->track == HZ_NO_SLOT || s->resync)
		return false;
	const struct hz_arena_track *at = &r->arena->track[s->track];
	return map->track == at->id && map->layer == s->target && map->rx_ssrc == at->rx[s->target].ssrc;
}

bool hz_sub_wants_media(const struct hz_router *r, uint32_t sub)
{
	return r->peer[r->sub[sub].peer].live &&
	       !(hz_arena_sub_set(&r->arena->sub[sub])->flags & HZ_SUB_PAUSED) &&
	       (r->sub[sub].want.flow == HZ_FLOW_ALL ||
	        (r->sub[sub].want.flow == HZ_FLOW_STILL && r->sub[sub].still));
}

// Are spatial layers left out that may go out again?
static bool rises(const struct hz_router *r, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_rt_stream *stream = r->track[s->track].layer[s->target].stream;
	uint8_t spatial = hz_arena_sub_map(&r->arena->sub[sub])->spatial;
	return stream && hz_sub_synced(r, sub) && stream->rate.spatial > spatial &&
	       hz_filter_bounds(r, sub).spatial > spatial;
}

void hz_select_sub(struct hz_router *r, uint32_t sub, int64_t now_us)
{
	struct hz_rt_sub *s = &r->sub[sub];
	if (s->track == HZ_NO_SLOT)
		return;
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[sub]);
	if (set->flags & HZ_SUB_PIN)
		s->target = set->max_layer;
	else
		s->target = choose(
		    r, s->track, set->max_layer < s->want.layer ? set->max_layer : s->want.layer, s->target);
	if (!hz_sub_wants_media(r, sub))
		return;
	if ((!hz_sub_synced(r, sub) && !hz_replay_may(r, sub, now_us)) || rises(r, sub))
		hz_keyframe_want(r, s->track, s->target);
}

void hz_select(struct hz_router *r, uint32_t track, int64_t now_us)
{
	for (uint16_t s = r->track[track].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_track)
		hz_select_sub(r, s, now_us);
}

static int64_t dead_us(const struct hz_rt_layer *l)
{
	int64_t us = (int64_t)l->gap_us * HZ_LAYER_DEAD_FRAMES;
	if (us < HZ_LAYER_DEAD_MIN_US)
		us = HZ_LAYER_DEAD_MIN_US;
	return l->gap_us && us < HZ_LAYER_DEAD_US ? us : HZ_LAYER_DEAD_US;
}

void hz_layers_check(struct hz_router *r, uint32_t track, int64_t now_us)
{
	struct hz_rt_track *t = &r->track[track];
	bool changed = false;
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++) {
		struct hz_rt_layer *l = &t->layer[i];
		// Measured against its sisters: a still screen share may be slow on all of them, and their packets do not
		// come at the same instant.
		bool behind = !l->last_us || t->last_us - l->last_us >= dead_us(l);
		l->behind_us = behind ? (l->behind_us ? l->behind_us : now_us) : 0;
		bool alive = l->last_us && (!behind || now_us - l->behind_us < HZ_LAYER_GRACE_US);
		// In a queue that overflows the smaller picture is the one that gets through. And a keyframe asked of the
		// larger is made for all sizes by some (libvpx), which fills the queue with what nobody waits for.
		alive = alive && !(l->stream && hz_nack_left_alone(&l->stream->nack));
		if (alive == (bool)l->alive || (alive && behind))
			continue;
		l->alive = alive;
		changed = true;
		if (!alive)
			l->key_pending = 0; // it begins again with one, or is asked when it does
	}
	if (changed)
		hz_select(r, track, now_us);
}

void hz_keyframe_want(struct hz_router *r, uint32_t track, unsigned layer)
{
	if (hz_arena_track_set(&r->arena->track[track])->kind == HZ_KIND_VIDEO)
		r->track[track].layer[layer].key_pending = 1;
}

// A larger picture of which nothing has come since its keyframe was asked for has stopped: the answer is this one.
static void larger_have_stopped(struct hz_router *r, const struct hz_rt_in *in)
{
	bool found = false;
	for (unsigned i = in->layer + 1u; i < HZ_MAX_LAYERS; i++) {
		struct hz_rt_layer *l = &r->track[in->track].layer[i];
		int64_t silent_us = in->now_us - l->last_us;
		if (!l->alive || !l->key_tries || l->last_us > l->asked_us ||
		    silent_us < HZ_LAYER_SILENT_US || silent_us < 2 * (int64_t)l->gap_us)
			continue;
		l->last_us = 0;
		found = true;
	}
	if (found)
		hz_layers_check(r, in->track, in->now_us);
}

// H.264 says it twice, with the parameter sets and with the picture.
void hz_keyframe_seen(struct hz_router *r, const struct hz_rt_in *in)
{
	struct hz_rt_layer *l = &r->track[in->track].layer[in->layer];
	larger_have_stopped(r, in);
	l->key_pending = 0;
	l->key_tries = 0;
	if (l->key_us && (in->packet.ts == l->key_ts || in->ext < l->key_ext))
		return;
	l->key_us = in->now_us;
	l->key_ts = in->packet.ts;
	l->key_ext = in->ext;
}

bool hz_keyframe_under_way(const struct hz_router *r, uint32_t sub, int64_t now_us)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_sub_map *map = hz_arena_sub_map(&r->arena->sub[sub]);
	const struct hz_rt_layer *l = &r->track[s->track].layer[s->target];
	int64_t rtt_us = r->peer[s->peer].rtt_us;
	if (!rtt_us)
		rtt_us = HZ_KEYFRAME_SEEN_US;
	if (rtt_us > HZ_KEYFRAME_MIN_US)
		rtt_us = HZ_KEYFRAME_MIN_US;
	return l->key_us && now_us - l->key_us < rtt_us && hz_sub_synced(r, sub) &&
	       (uint64_t)l->key_ext >= map->in_first;
}

static uint8_t video_flags(const struct hz_router *r, uint32_t track)
{
	const struct hz_cmd_track_set *set = hz_arena_track_set(&r->arena->track[track]);
	uint8_t flags = 0;
	for (unsigned i = 0; i < set->pt_count; i++)
		flags |= set->pt[i].flags;
	return flags;
}

static void ask(struct hz_router *r, uint32_t track, unsigned layer, int64_t now_us)
{
	struct hz_rt_layer *l = &r->track[track].layer[layer];
	uint32_t peer = r->track[track].peer;
	uint32_t ssrc = r->arena->track[track].rx[layer].ssrc;
	uint8_t flags = video_flags(r, track);
	int err = hz_compound_begin(r, peer, NULL, 0);
	if (err)
		return;
	if (!(flags & HZ_PT_PLI) && flags & HZ_PT_FIR)
		err = hz_rtcp_write_fir(&r->rtcp, hz_router_rtcp_ssrc(r), ssrc, l->fir_seq++);
	else
		err = hz_rtcp_write_pli(&r->rtcp, hz_router_rtcp_ssrc(r), ssrc);
	if (err)
		return;
	hz_compound_send(r);
	l->asked_us = now_us;
	if (l->credit_us < now_us - (HZ_KEYFRAME_BURST - 1) * HZ_KEYFRAME_PACE_US)
		l->credit_us = now_us - (HZ_KEYFRAME_BURST - 1) * HZ_KEYFRAME_PACE_US;
	l->credit_us += HZ_KEYFRAME_PACE_US;
	l->key_tries++;
	r->peer[peer].stats.plis_sent++;
}

// One request serves everybody. The next one comes when its answer had the time to arrive, and however many receivers
// join or lose packets, a publisher is asked for no more than HZ_KEYFRAME_BURST keyframes and then one a second.
static bool may_ask(const struct hz_router *r, uint32_t track, const struct hz_rt_layer *l, int64_t now_us)
{
	int64_t gap = 2 * (int64_t)r->peer[r->track[track].peer].rtt_us;
	if (gap < HZ_KEYFRAME_MIN_US)
		gap = HZ_KEYFRAME_MIN_US;
	if (l->key_tries >= HZ_KEYFRAME_TRIES || gap > HZ_KEYFRAME_SLOW_US)
		gap = HZ_KEYFRAME_SLOW_US;
	return !l->asked_us || (now_us - l->asked_us >= gap && l->credit_us <= now_us);
}

static bool anybody_wants(const struct hz_router *r, uint32_t track)
{
	for (uint16_t s = r->track[track].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_track)
		if (hz_sub_wants_media(r, s))
			return true;
	return hz_track_tapped(r, track);
}

void hz_keyframe_poll(struct hz_router *r, uint32_t track, int64_t now_us)
{
	struct hz_rt_track *t = &r->track[track];
	if (!r->peer[t->peer].live || hz_arena_track_set(&r->arena->track[track])->flags & HZ_TRACK_PAUSED)
		return;
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++) {
		struct hz_rt_layer *l = &t->layer[i];
		if (!l->key_pending || !r->arena->track[track].rx[i].ssrc)
			continue;
		if (!may_ask(r, track, l, now_us))
			continue;
		if (l->key_pending == 2 || anybody_wants(r, track))
			ask(r, track, i, now_us);
		else
			l->key_pending = 0;
	}
}

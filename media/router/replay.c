// A subscription that joins just after a keyframe went by begins with that one: it and what followed are sent from the
// history, so that many who join within a second cost the publisher one keyframe. No other cache is kept: an older
// keyframe would take more of the joiner's link than a fresh one, and its burst would come late anyway. And one that rises
// to a larger layer does so when all of that keyframe is there: until it is repaired, the smaller picture goes on.
#include "media/router/state.h"

// It begins here (another track, or nothing was sent yet); a change of layer has a picture on the screen and waits.
static bool begins(const struct hz_router *r, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	return s->track != HZ_NO_SLOT && s->want.flow == HZ_FLOW_ALL && r->peer[s->peer].live &&
	       !r->peer[s->peer].paced && !(hz_arena_sub_set(as)->flags & (HZ_SUB_PAUSED | HZ_SUB_LIVE)) &&
	       hz_arena_sub_map(as)->track != r->arena->track[s->track].id;
}

bool hz_replay_may(const struct hz_router *r, uint32_t sub, int64_t now_us)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	struct hz_rtp_packet packet;
	if (!begins(r, sub))
		return false;
	const struct hz_rt_layer *l = &r->track[s->track].layer[s->target];
	if (!l->key_us || now_us - l->key_us > HZ_REPLAY_US || !l->stream || !l->stream->history || !l->alive)
		return false;
	int64_t highest = l->stream->rx.highest;
	size_t bytes = 0;
	if (highest - l->key_ext >= HZ_REPLAY_PACKETS)
		return false;
	for (int64_t e = l->key_ext; e <= highest && bytes <= HZ_REPLAY_BYTES; e++) {
		if (hz_fec_none(l->stream->fec, e))
			continue;
		if (hz_history_get(l->stream->history, e, now_us, &packet, NULL))
			return false; // lost, or not kept: a fresh keyframe is better than one with a hole
		bytes += packet.bytes;
	}
	return bytes <= HZ_REPLAY_BYTES;
}

// What is kept from the newest keyframe on, up to the number `end`; what is missing keeps its place.
static void replay(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in, int64_t end)
{
	const struct hz_rt_layer *l = &r->track[in->track].layer[in->layer];
	struct hz_rtp_packet packet;
	for (int64_t e = l->key_ext; e < end; e++) {
		struct hz_rt_in old = {
		    .now_us = in->now_us, .layer = in->layer, .codec = in->codec, .ext = e};
		if (hz_fec_none(l->stream->fec, e) ||
		    hz_history_get(l->stream->history, e, in->now_us, &packet, NULL))
			continue;
		hz_forward_prepare(r, in->track, &packet, &old);
		old.codec = r->track[in->track].codec_of[packet.pt];
		hz_describe(r, l->stream, &old);
		hz_forward_one(r, &old, sub);
	}
}

void hz_replay(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	if (in->layer == r->sub[sub].target)
		replay(r, sub, in, in->ext);
}

// --- a larger layer

static bool rises(const struct hz_router *r, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	const struct hz_sub_map *map = hz_arena_sub_map(as);
	return map->layer < s->target && s->track != HZ_NO_SLOT && !s->resync &&
	       s->want.flow == HZ_FLOW_ALL && map->track == r->arena->track[s->track].id &&
	       !r->peer[s->peer].paced && !(hz_arena_sub_set(as)->flags & (HZ_SUB_PAUSED | HZ_SUB_LIVE));
}

// As long as there is a smaller picture, and not for ever.
static bool may_wait(const struct hz_router *r, uint32_t sub, int64_t now_us)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	uint8_t smaller = hz_arena_sub_map(&r->arena->sub[sub])->layer;
	return r->track[s->track].layer[smaller].alive &&
	       (!s->rise_wait_us || now_us - s->rise_wait_us < HZ_RISE_WAIT_US);
}

static bool is_whole(const struct hz_rt_layer *l, int64_t now_us)
{
	struct hz_rtp_packet packet;
	if (!l->key_us || !l->stream || !l->stream->history)
		return false;
	for (int64_t e = l->key_ext; e <= l->stream->rx.highest && e - l->key_ext < HZ_REPLAY_PACKETS; e++) {
		if (hz_fec_none(l->stream->fec, e))
			continue;
		if (hz_history_get(l->stream->history, e, now_us, &packet, NULL))
			return false;
		if (packet.marker || packet.ts != l->key_ts)
			return true;
	}
	return false;
}

bool hz_rise_may(const struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	if (in->layer != s->target || !rises(r, sub))
		return false;
	return is_whole(&r->track[in->track].layer[in->layer], in->now_us) ||
	       (s->rise_wait_us && !may_wait(r, sub, in->now_us));
}

void hz_rise(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	replay(r, sub, in, r->track[in->track].layer[in->layer].stream->rx.highest + 1);
}

bool hz_rise_waits(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_rt_layer *l = &r->track[in->track].layer[in->layer];
	if (!rises(r, sub) || !may_wait(r, sub, in->now_us) || !l->key_us ||
	    in->now_us - l->key_us > HZ_RISE_WAIT_US || is_whole(l, in->now_us))
		return false;
	if (!s->rise_wait_us)
		s->rise_wait_us = in->now_us;
	return true;
}

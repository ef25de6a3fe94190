// A subscription that joins just after a keyframe went by begins with that one: it and what followed are sent from the
// history, so that many who join within a second cost the publisher one keyframe. No other cache is kept: an older
// keyframe would take more of the joiner's link than a fresh one, and its burst would come late anyway.
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

void hz_replay(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_rt_layer *l = &r->track[s->track].layer[s->target];
	struct hz_rtp_packet packet;
	if (in->layer != s->target)
		return;
	for (int64_t e = l->key_ext; e < in->ext; e++) {
		struct hz_rt_in old = {
		    .now_us = in->now_us, .layer = in->layer, .codec = in->codec, .ext = e};
		if (hz_fec_none(l->stream->fec, e))
			continue;
		if (hz_history_get(l->stream->history, e, in->now_us, &packet, NULL))
			return;
		hz_forward_prepare(r, in->track, &packet, &old);
		old.codec = r->track[in->track].codec_of[packet.pt];
		hz_describe(r, l->stream, &old);
		hz_forward_one(r, &old, sub);
	}
}

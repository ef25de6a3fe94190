// layers.h: what is wanted of a subscription, what a received packet says about its layer, what a track sends.
#include "media/router/layers.h"

#include <stdlib.h>
#include <string.h>

#include "media/router/state.h"

static bool same(const struct hz_layers *a, const struct hz_layers *b)
{
	return a->layer == b->layer && a->spatial == b->spatial && a->temporal == b->temporal &&
	       a->flow == b->flow;
}

void hz_layers_want(struct hz_router *router, uint32_t sub, const struct hz_layers *want, int64_t now_us)
{
	struct hz_rt_sub *s = &router->sub[sub];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(&router->arena->sub[sub]);
	if (s->track == HZ_NO_SLOT || set->kind != HZ_KIND_VIDEO || set->flags & HZ_SUB_PIN ||
	    same(&s->want, want))
		return;
	bool resumes = s->want.flow != HZ_FLOW_ALL && want->flow == HZ_FLOW_ALL;
	if (s->want.flow != want->flow)
		s->still = s->still_valid = 0;
	s->want = *want;
	s->rise_us = now_us;
	if (resumes)
		s->resync = 1; // pictures were left out without a trace
	hz_select_sub(router, sub, now_us);
	hz_keyframe_poll(router, s->track, now_us);
}

bool hz_layers_now(const struct hz_router *router, uint32_t sub, struct hz_layers *ret)
{
	const struct hz_rt_sub *s = &router->sub[sub];
	const struct hz_sub_map *map = hz_arena_sub_map(&router->arena->sub[sub]);
	*ret = s->want;
	if (s->track == HZ_NO_SLOT || map->track != router->arena->track[s->track].id)
		return false;
	ret->layer = map->layer;
	ret->spatial = map->spatial;
	ret->temporal = map->temporal;
	return true;
}

void hz_layers_still(struct hz_router *router, uint32_t sub, int64_t now_us)
{
	struct hz_rt_sub *s = &router->sub[sub];
	if (s->track == HZ_NO_SLOT || s->want.flow != HZ_FLOW_STILL)
		return;
	s->still = 1;
	hz_keyframe_want(router, s->track, s->target);
	hz_keyframe_poll(router, s->track, now_us);
}

// --- what a packet says

static void describe_dd(struct hz_rt_stream *stream, struct hz_rt_in *in)
{
	static const struct hz_dd_structure none;
	struct hz_dd_structure fresh;
	const struct hz_dd_structure *known = stream->dd ? stream->dd : &none;
	if (hz_dd_parse(in->exts.dependency, in->exts.dependency_bytes, known, &in->dd, &fresh))
		return;
	// An earlier one is not worth a look back: its layers are told by the codec's own descriptor, or it passes. The newest may
	// be late: it was lost, and what follows it has no other.
	if (in->dd.has_structure && in->ext <= stream->dd_ext)
		return;
	if (in->dd.has_structure && !stream->dd)
		stream->dd = malloc(sizeof(*stream->dd));
	if (!stream->dd)
		return; // no memory: everything is forwarded
	if (in->dd.has_structure) {
		*stream->dd = fresh;
		stream->dd_ext = in->ext;
	}
	in->structure = stream->dd;
	in->scalable = true;
	in->spatial = in->dd.spatial;
	in->temporal = in->dd.temporal;
	in->layer_end = in->dd.end;
}

void hz_describe(struct hz_router *r, struct hz_rt_stream *stream, struct hz_rt_in *in)
{
	memset(&in->frame, 0, sizeof(in->frame));
	in->scalable = in->layer_end = in->layer_sync = in->up_switch = false;
	in->spatial = in->temporal = 0;
	in->structure = NULL;
	if (hz_arena_track_set(&r->arena->track[in->track])->kind != HZ_KIND_VIDEO ||
	    !in->packet.payload_bytes)
		return;
	(void)hz_frame_inspect(in->codec, in->packet.payload, in->packet.payload_bytes, &in->frame);
	if (in->exts.has & HZ_EXT_DEPENDENCY)
		describe_dd(stream, in);
	if (!in->scalable && in->frame.layers) {
		in->scalable = true;
		in->spatial = in->frame.spatial_id;
		in->temporal = in->frame.temporal_id;
		in->layer_end = in->frame.layer_end;
	}
	in->layer_sync = in->frame.layer_sync;
	in->up_switch = in->frame.up_switch;
	if (in->spatial >= HZ_LAYERS_SPATIAL)
		in->spatial = HZ_LAYERS_SPATIAL - 1;
	if (in->temporal >= HZ_LAYERS_TEMPORAL)
		in->temporal = HZ_LAYERS_TEMPORAL - 1;
}

// --- rates

void hz_rate_add(struct hz_rt_stream *stream, const struct hz_rt_in *in)
{
	if (!stream->rate.began_us)
		stream->rate.began_us = in->now_us;
	stream->rate.now[in->spatial][in->temporal] += (uint32_t)in->packet.bytes;
	if (in->spatial > stream->rate.spatial)
		stream->rate.spatial = in->spatial;
	if (in->temporal > stream->rate.temporal)
		stream->rate.temporal = in->temporal;
}

void hz_rate_turn(struct hz_rt_stream *stream, int64_t now_us)
{
	struct hz_rt_rate *rate = &stream->rate;
	int64_t past_us = now_us - rate->began_us;
	if (!rate->began_us || past_us < HZ_RATE_US)
		return;
	memcpy(rate->before, rate->now, sizeof(rate->before));
	memset(rate->now, 0, sizeof(rate->now));
	rate->spatial = rate->temporal = 0;
	for (unsigned s = 0; s < HZ_LAYERS_SPATIAL; s++) {
		for (unsigned t = 0; t < HZ_LAYERS_TEMPORAL; t++) {
			if (!rate->before[s][t])
				continue;
			rate->spatial = (uint8_t)s;
			rate->temporal = t > rate->temporal ? (uint8_t)t : rate->temporal;
		}
	}
	rate->before_us = past_us;
	rate->began_us = now_us;
}

static void sum(const struct hz_rt_rate *rate, int64_t now_us, unsigned layer, struct hz_layers_rates *ret)
{
	ret->spatial[layer] = rate->spatial;
	ret->temporal[layer] = rate->temporal;
	int64_t past_us = rate->before_us + (now_us > rate->began_us ? now_us - rate->began_us : 0);
	if (past_us < HZ_RATE_US / 5)
		past_us = HZ_RATE_US / 5; // the first packets alone would say anything
	for (unsigned s = 0; s < HZ_LAYERS_SPATIAL; s++) {
		uint64_t row = 0;
		for (unsigned t = 0; t < HZ_LAYERS_TEMPORAL; t++) {
			uint64_t bytes = (uint64_t)rate->now[s][t] + rate->before[s][t];
			row += bytes;
			uint64_t bps = row * 8 * 1000000 / (uint64_t)past_us;
			bps += s ? ret->bps[layer][s - 1][t] : 0;
			ret->bps[layer][s][t] = bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bps;
		}
	}
}

void hz_layers_rates(const struct hz_router *router, uint32_t track, struct hz_layers_rates *ret)
{
	const struct hz_rt_track *t = &router->track[track];
	memset(ret, 0, sizeof(*ret));
	ret->count = hz_arena_track_set(&router->arena->track[track])->layer_count;
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++) {
		if (!t->layer[i].stream || !t->layer[i].alive)
			continue;
		ret->alive |= (uint8_t)(1u << i);
		sum(&t->layer[i].stream->rate, router->media_us, i, ret);
	}
}

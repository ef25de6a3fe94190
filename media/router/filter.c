// Which packets of a mapping are left out, by the layers that a subscription may get, and the index of the rest.
// Decisions fall with the newest packet, change at the beginning of a picture (incoming timestamp) only, and are
// remembered; a number that was never seen has a place kept free, which a late packet takes whatever its layer: it
// goes out if its picture does, else an empty packet fills the place, so that nobody asks for it for ever.
#include <stdlib.h>
#include <string.h>

#include "media/router/state.h"
#include "media/rtp/seq.h"

static struct hz_sub_map *map_in_force(struct hz_router *r, uint32_t sub)
{
	struct hz_arena_sub *as = &r->arena->sub[sub];
	return &as->map[as->map_live & 1];
}

static struct hz_rt_filter *filter_of(const struct hz_router *r, uint32_t sub)
{
	struct hz_rt_filters *f = r->sub[sub].filters;
	return f && f->now.used ? &f->now : NULL;
}

// A publisher sends simulcast layers or spatial ones: max_layer counts whichever it is.
struct hz_layers hz_filter_bounds(const struct hz_router *r, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[sub]);
	struct hz_layers want = s->want;
	if (hz_arena_track_set(&r->arena->track[s->track])->layer_count == 1 &&
	    set->max_layer < HZ_MAX_LAYERS - 1 && !(set->flags & HZ_SUB_PIN) && want.spatial > set->max_layer)
		want.spatial = set->max_layer;
	// Without the descriptor a receiver cannot tell AV1's spatial layers apart and decodes none of them.
	if (r->arena->track[s->track].codec == HZ_CODEC_AV1 && !set->ext.dependency &&
	    !(set->flags & HZ_SUB_PIN))
		want.spatial = 0;
	return want;
}

// In a still everything of one keyframe passes. It begins a mapping of its own: what lies between leaves no trace.
bool hz_flow_passes(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	struct hz_rt_sub *s = &r->sub[sub];
	if (s->want.flow == HZ_FLOW_ALL)
		return true;
	if (s->want.flow != HZ_FLOW_STILL)
		return false;
	if (s->still && in->frame.keyframe_start && in->layer == s->target) {
		s->still = 0;
		s->still_valid = 1;
		s->still_ts = in->packet.ts;
		s->resync = 1;
		return true;
	}
	return s->still_valid && in->packet.ts == s->still_ts;
}

static bool may_enter(const struct hz_rt_in *in, unsigned spatial, unsigned temporal)
{
	int target = hz_dd_target(in->structure, spatial, temporal);
	return target >= 0 && hz_dd_dti(in->dd.dti, (unsigned)target) == HZ_DTI_SWITCH;
}

// A picture begins: down at once, up where the stream lets in.
static void turn(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	struct hz_rt_sub *s = &r->sub[sub];
	struct hz_sub_map *map = map_in_force(r, sub);
	const struct hz_layers bounds = hz_filter_bounds(r, sub), *want = &bounds;
	const struct hz_rt_rate *rate = &r->track[in->track].layer[in->layer].stream->rate;
	if (in->frame.keyframe_start) {
		map->spatial = want->spatial;
		map->temporal = want->temporal;
		return;
	}
	// Where nothing lies above what goes out, a rise changes nothing.
	if (want->spatial < map->spatial || rate->spatial <= map->spatial)
		map->spatial = want->spatial;
	if (want->temporal < map->temporal || rate->temporal <= map->temporal)
		map->temporal = want->temporal;
	if (want->spatial == map->spatial && want->temporal == map->temporal)
		return;
	if (in->structure) {
		if (may_enter(in, map->spatial, want->temporal))
			map->temporal = want->temporal;
		if (may_enter(in, want->spatial, want->temporal)) {
			map->spatial = want->spatial;
			map->temporal = want->temporal;
		}
	} else if (in->up_switch && in->temporal <= map->temporal) {
		map->temporal = want->temporal;
	} else if (in->layer_sync && in->temporal > map->temporal && in->temporal <= want->temporal) {
		map->temporal = in->temporal;
	}
	if (in->now_us - s->rise_us < HZ_RISE_US)
		return;
	s->rise_us = in->now_us;
	if (want->spatial > map->spatial || want->temporal > map->temporal)
		hz_keyframe_want(r, in->track, in->layer);
}

static bool layers_pass(const struct hz_sub_map *map, const struct hz_rt_in *in)
{
	return in->spatial <= map->spatial && in->temporal <= map->temporal;
}

static bool decide(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	struct hz_rt_sub *s = &r->sub[sub];
	if (!in->scalable)
		return true;
	if (!s->picture_valid || hz_ts_newer(in->packet.ts, s->picture_ts)) {
		s->picture_valid = 1;
		s->picture_ts = in->packet.ts;
		turn(r, sub, in);
	}
	return layers_pass(map_in_force(r, sub), in);
}

// Everything before this number has the place it had.
static struct hz_rt_filter *begin(struct hz_router *r, uint32_t sub, int64_t ext)
{
	struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_sub_map *map = map_in_force(r, sub);
	if (!s->filters)
		s->filters = calloc(1, sizeof(*s->filters));
	if (!s->filters)
		return NULL; // no memory: the packet goes out
	struct hz_rt_filter *f = &s->filters->now;
	hz_skip_begin(&f->skip, (int64_t)map->in_first, map->left_out);
	hz_skip_put(&f->skip, ext - 1, false);
	hz_vp8_skip_init(&f->vp8);
	f->used = 1;
	return f;
}

static bool vp8_id(const struct hz_rt_in *in, struct hz_vp8_descriptor *ret)
{
	return in->codec == HZ_CODEC_VP8 &&
	       !hz_vp8_parse(in->packet.payload, in->packet.payload_bytes, ret) && ret->picture_id_bits;
}

static void put(struct hz_router *r, uint32_t sub, struct hz_rt_filter *f, const struct hz_rt_in *in,
                bool left_out)
{
	struct hz_arena_sub *as = &r->arena->sub[sub];
	struct hz_sub_map *map = map_in_force(r, sub);
	struct hz_vp8_descriptor d;
	hz_skip_put(&f->skip, in->ext, left_out);
	map->left_out = f->skip.total;
	if (!vp8_id(in, &d) || hz_vp8_skip_look(&f->vp8, d.picture_id, d.picture_id_bits) != HZ_VP8_NEW)
		return;
	hz_vp8_skip_put(&f->vp8, d.picture_id, d.picture_id_bits, left_out, &as->vp8.delta);
	map->vp8.picture_id = as->vp8.delta.picture_id;
}

static enum hz_place place_late(struct hz_router *r, uint32_t sub, const struct hz_rt_filter *f,
                                const struct hz_rt_in *in, uint64_t *ret_index)
{
	const struct hz_sub_map *map = map_in_force(r, sub);
	struct hz_vp8_descriptor d;
	int64_t before = hz_skip_before(&f->skip, in->ext);
	if (before < 0 || hz_skip_is_out(&f->skip, in->ext))
		return HZ_PLACE_NONE;
	*ret_index = map->out_first + ((uint64_t)in->ext - map->in_first) - (uint64_t)before;
	if (in->none)
		return HZ_PLACE_PADDING;
	if (vp8_id(in, &d)) // by its picture, of which others may be out already
		return hz_vp8_skip_look(&f->vp8, d.picture_id, d.picture_id_bits) == HZ_VP8_LEFT_OUT
		           ? HZ_PLACE_PADDING
		           : HZ_PLACE_SEND;
	return in->scalable && !layers_pass(map, in) ? HZ_PLACE_PADDING : HZ_PLACE_SEND;
}

// FEC packets between the newest packet that has a place and this one have none.
static void leave_fec_out(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in)
{
	const struct hz_rt_stream *stream = r->track[in->track].layer[in->layer].stream;
	struct hz_sub_map *map = map_in_force(r, sub);
	struct hz_rt_filter *f = filter_of(r, sub);
	if (!stream || !stream->fec)
		return;
	int64_t newest = f ? f->skip.top : hz_filter_find(NULL, map, r->arena->sub[sub].out_index);
	if (newest < in->ext - HZ_SKIP_WINDOW)
		newest = in->ext - HZ_SKIP_WINDOW;
	int64_t ext = newest;
	while ((ext = hz_fec_next_none(stream->fec, ext + 1, in->ext)) < in->ext) {
		f = f ? f : begin(r, sub, ext);
		if (!f)
			return; // no memory: receivers see a gap
		hz_skip_put(&f->skip, ext, true);
		map->left_out = f->skip.total;
	}
}

enum hz_place hz_filter_place(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in,
                              uint64_t *ret_index)
{
	const struct hz_sub_map *map = map_in_force(r, sub);
	if ((uint64_t)in->ext < map->in_first)
		return HZ_PLACE_NONE;
	leave_fec_out(r, sub, in);
	struct hz_rt_filter *f = filter_of(r, sub);
	uint64_t gone = (uint64_t)in->ext - map->in_first;
	if (f && in->ext <= f->skip.top)
		return place_late(r, sub, f, in, ret_index);
	if (gone < map->left_out)
		return HZ_PLACE_NONE;
	*ret_index = map->out_first + gone - map->left_out;
	if (!f && *ret_index <= r->arena->sub[sub].out_index) // late, from before anything was left out
		return in->none ? HZ_PLACE_PADDING : HZ_PLACE_SEND;
	if (in->none)
		return HZ_PLACE_NONE; // no place was kept: it is left out when the next packet gets its own
	bool pass = decide(r, sub, in);
	if (!pass && !f)
		f = begin(r, sub, in->ext);
	if (f)
		put(r, sub, f, in, !pass);
	return pass || !f ? HZ_PLACE_SEND : HZ_PLACE_NONE;
}

void hz_filter_end_map(struct hz_router *r, uint32_t sub)
{
	struct hz_rt_sub *s = &r->sub[sub];
	if (!s->filters)
		return;
	s->filters->epoch[s->epoch_next % HZ_EPOCHS] = s->filters->now;
	s->filters->now.used = 0;
}

bool hz_filter_marker(const struct hz_sub_map *map, const struct hz_rt_in *in)
{
	return in->packet.marker || (in->layer_end && in->spatial == map->spatial);
}

void hz_filter_vp8(struct hz_router *r, uint32_t sub, uint8_t *payload, size_t bytes, bool fresh,
                   struct hz_vp8_rewrite *state)
{
	const struct hz_rt_filter *f = fresh ? NULL : filter_of(r, sub);
	struct hz_vp8_descriptor d;
	struct hz_vp8_delta delta = state->delta;
	if (f && !hz_vp8_parse(payload, bytes, &d) && d.picture_id_bits)
		delta = hz_vp8_skip_delta(&f->vp8, d.picture_id, d.picture_id_bits, state->delta);
	if (delta.picture_id == state->delta.picture_id)
		(void)hz_vp8_rewrite_apply(state, payload, bytes, fresh);
	else
		(void)hz_vp8_rewrite_late(state, &delta, payload, bytes);
}

int64_t hz_filter_find(const struct hz_rt_filter *filter, const struct hz_sub_map *map, uint64_t index)
{
	if (!filter || !filter->used)
		return (int64_t)(map->in_first + (index - map->out_first) + map->left_out);
	uint64_t next = map->out_first + ((uint64_t)filter->skip.top + 1 - map->in_first) - map->left_out;
	return index < next ? hz_skip_find(&filter->skip, next - 1 - index) : -1;
}

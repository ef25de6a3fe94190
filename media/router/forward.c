// From one received packet to the subscriptions: mapping of numbers and timestamps, header, VP8 ids.
#include <errno.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "media/router/state.h"
#include "media/rtp/bytes.h"
#include "media/rtp/red.h"
#include "media/rtp/seq.h"

// What is copied from the publisher's packet; MID, send time and transport-wide number are the receiver's own, and so is
// the playout delay (playout.c): a receiver goes by the newest for ever, whoever is shown in its slot next.
#define COPIED (HZ_EXT_AUDIO_LEVEL | HZ_EXT_ORIENTATION | HZ_EXT_DEPENDENCY | HZ_EXT_ABS_CAPTURE_TIME)

struct plan {
	struct hz_sub_map map;
	uint64_t index;
	bool fresh; // the mapping begins with this packet
	bool empty; // fills a place, carries nothing
	uint8_t pt;
};

void hz_forward_prepare(struct hz_router *r, uint32_t track, const struct hz_rtp_packet *packet,
                        struct hz_rt_in *ret)
{
	ret->packet = *packet;
	ret->track = (uint16_t)track;
	ret->exts.has = 0;
	if (packet->ext)
		hz_rtp_parse_exts(packet, &hz_arena_track_set(&r->arena->track[track])->ext, &ret->exts);
	ret->plain = !(ret->exts.has & COPIED);
}

int hz_forward_header(struct hz_router *r, uint32_t sub, const struct hz_rt_in *in,
                      const struct hz_rtp_header *header, uint8_t *buf, struct hz_rtp_offsets *ret)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[sub]);
	if (in->plain && s->header.at.header_bytes) {
		memcpy(buf, s->header.bytes, s->header.at.header_bytes);
		hz_rtp_patch_fixed(buf, header);
		*ret = s->header.at;
		return 0;
	}
	struct hz_rtp_exts exts = in->exts;
	exts.has = (in->exts.has & COPIED) | HZ_EXT_ABS_SEND_TIME | HZ_EXT_TWCC;
	if (set->mid[0])
		exts.has |= HZ_EXT_MID;
	if (s->playout_told) {
		exts.has |= HZ_EXT_PLAYOUT_DELAY;
		exts.playout_min_10ms = s->playout_10ms;
		exts.playout_max_10ms = HZ_PLAYOUT_MAX_10MS;
	}
	memcpy(exts.mid, set->mid, sizeof(exts.mid));
	return hz_rtp_write_header(buf, HZ_ROUTER_PACKET_BYTES, header, &exts, &set->ext, ret);
}

// Chromium throws away a keyframe whose frame number is behind that of the one before (another publisher's, say), so
// the numbers go on over every switch; the differences within a descriptor are relative and stay.
void hz_forward_renumber(struct hz_arena_sub *as, struct hz_sub_map *map, uint8_t *buf,
                         const struct hz_rtp_offsets *at)
{
	if (!at->dependency_at)
		return;
	uint8_t *number = buf + at->dependency_at + 1;
	if (!map->dd_set) {
		map->dd_delta = (uint16_t)(as->dd_started ? as->dd_last + 1u - hz_get16(number) : 0);
		HZ_ARENA_BARRIER();
		map->dd_set = 1;
	}
	uint16_t out = (uint16_t)(hz_get16(number) + map->dd_delta);
	hz_put16(number, out);
	if (!as->dd_started || hz_seq_newer(out, as->dd_last))
		as->dd_last = out;
	as->dd_started = 1;
}

void hz_forward_stamp(struct hz_router *r, uint32_t slot, uint8_t *buf, const struct hz_rtp_offsets *at,
                      size_t bytes, int64_t now_us)
{
	hz_rtp_patch_abs_send_time(buf, at, now_us);
	if (!at->twcc_at)
		return;
	uint16_t seq = (uint16_t)r->arena->peer[slot].twcc_seq++;
	hz_rtp_patch_twcc(buf, at, seq);
	hz_congestion_sent(r, slot, seq, bytes, now_us);
}

// Timestamps go on by the publisher's own clock where it is known on both sides of the switch, else by ours.
static uint32_t ts_offset(const struct hz_router *r, const struct hz_rt_in *in, uint32_t sub)
{
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	const struct hz_arena_track *at = &r->arena->track[in->track];
	const struct hz_clock_peer *clock = &r->arena->peer[r->track[in->track].peer].clock;
	const struct hz_sub_map *old = hz_arena_sub_map(as);
	int32_t hz = (int32_t)hz_clock_hz(hz_arena_sub_set(as)->kind);
	if (!as->started)
		return 0;
	int64_t elapsed = hz_sub_elapsed(as, hz, in->now_us);
	uint32_t guess = as->last_ts + (uint32_t)(elapsed < hz / 100 ? hz / 100 : elapsed);
	uint32_t exact = guess;
	if (old->track == at->id && old->rx_ssrc == in->packet.ssrc) {
		exact = in->packet.ts + old->ts_offset;
	} else if (old->track == at->id && old->layer < HZ_MAX_LAYERS && at->clock[old->layer].from_sr &&
	           at->clock[in->layer].from_sr) {
		uint32_t a, b;
		if (!hz_clockmap_rtp_at(&at->clock[old->layer], clock, in->now_us, &a) &&
		    !hz_clockmap_rtp_at(&at->clock[in->layer], clock, in->now_us, &b))
			exact = in->packet.ts + old->ts_offset + (a - b);
	}
	int32_t off = hz_ts_diff(exact, guess);
	if (hz_ts_newer(exact, as->last_ts) && off < 2 * hz && off > -2 * hz)
		return exact - in->packet.ts;
	return guess - in->packet.ts;
}

uint64_t hz_next_index(uint64_t index)
{
	uint16_t r;
	if (index)
		return index + 1;
	hz_random(&r, sizeof(r)); // RFC 3550 5.1 wants it random, RFC 3711 3.3.1 far from both wraps
	return 4096 + r % 8192u;
}

// A receiver asks again for what is missing behind the first packet it saw, never for what was lost before: so that
// the first keyframe can be repaired from its first packet on, empty ones go ahead of it.
static bool needs_primers(const struct hz_router *r, uint32_t sub)
{
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[sub]);
	return set->kind == HZ_KIND_VIDEO && set->rtx_ssrc && !r->arena->sub[sub].started;
}

// Numbers and timestamps of Opus go on whether it comes in RED or bare.
static uint8_t map_codec(const struct hz_rt_in *in)
{
	return in->codec == HZ_CODEC_RED ? HZ_CODEC_OPUS : in->codec;
}

uint8_t hz_forward_pt(const struct hz_rt_sub *s, const struct hz_rt_in *in)
{
	return s->pt_of[in->codec] || !in->primary ? s->pt_of[in->codec] : s->pt_of[HZ_CODEC_OPUS];
}

size_t hz_forward_payload(const struct hz_rt_sub *s, const struct hz_rt_in *in, uint8_t *at)
{
	if (in->primary && !s->pt_of[HZ_CODEC_RED]) {
		memcpy(at, in->primary, in->primary_bytes);
		return in->primary_bytes;
	}
	if (in->packet.payload_bytes)
		memcpy(at, in->packet.payload, in->packet.payload_bytes);
	if (in->primary && s->pt_of[HZ_CODEC_OPUS])
		hz_red_retarget(at, in->packet.payload_bytes, s->pt_of[HZ_CODEC_OPUS]);
	return in->packet.payload_bytes;
}

static bool plan_fresh(struct hz_router *r, const struct hz_rt_in *in, uint32_t sub, struct plan *ret)
{
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	bool video = hz_arena_sub_set(as)->kind == HZ_KIND_VIDEO;
	const struct hz_sub_map begins = {.rx_ssrc = in->packet.ssrc, .layer = in->layer};
	if (in->layer != r->sub[sub].target || in->packet.payload_bytes == 0 ||
	    hz_sub_before(r, sub, &begins, in->ext))
		return false;
	if (video && !in->frame.keyframe_start) {
		hz_keyframe_want(r, in->track, in->layer);
		return false;
	}
	uint64_t primers = needs_primers(r, sub) ? HZ_PRIMERS : 0;
	memset(&ret->map, 0, sizeof(ret->map));
	ret->map.track = r->arena->track[in->track].id;
	ret->map.rx_ssrc = in->packet.ssrc;
	ret->map.layer = in->layer;
	ret->map.codec = map_codec(in);
	ret->map.spatial = hz_filter_bounds(r, sub).spatial;
	ret->map.temporal = r->sub[sub].want.temporal;
	ret->map.ts_offset = ts_offset(r, in, sub);
	ret->map.in_first = (uint64_t)in->ext;
	ret->map.out_first = hz_next_index(as->out_index) + primers;
	ret->index = ret->map.out_first;
	ret->fresh = true;
	ret->empty = false;
	return true;
}

// Numbers that nothing was sent for. Receivers guess the roll-over within 32,768 of what came last (RFC 3711 section 3.3.1),
// and what is sent may be lost, many in a row: so that they never guess wrong, they may only be few in any time.
static bool may_jump(struct hz_rt_sub *s, uint64_t numbers, int64_t now_us)
{
	int64_t since = now_us - HZ_JUMPS_BURST * HZ_JUMP_PACE_US;
	if (numbers > HZ_JUMPS_BURST)
		return false;
	since = (s->jump_us > since ? s->jump_us : since) + (int64_t)numbers * HZ_JUMP_PACE_US;
	if (since > now_us)
		return false;
	s->jump_us = since;
	return true;
}

static bool plan_packet(struct hz_router *r, const struct hz_rt_in *in, uint32_t sub, struct plan *ret)
{
	struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	const struct hz_sub_map *map = hz_arena_sub_map(as);
	ret->pt = hz_forward_pt(s, in);
	if (!r->peer[s->peer].live || hz_arena_sub_set(as)->flags & HZ_SUB_PAUSED || !ret->pt ||
	    !hz_flow_passes(r, sub, in))
		return false;
	if (hz_sub_held(r, sub, in->now_us)) {
		s->resync = 1; // numbers go on without a gap where it ended
		return false;
	}
	bool same = !s->resync && map->track == r->arena->track[in->track].id && map->layer == in->layer &&
	            map->rx_ssrc == in->packet.ssrc && map->codec == map_codec(in);
	if (!same)
		return plan_fresh(r, in, sub, ret);
	enum hz_place place = hz_filter_place(r, sub, in, &ret->index);
	if (place == HZ_PLACE_NONE)
		return false;
	if (ret->index > as->out_index + 1 && !may_jump(s, ret->index - as->out_index - 1, in->now_us)) {
		s->resync = 1;
		return plan_fresh(r, in, sub, ret);
	}
	if (ret->index + HZ_SRTP_WINDOW <= as->out_index)
		return false; // SRTP would take its 16 bits for a number that is still to come
	ret->map = *map;
	ret->fresh = false;
	ret->empty = place == HZ_PLACE_PADDING;
	return ret->index > s->floor;
}

static void begin_map(struct hz_router *r, uint32_t sub, const struct hz_sub_map *map,
                      const struct hz_rt_in *in)
{
	struct hz_rt_sub *s = &r->sub[sub];
	struct hz_arena_sub *as = &r->arena->sub[sub];
	hz_filter_end_map(r, sub);
	if (hz_arena_sub_map(as)->track) {
		struct hz_rt_epoch *e = &s->epoch[s->epoch_next++ % HZ_EPOCHS];
		e->map = *hz_arena_sub_map(as);
		e->out_last = as->out_index;
	}
	hz_arena_sub_set_map(as, map);
	s->resync = 0;
	s->picture_ts = in->packet.ts;
	s->picture_valid = 1;
	hz_report_soon(r, s->peer, in->now_us);
}

static void note_sent(struct hz_arena_sub *as, const struct plan *plan, uint32_t ts, size_t payload,
                      int64_t now_us)
{
	if (!as->started || hz_ts_newer(ts, as->last_ts)) {
		as->last_ts = ts;
		as->last_us = now_us;
		as->started = 1;
	}
	as->packets++;
	as->octets += (uint32_t)payload;
	if (plan->index > as->out_index)
		as->out_index = plan->index;
	HZ_ARENA_BARRIER();
}

static void send_primers(struct hz_router *r, const struct hz_rt_in *in, uint32_t sub,
                         const struct plan *plan)
{
	struct hz_arena_sub *as = &r->arena->sub[sub];
	uint16_t peer = r->sub[sub].peer;
	struct hz_rt_in bare = *in;
	bare.plain = true; // what the first packet says of its picture is not theirs to say
	for (uint64_t i = HZ_PRIMERS; i > 0; i--) {
		struct hz_rtp_header header = {.ts = in->packet.ts + plan->map.ts_offset,
		                               .ssrc = hz_arena_sub_set(as)->ssrc,
		                               .seq = (uint16_t)(plan->index - i),
		                               .pt = plan->pt};
		struct hz_rtp_offsets at;
		uint8_t *buf = r->ops->rtp_buffer(r->ctx, peer);
		if (!buf || hz_forward_header(r, sub, &bare, &header, buf, &at))
			return;
		hz_forward_stamp(r, peer, buf, &at, at.header_bytes, in->now_us);
		as->out_index = plan->index - i;
		HZ_ARENA_BARRIER();
		r->peer[peer].stats.down_bytes += at.header_bytes;
		r->ops->send_rtp(r->ctx, peer, buf, at.header_bytes);
	}
}

void hz_forward_one(struct hz_router *r, const struct hz_rt_in *in, uint32_t sub)
{
	struct hz_rt_sub *s = &r->sub[sub];
	struct hz_arena_sub *as = &r->arena->sub[sub];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(as);
	struct hz_rtp_offsets at;
	struct plan plan;
	if (!plan_packet(r, in, sub, &plan))
		return;
	if (plan.fresh && needs_primers(r, sub))
		send_primers(r, in, sub, &plan);
	struct hz_rtp_header header = {.ts = in->packet.ts + plan.map.ts_offset,
	                               .ssrc = set->ssrc,
	                               .seq = (uint16_t)plan.index,
	                               .pt = plan.pt,
	                               .marker = hz_filter_marker(&plan.map, in) ||
	                                         (plan.fresh && set->kind == HZ_KIND_AUDIO)};
	uint8_t *buf = r->ops->rtp_buffer(r->ctx, s->peer);
	if (!buf || hz_forward_header(r, sub, in, &header, buf, &at))
		return;
	if (at.header_bytes + in->packet.payload_bytes + HZ_SRTP_TRAILER_BYTES > HZ_ROUTER_PACKET_BYTES)
		return;
	size_t payload_bytes = plan.empty ? 0 : hz_forward_payload(s, in, buf + at.header_bytes);
	size_t bytes = at.header_bytes + payload_bytes;
	struct hz_vp8_rewrite vp8 = as->vp8;
	if (in->codec == HZ_CODEC_VP8)
		hz_filter_vp8(r, sub, buf + at.header_bytes, payload_bytes, plan.fresh, &vp8);
	plan.map.vp8 = vp8.delta;
	if (plan.fresh)
		begin_map(r, sub, &plan.map, in);
	hz_forward_renumber(as, &as->map[as->map_live & 1], buf, &at);
	as->vp8 = vp8;
	hz_forward_stamp(r, s->peer, buf, &at, bytes, in->now_us);
	note_sent(as, &plan, header.ts, payload_bytes, in->now_us);
	struct hz_rt_peer *p = &r->peer[s->peer];
	p->stats.down_packets++;
	p->stats.down_bytes += bytes;
	r->ops->send_rtp(r->ctx, s->peer, buf, bytes);
	if (set->flags & HZ_SUB_MIX)
		hz_hold_sent(r, sub, in->now_us);
	if (p->repeats && set->kind == HZ_KIND_VIDEO && payload_bytes)
		hz_repeat_note(r, sub, plan.index, p->repeats, in->now_us);
}

// A packet once more, asked for (NACK) or ahead of that (repeat.c): from the publisher's history, mapped as it was when
// it went out first, wrapped into the RTX stream (RFC 4588), whose own index makes the nonce a new one. Without RTX there
// is no answer: the same index with other bytes would break the cipher.
#include <stdlib.h>
#include <string.h>

#include "media/router/state.h"
#include "media/rtp/bytes.h"
#include "media/rtp/rtx.h"
#include "media/rtp/seq.h"

static const struct hz_sub_map *map_of(const struct hz_router *r, uint32_t sub, uint64_t index,
                                       const struct hz_rt_filter **ret_filter)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_sub_map *map = hz_arena_sub_map(&r->arena->sub[sub]);
	*ret_filter = s->filters ? &s->filters->now : NULL;
	if (map->track && index >= map->out_first)
		return map;
	for (unsigned i = 0; i < HZ_EPOCHS; i++) {
		const struct hz_rt_epoch *e = &s->epoch[i];
		if (!e->map.track || index < e->map.out_first || index > e->out_last)
			continue;
		*ret_filter = s->filters ? &s->filters->epoch[i] : NULL;
		return &e->map;
	}
	return NULL;
}

// The track behind a mapping, if its packets may still flow and its SSRC is still the same one.
static struct hz_rt_stream *stream_of(struct hz_router *r, const struct hz_sub_map *map)
{
	const struct hz_arena_track *at = hz_arena_track(r->arena, map->track);
	if (!at || at->rx[map->layer].ssrc != map->rx_ssrc || hz_arena_track_set(at)->flags & HZ_TRACK_PAUSED)
		return NULL;
	const struct hz_rt_track *t = &r->track[HZ_ID_SLOT(map->track)];
	return r->peer[t->peer].live ? t->layer[map->layer].stream : NULL;
}

static bool too_soon(struct hz_router *r, uint32_t sub, uint64_t index, int64_t now_us)
{
	struct hz_rt_sub *s = &r->sub[sub];
	if (!s->resend)
		s->resend = calloc(HZ_RESEND_SLOTS, sizeof(*s->resend));
	if (!s->resend)
		return true; // unbounded answers would be worse than none
	const struct hz_rt_resend *last = &s->resend[index % HZ_RESEND_SLOTS];
	int64_t gap = r->peer[s->peer].rtt_us ? (int64_t)r->peer[s->peer].rtt_us * 3 / 4 : HZ_RESEND_GUESS_US;
	if (gap < HZ_RESEND_MIN_US)
		gap = HZ_RESEND_MIN_US;
	return last->index == index && now_us - last->at_us < gap;
}

static bool spend(struct hz_router *r, uint32_t slot, size_t bytes, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	p->resend_bytes += (now_us - p->resend_us) * (hz_congestion_resend_bps(r, slot) / 8) / 1000000;
	p->resend_us = now_us;
	if (p->resend_bytes > HZ_RESEND_BURST)
		p->resend_bytes = HZ_RESEND_BURST;
	if (p->resend_bytes < (int64_t)bytes)
		return false;
	p->resend_bytes -= (int64_t)bytes;
	return true;
}

// The ids it went out with; false: its picture was left out, an empty packet took its place.
static bool rewrite_vp8(const struct hz_rt_filter *filter, const struct hz_sub_map *map, uint8_t *payload,
                        size_t bytes)
{
	struct hz_vp8_delta delta = map->vp8;
	struct hz_vp8_descriptor d;
	if (filter && filter->used && !hz_vp8_parse(payload, bytes, &d) && d.picture_id_bits) {
		if (hz_vp8_skip_look(&filter->vp8, d.picture_id, d.picture_id_bits) == HZ_VP8_LEFT_OUT)
			return false;
		delta = hz_vp8_skip_delta(&filter->vp8, d.picture_id, d.picture_id_bits, delta);
	}
	(void)hz_vp8_rewrite_with(&delta, payload, bytes);
	return true;
}

static void send_again(struct hz_router *r, uint32_t sub, const struct hz_sub_map *map,
                       const struct hz_rt_filter *filter, const struct hz_rt_in *in, uint64_t index)
{
	struct hz_rt_sub *s = &r->sub[sub];
	struct hz_arena_sub *as = &r->arena->sub[sub];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(as);
	struct hz_rtp_offsets at;
	struct hz_rtp_header header = {.ts = in->packet.ts + map->ts_offset,
	                               .ssrc = set->ssrc,
	                               .seq = (uint16_t)index,
	                               .pt = hz_forward_pt(s, in),
	                               .marker = hz_filter_marker(map, in)};
	uint8_t *buf = r->ops->rtp_buffer(r->ctx, s->peer);
	if (!buf || hz_forward_header(r, sub, in, &header, buf, &at))
		return;
	if (at.header_bytes + in->packet.payload_bytes + 2 + HZ_SRTP_TRAILER_BYTES > HZ_ROUTER_PACKET_BYTES)
		return;
	size_t bytes = at.header_bytes + hz_forward_payload(s, in, buf + at.header_bytes);
	if (map->codec == HZ_CODEC_VP8 &&
	    !rewrite_vp8(filter, map, buf + at.header_bytes, in->packet.payload_bytes))
		bytes = at.header_bytes;
	if (at.dependency_at) // as it was sent; a mapping without a number sent none
		hz_put16(buf + at.dependency_at + 1,
		         (uint16_t)(hz_get16(buf + at.dependency_at + 1) + map->dd_delta));
	uint64_t rtx_index = hz_next_index(as->rtx_index);
	struct hz_rtx rtx = {
	    .ssrc = set->rtx_ssrc, .seq = (uint16_t)rtx_index, .pt = s->rtx_pt_of[map->codec]};
	if (hz_rtx_wrap(buf, bytes, HZ_ROUTER_PACKET_BYTES, &rtx, &bytes))
		return;
	hz_forward_stamp(r, s->peer, buf, &at, bytes, in->now_us);
	as->rtx_index = rtx_index;
	HZ_ARENA_BARRIER();
	r->peer[s->peer].stats.retransmitted++;
	r->peer[s->peer].stats.down_bytes += bytes;
	r->ops->send_rtp(r->ctx, s->peer, buf, bytes);
}

bool hz_resend_again(struct hz_router *r, uint32_t sub, uint64_t index, bool prepaid, int64_t now_us)
{
	struct hz_rt_sub *s = &r->sub[sub];
	struct hz_rtp_packet packet;
	const struct hz_rt_filter *filter;
	struct hz_rt_in in = {.now_us = now_us};
	if (!r->peer[s->peer].live || hz_arena_sub_set(&r->arena->sub[sub])->flags & HZ_SUB_PAUSED ||
	    index <= s->barred)
		return false;
	const struct hz_sub_map *map = map_of(r, sub, index, &filter);
	if (!map || !s->rtx_pt_of[map->codec])
		return false;
	struct hz_rt_stream *stream = stream_of(r, map);
	int64_t ext = hz_filter_find(filter, map, index);
	if (hz_sub_before(r, sub, map, ext))
		return false;
	struct hz_paced kept = {.ext = ext, .track = (uint16_t)HZ_ID_SLOT(map->track), .layer = map->layer};
	bool found =
	    stream && stream->history && !hz_history_get(stream->history, ext, now_us, &packet, NULL);
	if (!stream || hz_fec_none(stream->fec, ext) || (!found && hz_kept_get(r, sub, &kept, &packet)))
		return false;
	if (!prepaid && !spend(r, s->peer, packet.bytes, now_us))
		return false;
	hz_forward_prepare(r, HZ_ID_SLOT(map->track), &packet, &in);
	in.layer = map->layer;
	in.codec = r->track[HZ_ID_SLOT(map->track)].codec_of[packet.pt];
	in.ext = ext;
	if (!hz_audio_open(&in))
		return false;
	hz_describe(r, stream, &in);
	send_again(r, sub, map, filter, &in, index);
	return true;
}

void hz_resend(struct hz_router *r, uint32_t sub, uint16_t seq, int64_t now_us)
{
	struct hz_rt_sub *s = &r->sub[sub];
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	if (!as->out_index)
		return;
	int64_t index = hz_seq_extend((int64_t)as->out_index, seq);
	if (index <= 0 || (uint64_t)index > as->out_index || too_soon(r, sub, (uint64_t)index, now_us))
		return;
	if (!hz_resend_again(r, sub, (uint64_t)index, false, now_us))
		return;
	s->resend[(uint64_t)index % HZ_RESEND_SLOTS] = (struct hz_rt_resend){now_us, (uint64_t)index};
	if (r->peer[s->peer].repeats)
		hz_repeat_note(r, sub, (uint64_t)index, 1, now_us);
}

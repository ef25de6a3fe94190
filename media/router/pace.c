// Video that waits its turn on a narrow link, and probes. What waits are numbers of packets in the publisher's history,
// not packets; outgoing indices are given when one leaves, so that the order of sending is the order of numbers.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/router/congestion.h"
#include "media/router/state.h"

#define PAD_MAX 255u

static struct hz_paced *at(struct hz_rt_congestion *c, unsigned i)
{
	return &c->pace[(c->pace_head + i) % HZ_PACE_SLOTS];
}

// --- stills

void hz_kept_free(struct hz_router *r, uint32_t sub)
{
	struct hz_rt_congestion *c = r->peer[r->sub[sub].peer].congestion;
	if (!c)
		return;
	for (struct hz_kept **at_kept = &c->kept; *at_kept;) {
		struct hz_kept *k = *at_kept;
		if (k->sub != sub) {
			at_kept = &k->next;
			continue;
		}
		*at_kept = k->next;
		free(k);
		c->kept_count--;
	}
}

int hz_kept_get(const struct hz_router *r, uint32_t sub, const struct hz_paced *q, struct hz_rtp_packet *ret)
{
	const struct hz_rt_congestion *c = r->peer[r->sub[sub].peer].congestion;
	for (const struct hz_kept *k = c ? c->kept : NULL; k; k = k->next)
		if (k->ext == q->ext && k->sub == sub && k->track == q->track && k->layer == q->layer)
			return hz_rtp_parse(k->data, k->bytes, ret);
	return -ENOENT;
}

static void keep(struct hz_rt_congestion *c, const struct hz_rt_in *in, uint32_t sub)
{
	if (c->kept_count == HZ_KEPT_PACKETS || in->packet.bytes > HZ_HISTORY_MAX_PACKET)
		return;
	struct hz_kept *k = malloc(sizeof(*k) + in->packet.bytes);
	if (!k)
		return; // the history has it for a while
	k->next = c->kept;
	k->ext = in->ext;
	k->sub = (uint16_t)sub;
	k->track = in->track;
	k->layer = in->layer;
	k->bytes = (uint16_t)in->packet.bytes;
	memcpy(k->data, in->packet.data, in->packet.bytes);
	c->kept = k;
	c->kept_count++;
}

// --- the queue

void hz_pace_drop(struct hz_router *r, uint32_t sub)
{
	struct hz_rt_congestion *c = r->peer[r->sub[sub].peer].congestion;
	unsigned kept = 0;
	r->sub_cc[sub].pace_key = 0;
	for (unsigned i = 0; c && i < c->pace_count; i++)
		if (at(c, i)->sub != sub)
			*at(c, kept++) = *at(c, i);
	if (c)
		c->pace_count = (uint16_t)kept;
}

// It waited too long, or there is no room: whole pictures go, and it begins anew at a keyframe.
static void give_up(struct hz_router *r, uint32_t sub, int64_t now_us)
{
	hz_pace_drop(r, sub);
	r->sub[sub].resync = 1;
	hz_select_sub(r, sub, now_us);
}

static bool queued(struct hz_rt_congestion *c, uint32_t sub)
{
	for (unsigned i = 0; i < c->pace_count; i++)
		if (at(c, i)->sub == sub)
			return true;
	return false;
}

// Would anything of this packet go out? What cannot is not queued.
static bool relevant(struct hz_router *r, const struct hz_rt_in *in, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	struct hz_rt_sub_cc *sc = &r->sub_cc[sub];
	struct hz_rt_congestion *c = r->peer[s->peer].congestion;
	if (s->want.flow == HZ_FLOW_OFF || !in->packet.payload_bytes ||
	    hz_arena_sub_set(&r->arena->sub[sub])->flags & HZ_SUB_PAUSED)
		return false;
	if (s->want.flow == HZ_FLOW_ALL)
		return in->layer == s->target || in->layer == hz_arena_sub_map(&r->arena->sub[sub])->layer;
	bool another = !sc->pace_key || in->packet.ts != sc->pace_ts;
	if (s->still && another && in->frame.keyframe_start && in->layer == s->target && !queued(c, sub)) {
		sc->pace_key = 1;
		sc->pace_ts = in->packet.ts;
		hz_kept_free(r, sub);
	}
	return sc->pace_key && in->layer == s->target && in->packet.ts == sc->pace_ts;
}

bool hz_pace_waits(const struct hz_router *r, uint32_t sub)
{
	struct hz_rt_congestion *c = r->peer[r->sub[sub].peer].congestion;
	return c && queued(c, sub);
}

bool hz_pace(struct hz_router *r, const struct hz_rt_in *in, uint32_t sub)
{
	const struct hz_rt_sub *s = &r->sub[sub];
	struct hz_rt_congestion *c = r->peer[s->peer].congestion;
	const struct hz_rt_stream *stream = r->track[in->track].layer[in->layer].stream;
	if (!c || hz_arena_sub_set(&r->arena->sub[sub])->kind != HZ_KIND_VIDEO ||
	    hz_arena_sub_set(&r->arena->sub[sub])->flags & HZ_SUB_PIN)
		return false;
	if (!relevant(r, in, sub))
		return true;
	if (s->want.flow == HZ_FLOW_STILL)
		keep(c, in, sub);
	if (!queued(c, sub) && hz_pacer_may(&c->pacer, in->now_us)) {
		if (s->want.flow == HZ_FLOW_STILL) // the next one waits: two are all of a queue on 64 kb/s
			c->trickle_us = in->now_us;
		return false;
	}
	if (!c->pace)
		c->pace = calloc(HZ_PACE_SLOTS, sizeof(*c->pace));
	if (!c->pace || !stream || !stream->history)
		return false; // nowhere to keep it
	if (c->pace_count == HZ_PACE_SLOTS) {
		give_up(r, sub, in->now_us);
		return true;
	}
	*at(c, c->pace_count++) = (struct hz_paced){.ext = in->ext,
	                                            .at_us = in->now_us,
	                                            .sub = (uint16_t)sub,
	                                            .track = in->track,
	                                            .layer = in->layer,
	                                            .codec = in->codec};
	return true;
}

static void send_paced(struct hz_router *r, const struct hz_paced *q, int64_t now_us)
{
	struct hz_rt_in in = {.now_us = now_us};
	struct hz_rtp_packet packet;
	struct hz_rt_stream *stream = r->track[q->track].layer[q->layer].stream;
	if (r->sub[q->sub].track != q->track || !stream)
		return;
	if ((!stream->history || hz_history_get(stream->history, q->ext, now_us, &packet, NULL)) &&
	    hz_kept_get(r, q->sub, q, &packet))
		return;
	hz_forward_prepare(r, q->track, &packet, &in);
	in.layer = q->layer;
	in.codec = q->codec;
	in.ext = q->ext;
	hz_describe(r, stream, &in);
	hz_forward_one(r, &in, q->sub);
}

static int64_t patience_us(const struct hz_router *r, const struct hz_paced *q, bool still)
{
	if (still)
		return HZ_PACE_STILL_US;
	bool detail = hz_arena_track_set(&r->arena->track[q->track])->flags & HZ_TRACK_DETAIL;
	return detail ? HZ_PACE_DETAIL_US : HZ_PACE_US;
}

void hz_pace_drain(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	while (c->pace_count) {
		struct hz_paced q = *at(c, 0);
		bool still = r->sub[q.sub].want.flow == HZ_FLOW_STILL;
		if (now_us - q.at_us > patience_us(r, &q, still)) {
			give_up(r, q.sub, now_us);
			continue;
		}
		bool trickle =
		    still && hz_cc_queue_us(c->cc) < 40000 && now_us - c->trickle_us > HZ_TRICKLE_US;
		if (!trickle && !hz_pacer_may(&c->pacer, now_us))
			return;
		if (still)
			c->trickle_us = now_us;
		c->pace_head = (uint16_t)((c->pace_head + 1) % HZ_PACE_SLOTS);
		c->pace_count--;
		send_paced(r, &q, now_us);
	}
	r->peer[slot].paced = c->pacer.on;
}

// --- probes

static uint16_t probe_sub(const struct hz_router *r, uint32_t slot, uint8_t *ret_pt)
{
	for (uint16_t s = r->peer[slot].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_peer) {
		const struct hz_arena_sub *as = &r->arena->sub[s];
		const struct hz_cmd_sub_set *set = hz_arena_sub_set(as);
		uint8_t pt = r->sub[s].rtx_pt_of[hz_arena_sub_map(as)->codec];
		if (set->kind != HZ_KIND_VIDEO || set->flags & HZ_SUB_PAUSED || !set->rtx_ssrc ||
		    !set->ext.twcc || !as->started || !pt)
			continue;
		*ret_pt = pt;
		return s;
	}
	return HZ_NO_SLOT;
}

// Nothing but padding on the RTX stream: receivers count it and throw it away.
static size_t send_padding(struct hz_router *r, uint32_t sub, uint8_t pt, size_t wire, int64_t now_us)
{
	struct hz_rt_sub *s = &r->sub[sub];
	struct hz_arena_sub *as = &r->arena->sub[sub];
	struct hz_rt_in in = {.now_us = now_us, .plain = true};
	struct hz_rtp_offsets offsets;
	uint64_t index = hz_next_index(as->rtx_index);
	struct hz_rtp_header header = {
	    .ts = as->last_ts, .ssrc = hz_arena_sub_set(as)->rtx_ssrc, .seq = (uint16_t)index, .pt = pt};
	uint8_t *buf = r->ops->rtp_buffer(r->ctx, s->peer);
	if (!buf || hz_forward_header(r, sub, &in, &header, buf, &offsets))
		return 0;
	size_t fixed = offsets.header_bytes + HZ_CC_OVERHEAD_BYTES;
	size_t pad = wire > fixed ? wire - fixed : 1;
	pad = pad > PAD_MAX ? PAD_MAX : pad;
	buf[0] |= 0x20;
	memset(buf + offsets.header_bytes, 0, pad - 1);
	buf[offsets.header_bytes + pad - 1] = (uint8_t)pad;
	size_t bytes = offsets.header_bytes + pad;
	hz_forward_stamp(r, s->peer, buf, &offsets, bytes, now_us);
	as->rtx_index = index;
	HZ_ARENA_BARRIER();
	r->peer[s->peer].stats.down_bytes += bytes;
	r->ops->send_rtp(r->ctx, s->peer, buf, bytes);
	return bytes + HZ_CC_OVERHEAD_BYTES;
}

// A stream of which nothing goes out and nothing waits: the next picture of it begins a new mapping, whatever its newest index.
static uint16_t resting_sub(const struct hz_router *r, uint32_t slot, int64_t now_us)
{
	for (uint16_t s = r->peer[slot].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_peer) {
		const struct hz_arena_sub *as = &r->arena->sub[s];
		const struct hz_cmd_sub_set *set = hz_arena_sub_set(as);
		if (set->kind == HZ_KIND_VIDEO && !(set->flags & (HZ_SUB_PAUSED | HZ_SUB_PIN)) &&
		    set->ext.twcc && as->started && r->sub[s].want.flow != HZ_FLOW_ALL &&
		    now_us - as->last_us > HZ_REST_US && !hz_pace_waits(r, s) &&
		    r->sub[s].pt_of[hz_arena_sub_map(as)->codec])
			return s;
	}
	return HZ_NO_SLOT;
}

// Where there is no RTX stream for padding and no sound with numbers, somebody must be heard of when the network is back.
static void send_beat(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	uint16_t sub = resting_sub(r, slot, now_us);
	if (sub == HZ_NO_SLOT)
		return;
	struct hz_rt_sub *s = &r->sub[sub];
	struct hz_arena_sub *as = &r->arena->sub[sub];
	struct hz_rt_in in = {.now_us = now_us, .plain = true};
	struct hz_rtp_offsets at;
	uint64_t index = hz_next_index(as->out_index);
	struct hz_rtp_header header = {.ts = as->last_ts,
	                               .ssrc = hz_arena_sub_set(as)->ssrc,
	                               .seq = (uint16_t)index,
	                               .pt = s->pt_of[hz_arena_sub_map(as)->codec]};
	uint8_t *buf = r->ops->rtp_buffer(r->ctx, s->peer);
	if (!buf || hz_forward_header(r, sub, &in, &header, buf, &at))
		return;
	s->resync = 1; // this index is nobody else's
	s->still_valid = 0;
	hz_forward_stamp(r, s->peer, buf, &at, at.header_bytes, now_us);
	as->out_index = index;
	HZ_ARENA_BARRIER();
	r->peer[s->peer].stats.down_bytes += at.header_bytes;
	r->ops->send_rtp(r->ctx, s->peer, buf, at.header_bytes);
}

bool hz_probe_may(const struct hz_router *r, uint32_t slot)
{
	uint8_t pt;
	return probe_sub(r, slot, &pt) != HZ_NO_SLOT;
}

bool hz_probe_send(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	size_t packet = 0, done = 0, due = hz_cc_probe(c->cc, now_us, &packet);
	uint8_t pt = 0;
	uint16_t sub = due ? probe_sub(r, slot, &pt) : HZ_NO_SLOT;
	if (due && sub == HZ_NO_SLOT)
		send_beat(r, slot, now_us);
	if (sub == HZ_NO_SLOT)
		return false;
	c->probing = 1;
	while (done < due) {
		size_t sent = send_padding(r, sub, pt, packet, now_us);
		if (!sent)
			break;
		done += sent;
	}
	c->probing = 0;
	return hz_cc_probing(c->cc);
}

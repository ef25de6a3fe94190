// A decrypted RTP packet of a peer: whose is it, is it new, what does it say, and on to the subscriptions.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/router/state.h"
#include "media/rtp/red.h"
#include "media/rtp/rtx.h"
#include "media/rtp/seq.h"

#define HISTORY_SLOTS_VIDEO 1024u
#define HISTORY_SLOTS_AUDIO 64u

enum way { // how a packet came
	WAY_WIRE,
	WAY_AGAIN, // retransmitted
	WAY_MADE,  // from redundancy
};

static void note_roc(struct hz_arena_rx *rx, uint32_t roc, uint16_t seq)
{
	if (!rx->seen || hz_seq_newer(seq, (uint16_t)rx->index))
		rx->index = (uint64_t)roc << 16 | seq;
	HZ_ARENA_BARRIER();
	rx->seen = 1;
}

static void note_twcc(struct hz_router *r, uint32_t slot, const struct hz_rt_in *in)
{
	struct hz_rt_peer *p = &r->peer[slot];
	if (!(in->exts.has & HZ_EXT_TWCC))
		return;
	if (!p->twcc) {
		struct hz_twcc *twcc = malloc(sizeof(*twcc));
		if (!twcc)
			return; // no feedback, the sender stays slow: try again with the next packet
		hz_twcc_init(twcc);
		p->twcc = twcc;
	}
	p->twcc_ssrc = in->packet.ssrc;
	hz_twcc_on_packet(p->twcc, in->exts.twcc_seq, in->now_us);
}

static void note_frame(struct hz_rt_layer *l, const struct hz_rt_in *in)
{
	if (l->frame_us && !hz_ts_newer(in->packet.ts, l->frame_ts))
		return;
	int64_t gap_us = in->now_us - l->frame_us;
	if (gap_us < HZ_LAYER_DEAD_US) // not over a pause
		l->gap_us = l->gap_us ? (uint32_t)((l->gap_us * 7ll + gap_us) / 8) : (uint32_t)gap_us;
	l->frame_us = in->now_us;
	l->frame_ts = in->packet.ts;
}

// A layer of which only repairs come has stopped: what was asked for is all that its sender still has of it.
static void note_activity(struct hz_router *r, const struct hz_rt_in *in, bool newest)
{
	struct hz_rt_track *t = &r->track[in->track];
	struct hz_arena_track *at = &r->arena->track[in->track];
	struct hz_rt_layer *l = &t->layer[in->layer];
	uint8_t codec = in->primary ? HZ_CODEC_OPUS : in->codec; // whether it comes in RED is no news
	// After an outage the last request was lost: the next one need not wait for its answer.
	if (l->last_us && in->now_us - l->last_us > HZ_LAYER_DEAD_US)
		l->asked_us = 0;
	if (newest)
		t->last_us = l->last_us = in->now_us;
	note_frame(l, in);
	r->media_us = in->now_us;
	if (at->codec != codec)
		at->codec = codec;
	if (newest && !l->alive)
		hz_layers_check(r, in->track, in->now_us);
	if (in->frame.keyframe_start) { // after the look at the layers, which may have wanted this very one
		hz_keyframe_seen(r, in);
	}
	if (!t->active) { // another codec is told at the next look at all tracks: it may change with each packet
		t->active = 1;
		hz_event_track_state(r, in->track);
	}
	if (in->exts.has & HZ_EXT_AUDIO_LEVEL)
		hz_level_update(&t->level, in->exts.audio_level_dbov, in->exts.voice, in->now_us);
}

static void keep(struct hz_router *r, struct hz_rt_stream *stream, const struct hz_rt_in *in)
{
	bool video = hz_arena_track_set(&r->arena->track[in->track])->kind == HZ_KIND_VIDEO;
	uint32_t slots = video ? HISTORY_SLOTS_VIDEO : HISTORY_SLOTS_AUDIO;
	bool asked_for = video || r->track[in->track].flags_of[in->packet.pt] & HZ_PT_NACK;
	if (!hz_track_wanted(r, in->track) || !in->packet.payload_bytes || !asked_for)
		return;
	// Without memory nothing can be sent again: worse pictures on a lossy link, no more.
	if (!stream->history && hz_history_new(r->pool, slots, &stream->history))
		return;
	(void)hz_history_put(stream->history, in->ext, &in->packet, in->now_us);
}

static int take_media(struct hz_router *r, const struct hz_ssrc_entry *e, struct hz_rt_in *in, enum way way);

// What was lost on the way to us and lies in this packet once more goes out first, whether receivers take RED or not.
static void take_missed(struct hz_router *r, const struct hz_ssrc_entry *e, const struct hz_rt_in *in,
                        int64_t before)
{
	uint8_t buf[HZ_RTP_FIXED_BYTES + 1024]; // a redundant block has at most 1,023 bytes
	if (!in->primary || !before)
		return;
	for (unsigned back = HZ_RED_MAX_BLOCKS; back > 0; back--) {
		struct hz_rt_in missed = {.now_us = in->now_us};
		struct hz_rtp_packet packet;
		size_t bytes = in->ext - back > before ? hz_audio_missed(in, back, buf, sizeof(buf)) : 0;
		if (!bytes || hz_rtp_parse(buf, bytes, &packet))
			continue;
		hz_forward_prepare(r, e->track, &packet, &missed);
		(void)take_media(r, e, &missed, WAY_MADE);
		hz_burst_flush(r); // it lies in our buffer
	}
}

// Too late for everybody: whoever gets this stream begins anew, and not with a keyframe from before.
static void pass_over(struct hz_router *r, const struct hz_rt_in *in)
{
	r->track[in->track].layer[in->layer].key_us = 0;
	for (uint16_t s = r->track[in->track].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_track)
		r->sub[s].resync = 1;
	r->arena->counters.late++;
}

static bool flows(const struct hz_router *r, uint32_t track)
{
	return r->peer[r->track[track].peer].live &&
	       !(hz_arena_track_set(&r->arena->track[track])->flags & HZ_TRACK_PAUSED);
}

// What waited while we stood still is too late to be shown, not to be kept.
static void tap(struct hz_router *r, const struct hz_rt_in *in, enum way way)
{
	const struct hz_ring_record record = {
	    .kind = HZ_RING_RTP,
	    .flags = (uint16_t)(in->layer | (way != WAY_WIRE ? HZ_TAP_REPAIRED : 0)),
	    .source = r->arena->track[in->track].id,
	    .arrival_us = in->now_us};
	if (in->packet.payload_bytes)
		r->ops->tap(r->ctx, &record, in->packet.data, in->packet.bytes);
}

struct arrival {
	struct hz_rt_stream *stream;
	enum hz_receive how;
	int64_t before; // newest number until now
};

// False: it was here before, or there is no memory for it.
static bool is_new(struct hz_router *r, const struct hz_ssrc_entry *e, struct hz_rt_in *in, enum way way,
                   struct arrival *ret)
{
	struct hz_arena_rx *rx = &r->arena->track[in->track].rx[e->layer];
	struct hz_rt_stream *stream = hz_track_stream(r, e->track, e->layer);
	if (!stream)
		return false;
	ret->stream = stream;
	if (in->red && !stream->fec) // without memory: receivers see gaps, nothing is made
		stream->fec = calloc(1, sizeof(*stream->fec));
	ret->how = hz_receiver_on_packet(&stream->rx, in->packet.seq, in->packet.ts, way != WAY_WIRE,
	                                 in->now_us, &in->ext);
	if (ret->how != HZ_RECEIVE_NEW && ret->how != HZ_RECEIVE_RESTART)
		return false;
	ret->before = rx->highest;
	if (in->ext > rx->highest)
		rx->highest = in->ext;
	if (way == WAY_MADE)
		hz_nack_forget(&stream->nack, in->ext);
	else
		hz_nack_on_packet(&stream->nack, in->ext, in->now_us);
	return true;
}

// A packet of the main stream, from the wire or repaired.
static int take_media(struct hz_router *r, const struct hz_ssrc_entry *e, struct hz_rt_in *in, enum way way)
{
	struct hz_arena_track *at = &r->arena->track[in->track];
	struct arrival a;
	in->layer = e->layer;
	in->codec = r->track[in->track].codec_of[in->packet.pt];
	if (in->codec == HZ_CODEC_NONE)
		return -ENOENT;
	if (!hz_audio_open(in))
		return -EBADMSG;
	hz_burst_next(r, e, in->packet.ts);
	if (!is_new(r, e, in, way, &a))
		return 0;
	r->track[in->track].layer[in->layer].again += way == WAY_AGAIN;
	hz_fec_arrived(a.stream->fec, in->ext, false, way == WAY_AGAIN || in->packet.padding_bytes);
	if (way == WAY_WIRE && !r->late && in->packet.payload_bytes)
		hz_clockmap_on_packet(&at->clock[e->layer], in->packet.ts, in->now_us);
	hz_describe(r, a.stream, in);
	hz_rate_add(a.stream, in);
	note_activity(r, in, in->ext > a.before);
	if (in->frame.keyframe_start)
		hz_nack_forget_before(&a.stream->nack, in->ext);
	if (a.how == HZ_RECEIVE_RESTART)
		hz_keyframe_want(r, in->track, in->layer);
	if (!flows(r, in->track))
		return 0;
	if (hz_track_tapped(r, in->track))
		tap(r, in, way);
	if (r->late) {
		pass_over(r, in);
		return 0;
	}
	hz_fec_settle(r, a.stream, in);
	take_missed(r, e, in, a.before);
	keep(r, a.stream, in);
	hz_burst_add(r, in);
	return 0;
}

// It counts as received, is kept while it may be of use, and goes to nobody.
static void take_parity(struct hz_router *r, const struct hz_ssrc_entry *e, struct hz_rt_in *in, enum way way)
{
	struct arrival a;
	in->layer = e->layer;
	if (!is_new(r, e, in, way, &a))
		return;
	hz_fec_arrived(a.stream->fec, in->ext, true, false);
	if (a.how == HZ_RECEIVE_RESTART)
		hz_keyframe_want(r, in->track, in->layer);
	if (in->ext < a.stream->rx.highest)
		hz_fec_fill(r, in, in->ext);
	if (flows(r, in->track) && !r->late)
		hz_fec_keep(a.stream, in);
}

// What can be made of parity goes the way of every repaired packet; each turn uses parity up.
static void take_made(struct hz_router *r, const struct hz_ssrc_entry *e, int64_t now_us)
{
	struct hz_rt_stream *stream = r->track[e->track].layer[e->layer].stream;
	struct hz_ulpfec_sum sum;
	struct hz_rtp_packet packet;
	while (stream && hz_fec_make(r, stream, e->track, now_us, &sum, &packet)) {
		struct hz_rt_in made = {.now_us = now_us};
		int64_t before = stream->rx.recovered;
		hz_forward_prepare(r, e->track, &packet, &made);
		(void)take_media(r, e, &made, WAY_MADE);
		hz_burst_flush(r); // it lies in our buffer
		r->arena->counters.fec_recovered += stream->rx.recovered > before;
	}
}

// A packet of the main stream: of video it may be in RED, with a parity packet inside.
static int take_main(struct hz_router *r, const struct hz_ssrc_entry *e, struct hz_rt_in *in, uint8_t *data,
                     enum way way)
{
	const struct hz_rt_track *t = &r->track[e->track];
	int err = 0;
	if (hz_arena_track_set(&r->arena->track[e->track])->kind != HZ_KIND_VIDEO)
		return take_media(r, e, in, way);
	err = hz_fec_open(r, in, data);
	if (err)
		return err;
	uint8_t codec = t->codec_of[in->packet.pt];
	if (codec == HZ_CODEC_RED || codec == HZ_CODEC_ULPFEC)
		take_parity(r, e, in, way);
	else
		err = take_media(r, e, in, way);
	take_made(r, e, in->now_us);
	return err;
}

static int take_rtx(struct hz_router *r, const struct hz_ssrc_entry *e, struct hz_rt_in *in, uint8_t *data)
{
	const struct hz_arena_track *at = &r->arena->track[e->track];
	uint8_t pt = r->track[e->track].media_of[in->packet.pt];
	uint32_t ssrc = at->rx[e->layer].ssrc;
	uint8_t *inner;
	size_t inner_bytes;
	if (!pt || !ssrc)
		return 0; // what it repairs is not known yet
	int err = hz_rtx_unwrap(data, in->packet.bytes, pt, ssrc, &inner, &inner_bytes);
	if (err == -ENODATA)
		return 0;
	if (err)
		return err;
	struct hz_rtp_packet packet;
	err = hz_rtp_parse(inner, inner_bytes, &packet);
	if (err)
		return err;
	hz_forward_prepare(r, e->track, &packet, in);
	return take_main(r, e, in, inner, WAY_AGAIN);
}

static int take(struct hz_router *r, uint32_t slot, uint8_t *data, size_t bytes, uint32_t roc, int64_t now_us)
{
	struct hz_rt_in in = {.now_us = now_us};
	struct hz_rtp_packet packet;
	int err = hz_rtp_parse(data, bytes, &packet);
	if (err)
		return err;
	struct hz_ssrc_entry *e = hz_ssrc_find(r, slot, packet.ssrc);
	if (!e)
		e = hz_ssrc_learn(r, slot, &packet, now_us);
	if (!e)
		return -ENOENT;
	struct hz_arena_track *at = &r->arena->track[e->track];
	note_roc(e->rtx ? &at->rtx[e->layer] : &at->rx[e->layer], roc, packet.seq);
	hz_forward_prepare(r, e->track, &packet, &in);
	note_twcc(r, slot, &in);
	hz_brake_note(r, slot, &in);
	uint32_t track = e->track;
	err = e->rtx ? take_rtx(r, e, &in, data) : take_main(r, e, &in, data, WAY_WIRE);
	hz_keyframe_poll(r, track, now_us);
	return err;
}

void hz_router_late(struct hz_router *router, bool late)
{
	router->late = late;
}

int hz_router_rtp(struct hz_router *router, uint32_t slot, uint8_t *data, size_t bytes, uint32_t roc,
                  int64_t now_us)
{
	if (slot >= HZ_MAX_PEERS || !router->peer[slot].used)
		return -ENOENT;
	struct hz_rt_peer *p = &router->peer[slot];
	p->stats.up_packets++;
	p->stats.up_bytes += bytes;
	p->up_total += bytes;
	int err = take(router, slot, data, bytes, roc, now_us);
	if (err == -ENOENT)
		router->arena->counters.unmatched++;
	else if (err)
		router->arena->counters.rtp_bad++;
	return err;
}

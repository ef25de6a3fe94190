// A router on an arena of its own, a fake clock, and everything it emits kept for the test to look at.
#ifndef HZ_TESTS_UNIT_ROUTER_FIXTURE_H
#define HZ_TESTS_UNIT_ROUTER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "media/router/arena.h"
#include "media/router/router.h"
#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"
#include "media/rtp/seq.h"

#define FX_MAX      20000
#define PT_VP8      96
#define PT_VP8_RTX  97
#define PT_H264     102
#define PT_H264_RTX 103
#define PT_OPUS     111

struct fx_packet {
	uint32_t slot;
	size_t bytes;
	uint64_t index; // 48 bits
	struct hz_rtp_packet p;
	uint8_t data[2048];
};

struct fx_rtcp {
	uint32_t slot;
	size_t bytes;
	uint8_t data[HZ_ROUTER_RTCP_BYTES];
};

struct fx_tapped {
	struct hz_ring_record record;
	size_t bytes;
	uint8_t data[2048];
};

struct fx {
	struct hz_arena *arena;
	struct hz_router *router;
	int64_t now;
	bool api_full, no_buffer;
	struct fx_packet *out;
	size_t out_count;
	struct fx_rtcp *rtcp;
	size_t rtcp_count;
	union hz_msg *events;
	size_t events_count;
	struct fx_tapped *tap;
	size_t tap_count;
	uint8_t buffer[HZ_ROUTER_PACKET_BYTES];
	uint32_t seq;
	void (*on_send)(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes); // NULL: keep
	unsigned primers; // empty packets ahead of a stream's first one: not kept
	unsigned removed, changed, rx_retired, tx_forgotten;
};

static uint8_t *fx_buffer(void *ctx, uint32_t slot)
{
	struct fx *fx = ctx;
	return fx->no_buffer ? NULL : fx->buffer;
}

// The 48-bit index of a packet of this peer, by the arena.
static inline uint64_t fx_index(struct fx *fx, uint32_t slot, uint32_t ssrc, uint16_t seq)
{
	for (uint32_t i = 0; i < fx->arena->subs_high; i++) {
		const struct hz_arena_sub *s = &fx->arena->sub[i];
		const struct hz_cmd_sub_set *set = hz_arena_sub_set(s);
		if (!s->id || HZ_ID_SLOT(set->peer) != slot)
			continue;
		if (set->ssrc == ssrc)
			return (uint64_t)hz_seq_extend((int64_t)s->out_index, seq);
		if (set->rtx_ssrc == ssrc)
			return (uint64_t)hz_seq_extend((int64_t)s->rtx_index, seq);
	}
	return 0;
}

static inline bool fx_is_primer(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtp_parse(buf, bytes, &p), 0);
	for (uint32_t i = 0; i < fx->arena->subs_high; i++) {
		const struct hz_arena_sub *s = &fx->arena->sub[i];
		if (s->id && HZ_ID_SLOT(hz_arena_sub_set(s)->peer) == slot &&
		    hz_arena_sub_set(s)->ssrc == p.ssrc)
			return !s->started;
	}
	return false;
}

static void fx_send_rtp(void *ctx, uint32_t slot, uint8_t *buf, size_t bytes)
{
	struct fx *fx = ctx;
	assert_ptr_equal(buf, fx->buffer);
	assert_true(bytes + HZ_SRTP_TRAILER_BYTES <= HZ_ROUTER_PACKET_BYTES);
	if (fx->on_send) {
		fx->on_send(fx, slot, buf, bytes);
		return;
	}
	if (fx_is_primer(fx, slot, buf, bytes)) {
		fx->primers++;
		return;
	}
	assert_true(fx->out_count < FX_MAX);
	struct fx_packet *o = &fx->out[fx->out_count++];
	o->slot = slot;
	o->bytes = bytes;
	memcpy(o->data, buf, bytes);
	assert_int_equal(hz_rtp_parse(o->data, bytes, &o->p), 0);
	o->index = fx_index(fx, slot, o->p.ssrc, o->p.seq);
}

static void fx_send_rtcp(void *ctx, uint32_t slot, uint8_t *buf, size_t bytes)
{
	struct fx *fx = ctx;
	assert_int_equal(hz_rtcp_check(buf, bytes), 0);
	assert_true(fx->rtcp_count < FX_MAX);
	struct fx_rtcp *o = &fx->rtcp[fx->rtcp_count++];
	o->slot = slot;
	o->bytes = bytes;
	memcpy(o->data, buf, bytes);
}

static bool fx_event(void *ctx, const union hz_msg *msg)
{
	struct fx *fx = ctx;
	if (fx->api_full)
		return false;
	assert_true(fx->events_count < FX_MAX);
	memcpy(&fx->events[fx->events_count++], msg, msg->h.bytes);
	return true;
}

static void fx_changed(void *ctx, uint32_t slot)
{
	((struct fx *)ctx)->changed++;
}

static void fx_removed(void *ctx, uint32_t slot)
{
	((struct fx *)ctx)->removed++;
}

static void fx_rx_retired(void *ctx, uint32_t slot, uint32_t ssrc)
{
	((struct fx *)ctx)->rx_retired++;
}

static void fx_tx_forgotten(void *ctx, uint32_t slot, uint32_t ssrc)
{
	((struct fx *)ctx)->tx_forgotten++;
}

static void fx_tap(void *ctx, const struct hz_ring_record *record, const uint8_t *data, size_t bytes)
{
	struct fx *fx = ctx;
	assert_true(fx->tap_count < FX_MAX && bytes <= HZ_RING_RECORD_BYTES);
	struct fx_tapped *t = &fx->tap[fx->tap_count++];
	t->record = *record;
	t->bytes = bytes;
	memcpy(t->data, data, bytes);
}

static const struct hz_router_ops fx_ops = {.rtp_buffer = fx_buffer,
                                            .send_rtp = fx_send_rtp,
                                            .send_rtcp = fx_send_rtcp,
                                            .event = fx_event,
                                            .peer_changed = fx_changed,
                                            .peer_removed = fx_removed,
                                            .rx_retired = fx_rx_retired,
                                            .tx_forgotten = fx_tx_forgotten,
                                            .tap = fx_tap};

static inline struct hz_arena *fx_arena(void)
{
	void *at =
	    mmap(NULL, sizeof(struct hz_arena), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static inline void fx_start(struct fx *fx)
{
	struct hz_arena_report report;
	assert_int_equal(hz_arena_open(fx->arena, &report), 0);
	struct hz_router_options options = {.arena = fx->arena,
	                                    .ops = &fx_ops,
	                                    .ctx = fx,
	                                    .now_us = fx->now,
	                                    .wall_offset_us = 1700000000000000,
	                                    .history_bytes = 4 << 20};
	assert_int_equal(hz_router_new(&options, &fx->router), 0);
}

// As after kill -9: private memory is gone, the arena is what it was.
static inline void fx_restart(struct fx *fx)
{
	hz_router_free(fx->router);
	fx->router = NULL;
	fx_start(fx);
}

static inline struct fx *fx_new(void)
{
	struct fx *fx = calloc(1, sizeof(*fx));
	fx->out = calloc(FX_MAX, sizeof(*fx->out));
	fx->rtcp = calloc(FX_MAX, sizeof(*fx->rtcp));
	fx->events = calloc(FX_MAX, sizeof(*fx->events));
	fx->tap = calloc(FX_MAX, sizeof(*fx->tap));
	fx->arena = fx_arena();
	fx->now = 1000000000;
	fx_start(fx);
	return fx;
}

static inline void fx_free(struct fx *fx)
{
	hz_router_free(fx->router);
	munmap(fx->arena, sizeof(*fx->arena));
	free(fx->out);
	free(fx->rtcp);
	free(fx->events);
	free(fx->tap);
	free(fx);
}

static inline void fx_clear(struct fx *fx)
{
	fx->out_count = fx->rtcp_count = fx->events_count = fx->tap_count = 0;
}

static inline void fx_advance(struct fx *fx, int64_t us)
{
	int64_t until = fx->now + us;
	while (fx->now < until) {
		int64_t step = until - fx->now < 5000 ? until - fx->now : 5000;
		fx->now += step;
		hz_router_tick(fx->router, fx->now);
	}
}

// --- commands

static inline int fx_command(struct fx *fx, union hz_msg *msg, uint16_t type, size_t bytes)
{
	hz_id id;
	msg->h = (struct hz_msg_header){
	    .version = HZ_API_VERSION, .type = type, .bytes = (uint32_t)bytes, .seq = ++fx->seq};
	return hz_router_command(fx->router, msg, bytes, fx->now, &id);
}

static inline union hz_msg fx_peer_msg(uint32_t slot, uint32_t consult, uint32_t flags)
{
	union hz_msg m = {.peer_set = {.peer = HZ_ID(slot, 1), .consult = consult, .flags = flags}};
	snprintf(m.peer_set.local_ufrag, HZ_UFRAG_BYTES, "ufrag%u", slot);
	snprintf(m.peer_set.local_pwd, HZ_PWD_BYTES, "password-of-22-letters-%u", slot);
	return m;
}

static inline int fx_peer_set(struct fx *fx, uint32_t slot, uint32_t consult, uint32_t flags)
{
	union hz_msg m = fx_peer_msg(slot, consult, flags);
	return fx_command(fx, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set));
}

static inline void fx_peer(struct fx *fx, uint32_t slot, uint32_t consult, uint32_t flags)
{
	assert_int_equal(fx_peer_set(fx, slot, consult, flags), 0);
	fx->arena->peer[slot].dtls = HZ_ARENA_DTLS_DONE;
	fx->arena->peer[slot].keys.profile = HZ_SRTP_AEAD_AES_128_GCM;
	hz_router_peer_state(fx->router, slot, HZ_PEER_CONNECTED, HZ_REASON_NONE, fx->now);
}

// A router with two peers in one consult.
static inline struct fx *fx_two(void)
{
	struct fx *fx = fx_new();
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	return fx;
}

// Of a test whose state it is.
static inline int fx_teardown(void **state)
{
	fx_free(*state);
	return 0;
}

// SSRCs of track t: 1000 t + 10 + layer, RTX + 5. Publishers number extensions 1 mid, 2 rid, 3 rrid, 4 level, 5 twcc,
// 6 orientation; receivers 8 mid, 9 level, 10 abs-send-time, 11 twcc, 12 orientation.
static inline uint32_t fx_ssrc(uint32_t track, unsigned layer)
{
	return 1000 * track + 10 + layer;
}

static inline union hz_msg fx_track_msg(uint32_t slot, uint32_t peer, uint8_t kind, uint8_t layers)
{
	union hz_msg m = {.track_set = {.track = HZ_ID(slot, 1),
	                                .peer = HZ_ID(peer, 1),
	                                .kind = kind,
	                                .layer_count = layers,
	                                .ext = {.mid = 1,
	                                        .rid = 2,
	                                        .rrid = 3,
	                                        .audio_level = 4,
	                                        .twcc = 5,
	                                        .orientation = 6,
	                                        .playout_delay = 14}}};
	struct hz_cmd_track_set *t = &m.track_set;
	snprintf(t->mid, HZ_MID_BYTES, "m%u", slot);
	for (unsigned i = 0; i < layers; i++) {
		t->ssrc[i] = fx_ssrc(slot, i);
		t->rtx_ssrc[i] = kind == HZ_KIND_VIDEO ? fx_ssrc(slot, i) + 5 : 0;
		if (layers > 1)
			snprintf(t->rid[i], HZ_RID_BYTES, "r%u", i);
	}
	if (kind == HZ_KIND_AUDIO) {
		t->pt[0] = (struct hz_pt){PT_OPUS, 0, HZ_CODEC_OPUS, 0};
		t->pt_count = 1;
	} else {
		t->pt[0] =
		    (struct hz_pt){PT_VP8, PT_VP8_RTX, HZ_CODEC_VP8, HZ_PT_NACK | HZ_PT_PLI | HZ_PT_TWCC};
		t->pt[1] = (struct hz_pt){PT_H264, PT_H264_RTX, HZ_CODEC_H264_CB, HZ_PT_NACK | HZ_PT_PLI};
		t->pt_count = 2;
	}
	return m;
}

static inline void fx_track(struct fx *fx, uint32_t slot, uint32_t peer, uint8_t kind, uint8_t layers)
{
	union hz_msg m = fx_track_msg(slot, peer, kind, layers);
	assert_int_equal(fx_command(fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), 0);
}

static inline union hz_msg fx_sub_msg(uint32_t slot, uint32_t peer, uint32_t track, uint8_t kind)
{
	union hz_msg m = {
	    .sub_set = {
	        .sub = HZ_ID(slot, 1),
	        .peer = HZ_ID(peer, 1),
	        .track = track == UINT32_MAX ? 0 : HZ_ID(track, 1),
	        .kind = kind,
	        .max_layer = 2,
	        .ssrc = 900000 + slot,
	        .rtx_ssrc = kind == HZ_KIND_VIDEO ? 950000 + slot : 0,
	        .ext = {.mid = 8, .audio_level = 9, .abs_send_time = 10, .twcc = 11, .orientation = 12}}};
	struct hz_cmd_sub_set *s = &m.sub_set;
	snprintf(s->mid, HZ_MID_BYTES, "s%u", slot);
	if (kind == HZ_KIND_AUDIO) {
		s->pt[0] = (struct hz_pt){109, 0, HZ_CODEC_OPUS, 0};
		s->pt_count = 1;
	} else {
		s->pt[0] = (struct hz_pt){120, 121, HZ_CODEC_VP8, HZ_PT_NACK | HZ_PT_PLI};
		s->pt[1] = (struct hz_pt){126, 127, HZ_CODEC_H264_CB, HZ_PT_NACK | HZ_PT_PLI};
		s->pt_count = 2;
	}
	return m;
}

static inline int fx_sub_set(struct fx *fx, union hz_msg *m)
{
	return fx_command(fx, m, HZ_CMD_SUB_SET, sizeof(m->sub_set));
}

static inline void fx_sub(struct fx *fx, uint32_t slot, uint32_t peer, uint32_t track, uint8_t kind)
{
	union hz_msg m = fx_sub_msg(slot, peer, track, kind);
	assert_int_equal(fx_sub_set(fx, &m), 0);
}

// --- packets

struct fx_in {
	uint32_t ssrc, ts;
	uint16_t seq;
	uint8_t pt;
	bool key, marker;
	const char *mid, *rid, *rrid;
	int level;             // 0 none, else -dBov with the voice bit
	int twcc;              // 0 none, else the number
	uint16_t playout_10ms; // 0 none
	uint16_t picture;
	uint32_t body;      // four bytes that tell packets apart
	const uint8_t *raw; // payload instead of a codec's
	size_t raw_bytes;   // with raw
	bool empty;         // no payload
};

static inline size_t fx_payload(const struct fx_in *in, uint8_t *p)
{
	size_t n = 0;
	if (in->empty)
		return 0;
	if (in->raw) {
		memcpy(p, in->raw, in->raw_bytes);
		return in->raw_bytes;
	}
	if (in->pt == PT_VP8) {
		static const uint8_t vp8[] = {0x90, 0xe0, 0x80,
		                              0,    7,    0x20}; // X S | I L T | 15-bit id | TL0 | TID
		memcpy(p, vp8, sizeof(vp8));
		p[2] = (uint8_t)(0x80 | (in->picture >> 8));
		p[3] = (uint8_t)in->picture;
		p[4] = (uint8_t)in->picture; // TL0PICIDX
		n = sizeof(vp8);
		p[n++] = in->key ? 0x10 : 0x11; // P bit
		memcpy(p + n, "\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00", 9);
		n += 9;
	} else if (in->pt == PT_H264) {
		memcpy(p, in->key ? "\x67\x42\xc0\x1f" : "\x41\x9a\x01\x02", 4);
		n = 4;
	}
	memcpy(p + n, &in->body, 4);
	return n + 4;
}

static inline size_t fx_build(const struct fx_in *in, uint8_t *buf)
{
	struct hz_ext_ids ids = {.mid = 1,
	                         .rid = 2,
	                         .rrid = 3,
	                         .audio_level = 4,
	                         .twcc = 5,
	                         .orientation = 6,
	                         .playout_delay = 14};
	struct hz_rtp_exts exts = {0};
	struct hz_rtp_offsets at;
	struct hz_rtp_header h = {
	    .ts = in->ts, .ssrc = in->ssrc, .seq = in->seq, .pt = in->pt, .marker = in->marker};
	if (in->mid) {
		exts.has |= HZ_EXT_MID;
		snprintf(exts.mid, sizeof(exts.mid), "%s", in->mid);
	}
	if (in->rid) {
		exts.has |= HZ_EXT_RID;
		snprintf(exts.rid, sizeof(exts.rid), "%s", in->rid);
	}
	if (in->rrid) {
		exts.has |= HZ_EXT_RRID;
		snprintf(exts.rrid, sizeof(exts.rrid), "%s", in->rrid);
	}
	if (in->level) {
		exts.has |= HZ_EXT_AUDIO_LEVEL;
		exts.audio_level_dbov = (uint8_t)in->level;
		exts.voice = true;
	}
	if (in->twcc) {
		exts.has |= HZ_EXT_TWCC;
		exts.twcc_seq = (uint16_t)in->twcc;
	}
	if (in->playout_10ms) {
		exts.has |= HZ_EXT_PLAYOUT_DELAY;
		exts.playout_min_10ms = exts.playout_max_10ms = in->playout_10ms;
	}
	assert_int_equal(hz_rtp_write_header(buf, 256, &h, &exts, &ids, &at), 0);
	return at.header_bytes + fx_payload(in, buf + at.header_bytes);
}

static inline int fx_in(struct fx *fx, uint32_t peer, const struct fx_in *in)
{
	uint8_t buf[2048];
	size_t bytes = fx_build(in, buf);
	return hz_router_rtp(fx->router, peer, buf, bytes, 0, fx->now);
}

// One packet of a picture in VP8 from peer 0's first track; a millisecond goes by.
static inline void fx_video(struct fx *fx, uint16_t seq, bool key)
{
	struct fx_in in = {.ssrc = fx_ssrc(0, 0),
	                   .seq = seq,
	                   .ts = 90u * seq,
	                   .pt = PT_VP8,
	                   .key = key,
	                   .picture = seq,
	                   .body = seq};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	fx->now += 1000;
}

// Counts the packets of one type (and FMT unless 255) sent to a peer.
static inline unsigned fx_rtcp_seen(struct fx *fx, uint32_t slot, uint8_t type, uint8_t fmt)
{
	unsigned count = 0;
	for (size_t i = 0; i < fx->rtcp_count; i++) {
		struct hz_rtcp_iter iter;
		struct hz_rtcp_packet p;
		hz_rtcp_iter_init(&iter, fx->rtcp[i].data, fx->rtcp[i].bytes);
		while (fx->rtcp[i].slot == slot && hz_rtcp_next(&iter, &p) == 1)
			count += p.type == type && (fmt == 255 || p.count == fmt);
	}
	return count;
}

// Counts the keyframes asked of one stream of a peer.
static inline unsigned fx_plis_seen(struct fx *fx, uint32_t slot, uint32_t ssrc)
{
	unsigned count = 0;
	for (size_t i = 0; i < fx->rtcp_count; i++) {
		struct hz_rtcp_iter iter;
		struct hz_rtcp_packet p;
		struct hz_rtcp_feedback fb;
		hz_rtcp_iter_init(&iter, fx->rtcp[i].data, fx->rtcp[i].bytes);
		while (fx->rtcp[i].slot == slot && hz_rtcp_next(&iter, &p) == 1)
			count += p.type == HZ_RTCP_PSFB && p.count == HZ_PSFB_PLI &&
			         !hz_rtcp_parse_feedback(&p, &fb) && fb.media_ssrc == ssrc;
	}
	return count;
}

static inline unsigned fx_events_seen(struct fx *fx, uint16_t type)
{
	unsigned count = 0;
	for (size_t i = 0; i < fx->events_count; i++)
		count += fx->events[i].h.type == type;
	return count;
}

static inline int fx_pli(struct fx *fx, uint32_t peer, uint32_t ssrc)
{
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_rtcp_begin(&w, 7, NULL, 0), 0);
	assert_int_equal(hz_rtcp_write_pli(&w, 7, ssrc), 0);
	return hz_router_rtcp(fx->router, peer, buf, w.bytes, fx->now);
}

// A peer says that a stream has ended.
static inline int fx_bye(struct fx *fx, uint32_t peer, uint32_t ssrc)
{
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_rtcp_begin(&w, 7, NULL, 0), 0);
	assert_int_equal(hz_rtcp_write_bye(&w, &ssrc, 1), 0);
	return hz_router_rtcp(fx->router, peer, buf, w.bytes, fx->now);
}

static inline int fx_nack(struct fx *fx, uint32_t peer, uint32_t ssrc, uint16_t seq)
{
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	struct hz_nack_item item = {seq, 0};
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_rtcp_begin(&w, 7, NULL, 0), 0);
	assert_int_equal(hz_rtcp_write_nack(&w, 7, ssrc, &item, 1), 0);
	return hz_router_rtcp(fx->router, peer, buf, w.bytes, fx->now);
}

#endif

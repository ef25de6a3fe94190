// A publisher of simulcast behind a bad uplink, who sends again what is asked for and makes keyframes of all sizes at once,
// as libvpx does; and a receiver on a good link that decodes as browsers do: a picture is seen when all of it and all before
// it since a keyframe has come.
#ifndef HZ_TESTS_UNIT_ROUTER_UPLINK_H
#define HZ_TESTS_UNIT_ROUTER_UPLINK_H

#include "media/rtp/bytes.h"
#include "media/rtp/rtx.h"
#include "media/rtp/twcc.h"
#include "tests/unit/router/fixture.h"
#include "tests/unit/rtp/fec_write.h"

#define MS          1000
#define LAYERS      3
#define FRAME_MS    40
#define PT_RED      105
#define PT_RED_RTX  106
#define PT_FEC      107
#define KEPT        1024 // packets that a sender has for repairs, and that a receiver looks at
#define WIRE        4096
#define BACK        256
#define ALL_KEYS_US (300 * MS) // between two keyframes of an encoder

struct up_packet { // on its way up
	int64_t at_us;
	uint16_t bytes;
	uint8_t data[1300];
};

struct up_control { // on its way to the publisher, or from the receiver
	int64_t at_us;
	size_t bytes;
	uint8_t data[HZ_ROUTER_RTCP_BYTES];
};

struct up_seen { // by the receiver
	int64_t ext, came_us, asked_us;
	uint32_t ts;
	uint16_t picture;
	uint8_t layer, tries;
	bool here, begins, ends, key, empty;
};

static struct uplink {
	struct fx *fx;
	unsigned random;
	// the link
	uint32_t bps, loss_permille;
	int64_t delay_us, queue_us;
	struct up_packet wire[WIRE], air[WIRE];
	unsigned head, queued, flying;
	uint64_t queued_bytes;
	double room;
	// the publisher
	unsigned on; // layers that are sent
	bool parity; // in RED, with a parity packet for each four
	uint32_t layer_bps[LAYERS];
	uint16_t seq[LAYERS], rtx_seq[LAYERS], picture[LAYERS];
	uint32_t frame;
	int64_t frame_us, key_us;
	bool key[LAYERS];
	struct up_packet sent[LAYERS][KEPT];
	struct up_control up[BACK], down[BACK]; // to the publisher, to the router
	unsigned up_count, down_count;
	uint32_t plis, nacks;
	// the receiver
	struct hz_twcc twcc;
	struct up_seen seen[KEPT];
	bool began, need_key;
	int64_t next, highest; // number that the next picture begins with
	uint16_t last_picture;
	uint8_t layer; // of the newest picture seen
	int64_t shown_us, pli_us, since_us;
	// what was seen
	uint32_t shown, keys, changes, asked;
	int64_t longest_us, frozen_us;
} u;

static inline uint32_t up_rnd(void)
{
	u.random = u.random * 1664525u + 1013904223u;
	return u.random >> 8;
}

static inline bool up_lost(void)
{
	return up_rnd() % 1000 < u.loss_permille;
}

// --- the link

static inline void up_put(const uint8_t *data, size_t bytes)
{
	if (u.queued == WIRE || u.queued_bytes * 8000000 / u.bps > (uint64_t)u.queue_us)
		return;
	struct up_packet *p = &u.wire[(u.head + u.queued++) % WIRE];
	p->bytes = (uint16_t)bytes;
	memcpy(p->data, data, bytes);
	u.queued_bytes += bytes;
}

static inline void up_carry(void)
{
	u.room += u.bps / 8000.0;
	while (u.queued && u.room >= u.wire[u.head].bytes) {
		struct up_packet *p = &u.wire[u.head];
		u.head = (u.head + 1) % WIRE;
		u.queued--;
		u.queued_bytes -= p->bytes;
		u.room -= p->bytes;
		if (up_lost())
			continue;
		assert_true(u.flying < WIRE);
		u.air[u.flying] = *p;
		u.air[u.flying++].at_us = u.fx->now + u.delay_us;
	}
	if (!u.queued)
		u.room = 0;
	unsigned kept = 0;
	for (unsigned i = 0; i < u.flying; i++) {
		if (u.air[i].at_us > u.fx->now)
			u.air[kept++] = u.air[i];
		else
			assert_int_equal(
			    hz_router_rtp(u.fx->router, 0, u.air[i].data, u.air[i].bytes, 0, u.fx->now), 0);
	}
	u.flying = kept;
}

// --- the publisher

// Into RED. Returns the length.
static inline size_t up_red(uint8_t *out, const uint8_t *bare, size_t bytes)
{
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtp_parse(bare, bytes, &p), 0);
	memcpy(out, bare, p.header_bytes);
	out[1] = (uint8_t)((bare[1] & 0x80) | PT_RED);
	out[p.header_bytes] = p.pt;
	memcpy(out + p.header_bytes + 1, p.payload, bytes - p.header_bytes);
	return bytes + 1;
}

static inline void up_parity(unsigned l, const uint8_t *const bare[], const size_t bytes[], unsigned count)
{
	static const struct hz_ext_ids ids = {
	    .mid = 1, .rid = 2, .rrid = 3, .audio_level = 4, .twcc = 5, .orientation = 6};
	unsigned each = (count + 3) / 4;
	for (unsigned k = 0; k < each; k++) {
		const uint8_t *of[16];
		size_t of_bytes[16];
		uint8_t buf[2300], red[2300];
		unsigned n = 0;
		for (unsigned i = k; i < count && n < 16; i += each) {
			of[n] = bare[i];
			of_bytes[n++] = bytes[i];
		}
		struct hz_rtp_header h = {
		    .ts = u.frame * 90u * FRAME_MS, .ssrc = fx_ssrc(0, l), .seq = u.seq[l], .pt = PT_FEC};
		struct hz_rtp_exts exts = {0};
		struct hz_rtp_offsets at;
		assert_int_equal(hz_rtp_write_header(buf, 256, &h, &exts, &ids, &at), 0);
		size_t length = fec_write(buf + at.header_bytes, of, of_bytes, n, &ids,
		                          (uint16_t)(hz_get16(of[n - 1] + 2) - hz_get16(of[0] + 2)) > 15);
		length = up_red(red, buf, at.header_bytes + length);
		u.sent[l][u.seq[l] % KEPT].bytes = 0; // these are not sent again
		up_put(red, length);
		u.seq[l]++;
	}
}

static inline void up_layer(unsigned l, bool key)
{
	static uint8_t raw[1200], bare[64][1300];
	const uint8_t *list[64];
	size_t list_bytes[64];
	unsigned count = 0;
	size_t bytes = u.layer_bps[l] / 8 / (1000 / FRAME_MS) * (key ? 4 : 1);
	u.picture[l]++;
	for (size_t at = 0; at < bytes && count < 64; count++) {
		size_t part = bytes - at > 1100 ? 1100 : bytes - at < 40 ? 40 : bytes - at;
		memcpy(raw, "\x80\xe0\x80\x07\x07\x20", 6);
		raw[0] = at ? 0x80 : 0x90;
		raw[2] = (uint8_t)(0x80 | (u.picture[l] >> 8 & 0x7f));
		raw[3] = raw[4] = (uint8_t)u.picture[l];
		memcpy(raw + 6,
		       key ? "\x10\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00"
		           : "\x11\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00",
		       10);
		memcpy(raw + 16, &u.frame, 4);
		raw[20] = (uint8_t)l;
		struct fx_in in = {.ssrc = fx_ssrc(0, l),
		                   .seq = u.seq[l],
		                   .ts = u.frame * 90u * FRAME_MS,
		                   .pt = PT_VP8,
		                   .marker = at + part >= bytes,
		                   .raw = raw,
		                   .raw_bytes = part};
		struct up_packet *p = &u.sent[l][u.seq[l] % KEPT];
		list[count] = bare[count];
		list_bytes[count] = fx_build(&in, bare[count]);
		p->at_us = u.fx->now;
		p->bytes = (uint16_t)list_bytes[count];
		memcpy(p->data, bare[count], p->bytes);
		if (u.parity)
			p->bytes = (uint16_t)up_red(p->data, bare[count], p->bytes);
		up_put(p->data, p->bytes);
		u.seq[l]++;
		at += part;
	}
	if (u.parity)
		up_parity(l, list, list_bytes, count);
}

static inline void up_publish(void)
{
	if (u.fx->now < u.frame_us)
		return;
	u.frame_us = u.fx->now + FRAME_MS * MS;
	u.frame++;
	for (unsigned l = 0; l < LAYERS; l++) {
		bool key = u.key[l];
		if (l >= u.on)
			continue;
		u.key[l] = false;
		up_layer(l, key);
	}
}

static inline void up_send(unsigned on)
{
	for (unsigned l = u.on; l < on; l++)
		u.key[l] = true;
	u.on = on;
}

static inline void up_again(unsigned l, uint16_t seq)
{
	struct up_packet *p = &u.sent[l][seq % KEPT];
	uint8_t buf[1400];
	struct hz_rtx rtx = {.ssrc = fx_ssrc(0, l) + 5, .seq = u.rtx_seq[l], .pt = PT_VP8_RTX};
	struct hz_rtp_packet packet;
	size_t bytes;
	if (!p->bytes || hz_rtp_parse(p->data, p->bytes, &packet) || packet.seq != seq ||
	    u.fx->now - p->at_us < u.delay_us)
		return; // not kept, or sent so lately that it may be on its way
	p->at_us = u.fx->now;
	rtx.pt = packet.pt == PT_RED ? PT_RED_RTX : PT_VP8_RTX;
	memcpy(buf, p->data, p->bytes);
	assert_int_equal(hz_rtx_wrap(buf, p->bytes, sizeof(buf), &rtx, &bytes), 0);
	u.rtx_seq[l]++;
	up_put(buf, bytes);
}

static inline void up_nack(const struct hz_rtcp_feedback *fb, unsigned l)
{
	size_t count = 0;
	assert_int_equal(hz_rtcp_nack_count(fb, &count), 0);
	for (size_t i = 0; i < count; i++) {
		struct hz_nack_item item = hz_rtcp_nack_item(fb, i);
		up_again(l, item.pid);
		for (unsigned b = 0; b < 16; b++)
			if (item.blp >> b & 1)
				up_again(l, (uint16_t)(item.pid + b + 1));
		u.nacks++;
	}
}

static inline void up_heed(const struct up_control *c)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	struct hz_rtcp_feedback fb;
	hz_rtcp_iter_init(&iter, c->data, c->bytes);
	while (hz_rtcp_next(&iter, &p) == 1) {
		bool pli = p.type == HZ_RTCP_PSFB && p.count == HZ_PSFB_PLI;
		bool nack = p.type == HZ_RTCP_RTPFB && p.count == HZ_RTPFB_NACK;
		if ((!pli && !nack) || hz_rtcp_parse_feedback(&p, &fb))
			continue;
		unsigned l = fb.media_ssrc - fx_ssrc(0, 0);
		if (l >= LAYERS)
			continue;
		if (nack) {
			up_nack(&fb, l);
		} else if (u.fx->now - u.key_us >= ALL_KEYS_US) {
			u.plis++;
			u.key_us = u.fx->now;
			for (unsigned k = 0; k < LAYERS; k++)
				u.key[k] = true;
		}
	}
}

static inline void up_control(void)
{
	for (size_t i = 0; i < u.fx->rtcp_count; i++) {
		const struct fx_rtcp *r = &u.fx->rtcp[i];
		if (r->slot != 0 || up_lost() || u.up_count == BACK)
			continue;
		struct up_control *c = &u.up[u.up_count++];
		c->at_us = u.fx->now + u.delay_us;
		c->bytes = r->bytes;
		memcpy(c->data, r->data, r->bytes);
	}
	unsigned kept = 0;
	for (unsigned i = 0; i < u.up_count; i++) {
		if (u.up[i].at_us > u.fx->now)
			u.up[kept++] = u.up[i];
		else
			up_heed(&u.up[i]);
	}
	u.up_count = kept;
}

// --- the receiver

static inline struct up_control *up_answer(struct hz_rtcp_writer *w)
{
	assert_true(u.down_count < BACK);
	struct up_control *c = &u.down[u.down_count];
	hz_rtcp_writer_init(w, c->data, sizeof(c->data));
	assert_int_equal(hz_rtcp_begin(w, 7, NULL, 0), 0);
	c->at_us = u.fx->now + 20 * MS;
	return c;
}

static inline void up_ask_key(void)
{
	struct hz_rtcp_writer w;
	struct up_control *c = up_answer(&w);
	assert_int_equal(hz_rtcp_write_pli(&w, 7, 900000), 0);
	c->bytes = w.bytes;
	u.down_count++;
	u.pli_us = u.fx->now;
	u.asked++;
}

static inline void up_take(const struct hz_rtp_packet *p)
{
	int64_t ext = u.began ? hz_seq_extend(u.highest, p->seq) : 65536 + p->seq;
	if (!u.began) {
		u.began = u.need_key = true;
		u.next = ext;
		u.highest = ext - 1;
		u.since_us = u.fx->now;
	}
	for (; u.highest < ext; u.highest++)
		u.seen[(u.highest + 1) % KEPT] = (struct up_seen){.ext = u.highest + 1, .came_us = u.fx->now};
	struct up_seen *s = &u.seen[ext % KEPT];
	if (s->ext != ext || s->here)
		return;
	s->here = true;
	s->ts = p->ts;
	s->ends = p->marker;
	s->empty = p->payload_bytes < 21;
	if (s->empty)
		return;
	s->begins = p->payload[0] == 0x90;
	s->picture = (uint16_t)((p->payload[2] & 0x7f) << 8 | p->payload[3]);
	s->key = s->begins && !(p->payload[6] & 1);
	s->layer = p->payload[20];
}

static inline void up_on_send(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	static const struct hz_ext_ids ids = {.mid = 8, .abs_send_time = 10, .twcc = 11};
	struct hz_rtp_packet p;
	struct hz_rtp_exts exts;
	static uint8_t copy[2048];
	uint8_t *inner;
	size_t inner_bytes;
	assert_int_equal(slot, 1);
	memcpy(copy, buf, bytes);
	assert_int_equal(hz_rtp_parse(copy, bytes, &p), 0);
	hz_rtp_parse_exts(&p, &ids, &exts);
	if (exts.has & HZ_EXT_TWCC)
		hz_twcc_on_packet(&u.twcc, exts.twcc_seq, fx->now);
	if (p.ssrc == 950000) {
		if (hz_rtx_unwrap(copy, bytes, 120, 900000, &inner, &inner_bytes) ||
		    hz_rtp_parse(inner, inner_bytes, &p))
			return;
	}
	if (p.ssrc == 900000)
		up_take(&p);
}

// The picture that begins at `at`, if all of it is there; the number after it, or 0.
static inline int64_t up_whole(int64_t at)
{
	const struct up_seen *first = &u.seen[at % KEPT];
	if (!first->here || first->ext != at || !first->begins)
		return 0;
	for (int64_t i = at; i <= u.highest; i++) {
		const struct up_seen *s = &u.seen[i % KEPT];
		if (s->ext != i || !s->here || (!s->empty && s->ts != first->ts))
			return 0;
		if (s->ends)
			return i + 1;
	}
	return 0;
}

static inline void up_show(int64_t at, int64_t after)
{
	const struct up_seen *s = &u.seen[at % KEPT];
	int64_t gap_us = u.fx->now - (u.shown_us ? u.shown_us : u.since_us);
	u.changes += u.shown && s->layer != u.layer;
	u.layer = s->layer;
	u.last_picture = s->picture;
	u.need_key = false;
	u.next = after;
	u.shown++;
	u.keys += s->key;
	u.shown_us = u.fx->now;
	u.longest_us = gap_us > u.longest_us ? gap_us : u.longest_us;
	u.frozen_us += gap_us > 500 * MS ? gap_us : 0;
}

static inline bool up_decode(void)
{
	while (u.next <= u.highest && u.seen[u.next % KEPT].here && u.seen[u.next % KEPT].empty)
		u.next++;
	const struct up_seen *s = &u.seen[u.next % KEPT];
	int64_t after = u.next <= u.highest ? up_whole(u.next) : 0;
	if (after && (s->key || (!u.need_key && s->picture == ((u.last_picture + 1) & 0x7fff)))) {
		up_show(u.next, after);
		return true;
	}
	int64_t from = u.next > u.highest - KEPT + 1 ? u.next : u.highest - KEPT + 1;
	for (int64_t at = from; at <= u.highest; at++) {
		after = u.seen[at % KEPT].key ? up_whole(at) : 0;
		if (!after)
			continue;
		up_show(at, after);
		return true;
	}
	return false;
}

static inline void up_ask_again(void)
{
	struct hz_rtcp_writer w;
	struct hz_nack_item items[64];
	size_t count = 0;
	int64_t from = u.next > u.highest - KEPT + 1 ? u.next : u.highest - KEPT + 1;
	for (int64_t at = from; at <= u.highest && count < 64; at++) {
		struct up_seen *s = &u.seen[at % KEPT];
		if (s->here || s->tries >= 10 || u.fx->now - s->asked_us < 50 * MS ||
		    u.fx->now - s->came_us < 10 * MS)
			continue;
		s->tries++;
		s->asked_us = u.fx->now;
		items[count++] = (struct hz_nack_item){(uint16_t)at, 0};
	}
	if (!count)
		return;
	struct up_control *c = up_answer(&w);
	assert_int_equal(hz_rtcp_write_nack(&w, 7, 900000, items, count), 0);
	c->bytes = w.bytes;
	u.down_count++;
}

static inline void up_receive(void)
{
	struct hz_rtcp_writer w;
	while (u.began && up_decode())
		;
	if (hz_twcc_deadline(&u.twcc) <= u.fx->now) {
		struct up_control *c = up_answer(&w);
		if (!hz_twcc_write(&u.twcc, &w, 7, 900000)) {
			c->bytes = w.bytes;
			u.down_count++;
		}
	}
	if (u.began) {
		int64_t wait_us = u.need_key ? 200 * MS : 3000 * MS;
		int64_t since_us = u.shown_us ? u.shown_us : u.since_us;
		if (u.fx->now - since_us >= wait_us && u.fx->now - u.pli_us >= 200 * MS)
			up_ask_key();
		if (!u.need_key)
			up_ask_again();
	}
	while (u.down_count && u.down[0].at_us <= u.fx->now) {
		assert_int_equal(hz_router_rtcp(u.fx->router, 1, u.down[0].data, u.down[0].bytes, u.fx->now),
		                 0);
		memmove(&u.down[0], &u.down[1], --u.down_count * sizeof(u.down[0]));
	}
}

// --- the whole

static inline void up_begin(unsigned seed)
{
	memset(&u, 0, sizeof(u));
	u.fx = fx_new();
	u.random = 99 + seed * 7919;
	u.bps = 20000000;
	u.queue_us = 300 * MS;
	u.delay_us = 20 * MS;
	memcpy(u.layer_bps, (const uint32_t[]){130000, 400000, 1200000}, sizeof(u.layer_bps));
	hz_twcc_init(&u.twcc);
	for (unsigned l = 0; l < LAYERS; l++)
		u.seq[l] = (uint16_t)up_rnd();
	fx_peer(u.fx, 0, 1, 0);
	fx_peer(u.fx, 1, 1, 0);
	union hz_msg m = fx_track_msg(0, 0, HZ_KIND_VIDEO, LAYERS);
	m.track_set.pt[2] = (struct hz_pt){PT_RED, PT_RED_RTX, HZ_CODEC_RED, 0};
	m.track_set.pt[3] = (struct hz_pt){PT_FEC, 0, HZ_CODEC_ULPFEC, 0};
	m.track_set.pt_count = 4;
	assert_int_equal(fx_command(u.fx, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), 0);
	u.fx->on_send = up_on_send;
}

static inline void up_watch(void)
{
	fx_sub(u.fx, 0, 1, 0, HZ_KIND_VIDEO);
}

static inline void up_run(int64_t ms)
{
	for (int64_t i = 0; i < ms; i++) {
		u.fx->now += MS;
		up_publish();
		up_carry();
		if (i % 5 == 0)
			hz_router_tick(u.fx->router, u.fx->now);
		up_receive();
		up_control();
		fx_clear(u.fx);
	}
}

static inline void up_forget(void)
{
	u.shown = u.keys = u.changes = u.plis = u.nacks = u.asked = 0;
	u.longest_us = u.frozen_us = 0;
}

static inline void up_end(void)
{
	fx_free(u.fx);
}

#endif

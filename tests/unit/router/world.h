// A publisher of three layers and audio, a receiver behind a simulated link that writes real transport-wide feedback.
#ifndef HZ_TESTS_UNIT_ROUTER_WORLD_H
#define HZ_TESTS_UNIT_ROUTER_WORLD_H

#include "media/rtp/twcc.h"
#include "tests/unit/router/fixture.h"

#define VIDEO HZ_KIND_VIDEO
#define AUDIO HZ_KIND_AUDIO
#define MS    1000
#define QUEUE 4096

struct flight {
	int64_t at_us;
	uint32_t ssrc, frame;
	uint16_t seq, bytes; // seq: transport-wide
	uint8_t layer;       // 3: audio, 4: neither
	bool key;
};

static struct world {
	struct fx *fx;
	uint32_t link_bps, loss_permille;
	int64_t delay_us, queue_us;
	bool down;
	struct flight queue[QUEUE], air[QUEUE];
	unsigned queued, head, flying;
	uint64_t queued_bytes;
	double link_bytes;
	struct hz_twcc receiver;
	struct {
		int64_t at_us;
		size_t bytes;
		uint8_t data[1200];
	} back[64];
	unsigned back_count, random;
	// publisher
	uint16_t seq[3], audio_seq;
	uint32_t frame;
	int64_t frame_due, audio_due, key_due[3];
	uint32_t layer_bps[3];
	unsigned layers;
	size_t key_bytes; // of a keyframe; 0: four times another frame's
	unsigned tracks;  // video tracks 0..tracks-1; audio is track 9
	// what was seen
	uint64_t again, media; // packets of video, bytes: sent by RTX, sent first
	uint64_t audio_in, audio_sent, audio_dropped, audio_came, came[3], frames[3], frames_of[2][3];
	uint32_t last_frame[3], keys[3];
	int64_t max_audio_wait_us, last_key_us;
	int hold_ms; // newest playout delay; -1 none
	uint8_t step[4], layer[4];
	unsigned states, shares; // shares: times that control was told of one
	uint32_t share_bps;
	uint32_t estimate;
	uint16_t newest[4], begun[4]; // of each video stream: no number goes out twice
	uint64_t sent;                // packets of any kind
	uint32_t oldest;              // frame that was sent, since forget()
} w;

static inline uint32_t rnd(void)
{
	w.random = w.random * 1664525u + 1013904223u;
	return w.random >> 8;
}

static inline void on_send(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	struct hz_rtp_packet p;
	struct hz_rtp_exts exts;
	static const struct hz_ext_ids ids = {.mid = 8, .abs_send_time = 10, .twcc = 11, .playout_delay = 13};
	assert_int_equal(slot, 1);
	assert_int_equal(hz_rtp_parse(buf, bytes, &p), 0);
	hz_rtp_parse_exts(&p, &ids, &exts);
	assert_true(p.ssrc && exts.has & HZ_EXT_TWCC);
	if (exts.has & HZ_EXT_PLAYOUT_DELAY)
		w.hold_ms = exts.playout_min_10ms * 10;
	struct flight f = {
	    .at_us = fx->now, .ssrc = p.ssrc, .seq = exts.twcc_seq, .bytes = (uint16_t)(bytes + 44)};
	f.layer = p.ssrc == 900009 ? 3 : 4;
	if (p.ssrc < 900009 && p.payload_bytes > 20) {
		memcpy(&f.frame, p.payload + 16, 4);
		f.layer = p.payload[20];
		f.key = !(p.payload[6] & 1);
	}
	if (p.ssrc < 900004) {
		unsigned s = p.ssrc - 900000;
		assert_true(!w.begun[s] || hz_seq_newer(p.seq, w.newest[s]));
		w.newest[s] = p.seq;
		w.begun[s] = 1;
	}
	w.sent++;
	if (f.layer < 3 && f.frame < w.oldest)
		w.oldest = f.frame;
	w.audio_sent += f.layer == 3;
	w.again += p.ssrc >= 950000 && p.payload_bytes > 20 ? bytes : 0;
	w.media += f.layer < 3 ? bytes : 0;
	bool full = w.queued_bytes * 8000000 / w.link_bps > (uint64_t)w.queue_us || w.queued == QUEUE;
	if (w.down || full) {
		w.audio_dropped += f.layer == 3;
		return;
	}
	if (rnd() % 1000 < w.loss_permille)
		return;
	w.queue[(w.head + w.queued++) % QUEUE] = f;
	w.queued_bytes += f.bytes;
}

// bare: the receiver takes no RTX
static inline void begin(unsigned tracks, bool bare)
{
	struct fx *fx = fx_new();
	memset(&w, 0, sizeof(w));
	w.fx = fx;
	w.random = 99;
	w.hold_ms = -1;
	w.link_bps = 3000000;
	w.queue_us = 300 * MS;
	w.delay_us = 30 * MS;
	w.tracks = tracks;
	w.layers = 3;
	memcpy(w.layer_bps, (const uint32_t[]){150000, 500000, 1500000}, sizeof(w.layer_bps));
	hz_twcc_init(&w.receiver);
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	for (unsigned t = 0; t < tracks; t++) {
		fx_track(fx, t, 0, VIDEO, 3);
		union hz_msg m = fx_sub_msg(t, 1, t, VIDEO);
		m.sub_set.priority = t;
		if (bare)
			m.sub_set.rtx_ssrc = m.sub_set.pt[0].rtx_pt = m.sub_set.pt[1].rtx_pt = 0;
		assert_int_equal(fx_sub_set(fx, &m), 0);
	}
	fx_track(fx, 9, 0, AUDIO, 1);
	fx_sub(fx, 9, 1, 9, AUDIO);
	fx->on_send = on_send;
}

static inline int setup(void **state)
{
	begin(1, false);
	return 0;
}

static inline int setup_two(void **state)
{
	begin(2, false);
	return 0;
}

static inline int teardown(void **state)
{
	fx_free(w.fx);
	return 0;
}

static inline void publish_layer(unsigned track, unsigned l, bool key)
{
	static uint8_t raw[1200];
	size_t bytes = key && w.key_bytes ? w.key_bytes : w.layer_bps[l] / 8 / 30 * (key ? 4 : 1);
	for (size_t at = 0; at < bytes;) {
		size_t part = bytes - at > 1100 ? 1100 : bytes - at < 40 ? 40 : bytes - at;
		memcpy(raw, "\x80\xe0\x80\x07\x07\x20", 6);
		raw[0] = at ? 0x80 : 0x90;
		raw[2] = (uint8_t)(0x80 | (w.frame >> 8 & 0x7f));
		raw[3] = (uint8_t)w.frame;
		raw[4] = (uint8_t)w.frame;
		memcpy(raw + 6,
		       key ? "\x10\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00"
		           : "\x11\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00",
		       10);
		memcpy(raw + 16, &w.frame, 4);
		raw[20] = (uint8_t)l;
		struct fx_in in = {.ssrc = fx_ssrc(track, l),
		                   .seq = (uint16_t)(w.seq[l] + track * 7000),
		                   .ts = w.frame * 3000,
		                   .pt = PT_VP8,
		                   .key = key,
		                   .marker = at + part >= bytes,
		                   .raw = raw,
		                   .raw_bytes = part};
		assert_int_equal(fx_in(w.fx, 0, &in), 0);
		w.seq[l]++;
		at += part;
	}
}

static inline void publish(void)
{
	if (w.fx->now >= w.audio_due) {
		struct fx_in in = {
		    .ssrc = fx_ssrc(9, 0), .seq = w.audio_seq, .ts = w.audio_seq * 960u, .pt = PT_OPUS};
		static const uint8_t opus[60];
		in.raw = opus;
		in.raw_bytes = sizeof(opus);
		w.audio_seq++;
		w.audio_in++;
		w.audio_due = w.fx->now + 20 * MS;
		assert_int_equal(fx_in(w.fx, 0, &in), 0);
	}
	if (w.fx->now < w.frame_due)
		return;
	w.frame_due = w.fx->now + 33 * MS;
	w.frame++;
	for (unsigned l = 0; l < w.layers; l++) {
		bool key = w.frame == 1 || (w.key_due[l] && w.fx->now >= w.key_due[l]);
		if (key)
			w.key_due[l] = 0;
		uint16_t seq = w.seq[l];
		for (unsigned t = 0; t < w.tracks; t++) {
			w.seq[l] = seq;
			publish_layer(t, l, key);
		}
	}
}

// Requests reach the publisher after 20 ms; its encoder takes as long.
static inline void heed(void)
{
	for (size_t i = 0; i < w.fx->rtcp_count; i++) {
		struct hz_rtcp_iter iter;
		struct hz_rtcp_packet p;
		struct hz_rtcp_feedback fb;
		hz_rtcp_iter_init(&iter, w.fx->rtcp[i].data, w.fx->rtcp[i].bytes);
		while (w.fx->rtcp[i].slot == 0 && hz_rtcp_next(&iter, &p) == 1) {
			if (p.type != HZ_RTCP_PSFB || p.count != HZ_PSFB_PLI ||
			    hz_rtcp_parse_feedback(&p, &fb))
				continue;
			unsigned l = (fb.media_ssrc - 10) % 1000;
			if (l < 3 && !w.key_due[l])
				w.key_due[l] = w.fx->now + 40 * MS;
		}
	}
	for (size_t i = 0; i < w.fx->events_count; i++) {
		const union hz_msg *m = &w.fx->events[i];
		if (m->h.type == HZ_EV_SUB_STATE) {
			w.states++;
			w.step[HZ_ID_SLOT(m->sub_state.sub)] = m->sub_state.step;
			w.layer[HZ_ID_SLOT(m->sub_state.sub)] = m->sub_state.layer;
		} else if (m->h.type == HZ_EV_PEER_SHARE) {
			assert_int_equal(m->shared.peer, HZ_ID(1, 1));
			w.shares++;
			w.share_bps = m->shared.bps;
		} else if (m->h.type == HZ_EV_PEER_STATS && HZ_ID_SLOT(m->peer_stats.peer) == 1) {
			w.estimate = m->peer_stats.estimate_bps;
		}
	}
	fx_clear(w.fx);
}

static inline void arrive(const struct flight *f)
{
	hz_twcc_on_packet(&w.receiver, f->seq, w.fx->now);
	if (f->layer == 3)
		w.audio_came++;
	if (f->layer >= 3)
		return;
	w.came[f->layer] += f->bytes;
	if (f->frame != w.last_frame[f->layer]) {
		w.frames[f->layer]++;
		if (f->ssrc - 900000 < 2)
			w.frames_of[f->ssrc - 900000][f->layer]++;
	}
	w.last_frame[f->layer] = f->frame;
	w.keys[f->layer] += f->key;
	if (f->key)
		w.last_key_us = w.fx->now;
}

static inline void carry(void)
{
	w.link_bytes += w.link_bps / 8000.0;
	while (w.queued && w.link_bytes >= w.queue[w.head].bytes) {
		struct flight f = w.queue[w.head];
		w.head = (w.head + 1) % QUEUE;
		w.queued--;
		w.queued_bytes -= f.bytes;
		w.link_bytes -= f.bytes;
		if (f.layer == 3 && w.fx->now - f.at_us > w.max_audio_wait_us)
			w.max_audio_wait_us = w.fx->now - f.at_us;
		f.at_us = w.fx->now + w.delay_us;
		assert_true(w.flying < QUEUE);
		w.air[w.flying++] = f;
	}
	if (!w.queued)
		w.link_bytes = 0;
	unsigned kept = 0;
	for (unsigned i = 0; i < w.flying; i++) {
		if (w.air[i].at_us > w.fx->now)
			w.air[kept++] = w.air[i];
		else
			arrive(&w.air[i]);
	}
	w.flying = kept;
}

static inline void feed_back(void)
{
	if (hz_twcc_deadline(&w.receiver) <= w.fx->now && w.back_count < 64) {
		struct hz_rtcp_writer out;
		hz_rtcp_writer_init(&out, w.back[w.back_count].data, 1200);
		assert_int_equal(hz_rtcp_begin(&out, 7, NULL, 0), 0);
		if (!hz_twcc_write(&w.receiver, &out, 7, 900000) && !w.down &&
		    rnd() % 1000 >= w.loss_permille) {
			w.back[w.back_count].bytes = out.bytes;
			w.back[w.back_count++].at_us = w.fx->now + w.delay_us;
		}
	}
	while (w.back_count && w.back[0].at_us <= w.fx->now) {
		assert_int_equal(hz_router_rtcp(w.fx->router, 1, w.back[0].data, w.back[0].bytes, w.fx->now),
		                 0);
		memmove(&w.back[0], &w.back[1], --w.back_count * sizeof(w.back[0]));
	}
}

static inline void run(int64_t ms)
{
	for (int64_t i = 0; i < ms; i++) {
		w.fx->now += MS;
		publish();
		feed_back();
		if (i % 5 == 0)
			hz_router_tick(w.fx->router, w.fx->now);
		carry();
		heed();
	}
}

static inline void forget(void)
{
	for (unsigned l = 0; l < 3; l++)
		w.frames[l] = w.frames_of[0][l] = w.frames_of[1][l] = w.came[l] = w.keys[l] = 0;
	w.again = w.media = w.sent = 0;
	w.oldest = UINT32_MAX;
	w.audio_in = w.audio_sent = w.audio_dropped = w.audio_came = 0;
	w.max_audio_wait_us = 0;
}

// Half a minute on the narrowest link, once it has been found out what it is.
static inline void run_narrowest(void)
{
	w.link_bps = 64000;
	w.loss_permille = 100;
	w.delay_us = 150 * MS;
	run(6000);
	forget();
	run(30000);
}

#endif

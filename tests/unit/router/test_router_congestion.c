// A publisher of three layers and audio, a receiver behind a simulated link that writes real transport-wide feedback:
// what the router makes of it.
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
	unsigned tracks; // video tracks 0..tracks-1; audio is track 9
	// what was seen
	uint64_t again, media; // packets of video, bytes: sent by RTX, sent first
	uint64_t audio_in, audio_sent, audio_dropped, audio_came, came[3], frames[3], frames_of[2][3];
	uint32_t last_frame[3], keys[3];
	int64_t max_audio_wait_us, last_key_us;
	int hold_ms; // newest playout delay; -1 none
	uint8_t step[4], layer[4];
	unsigned states;
	uint32_t estimate;
	uint64_t sent;   // packets of any kind
	uint32_t oldest; // frame that was sent, since forget()
} w;

static uint32_t rnd(void)
{
	w.random = w.random * 1664525u + 1013904223u;
	return w.random >> 8;
}

static void on_send(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	struct hz_rtp_packet p;
	struct hz_rtp_exts exts;
	static const struct hz_ext_ids ids = {.mid = 8, .abs_send_time = 10, .twcc = 11, .playout_delay = 13};
	assert_int_equal(slot, 1);
	assert_int_equal(hz_rtp_parse(buf, bytes, &p), 0);
	hz_rtp_parse_exts(&p, &ids, &exts);
	assert_true(exts.has & HZ_EXT_TWCC);
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

static void begin(unsigned tracks)
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
	memcpy(w.layer_bps, (const uint32_t[]){150000, 500000, 1500000}, sizeof(w.layer_bps));
	hz_twcc_init(&w.receiver);
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	for (unsigned t = 0; t < tracks; t++) {
		fx_track(fx, t, 0, VIDEO, 3);
		union hz_msg m = fx_sub_msg(t, 1, t, VIDEO);
		m.sub_set.priority = t;
		assert_int_equal(fx_sub_set(fx, &m), 0);
	}
	fx_track(fx, 9, 0, AUDIO, 1);
	fx_sub(fx, 9, 1, 9, AUDIO);
	fx->on_send = on_send;
}

static int setup(void **state)
{
	begin(1);
	return 0;
}

static int setup_two(void **state)
{
	begin(2);
	return 0;
}

static int teardown(void **state)
{
	fx_free(w.fx);
	return 0;
}

static void publish_layer(unsigned track, unsigned l, bool key)
{
	static uint8_t raw[1200];
	size_t bytes = w.layer_bps[l] / 8 / 30 * (key ? 4 : 1);
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

static void publish(void)
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
	for (unsigned l = 0; l < 3; l++) {
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
static void heed(void)
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
		} else if (m->h.type == HZ_EV_PEER_STATS && HZ_ID_SLOT(m->peer_stats.peer) == 1) {
			w.estimate = m->peer_stats.estimate_bps;
		}
	}
	fx_clear(w.fx);
}

static void arrive(const struct flight *f)
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

static void carry(void)
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

static void feed_back(void)
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

static void run(int64_t ms)
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

static void forget(void)
{
	for (unsigned l = 0; l < 3; l++)
		w.frames[l] = w.frames_of[0][l] = w.frames_of[1][l] = w.came[l] = w.keys[l] = 0;
	w.again = w.media = w.sent = 0;
	w.oldest = UINT32_MAX;
	w.audio_in = w.audio_sent = w.audio_dropped = w.audio_came = 0;
	w.max_audio_wait_us = 0;
}

static void wide_links_get_everything(void **state)
{
	w.link_bps = 20000000;
	run(4000);
	forget();
	run(2000);
	assert_in_range(w.frames[2], 58, 62);
	assert_int_equal(w.frames[0] + w.frames[1], 0);
	assert_int_equal(w.step[0], HZ_STEP_FULL);
	assert_int_equal(w.layer[0], 2);
	assert_true(w.estimate > 1500000);
	assert_true(w.max_audio_wait_us < 15 * MS);
}

static void a_step_down_and_up(void **state)
{
	run(8000);
	forget();
	run(1000);
	assert_in_range(w.frames[2], 28, 31);
	w.link_bps = 300000;
	run(2500);
	forget();
	run(10000); // on the narrow link: the lowest layer, fluent, and audio on time
	assert_in_range(w.frames[0], 280, 310);
	assert_int_equal(w.frames[1] + w.frames[2], 0);
	assert_int_equal(w.step[0], HZ_STEP_LOWER);
	assert_int_equal(w.layer[0], 0);
	assert_int_equal(w.audio_sent, w.audio_in);
	assert_int_equal(w.audio_dropped, 0);
	assert_true(w.max_audio_wait_us < 150 * MS);
	assert_in_range(w.estimate, 180000, 400000);
	w.link_bps = 3000000;
	run(5000);
	forget();
	run(1000);
	assert_in_range(w.frames[2], 28, 31);
	assert_int_equal(w.step[0], HZ_STEP_FULL);
}

static void audio_first_on_the_narrowest(void **state)
{
	w.link_bps = 64000;
	w.loss_permille = 100;
	w.delay_us = 150 * MS;
	run(6000);
	forget();
	run(30000);
	assert_true(w.step[0] == HZ_STEP_STILL || w.step[0] == HZ_STEP_OFF);
	assert_int_equal(w.audio_sent, w.audio_in);
	assert_true(w.audio_dropped * 100 < w.audio_in); // by a full queue; chance takes ten of a hundred
	assert_true(w.audio_came * 100 > w.audio_in * 86);
	assert_int_equal(w.frames[1] + w.frames[2], 0);
	assert_true(w.max_audio_wait_us < 400 * MS);
	w.loss_permille = 0;
	w.link_bps = 3000000;
	run(15000);
	forget();
	run(1000);
	assert_in_range(w.frames[2], 28, 31); // and comes back by itself
	assert_int_equal(w.step[0], HZ_STEP_FULL);
}

static void stills_where_there_is_a_little_room(void **state)
{
	w.link_bps = 120000;
	run(6000);
	forget();
	run(30000);
	assert_int_equal(w.step[0], HZ_STEP_STILL);
	assert_in_range(w.frames[0], 3, 12); // one in four seconds
	assert_true(w.keys[0] >= 3);
	assert_int_equal(w.audio_dropped, 0);
	assert_true(w.max_audio_wait_us < 200 * MS);
}

static void a_picture_soon_after_an_outage(void **state)
{
	run(8000);
	w.down = true;
	run(5000);
	assert_int_equal(w.step[0], HZ_STEP_OFF);
	w.down = false;
	int64_t back = w.fx->now;
	w.last_key_us = 0;
	run(1000);
	assert_in_range(w.last_key_us - back, 1, 1000 * MS);
	forget();
	run(2000);
	assert_true(w.frames[2] > 50);
}

static void a_new_path_is_taken_up(void **state)
{
	run(8000);
	w.delay_us = 120 * MS;
	hz_router_path_changed(w.fx->router, 1, w.fx->now);
	run(4000);
	forget();
	run(1000);
	assert_in_range(w.frames[2], 28, 31);
}

static void priority_decides(void **state)
{
	w.link_bps = 1000000;
	run(20000);
	forget();
	run(3000);
	assert_true(w.frames_of[1][1] > 80); // slot 1 goes before
	assert_true(w.frames_of[0][0] > 80);
	assert_int_equal(w.layer[1], 1);
	assert_int_equal(w.layer[0], 0);
}

static void remb_is_obeyed(void **state)
{
	// A peer without transport-wide numbers.
	for (unsigned s = 0; s < 10; s += 9) {
		union hz_msg m = fx_sub_msg(s, 1, s, s ? AUDIO : VIDEO);
		m.sub_set.ext.twcc = 0;
		w.fx->on_send = NULL;
		assert_int_equal(fx_sub_set(w.fx, &m), 0);
	}
	static const uint32_t ssrcs[1] = {900000};
	for (unsigned i = 0; i < 60; i++) {
		uint8_t buf[128];
		struct hz_rtcp_writer out;
		hz_rtcp_writer_init(&out, buf, sizeof(buf));
		assert_int_equal(hz_rtcp_begin(&out, 7, NULL, 0), 0);
		assert_int_equal(hz_rtcp_write_remb(&out, 7, i < 40 ? 400000 : 5000000, ssrcs, 1), 0);
		assert_int_equal(hz_router_rtcp(w.fx->router, 1, buf, out.bytes, w.fx->now), 0);
		for (unsigned n = 0; n < 100; n++) {
			w.fx->now += MS;
			publish();
			if (n % 5 == 0)
				hz_router_tick(w.fx->router, w.fx->now);
			heed();
		}
		if (i == 39) {
			assert_int_equal(w.step[0], HZ_STEP_LOWER);
			assert_int_equal(w.layer[0], 0);
		}
	}
	assert_int_equal(w.step[0], HZ_STEP_FULL);
}

// Control came back: every state is told once more, and one that did not fit the queue is told later.
static void copies(uint32_t loss_permille, int64_t delay_us, uint32_t link_bps)
{
	w.loss_permille = loss_permille;
	w.delay_us = delay_us;
	w.link_bps = link_bps;
	run(20000);
	forget();
	run(10000);
	assert_true(w.media > 100000);
}

static void far_and_lossy_packets_follow_unasked(void **state)
{
	copies(100, 150 * MS, 20000000);
	assert_int_equal(w.step[0], HZ_STEP_FULL);
	assert_in_range(w.again * 100 / w.media, 180, 215);
	copies(40, 150 * MS, 20000000);
	assert_in_range(w.again * 100 / w.media, 85, 115);
	copies(0, 150 * MS, 20000000);
	assert_in_range(w.again * 100 / w.media, 0, 5);
	copies(100, 20 * MS, 20000000); // near: there is time to ask
	assert_in_range(w.again * 100 / w.media, 0, 5);
}

// A receiver that sends feedback and no reports is as far away.
static void pictures_wait_for_repairs_by_feedback_alone(void **state)
{
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.ext.playout_delay = 13;
	assert_int_equal(fx_sub_set(w.fx, &m), 0);
	copies(0, 150 * MS, 20000000);
	assert_int_equal(w.hold_ms, -1);
	copies(100, 150 * MS, 2600000); // no room for copies: a round trip
	assert_in_range(w.hold_ms, 380, 550);
	copies(100, 150 * MS, 20000000); // each packet follows
	assert_in_range(w.hold_ms, 80, 120);
}

static void copies_never_take_from_pictures(void **state)
{
	copies(100, 150 * MS, 2600000); // the best layer and a little more
	assert_int_equal(w.layer[0], 2);
	assert_in_range(w.again * 100 / w.media, 0, 20);
}

static void states_are_repeated(void **state)
{
	run(3000);
	unsigned told = w.states;
	assert_true(told >= 1);
	run(1000);
	w.fx->api_full = true;
	union hz_msg m = {0};
	assert_int_equal(fx_command(w.fx, &m, HZ_CMD_RECONCILE_BEGIN, sizeof(m.h)), 0);
	fx_peer(w.fx, 0, 1, 0);
	fx_peer(w.fx, 1, 1, 0);
	fx_track(w.fx, 0, 0, VIDEO, 3);
	fx_sub(w.fx, 0, 1, 0, VIDEO);
	fx_track(w.fx, 9, 0, AUDIO, 1);
	fx_sub(w.fx, 9, 1, 9, AUDIO);
	assert_int_equal(fx_command(w.fx, &m, HZ_CMD_RECONCILE_END, sizeof(m.h)), 0);
	told = w.states;
	run(500);
	assert_int_equal(w.states, told);
	w.fx->api_full = false;
	run(500);
	assert_int_equal(w.states, told + 1);
}

static void slots(uint8_t of_video, uint8_t of_audio)
{
	union hz_msg video = fx_sub_msg(0, 1, 0, VIDEO), audio = fx_sub_msg(9, 1, 9, AUDIO);
	video.sub_set.flags = of_video;
	audio.sub_set.flags = of_audio;
	assert_int_equal(fx_sub_set(w.fx, &video), 0);
	assert_int_equal(fx_sub_set(w.fx, &audio), 0);
}

// A broadcast's viewer on a link that had just become narrow: what waits its turn, repairs and probes stop with the cut.
static void a_cut_is_silence(void **state)
{
	slots(HZ_SUB_LIVE, HZ_SUB_LIVE);
	w.loss_permille = 30;
	run(6000);
	w.link_bps = 400000;
	run(700);
	slots(HZ_SUB_LIVE | HZ_SUB_PAUSED, HZ_SUB_LIVE | HZ_SUB_PAUSED);
	forget();
	w.link_bps = 20000000; // room to probe for
	run(6000);
	assert_int_equal(w.sent, 0);
	uint32_t frame = w.frame;
	slots(HZ_SUB_LIVE, HZ_SUB_LIVE);
	run(4000);
	assert_true(w.sent > 0);
	assert_in_range(w.oldest, frame, frame + 30);
}

// Paused while its link carried nothing, let go on when it does: the picture is back as on a fresh slot.
static void a_pause_forgets_the_narrow_link(void **state)
{
	run(8000);
	w.down = true;
	run(3000);
	assert_int_equal(w.step[0], HZ_STEP_OFF);
	slots(HZ_SUB_PAUSED, 0);
	run(300);
	w.down = false;
	run(5000); // sound tells what the link carries
	forget();
	slots(0, 0);
	run(2000);
	assert_true(w.frames[0] + w.frames[1] + w.frames[2] > 45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(wide_links_get_everything, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_step_down_and_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(audio_first_on_the_narrowest, setup, teardown),
	    cmocka_unit_test_setup_teardown(stills_where_there_is_a_little_room, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_picture_soon_after_an_outage, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_new_path_is_taken_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(priority_decides, setup_two, teardown),
	    cmocka_unit_test_setup_teardown(remb_is_obeyed, setup, teardown),
	    cmocka_unit_test_setup_teardown(far_and_lossy_packets_follow_unasked, setup, teardown),
	    cmocka_unit_test_setup_teardown(pictures_wait_for_repairs_by_feedback_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(copies_never_take_from_pictures, setup, teardown),
	    cmocka_unit_test_setup_teardown(states_are_repeated, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_cut_is_silence, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_pause_forgets_the_narrow_link, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// Simulcast: which layer a receiver gets, and switches at keyframes.
#include "media/rtp/rtx.h"
#include "tests/unit/router/fixture.h"

#define VIDEO HZ_KIND_VIDEO

static int setup(void **state)
{
	struct fx *fx = fx_two();
	fx_track(fx, 0, 0, VIDEO, 3);
	*state = fx;
	return 0;
}

// One picture of one layer: every layer numbers for itself.
struct sender {
	uint16_t seq[3];
	uint32_t frame;
};

static void send_layer(struct fx *fx, struct sender *s, unsigned layer, bool key, uint8_t pt)
{
	struct fx_in in = {.ssrc = fx_ssrc(0, layer),
	                   .seq = (uint16_t)(s->seq[layer]++ + 20000 * layer),
	                   .ts = s->frame * 3000 + 1000000000 * layer,
	                   .pt = pt,
	                   .key = key,
	                   .picture = (uint16_t)(s->seq[layer] + 1000 * layer),
	                   .body = s->frame << 8 | layer};
	assert_int_equal(fx_in(fx, 0, &in), 0);
}

// One picture on each of the layers given as bits; `key`: bits of those that are keyframes.
static void frame(struct fx *fx, struct sender *s, unsigned layers, unsigned key)
{
	for (unsigned l = 0; l < 3; l++)
		if (layers & 1u << l)
			send_layer(fx, s, l, key & 1u << l, PT_VP8);
	s->frame++;
	fx_advance(fx, 33000);
}

static unsigned layer_of(const struct fx_packet *o)
{
	uint32_t body;
	memcpy(&body, o->p.payload + o->p.payload_bytes - 4, 4);
	return body & 0xff;
}

static void assert_continuous(struct fx *fx)
{
	for (size_t i = 1; i < fx->out_count; i++) {
		assert_int_equal(fx->out[i].index, fx->out[i - 1].index + 1);
		assert_true(hz_ts_newer(fx->out[i].p.ts, fx->out[i - 1].p.ts));
		assert_in_range(fx->out[i].p.ts - fx->out[i - 1].p.ts, 900, 90000 * 3);
		uint16_t a =
		    (uint16_t)((fx->out[i - 1].p.payload[2] & 0x7f) << 8 | fx->out[i - 1].p.payload[3]);
		uint16_t b = (uint16_t)((fx->out[i].p.payload[2] & 0x7f) << 8 | fx->out[i].p.payload[3]);
		assert_int_equal(b, (a + 1) & 0x7fff);
	}
}

static void climbs_at_keyframes_and_stays_continuous(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 1, 1); // only the lowest is there yet
	for (unsigned i = 0; i < 5; i++)
		frame(fx, &s, 1, 0);
	assert_int_equal(fx->out_count, 6);
	fx_clear(fx);
	frame(fx, &s, 7, 0); // all arrive, without keyframes: stays, and asks for one of the highest
	assert_int_equal(fx->out_count, 1);
	assert_int_equal(layer_of(&fx->out[0]), 0);
	assert_true(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI) >= 1);
	frame(fx, &s, 7, 2); // a keyframe of the middle is not what was wanted
	assert_int_equal(layer_of(&fx->out[1]), 0);
	frame(fx, &s, 7, 4);
	for (unsigned i = 0; i < 20; i++)
		frame(fx, &s, 7, 0);
	unsigned high = 0;
	for (size_t i = 0; i < fx->out_count; i++)
		high += layer_of(&fx->out[i]) == 2;
	assert_int_equal(high, 21);
	// One picture may be seen twice at the switch (low, then high), none is missing.
	assert_int_equal(fx->out_count, 2 + 1 + 21);
	assert_continuous(fx);
}

static void max_layer_bounds_and_changes(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.max_layer = 0;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	frame(fx, &s, 7, 7);
	for (unsigned i = 0; i < 10; i++)
		frame(fx, &s, 7, 0);
	assert_int_equal(fx->out_count, 11);
	for (size_t i = 0; i < fx->out_count; i++)
		assert_int_equal(layer_of(&fx->out[i]), 0);
	m.sub_set.max_layer = 1;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	frame(fx, &s, 7, 0);
	frame(fx, &s, 7, 7);
	frame(fx, &s, 7, 0);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 1);
	m.sub_set.max_layer = 0; // down again: the higher one goes on until the keyframe
	assert_int_equal(fx_sub_set(fx, &m), 0);
	frame(fx, &s, 7, 0);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 1);
	frame(fx, &s, 7, 7);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 0);
	assert_continuous(fx);
}

// Requests in an outage go into the void, slower and slower. With the first packet after it there is one at once.
static void asks_at_once_after_an_outage(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 7, 7);
	frame(fx, &s, 7, 0);
	for (unsigned i = 0; i < 50; i++) { // 5 s
		fx_pli(fx, 1, 900000);
		fx_advance(fx, 100000);
	}
	assert_true(fx_plis_seen(fx, 0, fx_ssrc(0, 2)) >= 8);
	do { // the network returns right behind one of them
		fx_clear(fx);
		fx_pli(fx, 1, 900000);
		fx_advance(fx, 10000);
	} while (!fx_plis_seen(fx, 0, fx_ssrc(0, 2)));
	fx_clear(fx);
	fx_pli(fx, 1, 900000);
	assert_int_equal(fx_plis_seen(fx, 0, fx_ssrc(0, 2)), 0);
	s.seq[0] += 50;
	send_layer(fx, &s, 0, false, PT_VP8);
	s.seq[2] += 50;
	send_layer(fx, &s, 2, false, PT_VP8);
	assert_int_equal(fx_plis_seen(fx, 0, fx_ssrc(0, 2)), 1);
}

// A queue that overflows takes most of the largest; asking for its keyframes would fill the queue further.
static void falls_when_a_layer_is_choked(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 7, 7);
	frame(fx, &s, 7, 0);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
	for (unsigned i = 0; i < 20; i++) { // 0.66 s
		s.seq[2] += 2;
		frame(fx, &s, 7, 0);
	}
	fx_clear(fx);
	for (unsigned i = 0; i < 60; i++) {
		s.seq[2] += 2;
		frame(fx, &s, 7, i == 5 ? 2 : 0);
	}
	assert_int_equal(fx_plis_seen(fx, 0, fx_ssrc(0, 2)), 0);
	for (size_t i = fx->out_count - 50; i < fx->out_count; i++)
		assert_int_equal(layer_of(&fx->out[i]), 1);
	for (unsigned i = 0; i < 20; i++) // and up again when it gets through
		frame(fx, &s, 7, i == 15 ? 4 : 0);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
}

static void falls_when_a_layer_stops(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 7, 7);
	frame(fx, &s, 7, 0);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
	for (unsigned i = 0; i < 3;
	     i++) // what it is asked for in its last moments is not asked of it for ever
		fx_pli(fx, 1, 900000);
	for (unsigned i = 0; i < 25; i++)
		frame(fx, &s, 3, 0);
	bool told = false;
	for (size_t i = 0; i < fx->events_count; i++)
		told = told ||
		       (fx->events[i].h.type == HZ_EV_TRACK_STATE && fx->events[i].track_state.layers == 3);
	assert_true(told);
	fx_clear(fx);
	for (unsigned i = 0; i < 50; i++) // 1.6 s more without the highest
		frame(fx, &s, 3, 0);
	assert_int_equal(fx_plis_seen(fx, 0, fx_ssrc(0, 2)), 0);
	assert_true(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI) >= 1);
	assert_int_equal(fx->out_count, 0);
	frame(fx, &s, 3, 2);
	frame(fx, &s, 3, 0);
	assert_int_equal(fx->out_count, 2);
	assert_int_equal(layer_of(&fx->out[0]), 1);
	assert_continuous(fx);
	// It returns with a keyframe: up again at once.
	frame(fx, &s, 7, 4);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
}

// libvpx answers a request for one size with keyframes of all that it sends: where none comes of the size that was asked
// for, nor anything else, the smaller one is what there is.
static void takes_the_keyframe_that_comes(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 7, 7);
	frame(fx, &s, 7, 0);
	fx_pli(fx, 1, 900000);
	frame(fx, &s, 7, 4); // answered
	fx_advance(fx, 1000000);
	frame(fx, &s, 7, 0);
	frame(fx, &s, 3, 3); // somebody else's wish: the largest was there a moment ago
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
	fx_pli(fx, 1, 900000);
	assert_int_equal(fx_plis_seen(fx, 0, fx_ssrc(0, 2)), 2);
	for (unsigned i = 0; i < 3; i++)
		frame(fx, &s, 3, 0);
	fx_clear(fx);
	frame(fx, &s, 3, 3);
	frame(fx, &s, 3, 0);
	assert_int_equal(fx->out_count, 2);
	assert_int_equal(layer_of(&fx->out[0]), 1);
	// Nobody asks for the largest in the name of the picture that stands, nor for what was lost of it.
	fx_pli(fx, 1, 900000);
	fx_advance(fx, 500000);
	assert_int_equal(fx_plis_seen(fx, 0, fx_ssrc(0, 2)), 0);
	frame(fx, &s, 7, 4);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
}

static void again(struct fx *fx, struct hz_rtx *rtx, unsigned layer, unsigned back, const struct sender *s)
{
	struct fx_in in = {.ssrc = fx_ssrc(0, layer),
	                   .seq = (uint16_t)(s->seq[layer] - back + 20000 * layer),
	                   .ts = (40 - back) * 3000 + 1000000000 * layer, // of a picture before the loss
	                   .pt = PT_VP8};
	uint8_t buf[256];
	size_t bytes = fx_build(&in, buf);
	assert_int_equal(hz_rtx_wrap(buf, bytes, sizeof(buf), rtx, &bytes), 0);
	assert_int_equal(hz_router_rtp(fx->router, 0, buf, bytes, 0, fx->now), 0);
}

// What was asked for of a layer keeps coming when its sender has stopped sending it: that is no picture, and what is
// missing yet would only stand before the packets of the smaller one.
static void repairs_do_not_keep_a_layer_alive(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	struct hz_rtx rtx = {.ssrc = fx_ssrc(0, 2) + 5, .seq = 7, .pt = PT_VP8_RTX};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 7, 7);
	for (unsigned i = 0; i < 40; i++)
		frame(fx, &s, 7, 0);
	s.seq[2] += 7; // lost in a row
	frame(fx, &s, 7, 0);
	for (unsigned i = 0; i < 26; i++) { // 0.86 s: 12 of its frames, the grace, the time between two looks
		if (i % 4 == 0)
			again(fx, &rtx, 2, 8 - i / 4, &s);
		frame(fx, &s, 3, 0);
	}
	frame(fx, &s, 3, 2);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 1);
	fx_clear(fx);
	for (unsigned i = 0; i < 10; i++)
		frame(fx, &s, 3, 0);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_RTPFB, HZ_RTPFB_NACK), 0);
	assert_int_equal(fx_plis_seen(fx, 0, fx_ssrc(0, 2)), 0);
	frame(fx, &s, 7, 4);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
}

// Two layers of the same frame rate; the higher one stops. How long, in us, until the track's state says so.
static int64_t noticed_after(struct fx *fx, struct sender *s, int64_t frame_us)
{
	int64_t stopped_us;
	for (unsigned i = 0; i < 40; i++) {
		send_layer(fx, s, 0, !i, PT_VP8);
		send_layer(fx, s, 1, !i, PT_VP8);
		s->frame++;
		fx_advance(fx, frame_us);
	}
	stopped_us = fx->now - frame_us; // its newest picture
	fx->events_count = 0;
	while (fx->now - stopped_us < 3000000) {
		send_layer(fx, s, 0, false, PT_VP8);
		s->frame++;
		for (int64_t us = 0; us < frame_us; us += 10000) {
			fx_advance(fx, 10000);
			for (size_t i = 0; i < fx->events_count; i++)
				if (fx->events[i].h.type == HZ_EV_TRACK_STATE &&
				    fx->events[i].track_state.layers == 1)
					return fx->now - stopped_us;
		}
	}
	return -1;
}

// A layer has stopped when it is twelve of its frames behind its sister, but not before 400 ms nor after 1 s, and
// still is after a grace of 150 ms.
static void stopped_after_twelve_frames(void **state)
{
	static const struct {
		int64_t frame_us, dead_us;
	} cases[] = {{20000, 400000}, {50000, 600000}, {66000, 792000}, {200000, 1000000}};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sender s = {.frame = 1};
		struct fx *fx = fx_new();
		fx_peer(fx, 0, 1, 0);
		fx_peer(fx, 1, 1, 0);
		fx_track(fx, 0, 0, VIDEO, 2);
		fx_sub(fx, 0, 1, 0, VIDEO);
		int64_t us = noticed_after(fx, &s, cases[i].frame_us);
		int64_t dead_us = cases[i].dead_us;
		// Seen at the sister's next picture, and looked for now and then only.
		if (us < dead_us + 150000 || us > dead_us + 150000 + 2 * cases[i].frame_us + 120000)
			fail_msg("%lld us a frame: after %lld us", (long long)cases[i].frame_us,
			         (long long)us);
		fx_free(fx);
	}
}

// A break shorter than that, and what was lost of one layer in a row, changes nothing.
static void short_breaks_are_no_stopped_layers(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 7, 7);
	for (unsigned i = 0; i < 30; i++)
		frame(fx, &s, 7, 0);
	fx->events_count = 0;
	for (unsigned i = 0; i < 15; i++) // 15 x 33 ms: behind for long enough, but within the grace
		frame(fx, &s, 3, 0);
	for (unsigned i = 0; i < 30; i++)
		frame(fx, &s, 7, 0);
	for (size_t i = 0; i < fx->events_count; i++)
		if (fx->events[i].h.type == HZ_EV_TRACK_STATE)
			assert_int_equal(fx->events[i].track_state.layers, 7);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
}

// Only higher layers than wanted arrive: better that than black.
static void takes_a_higher_one_rather_than_nothing(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.max_layer = 0;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	frame(fx, &s, 4, 4);
	frame(fx, &s, 4, 0);
	assert_int_equal(fx->out_count, 2);
	frame(fx, &s, 5, 1);
	assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 0);
}

// A still screen share: every layer sends once a second or slower, none counts as stopped.
static void slow_pictures_are_no_stopped_layers(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 7, 7);
	for (unsigned i = 0; i < 10; i++) {
		fx_advance(fx, 1500000);
		frame(fx, &s, 7, 0);
		assert_int_equal(layer_of(&fx->out[fx->out_count - 1]), 2);
	}
	assert_int_equal(fx->out_count, 3 + 10); // the first picture came on every layer
}

// With sender reports of both layers the timestamps of the two line up exactly.
static void sender_reports_align_layers(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	frame(fx, &s, 1, 1);
	for (unsigned l = 0; l < 3; l++) {
		uint8_t buf[64];
		struct hz_rtcp_writer w;
		struct hz_sender_info info = {.ntp = hz_ntp_from_us(fx->now + 5000000),
		                              .rtp_ts = s.frame * 3000 + 1000000000 * l};
		hz_rtcp_writer_init(&w, buf, sizeof(buf));
		assert_int_equal(hz_rtcp_write_sr(&w, fx_ssrc(0, l), &info, NULL, 0), 0);
		assert_int_equal(hz_router_rtcp(fx->router, 0, buf, w.bytes, fx->now), 0);
	}
	frame(fx, &s, 1, 0);
	frame(fx, &s, 7, 0);
	frame(fx, &s, 6, 4);
	size_t n = fx->out_count;
	assert_int_equal(layer_of(&fx->out[n - 1]), 2);
	assert_int_equal(fx->out[n - 1].p.ts - fx->out[n - 2].p.ts, 3000);
}

static void h264_switches_too(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	fx_sub(fx, 0, 1, 0, VIDEO);
	send_layer(fx, &s, 0, true, PT_H264);
	fx_advance(fx, 33000);
	send_layer(fx, &s, 1, false, PT_H264);
	assert_int_equal(fx->out_count, 1);
	send_layer(fx, &s, 1, true, PT_H264);
	send_layer(fx, &s, 1, false, PT_H264);
	send_layer(fx, &s, 0, false, PT_H264);
	assert_int_equal(fx->out_count, 3);
	assert_int_equal(fx->out[2].index, fx->out[0].index + 2);
	assert_int_equal(fx->out[2].p.pt, 126);
}

// Random walks over layers, limits and losses: what goes out never repeats an index, never leaves out a number at a
// switch, never begins without a keyframe.
static void random_switches(void **state)
{
	struct fx *fx = *state;
	struct sender s = {.frame = 1};
	uint32_t r = 99;
	fx_sub(fx, 0, 1, 0, VIDEO);
	for (unsigned i = 0; i < 6000; i++) {
		r = r * 1664525 + 1013904223;
		if ((r >> 8) % 50 == 0) {
			union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
			m.sub_set.max_layer = (r >> 16) % 3;
			assert_int_equal(fx_sub_set(fx, &m), 0);
		}
		unsigned key = (r >> 20) % 15 == 0 ? 7 : 0;
		for (unsigned l = 0; l < 3; l++)
			send_layer(fx, &s, l, key & 1u << l, PT_VP8);
		s.frame++;
		fx->now += 33000;
		if (i % 8 == 0)
			hz_router_tick(fx->router, fx->now);
	}
	assert_true(fx->out_count > 5900);
	for (size_t i = 1; i < fx->out_count; i++) {
		assert_int_equal(fx->out[i].index, fx->out[i - 1].index + 1);
		if (layer_of(&fx->out[i]) != layer_of(&fx->out[i - 1]))
			assert_int_equal(fx->out[i].p.payload[6] & 1, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(climbs_at_keyframes_and_stays_continuous, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(max_layer_bounds_and_changes, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(asks_at_once_after_an_outage, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(falls_when_a_layer_is_choked, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(falls_when_a_layer_stops, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(takes_the_keyframe_that_comes, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(repairs_do_not_keep_a_layer_alive, setup, fx_teardown),
	    cmocka_unit_test(stopped_after_twelve_frames),
	    cmocka_unit_test_setup_teardown(short_breaks_are_no_stopped_layers, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(takes_a_higher_one_rather_than_nothing, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(slow_pictures_are_no_stopped_layers, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(sender_reports_align_layers, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(h264_switches_too, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(random_switches, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// Sound: redundancy passed on, taken off, and used; DTX gaps keep their timestamps.
#include "tests/unit/router/fixture.h"

#include "media/rtp/red.h"

#define AUDIO  HZ_KIND_AUDIO
#define PT_RED 63

// Peer 1 takes RED (Opus 109), peer 2 only Opus.
static int setup(void **state)
{
	struct fx *fx = fx_new();
	for (unsigned i = 0; i < 3; i++)
		fx_peer(fx, i, 1, 0);
	union hz_msg t = fx_track_msg(0, 0, AUDIO, 1);
	t.track_set.pt[0] = (struct hz_pt){PT_RED, 0, HZ_CODEC_RED, 0};
	t.track_set.pt[1] = (struct hz_pt){PT_OPUS, 0, HZ_CODEC_OPUS, 0};
	t.track_set.pt_count = 2;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	union hz_msg m = fx_sub_msg(0, 1, 0, AUDIO);
	m.sub_set.pt[1] = (struct hz_pt){62, 0, HZ_CODEC_RED, 0};
	m.sub_set.pt_count = 2;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	fx_sub(fx, 1, 2, 0, AUDIO);
	*state = fx;
	return 0;
}

// Frame n is the byte n, n times modulo 50, plus one.
static size_t frame_of(unsigned n, uint8_t *at)
{
	size_t bytes = n % 50 + 1;
	memset(at, (int)n, bytes);
	return bytes;
}

// RED of frame n with `back` earlier ones.
static int red(struct fx *fx, unsigned n, unsigned back)
{
	uint8_t raw[300], scratch[64];
	size_t at = 0;
	for (unsigned i = back; i > 0; i--) {
		uint32_t word = 960u * i << 10 | (uint32_t)frame_of(n - i, scratch);
		raw[at++] = 0x80 | PT_OPUS;
		raw[at++] = (uint8_t)(word >> 16);
		raw[at++] = (uint8_t)(word >> 8);
		raw[at++] = (uint8_t)word;
	}
	raw[at++] = PT_OPUS;
	for (unsigned i = back + 1; i-- > 0;)
		at += frame_of(n - i, raw + at);
	struct fx_in in = {.ssrc = fx_ssrc(0, 0),
	                   .seq = (uint16_t)n,
	                   .ts = n * 960,
	                   .pt = PT_RED,
	                   .level = 30,
	                   .raw = raw,
	                   .raw_bytes = at};
	return fx_in(fx, 0, &in);
}

static unsigned to(const struct fx *fx, uint32_t slot, const struct fx_packet **ret, unsigned cap)
{
	unsigned count = 0;
	for (size_t i = 0; i < fx->out_count; i++)
		if (fx->out[i].slot == slot && count < cap)
			ret[count++] = &fx->out[i];
	return count;
}

static void passed_on_or_taken_off(void **state)
{
	struct fx *fx = *state;
	const struct fx_packet *o[64];
	struct hz_red r;
	uint8_t frame[64];
	for (unsigned n = 100; n < 110; n++)
		assert_int_equal(red(fx, n, 2), 0);
	assert_int_equal(to(fx, 1, o, 64), 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(o[i]->p.pt, 62);
		assert_int_equal(hz_red_parse(o[i]->p.payload, o[i]->p.payload_bytes, &r), 0);
		assert_int_equal(r.count, 2);
		assert_int_equal(r.primary.pt, 109); // as this receiver numbers Opus
		assert_int_equal(r.block[0].pt, 109);
	}
	assert_int_equal(to(fx, 2, o, 64), 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(o[i]->p.pt, 109);
		assert_int_equal(o[i]->p.payload_bytes, frame_of(100 + i, frame));
		assert_memory_equal(o[i]->p.payload, frame, o[i]->p.payload_bytes);
		assert_int_equal(o[i]->p.marker, i == 0);
		if (i) {
			assert_int_equal(o[i]->index, o[i - 1]->index + 1);
			assert_int_equal(o[i]->p.ts, o[i - 1]->p.ts + 960);
		}
	}
	for (size_t i = 0; i < fx->events_count; i++) // RED is no codec of its own to control
		if (fx->events[i].h.type == HZ_EV_TRACK_STATE && fx->events[i].track_state.active)
			assert_int_equal(fx->events[i].track_state.codec, HZ_CODEC_OPUS);
}

static void what_was_lost_before_us_is_recovered(void **state)
{
	struct fx *fx = *state;
	const struct fx_packet *o[64];
	uint8_t frame[64];
	assert_int_equal(red(fx, 100, 0), 0); // nothing before it: nothing is made up
	assert_int_equal(red(fx, 101, 1), 0);
	assert_int_equal(red(fx, 104, 2), 0); // 102 and 103 lost
	assert_int_equal(red(fx, 103, 2), 0); // only late: gone out already
	assert_int_equal(red(fx, 109, 2), 0); // of four lost ones two are there
	for (uint32_t slot = 1; slot <= 2; slot++) {
		static const unsigned want[] = {100, 101, 102, 103, 104, 107, 108, 109};
		assert_int_equal(to(fx, slot, o, 64), 8);
		for (unsigned i = 0; i < 8; i++) {
			assert_int_equal(o[i]->index - o[0]->index, want[i] - 100);
			assert_int_equal(o[i]->p.ts - o[0]->p.ts, (want[i] - 100) * 960);
			if (slot == 1 && o[i]->p.pt == 62)
				continue;
			assert_int_equal(o[i]->p.pt, 109);
			assert_int_equal(o[i]->p.payload_bytes, frame_of(want[i], frame));
			assert_memory_equal(o[i]->p.payload, frame, o[i]->p.payload_bytes);
		}
	}
}

static void damaged_or_nested_ones(void **state)
{
	struct fx *fx = *state;
	static const uint8_t cut[] = {0xef, 0x0f, 0x03, 0xff, 0x6f, 1, 2};
	static const uint8_t nested[] = {0x80 | PT_RED, 0x0f, 0x00, 0x04, PT_OPUS, 0xef, 0, 0, 0, 1};
	struct fx_in in = {
	    .ssrc = fx_ssrc(0, 0), .seq = 5, .pt = PT_RED, .raw = cut, .raw_bytes = sizeof(cut)};
	assert_int_equal(red(fx, 4, 0), 0);
	size_t before = fx->out_count;
	assert_int_equal(fx_in(fx, 0, &in), -EBADMSG);
	assert_int_equal(fx->out_count, before);
	in = (struct fx_in){.ssrc = fx_ssrc(0, 0),
	                    .seq = 8,
	                    .ts = 8 * 960,
	                    .pt = PT_RED,
	                    .raw = nested,
	                    .raw_bytes = sizeof(nested)};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, before + 2);
}

// Opus DTX: a packet now and then, the marker where speech begins anew; time goes on as the publisher counts it.
static void dtx_gaps_keep_their_timestamps(void **state)
{
	struct fx *fx = *state;
	const struct fx_packet *o[64];
	uint8_t raw[] = {0xf8, 1, 2};
	static const struct {
		uint32_t ts;
		int64_t at_us;
		bool marker;
	} sent[] = {
	    {0, 0, false},         {960, 20000, false},    {20160, 420000, false},   {39360, 820000, false},
	    {40320, 840000, true}, {41280, 860000, false}, {2441280, 50860000, true}};
	int64_t begin = fx->now;
	for (unsigned i = 0; i < 7; i++) {
		struct fx_in in = {.ssrc = fx_ssrc(0, 0),
		                   .seq = (uint16_t)(100 + i),
		                   .ts = sent[i].ts,
		                   .pt = PT_OPUS,
		                   .marker = sent[i].marker,
		                   .raw = raw,
		                   .raw_bytes = sizeof(raw)};
		fx->now = begin + sent[i].at_us;
		assert_int_equal(fx_in(fx, 0, &in), 0);
	}
	assert_int_equal(to(fx, 2, o, 64), 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(o[i]->p.ts - o[0]->p.ts, sent[i].ts);
		assert_int_equal(o[i]->p.marker, sent[i].marker || i == 0);
		assert_int_equal(o[i]->index, o[0]->index + i);
		assert_int_equal(o[i]->p.payload_bytes, sizeof(raw));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(passed_on_or_taken_off, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(what_was_lost_before_us_is_recovered, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(damaged_or_nested_ones, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(dtx_gaps_keep_their_timestamps, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

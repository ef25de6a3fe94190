// The router is stopped at random points and goes on in a new one on the same arena: after a packet, in the middle of
// the fan-out with the packet sent or not yet sent. Over a thousand such cuts no (SSRC, 48-bit index) may be sent
// twice, and media flows again after a keyframe.
#include "tests/unit/router/fixture.h"

#define VIDEO     HZ_KIND_VIDEO
#define AUDIO     HZ_KIND_AUDIO
#define CUTS      1000 // 2,500 in ./dev test --full
#define SEEN      (1u << 22)
#define PUBLISH   2 // video tracks 0 and 1 (three layers each), audio track 2
#define RECEIVERS 3

struct seen {
	uint64_t key; // SSRC and index
	uint64_t hash;
};

struct cut {
	struct seen *seen; // SEEN, open addressing
	uint32_t random;
	unsigned countdown; // sends until the cut; 0 none
	bool send_first;    // the packet at which it happens still goes out
	jmp_buf where;
	uint64_t packets;
	uint64_t of_sub[64];
	uint16_t seq[3][3];
	uint32_t ts;
	uint64_t same;
};

static struct cut cut;

static uint32_t rnd(uint32_t n)
{
	cut.random = cut.random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(cut.random >> 4) * n >> 28);
}

static void record(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtp_parse(buf, bytes, &p), 0);
	uint64_t index = fx_index(fx, slot, p.ssrc, p.seq);
	assert_true(index > 0 && index < 1ull << 48);
	uint64_t hash = 14695981039346656037ull;
	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ buf[i]) * 1099511628211ull;
	uint64_t key = (uint64_t)p.ssrc << 40 ^ index;
	uint32_t i = (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 42) & (SEEN - 1);
	for (; cut.seen[i].key; i = (i + 1) & (SEEN - 1))
		if (cut.seen[i].key == key)
			fail_msg("ssrc %u index %llu was sent twice", p.ssrc, (unsigned long long)index);
	cut.seen[i] = (struct seen){key, hash};
	cut.packets++;
	if (p.ssrc >= 900000 && p.ssrc < 900064)
		cut.of_sub[p.ssrc - 900000]++;
}

static void on_send(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	bool now = cut.countdown && --cut.countdown == 0;
	if (!now || cut.send_first)
		record(fx, slot, buf, bytes);
	if (now)
		longjmp(cut.where, 1);
}

static void publish(struct fx *fx, uint32_t track, unsigned layer, bool key)
{
	bool audio = track == 2;
	struct fx_in in = {.ssrc = fx_ssrc(track, layer),
	                   .seq = cut.seq[track][layer]++,
	                   .ts = cut.ts + 7777 * track,
	                   .pt = audio ? PT_OPUS : PT_VP8,
	                   .key = key,
	                   .picture = cut.seq[track][layer],
	                   .level = audio ? 30 : 0,
	                   .twcc = (int)(cut.ts & 0x7fff) + 1};
	if (!rnd(30))
		return; // lost on the way
	assert_int_equal(fx_in(fx, track % PUBLISH, &in), 0);
	if (!rnd(50)) { // and now and then an old one comes late
		in.seq = (uint16_t)(in.seq - 1 - rnd(5));
		assert_int_equal(fx_in(fx, track % PUBLISH, &in), 0);
	}
}

// Receiver k has subscriptions 4k (video), 4k + 1 (video), 4k + 2 (audio).
static void command(struct fx *fx)
{
	uint32_t k = rnd(RECEIVERS), slot = 4 * k + rnd(3);
	uint8_t kind = slot % 4 == 2 ? AUDIO : VIDEO;
	union hz_msg m = fx_sub_msg(slot, 2 + k, kind == AUDIO ? 2 : rnd(2), kind);
	m.sub_set.max_layer = (uint8_t)rnd(3);
	m.sub_set.flags = rnd(8) ? 0 : HZ_SUB_PAUSED;
	switch (rnd(12)) {
	case 0: {
		union hz_msg d = {.sub_del = {.sub = HZ_ID(slot, 1)}};
		(void)fx_command(fx, &d, HZ_CMD_SUB_DEL, sizeof(d.sub_del));
		break;
	}
	case 1:
		assert_int_equal(fx_peer_set(fx, rnd(5), 1, rnd(2)), 0);
		break;
	case 2:
		m.sub_set.track = 0;
		break;
	default:
		break;
	}
	assert_int_equal(fx_sub_set(fx, &m), 0);
}

static void step(struct fx *fx)
{
	uint32_t what = rnd(100);
	fx->now += 1000 + rnd(4000);
	cut.ts += 300;
	if (what < 5)
		command(fx);
	else if (what < 12)
		assert_int_equal(fx_nack(fx, 2 + rnd(RECEIVERS), 900000 + rnd(12),
		                         (uint16_t)(fx->arena->sub[rnd(12)].out_index - rnd(30))),
		                 0);
	else if (what < 14)
		assert_int_equal(fx_pli(fx, 2 + rnd(RECEIVERS), 900000 + rnd(12)), 0);
	else if (what < 25)
		hz_router_tick(fx->router, fx->now);
	else if (what < 40)
		publish(fx, 2, 0, false);
	else
		publish(fx, rnd(2), rnd(3), !rnd(12));
	fx->rtcp_count = fx->events_count = 0;
}

static void make(struct fx *fx)
{
	for (uint32_t i = 0; i < 2 + RECEIVERS; i++)
		fx_peer(fx, i, 1, 0);
	for (uint32_t i = 0; i < 3; i++)
		fx_track(fx, i, i % PUBLISH, i == 2 ? AUDIO : VIDEO, i == 2 ? 1 : 3);
	for (uint32_t i = 0; i < 4 * RECEIVERS; i++)
		if (i % 4 != 3)
			fx_sub(fx, i, 2 + i / 4, i % 4, i % 4 == 2 ? AUDIO : VIDEO);
	fx->rtcp_count = fx->events_count = 0;
}

// Everything as wanted, then keyframes everywhere: every subscription must send again.
static void flows_again(struct fx *fx)
{
	uint64_t before[64];
	cut.countdown = 0;
	for (uint32_t i = 0; i < 2 + RECEIVERS; i++)
		assert_int_equal(fx_peer_set(fx, i, 1, 0), 0);
	for (uint32_t i = 0; i < 4 * RECEIVERS; i++)
		if (i % 4 != 3)
			fx_sub(fx, i, 2 + i / 4, i % 4, i % 4 == 2 ? AUDIO : VIDEO);
	memcpy(before, cut.of_sub, sizeof(before));
	for (unsigned round = 0; round < 4; round++) { // one of them may be "lost"
		cut.ts += 3000;
		fx->now += 10000;
		for (uint32_t t = 0; t < 2; t++)
			for (unsigned l = 0; l < 3; l++)
				publish(fx, t, l, true);
		publish(fx, 2, 0, false);
	}
	for (uint32_t i = 0; i < 4 * RECEIVERS; i++)
		if (i % 4 != 3)
			assert_true(cut.of_sub[i] > before[i]);
	fx->rtcp_count = fx->events_count = 0;
}

static void no_index_is_used_twice(void **state)
{
	struct fx *fx = fx_new();
	(void)state;
	const char *full = getenv("HZ_TEST_FULL");
	const unsigned cuts = full && strcmp(full, "1") == 0 ? 2500 : CUTS;
	memset(&cut, 0, sizeof(cut));
	cut.random = 2024;
	cut.seen = calloc(SEEN, sizeof(*cut.seen));
	for (unsigned t = 0; t < 3; t++)
		for (unsigned l = 0; l < 3; l++)
			cut.seq[t][l] = (uint16_t)(65000 + 100 * l); // they wrap on the way
	fx->on_send = on_send;
	make(fx);
	for (volatile unsigned n = 0; n < cuts; n++) {
		volatile unsigned steps = 5 + rnd(60);
		cut.countdown = rnd(2) ? 1 + rnd(60) : 0;
		cut.send_first = rnd(2);
		if (!setjmp(cut.where))
			while (steps--)
				step(fx);
		fx->now += 50000;
		fx_restart(fx);
		if (n % 10 == 0)
			flows_again(fx);
	}
	assert_int_equal(fx->arena->counters.recoveries, cuts);
	assert_true(cut.packets > cuts * 24ull);
	assert_true(cut.packets < SEEN / 2);
	print_message("%u cuts, %llu packets sent, none twice\n", cuts, (unsigned long long)cut.packets);
	free(cut.seen);
	fx_free(fx);
}

// A roll-over between two incarnations: the 48-bit index goes on, it does not fall back by 65,536.
static void roll_over_during_the_outage(void **state)
{
	struct fx *fx = fx_new();
	(void)state;
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	struct fx_in in = {.ssrc = fx_ssrc(0, 0), .seq = 65530, .pt = PT_VP8, .key = true};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	fx->arena->sub[0].out_index = (5ull << 16) + 65530;
	struct hz_sub_map map = *hz_arena_sub_map(&fx->arena->sub[0]);
	map.out_first = fx->arena->sub[0].out_index;
	hz_arena_sub_set_map(&fx->arena->sub[0], &map);
	fx_restart(fx);
	fx_clear(fx);
	in.seq = 4; // ten later, over both wraps
	in.key = false;
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 1);
	assert_int_equal(fx->out[0].p.seq, 4);
	assert_true(fx->arena->sub[0].out_index == (6ull << 16) + 4);
	in.seq = 65529; // from before the first one
	assert_int_equal(fx_in(fx, 0, &in), 0);
	in.seq = 65530; // the floor itself: it may have been sent by the one before
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 1);
	in.seq = 65531; // late, but its index was never used
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 2);
	assert_true(fx->out[1].p.seq == 65531);
	fx_free(fx);
}

// The first packet after a crash needs no keyframe where nothing was lost; a keyframe is asked for at once all the same.
static void goes_on_at_once_and_asks_for_a_keyframe(void **state)
{
	struct fx *fx = fx_new();
	(void)state;
	fx_peer(fx, 0, 1, 0);
	fx_peer(fx, 1, 1, 0);
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	struct fx_in in = {
	    .ssrc = fx_ssrc(0, 0), .seq = 10, .ts = 90000, .pt = PT_VP8, .key = true, .picture = 5};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	uint32_t rtcp_ssrc = hz_router_rtcp_ssrc(fx->router);
	fx_restart(fx);
	fx_clear(fx);
	hz_router_tick(fx->router, fx->now);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	assert_int_not_equal(hz_router_rtcp_ssrc(fx->router), rtcp_ssrc);
	in = (struct fx_in){.ssrc = fx_ssrc(0, 0), .seq = 11, .ts = 93000, .pt = PT_VP8, .picture = 6};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 1);
	assert_int_equal(fx->out[0].p.ts, 93000);
	assert_int_equal(fx->out[0].p.payload[3], 6 + fx->arena->sub[0].vp8.delta.picture_id);
	fx_free(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_index_is_used_twice),
	    cmocka_unit_test(roll_over_during_the_outage),
	    cmocka_unit_test(goes_on_at_once_and_asks_for_a_keyframe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

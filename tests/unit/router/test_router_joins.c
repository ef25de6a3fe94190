// Many who join, and joins during loss: what the publisher is asked for, and how soon everybody has a picture.
#include "tests/unit/router/fixture.h"

#include "media/rtp/keyframe.h"
#include "tests/unit/rtp/random.h"

#define VIDEO       HZ_KIND_VIDEO
#define FRAME_US    33000
#define KEY_PACKETS 12
#define JOINS       1000
#define BOUND_US    2000000

struct publisher {
	uint16_t seq, picture;
	uint32_t frame;
	int64_t next_us, key_us; // key_us: when a request reaches it; 0 none
	unsigned plis, keyframes;
	size_t rtcp_seen;
	int64_t delay_us;
};

static union hz_msg sub_msg(uint32_t slot, uint32_t peer, uint32_t ssrc)
{
	union hz_msg m = fx_sub_msg(slot, peer, 0, VIDEO);
	m.sub_set.ssrc = ssrc;
	m.sub_set.rtx_ssrc = ssrc + 50000;
	m.sub_set.ext.twcc = 0; // without feedback the allocator keeps out of it
	return m;
}

static void send_frame(struct fx *fx, struct publisher *p, bool key)
{
	unsigned count = key ? KEY_PACKETS : 2;
	p->picture++;
	for (unsigned i = 0; i < count; i++) {
		uint8_t raw[200] = {(uint8_t)(0x80 | (i == 0 ? 0x10 : 0)), 0x80,
		                    (uint8_t)(0x80 | (p->picture >> 8 & 0x7f)), (uint8_t)p->picture,
		                    key && i == 0 ? 0x10 : 0x11};
		struct fx_in in = {.ssrc = fx_ssrc(0, 0),
		                   .seq = p->seq++,
		                   .ts = p->frame * 3000,
		                   .pt = PT_VP8,
		                   .marker = i == count - 1,
		                   .raw = raw,
		                   .raw_bytes = sizeof(raw)};
		assert_int_equal(fx_in(fx, 0, &in), 0);
	}
	p->frame++;
	p->keyframes += key;
}

// 5 ms of the publisher's life.
static void publish(struct fx *fx, struct publisher *p)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet packet;
	for (; p->rtcp_seen < fx->rtcp_count; p->rtcp_seen++) {
		if (fx->rtcp[p->rtcp_seen].slot != 0)
			continue;
		hz_rtcp_iter_init(&iter, fx->rtcp[p->rtcp_seen].data, fx->rtcp[p->rtcp_seen].bytes);
		while (hz_rtcp_next(&iter, &packet) == 1) {
			if (packet.type != HZ_RTCP_PSFB || packet.count != HZ_PSFB_PLI)
				continue;
			p->plis++;
			if (!p->key_us)
				p->key_us = fx->now + p->delay_us;
		}
	}
	if (fx->rtcp_count > FX_MAX / 2)
		fx->rtcp_count = p->rtcp_seen = 0;
	if (fx->now < p->next_us)
		return;
	p->next_us = fx->now + FRAME_US;
	bool key = p->key_us && p->key_us <= fx->now;
	if (key)
		p->key_us = 0;
	send_frame(fx, p, key);
}

static struct fx *room(unsigned peers)
{
	struct fx *fx = fx_new();
	for (unsigned i = 0; i <= peers; i++)
		fx_peer(fx, i, 1, 0);
	fx_track(fx, 0, 0, VIDEO, 1);
	return fx;
}

static void step(struct fx *fx, struct publisher *p)
{
	fx->now += 5000;
	publish(fx, p);
	hz_router_tick(fx->router, fx->now);
}

// --- 200 within a second

static uint8_t begun[256];

static void note_begin(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	struct hz_rtp_packet packet;
	struct hz_vp8_descriptor d;
	assert_int_equal(hz_rtp_parse(buf, bytes, &packet), 0);
	if (!begun[slot] && packet.payload_bytes) { // the first packet with a picture begins a keyframe
		assert_int_equal(hz_vp8_parse(packet.payload, packet.payload_bytes, &d), 0);
		assert_true(d.keyframe);
		begun[slot] = 1;
	}
}

static void two_hundred_join_within_a_second(void **state)
{
	struct fx *fx = room(200);
	struct publisher p = {.delay_us = 20000};
	int64_t joined[201] = {0}, worst = 0;
	memset(begun, 0, sizeof(begun));
	fx->on_send = note_begin;
	for (unsigned i = 0; i < 200; i++)
		step(fx, &p); // nobody watches: nothing is asked for
	assert_int_equal(p.plis, 0);
	for (unsigned i = 0; i < 200; i++) {
		union hz_msg m = sub_msg(i, i + 1, 700000 + i);
		assert_int_equal(fx_sub_set(fx, &m), 0);
		joined[i + 1] = fx->now;
		step(fx, &p);
		for (unsigned k = 1; k <= i + 1; k++) {
			if (begun[k] == 1) {
				begun[k] = 2;
				worst = fx->now - joined[k] > worst ? fx->now - joined[k] : worst;
			}
		}
	}
	for (unsigned i = 0; i < 20; i++)
		step(fx, &p);
	for (unsigned i = 1; i <= 200; i++)
		assert_true(begun[i]);
	assert_in_range(p.plis, 1, 4);
	assert_in_range(worst, 1, 100000); // the waiting time of one keyframe, also between two requests
	fx_free(fx);
}

static void lossy_receivers_cause_no_storm(void **state)
{
	struct fx *fx = room(200);
	struct publisher p = {.delay_us = 20000};
	struct hz_test_random rng = {5};
	fx->on_send = note_begin;
	memset(begun, 0, sizeof(begun));
	for (unsigned i = 0; i < 200; i++) {
		union hz_msg m = sub_msg(i, i + 1, 700000 + i);
		assert_int_equal(fx_sub_set(fx, &m), 0);
	}
	for (unsigned i = 0; i < 20; i++)
		step(fx, &p);
	unsigned before = p.plis;
	for (unsigned i = 0; i < 2000; i++) { // 10 s, 400 requests a second
		for (unsigned k = 0; k < 2; k++) {
			uint32_t who = random_below(&rng, 200);
			fx_pli(fx, who + 1, 700000 + who);
		}
		step(fx, &p);
	}
	assert_in_range(p.plis - before, 5, 17); // a burst of six, then one a second
	// One that was made before its sender can have seen the keyframe that just went out asks for nothing.
	for (unsigned i = 0; i < 1000; i++)
		step(fx, &p);
	before = p.plis;
	fx_pli(fx, 1, 700000);
	while (p.plis == before || p.key_us)
		step(fx, &p);
	for (unsigned i = 0; i < 4; i++)
		fx_pli(fx, 3 + i, 700002 + i);
	for (unsigned i = 0; i < 400; i++)
		step(fx, &p);
	assert_int_equal(p.plis, before + 1);
	fx_free(fx);
}

// --- joins at 10 % loss, both ways

#define FLIGHT 512

struct
    receiver { // about as a browser's: asks again for holes behind its first packet, for a keyframe after 200 ms
	uint32_t ssrc;
	bool any;
	int64_t first, highest, decodable_us;
	uint8_t have[2048], start[2048], end[2048];
	int64_t asked_us[2048], pli_us;
	unsigned plis;
	struct {
		int64_t at_us;
		size_t bytes;
		uint8_t data[600];
	} flight[FLIGHT];
	unsigned flying;
	struct hz_test_random rng;
};

static struct receiver rcv;
static int64_t one_way_us;

static void onto_the_link(struct fx *fx, uint32_t slot, const uint8_t *buf, size_t bytes)
{
	if (slot != 1 || random_percent(&rcv.rng, 10))
		return;
	assert_true(rcv.flying < FLIGHT && bytes <= sizeof(rcv.flight[0].data));
	rcv.flight[rcv.flying].at_us = fx->now + one_way_us;
	rcv.flight[rcv.flying].bytes = bytes;
	memcpy(rcv.flight[rcv.flying++].data, buf, bytes);
}

static void received(const uint8_t *data, size_t bytes)
{
	struct hz_rtp_packet p;
	struct hz_vp8_descriptor d;
	assert_int_equal(hz_rtp_parse(data, bytes, &p), 0);
	bool rtx = p.ssrc != rcv.ssrc;
	if (rtx && !rcv.any)
		return; // a browser knows not yet what it repairs
	const uint8_t *payload = rtx ? p.payload + 2 : p.payload;
	size_t n = rtx ? p.payload_bytes - 2 : p.payload_bytes;
	uint16_t seq = rtx ? (uint16_t)(p.payload[0] << 8 | p.payload[1]) : p.seq;
	int64_t ext = rcv.any ? hz_seq_extend(rcv.highest, seq) : 65536 + seq;
	if (!rcv.any) {
		rcv.any = true;
		rcv.first = rcv.highest = ext;
	}
	if (ext > rcv.highest)
		rcv.highest = ext;
	int64_t i = ext - rcv.first + 16;
	assert_in_range(i, 0, 2047);
	rcv.have[i] = 1;
	if (n && !hz_vp8_parse(payload, n, &d))
		rcv.start[i] = d.keyframe;
	rcv.end[i] = p.marker;
}

static bool decodable(void)
{
	bool in_key = false;
	for (int64_t i = 0; rcv.any && i <= rcv.highest - rcv.first + 16; i++) {
		in_key = rcv.have[i] && (in_key || rcv.start[i]);
		if (in_key && rcv.end[i])
			return true;
	}
	return false;
}

static void feedback(struct fx *fx, int64_t joined_us)
{
	for (int64_t i = 16; rcv.any && i < rcv.highest - rcv.first + 16; i++) {
		if (rcv.have[i] || fx->now - rcv.asked_us[i] < 2 * one_way_us + 5000)
			continue;
		rcv.asked_us[i] = fx->now;
		if (!random_percent(&rcv.rng, 10))
			fx_nack(fx, 1, rcv.ssrc, (uint16_t)(rcv.first + i - 16));
	}
	int64_t since = rcv.pli_us ? rcv.pli_us : joined_us;
	if (!rcv.any || fx->now - since < 200000)
		return;
	rcv.pli_us = fx->now;
	rcv.plis++;
	if (!random_percent(&rcv.rng, 10))
		fx_pli(fx, 1, rcv.ssrc);
}

static int64_t join(struct fx *fx, struct publisher *p, uint32_t i)
{
	struct hz_test_random rng = rcv.rng;
	union hz_msg m = sub_msg(0, 1, 100000 + i), gone = {.sub_del = {.sub = HZ_ID(0, 1)}};
	memset(&rcv, 0, sizeof(rcv));
	rcv.rng = rng;
	rcv.ssrc = 100000 + i;
	int64_t joined_us = fx->now;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	while (!decodable()) {
		assert_in_range(fx->now - joined_us, 0, BOUND_US);
		step(fx, p);
		for (unsigned k = 0; k < rcv.flying;) {
			if (rcv.flight[k].at_us > fx->now) {
				k++;
				continue;
			}
			received(rcv.flight[k].data, rcv.flight[k].bytes);
			rcv.flight[k] = rcv.flight[--rcv.flying];
		}
		feedback(fx, joined_us);
	}
	assert_int_equal(fx_command(fx, &gone, HZ_CMD_SUB_DEL, sizeof(gone.sub_del)), 0);
	return fx->now - joined_us;
}

static void all_who_join_in_loss(int64_t rtt_us, int64_t mean_bound_us)
{
	struct fx *fx = room(2);
	struct publisher p = {.delay_us = 20000};
	int64_t sum = 0, worst = 0;
	unsigned plis = 0;
	union hz_msg other = sub_msg(1, 2, 99999); // has been there all the time
	assert_int_equal(fx_sub_set(fx, &other), 0);
	one_way_us = rtt_us / 2;
	fx->on_send = onto_the_link;
	rcv.rng.state = 31337;
	for (unsigned i = 0; i < 50; i++)
		step(fx, &p);
	for (unsigned i = 0; i < JOINS; i++) {
		int64_t took = join(fx, &p, i);
		sum += took;
		plis += rcv.plis;
		worst = took > worst ? took : worst;
		for (unsigned k = random_below(&rcv.rng, 50); k > 0; k--)
			step(fx, &p);
	}
	print_message(
	    "rtt %lld us: %u joins at 10 %% loss, decodable after %lld ms on average, %lld at most; "
	    "%u keyframe requests of receivers, %u of ours\n",
	    (long long)rtt_us, JOINS, (long long)sum / JOINS / 1000, (long long)worst / 1000, plis, p.plis);
	assert_in_range(sum / JOINS, 1, mean_bound_us);
	assert_in_range(plis, 0, JOINS / 2);
	fx_free(fx);
}

static void a_short_link(void **state)
{
	all_who_join_in_loss(800, 150000);
}

static void a_county_link(void **state)
{
	all_who_join_in_loss(80000, 350000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_hundred_join_within_a_second),
	    cmocka_unit_test(lossy_receivers_cause_no_storm),
	    cmocka_unit_test(a_short_link),
	    cmocka_unit_test(a_county_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

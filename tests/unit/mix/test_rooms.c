// Consults that are mixed, from wished members and packets of relays to packets for each listener.
#include "media/mix/rooms.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"
#include "tests/unit/mix/fake_room.h"

#define PEOPLE  4u
#define WORKERS 3u
#define PT      97
#define CONSULT 77u
#define WALL_US 1795000000000000 // when the clock was 0

// Member i + 1 speaks as SSRC 100 + i on worker i % WORKERS, hears SSRC 200 + i.
static struct ear {
	OpusDecoder *decoder;
	float pcm[48000 * 4];
	unsigned samples, packets, breaks, reports;
	uint16_t seq;
	uint32_t ts; // of the newest packet
	struct hz_sender_info report;
} ear[PEOPLE];
static struct fake_voice voice[PEOPLE];
static struct hz_rooms *rooms;
static int64_t now_us;
static uint16_t seq;

static void on_report(unsigned worker, const uint8_t *data, size_t bytes)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	struct hz_rtcp_report report;
	assert_int_equal(hz_rtcp_check(data, bytes), 0);
	hz_rtcp_iter_init(&iter, data, bytes);
	assert_int_equal(hz_rtcp_next(&iter, &p), 1);
	assert_int_equal(p.type, HZ_RTCP_SR);
	assert_int_equal(hz_rtcp_parse_report(&p, &report), 0);
	assert_in_range(report.ssrc, 200, 200 + PEOPLE - 1);
	assert_int_equal(worker, (report.ssrc - 200) % WORKERS);
	ear[report.ssrc - 200].report = report.sender;
	ear[report.ssrc - 200].reports++;
}

static void on_packet(void *ctx, unsigned worker, uint32_t consult, bool report, const uint8_t *data,
                      size_t bytes)
{
	struct hz_rtp_packet p;
	if (report) {
		on_report(worker, data, bytes);
		return;
	}
	assert_int_equal(hz_rtp_parse(data, bytes, &p), 0);
	assert_in_range(p.ssrc, 200, 200 + PEOPLE - 1);
	struct ear *e = &ear[p.ssrc - 200];
	assert_int_equal(consult, CONSULT);
	assert_int_equal(worker, (p.ssrc - 200) % WORKERS);
	assert_int_equal(p.pt, PT);
	e->breaks += e->packets && p.seq != (uint16_t)(e->seq + 1);
	e->seq = p.seq;
	e->ts = p.ts;
	e->packets++;
	assert_true(e->samples + 960 <= 48000 * 4);
	int n = opus_decode_float(e->decoder, p.payload, (int)p.payload_bytes, e->pcm + e->samples, 960, 0);
	assert_int_equal(n, 960);
	e->samples += 960;
}

static int setup(void **state)
{
	static const struct hz_rooms_ops ops = {.send = on_packet};
	int err;
	now_us = 9000000;
	assert_int_equal(hz_rooms_new(&ops, WORKERS, &rooms), 0);
	for (unsigned i = 0; i < PEOPLE; i++) {
		memset(&ear[i], 0, sizeof(ear[i]));
		ear[i].decoder = opus_decoder_create(48000, 1, &err);
		voice_init(&voice[i], 400 + 230 * i, 0.2f);
	}
	return 0;
}

static int teardown(void **state)
{
	hz_rooms_free(rooms);
	for (unsigned i = 0; i < PEOPLE; i++) {
		opus_decoder_destroy(ear[i].decoder);
		voice_done(&voice[i]);
	}
	return 0;
}

static struct hz_mix_member_set member(unsigned i, bool speaks, bool listens)
{
	return (struct hz_mix_member_set){
	    .h = {.version = HZ_MIX_API_VERSION,
	          .type = HZ_MIX_MEMBER_SET,
	          .bytes = sizeof(struct hz_mix_member_set)},
	    .member = i + 1,
	    .consult = CONSULT,
	    .voice_ssrc = speaks ? 100 + i : 0,
	    .mix_ssrc = listens ? 200 + i : 0,
	    .voice_worker = (uint16_t)(i % WORKERS),
	    .mix_worker = (uint16_t)(i % WORKERS),
	    .voice_pt = PT,
	    .mix_pt = PT,
	};
}

static int set(struct hz_mix_member_set m)
{
	return hz_rooms_command(rooms, &m, sizeof(m), now_us);
}

static int tell(unsigned type)
{
	struct hz_cmd_reconcile m = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = (uint16_t)type, .bytes = sizeof(m)}};
	return hz_rooms_command(rooms, &m, sizeof(m), now_us);
}

static int end(unsigned i)
{
	struct hz_mix_member_del m = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = HZ_MIX_MEMBER_DEL, .bytes = sizeof(m)},
	    .member = i + 1};
	return hz_rooms_command(rooms, &m, sizeof(m), now_us);
}

static void say(unsigned i, unsigned worker, uint32_t consult, uint8_t pt, int64_t age_us)
{
	uint8_t buf[12 + 1276], payload[1276];
	struct hz_rtp_offsets offsets;
	struct hz_rtp_header header = {.ts = voice[i].ts, .ssrc = 100 + i, .seq = seq++, .pt = pt};
	int n = voice_packet(&voice[i], payload);
	assert_int_equal(hz_rtp_write_header(buf, 12, &header, NULL, NULL, &offsets), 0);
	memcpy(buf + 12, payload, (size_t)n);
	hz_rooms_rtp(rooms, &(struct hz_rooms_rtp){worker, consult, buf, 12 + (size_t)n, now_us - age_us},
	             now_us);
}

static void run(unsigned speakers, unsigned ticks)
{
	for (unsigned n = 0; n < ticks; n++, now_us += HZ_MIXER_FRAME_US) {
		for (unsigned i = 0; i < speakers; i++)
			say(i, i % WORKERS, CONSULT, PT, 3000);
		int64_t next_us = hz_rooms_tick(rooms, now_us, WALL_US + now_us);
		assert_in_range(next_us, now_us + 1, now_us + HZ_MIXER_FRAME_US);
	}
}

static double level(unsigned i, double hz)
{
	return tone_in(ear[i].pcm + ear[i].samples - 4800, 4800, hz);
}

static struct hz_mix_status status(void)
{
	struct hz_mix_status s = {0};
	hz_rooms_status(rooms, &s);
	return s;
}

static void nobody_hears_themself(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(set(member(i, i < 2, true)), 0);
	run(2, 150);
	assert_true(level(0, 630) > 0.02 && level(1, 400) > 0.02);
	assert_true(level(2, 400) > 0.02 && level(2, 630) > 0.02);
	assert_true(level(0, 400) < level(2, 400) / 100);
	assert_true(level(1, 630) < level(2, 630) / 100);
	for (unsigned i = 0; i < 3; i++) {
		assert_in_range(ear[i].packets, 145, 151);
		assert_int_equal(ear[i].breaks, 0);
	}
	assert_int_equal(status().refused + status().unmatched, 0);
	assert_int_equal(status().members, 3);
	assert_true(status().packets_out > 3 * 145);
}

// A repeated wish changes nothing; who goes is heard no more, others hear on without a seam.
static void wishes(void **state)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(set(member(i, i < 2, true)), 0);
	run(2, 60);
	for (unsigned n = 0; n < 30; n++) {
		assert_int_equal(set(member(n % 3, n % 3 < 2, true)), 0);
		run(2, 1);
	}
	assert_int_equal(tell(HZ_MIX_RECONCILE_BEGIN), 0);
	assert_int_equal(set(member(0, true, true)), 0);
	assert_int_equal(set(member(2, false, true)), 0);
	assert_int_equal(tell(HZ_MIX_RECONCILE_END), 0);
	assert_int_equal(tell(HZ_MIX_RECONCILE_END), -EINVAL);
	run(2, 60);
	assert_int_equal(status().members, 2);
	assert_true(level(2, 630) < level(2, 400) / 100);
	assert_int_equal(ear[0].breaks + ear[2].breaks, 0);
	assert_in_range(ear[1].packets, 85, 91);
	assert_true(status().unmatched >= 59);
	assert_int_equal(end(0), 0);
	assert_int_equal(end(0), -ENOENT);
	assert_int_equal(end(2), 0);
	assert_int_equal(status().rooms, 0);
	assert_true(hz_rooms_tick(rooms, now_us, WALL_US + now_us) == INT64_MAX);
}

// A publisher's report: now is sample `ts` of its voice, by a clock of its own.
static void report_voice(unsigned i, uint32_t ssrc, uint32_t ts)
{
	uint8_t buf[28];
	struct hz_rtcp_writer w;
	const struct hz_sender_info info = {.ntp = hz_ntp_from_us(now_us + 5000000000), .rtp_ts = ts};
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_rtcp_write_sr(&w, ssrc, &info, NULL, 0), 0);
	hz_rooms_rtcp(rooms, &(struct hz_rooms_rtp){i % WORKERS, CONSULT, buf, w.bytes, now_us}, now_us);
}

// What the mix says of itself: what is heard now was said as long ago as it took to be mixed.
static void reports(void **state)
{
	uint8_t garbage[28] = {0x80, 200, 0, 6, 0, 0, 0, 100};
	assert_int_equal(set(member(0, true, false)), 0);
	assert_int_equal(set(member(2, false, true)), 0);
	run(1, 40);
	assert_int_equal(ear[2].reports, 0); // nothing is known
	report_voice(0, 101, 1);             // of nobody here
	for (size_t n = 0; n < sizeof(garbage); n++)
		hz_rooms_rtcp(rooms, &(struct hz_rooms_rtp){0, CONSULT, garbage, n, now_us}, now_us);
	run(1, 40);
	assert_int_equal(ear[2].reports, 0);
	// A packet that is said in a tick begins with the sample of 23 ms before: it takes 20 ms to fill, and 3 on the way.
	report_voice(0, 100, voice[0].ts + 48 * 23);
	run(1, 100);
	assert_in_range(ear[2].reports, 2, 3);
	run(1, 0);
	assert_in_range(ear[2].report.packets, 100, 221);
	assert_true(ear[2].report.octets > ear[2].report.packets * 10);
	// The report's pair, carried on to the newest packet's timestamp; its tick was the one before now.
	int64_t said_us = (int64_t)((ear[2].report.ntp >> 32) * 1000000 +
	                            ((ear[2].report.ntp & 0xffffffff) * 1000000 >> 32)) -
	                  HZ_NTP_UNIX_US + (int64_t)(int32_t)(ear[2].ts - ear[2].report.rtp_ts) * 1000 / 48;
	int64_t age_us = WALL_US + now_us - HZ_MIXER_FRAME_US - said_us;
	assert_in_range(hz_ntp_to_us(ear[2].report.ntp), WALL_US + HZ_NTP_UNIX_US + now_us - 1040000,
	                WALL_US + HZ_NTP_UNIX_US + now_us); // when it was sent, whatever the age
	assert_in_range(age_us, 35000, 75000);              // 23 ms, at least 20 of waiting, and the margin
	assert_int_equal(end(2), 0);
	unsigned before = ear[2].reports;
	run(1, 40);
	assert_int_equal(ear[2].reports, before);
}

// A packet that was written since the loop read its clock is no worse than others.
static void newer_than_now(void **state)
{
	assert_int_equal(set(member(0, true, false)), 0);
	assert_int_equal(set(member(2, false, true)), 0);
	for (unsigned n = 0; n < 60; n++, now_us += HZ_MIXER_FRAME_US) {
		say(0, 0, CONSULT, PT, -700);
		(void)hz_rooms_tick(rooms, now_us, WALL_US + now_us);
	}
	assert_int_equal(status().refused, 0);
	assert_true(level(2, 400) > 0.02);
}

static void packets_of_nobody(void **state)
{
	static const uint8_t voice_of_0[13] = {0x80, PT, 0, 1, 0, 0, 0, 0, 0, 0, 0, 100, 0xf8};
	uint8_t garbage[40];
	memset(garbage, 0xa5, sizeof(garbage));
	assert_int_equal(set(member(0, true, false)), 0);
	assert_int_equal(set(member(2, false, true)), 0);
	say(0, 1, CONSULT, PT, 0); // another worker's
	say(0, 0, CONSULT + 1, PT, 0);
	say(1, 1, CONSULT, PT, 0);
	assert_int_equal(status().unmatched, 3);
	say(0, 0, CONSULT, PT + 1, 0);
	say(0, 0, CONSULT, PT, 300000); // waited for us
	hz_rooms_rtp(rooms, &(struct hz_rooms_rtp){0, CONSULT, voice_of_0, 13, INT64_MIN}, now_us);
	for (size_t n = 0; n < sizeof(garbage); n++)
		hz_rooms_rtp(rooms, &(struct hz_rooms_rtp){0, CONSULT, garbage, n, now_us}, now_us);
	assert_int_equal(status().refused + status().unmatched, 6 + sizeof(garbage));
	run(0, 20);
	assert_true(level(2, 400) < 0.001);
}

static void bad_commands(void **state)
{
	struct hz_mix_member_set good = member(0, true, true), m = good;
	uint8_t long_one[600] = {0};
	for (size_t n = 0; n < sizeof(m); n++)
		assert_int_equal(hz_rooms_command(rooms, &m, n, now_us), -EINVAL);
	memcpy(long_one, &m, sizeof(m));
	assert_int_equal(hz_rooms_command(rooms, long_one, sizeof(long_one), now_us), -EINVAL);
	m.h.version++;
	assert_int_equal(set(m), -EINVAL);
	m = good, m.h.type = 99;
	assert_int_equal(set(m), -EINVAL);
	m = good, m.voice_worker = WORKERS;
	assert_int_equal(set(m), -EINVAL);
	m = good, m.mix_worker = 65535;
	assert_int_equal(set(m), -EINVAL);
	m = good, m.mix_pt = 128;
	assert_int_equal(set(m), -EINVAL);
	m = good, m.language = HZ_MIXER_LANGUAGES + 1;
	assert_int_equal(set(m), -EINVAL);
	m = good, m.member = 0;
	assert_int_equal(set(m), -EINVAL);
	assert_int_equal(status().rooms, 0);
	assert_int_equal(set(good), 0);
	m = good, m.consult++;
	assert_int_equal(set(m), -EEXIST);
	assert_int_equal(status().rooms, 1);
	assert_int_equal(status().members, 1);
}

static void bounds(void **state)
{
	for (unsigned i = 0; i < HZ_MIX_ROOMS + 1; i++) {
		struct hz_mix_member_set m = member(i, true, true);
		m.consult = 1000 + i;
		assert_int_equal(set(m), i < HZ_MIX_ROOMS ? 0 : -ENOSPC);
	}
	assert_int_equal(end(0), 0);
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++) {
		struct hz_mix_member_set m = member(100 + i, true, false);
		m.consult = 1001;
		assert_int_equal(set(m), i < HZ_MIXER_INPUTS - 1 ? 0 : -ENOSPC); // one spoke there already
	}
	assert_int_equal(status().members, HZ_MIX_ROOMS - 1 + HZ_MIXER_INPUTS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nobody_hears_themself, setup, teardown),
	    cmocka_unit_test_setup_teardown(wishes, setup, teardown),
	    cmocka_unit_test_setup_teardown(reports, setup, teardown),
	    cmocka_unit_test_setup_teardown(newer_than_now, setup, teardown),
	    cmocka_unit_test_setup_teardown(packets_of_nobody, setup, teardown),
	    cmocka_unit_test_setup_teardown(bad_commands, setup, teardown),
	    cmocka_unit_test_setup_teardown(bounds, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

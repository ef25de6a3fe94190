// RTCP: framing, every parser against short and damaged bytes, writers against the parsers, NTP.
#include "tests/unit/rtp/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/rtcp.h"
#include "tests/unit/rtp/random.h"

static uint8_t buf[2048];
static struct hz_rtcp_writer w;

static void begin(void)
{
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
}

static struct hz_rtcp_packet first(void)
{
	struct hz_rtcp_iter it;
	struct hz_rtcp_packet p;
	hz_rtcp_iter_init(&it, buf, w.bytes);
	assert_int_equal(hz_rtcp_next(&it, &p), 1);
	return p;
}

static void test_framing(void **state)
{
	static const uint8_t good[] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
	uint8_t b[sizeof(good)];
	assert_int_equal(hz_rtcp_check(good, sizeof(good)), 0);
	for (size_t n = 0; n < sizeof(good); n++)
		assert_int_equal(hz_rtcp_check(good, n), n == 8 ? 0 : -EBADMSG);
	for (size_t at = 0; at <= 8; at += 8) {
		memcpy(b, good, sizeof(b));
		b[at] = 0x00; // version 0
		assert_int_equal(hz_rtcp_check(b, sizeof(b)), -EBADMSG);
		b[at] = 0xc0; // version 3
		assert_int_equal(hz_rtcp_check(b, sizeof(b)), -EBADMSG);
		memcpy(b, good, sizeof(b));
		b[at + 2] = 0xff; // longer than a datagram
		assert_int_equal(hz_rtcp_check(b, sizeof(b)), -EBADMSG);
	}
	b[10] = 0;
	b[11] = 3; // one word over the end
	assert_int_equal(hz_rtcp_check(b, sizeof(b)), -EBADMSG);
}

static void test_iteration_stops_at_damage(void **state)
{
	uint8_t b[] = {0x80, 201, 0, 1, 0, 0, 0, 1, 0x40, 206, 0, 0};
	struct hz_rtcp_iter it;
	struct hz_rtcp_packet p;
	hz_rtcp_iter_init(&it, b, sizeof(b));
	assert_int_equal(hz_rtcp_next(&it, &p), 1);
	assert_int_equal(p.type, HZ_RTCP_RR);
	assert_int_equal(hz_rtcp_next(&it, &p), -EBADMSG);
	assert_int_equal(hz_rtcp_next(&it, &p), 0);
}

static void test_padding(void **state)
{
	uint8_t b[] = {0xa1, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 4};
	struct hz_rtcp_iter it;
	struct hz_rtcp_packet p;
	hz_rtcp_iter_init(&it, b, sizeof(b));
	assert_int_equal(hz_rtcp_next(&it, &p), 1);
	assert_int_equal(p.body_bytes, 8);
	b[15] = 0;
	assert_int_equal(hz_rtcp_check(b, sizeof(b)), -EBADMSG);
	b[15] = 13; // into the header
	assert_int_equal(hz_rtcp_check(b, sizeof(b)), -EBADMSG);
	b[15] = 255;
	assert_int_equal(hz_rtcp_check(b, sizeof(b)), -EBADMSG);
	b[15] = 3; // as libwebrtc pads transport feedback
	assert_int_equal(hz_rtcp_check(b, sizeof(b)), 0);
	uint8_t tiny[] = {0xa0, 203, 0, 0};
	assert_int_equal(hz_rtcp_check(tiny, sizeof(tiny)), -EBADMSG);
}

static void assert_same_block(const struct hz_report_block *a, const struct hz_report_block *b)
{
	assert_true(a->ssrc == b->ssrc && a->fraction_lost == b->fraction_lost);
	assert_int_equal(a->cumulative_lost, b->cumulative_lost);
	assert_true(a->highest_seq == b->highest_seq && a->jitter == b->jitter);
	assert_true(a->lsr == b->lsr && a->dlsr == b->dlsr);
}

static void test_report_round_trip(void **state)
{
	struct hz_report_block in[2] = {{.ssrc = 1,
	                                 .fraction_lost = 255,
	                                 .cumulative_lost = -5,
	                                 .highest_seq = 0x1ffff,
	                                 .jitter = 99,
	                                 .lsr = 0xaabbccdd,
	                                 .dlsr = 7},
	                                {.ssrc = 2, .cumulative_lost = 0x7fffffff}};
	struct hz_sender_info info = {.ntp = 0x1122334455667788, .rtp_ts = 9, .packets = 10, .octets = 11};
	struct hz_rtcp_report r;
	begin();
	assert_int_equal(hz_rtcp_begin(&w, 42, in, 2), 0);
	assert_int_equal(hz_rtcp_write_sr(&w, 43, &info, in, 1), 0);
	assert_int_equal(hz_rtcp_write_cname(&w, 43, "g"), 0);
	assert_int_equal(hz_rtcp_check(buf, w.bytes), 0);
	struct hz_rtcp_iter it;
	struct hz_rtcp_packet p;
	hz_rtcp_iter_init(&it, buf, w.bytes);
	assert_int_equal(hz_rtcp_next(&it, &p), 1);
	assert_int_equal(hz_rtcp_parse_report(&p, &r), 0);
	assert_false(r.is_sr);
	assert_int_equal(r.ssrc, 42);
	assert_int_equal(r.block_count, 2);
	assert_same_block(&r.block[0], &in[0]);
	assert_int_equal(r.block[1].cumulative_lost, 0x7fffff); // saturates at 24 bits
	assert_int_equal(hz_rtcp_next(&it, &p), 1);
	assert_int_equal(hz_rtcp_parse_report(&p, &r), 0);
	assert_true(r.is_sr);
	assert_true(r.sender.ntp == info.ntp && r.sender.rtp_ts == 9 && r.sender.packets == 10);
	assert_int_equal(r.sender.octets, 11);
	assert_int_equal(hz_rtcp_next(&it, &p), 1);
	assert_int_equal(hz_rtcp_parse_sdes(&p), 0);
	assert_int_equal(hz_rtcp_next(&it, &p), 0);
}

static void test_report_lengths(void **state)
{
	uint8_t body[24 + 31 * 24] = {0};
	struct hz_rtcp_report r;
	for (uint8_t count = 0; count <= 31; count++) {
		struct hz_rtcp_packet rr = {body, 4u + 24u * count, HZ_RTCP_RR, count};
		struct hz_rtcp_packet sr = {body, 24u + 24u * count, HZ_RTCP_SR, count};
		assert_int_equal(hz_rtcp_parse_report(&rr, &r), 0);
		assert_int_equal(hz_rtcp_parse_report(&sr, &r), 0);
		rr.body_bytes--;
		sr.body_bytes--;
		assert_int_equal(hz_rtcp_parse_report(&rr, &r), -EBADMSG);
		assert_int_equal(hz_rtcp_parse_report(&sr, &r), -EBADMSG);
	}
	struct hz_rtcp_packet other = {body, sizeof(body), HZ_RTCP_BYE, 1};
	assert_int_equal(hz_rtcp_parse_report(&other, &r), -EBADMSG);
}

static int sdes(const void *bytes, size_t n, uint8_t count)
{
	uint8_t *copy = malloc(n ? n : 1);
	assert_non_null(copy);
	memcpy(copy, bytes, n);
	struct hz_rtcp_packet p = {copy, n, HZ_RTCP_SDES, count};
	int rc = hz_rtcp_parse_sdes(&p);
	free(copy);
	return rc;
}

static void test_sdes(void **state)
{
	assert_int_equal(sdes("", 0, 0), 0);
	assert_int_equal(sdes("\0\0\0\1\1\2ab\0\0\0\0", 12, 1), 0);
	assert_int_equal(sdes("\0\0\0\1\0\0\0\0", 8, 1), 0);
	assert_int_equal(sdes("\0\0\0\1\1\1a\0\0\0\0\2\1\1b\0", 16, 2), 0);
	assert_int_equal(sdes("", 0, 1), -EBADMSG);
	assert_int_equal(sdes("\0\0\0\1", 4, 1), -EBADMSG);             // no null item
	assert_int_equal(sdes("\0\0\0\1\1\2ab", 8, 1), -EBADMSG);       // not ended
	assert_int_equal(sdes("\0\0\0\1\1\377ab", 8, 1), -EBADMSG);     // item past the end
	assert_int_equal(sdes("\0\0\0\1\1\1a\1", 8, 1), -EBADMSG);      // item without its length
	assert_int_equal(sdes("\0\0\0\1\1\1a\0", 8, 2), -EBADMSG);      // second chunk missing
	assert_int_equal(sdes("\0\0\0\1\1\1a\0\0\0", 10, 2), -EBADMSG); // second chunk cut off
	assert_int_equal(sdes("\0\0\0\1\1\2ab\0", 9, 1), -EBADMSG);     // padding of the chunk missing
}

static void test_bye(void **state)
{
	uint32_t ids[3] = {7, 8, 9}, out[HZ_RTCP_MAX_BLOCKS];
	size_t n = 0;
	begin();
	assert_int_equal(hz_rtcp_write_bye(&w, ids, 3), 0);
	struct hz_rtcp_packet p = first();
	assert_int_equal(hz_rtcp_parse_bye(&p, out, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(out[2], 9);
	p.count = 4; // more than there are
	assert_int_equal(hz_rtcp_parse_bye(&p, out, &n), -EBADMSG);
	p.count = 31;
	assert_int_equal(hz_rtcp_parse_bye(&p, out, &n), -EBADMSG);
	uint8_t reason[] = {0, 0, 0, 1, 3, 'b', 'y', 'e'};
	struct hz_rtcp_packet q = {reason, 8, HZ_RTCP_BYE, 1};
	assert_int_equal(hz_rtcp_parse_bye(&q, out, &n), 0);
	reason[4] = 4;
	assert_int_equal(hz_rtcp_parse_bye(&q, out, &n), -EBADMSG);
	q.count = 0; // legal and useless
	reason[0] = 2;
	assert_int_equal(hz_rtcp_parse_bye(&q, out, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(hz_rtcp_write_bye(&w, ids, 0), -EINVAL);
	assert_int_equal(hz_rtcp_write_bye(&w, ids, 32), -EINVAL);
}

static void test_nack(void **state)
{
	struct hz_nack_item in[2] = {{65535, 0x8001}, {5, 0}};
	struct hz_rtcp_feedback fb;
	size_t n = 0;
	begin();
	assert_int_equal(hz_rtcp_write_nack(&w, 1, 2, in, 2), 0);
	struct hz_rtcp_packet p = first();
	assert_int_equal(p.count, HZ_RTPFB_NACK);
	assert_int_equal(hz_rtcp_parse_feedback(&p, &fb), 0);
	assert_int_equal(fb.media_ssrc, 2);
	assert_int_equal(hz_rtcp_nack_count(&fb, &n), 0);
	assert_int_equal(n, 2);
	struct hz_nack_item item = hz_rtcp_nack_item(&fb, 0);
	assert_true(item.pid == 65535 && item.blp == 0x8001);
	for (size_t bytes = 0; bytes < 8; bytes++) {
		p.body_bytes = bytes;
		assert_int_equal(hz_rtcp_parse_feedback(&p, &fb), -EBADMSG);
	}
	for (size_t bytes = 0; bytes < 8; bytes++) {
		fb.fci_bytes = bytes;
		assert_int_equal(hz_rtcp_nack_count(&fb, &n), bytes == 4 ? 0 : -EBADMSG);
	}
	assert_int_equal(hz_rtcp_write_nack(&w, 1, 2, in, 0), -EINVAL);
}

static void test_pli_fir(void **state)
{
	struct hz_rtcp_feedback fb;
	uint32_t ssrc = 0;
	uint8_t seq = 0;
	size_t n = 0;
	begin();
	assert_int_equal(hz_rtcp_write_fir(&w, 1, 0xcafe, 200), 0);
	struct hz_rtcp_packet p = first();
	assert_int_equal(p.count, HZ_PSFB_FIR);
	assert_int_equal(hz_rtcp_parse_feedback(&p, &fb), 0);
	assert_int_equal(fb.media_ssrc, 0);
	assert_int_equal(hz_rtcp_fir_count(&fb, &n), 0);
	assert_int_equal(n, 1);
	hz_rtcp_fir_item(&fb, 0, &ssrc, &seq);
	assert_int_equal(ssrc, 0xcafe);
	assert_int_equal(seq, 200);
	ssrc = 0;
	assert_true(hz_rtcp_asks_keyframe(&p, &ssrc));
	assert_int_equal(ssrc, 0xcafe);
	for (size_t bytes = 0; bytes < 8; bytes++) {
		fb.fci_bytes = bytes;
		assert_int_equal(hz_rtcp_fir_count(&fb, &n), -EBADMSG);
	}
	fb.fci_bytes = 12;
	assert_int_equal(hz_rtcp_fir_count(&fb, &n), -EBADMSG);
	begin();
	assert_int_equal(hz_rtcp_write_pli(&w, 1, 0xbeef), 0);
	p = first();
	assert_int_equal(hz_rtcp_parse_feedback(&p, &fb), 0);
	assert_int_equal(fb.media_ssrc, 0xbeef);
	assert_int_equal(fb.fci_bytes, 0);
	assert_true(hz_rtcp_asks_keyframe(&p, &ssrc));
	assert_int_equal(ssrc, 0xbeef);
	p.count = HZ_PSFB_AFB;
	assert_false(hz_rtcp_asks_keyframe(&p, &ssrc));
	p.count = HZ_PSFB_PLI;
	p.type = HZ_RTCP_RTPFB;
	assert_false(hz_rtcp_asks_keyframe(&p, &ssrc));
	p.type = HZ_RTCP_XR;
	assert_int_equal(hz_rtcp_parse_feedback(&p, &fb), -EBADMSG);
}

static void test_remb(void **state)
{
	static const uint64_t rates[] = {0, 1, 0x3ffff, 0x40000, 2500000, 1ull << 40, UINT64_MAX};
	uint32_t ids[2] = {5, 6};
	struct hz_rtcp_feedback fb;
	struct hz_rtcp_remb r;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		begin();
		assert_int_equal(hz_rtcp_write_remb(&w, 1, rates[i], ids, 2), 0);
		struct hz_rtcp_packet p = first();
		assert_int_equal(hz_rtcp_parse_feedback(&p, &fb), 0);
		assert_int_equal(hz_rtcp_parse_remb(&fb, &r), 0);
		assert_true(r.bps <= rates[i] && r.bps >= rates[i] - rates[i] / 100000);
		assert_int_equal(r.ssrc_count, 2);
		assert_int_equal(hz_get32(r.ssrcs + 4), 6);
	}
	uint8_t fci[12];
	memcpy(fci, "REMB\1\377\377\377\0\0\0\1", 12); // exponent 63, mantissa all ones: over 64 bits
	fb = (struct hz_rtcp_feedback){.fci = fci, .fci_bytes = 12};
	assert_int_equal(hz_rtcp_parse_remb(&fb, &r), 0);
	assert_true(r.bps == UINT64_MAX);
	fci[4] = 2; // second SSRC missing
	assert_int_equal(hz_rtcp_parse_remb(&fb, &r), -EBADMSG);
	fb.fci_bytes = 7;
	assert_int_equal(hz_rtcp_parse_remb(&fb, &r), -EBADMSG);
	fb.fci_bytes = 3;
	assert_int_equal(hz_rtcp_parse_remb(&fb, &r), -ENOENT);
	fb.fci_bytes = 12;
	fci[0] = 'r';
	assert_int_equal(hz_rtcp_parse_remb(&fb, &r), -ENOENT);
}

static void test_writers_are_bounded(void **state)
{
	struct hz_report_block blocks[31] = {{.ssrc = 1}};
	struct hz_sender_info info = {0};
	struct hz_nack_item item = {0};
	uint32_t ssrc = 1;
	char long_name[300];
	memset(long_name, 'n', sizeof(long_name));
	long_name[299] = '\0';
	for (size_t room = 0; room < 12; room++) {
		uint8_t *small = malloc(room ? room : 1); // ASan watches its end
		assert_non_null(small);
		hz_rtcp_writer_init(&w, small, room);
		assert_int_equal(hz_rtcp_begin(&w, 1, blocks, 1), -ENOBUFS);
		assert_int_equal(hz_rtcp_write_sr(&w, 1, &info, blocks, 0), -ENOBUFS);
		assert_int_equal(hz_rtcp_write_cname(&w, 1, "abc"), -ENOBUFS);
		assert_int_equal(hz_rtcp_write_nack(&w, 1, 2, &item, 1), -ENOBUFS);
		assert_int_equal(hz_rtcp_write_pli(&w, 1, 2), -ENOBUFS);
		assert_int_equal(hz_rtcp_write_fir(&w, 1, 2, 3), -ENOBUFS);
		assert_int_equal(hz_rtcp_write_remb(&w, 1, 2, &ssrc, 1), -ENOBUFS);
		assert_int_equal(hz_rtcp_write_bye(&w, &ssrc, 1), room < 8 ? -ENOBUFS : 0);
		free(small);
	}
	begin();
	assert_int_equal(hz_rtcp_begin(&w, 1, blocks, 31), 0);
	assert_int_equal(hz_rtcp_begin(&w, 1, blocks, 32), -EINVAL);
	assert_int_equal(hz_rtcp_write_cname(&w, 1, long_name), -EINVAL);
	assert_int_equal(hz_rtcp_write_cname(&w, 1, ""), -EINVAL);
	long_name[255] = '\0';
	size_t before = w.bytes;
	assert_int_equal(hz_rtcp_write_cname(&w, 1, long_name), 0);
	assert_int_equal((w.bytes - before) % 4, 0);
	assert_int_equal(hz_rtcp_check(buf, w.bytes), 0);
}

static void test_cname_every_length(void **state)
{
	char name[256];
	for (size_t n = 1; n <= 255; n++) {
		memset(name, 'x', n);
		name[n] = '\0';
		begin();
		assert_int_equal(hz_rtcp_write_cname(&w, 1, name), 0);
		struct hz_rtcp_packet p = first();
		assert_int_equal(hz_rtcp_parse_sdes(&p), 0);
	}
}

static void test_ntp(void **state)
{
	struct hz_test_random r = {7};
	uint32_t rtt = 0;
	for (int i = 0; i < 10000; i++) {
		int64_t us = HZ_NTP_UNIX_US + (int64_t)random_next(&r) * 300000 + random_next(&r) % 1000000;
		assert_true(hz_ntp_to_us(hz_ntp_from_us(us)) == us);
	}
	assert_true(hz_ntp_from_us(1500000) == 0x180000000ull);
	assert_int_equal(hz_ntp_compact(0x1122334455667788ull), 0x33445566);
	assert_int_equal(hz_rtcp_rtt_us(0x20000, 0x8000, 0x8000, &rtt), 0); // 2 s - 0.5 s - 0.5 s
	assert_int_equal(rtt, 1000000);
	assert_int_equal(hz_rtcp_rtt_us(5, 0xfffffffb, 4, &rtt), 0); // over the wrap
	assert_int_equal(rtt, 6 * 1000000 / 65536);
	assert_int_equal(hz_rtcp_rtt_us(0x20000, 0, 0, &rtt), -ENODATA);
	assert_int_equal(hz_rtcp_rtt_us(0x20000, 0x10000, 0x10001, &rtt), -ENODATA); // negative
	assert_int_equal(hz_rtcp_rtt_us(0x20000, 0x10000, 0xffffffff, &rtt), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_framing),
	    cmocka_unit_test(test_iteration_stops_at_damage),
	    cmocka_unit_test(test_padding),
	    cmocka_unit_test(test_report_round_trip),
	    cmocka_unit_test(test_report_lengths),
	    cmocka_unit_test(test_sdes),
	    cmocka_unit_test(test_bye),
	    cmocka_unit_test(test_nack),
	    cmocka_unit_test(test_pli_fir),
	    cmocka_unit_test(test_remb),
	    cmocka_unit_test(test_writers_are_bounded),
	    cmocka_unit_test(test_cname_every_length),
	    cmocka_unit_test(test_ntp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

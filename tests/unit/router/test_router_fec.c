// Video in RED with parity packets: receivers get the media alone, without gaps; what was lost is made, once.
#include "tests/unit/router/fixture.h"

#include "media/rtp/bytes.h"
#include "tests/unit/rtp/fec_write.h"
#include "tests/unit/rtp/random.h"

#define VIDEO      HZ_KIND_VIDEO
#define PT_RED     105
#define PT_RED_RTX 106
#define PT_FEC     107
#define KEPT       200

static const struct hz_ext_ids ids = {
    .mid = 1, .rid = 2, .rrid = 3, .audio_level = 4, .twcc = 5, .orientation = 6};
static uint8_t bare[KEPT][2048]; // by sequence number, as before RED
static size_t bare_bytes[KEPT];

static int setup(void **state)
{
	struct fx *fx = fx_two();
	union hz_msg t = fx_track_msg(0, 0, VIDEO, 1);
	t.track_set.pt[2] = (struct hz_pt){PT_RED, PT_RED_RTX, HZ_CODEC_RED, 0};
	t.track_set.pt[3] = (struct hz_pt){PT_FEC, 0, HZ_CODEC_ULPFEC, 0};
	t.track_set.pt_count = 4;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_clear(fx);
	*state = fx;
	return 0;
}

// A frame of one packet, not sent yet. step: of picture ids.
static void build_as(uint16_t seq, uint16_t picture, bool key)
{
	struct fx_in in = {.ssrc = fx_ssrc(0, 0),
	                   .seq = seq,
	                   .ts = 3000u * picture,
	                   .pt = PT_VP8,
	                   .key = key,
	                   .marker = true,
	                   .picture = picture,
	                   .twcc = 1000 + seq,
	                   .body = 7777u * seq};
	bare_bytes[seq] = fx_build(&in, bare[seq]);
	for (unsigned i = 0; i < seq % 5u * 40; i++)
		bare[seq][bare_bytes[seq]++] = (uint8_t)(i * seq);
}

static int send_red(struct fx *fx, const uint8_t *packet, size_t bytes)
{
	uint8_t buf[2200];
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtp_parse(packet, bytes, &p), 0);
	memcpy(buf, packet, p.header_bytes);
	buf[1] = (uint8_t)((packet[1] & 0x80) | PT_RED);
	buf[p.header_bytes] = p.pt;
	memcpy(buf + p.header_bytes + 1, p.payload, bytes - p.header_bytes);
	return hz_router_rtp(fx->router, 0, buf, bytes + 1, 0, fx->now);
}

static void arrive(struct fx *fx, uint16_t seq)
{
	assert_int_equal(send_red(fx, bare[seq], bare_bytes[seq]), 0);
	fx->now += 500;
}

static void media(struct fx *fx, uint16_t seq, uint16_t picture)
{
	build_as(seq, picture, picture == 1);
	arrive(fx, seq);
}

// Parity of the numbers first..last in a packet of its own number.
static void parity(struct fx *fx, uint16_t seq, uint16_t first, uint16_t last)
{
	uint8_t buf[2300];
	const uint8_t *packets[48] = {NULL};
	struct hz_rtp_header h = {
	    .ts = hz_get32(bare[last] + 4), .ssrc = fx_ssrc(0, 0), .seq = seq, .pt = PT_FEC};
	struct hz_rtp_exts exts = {.has = HZ_EXT_TWCC, .twcc_seq = (uint16_t)(1000 + seq)};
	struct hz_rtp_offsets at;
	unsigned count = last - first + 1u;
	for (unsigned i = 0; i < count; i++)
		packets[i] = bare[first + i];
	assert_int_equal(hz_rtp_write_header(buf, 256, &h, &exts, &ids, &at), 0);
	size_t bytes = fec_write(buf + at.header_bytes, packets, bare_bytes + first, count, &ids, count > 16);
	assert_int_equal(send_red(fx, buf, at.header_bytes + bytes), 0);
	fx->now += 500;
}

static unsigned nacks(struct fx *fx)
{
	return fx_rtcp_seen(fx, 0, HZ_RTCP_RTPFB, HZ_RTPFB_NACK);
}

static unsigned plis(struct fx *fx)
{
	return fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI);
}

// Output k is the bare packet `seq`, at this distance from output 0.
static void is_packet(struct fx *fx, size_t k, uint16_t seq, uint64_t distance)
{
	struct hz_rtp_packet p;
	const struct hz_rtp_packet *o = &fx->out[k].p;
	assert_true(k < fx->out_count);
	assert_int_equal(hz_rtp_parse(bare[seq], bare_bytes[seq], &p), 0);
	assert_int_equal(o->pt, 120);
	assert_int_equal(o->marker, p.marker);
	assert_int_equal(o->payload_bytes, p.payload_bytes);
	assert_memory_equal(o->payload + 6, p.payload + 6, p.payload_bytes - 6); // behind the VP8 descriptor
	assert_int_equal(fx->out[k].index, fx->out[0].index + distance);
}

static void receivers_get_the_media_without_gaps(void **state)
{
	struct fx *fx = *state;
	media(fx, 10, 1);
	media(fx, 11, 2);
	parity(fx, 12, 10, 11);
	parity(fx, 13, 10, 11);
	media(fx, 14, 3);
	parity(fx, 15, 14, 14);
	media(fx, 16, 4);
	assert_int_equal(fx->out_count, 4);
	is_packet(fx, 0, 10, 0);
	is_packet(fx, 1, 11, 1);
	is_packet(fx, 2, 14, 2);
	is_packet(fx, 3, 16, 3);
	fx_clear(fx);
	fx_advance(fx, 3000000);
	assert_int_equal(nacks(fx) + plis(fx), 0);
	assert_int_equal(fx->arena->counters.fec_recovered, 0);
}

static int rtx(struct fx *fx, uint16_t rtx_seq, uint16_t seq)
{
	uint8_t buf[2200];
	struct fx_in in = {
	    .ssrc = fx_ssrc(0, 0) + 5, .seq = rtx_seq, .pt = PT_RED_RTX, .empty = true, .twcc = 9999};
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtp_parse(bare[seq], bare_bytes[seq], &p), 0);
	in.ts = p.ts;
	in.marker = p.marker;
	in.rrid = "r"; // as other extensions may be in it than in the first copy
	size_t bytes = fx_build(&in, buf);
	hz_put16(buf + bytes, seq);
	buf[bytes + 2] = p.pt;
	memcpy(buf + bytes + 3, p.payload, p.payload_bytes);
	return hz_router_rtp(fx->router, 0, buf, bytes + 3 + p.payload_bytes, 0, fx->now);
}

static void a_lost_packet_is_made_once(void **state)
{
	struct fx *fx = *state;
	media(fx, 20, 1);
	build_as(21, 2, false); // lost
	media(fx, 22, 3);
	parity(fx, 23, 20, 22);
	assert_int_equal(fx->out_count, 3);
	is_packet(fx, 1, 22, 2);
	is_packet(fx, 2, 21, 1);
	assert_int_equal(fx->arena->counters.fec_recovered, 1);
	arrive(fx, 21); // late
	assert_int_equal(rtx(fx, 500, 21), 0);
	parity(fx, 24, 20, 22);
	media(fx, 25, 4);
	assert_int_equal(fx->out_count, 4);
	is_packet(fx, 3, 25, 3);
	fx_clear(fx);
	fx_advance(fx, 3000000);
	assert_int_equal(nacks(fx), 0);
	assert_int_equal(plis(fx), 0);
	assert_int_equal(fx->arena->counters.fec_recovered, 1);
}

// What is asked for again is asked for once, and how fast it was made says nothing about the round trip.
static void making_ends_asking(void **state)
{
	struct fx *fx = *state;
	media(fx, 20, 1);
	build_as(21, 2, false);
	media(fx, 22, 3);
	fx_advance(fx, 10000);
	assert_int_equal(nacks(fx), 1);
	parity(fx, 23, 20, 22);
	assert_int_equal(fx->arena->counters.fec_recovered, 1);
	build_as(24, 4, false); // the next loss waits for its answer 100 ms, as without any knowledge
	media(fx, 25, 5);
	fx_clear(fx);
	fx_advance(fx, 90000);
	assert_int_equal(nacks(fx), 1);
}

static void two_lost_need_two(void **state)
{
	struct fx *fx = *state;
	media(fx, 20, 1);
	for (uint16_t s = 21; s < 27; s++)
		build_as(s, (uint16_t)(s - 19), false);
	arrive(fx, 21);
	arrive(fx, 23);
	arrive(fx, 26);
	parity(fx, 27, 20, 25); // 22, 24, 25 are missing: kept
	parity(fx, 28, 24, 25); // kept
	assert_int_equal(fx->arena->counters.fec_recovered, 0);
	parity(fx, 29, 20, 22); // makes 22; no more
	assert_int_equal(fx->arena->counters.fec_recovered, 1);
	arrive(fx, 24); // makes 25
	assert_int_equal(fx->arena->counters.fec_recovered, 2);
	assert_int_equal(fx->out_count, 7);
	is_packet(fx, 4, 22, 2);
	is_packet(fx, 5, 24, 4);
	is_packet(fx, 6, 25, 5);
}

// The place of a parity packet that comes late was kept free: an empty packet fills it.
static void late_parity_fills_its_place(void **state)
{
	struct fx *fx = *state;
	media(fx, 10, 1);
	build_as(11, 2, false);
	build_as(13, 3, false);
	bare[13][1] &= 0x7f; // does not end its frame: what follows may be anything
	arrive(fx, 13);
	parity(fx, 12, 10, 11);
	assert_int_equal(fx->out_count, 4);
	assert_int_equal(fx->out[1].index, fx->out[0].index + 3);
	assert_int_equal(fx->out[2].index, fx->out[0].index + 2);
	assert_int_equal(fx->out[2].p.payload_bytes, 0);
	is_packet(fx, 3, 11, 1);
}

// Between the end of a frame and the beginning of the next nothing else was sent. step: of frame numbers, as with
// simulcast, whose streams may share them.
static void lost_parity(struct fx *fx, uint16_t step)
{
	uint16_t picture = 1;
	for (uint16_t s = 10; s < 14; s++, picture += step)
		media(fx, s, picture);
	media(fx, 16, picture); // 14, 15 were parity
	fx_clear(fx);
	media(fx, 17, (uint16_t)(picture + step));
	fx_advance(fx, 3000000);
	assert_int_equal(fx->out_count, 1);
	assert_int_equal(nacks(fx) + plis(fx), 0);
	assert_int_equal(fx->arena->sub[0].out_index, fx->out[0].index);
}

static void lost_parity_is_not_missed(void **state)
{
	struct fx *fx = *state;
	lost_parity(fx, 1);
	assert_int_equal(fx->arena->sub[0].map[fx->arena->sub[0].map_live & 1].left_out, 2);
}

static void lost_parity_of_simulcast_is_not_missed(void **state)
{
	struct fx *fx = *state;
	lost_parity(fx, 3);
	assert_int_equal(fx->arena->sub[0].map[fx->arena->sub[0].map_live & 1].left_out, 2);
}

// The end of the frame comes after the next one has gone out: the places in between are filled.
static void lost_parity_is_told_late(void **state)
{
	struct fx *fx = *state;
	for (uint16_t s = 10; s < 13; s++)
		media(fx, s, (uint16_t)(s - 9));
	build_as(13, 4, false);
	media(fx, 16, 5); // 13 is media, 14 and 15 were parity
	fx_clear(fx);
	arrive(fx, 13);
	assert_int_equal(fx->out_count, 3);
	assert_int_equal(fx->out[0].p.payload_bytes, 0);
	assert_int_equal(fx->out[1].p.payload_bytes, 0);
	assert_int_equal(fx->out[1].index, fx->out[0].index + 1);
	assert_int_equal(fx->out[2].index + 1, fx->out[0].index);
	fx_advance(fx, 3000000);
	assert_int_equal(nacks(fx) + plis(fx), 0);
}

static void lost_media_is_missed(void **state)
{
	struct fx *fx = *state;
	for (uint16_t s = 10; s < 14; s++)
		media(fx, s, (uint16_t)(s - 9));
	media(fx, 15, 6); // 14 was picture 5
	fx_advance(fx, 10000);
	assert_int_equal(nacks(fx), 1);
	is_packet(fx, 4, 15, 5);
	build_as(14, 5, false);
	assert_int_equal(rtx(fx, 500, 14), 0);
	assert_int_equal(fx->out_count, 6);
	is_packet(fx, 5, 14, 4);
}

// A retransmission may carry other extensions than those that the parity was made of.
static void nothing_is_made_of_retransmissions(void **state)
{
	struct fx *fx = *state;
	media(fx, 20, 1);
	build_as(21, 2, false);
	build_as(22, 3, false);
	media(fx, 23, 4);
	assert_int_equal(rtx(fx, 500, 21), 0);
	assert_int_equal(fx->out_count, 3);
	is_packet(fx, 2, 21, 1);
	parity(fx, 24, 20, 22);
	assert_int_equal(fx->out_count, 3);
	assert_int_equal(fx->arena->counters.fec_recovered, 0);
	assert_int_equal(fx_nack(fx, 1, 900000, (uint16_t)fx->out[2].p.seq),
	                 0); // receivers may ask for it again
	assert_int_equal(fx->out_count, 4);
	assert_int_equal(fx->out[3].p.pt, 121);
}

// Losses are told to the sender as they were: it chooses its protection by them.
static void reports_tell_of_the_loss(void **state)
{
	struct fx *fx = *state;
	media(fx, 10, 1);
	build_as(11, 2, false);
	media(fx, 12, 3);
	parity(fx, 13, 10, 12);
	fx_clear(fx);
	fx_advance(fx, 1100000);
	unsigned seen = 0, statuses = 0;
	for (size_t i = 0; i < fx->rtcp_count; i++) {
		struct hz_rtcp_iter iter;
		struct hz_rtcp_packet p;
		struct hz_rtcp_report report;
		hz_rtcp_iter_init(&iter, fx->rtcp[i].data, fx->rtcp[i].bytes);
		while (fx->rtcp[i].slot == 0 && hz_rtcp_next(&iter, &p) == 1) {
			if (p.type == HZ_RTCP_RTPFB && p.count == HZ_RTPFB_TWCC)
				statuses += hz_get16(p.body + 10); // of the packets 1010, 1012 and 1013
			if (p.type != HZ_RTCP_RR || hz_rtcp_parse_report(&p, &report) || !report.block_count)
				continue;
			assert_int_equal(report.block[0].highest_seq & 0xffff, 13);
			assert_int_equal(report.block[0].cumulative_lost, 1);
			assert_int_equal(report.block[0].fraction_lost, 64);
			seen++;
		}
	}
	assert_int_equal(seen, 1);
	assert_int_equal(statuses, 4); // one of them not received
}

static void who_joins_begins_with_the_keyframe(void **state)
{
	struct fx *fx = *state;
	media(fx, 10, 1);
	parity(fx, 11, 10, 10);
	media(fx, 12, 2);
	parity(fx, 13, 12, 12);
	fx_peer(fx, 2, 1, 0);
	fx_sub(fx, 1, 2, 0, VIDEO);
	fx_clear(fx);
	media(fx, 14, 3);
	unsigned joined = 0;
	for (size_t i = 0; i < fx->out_count; i++)
		joined += fx->out[i].slot == 2;
	assert_int_equal(joined, 3);
	assert_int_equal(fx->out[fx->out_count - 1].p.payload_bytes > 0, 1);
}

static void strange_red_is_refused(void **state)
{
	struct fx *fx = *state;
	uint8_t buf[64];
	static const uint8_t payloads[][6] = {
	    {0x80 | PT_VP8, 0, 0, 1, PT_VP8, 1}, // two blocks
	    {PT_RED, PT_VP8, 1},                 // in itself
	    {33, 1},                             // unknown
	    {0x80},                              // cut
	};
	media(fx, 10, 1);
	for (unsigned i = 0; i < 4; i++) {
		struct fx_in in = {.ssrc = fx_ssrc(0, 0),
		                   .seq = (uint16_t)(11 + i),
		                   .pt = PT_RED,
		                   .raw = payloads[i],
		                   .raw_bytes = i < 3 ? 6 : 1};
		size_t bytes = fx_build(&in, buf) - (in.raw ? 0 : 4);
		assert_int_equal(hz_router_rtp(fx->router, 0, buf, bytes, 0, fx->now), -EBADMSG);
	}
	assert_int_equal(fx->arena->counters.rtp_bad, 4);
	assert_int_equal(fx->out_count, 1);
	build_as(11, 2, false);
	arrive(fx, 11); // nothing of it counted
	is_packet(fx, 1, 11, 1);
}

// Parity that protects itself, what lies ahead or far behind, and noise: nothing comes of it.
static void hostile_parity(void **state)
{
	struct fx *fx = *state;
	struct hz_test_random rnd = {4};
	media(fx, 10, 1);
	for (uint16_t seq = 11; seq < 6000; seq++) {
		uint8_t buf[300];
		struct fx_in in = {
		    .ssrc = fx_ssrc(0, 0), .seq = seq, .ts = 3000, .pt = PT_FEC, .empty = true};
		size_t bytes = fx_build(&in, buf);
		if (random_percent(&rnd, 30))
			continue;
		size_t n = random_below(&rnd, 100);
		random_fill(&rnd, buf + bytes, n);
		buf[bytes] &= 0x7f;
		if (random_percent(&rnd, 70)) {
			hz_put16(buf + bytes + 2, (uint16_t)(seq - random_below(&rnd, 60)));
			hz_put16(buf + bytes + 10, (uint16_t)random_below(&rnd, 60));
		}
		(void)send_red(fx, buf, bytes + n);
		fx->now += 100;
	}
	for (size_t i = 1; i < fx->out_count; i++)
		assert_int_equal(fx->out[i].slot, 1);
	uint64_t before = fx->arena->counters.fec_recovered;
	build_as(11, 9000, true);
	memcpy(bare[12], bare[11], bare_bytes[12] = bare_bytes[11]);
	hz_put16(bare[12] + 2, 6001);
	assert_int_equal(send_red(fx, bare[12], bare_bytes[12]), 0);
	assert_true(fx->out[fx->out_count - 1].p.payload_bytes > 0); // it goes on
	assert_int_equal(fx->arena->counters.fec_recovered, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(receivers_get_the_media_without_gaps, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(a_lost_packet_is_made_once, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(making_ends_asking, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(two_lost_need_two, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(late_parity_fills_its_place, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(lost_parity_is_not_missed, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(lost_parity_of_simulcast_is_not_missed, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(lost_parity_is_told_late, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(lost_media_is_missed, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(nothing_is_made_of_retransmissions, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(reports_tell_of_the_loss, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(who_joins_begins_with_the_keyframe, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(strange_red_is_refused, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(hostile_parity, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

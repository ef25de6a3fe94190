// The tap: what a recorded track's publisher sent, once, byte for byte, however it came; nothing of anybody else.
#include "tests/unit/router/fixture.h"

#include "media/rtp/bytes.h"
#include "tests/unit/rtp/fec_write.h"

#define VIDEO  HZ_KIND_VIDEO
#define TRACK  HZ_ID(0, 1)
#define PT_RED 105
#define PT_FEC 107

static const struct hz_ext_ids ids = {
    .mid = 1, .rid = 2, .rrid = 3, .audio_level = 4, .twcc = 5, .orientation = 6};

static int set_track(struct fx *fx, uint8_t flags, uint8_t layers)
{
	union hz_msg t = fx_track_msg(0, 0, VIDEO, layers);
	t.track_set.pt[2] = (struct hz_pt){PT_RED, 0, HZ_CODEC_RED, 0};
	t.track_set.pt[3] = (struct hz_pt){PT_FEC, 0, HZ_CODEC_ULPFEC, 0};
	t.track_set.pt_count = 4;
	t.track_set.flags = flags;
	return fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set));
}

// A publisher that nobody watches, and a receiver without slots.
static int setup(void **state)
{
	struct fx *fx = fx_two();
	assert_int_equal(set_track(fx, HZ_TRACK_TAP, 1), 0);
	fx_clear(fx);
	*state = fx;
	return 0;
}

static struct fx_in packet_of(uint16_t seq)
{
	return (struct fx_in){.ssrc = fx_ssrc(0, 0),
	                      .seq = seq,
	                      .ts = 3000u * seq,
	                      .pt = PT_VP8,
	                      .key = seq == 10,
	                      .marker = true,
	                      .picture = seq,
	                      .twcc = 1000 + seq,
	                      .body = 7777u * seq};
}

static size_t build(uint16_t seq, uint8_t *buf)
{
	struct fx_in in = packet_of(seq);
	return fx_build(&in, buf);
}

static int arrive(struct fx *fx, uint16_t seq)
{
	struct fx_in in = packet_of(seq);
	fx->now += 1000;
	return fx_in(fx, 0, &in);
}

// As with the same header extensions as the packet it repeats.
static int send_rtx(struct fx *fx, uint16_t rtx_seq, uint16_t seq)
{
	uint8_t buf[2048], plain[2048];
	struct hz_rtp_packet p;
	size_t bytes = build(seq, plain);
	assert_int_equal(hz_rtp_parse(plain, bytes, &p), 0);
	memcpy(buf, plain, p.header_bytes);
	buf[1] = (uint8_t)((plain[1] & 0x80) | PT_VP8_RTX);
	hz_put16(buf + 2, rtx_seq);
	hz_put32(buf + 8, fx_ssrc(0, 0) + 5);
	hz_put16(buf + p.header_bytes, seq);
	memcpy(buf + p.header_bytes + 2, p.payload, p.payload_bytes);
	return hz_router_rtp(fx->router, 0, buf, bytes + 2, 0, fx->now);
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
	fx->now += 500;
	return hz_router_rtp(fx->router, 0, buf, bytes + 1, 0, fx->now);
}

static void tapped_as(struct fx *fx, size_t i, uint16_t seq, uint16_t flags)
{
	uint8_t buf[2048];
	size_t bytes = build(seq, buf);
	assert_true(i < fx->tap_count);
	assert_int_equal(fx->tap[i].record.kind, HZ_RING_RTP);
	assert_int_equal(fx->tap[i].record.flags, flags);
	assert_int_equal(fx->tap[i].record.source, TRACK);
	assert_int_equal(fx->tap[i].bytes, bytes);
	assert_memory_equal(fx->tap[i].data, buf, bytes);
}

static void each_packet_once_as_it_was_sent(void **state)
{
	struct fx *fx = *state;
	fx_sub(fx, 0, 1, 0, VIDEO);
	hz_router_burst_begin(fx->router);
	assert_int_equal(arrive(fx, 10), 0);
	int64_t first_us = fx->now;
	assert_int_equal(arrive(fx, 12), 0);
	assert_int_equal(arrive(fx, 12), 0); // again
	assert_int_equal(arrive(fx, 11), 0); // late
	assert_int_equal(send_rtx(fx, 500, 11), 0);
	hz_router_burst_end(fx->router);
	assert_int_equal(fx->tap_count, 3);
	tapped_as(fx, 0, 10, 0);
	tapped_as(fx, 1, 12, 0);
	tapped_as(fx, 2, 11, 0);
	assert_int_equal(fx->tap[0].record.arrival_us, first_us);
	assert_int_equal(fx->out_count, 3);
}

// Nobody watches: it is repaired all the same.
static void what_is_asked_for_again(void **state)
{
	struct fx *fx = *state;
	assert_int_equal(arrive(fx, 10), 0);
	assert_int_equal(arrive(fx, 12), 0);
	fx_advance(fx, 30000);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_RTPFB, HZ_RTPFB_NACK), 1);
	assert_int_equal(send_rtx(fx, 500, 11), 0);
	assert_int_equal(send_rtx(fx, 501, 11), 0);
	assert_int_equal(arrive(fx, 11), 0);
	assert_int_equal(fx->tap_count, 3);
	tapped_as(fx, 2, 11, HZ_TAP_REPAIRED);
}

static void what_is_made_of_parity(void **state)
{
	struct fx *fx = *state;
	uint8_t data[3][2048], buf[2300];
	size_t bytes[3];
	for (uint16_t i = 0; i < 3; i++)
		bytes[i] = build((uint16_t)(10 + i), data[i]);
	const uint8_t *const packets[3] = {data[0], data[1], data[2]};
	struct hz_rtp_header h = {.ts = 3000 * 12, .ssrc = fx_ssrc(0, 0), .seq = 13, .pt = PT_FEC};
	struct hz_rtp_offsets at;
	assert_int_equal(send_red(fx, data[0], bytes[0]), 0);
	assert_int_equal(send_red(fx, data[2], bytes[2]), 0);
	assert_int_equal(hz_rtp_write_header(buf, 256, &h, NULL, &ids, &at), 0);
	size_t parity = fec_write(buf + at.header_bytes, packets, bytes, 3, &ids, false);
	assert_int_equal(send_red(fx, buf, at.header_bytes + parity), 0);
	assert_int_equal(fx->arena->counters.fec_recovered, 1);
	assert_int_equal(send_red(fx, data[1], bytes[1]), 0); // it comes after all
	assert_int_equal(fx->tap_count, 3);
	tapped_as(fx, 0, 10, 0);
	tapped_as(fx, 1, 12, 0);
	// The transport-wide number changes on the way and is not part of what parity protects.
	struct hz_rtp_packet want, got;
	assert_int_equal(hz_rtp_parse(data[1], bytes[1], &want), 0);
	assert_int_equal(hz_rtp_parse(fx->tap[2].data, fx->tap[2].bytes, &got), 0);
	assert_int_equal(fx->tap[2].record.flags, HZ_TAP_REPAIRED);
	assert_int_equal(got.seq, want.seq);
	assert_int_equal(got.ts, want.ts);
	assert_int_equal(got.pt, want.pt);
	assert_int_equal(got.marker, want.marker);
	assert_int_equal(got.payload_bytes, want.payload_bytes);
	assert_memory_equal(got.payload, want.payload, want.payload_bytes);
}

static void layers_are_told_apart(void **state)
{
	struct fx *fx = *state;
	union hz_msg t = fx_track_msg(1, 0, VIDEO, 3);
	t.track_set.flags = HZ_TRACK_TAP;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	for (unsigned l = 0; l < 3; l++) {
		struct fx_in in = packet_of(10);
		in.ssrc = fx_ssrc(1, l);
		assert_int_equal(fx_in(fx, 0, &in), 0);
		assert_int_equal(fx->tap[l].record.source, HZ_ID(1, 1));
		assert_int_equal(fx->tap[l].record.flags, l);
	}
	assert_int_equal(fx->tap_count, 3);
}

static void padding_stays(void **state)
{
	struct fx *fx = *state;
	struct fx_in in = packet_of(10);
	in.empty = true;
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->tap_count, 0);
}

static int report(struct fx *fx, uint32_t peer, uint32_t ssrc, uint8_t buf[64])
{
	static const uint8_t head[4] = {0x80, HZ_RTCP_SR, 0, 6};
	memcpy(buf, head, 4);
	for (unsigned i = 0; i < 24; i++)
		buf[4 + i] = (uint8_t)(0x40 + i);
	hz_put32(buf + 4, ssrc);
	return hz_router_rtcp(fx->router, peer, buf, 28, fx->now);
}

static void sender_reports(void **state)
{
	struct fx *fx = *state;
	uint8_t buf[64];
	assert_int_equal(report(fx, 0, fx_ssrc(0, 0), buf), 0);
	assert_int_equal(fx->tap_count, 1);
	assert_int_equal(fx->tap[0].record.kind, HZ_RING_RTCP);
	assert_int_equal(fx->tap[0].record.source, TRACK);
	assert_int_equal(fx->tap[0].record.arrival_us, fx->now);
	assert_int_equal(fx->tap[0].bytes, HZ_TAP_SR_BYTES);
	assert_memory_equal(fx->tap[0].data, buf + 4, HZ_TAP_SR_BYTES);
	assert_int_equal(report(fx, 0, fx_ssrc(0, 0) + 5, buf), 0); // of the RTX stream
	assert_int_equal(report(fx, 1, fx_ssrc(0, 0), buf), 0);     // somebody else's
	assert_int_equal(set_track(fx, HZ_TRACK_TAP | HZ_TRACK_PAUSED, 1), 0);
	assert_int_equal(report(fx, 0, fx_ssrc(0, 0), buf), 0);
	assert_int_equal(set_track(fx, 0, 1), 0);
	assert_int_equal(report(fx, 0, fx_ssrc(0, 0), buf), 0);
	assert_int_equal(fx->tap_count, 1);
}

static void nothing_of_others(void **state)
{
	struct fx *fx = *state;
	fx_sub(fx, 0, 1, 0, VIDEO);
	assert_int_equal(set_track(fx, 0, 1), 0); // not marked any more
	assert_int_equal(arrive(fx, 10), 0);
	assert_int_equal(set_track(fx, HZ_TRACK_TAP | HZ_TRACK_PAUSED, 1), 0);
	assert_int_equal(arrive(fx, 11), 0);
	assert_int_equal(set_track(fx, HZ_TRACK_TAP, 1), 0);
	assert_int_equal(fx_peer_set(fx, 0, 1, HZ_PEER_MUTED), 0);
	assert_int_equal(arrive(fx, 12), 0);
	assert_int_equal(fx->tap_count, 0);
	assert_int_equal(fx_peer_set(fx, 0, 1, 0), 0);
	assert_int_equal(arrive(fx, 13), 0);
	assert_int_equal(fx->tap_count, 1);
	tapped_as(fx, 0, 13, 0);
}

static void nothing_of_relayed_tracks(void **state)
{
	struct fx *fx = *state;
	union hz_msg peer = {
	    .peer_set = {.peer = HZ_ID(20, 1), .consult = 1, .flags = HZ_PEER_RELAY, .relay = 1}};
	union hz_msg t = fx_track_msg(5, 20, VIDEO, 1);
	struct fx_in in = packet_of(10);
	t.track_set.flags = HZ_TRACK_TAP;
	in.ssrc = fx_ssrc(5, 0);
	assert_int_equal(fx_command(fx, &peer, HZ_CMD_PEER_SET, sizeof(peer.peer_set)), 0);
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	assert_int_equal(fx_in(fx, 20, &in), 0);
	assert_int_equal(fx->tap_count, 0);
}

// What waited while the worker stood still is shown to nobody, but it was said.
static void what_is_too_late_to_be_shown(void **state)
{
	struct fx *fx = *state;
	fx_sub(fx, 0, 1, 0, VIDEO);
	hz_router_late(fx->router, true);
	assert_int_equal(arrive(fx, 10), 0);
	hz_router_late(fx->router, false);
	assert_int_equal(fx->out_count, 0);
	assert_int_equal(fx->tap_count, 1);
	tapped_as(fx, 0, 10, 0);
}

static unsigned plis(struct fx *fx)
{
	return fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI);
}

static void a_recording_begins_with_a_keyframe(void **state)
{
	struct fx *fx = *state;
	assert_int_equal(set_track(fx, 0, 1), 0);
	assert_int_equal(arrive(fx, 10), 0);
	fx_advance(fx, 2000000);
	fx_clear(fx);
	assert_int_equal(set_track(fx, HZ_TRACK_TAP, 1), 0);
	assert_int_equal(plis(fx), 1);
	struct fx_in key = packet_of(11);
	key.key = true;
	assert_int_equal(fx_in(fx, 0, &key), 0);
	assert_int_equal(set_track(fx, HZ_TRACK_TAP, 1), 0); // repeated
	fx_advance(fx, 2000000);
	assert_int_equal(plis(fx), 1);
	assert_int_equal(set_track(fx, HZ_TRACK_TAP | HZ_TRACK_PAUSED, 1), 0);
	assert_int_equal(set_track(fx, HZ_TRACK_TAP, 1), 0);
	assert_int_equal(plis(fx), 2);
	key.seq = 12;
	assert_int_equal(fx_in(fx, 0, &key), 0);
	fx_clear(fx);
	fx_restart(fx); // packets may have been lost
	fx_advance(fx, 100000);
	assert_int_equal(plis(fx), 1);
	assert_int_equal(arrive(fx, 13), 0);
	assert_int_equal(fx->tap_count, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, fx_teardown)
	const struct CMUnitTest tests[] = {
	    T(each_packet_once_as_it_was_sent),
	    T(what_is_asked_for_again),
	    T(what_is_made_of_parity),
	    T(layers_are_told_apart),
	    T(padding_stays),
	    T(sender_reports),
	    T(nothing_of_others),
	    T(nothing_of_relayed_tracks),
	    T(what_is_too_late_to_be_shown),
	    T(a_recording_begins_with_a_keyframe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// Retransmission, keyframe requests, reports, transport-wide feedback, and RTCP that nobody may obey.
#include "tests/unit/router/fixture.h"

#include "media/router/layers.h"
#include "media/rtp/bytes.h"
#include "media/rtp/rtx.h"
#include "media/rtp/twcc.h"

#define VIDEO HZ_KIND_VIDEO
#define AUDIO HZ_KIND_AUDIO

static int setup(void **state)
{
	struct fx *fx = fx_two();
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	*state = fx;
	return 0;
}

static void nack_is_answered_by_rtx(void **state)
{
	struct fx *fx = *state;
	fx_video(fx, 100, true);
	for (uint16_t s = 101; s < 120; s++)
		fx_video(fx, s, false);
	struct fx_packet lost = fx->out[7];
	fx_clear(fx);
	assert_int_equal(fx_nack(fx, 1, 900000, lost.p.seq), 0);
	assert_int_equal(fx->out_count, 1);
	struct fx_packet *again = &fx->out[0];
	assert_int_equal(again->p.ssrc, 950000);
	assert_int_equal(again->p.pt, 121);
	assert_in_range(again->p.seq, 1, 16383);
	uint8_t *inner;
	size_t bytes;
	struct hz_rtp_packet p;
	assert_int_equal(hz_rtx_unwrap(again->data, again->bytes, 120, 900000, &inner, &bytes), 0);
	assert_int_equal(hz_rtp_parse(inner, bytes, &p), 0);
	assert_int_equal(p.seq, lost.p.seq);
	assert_int_equal(p.ts, lost.p.ts);
	assert_int_equal(p.payload_bytes, lost.p.payload_bytes);
	assert_memory_equal(p.payload, lost.data + lost.p.header_bytes, p.payload_bytes);
	// Again at once: not within a round trip. Later: with a new number of the RTX stream.
	uint16_t rtx_seq = again->p.seq;
	assert_int_equal(fx_nack(fx, 1, 900000, lost.p.seq), 0);
	assert_int_equal(fx->out_count, 1);
	fx->now += 30000;
	assert_int_equal(fx_nack(fx, 1, 900000, lost.p.seq), 0);
	assert_int_equal(fx->out_count, 2);
	assert_int_equal(fx->out[1].p.seq, rtx_seq + 1);
}

static void nack_after_a_switch_uses_the_old_numbers(void **state)
{
	struct fx *fx = *state;
	fx_peer(fx, 2, 1, 0);
	fx_track(fx, 1, 2, VIDEO, 1);
	fx_video(fx, 100, true);
	fx_video(fx, 101, false);
	struct fx_packet lost = fx->out[1];
	union hz_msg m = fx_sub_msg(0, 1, 1, VIDEO);
	assert_int_equal(fx_sub_set(fx, &m), 0);
	struct fx_in in = {
	    .ssrc = fx_ssrc(1, 0), .seq = 5, .ts = 5, .pt = PT_VP8, .key = true, .picture = 77};
	assert_int_equal(fx_in(fx, 2, &in), 0);
	fx_clear(fx);
	assert_int_equal(fx_nack(fx, 1, 900000, lost.p.seq), 0);
	assert_int_equal(fx->out_count, 1);
	assert_memory_equal(fx->out[0].p.payload + 2, lost.data + lost.p.header_bytes, lost.p.payload_bytes);
	// A publisher sent back to the lobby meanwhile: its past is not told either.
	fx->now += 50000;
	assert_int_equal(fx_peer_set(fx, 0, 1, HZ_PEER_MUTED), 0);
	assert_int_equal(fx_nack(fx, 1, 900000, lost.p.seq), 0);
	assert_int_equal(fx->out_count, 1);
}

static void nacks_that_get_nothing(void **state)
{
	struct fx *fx = *state;
	assert_int_equal(fx_nack(fx, 1, 900000, 5), 0); // nothing sent yet
	fx_video(fx, 100, true);
	fx_video(fx, 101, false);
	uint16_t seq = fx->out[1].p.seq;
	fx_clear(fx);
	assert_int_equal(fx_nack(fx, 1, 900000, (uint16_t)(seq + 1)), 0); // not sent yet
	assert_int_equal(fx_nack(fx, 1, 900000, (uint16_t)(seq - 5)), 0); // before the first
	assert_int_equal(fx_nack(fx, 1, 950000, seq), 0);                 // the RTX stream itself
	assert_int_equal(fx_nack(fx, 1, 123456, seq), 0);                 // nobody's
	assert_int_equal(fx_nack(fx, 0, 900000, seq), 0);                 // another peer's
	fx->now += 3000000;
	assert_int_equal(fx_nack(fx, 1, 900000, seq), 0); // too old
	assert_int_equal(fx->out_count, 0);
	// A receiver without RTX gets no answer: the same index with other bytes would break the cipher.
	union hz_msg m = fx_sub_msg(1, 1, 0, VIDEO);
	m.sub_set.rtx_ssrc = 0;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	fx_video(fx, 102, true);
	assert_int_equal(fx->out_count, 2);
	for (unsigned i = 0; i < 2; i++)
		if (fx->out[i].p.ssrc == 900001)
			seq = fx->out[i].p.seq;
	fx_clear(fx);
	assert_int_equal(fx_nack(fx, 1, 900001, seq), 0);
	assert_int_equal(fx->out_count, 0);
}

static void retransmission_has_a_budget(void **state)
{
	struct fx *fx = *state;
	uint8_t body[1100] = {0x90, 0x80, 0x81, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0};
	for (uint16_t s = 1; s <= 400; s++) {
		struct fx_in in = {.ssrc = fx_ssrc(0, 0),
		                   .seq = s,
		                   .ts = s,
		                   .pt = PT_VP8,
		                   .raw = body,
		                   .raw_bytes = sizeof(body)};
		assert_int_equal(fx_in(fx, 0, &in), 0);
	}
	uint16_t first = fx->out[0].p.seq;
	fx_clear(fx);
	for (uint16_t i = 0; i < 400; i++)
		assert_int_equal(fx_nack(fx, 1, 900000, (uint16_t)(first + i)), 0);
	assert_in_range(fx->out_count, 90, 130); // 128 KiB
	fx->now += 100000;
	size_t before = fx->out_count;
	for (uint16_t i = 0; i < 400; i++)
		assert_int_equal(fx_nack(fx, 1, 900000, (uint16_t)(first + i)), 0);
	assert_in_range(fx->out_count - before, 15, 30); // 2 Mbit/s
}

static void publisher_is_asked_for_what_is_missing(void **state)
{
	struct fx *fx = *state;
	fx_video(fx, 100, true);
	fx_video(fx, 101, false);
	fx_video(fx, 104, false);
	fx_clear(fx);
	fx_advance(fx, 30000);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_RTPFB, HZ_RTPFB_NACK), 1);
	// The answer comes by RTX and goes on to its place.
	uint8_t buf[256];
	struct fx_in in = {
	    .ssrc = fx_ssrc(0, 0), .seq = 102, .ts = 90 * 102, .pt = PT_VP8, .picture = 102, .body = 102};
	size_t bytes = fx_build(&in, buf);
	struct hz_rtx rtx = {.ssrc = fx_ssrc(0, 0) + 5, .seq = 7, .pt = PT_VP8_RTX};
	assert_int_equal(hz_rtx_wrap(buf, bytes, sizeof(buf), &rtx, &bytes), 0);
	uint64_t highest = fx->arena->sub[0].out_index;
	fx->out_count = 0;
	assert_int_equal(hz_router_rtp(fx->router, 0, buf, bytes, 0, fx->now), 0);
	assert_int_equal(fx->out_count, 1);
	assert_int_equal(fx->out[0].index, highest - 2);
	assert_int_equal(fx->out[0].p.ssrc, 900000);
	assert_int_equal(fx->arena->track[0].rtx[0].index, 7);
	// Padding-only RTX (a probe), too short, unknown payload type: nothing, no crash.
	uint8_t probe[16] = {0x80, PT_VP8_RTX, 0, 8, 0, 0, 0, 0, 0, 0, 0, (uint8_t)(fx_ssrc(0, 0) + 5), 1};
	assert_int_equal(hz_router_rtp(fx->router, 0, probe, 12, 0, fx->now), 0);
	assert_int_equal(hz_router_rtp(fx->router, 0, probe, 13, 0, fx->now), -EBADMSG);
	probe[1] = 33;
	assert_int_equal(hz_router_rtp(fx->router, 0, probe, 16, 0, fx->now), 0);
	assert_int_equal(fx->out_count, 1);
}

static void plis_are_coalesced_and_repeated(void **state)
{
	struct fx *fx = *state;
	fx_sub(fx, 1, 1, 0, VIDEO);
	fx_video(fx, 1, true);
	fx_advance(fx, 1000000);
	fx_clear(fx);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(fx_pli(fx, 1, 900000 + i % 2), 0);
		fx_advance(fx, 5000);
	}
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1); // the first at once
	fx_advance(fx, 1300000);                                             // no keyframe comes: repeated
	unsigned repeats = fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI);
	assert_in_range(repeats, 3, 5);
	fx_video(fx, 2, true);
	fx_advance(fx, 2000000);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), repeats);
	fx_advance(fx, 10000);
	fx_clear(fx);
	assert_int_equal(fx_pli(fx, 1, 424242), 0); // not its own stream
	assert_int_equal(fx_pli(fx, 0, 900000), 0);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 0);
}

// Whoever gets stills, nothing at all, or has paused the slot, sees no new picture for seconds and asks for one, every time
// (browsers do): everybody else would pay for it with a keyframe a second.
static void plis_of_those_who_get_no_video(void **state)
{
	struct fx *fx = *state;
	fx_peer(fx, 2, 1, 0);
	fx_sub(fx, 1, 2, 0, VIDEO); // sees it in motion
	fx_video(fx, 1, true);
	fx_advance(fx, 1000000);
	for (unsigned how = 0; how < 3; how++) {
		struct hz_layers l = {.layer = 2, .spatial = HZ_LAYERS_ALL, .temporal = HZ_LAYERS_ALL};
		union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
		l.flow = how == 0 ? HZ_FLOW_STILL : how == 1 ? HZ_FLOW_OFF : HZ_FLOW_ALL;
		hz_layers_want(fx->router, 0, &l, fx->now);
		m.sub_set.flags = how == 2 ? HZ_SUB_PAUSED : 0;
		assert_int_equal(fx_sub_set(fx, &m), 0);
		fx_advance(fx, 1000000);
		fx_video(fx, (uint16_t)(2 + how), true);
		fx_advance(fx, 1000000);
		fx_clear(fx);
		for (unsigned i = 0; i < 20; i++) {
			assert_int_equal(fx_pli(fx, 1, 900000), 0);
			fx_advance(fx, 500000);
		}
		assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 0);
		assert_int_equal(fx_pli(fx, 2, 900001), 0); // the other one is heard
		assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	}
}

static void fir_where_pli_is_not_spoken(void **state)
{
	struct fx *fx = *state;
	union hz_msg t = fx_track_msg(0, 0, VIDEO, 1);
	t.track_set.pt[0].flags = t.track_set.pt[1].flags = HZ_PT_FIR;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	fx_advance(fx, 1000000);
	fx_clear(fx);
	union hz_msg k = {.keyframe = {.track = HZ_ID(0, 1)}};
	assert_int_equal(fx_command(fx, &k, HZ_CMD_KEYFRAME, sizeof(k.keyframe)), 0);
	fx_advance(fx, 500000);
	assert_true(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_FIR) >= 1);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 0);
}

// Sender reports every second with true counters, receiver reports with the publisher's loss, both first of the
// incarnation's own SSRC.
static void reports(void **state)
{
	struct fx *fx = *state;
	for (uint16_t s = 1; s <= 200; s++) {
		if (s % 10)
			fx_video(fx, s, s == 1);
		fx_advance(fx, 9000);
	}
	unsigned senders = fx_rtcp_seen(fx, 1, HZ_RTCP_SR, 255);
	assert_in_range(senders, 2, 3);
	bool counted = false, lost = false;
	for (size_t i = 0; i < fx->rtcp_count; i++) {
		struct hz_rtcp_iter iter;
		struct hz_rtcp_packet p;
		struct hz_rtcp_report report;
		hz_rtcp_iter_init(&iter, fx->rtcp[i].data, fx->rtcp[i].bytes);
		assert_int_equal(hz_rtcp_next(&iter, &p), 1);
		assert_int_equal(p.type, HZ_RTCP_RR);
		assert_int_equal(hz_rtcp_parse_report(&p, &report), 0);
		assert_int_equal(report.ssrc, hz_router_rtcp_ssrc(fx->router));
		if (fx->rtcp[i].slot == 0 && report.block_count) {
			assert_int_equal(report.block[0].ssrc, fx_ssrc(0, 0));
			lost = lost || report.block[0].fraction_lost > 15;
		}
		while (hz_rtcp_next(&iter, &p) == 1) {
			if (p.type != HZ_RTCP_SR)
				continue;
			assert_int_equal(hz_rtcp_parse_report(&p, &report), 0);
			assert_int_equal(report.ssrc, 900000);
			assert_true(report.sender.packets > 0 && report.sender.packets <= 180);
			// The timestamp of "now" lies near that of the newest packet.
			counted = counted || report.sender.packets > 100;
		}
	}
	assert_true(counted);
	assert_true(lost);
}

static void sender_report_maps_time(void **state)
{
	struct fx *fx = *state;
	// Publisher: timestamp 90000 at its NTP time 5 s; received at now.
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	struct hz_sender_info info = {.ntp = hz_ntp_from_us(5000000), .rtp_ts = 90000};
	fx_video(fx, 1000, true); // its timestamp is 90000
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	assert_int_equal(hz_rtcp_write_sr(&w, fx_ssrc(0, 0), &info, NULL, 0), 0);
	assert_int_equal(hz_router_rtcp(fx->router, 0, buf, w.bytes, fx->now), 0);
	int64_t then = fx->now;
	fx_clear(fx);
	fx_advance(fx, 1500000);
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	struct hz_rtcp_report report;
	bool seen = false;
	for (size_t i = 0; i < fx->rtcp_count; i++) {
		hz_rtcp_iter_init(&iter, fx->rtcp[i].data, fx->rtcp[i].bytes);
		while (hz_rtcp_next(&iter, &p) == 1) {
			if (p.type != HZ_RTCP_SR)
				continue;
			assert_int_equal(hz_rtcp_parse_report(&p, &report), 0);
			int64_t at = hz_ntp_to_us(report.sender.ntp) - HZ_NTP_UNIX_US - 1700000000000000;
			int64_t expect = 90000 + (at - then) * 90 / 1000;
			assert_in_range(report.sender.rtp_ts, expect - 3, expect + 3);
			seen = true;
		}
	}
	assert_true(seen);
}

static void transport_wide_feedback_every_50_to_100_ms(void **state)
{
	struct fx *fx = *state;
	for (uint16_t s = 1; s <= 100; s++) {
		struct fx_in in = {
		    .ssrc = fx_ssrc(0, 0), .seq = s, .ts = s, .pt = PT_VP8, .key = s == 1, .twcc = 1000 + s};
		assert_int_equal(fx_in(fx, 0, &in), 0);
		fx_advance(fx, 10000);
	}
	assert_in_range(fx_rtcp_seen(fx, 0, HZ_RTCP_RTPFB, HZ_RTPFB_TWCC), 10, 20);
	assert_int_equal(fx_rtcp_seen(fx, 1, HZ_RTCP_RTPFB, HZ_RTPFB_TWCC), 0);
}

static void bye_ends_the_activity(void **state)
{
	struct fx *fx = *state;
	fx_video(fx, 1, true);
	fx_clear(fx);
	assert_int_equal(fx_bye(fx, 1, fx_ssrc(0, 0)), 0); // not its own
	assert_int_equal(fx_events_seen(fx, HZ_EV_TRACK_STATE), 0);
	assert_int_equal(fx_bye(fx, 0, fx_ssrc(0, 0)), 0);
	assert_int_equal(fx_events_seen(fx, HZ_EV_TRACK_STATE), 1);
	assert_int_equal(fx->events[0].track_state.active, 0);
	fx_video(fx, 2, true);
	assert_int_equal(fx_events_seen(fx, HZ_EV_TRACK_STATE), 2);
}

static void round_trip_and_loss_reach_the_statistics(void **state)
{
	struct fx *fx = *state;
	fx_video(fx, 1, true);
	uint64_t ntp = hz_ntp_from_us(fx->now - 80000 + 1700000000000000 + HZ_NTP_UNIX_US);
	for (unsigned i = 0; i < 2; i++) {
		struct hz_report_block block = {.ssrc = 900000,
		                                .lsr = hz_ntp_compact(ntp),
		                                .dlsr = 65536 * 30 / 1000,
		                                .cumulative_lost = 5 * (int)i};
		uint8_t buf[64];
		struct hz_rtcp_writer w;
		hz_rtcp_writer_init(&w, buf, sizeof(buf));
		assert_int_equal(hz_rtcp_begin(&w, 7, &block, 1), 0);
		assert_int_equal(hz_router_rtcp(fx->router, 1, buf, w.bytes, fx->now), 0);
	}
	fx_clear(fx);
	fx_advance(fx, 2100000);
	bool seen = false;
	for (size_t i = 0; i < fx->events_count; i++) {
		const struct hz_ev_peer_stats *s = &fx->events[i].peer_stats;
		if (fx->events[i].h.type != HZ_EV_PEER_STATS || s->peer != HZ_ID(1, 1))
			continue;
		assert_in_range(s->rtt_us, 49000, 51000);
		assert_int_equal(s->down_lost, 5);
		assert_int_equal(s->down_packets, 1);
		seen = true;
		break;
	}
	assert_true(seen);
}

static void junk_rtcp(void **state)
{
	struct fx *fx = *state;
	uint8_t buf[256];
	uint32_t r = 5;
	fx_video(fx, 1, true);
	for (unsigned i = 0; i < 20000; i++) {
		size_t bytes = 4 + i % 200;
		for (size_t k = 0; k < bytes; k++) {
			r = r * 1664525 + 1013904223;
			buf[k] = (uint8_t)(r >> 24);
		}
		buf[0] = (uint8_t)(0x80 | (buf[0] & 0x1f));
		buf[1] = (uint8_t)(200 + i % 8);
		buf[2] = 0;
		buf[3] = (uint8_t)(bytes / 4 - 1);
		if (i % 3 == 0 && bytes >= 12)
			memcpy(buf + 8, "\x00\x0d\xbb\xa0", 4); // 900000
		(void)hz_router_rtcp(fx->router, i % 2, buf, bytes & ~(size_t)3, fx->now);
	}
	assert_true(fx->arena->counters.rtcp_bad > 100);
	assert_int_equal(hz_router_rtcp(fx->router, 99, buf, 8, fx->now), -ENOENT);
	fx_video(fx, 2, false);
	assert_true(fx->out_count >= 2);
}

static void speakers_are_told_on_change(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 1, 0, AUDIO, 1);
	fx_track(fx, 2, 1, AUDIO, 1);
	fx_peer(fx, 5, 9, 0); // another consult
	fx_track(fx, 3, 5, AUDIO, 1);
	fx_clear(fx);
	for (uint16_t s = 1; s < 150; s++) {
		struct fx_in a = {
		    .ssrc = fx_ssrc(1, 0), .seq = s, .ts = s * 960u, .pt = PT_OPUS, .level = 20};
		struct fx_in b = {
		    .ssrc = fx_ssrc(2, 0), .seq = s, .ts = s * 960u, .pt = PT_OPUS, .level = 127};
		struct fx_in c = {
		    .ssrc = fx_ssrc(3, 0), .seq = s, .ts = s * 960u, .pt = PT_OPUS, .level = 127};
		assert_int_equal(fx_in(fx, 0, &a), 0);
		assert_int_equal(fx_in(fx, 1, &b), 0);
		assert_int_equal(fx_in(fx, 5, &c), 0);
		fx_advance(fx, 20000);
	}
	unsigned told = 0;
	for (size_t i = 0; i < fx->events_count; i++) {
		if (fx->events[i].h.type != HZ_EV_SPEAKERS)
			continue;
		told++;
		assert_int_equal(fx->events[i].speakers.consult, 1);
		assert_int_equal(fx->events[i].speakers.count, 1);
		assert_int_equal(fx->events[i].speakers.peer[0], HZ_ID(0, 1));
	}
	assert_int_equal(told, 1);
	fx_clear(fx);
	fx_advance(fx, 3000000); // silence
	assert_int_equal(fx_events_seen(fx, HZ_EV_SPEAKERS), 1);
}

// A publisher that knows goog-remb and no transport-wide feedback is told a rate, one that knows both is not.
static void remb_where_there_is_nothing_better(void **state)
{
	struct fx *fx = *state;
	for (unsigned round = 0; round < 2; round++) {
		union hz_msg t = fx_track_msg(0, 0, VIDEO, 1);
		t.track_set.pt[0].flags = HZ_PT_NACK | HZ_PT_PLI | HZ_PT_REMB | (round ? HZ_PT_TWCC : 0);
		t.track_set.ext.twcc = round ? 5 : 0;
		assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
		fx_clear(fx);
		for (unsigned i = 0; i < 100; i++) {
			fx_video(fx, (uint16_t)(1000 + round * 100 + i), i == 0);
			fx_advance(fx, 33000);
		}
		assert_in_range(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_AFB), round ? 0 : 2, round ? 0 : 4);
	}
}

// RRTR of a receiver gets a DLRR with the same time (RFC 3611 4.4, 4.5).
static void round_trip_of_a_receiver(void **state)
{
	struct fx *fx = *state;
	static const uint8_t ask[] = {0x80, 207, 0, 4, 0, 0, 0, 1, 4, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8};
	static const uint8_t answer[] = {5, 0, 0, 3, 0, 0, 0, 1, 3, 4, 5, 6, 0, 0, 0, 0};
	static const uint8_t bad[] = {0x80, 207, 0, 2, 0, 0, 0, 1, 4, 0, 0, 2};
	fx_clear(fx);
	assert_int_equal(hz_router_rtcp(fx->router, 1, ask, sizeof(ask), fx->now), 0);
	assert_int_equal(fx->rtcp_count, 1);
	assert_int_equal(fx->rtcp[0].slot, 1);
	assert_int_equal(fx_rtcp_seen(fx, 1, HZ_RTCP_XR, 0), 1);
	assert_memory_equal(fx->rtcp[0].data + fx->rtcp[0].bytes - sizeof(answer), answer, sizeof(answer));
	assert_int_equal(hz_get32(fx->rtcp[0].data + fx->rtcp[0].bytes - sizeof(answer) - 4), 900000);
	fx_clear(fx);
	assert_int_equal(hz_router_rtcp(fx->router, 1, bad, sizeof(bad), fx->now), -EBADMSG);
	assert_int_equal(fx->rtcp_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nack_is_answered_by_rtx, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(nack_after_a_switch_uses_the_old_numbers, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(nacks_that_get_nothing, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(retransmission_has_a_budget, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(publisher_is_asked_for_what_is_missing, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(plis_are_coalesced_and_repeated, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(plis_of_those_who_get_no_video, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(fir_where_pli_is_not_spoken, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(reports, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(sender_report_maps_time, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(transport_wide_feedback_every_50_to_100_ms, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(bye_ends_the_activity, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(round_trip_and_loss_reach_the_statistics, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(junk_rtcp, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(speakers_are_told_on_change, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(remb_where_there_is_nothing_better, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(round_trip_of_a_receiver, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

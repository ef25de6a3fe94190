// One publisher (peer 0), one or more receivers: numbering, timestamps, headers, who gets nothing.
#include "tests/unit/router/fixture.h"

#define VIDEO HZ_KIND_VIDEO

#define HZ_TEST_REPLAY_US 600000
#define AUDIO             HZ_KIND_AUDIO

static int setup(void **state)
{
	struct fx *fx = fx_two();
	*state = fx;
	return 0;
}

static void starts_at_a_keyframe_and_asks_for_one(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	for (uint16_t s = 10; s < 20; s++)
		fx_video(fx, s, false);
	assert_int_equal(fx->out_count, 0);
	fx_video(fx, 20, true);
	fx_video(fx, 21, false);
	assert_int_equal(fx->out_count, 2);
	assert_int_equal(fx->out[0].slot, 1);
	assert_int_equal(fx->out[0].p.ssrc, 900000);
	assert_int_equal(fx->out[0].p.pt, 120);
	assert_in_range(fx->out[0].p.seq, 1, 16383);
	assert_int_equal(fx->out[1].index, fx->out[0].index + 1);
	assert_int_equal(fx->out[1].p.ts - fx->out[0].p.ts, 90);
}

static void extensions_are_the_receivers(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, AUDIO, 1);
	fx_sub(fx, 0, 1, 0, AUDIO);
	for (uint16_t s = 0; s < 3; s++) {
		struct fx_in in = {.ssrc = fx_ssrc(0, 0),
		                   .seq = s,
		                   .ts = 960u * s,
		                   .pt = PT_OPUS,
		                   .mid = "m0",
		                   .level = 33,
		                   .twcc = 500 + s};
		assert_int_equal(fx_in(fx, 0, &in), 0);
	}
	assert_int_equal(fx->out_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct hz_ext_ids ids = {.mid = 8, .audio_level = 9, .abs_send_time = 10, .twcc = 11};
		struct hz_rtp_exts e;
		hz_rtp_parse_exts(&fx->out[i].p, &ids, &e);
		assert_string_equal(e.mid, "s0");
		assert_int_equal(e.has, HZ_EXT_MID | HZ_EXT_AUDIO_LEVEL | HZ_EXT_ABS_SEND_TIME | HZ_EXT_TWCC);
		assert_int_equal(e.audio_level_dbov, 33);
		assert_int_equal(e.twcc_seq, i);
		assert_int_equal(e.abs_send_time, hz_abs_send_time(fx->now));
	}
	assert_true(fx->out[0].p.marker);
	assert_false(fx->out[1].p.marker);
}

// Loss and reordering on the way in: every arriving packet goes out once, at the distance it came in.
static void loss_and_reordering_keep_their_places(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_video(fx, 65000, true);
	uint64_t first = fx->out[0].index;
	unsigned sent = 1;
	uint32_t random = 12345;
	for (uint32_t i = 1; i < 3000; i += 4) {
		uint16_t order[4] = {0, 1, 2, 3};
		for (unsigned k = 0; k < 4; k++) {
			random = random * 1664525 + 1013904223;
			unsigned j = (random >> 16) % 4;
			uint16_t t = order[k];
			order[k] = order[j];
			order[j] = t;
		}
		for (unsigned k = 0; k < 4; k++) {
			random = random * 1664525 + 1013904223;
			if ((random >> 16) % 10 == 0)
				continue;
			uint16_t seq = (uint16_t)(65000 + i + order[k]);
			fx_video(fx, seq, false);
			sent++;
			assert_int_equal(fx->out_count, sent);
			assert_int_equal(fx->out[sent - 1].index, first + i + order[k]);
			fx_video(fx, seq, false); // a duplicate is dropped
			assert_int_equal(fx->out_count, sent);
		}
	}
	assert_true(sent > 2500);
}

static void empty_packets_leave_no_gap(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_video(fx, 1, true);
	struct fx_in in = {.ssrc = fx_ssrc(0, 0), .seq = 2, .ts = 90, .pt = PT_VP8, .empty = true};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	fx_video(fx, 3, false);
	assert_int_equal(fx->out_count, 3);
	assert_int_equal(fx->out[1].p.payload_bytes, 0);
	assert_int_equal(fx->out[2].index, fx->out[0].index + 2);
}

static uint16_t picture_of(const struct fx_packet *o)
{
	return (uint16_t)((o->p.payload[2] & 0x7f) << 8 | o->p.payload[3]);
}

static void source_switch_is_continuous(void **state)
{
	struct fx *fx = *state;
	fx_peer(fx, 2, 1, 0);
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_track(fx, 1, 2, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_video(fx, 100, true);
	for (uint16_t s = 101; s < 110; s++)
		fx_video(fx, s, false);
	fx->now += 50000;
	fx_clear(fx);
	union hz_msg m = fx_sub_msg(0, 1, 1, VIDEO);
	assert_int_equal(fx_sub_set(fx, &m), 0);
	assert_int_equal(fx_rtcp_seen(fx, 2, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	fx_video(fx, 110, false); // the old source is off at once
	struct fx_in in = {
	    .ssrc = fx_ssrc(1, 0), .seq = 50000, .ts = 4000000000u, .pt = PT_VP8, .picture = 9000};
	assert_int_equal(fx_in(fx, 2, &in), 0);
	assert_int_equal(fx->out_count, 0);
	const struct hz_arena_sub *as = &fx->arena->sub[0];
	uint64_t last = as->out_index;
	uint32_t last_ts = as->last_ts;
	uint16_t last_picture = as->vp8.last_picture_id;
	in.seq++;
	in.key = true;
	assert_int_equal(fx_in(fx, 2, &in), 0);
	assert_int_equal(fx->out_count, 1);
	assert_int_equal(fx->out[0].index, last + 1);
	assert_int_equal(fx->out[0].p.ssrc, 900000);
	int32_t step = (int32_t)(fx->out[0].p.ts - last_ts);
	assert_in_range(step, 45 * 90, 60 * 90);
	assert_int_equal(picture_of(&fx->out[0]), (last_picture + 1) & 0x7fff);
	in.seq++;
	in.key = false;
	in.picture++;
	in.ts += 3000;
	assert_int_equal(fx_in(fx, 2, &in), 0);
	assert_int_equal(fx->out[1].index, last + 2);
	assert_int_equal(fx->out[1].p.ts - fx->out[0].p.ts, 3000);
	assert_int_equal(picture_of(&fx->out[1]), (last_picture + 2) & 0x7fff);
}

static void codec_change_waits_for_its_keyframe(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	struct fx_in in = {.ssrc = fx_ssrc(0, 0), .seq = 1, .ts = 90000, .pt = PT_H264, .key = true};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out[0].p.pt, 126);
	fx->now += 1000000;
	fx_clear(fx);
	in = (struct fx_in){.ssrc = fx_ssrc(0, 0), .seq = 2, .ts = 93000, .pt = PT_VP8, .picture = 1};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 0);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	uint64_t last = fx->arena->sub[0].out_index;
	in.seq = 3;
	in.key = true;
	in.ts = 96000;
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 1);
	assert_int_equal(fx->out[0].p.pt, 120);
	assert_int_equal(fx->out[0].p.ssrc, 900000);
	assert_int_equal(fx->out[0].index, last + 1);
	fx_advance(fx, 200000);
	assert_int_equal(fx_events_seen(fx, HZ_EV_TRACK_STATE), 1); // the codec is told
}

static void missing_codec_is_not_forwarded(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.pt[0] = m.sub_set.pt[1]; // H.264 only
	m.sub_set.pt_count = 1;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	fx_video(fx, 1, true);
	fx_video(fx, 2, false);
	assert_int_equal(fx->out_count, 0);
}

// A peer in the lobby: nothing of it reaches anybody, nothing reaches it, not even RTCP.
static void lobby_leaks_nothing(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_track(fx, 1, 1, VIDEO, 1);
	fx_track(fx, 2, 0, AUDIO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_sub(fx, 1, 0, 1, VIDEO);
	fx_sub(fx, 2, 1, 2, AUDIO);
	assert_int_equal(fx_peer_set(fx, 0, 1, HZ_PEER_MUTED), 0);
	fx_clear(fx);
	for (uint16_t s = 1; s < 50; s++) {
		fx_video(fx, s, s % 10 == 1);
		struct fx_in own = {.ssrc = fx_ssrc(1, 0), .seq = s, .ts = s, .pt = PT_VP8, .key = true};
		assert_int_equal(fx_in(fx, 1, &own), 0);
		struct fx_in voice = {.ssrc = fx_ssrc(2, 0), .seq = s, .ts = s, .pt = PT_OPUS, .level = 10};
		assert_int_equal(fx_in(fx, 0, &voice), 0);
		assert_int_equal(fx_pli(fx, 0, 900001), 0);
		assert_int_equal(fx_nack(fx, 0, 900001, 1), 0);
		fx_advance(fx, 100000);
	}
	assert_int_equal(fx->out_count, 0);
	for (size_t i = 0; i < fx->rtcp_count; i++)
		assert_int_not_equal(fx->rtcp[i].slot, 0);
	assert_int_equal(fx_events_seen(fx, HZ_EV_SPEAKERS), 0);
	// Admitted: pictures flow from the next keyframe on, and one is asked for.
	fx_clear(fx);
	assert_int_equal(fx_peer_set(fx, 0, 1, 0), 0);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	fx_video(fx, 60, false);
	assert_int_equal(fx->out_count, 0);
	fx_video(fx, 61, true);
	assert_int_equal(fx->out_count, 1);
}

static void paused_and_idle_send_nothing(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_video(fx, 1, true);
	assert_int_equal(fx->out_count, 1);
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.flags = HZ_SUB_PAUSED;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	fx_video(fx, 2, true);
	m.sub_set.flags = 0;
	m.sub_set.track = 0;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	fx_video(fx, 3, true);
	m = fx_sub_msg(0, 1, 0, VIDEO);
	assert_int_equal(fx_sub_set(fx, &m), 0);
	union hz_msg t = fx_track_msg(0, 0, VIDEO, 1);
	t.track_set.flags = HZ_TRACK_PAUSED;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	fx_video(fx, 4, true);
	assert_int_equal(fx->out_count, 1);
	t.track_set.flags = 0;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	fx_video(fx, 5, false);
	assert_int_equal(fx->out_count, 1); // frames were left out: a keyframe first
	fx_video(fx, 6, true);
	assert_int_equal(fx->out_count, 2);
	assert_int_equal(fx->out[1].index, fx->out[0].index + 1);
}

// SSRCs that the SDP did not tell: by MID, MID and RID, or the payload type; and never another peer's.
static void ssrcs_are_learned_only_for_own_tracks(void **state)
{
	struct fx *fx = *state;
	union hz_msg t = fx_track_msg(0, 0, VIDEO, 3);
	memset(t.track_set.ssrc, 0, sizeof(t.track_set.ssrc));
	memset(t.track_set.rtx_ssrc, 0, sizeof(t.track_set.rtx_ssrc));
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	fx_sub(fx, 0, 1, 0, VIDEO);
	struct fx_in in = {
	    .ssrc = 77, .seq = 1, .ts = 1, .pt = PT_VP8, .key = true, .mid = "m0", .rid = "r1"};
	assert_int_equal(fx_in(fx, 1, &in), -ENOENT); // another peer with the right names
	in.rid = "zz";
	assert_int_equal(fx_in(fx, 0, &in), -ENOENT);
	in.rid = NULL;
	assert_int_equal(fx_in(fx, 0, &in), -ENOENT); // which layer?
	in.rid = "r1";
	in.mid = "other";
	assert_int_equal(fx_in(fx, 0, &in), -ENOENT);
	in.mid = NULL;
	assert_int_equal(fx_in(fx, 0, &in), -ENOENT);
	in.mid = "m0";
	in.pt = 99;
	assert_int_equal(fx_in(fx, 0, &in), -ENOENT);
	assert_int_equal(fx->arena->counters.unmatched, 6);
	in.pt = PT_VP8;
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->arena->track[0].rx[1].ssrc, 77);
	assert_int_equal(fx->out_count, 1);
	in = (struct fx_in){.ssrc = 77, .seq = 2, .ts = 2, .pt = PT_VP8}; // names are not repeated
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 2);
	// A second sender behind the same names right away does not take over, later it may.
	in = (struct fx_in){
	    .ssrc = 78, .seq = 9, .ts = 1, .pt = PT_VP8, .key = true, .mid = "m0", .rid = "r1"};
	assert_int_equal(fx_in(fx, 0, &in), -ENOENT);
	fx->now += 600000;
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->arena->track[0].rx[1].ssrc, 78);
	assert_int_equal(fx->rx_retired, 1);
	assert_int_equal(fx->out_count, 3);
	assert_int_equal(fx->out[2].index, fx->out[1].index + 1);
}

static void payload_type_alone_matches_a_single_track(void **state)
{
	struct fx *fx = *state;
	for (uint32_t i = 0; i < 2; i++) {
		union hz_msg t = fx_track_msg(i, 0, i ? AUDIO : VIDEO, 1);
		t.track_set.ssrc[0] = t.track_set.rtx_ssrc[0] = 0;
		assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	}
	struct fx_in in = {.ssrc = 5, .seq = 1, .ts = 1, .pt = PT_OPUS};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->arena->track[1].rx[0].ssrc, 5);
	in.ssrc = 6; // taken: a second stream of the same type is nobody's
	assert_int_equal(fx_in(fx, 0, &in), -ENOENT);
	union hz_msg t = fx_track_msg(2, 0, VIDEO, 1); // now two videos share the payload types
	t.track_set.ssrc[0] = t.track_set.rtx_ssrc[0] = 0;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	in = (struct fx_in){.ssrc = 7, .seq = 1, .ts = 1, .pt = PT_VP8, .key = true};
	assert_int_equal(fx_in(fx, 0, &in), -ENOENT);
}

static void broken_packets_are_counted(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	uint8_t buf[64] = {0};
	assert_int_equal(hz_router_rtp(fx->router, 0, buf, 64, 0, fx->now), -EBADMSG);
	buf[0] = 0x80;
	assert_int_equal(hz_router_rtp(fx->router, 0, buf, 11, 0, fx->now), -EBADMSG);
	buf[0] = 0x9f; // extension and CSRCs that are not there
	assert_int_equal(hz_router_rtp(fx->router, 0, buf, 20, 0, fx->now), -EBADMSG);
	assert_int_equal(hz_router_rtp(fx->router, 5, buf, 20, 0, fx->now), -ENOENT);
	assert_int_equal(hz_router_rtp(fx->router, HZ_MAX_PEERS, buf, 20, 0, fx->now), -ENOENT);
	assert_int_equal(fx->arena->counters.rtp_bad, 3);
	// Payloads that are no VP8 at all: never a start, never a crash.
	for (uint16_t s = 1; s < 300; s++) {
		uint8_t junk[40];
		for (unsigned i = 0; i < sizeof(junk); i++)
			junk[i] = (uint8_t)(s * 31 + i * 17 * s);
		struct fx_in in = {.ssrc = fx_ssrc(0, 0),
		                   .seq = s,
		                   .ts = s,
		                   .pt = s % 2 ? PT_VP8 : PT_H264,
		                   .raw = junk,
		                   .raw_bytes = s % sizeof(junk)};
		(void)fx_in(fx, 0, &in);
	}
}

static void a_full_queue_drops_and_recovers(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx->no_buffer = true;
	fx_video(fx, 1, true);
	fx->no_buffer = false;
	fx->now += HZ_TEST_REPLAY_US; // too long ago to be had from the history
	fx_video(fx, 2, false);
	assert_int_equal(fx->out_count, 0);
	fx_video(fx, 3, true);
	assert_int_equal(fx->out_count, 1);
	fx_sub(fx, 1, 1, 0, VIDEO);
	fx->no_buffer = true;
	fx_video(fx, 4, true);
	fx->no_buffer = false;
	fx_clear(fx);
	fx_video(fx, 5, false); // both what the other one missed and what it knows
	assert_int_equal(fx->out_count, 3);
}

static void what_waited_here_too_long_is_not_shown(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	fx_video(fx, 20, true);
	fx_video(fx, 21, false);
	hz_router_late(fx->router, true);
	for (uint16_t s = 22; s < 40; s++)
		fx_video(fx, s, s == 30);
	hz_router_late(fx->router, false);
	assert_int_equal(fx->out_count, 2);
	assert_int_equal(fx->arena->counters.late, 18);
	fx->now += 1000000;      // a request may follow the one before
	fx_video(fx, 40, false); // not even from the keyframe on that came while nothing was shown
	assert_int_equal(fx->out_count, 2);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 2);
	fx_video(fx, 41, true);
	assert_int_equal(fx->out_count, 3);
	assert_int_equal(fx->out[2].index, fx->out[1].index + 1); // nothing to ask for
}

// A publisher that jumps forward by half the number space again and again: receivers must still follow the index.
static void jumps_never_outrun_the_rollover(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, VIDEO, 1);
	fx_sub(fx, 0, 1, 0, VIDEO);
	uint16_t seq = 1;
	uint64_t last = 0;
	for (unsigned i = 0; i < 50; i++, seq = (uint16_t)(seq + 30000)) {
		size_t before = fx->out_count;
		fx_video(fx, seq, true);
		assert_int_equal(fx->out_count, before + 1);
		if (last)
			assert_in_range(fx->out[before].index, last + 1, last + 16384);
		last = fx->out[before].index;
	}
}

// The same by smaller steps, of which any number may be lost on the way to the receiver.
static void jumps_in_a_row_do_not_either(void **state)
{
	struct fx *fx = *state;
	fx_track(fx, 0, 0, AUDIO, 1);
	fx_sub(fx, 0, 1, 0, AUDIO);
	for (uint16_t i = 0, seq = 1; i < 200; i++, seq = (uint16_t)(seq + 4000)) {
		struct fx_in in = {.ssrc = fx_ssrc(0, 0), .seq = seq, .ts = 960u * i, .pt = PT_OPUS};
		assert_int_equal(fx_in(fx, 0, &in), 0);
		fx->now += 1000;
	}
	assert_int_equal(fx->out_count, 200); // a new mapping is no loss
	assert_in_range(fx->out[199].index - fx->out[0].index, 200, 8192);
	fx_clear(fx);
	fx->now += 10000000;
	struct fx_in in = {
	    .ssrc = fx_ssrc(0, 0), .seq = (uint16_t)(2 + 199 * 4000), .ts = 9600000, .pt = PT_OPUS};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	in.seq = (uint16_t)(in.seq + 4000); // after a while one is a gap as before
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out[1].index, fx->out[0].index + 4000);
}

// A, another one that sends nothing to be forwarded, and A again with its numbers of the beginning: what goes out goes on.
static void an_ssrc_that_comes_back_begins_anew(void **state)
{
	struct fx *fx = *state;
	union hz_msg t = fx_track_msg(0, 0, AUDIO, 1);
	memset(t.track_set.ssrc, 0, sizeof(t.track_set.ssrc));
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	fx_sub(fx, 0, 1, 0, AUDIO);
	struct fx_in in = {.ssrc = 77, .seq = 1, .ts = 960, .pt = PT_OPUS, .mid = "m0"};
	for (unsigned i = 0; i < 3000; i++, in.seq++, in.ts += 960) {
		fx_clear(fx);
		assert_int_equal(fx_in(fx, 0, &in), 0);
		fx->now += 20000;
	}
	uint64_t last = fx->out[0].index;
	in = (struct fx_in){.ssrc = 78, .seq = 5, .ts = 960, .pt = PT_OPUS, .mid = "m0", .empty = true};
	assert_int_equal(fx_in(fx, 0, &in), 0);
	fx->now += 600000;
	in = (struct fx_in){.ssrc = 77, .seq = 2, .ts = 1920, .pt = PT_OPUS, .mid = "m0"};
	fx_clear(fx);
	assert_int_equal(fx_in(fx, 0, &in), 0);
	assert_int_equal(fx->out_count, 1);
	assert_int_equal(fx->out[0].index, last + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(starts_at_a_keyframe_and_asks_for_one, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(extensions_are_the_receivers, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(loss_and_reordering_keep_their_places, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(empty_packets_leave_no_gap, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(source_switch_is_continuous, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(codec_change_waits_for_its_keyframe, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(missing_codec_is_not_forwarded, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(lobby_leaks_nothing, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(paused_and_idle_send_nothing, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(ssrcs_are_learned_only_for_own_tracks, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(payload_type_alone_matches_a_single_track, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(broken_packets_are_counted, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(a_full_queue_drops_and_recovers, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(what_waited_here_too_long_is_not_shown, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(jumps_never_outrun_the_rollover, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(jumps_in_a_row_do_not_either, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(an_ssrc_that_comes_back_begins_anew, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

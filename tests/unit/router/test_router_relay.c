// Two routers with a relay between them, as on two workers: media, layers, keyframe requests, clocks, mute, bad commands.
#include "tests/unit/router/fixture.h"

#define CONSULT 7
#define RELAY   20 // slot of the relay peer on both
#define A_INDEX 0
#define B_INDEX 1

struct two {
	struct fx *a, *b; // a: the publisher's
	size_t rtp_at[2], rtcp_at[2];
};

static struct two two_new(void)
{
	return (struct two){.a = fx_new(), .b = fx_new()};
}

static void two_free(struct two *t)
{
	fx_free(t->a);
	fx_free(t->b);
}

static union hz_msg relay_msg(uint32_t slot, uint32_t consult, uint32_t other)
{
	return (union hz_msg){
	    .peer_set = {.peer = HZ_ID(slot, 1), .consult = consult, .flags = HZ_PEER_RELAY, .relay = other}};
}

static int set_peer(struct fx *fx, union hz_msg m)
{
	return fx_command(fx, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set));
}

static uint32_t relay_ssrc(uint32_t track, unsigned layer)
{
	return 500000 + 10 * track + layer;
}

// On A a pinned subscription a layer, on B the track that they feed.
static void relay_track(struct two *t, uint32_t track, uint8_t kind, uint8_t layers)
{
	union hz_msg on_b = fx_track_msg(track, RELAY, kind, layers);
	on_b.track_set.mid[0] = '\0';
	on_b.track_set.ext = (struct hz_ext_ids){.audio_level = 9, .orientation = 12};
	for (unsigned i = 0; i < layers; i++) {
		union hz_msg on_a = fx_sub_msg(100 + 3 * track + i, RELAY, track, kind);
		struct hz_cmd_sub_set *s = &on_a.sub_set;
		s->flags = HZ_SUB_PIN;
		s->max_layer = (uint8_t)i;
		s->ssrc = relay_ssrc(track, i);
		s->rtx_ssrc = 0;
		s->mid[0] = '\0';
		s->ext = on_b.track_set.ext;
		memcpy(s->pt, on_b.track_set.pt, sizeof(s->pt));
		s->pt_count = on_b.track_set.pt_count;
		assert_int_equal(fx_sub_set(t->a, &on_a), 0);
		on_b.track_set.ssrc[i] = s->ssrc;
		on_b.track_set.rtx_ssrc[i] = 0;
		on_b.track_set.rid[i][0] = '\0';
	}
	for (unsigned i = 0; i < HZ_MAX_CODECS; i++)
		on_b.track_set.pt[i].flags &= HZ_PT_PLI;
	assert_int_equal(fx_command(t->b, &on_b, HZ_CMD_TRACK_SET, sizeof(on_b.track_set)), 0);
}

// What each said to the relay since the last time, to the other.
static void carry(struct two *t)
{
	struct fx *fx[2] = {t->a, t->b};
	for (int i = 0; i < 2; i++) {
		struct fx *to = fx[1 - i];
		to->now = fx[i]->now > to->now ? fx[i]->now : to->now;
		for (; t->rtp_at[i] < fx[i]->out_count; t->rtp_at[i]++) {
			struct fx_packet *o = &fx[i]->out[t->rtp_at[i]];
			uint8_t copy[2048];
			memcpy(copy, o->data, o->bytes);
			if (o->slot == RELAY)
				assert_int_equal(hz_router_rtp(to->router, RELAY, copy, o->bytes, 0, to->now),
				                 0);
		}
		for (; t->rtcp_at[i] < fx[i]->rtcp_count; t->rtcp_at[i]++) {
			struct fx_rtcp *o = &fx[i]->rtcp[t->rtcp_at[i]];
			if (o->slot == RELAY)
				assert_int_equal(
				    hz_router_rtcp(to->router, RELAY, o->data, o->bytes, to->now), 0);
		}
	}
}

static void run(struct two *t, int64_t us)
{
	for (int64_t done = 0; done < us; done += 5000) {
		fx_advance(t->a, 5000);
		fx_advance(t->b, 5000);
		carry(t);
	}
}

// A publisher (peer 0) with audio (track 0) and video (track 1) on A, a subscriber (peer 1) on B.
static struct two world(uint8_t layers)
{
	struct two t = two_new();
	fx_peer(t.a, 0, CONSULT, 0);
	fx_track(t.a, 0, 0, HZ_KIND_AUDIO, 1);
	fx_track(t.a, 1, 0, HZ_KIND_VIDEO, layers);
	assert_int_equal(set_peer(t.a, relay_msg(RELAY, CONSULT, B_INDEX)), 0);
	assert_int_equal(set_peer(t.b, relay_msg(RELAY, CONSULT, A_INDEX)), 0);
	assert_int_equal(t.b->arena->peer[RELAY].state, HZ_PEER_CONNECTED);
	relay_track(&t, 0, HZ_KIND_AUDIO, 1);
	relay_track(&t, 1, HZ_KIND_VIDEO, layers);
	fx_peer(t.b, 1, CONSULT, 0);
	fx_sub(t.b, 0, 1, 0, HZ_KIND_AUDIO);
	fx_sub(t.b, 1, 1, 1, HZ_KIND_VIDEO);
	return t;
}

static unsigned received(const struct two *t, uint32_t ssrc)
{
	unsigned count = 0;
	for (size_t i = 0; i < t->b->out_count; i++)
		count += t->b->out[i].slot == 1 && t->b->out[i].p.ssrc == ssrc;
	return count;
}

static void video(struct two *t, unsigned layer, uint16_t seq, bool key)
{
	struct fx_in in = {.ssrc = fx_ssrc(1, layer),
	                   .seq = seq,
	                   .ts = seq * 3000u,
	                   .pt = PT_VP8,
	                   .key = key,
	                   .picture = seq,
	                   .marker = true,
	                   .body = 100 * layer + seq};
	assert_int_equal(fx_in(t->a, 0, &in), 0);
	carry(t);
}

static void crosses(void **state)
{
	struct two t = world(1);
	struct fx_in voice = {.ssrc = fx_ssrc(0, 0), .pt = PT_OPUS, .level = 20, .body = 5};
	(void)state;
	for (uint16_t i = 0; i < 50; i++) {
		voice.seq = i;
		voice.ts = i * 960u;
		assert_int_equal(fx_in(t.a, 0, &voice), 0);
		video(&t, 0, i, i == 0);
		run(&t, 20000);
	}
	assert_int_equal(received(&t, 900000), 50);
	assert_int_equal(received(&t, 900001), 50);
	// The level came along, numbered as this receiver does.
	const struct hz_ext_ids ids = {.audio_level = 9};
	struct hz_rtp_exts exts;
	const struct fx_packet *last = NULL;
	for (size_t i = 0; i < t.b->out_count; i++)
		last = t.b->out[i].p.ssrc == 900000 ? &t.b->out[i] : last;
	hz_rtp_parse_exts(&last->p, &ids, &exts);
	assert_true(exts.has & HZ_EXT_AUDIO_LEVEL);
	assert_int_equal(exts.audio_level_dbov, 20);
	assert_true(exts.voice);
	// Only the worker that has the speaker names it.
	assert_true(fx_events_seen(t.a, HZ_EV_SPEAKERS) > 0);
	assert_int_equal(fx_events_seen(t.b, HZ_EV_SPEAKERS), 0);
	two_free(&t);
}

static void keyframe_requests_cross(void **state)
{
	struct two t = world(1);
	(void)state;
	video(&t, 0, 1, false);
	run(&t, 500000);
	assert_true(fx_rtcp_seen(t.a, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI) > 0); // nobody can decode yet
	video(&t, 0, 2, true);
	assert_int_equal(received(&t, 900001), 1);
	run(&t, 500000);
	fx_clear(t.a);
	t.rtp_at[0] = t.rtcp_at[0] = 0;
	assert_int_equal(fx_pli(t.b, 1, 900001), 0);
	run(&t, 20000);
	assert_int_equal(fx_rtcp_seen(t.a, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	two_free(&t);
}

static void layers_cross(void **state)
{
	struct two t = world(3);
	(void)state;
	for (uint16_t i = 0; i < 40; i++) {
		for (unsigned l = 0; l < 3; l++)
			video(&t, l, i, i % 10 == 0);
		run(&t, 33000);
	}
	for (unsigned l = 0; l < 3; l++)
		assert_int_equal(t.b->arena->track[1].rx[l].seen, 1);
	const struct hz_sub_map *map = hz_arena_sub_map(&t.b->arena->sub[1]);
	assert_int_equal(map->layer, 2); // B's own choice
	union hz_msg low = fx_sub_msg(1, 1, 1, HZ_KIND_VIDEO);
	low.sub_set.max_layer = 0;
	assert_int_equal(fx_sub_set(t.b, &low), 0);
	for (uint16_t i = 40; i < 61; i++) {
		for (unsigned l = 0; l < 3; l++)
			video(&t, l, i, i % 10 == 0);
		run(&t, 33000);
	}
	assert_int_equal(hz_arena_sub_map(&t.b->arena->sub[1])->layer, 0);
	// The top layer stops at the publisher: B sees it stop, the pinned subscription waits for it and takes no other.
	for (uint16_t i = 61; i < 140; i++) {
		for (unsigned l = 0; l < 2; l++)
			video(&t, l, i, i % 10 == 0);
		run(&t, 33000);
	}
	assert_int_equal(hz_arena_sub_map(&t.a->arena->sub[105])->layer, 2);
	low.sub_set.max_layer = 2;
	assert_int_equal(fx_sub_set(t.b, &low), 0);
	for (uint16_t i = 140; i < 161; i++) {
		for (unsigned l = 0; l < 2; l++)
			video(&t, l, i, i % 10 == 0);
		run(&t, 33000);
	}
	assert_int_equal(hz_arena_sub_map(&t.b->arena->sub[1])->layer, 1);
	two_free(&t);
}

static void silent_when_muted(void **state)
{
	struct two t = world(1);
	(void)state;
	video(&t, 0, 1, true);
	assert_int_equal(received(&t, 900001), 1);
	// The publisher goes back to the lobby: nothing crosses.
	size_t before = t.a->out_count;
	assert_int_equal(fx_peer_set(t.a, 0, CONSULT, HZ_PEER_MUTED), 0);
	video(&t, 0, 2, true);
	assert_int_equal(t.a->out_count, before);
	assert_int_equal(fx_peer_set(t.a, 0, CONSULT, 0), 0);
	video(&t, 0, 3, true);
	assert_int_equal(received(&t, 900001), 2);
	// Its track is muted.
	union hz_msg m = fx_track_msg(1, 0, HZ_KIND_VIDEO, 1);
	m.track_set.flags = HZ_TRACK_PAUSED;
	before = t.a->out_count;
	assert_int_equal(fx_command(t.a, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), 0);
	video(&t, 0, 4, true);
	assert_int_equal(t.a->out_count, before);
	m.track_set.flags = 0;
	assert_int_equal(fx_command(t.a, &m, HZ_CMD_TRACK_SET, sizeof(m.track_set)), 0);
	// The receiver is in the lobby: it crosses, and ends there.
	before = t.b->out_count;
	assert_int_equal(fx_peer_set(t.b, 1, CONSULT, HZ_PEER_MUTED), 0);
	video(&t, 0, 5, true);
	assert_int_equal(t.b->out_count, before);
	two_free(&t);
}

static void survives_either(void **state)
{
	struct two t = world(1);
	(void)state;
	for (uint16_t i = 0; i < 90; i++) {
		if (i == 30)
			fx_restart(t.a);
		if (i == 60)
			fx_restart(t.b);
		video(&t, 0, i, i == 0);
		run(&t, 33000);
	}
	assert_int_equal(received(&t, 900001), 90); // not one lost, and decodable all the way
	assert_true(t.b->arena->peer[RELAY].state == HZ_PEER_CONNECTED);
	two_free(&t);
}

static void clocks_cross(void **state)
{
	struct two t = world(1);
	struct hz_rtcp_writer w;
	uint8_t buf[128];
	(void)state;
	for (uint16_t i = 0; i < 100; i++) {
		if (i % 20 == 0) {
			struct hz_sender_info info = {
			    .ntp = hz_ntp_from_us(t.a->now + 1700000000000000 + HZ_NTP_UNIX_US),
			    .rtp_ts = i * 3000u,
			    .packets = i};
			hz_rtcp_writer_init(&w, buf, sizeof(buf));
			assert_int_equal(hz_rtcp_write_sr(&w, fx_ssrc(1, 0), &info, NULL, 0), 0);
			assert_int_equal(hz_rtcp_write_cname(&w, fx_ssrc(1, 0), "x"), 0);
			assert_int_equal(hz_router_rtcp(t.a->router, 0, buf, w.bytes, t.a->now), 0);
		}
		video(&t, 0, i, i == 0);
		run(&t, 33000);
	}
	assert_true(t.b->arena->track[1].clock[0].from_sr);
	two_free(&t);
}

static void refuses(void **state)
{
	struct fx *fx = fx_new();
	(void)state;
	union hz_msg m = relay_msg(3, CONSULT, HZ_MAX_RELAYS);
	assert_int_equal(set_peer(fx, m), -EINVAL);
	m = relay_msg(3, CONSULT, 1);
	strcpy(m.peer_set.local_ufrag, "abcd");
	assert_int_equal(set_peer(fx, m), -EINVAL);
	m = relay_msg(3, CONSULT, 1);
	strcpy(m.peer_set.remote_pwd, "abcdefghijklmnopqrstuvwxyz");
	assert_int_equal(set_peer(fx, m), -EINVAL);
	assert_int_equal(set_peer(fx, relay_msg(3, CONSULT, 1)), 0);
	assert_int_equal(set_peer(fx, relay_msg(3, CONSULT, 1)), 0); // repeated
	assert_int_equal(set_peer(fx, relay_msg(3, CONSULT, 2)), -EINVAL);
	assert_int_equal(set_peer(fx, relay_msg(4, CONSULT, 1)), -EEXIST);
	assert_int_equal(set_peer(fx, relay_msg(4, CONSULT, 2)), 0);
	assert_int_equal(set_peer(fx, relay_msg(5, CONSULT + 1, 1)), 0);
	assert_int_equal(fx_peer_set(fx, 3, CONSULT, 0), -EINVAL); // a relay does not become a participant
	fx_peer(fx, 6, CONSULT, 0);
	assert_int_equal(set_peer(fx, relay_msg(6, CONSULT, 3)), -EINVAL);
	// A track of another consult does not go through.
	fx_peer(fx, 7, CONSULT + 5, 0);
	fx_track(fx, 0, 7, HZ_KIND_AUDIO, 1);
	union hz_msg s = fx_sub_msg(0, 3, 0, HZ_KIND_AUDIO);
	assert_int_equal(fx_sub_set(fx, &s), -EINVAL);
	fx_free(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(crosses),         cmocka_unit_test(keyframe_requests_cross),
	    cmocka_unit_test(layers_cross),    cmocka_unit_test(silent_when_muted),
	    cmocka_unit_test(survives_either), cmocka_unit_test(clocks_cross),
	    cmocka_unit_test(refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// The composed picture as control does it: the objects that workers are told of, the wishes that a mosaic gets, who watches which size,
// and all of it over restarts of control and mosaic, refusals and narrow links.
#include "tests/unit/session/picture_rig.h"

static void chosen(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	assert_true(offered(c));
	assert_int_equal(count(0), 1);
	assert_int_equal(count(1), 3); // also who has no camera, by name
	assert_int_equal(count(2), 1);
	assert_int_equal(orphans, 0);
	assert_int_equal(feeds(rig, 0, NULL), 2);
	const struct hz_cmd_track_set *track = track_at(rig, c, "3");
	const struct hz_mosaic_rendition_set *r = &known[2][0].set.rendition;
	assert_non_null(track);
	assert_int_equal(track->peer, link_at(rig, 0)->peer);
	assert_int_equal(track->ssrc[0], r->ssrc);
	assert_int_equal(track->pt[0].pt, r->pt);
	assert_int_equal(r->height, 720);
	assert_int_equal(r->codec, HZ_CODEC_H264_CB);
	assert_int_equal(r->workers, 1);
	assert_string_equal(member_of(rig, "c", HZ_PICTURE_NO_SOURCE)->name, "Name of c");
	assert_int_equal(member_of(rig, "c", HZ_PICTURE_NO_SOURCE)->ssrc, 0);
	assert_true(member_of(rig, "a", HZ_SOURCE_CAMERA)->ssrc != 0);
	// Nobody sees anybody more.
	assert_int_equal(json_array_size(json_object_get(c->state, "participants")), 3);
	// Who watches the same shares it; who wants less gets another one.
	watch(rig, a, "3", "high");
	assert_int_equal(count(2), 1);
	assert_int_equal(sub_at(rig, a, "3")->track, sub_at(rig, c, "3")->track);
	watch(rig, b, "3", "low");
	assert_int_equal(count(2), 2);
	assert_int_not_equal(sub_at(rig, b, "3")->track, sub_at(rig, c, "3")->track);
	// A muted camera, a speaker, a layout.
	rig_result(rig_call(rig, a, "track.update",
	                    json_pack("{s:s, s:b}", "track", rig_track(a, "a", "camera"), "muted", 1)));
	rig_result(rig_call(rig, a, "layout.set", json_pack("{s:s, s:s}", "mode", "speaker", "focus", "b")));
	rig_advance(rig, 100);
	assert_true(member_of(rig, "a", HZ_SOURCE_CAMERA)->flags & HZ_MOSAIC_MEMBER_OFF);
	assert_int_equal(known[0][0].set.room.layout, HZ_MOSAIC_SPEAKER);
	assert_int_equal(known[0][0].set.room.focus, member_of(rig, "b", HZ_SOURCE_CAMERA)->member);
	struct hz_ev_speakers ev = {.consult = a->conn->participant->consult->number,
	                            .count = 1,
	                            .peer = {a->conn->participant->peers->id}};
	rig_event(rig, &ev, HZ_EV_SPEAKERS, sizeof(ev));
	rig_turn(rig);
	assert_int_equal(spoken.count, 1);
	assert_int_equal(spoken.person[0], member_of(rig, "a", HZ_SOURCE_CAMERA)->person);
}

static void asked_wrongly(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	assert_int_equal(rig_code(ask(rig, c, "2", "mix", "high")),
	                 HZ_RPC_INVALID_PARAMS); // nothing mixes sound
	struct rig_socket *d = enter(rig, "d", "expert", "mic:0:send v:3:recv:high v:4:recv:vp8");
	assert_int_equal(rig_code(ask(rig, d, "3", "mix", "high")), HZ_RPC_INVALID_PARAMS); // High alone
	watch(rig, d, "4", "high");
	assert_int_equal(count(2), 2);
	assert_int_equal(track_at(rig, d, "4")->pt[0].codec, HZ_CODEC_VP8);
	struct rig_socket *p = rig_join(rig, "p", "patient");
	assert_int_equal(rig_code(ask(rig, p, "3", "mix", "high")), HZ_RPC_NOT_ADMITTED);
}

// The layer that fits the tile; of what arrives.
static void layers(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	const struct hz_cmd_sub_set *of_b = NULL;
	struct hz_mosaic_tiles tiles = {.consult = c->conn->participant->consult->number, .count = 2};
	tiles.tile[0].member = member_of(rig, "a", HZ_SOURCE_CAMERA)->member;
	tiles.tile[0].height = 720;
	tiles.tile[1].member = member_of(rig, "b", HZ_SOURCE_CAMERA)->member;
	static const struct {
		uint16_t height;
		uint8_t alive, layer;
	} table[] = {{720, 0, 2}, {600, 7, 2}, {400, 7, 1}, {180, 7, 0},
	             {0, 7, 0},   {720, 3, 1}, {100, 6, 1}, {100, 4, 2}};
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct hz_ev_track_state ev = {.track =
		                                   (hz_id)strtoul(rig_track(c, "b", "camera") + 1, NULL, 16),
		                               .active = 1,
		                               .codec = HZ_CODEC_H264_CB,
		                               .layers = table[i].alive};
		rig_event(rig, &ev, HZ_EV_TRACK_STATE, sizeof(ev));
		rig_advance(rig, 100);
		tiles.tile[1].height = table[i].height;
		say_mosaic(&tiles, HZ_MOSAIC_TILES, sizeof(tiles));
		rig_advance(rig, 100);
		for (unsigned k = 0; k < HZ_MAX_SUBS; k++) {
			const struct hz_cmd_sub_set *s = &rig->worker->sub[k];
			if (s->sub && s->ssrc == member_of(rig, "b", HZ_SOURCE_CAMERA)->ssrc &&
			    s->track == ev.track)
				of_b = s;
		}
		assert_non_null(of_b);
		assert_int_equal(of_b->max_layer, table[i].layer);
	}
	// Garbage changes nothing.
	tiles.count = HZ_MOSAIC_MEMBERS + 1;
	say_mosaic(&tiles, HZ_MOSAIC_TILES, sizeof(tiles));
	tiles.count = 1;
	tiles.consult = 5;
	say_mosaic(&tiles, HZ_MOSAIC_TILES, sizeof(tiles));
	rig_advance(rig, 100);
	// The publisher knows that its lowest layer is taken, though nobody else watches it.
	assert_int_equal(feeds(rig, 0, NULL), 2);
}

static void left(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	hz_id track = sub_at(rig, c, "3")->track;
	rig_result(ask(rig, c, "3", NULL, "off"));
	rig_advance(rig, 100);
	assert_int_equal(sub_at(rig, c, "3")->track, 0);
	go_on(rig, 5000);
	assert_int_equal(count(2), 1); // warm
	watch(rig, c, "3", "high");
	assert_int_equal(sub_at(rig, c, "3")->track, track);
	// Pointed at somebody.
	rig_result(ask(rig, c, "3", rig_track(c, "b", "camera"), "high"));
	go_on(rig, 11000);
	assert_int_equal(count(0) + count(1) + count(2), 0);
	assert_null(link_at(rig, 0));
	assert_null(rig->brain->pictured);
	assert_true(sub_at(rig, c, "3")->track != 0);
	// Somebody leaves the consult while it is watched; the last watcher does.
	watch(rig, c, "3", "high");
	rig_call(rig, b, "leave", NULL);
	rig_advance(rig, 100);
	assert_null(member_of(rig, "b", HZ_SOURCE_CAMERA));
	assert_int_equal(feeds(rig, 0, NULL), 1);
	rig_call(rig, c, "leave", NULL);
	go_on(rig, 11000);
	assert_int_equal(count(0), 0);
}

// A page in the background keeps nothing alive, and has it again when it is back.
static void hidden(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	(void)a;
	(void)b;
	rig_result(ask(rig, c, "3", "mix", "off"));
	rig_advance(rig, 100);
	assert_true(slot_at(c, "3")->picture);
	assert_int_equal(sub_at(rig, c, "3")->track, 0);
	go_on(rig, 11000);
	assert_int_equal(count(0) + count(1) + count(2), 0);
	assert_null(rig->brain->pictured);
	watch(rig, c, "3", "high");
	assert_int_equal(count(2), 1);
	assert_non_null(track_at(rig, c, "3"));
}

static void lobby(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	go_on(rig, 500);
	struct rig_socket *a = enter(rig, "a", "clinic", LINES);
	struct rig_socket *p = rig_join(rig, "p", "patient");
	rig_result(rig_call(rig, a, "lobby.admit", json_pack("{s:s}", "participant", "p")));
	assert_non_null(
	    offer_make(rig, p, (struct offer_spec){.lines = LINES, .session = 9}, "0:microphone 1:camera"));
	watch(rig, p, "3", "high");
	assert_int_equal(count(1), 2);
	rig_result(rig_call(rig, a, "lobby.return", json_pack("{s:s}", "participant", "p")));
	rig_advance(rig, 100);
	assert_false(slot_at(p, "3")->picture);
	assert_int_equal(sub_at(rig, p, "3")->track, 0);
	assert_null(member_of(rig, "p", HZ_SOURCE_CAMERA)); // nor is it shown to the others
	go_on(rig, 11000);
	assert_int_equal(count(0), 0);
}

static void it_dies(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	hz_id track = sub_at(rig, c, "3")->track;
	uint32_t ssrc = track_at(rig, c, "3")->ssrc[0];
	start_mosaic();
	rig_advance(rig, 100);
	assert_int_equal(count(1), 3);
	assert_int_equal(sub_at(rig, c, "3")->track, track);
	assert_int_not_equal(track_at(rig, c, "3")->ssrc[0], ssrc); // numbers begin anew
	assert_int_equal(known[2][0].set.rendition.ssrc, track_at(rig, c, "3")->ssrc[0]);
	assert_true(offered(c));
	// It says nothing any more: clients are told, the objects wait for the next one.
	rig_advance(rig, 2000);
	assert_true(offered(c));
	rig_advance(rig, 1500);
	rig_advance(rig, 100);
	assert_false(offered(c));
	start_mosaic();
	go_on(rig, 1000);
	assert_true(offered(c));
	assert_int_equal(count(1), 3);
}

static void control_dies(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	struct known rooms = known[0][0], rendition = known[2][0];
	const struct hz_cmd_sub_set before = *sub_at(rig, c, "3");
	uint32_t ssrc = member_of(rig, "b", HZ_SOURCE_CAMERA)->ssrc;
	unsigned peers = rig->worker->peers, subs = rig->worker->subs;
	(void)a;
	(void)b;
	rig_kill(rig);
	rig->brain->limits.spread_subscriptions = 1000;
	go_on(rig, 1000);
	assert_int_equal(rig->worker->peers, peers);
	assert_int_equal(rig->worker->subs, subs);
	assert_int_equal(count(1), 3);
	assert_int_equal(known[0][0].set.room.consult, rooms.set.room.consult);
	assert_int_equal(known[2][0].set.rendition.ssrc, rendition.set.rendition.ssrc);
	assert_int_equal(known[2][0].set.rendition.rendition, rendition.set.rendition.rendition);
	assert_int_equal(member_of(rig, "b", HZ_SOURCE_CAMERA)->ssrc, ssrc);
	const struct hz_cmd_sub_set *now = &rig->worker->sub[HZ_ID_SLOT(before.sub)];
	assert_int_equal(now->sub, before.sub);
	assert_int_equal(now->track, before.track);
	// Both at once.
	start_mosaic();
	rig_kill(rig);
	go_on(rig, 1000);
	assert_int_equal(count(1), 3);
	assert_int_equal(count(2), 1);
	// Without a mosaic from now on: nothing of it is left.
	rig->mosaic = 0;
	rig->skips = 4; // its peer, two feeds and a track
	rig_kill(rig);
	rig_advance(rig, 100);
	assert_null(link_at(rig, 0));
	assert_int_equal(rig->worker->sub[HZ_ID_SLOT(before.sub)].track, 0);
}

static void refused(void **state)
{
	struct rig *rig = *state;
	refuse = -ENOSPC;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	go_on(rig, 500);
	assert_false(offered(c));
	unsigned before = sets;
	go_on(rig, 3000);
	assert_int_equal(sets, before); // it is not asked again and again
	// Its client goes back to streams; asking again soon is no more than remembered.
	rig_result(ask(rig, c, "3", NULL, "off"));
	go_on(rig, 15000);
	assert_false(offered(c));
	refuse = 0;
	go_on(rig, 20000);
	assert_true(offered(c));
	watch(rig, c, "3", "high");
	go_on(rig, 500);
	assert_int_equal(count(1), 3);
}

// More consults than wishes have places for: it is refused, not promised and black.
static void full(void **state)
{
	struct rig *rig = *state;
	struct hz_mosaic_member_set m = {.member = 1, .consult = 999};
	while (hz_picture_link_set(rig->brain->picture, &m.h, HZ_MOSAIC_MEMBER_SET) == 0)
		assert_true(++m.member < 10000);
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	go_on(rig, 500);
	assert_int_equal(count(0), 0);
	assert_false(offered(c));
}

static void stats(struct rig *rig, const struct rig_socket *s, uint32_t bps)
{
	struct hz_ev_peer_stats ev = {.peer = s->conn->participant->peers->id, .estimate_bps = bps};
	rig_event(rig, &ev, HZ_EV_PEER_STATS, sizeof(ev));
	go_on(rig, 2000);
}

static void step(struct rig *rig, const struct rig_socket *s, const char *mid, uint8_t to, uint8_t layer)
{
	const struct hz_cmd_sub_set *sub = sub_at(rig, s, mid);
	struct hz_ev_sub_state ev = {
	    .sub = sub->sub, .peer = sub->peer, .track = sub->track, .step = to, .layer = layer};
	rig_event(rig, &ev, HZ_EV_SUB_STATE, sizeof(ev));
	rig_advance(rig, 100);
}

static uint16_t height_of(const struct rig *rig, const struct rig_socket *s)
{
	for (unsigned i = 0; i < 64; i++) {
		if (known[2][i].live && known[2][i].set.rendition.ssrc == track_at(rig, s, "3")->ssrc[0])
			return known[2][i].set.rendition.height;
	}
	return 0;
}

// A narrow link gets a smaller size, and a larger one when it is wide again, not at once.
static void narrow_link(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	assert_int_equal(height_of(rig, c), 720);
	step(rig, c, "3", HZ_STEP_STILL, 0);
	assert_int_equal(height_of(rig, c), 540);
	step(rig, c, "3", HZ_STEP_OFF, 0);
	assert_int_equal(height_of(rig, c), 360);
	step(rig, c, "3", HZ_STEP_STILL, 0);
	assert_int_equal(height_of(rig, c), 360);
	assert_int_equal(
	    find(2, hz_picture_rendition_id(c->conn->participant->consult, 0, HZ_CODEC_H264_CB), false)
	        ->set.rendition.bitrate_bps,
	    300000);
	step(rig, c, "3", HZ_STEP_FULL, 0);
	stats(rig, c, 5000000);
	assert_int_equal(height_of(rig, c), 360); // that was too soon
	for (unsigned i = 0; i < 5; i++)
		stats(rig, c, 5000000);
	assert_in_range(height_of(rig, c), 540, 720);
	// One that is known to be narrow begins so.
	rig_result(ask(rig, c, "3", NULL, "off"));
	stats(rig, c, 700000);
	watch(rig, c, "3", "high");
	assert_int_equal(height_of(rig, c), 360);
}

static void offer(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	go_on(rig, 500);
	struct rig_socket *a = enter(rig, "a", "clinic", LINES), *b = enter(rig, "b", "expert", LINES);
	struct rig_socket *c = enter(rig, "c", "expert", WATCH);
	rig_result(ask(rig, c, "3", rig_track(c, "a", "camera"), "high"));
	rig_result(ask(rig, c, "4", rig_track(c, "b", "camera"), "high"));
	(void)a;
	(void)b;
	step(rig, c, "3", HZ_STEP_STILL, 0);
	for (unsigned i = 0; i < 7; i++)
		stats(rig, c, 90000);
	assert_null(rig_push(c, "mix.offer")); // the other one has all its layers
	step(rig, c, "4", HZ_STEP_LOWER, 0);
	for (unsigned i = 0; i < 4; i++)
		stats(rig, c, 90000);
	assert_null(rig_push(c, "mix.offer")); // not yet; and there is no mixed sound here, so never
	for (unsigned i = 0; i < 4; i++)
		stats(rig, c, 90000);
	assert_null(rig_push(c, "mix.offer"));
	rig->brain->mix = (struct hz_mix_link *)rig; // as if there were
	for (unsigned i = 0; i < 12; i++) {
		struct hz_ev_peer_stats ev = {.peer = c->conn->participant->peers->id, .estimate_bps = 90000};
		rig->now_us += 1000000;
		hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
		rig->brain->picture_there = true;
		union hz_msg msg = {.peer_stats = ev};
		msg.h.type = HZ_EV_PEER_STATS;
		hz_events_handle(rig->brain, 0, &msg);
		assert_int_equal(rig_pushes(c, "mix.offer"), i >= 10);
	}
	rig->brain->mix = NULL;
	char field[HZ_FIELD_BYTES] = "";
	assert_int_equal(hz_rpc_check_push(HZ_PUSH_MIX_OFFER, rig_push(c, "mix.offer"), field), 0);
}

// WHEP: one picture in one answer, 404 while nobody else publishes, what is more than one rejected.
static void whep(void **state)
{
	struct rig *rig = *state;
	static char token[4096], sdp[OFFER_BYTES];
	rig_consult(rig, "c1");
	go_on(rig, 500);
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "hall", .role = "observer"}));
	snprintf(sdp, sizeof(sdp), "%s",
	         offer_sdp((struct offer_spec){.lines = "a:0:recv v:1:recv v:2:recv", .session = 5}));
	struct web_ask post = {.method = HZ_POST,
	                       .path = "/whep/c1/mix",
	                       .token = token,
	                       .body = sdp,
	                       .type = "application/sdp"};
	assert_int_equal(web_ask(rig, post)->status, 404);
	enter(rig, "a", "clinic", LINES);
	struct web *web = web_ask(rig, post);
	assert_int_equal(web->status, 201);
	char location[300];
	snprintf(location, sizeof(location), "%s", web->location);
	rig_advance(rig, 200);
	assert_int_equal(count(2), 1);
	assert_int_equal(known[2][0].set.rendition.height, 720);
	unsigned shown = 0;
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &rig->worker->sub[i];
		shown += s->sub && s->kind == HZ_KIND_VIDEO && !(s->flags & HZ_SUB_PIN) && s->track;
	}
	assert_int_equal(shown, 1);
	rig_kill(rig);
	go_on(rig, 500);
	assert_int_equal(count(2), 1);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = location, .token = token})->status,
	    200);
	go_on(rig, 11000);
	assert_int_equal(count(0), 0);
}

// Two workers: the same encode goes to both.
static void spread(void **state)
{
	struct rig *rig = *state;
	rig->brain->limits.spread_subscriptions = 4;
	rig_consult(rig, "c1");
	go_on(rig, 500);
	struct rig_socket *s[4];
	static const char *const ids[] = {"a", "b", "c", "d"};
	uint64_t used = 0;
	for (unsigned i = 0; i < 4; i++) {
		s[i] = enter(rig, ids[i], i ? "expert" : "clinic", LINES);
		used |= 1ull << s[i]->conn->participant->peers->worker;
		watch(rig, s[i], "3", "high");
	}
	assert_int_equal(used, 3);
	assert_int_equal(count(2), 1);
	assert_int_equal(known[2][0].set.rendition.workers, 3);
	assert_int_equal(feeds(rig, 0, NULL) + feeds(rig, 1, NULL), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(track_at(rig, s[i], "3")->ssrc[0], known[2][0].set.rendition.ssrc);
	assert_int_equal(hz_consult_close(rig->brain, hz_map_get(rig->brain->consults, "c1")), 0);
	go_on(rig, 200);
	assert_int_equal(count(0), 0);
	assert_null(link_at(rig, 0));
	assert_null(link_at(rig, 1));
}

static void garbage(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = watches(rig, &a, &b);
	struct hz_ev_ack ack = {.h.seq = 12345, .err = -EINVAL};
	uint8_t small[4] = {0};
	say_mosaic(&ack, HZ_MOSAIC_ACK, sizeof(ack));
	ack.h.seq = 0;
	say_mosaic(&ack, HZ_MOSAIC_ACK, sizeof(ack));
	say_mosaic(&ack, HZ_MOSAIC_STATUS, sizeof(ack));
	say_mosaic(&ack, 999, sizeof(ack));
	assert_int_equal(hz_seqpacket_send(fd[1], small, sizeof(small)), 0);
	go_on(rig, 500);
	assert_true(offered(c));
	char *text = hz_metrics_text(rig->brain, 0);
	assert_non_null(strstr(text, "huizhen_mosaic_ready 1"));
	free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(chosen),      TEST(asked_wrongly), TEST(layers),       TEST(left),    TEST(hidden),
	    TEST(lobby),       TEST(it_dies),       TEST(control_dies), TEST(refused), TEST(full),
	    TEST(narrow_link), TEST(offer),         TEST(whep),         TEST(spread),  TEST(garbage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

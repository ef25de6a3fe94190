// Mixed sound as control does it: the objects that two workers are told of, the wishes that a mix (its rooms, over a real socket)
// gets, which voices are held and when, and all of it over restarts of control, worker and mix.
#include "tests/unit/session/mix_rig.h"

static void chosen(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	assert_true(json_is_true(json_object_get(json_object_get(c->state, "consult"), "mix")));
	const struct hz_cmd_track_set *track = track_of(rig, 0, slot_of(rig, c, "4")->track);
	assert_non_null(track);
	assert_int_equal(track->peer, link_at(rig, 0)->peer);
	assert_int_equal(track->pt_count, 1);
	assert_true(track->ssrc[0] != 0);
	assert_int_equal(voices(rig, 0), 3); // also of the one who listens: others may
	assert_int_equal(there().members, 3);
	assert_int_equal(there().rooms, 1);
	// The worker leaves the voices out while it sends the mix.
	assert_true(held(rig, c, "2") && held(rig, c, "3"));
	assert_int_equal(slot_of(rig, c, "4")->flags, HZ_SUB_MIX);
	assert_false(paused(rig, c, "2") || paused(rig, c, "4"));
	// Nobody sees anybody more.
	assert_int_equal(json_array_size(json_object_get(c->state, "participants")), 3);
	assert_null(rig_track(a, "c", "mix"));
	// Somebody else who listens shares the voices.
	subscribe(rig, a, "4", "mix");
	assert_int_equal(voices(rig, 0), 3);
	assert_int_not_equal(slot_of(rig, a, "4")->track, slot_of(rig, c, "4")->track);
	assert_int_equal(there().members, 3);
	// A voice that comes later is held at once; the mix on a second slot moves there.
	struct rig_socket *d = enter(rig, "d");
	assert_int_equal(voices(rig, 0), 4);
	(void)d;
	subscribe(rig, c, "3", rig_track(c, "d", "microphone"));
	assert_true(held(rig, c, "3"));
	subscribe(rig, c, "3", "mix");
	assert_int_equal(slot_of(rig, c, "4")->track, 0);
	assert_true(slot_of(rig, c, "3")->track != 0);
	assert_false(held(rig, c, "3"));
}

static void back_to_voices(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	assert_true(held(rig, c, "2"));
	// The voices are back while the mix is still heard.
	subscribe(rig, c, "4", NULL);
	assert_false(held(rig, c, "2") || held(rig, c, "3"));
	assert_true(slot_of(rig, c, "4")->track != 0 && !held(rig, c, "4"));
	rig_advance(rig, 600);
	assert_int_equal(slot_of(rig, c, "4")->track, 0);
	assert_int_equal(voices(rig, 0), 0);
	assert_null(link_at(rig, 0));
	assert_int_equal(there().members, 0);
	assert_null(rig->brain->mixed);
	// In again before it had gone; then out by pointing the slot at somebody.
	subscribe(rig, c, "4", "mix");
	subscribe(rig, c, "4", NULL);
	subscribe(rig, c, "4", "mix");
	rig_advance(rig, 1000);
	assert_true(held(rig, c, "2"));
	subscribe(rig, c, "4", rig_track(c, "b", "microphone"));
	assert_false(held(rig, c, "2") || held(rig, c, "4"));
	assert_null(link_at(rig, 0));
	// What its client switched off stays off.
	rig_result(rig_call(rig, c, "subscribe",
	                    json_pack("{s:[{s:s, s:s, s:s}]}", "items", "mid", "2", "track",
	                              rig_track(c, "a", "microphone"), "quality", "off")));
	subscribe(rig, c, "4", "mix");
	subscribe(rig, c, "4", NULL);
	rig_advance(rig, 600);
	assert_true(paused(rig, c, "2"));
	assert_false(paused(rig, c, "3") || held(rig, c, "3") || held(rig, c, "2"));
}

static void it_dies(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	hz_id track = slot_of(rig, c, "4")->track;
	uint32_t ssrc = track_of(rig, 0, track)->ssrc[0];
	// Quickly back: only the SSRC is another one.
	start_mix();
	rig_turn(rig);
	assert_int_equal(there().members, 3);
	assert_int_equal(slot_of(rig, c, "4")->track, track);
	assert_int_not_equal(track_of(rig, 0, track)->ssrc[0], ssrc);
	assert_true(held(rig, c, "2"));
}

static void refused(void **state)
{
	struct rig *rig = *state;
	refuse = -ENOSPC;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	rig_advance(rig, 1000);
	assert_false(held(rig, c, "2") || held(rig, c, "3"));
	unsigned before = sets;
	rig_advance(rig, 1000);
	assert_int_equal(sets, before); // it is not asked again and again
	refuse = 0;
	rig_advance(rig, 5000);
	assert_int_equal(there().members, 3);
	rig_advance(rig, 200);
	assert_true(held(rig, c, "2") && held(rig, c, "3"));
}

// One voice finds no room: it stays a stream, the others are held.
static void one_refused(void **state)
{
	struct rig *rig = *state;
	refuse = -ENOSPC;
	refuse_at = 2; // of three: two voices, and who listens
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	assert_int_equal(there().members, 2);
	rig_advance(rig, 1000);
	assert_true(held(rig, c, "2") + held(rig, c, "3") <= 1);
	// The next one does not disturb those who are in.
	struct rig_socket *d = enter(rig, "d");
	subscribe(rig, d, "4", "mix");
	assert_int_equal(there().members, 2);
	refuse = 0;
	rig_advance(rig, 6000);
	assert_int_equal(there().members, 4);
	assert_true(held(rig, c, "2") && held(rig, c, "3"));
}

// What a client switched off stays off, held or not, over a restart, and when the mix goes.
static void switched_off_by_its_client(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	const char *voice = rig_track(c, "a", "microphone");
	rig_result(
	    rig_call(rig, c, "subscribe",
	             json_pack("{s:[{s:s, s:s, s:s}, {s:s, s:s, s:s}]}", "items", "mid", "2", "track", voice,
	                       "quality", "off", "mid", "4", "track", "mix", "quality", "off")));
	assert_int_equal(slot_of(rig, c, "2")->flags, HZ_SUB_HELD | HZ_SUB_PAUSED);
	assert_int_equal(slot_of(rig, c, "3")->flags, HZ_SUB_HELD);
	assert_int_equal(slot_of(rig, c, "4")->flags, HZ_SUB_MIX | HZ_SUB_PAUSED);
	hz_id peer = c->conn->participant->peers->id;
	rig_kill(rig);
	rig_turn(rig);
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_slot *slot = rig->brain->worker[0].subs.object[i];
		if (!slot || slot->peer->id != peer || slot->cmd.kind != HZ_KIND_AUDIO)
			continue;
		assert_int_equal(slot->off, strcmp(slot->cmd.mid, "3") != 0);
		assert_int_equal(slot->held, strcmp(slot->cmd.mid, "4") != 0);
		assert_int_equal(slot->mix != 0, strcmp(slot->cmd.mid, "4") == 0);
	}
}

// Who is removed is neither heard nor hears, at once.
static void removed(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b;
	(void)listens(rig, &a, &b);
	rig_result(rig_call(rig, a, "participant.remove", json_pack("{s:s}", "participant", "b")));
	assert_int_equal(voices(rig, 0), 2);
	assert_int_equal(there().members, 2);
	rig_result(rig_call(rig, a, "participant.remove", json_pack("{s:s}", "participant", "c")));
	assert_int_equal(there().members, 0);
	assert_null(link_at(rig, 0));
}

static void lobby_mute_leave(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	// Muted is silent where it is published: the objects stay.
	rig_result(rig_call(rig, a, "track.update",
	                    json_pack("{s:s, s:b}", "track", rig_track(a, "a", "microphone"), "muted", 1)));
	assert_int_equal(voices(rig, 0), 3);
	rig_result(rig_call(rig, b, "leave", NULL));
	rig_advance(rig, 300);
	assert_int_equal(voices(rig, 0), 2);
	assert_int_equal(there().members, 2);
	// A patient is let in, heard, sent back.
	struct rig_socket *p = rig_join(rig, "p", "patient");
	assert_int_equal(there().members, 2);
	rig_result(rig_call(rig, a, "lobby.admit", json_pack("{s:s}", "participant", "p")));
	assert_non_null(offer_make(rig, p, (struct offer_spec){.lines = LINES}, "0:microphone"));
	rig_advance(rig, 300);
	subscribe(rig, p, "2", rig_track(p, "a", "microphone"));
	subscribe(rig, p, "4", "mix");
	assert_int_equal(there().members, 3);
	assert_int_equal(voices(rig, 0), 3);
	assert_true(held(rig, p, "2"));
	rig_result(rig_call(rig, a, "lobby.return", json_pack("{s:s}", "participant", "p")));
	assert_int_equal(there().members, 2);
	assert_int_equal(voices(rig, 0), 2);
	assert_int_equal(slot_of(rig, p, "4")->track, 0);
	assert_int_equal(rig_code(rig_call(rig, p, "subscribe", subscribe_item("4", "mix"))),
	                 HZ_RPC_NOT_ADMITTED);
	// The one who listens goes.
	rig_result(rig_call(rig, c, "leave", NULL));
	rig_advance(rig, 300);
	assert_int_equal(there().members, 0);
	assert_null(link_at(rig, 0));
}

static void on_two_workers(void **state)
{
	struct rig *rig = *state;
	rig->brain->limits.spread_subscriptions = 2;
	rig_consult(rig, "c1");
	struct rig_socket *a = enter(rig, "a"), *b = enter(rig, "b");
	assert_int_not_equal(worker_of(a), worker_of(b));
	subscribe(rig, b, "4", "mix");
	assert_int_equal(voices(rig, worker_of(a)), 1);
	assert_int_equal(voices(rig, worker_of(b)), 1);
	assert_non_null(track_of(rig, worker_of(b), slot_of(rig, b, "4")->track));
	assert_int_equal(link_at(rig, 0)->consult, link_at(rig, 1)->consult);
	assert_int_equal(there().members, 2);
	assert_int_equal(hz_consult_close(rig->brain, a->conn->participant->consult), 0);
	rig_turn(rig);
	for (unsigned w = 0; w < 2; w++)
		assert_int_equal(worker(rig, w)->peers + worker(rig, w)->tracks + worker(rig, w)->subs, 0);
	assert_int_equal(there().members, 0);
}

static void survives_control(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b;
	(void)listens(rig, &a, &b);
	struct rig_worker before = *rig->worker;
	rig_kill(rig);
	struct rig_worker *now = rig->worker;
	for (unsigned i = 0; i < 16; i++) { // everything is named again; the voices stay held
		assert_int_equal(now->peer[i].peer, before.peer[i].peer);
		assert_int_equal(now->track[i].track, before.track[i].track);
		assert_int_equal(now->track[i].ssrc[0], before.track[i].ssrc[0]); // the mix goes on with it
		assert_int_equal(now->sub[i].sub, before.sub[i].sub);
		assert_int_equal(now->sub[i].ssrc, before.sub[i].ssrc);
		assert_int_equal(now->sub[i].track, before.sub[i].track);
		assert_int_equal(now->sub[i].flags, before.sub[i].flags);
	}
	assert_int_equal(there().members, 3);
	rig_advance(rig, 1000);
	assert_int_equal(there().members, 3);
	// A mix that died meanwhile.
	start_mix();
	rig_turn(rig);
	assert_int_equal(there().members, 3);
	// A worker comes back with nothing.
	rig_forget(rig->worker);
	struct hz_ev_hello hello = {.worker = 0, .incarnation = 2};
	rig_event(rig, &hello, HZ_EV_HELLO, sizeof(hello));
	rig_turn(rig);
	assert_int_equal(voices(rig, 0), 3);
	// Nobody resumes.
	rig_advance(rig, HZ_RESUME_MS + 1000);
	rig_advance(rig, 300);
	assert_int_equal(there().members, 0);
	assert_int_equal(rig->worker->peers + rig->worker->tracks + rig->worker->subs, 0);
}

// What a power cut left of the runtime state is put in order.
static void repairs(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	hz_id track = slot_of(rig, c, "4")->track;
	assert_int_equal(hz_store_media_del(rig->brain->store, 0, HZ_MEDIA_TRACK, track), 0);
	assert_int_equal(hz_store_commit(rig->brain->store), 0);
	rig_kill(rig);
	assert_int_equal(there().members, 3);
	assert_int_equal(voices(rig, 0), 3);
	unsigned shown = 0;
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &rig->worker->sub[i];
		if (s->sub && strcmp(s->mid, "4") == 0 && s->track)
			shown += track_of(rig, 0, s->track)->peer == link_at(rig, 0)->peer;
	}
	assert_int_equal(shown, 1);
}

static void hostile(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	assert_int_equal(rig_code(rig_call(rig, c, "subscribe", subscribe_item("5", "mix"))),
	                 HZ_RPC_INVALID_PARAMS);
	assert_int_equal(rig_code(rig_call(rig, c, "subscribe", subscribe_item("9", "mix"))),
	                 HZ_RPC_NOT_FOUND);
	assert_int_equal(rig_code(rig_call(rig, c, "subscribe", subscribe_item("4", "mixed"))),
	                 HZ_RPC_INVALID_PARAMS);
	// The mix's own track is nobody's to subscribe to or to mute.
	char id[16];
	snprintf(id, sizeof(id), "t%x", slot_of(rig, c, "4")->track);
	assert_int_equal(rig_code(rig_call(rig, a, "subscribe", subscribe_item("4", id))), HZ_RPC_NOT_FOUND);
	assert_int_equal(
	    rig_code(rig_call(rig, a, "track.update", json_pack("{s:s, s:b}", "track", id, "muted", 1))),
	    HZ_RPC_NOT_FOUND);
	char *text = hz_metrics_text(rig->brain, NULL);
	assert_non_null(strstr(text, "huizhen_mix_ready 1"));
	free(text);
}

static void switched_off(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *a, *b, *c = listens(rig, &a, &b);
	assert_true(held(rig, c, "2"));
	hz_brain_free(rig->brain);
	hz_store_rollback(rig->scratch->store);
	rig_drop_sockets(rig);
	rig->mix = 0;
	unsigned skipped = 0;
	assert_int_equal(hz_brain_new(&rig->brain), 0);
	rig->brain->store = scratch_reopen(rig->scratch);
	for (unsigned n = 0; n < 2; n++)
		assert_int_equal(hz_brain_add_worker(rig->brain, NULL), 0);
	hz_brain_clock(rig->brain, rig->now_us, rig->wall_us);
	assert_int_equal(hz_persist_load(rig->brain, &skipped), 0);
	assert_true(skipped > 0); // objects of a mix that there is not
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_slot *slot = rig->brain->worker[0].subs.object[i];
		assert_false(slot && (slot->held || slot->mix || slot->cmd.flags));
	}
}

int main(void)
{
#define MIX_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    MIX_TEST(chosen),           MIX_TEST(back_to_voices),   MIX_TEST(it_dies),
	    MIX_TEST(refused),          MIX_TEST(lobby_mute_leave), MIX_TEST(on_two_workers),
	    MIX_TEST(survives_control), MIX_TEST(repairs),          MIX_TEST(hostile),
	    MIX_TEST(switched_off),     MIX_TEST(one_refused),      MIX_TEST(switched_off_by_its_client),
	    MIX_TEST(removed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

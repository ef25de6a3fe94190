// The lobby: nobody passes it, nobody in it hears, sees or is seen.
#include "tests/unit/session/offers.h"

static char publisher_track[32]; // of the clinic's camera

static void enter(struct rig *rig, struct rig_socket **ret_host, struct rig_socket **ret_patient)
{
	rig_consult(rig, "c1");
	*ret_host = rig_join(rig, "doctor", "clinic");
	offer_both(rig, *ret_host);
	rig_advance(rig, 100);
	*ret_patient = rig_join(rig, "patient", "patient");
	rig_advance(rig, 100);
	snprintf(publisher_track, sizeof(publisher_track), "%s", rig_track(*ret_host, "doctor", "camera"));
}

static void waits(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host, *patient;
	enter(rig, &host, &patient);
	const json_t *you = json_object_get(patient->state, "you");
	assert_string_equal(rig_text(you, "status"), "lobby");
	assert_int_equal(json_integer_value(json_object_get(you, "position")), 1);
	// Only `you` and `consult`: not a word of anybody else.
	assert_null(json_object_get(patient->state, "participants"));
	assert_null(json_object_get(patient->state, "lobby"));
	assert_null(json_object_get(json_object_get(patient->state, "consult"), "recording"));
	char *all = json_dumps(patient->pushes, 0), *joined = json_dumps(patient->answer, 0);
	assert_null(strstr(all, "doctor"));
	assert_null(strstr(joined, "doctor"));
	free(all);
	free(joined);
	// The host is rung, and sees who waits; the others see nothing of it.
	assert_string_equal(rig_text(rig_push(host, "bell"), "participant"), "patient");
	assert_non_null(rig_person(host, "lobby", "patient"));
	assert_null(rig_person(host, "participants", "patient"));
	struct rig_socket *expert = rig_join(rig, "expert", "expert");
	rig_advance(rig, 5000);
	assert_null(json_object_get(expert->state, "lobby"));
	assert_null(rig_person(expert, "participants", "patient"));
	rig_call(rig, host, "hand", json_pack("{s:b}", "raised", 1)); // any change
	rig_advance(rig, 100);
	assert_int_equal(
	    json_integer_value(json_object_get(rig_person(host, "lobby", "patient"), "waiting_s")), 5);
	assert_int_equal(rig_pushes(patient, "bell"), 0);
	assert_int_equal(rig_pushes(patient, "speakers"), 0);
}

static void expect_shut(struct rig *rig, struct rig_socket *patient)
{
	const int code = HZ_RPC_NOT_ADMITTED;
	assert_int_equal(rig_code(rig_call(rig, patient, "offer",
	                                   offer_params((struct offer_spec){.lines = PUBLISH_BOTH},
	                                                "0:microphone 1:camera"))),
	                 code);
	assert_int_equal(rig_code(rig_call(rig, patient, "subscribe", subscribe_item("3", publisher_track))),
	                 code);
	assert_int_equal(
	    rig_code(rig_call(rig, patient, "chat.send", json_pack("{s:s}", "text", "let me in"))), code);
	assert_int_equal(rig_code(rig_call(rig, patient, "hand", json_pack("{s:b}", "raised", 1))), code);
	assert_int_equal(
	    rig_code(rig_call(rig, patient, "stats.get", json_pack("{s:s}", "participant", "doctor"))), code);
	assert_int_equal(
	    rig_code(rig_call(rig, patient, "lobby.admit", json_pack("{s:s}", "participant", "patient"))),
	    code);
	assert_int_equal(rig_code(rig_call(rig, patient, "participant.remove",
	                                   json_pack("{s:s}", "participant", "doctor"))),
	                 code);
	assert_int_equal(rig_code(rig_call(rig, patient, "track.update",
	                                   json_pack("{s:s, s:b}", "track", publisher_track, "muted", 1))),
	                 code);
}

static void shut(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host, *patient;
	enter(rig, &host, &patient);
	expect_shut(rig, patient);
	assert_int_equal(rig->worker->peers, 1); // the host's
	// Not by coming again, not by resuming.
	json_t *key =
	    json_copy(json_object_get(rig_result(rig_join(rig, "patient", "patient")->answer), "resume_key"));
	struct rig_socket *again = rig_open(rig);
	rig_call(rig, again, "join", json_pack("{s:o}", "resume_key", key));
	rig_result(again->answer);
	expect_shut(rig, again);
	// And not by a restart of control.
	rig_kill(rig);
	again = rig_join(rig, "patient", "patient");
	expect_shut(rig, again);
}

static void admitted(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host, *patient;
	enter(rig, &host, &patient);
	rig_result(rig_call(rig, host, "chat.send", json_pack("{s:s}", "text", "hello")));
	assert_int_equal(rig_pushes(patient, "chat"), 0);
	assert_int_equal(
	    rig_code(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "nobody"))),
	    HZ_RPC_NOT_FOUND);
	struct rig_socket *expert = rig_join(rig, "expert", "expert");
	assert_int_equal(
	    rig_code(rig_call(rig, expert, "lobby.admit", json_pack("{s:s}", "participant", "patient"))),
	    HZ_RPC_NOT_ALLOWED);
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "patient")));
	rig_result(rig_call(rig, host, "lobby.admit",
	                    json_pack("{s:s}", "participant", "patient"))); // twice is once
	rig_advance(rig, 100);
	assert_string_equal(rig_text(json_object_get(patient->state, "you"), "status"), "admitted");
	assert_non_null(rig_person(patient, "participants", "doctor"));
	assert_string_equal(rig_text(rig_push(patient, "chat"), "text"), "hello"); // what was said before
	offer_both(rig, patient);
	rig_result(rig_call(rig, patient, "subscribe", subscribe_item("3", publisher_track)));
	assert_int_equal(rig->brain->count.admissions, 1);
	// Whoever leaves waits again.
	rig_result(rig_call(rig, patient, "leave", NULL));
	patient = rig_join(rig, "patient", "patient");
	rig_advance(rig, 100);
	assert_string_equal(rig_text(json_object_get(patient->state, "you"), "status"), "lobby");
}

static void away_keeps_admission(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host, *patient;
	enter(rig, &host, &patient);
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "patient")));
	rig_lose(rig, patient);
	rig_advance(rig, 1000);
	patient = rig_join(rig, "patient", "patient"); // a reload without its resume key
	rig_advance(rig, 100);
	assert_string_equal(rig_text(json_object_get(patient->state, "you"), "status"), "admitted");
}

// How many of the worker's slots show a track of this peer, or belong to it and show anything.
static unsigned lively(const struct rig *rig, hz_id peer)
{
	unsigned count = 0;
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *sub = &rig->worker->sub[i];
		const struct hz_cmd_track_set *track =
		    &rig->worker->track[HZ_ID_SLOT(sub->track) % HZ_MAX_TRACKS];
		count += sub->sub && sub->track && (sub->peer == peer || track->peer == peer);
	}
	return count;
}

static void sent_back(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host, *patient;
	enter(rig, &host, &patient);
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "patient")));
	offer_both(rig, patient);
	rig_advance(rig, 100);
	const char *shown = rig_track(host, "patient", "camera");
	rig_result(rig_call(rig, host, "subscribe", subscribe_item("3", shown)));
	rig_result(rig_call(rig, patient, "subscribe", subscribe_item("3", publisher_track)));
	hz_id peer = patient->conn->participant->peers->id;
	assert_int_equal(lively(rig, peer), 2);
	char *track = strdup(shown);
	rig_result(rig_call(rig, host, "lobby.return", json_pack("{s:s}", "participant", "patient")));
	// At once, at the worker.
	assert_true(rig->worker->peer[HZ_ID_SLOT(peer)].flags & HZ_PEER_MUTED);
	assert_int_equal(lively(rig, peer), 0);
	rig_advance(rig, 100);
	assert_null(rig_person(host, "participants", "patient"));
	assert_null(json_object_get(patient->state, "participants"));
	expect_shut(rig, patient);
	assert_int_equal(rig_code(rig_call(rig, host, "subscribe", subscribe_item("3", track))),
	                 HZ_RPC_NOT_FOUND);
	assert_int_equal(rig_code(rig_call(rig, host, "track.update",
	                                   json_pack("{s:s, s:b}", "track", track, "muted", 1))),
	                 HZ_RPC_NOT_FOUND);
	// Still so after control was killed.
	rig_kill(rig);
	assert_true(rig->worker->peer[HZ_ID_SLOT(peer)].flags & HZ_PEER_MUTED);
	assert_int_equal(lively(rig, peer), 0);
	host = rig_join(rig, "doctor", "clinic");
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "patient")));
	assert_false(rig->worker->peer[HZ_ID_SLOT(peer)].flags & HZ_PEER_MUTED);
	assert_int_equal(
	    rig_code(rig_call(rig, host, "lobby.return", json_pack("{s:s}", "participant", "doctor"))),
	    HZ_RPC_NOT_ALLOWED); // whose role does not wait
	free(track);
}

static void queue(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	struct rig_socket *a = rig_join(rig, "a", "patient");
	rig_advance(rig, 1000);
	struct rig_socket *b = rig_join(rig, "b", "companion");
	rig_advance(rig, 1000);
	struct rig_socket *c = rig_join(rig, "c", "interpreter");
	rig_advance(rig, 1000);
	assert_int_equal(rig_pushes(host, "bell"), 3);
#define POSITION(s) json_integer_value(json_object_get(json_object_get((s)->state, "you"), "position"))
	assert_int_equal(POSITION(a), 1);
	assert_int_equal(POSITION(b), 2);
	assert_int_equal(POSITION(c), 3);
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "a")));
	rig_advance(rig, 100);
	assert_int_equal(POSITION(a), 0);
	assert_int_equal(POSITION(b), 1);
	rig_result(rig_call(rig, host, "lobby.return", json_pack("{s:s}", "participant", "a")));
	rig_advance(rig, 100);
	assert_int_equal(POSITION(a), 3); // at the end
	rig_kill(rig);                    // the order outlives control
	host = rig_join(rig, "doctor", "clinic");
	rig_advance(rig, 100);
	const json_t *lobby = json_object_get(host->state, "lobby");
	assert_int_equal(json_array_size(lobby), 3);
	assert_string_equal(rig_text(json_array_get(lobby, 0), "id"), "b");
	assert_string_equal(rig_text(json_array_get(lobby, 2), "id"), "a");
	assert_string_equal(rig_text(json_array_get(lobby, 0), "status"), "away");
}

static void speakers(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host, *patient;
	enter(rig, &host, &patient);
	const struct hz_peer *peer = host->conn->participant->peers;
	struct hz_ev_speakers ev = {
	    .consult = peer->cmd.consult, .count = 3, .peer = {peer->id, peer->id, 12345}};
	rig_event(rig, &ev, HZ_EV_SPEAKERS, sizeof(ev));
	ev.consult++;
	rig_event(rig, &ev, HZ_EV_SPEAKERS, sizeof(ev)); // of nobody
	rig_turn(rig);
	assert_int_equal(rig_pushes(host, "speakers"), 1);
	assert_int_equal(json_array_size(json_object_get(rig_push(host, "speakers"), "ids")), 1);
	assert_int_equal(rig_pushes(patient, "speakers"), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(waits), T(shut), T(admitted), T(away_keeps_admission), T(sent_back), T(queue), T(speakers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

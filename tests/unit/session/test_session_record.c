// The write barrier: nobody's track is marked before that person's consent is in the store, the recorder has confirmed
// the track, and nothing speaks against it; and what is taken back is taken back at the worker first.
#include "tests/unit/session/record_rig.h"

static void barrier(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	unsigned all = 0;
	assert_int_equal(marked(rig, "doctor", &all), 0); // consent alone records nobody
	assert_int_equal(all, 2);
	assert_string_equal(sign(host), "off");
	fake_recorder.silent = true;
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
	assert_string_equal(sign(host), "starting"); // the recorder has confirmed nothing
	assert_int_equal(fake_recorder.track_opens, 0);
	fake_recorder.silent = false;
	hz_record_link_read(rig->brain->recorder);
	fake_recorder.silent = true;
	rig_advance(rig, 1000);
	assert_string_equal(sign(host), "on");
	assert_true(json_is_true(json_object_get(json_object_get(host->state, "consult"), "recording")));
	assert_int_equal(fake_recorder.track_opens, 2); // asked for, not confirmed: no mark
	assert_int_equal(marked(rig, "doctor", NULL), 0);
	fake_recorder.silent = false;
	rig_advance(rig, 100);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	// The journal has the consent before it has the tracks.
	json_t *event = NULL;
	assert_int_equal(fake_events(fake_record_newest(), "consent", "doctor", &event), 1);
	const json_t *detail = json_object_get(event, "detail");
	assert_string_equal(rig_text(detail, "state"), "given");
	assert_string_equal(rig_text(detail, "wording"), "huizhen-1");
	assert_int_equal(strlen(rig_text(detail, "wording_sha256")), 64);
	assert_true(json_integer_value(json_object_get(detail, "said_ms")) > 1700000000000);
	const struct fake_track *camera = fake_track_of(fake_record_newest(), "doctor", "camera");
	assert_string_equal(rig_text(camera->text, "kind"), "video");
	assert_string_equal(rig_text(json_array_get(json_object_get(camera->text, "pts"), 0), "codec"),
	                    "h264");
	assert_int_equal(fake_recorder.gaps, 0);
}

static void refused(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	struct rig_socket *no = join_saying(rig, "expert", "expert", false);
	struct rig_socket *unasked = rig_join(rig, "expert2", "expert");
	offer_both(rig, no);
	offer_both(rig, unasked);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	assert_int_equal(marked(rig, "expert", NULL), 0);
	assert_int_equal(marked(rig, "expert2", NULL), 0);
	assert_null(fake_track_of(fake_record_newest(), "expert", "camera"));
	// Everybody is told, hosts see of whom nothing is recorded, others do not see who said what.
	assert_string_equal(sign(no), "on");
	assert_string_equal(rig_text(rig_person(host, "participants", "expert"), "consent"), "refused");
	assert_string_equal(rig_text(json_object_get(no->state, "you"), "consent"), "refused");
	assert_string_equal(rig_text(json_object_get(unasked->state, "you"), "consent"), "none");
	struct rig_socket *watcher = rig_join(rig, "student", "student");
	rig_advance(rig, 100);
	assert_null(json_object_get(rig_person(watcher, "participants", "expert"), "consent"));
	assert_string_equal(rig_text(rig_person(watcher, "participants", "student"), "consent"), "none");
	// Chat of those who did not consent stays out of it.
	rig_result(rig_call(rig, no, "chat.send", json_pack("{s:s}", "text", "not this")));
	rig_result(rig_call(rig, host, "chat.send", json_pack("{s:s}", "text", "but this")));
	rig_advance(rig, 100);
	assert_int_equal(fake_events(fake_record_newest(), "chat", NULL, NULL), 1);
	assert_int_equal(fake_events(fake_record_newest(), "chat", "doctor", NULL), 1);
	// Whoever says yes later is recorded from then on.
	rig_result(rig_call(rig, unasked, "consent.set", yes(true)));
	rig_advance(rig, 100);
	assert_int_equal(marked(rig, "expert2", NULL), 2);
	assert_int_equal(marked(rig, "expert", NULL), 0);
}

static void withdrawn(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	struct fake_track before = *fake_track_of(fake_record_newest(), "doctor", "camera");
	char *key = strdup(rig_text(before.text, "key"));
	assert_string_equal(rig_text(rig_result(rig_call(rig, host, "consent.set", yes(false))), "consent"),
	                    "withdrawn");
	assert_int_equal(marked(rig, "doctor", NULL), 0); // in the same turn
	const struct fake_track *after = fake_track_of(fake_record_newest(), "doctor", "camera");
	assert_false(after->open);
	assert_true(after->discarded);
	rig_advance(rig, 20000);
	assert_int_equal(marked(rig, "doctor", NULL), 0);
	assert_string_equal(sign(host), "on");
	// Yes again: another journal track, so that the first can be erased by itself.
	rig_result(rig_call(rig, host, "consent.set", yes(true)));
	rig_advance(rig, 100);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	assert_string_not_equal(
	    rig_text(fake_track_of(fake_record_newest(), "doctor", "camera")->text, "key"), key);
	free(key);
	assert_int_equal(fake_recorder.gaps, 0);
}

// The worker has the mark cleared before the store was asked, even when the store takes nothing.
static void withdrawn_without_a_store(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
	char path[128];
	snprintf(path, sizeof(path), "%s/huizhen.db", rig->scratch->dir);
	hz_store_close(rig->scratch->store);
	rig->scratch->store = NULL;
	char error[HZ_STORE_ERROR_BYTES];
	assert_int_equal(hz_store_open(rig->scratch->dir, error, &rig->scratch->store), 0);
	rig->brain->store = rig->scratch->store;
	struct hz_store *other = NULL; // holds the write lock
	assert_int_equal(hz_store_open(rig->scratch->dir, error, &other), 0);
	assert_int_equal(hz_store_subject_put(other, "x", "{}"), 0);
	rig_call(rig, host, "consent.set", yes(false)); // waits 5 s for the lock
	assert_int_equal(marked(rig, "doctor", NULL), 0);
	hz_store_rollback(other);
	hz_store_close(other);
	rig_advance(rig, 6000); // tried again
	rig_advance(rig, 6000);
	rig_kill(rig);
	assert_int_equal(marked(rig, "doctor", NULL), 0);
}

static void muted(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
	unsigned opens = fake_recorder.track_opens;
	const char *mic = rig_track(host, "doctor", "microphone");
	rig_result(rig_call(rig, host, "track.update", json_pack("{s:s, s:b}", "track", mic, "muted", 1)));
	assert_int_equal(marked(rig, "doctor", NULL), 1);
	rig_advance(rig, 1000);
	rig_result(rig_call(rig, host, "track.update", json_pack("{s:s, s:b}", "track", mic, "muted", 0)));
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	rig_advance(rig, 1000);
	assert_int_equal(fake_recorder.track_opens, opens); // the same journal track
	json_t *event = NULL;
	assert_int_equal(fake_events(fake_record_newest(), "mute", "doctor", NULL), 1);
	assert_int_equal(fake_events(fake_record_newest(), "unmute", "doctor", &event), 1);
	assert_string_equal(rig_text(json_object_get(event, "detail"), "source"), "microphone");
}

static void lobby(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	struct rig_socket *patient = join_saying(rig, "patient", "patient", true);
	rig_advance(rig, 100);
	assert_string_equal(sign(patient), "on"); // told before it is let in; no more than that
	const json_t *record = json_object_get(json_object_get(patient->state, "consult"), "record");
	assert_null(json_object_get(record, "id"));
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "patient")));
	offer_both(rig, patient);
	rig_advance(rig, 100);
	assert_int_equal(marked(rig, "patient", NULL), 2);
	unsigned opens = fake_recorder.track_opens;
	rig_result(rig_call(rig, host, "lobby.return", json_pack("{s:s}", "participant", "patient")));
	assert_int_equal(marked(rig, "patient", NULL), 0);
	rig_result(rig_call(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "patient")));
	rig_advance(rig, 100);
	assert_int_equal(marked(rig, "patient", NULL), 2);
	assert_int_equal(fake_recorder.track_opens, opens);
	assert_int_equal(fake_events(fake_record_newest(), "join", "patient", NULL), 2);
	assert_int_equal(fake_events(fake_record_newest(), "leave", "patient", NULL), 1);
}

static void stop(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	struct rig_socket *watcher = rig_join(rig, "student", "student");
	assert_int_equal(rig_code(rig_call(rig, watcher, "record.start", NULL)), HZ_RPC_NOT_ALLOWED);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_result(rig_call(rig, host, "record.start", NULL)); // runs already
	rig_advance(rig, 1000);
	assert_int_equal(fake_recorder.records, 1);
	assert_int_equal(rig_code(rig_call(rig, watcher, "record.stop", NULL)), HZ_RPC_NOT_ALLOWED);
	rig_result(rig_call(rig, host, "record.stop", NULL));
	assert_int_equal(marked(rig, "doctor", NULL), 0);
	rig_advance(rig, 100);
	assert_true(fake_record_newest()->closed);
	assert_string_equal(sign(host), "off");
	json_t *event = NULL;
	assert_int_equal(fake_events(fake_record_newest(), "recording", NULL, &event), 2);
	assert_string_equal(rig_text(json_object_get(event, "detail"), "state"), "off");
	assert_int_equal(rig->brain->record_events, 0);
	assert_int_equal(hz_map_count(rig->brain->records), 0);
	rig_result(rig_call(rig, host, "record.start", NULL)); // the next stretch is another record
	rig_advance(rig, 100);
	assert_int_equal(fake_recorder.records, 2);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	// The last one leaves: it is over.
	rig_call(rig, host, "leave", NULL);
	rig_call(rig, watcher, "leave", NULL);
	rig_advance(rig, 100);
	assert_true(fake_record_newest()->closed);
	assert_int_equal(fake_recorder.gaps, 0);
}

static void automatic(void **state)
{
	struct rig *rig = *state;
	const char *token = rig_sign(rig, (struct rig_token){.sub = "doctor",
	                                                     .role = "clinic",
	                                                     .create = true,
	                                                     .record = HZ_RECORD_AUTOMATIC,
	                                                     .consent = true});
	struct rig_socket *host = rig_join_with(rig, token);
	rig_result(host->answer);
	rig_advance(rig, 1000);
	assert_string_equal(sign(host), "off");
	assert_string_equal(rig_text(json_object_get(host->state, "you"), "consent"), "given"); // the claim
	struct rig_socket *expert = join_saying(rig, "expert", "expert", false);
	rig_advance(rig, 100);
	assert_string_equal(sign(host), "on");
	rig_result(rig_call(rig, host, "record.stop", NULL));
	rig_advance(rig, 20000);
	assert_string_equal(sign(host), "off"); // stopped by hand it stays so
	rig_kill(rig);
	rig_advance(rig, 10000);
	assert_int_equal(fake_recorder.records, 1);
	rig_advance(rig, 70000); // everybody was away too long
	host = join_saying(rig, "doctor", "clinic", true);
	expert = join_saying(rig, "expert", "expert", false);
	rig_advance(rig, 100);
	assert_int_equal(fake_recorder.records, 2);
	(void)expert;
}

// Nobody who consents: nothing begins by itself.
static void on_from_the_first(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	assert_int_equal(
	    hz_consult_set_wish(rig->brain, hz_map_get(rig->brain->consults, "c1"), HZ_RECORD_ON), 0);
	struct rig_socket *host = join_saying(rig, "doctor", "clinic", false);
	rig_advance(rig, 6000);
	assert_string_equal(sign(host), "off");
	assert_int_equal(fake_recorder.records, 0);
	rig_result(rig_call(rig, host, "consent.set", yes(true)));
	rig_advance(rig, 100);
	assert_string_equal(sign(host), "on");
}

// A token may vouch for a consent, but not against what the person said here.
static void claim(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = join_saying(rig, "doctor", "clinic", false);
	rig_call(rig, host, "leave", NULL);
	host = rig_join_with(
	    rig, rig_sign(rig, (struct rig_token){.sub = "doctor", .role = "clinic", .consent = true}));
	rig_result(host->answer);
	rig_advance(rig, 100);
	assert_string_equal(rig_text(json_object_get(host->state, "you"), "consent"), "refused");
	struct rig_socket *theatre = rig_join_with(
	    rig, rig_sign(rig, (struct rig_token){.sub = "or1", .role = "theatre", .consent = true}));
	rig_advance(rig, 100);
	assert_string_equal(rig_text(json_object_get(theatre->state, "you"), "consent"), "given");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(barrier), T(refused), T(withdrawn), T(withdrawn_without_a_store), T(muted),
	    T(lobby),   T(stop),    T(automatic), T(on_from_the_first),         T(claim)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

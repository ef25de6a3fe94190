// A record over the death of anybody, damage, floods and full journals; and what it says of all that.
#include "tests/unit/session/record_rig.h"

static void record(struct rig *rig, struct rig_socket *host)
{
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
}

// The doctor has agreed and is recorded. Returns the doctor's socket.
static struct rig_socket *recorded_room(struct rig *rig)
{
	struct rig_socket *host = room(rig, true);
	record(rig, host);
	return host;
}

// And an expert who has not. ret_no: NULL allowed.
static struct rig_socket *recorded_beside(struct rig *rig, struct rig_socket **ret_no)
{
	struct rig_socket *host = room(rig, true);
	struct rig_socket *no = join_saying(rig, "expert", "expert", false);
	offer_both(rig, no);
	record(rig, host);
	if (ret_no)
		*ret_no = no;
	return host;
}

static void control_dies(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = recorded_beside(rig, NULL);
	uint64_t newest = fake_record_newest()->newest;
	fake_recorder.silent = true; // ACKs are lost with control
	rig_result(rig_call(rig, host, "chat.send", json_pack("{s:s}", "text", "one")));
	rig_advance(rig, 100);
	assert_int_equal(fake_record_newest()->newest, newest + 1);
	fake_recorder.room = 1; // and these never reached the recorder
	rig_result(rig_call(rig, host, "chat.send", json_pack("{s:s}", "text", "two")));
	rig_result(rig_call(rig, host, "chat.send", json_pack("{s:s}", "text", "three")));
	assert_int_equal(fake_record_newest()->newest, newest + 1);
	fake_recorder.silent = false;
	fake_recorder.room = 0;
	rig_kill(rig);
	rig_advance(rig, 100);
	assert_int_equal(fake_recorder.records, 1);
	assert_int_equal(fake_events(fake_record_newest(), "chat", "doctor", NULL), 3);
	assert_int_equal(fake_recorder.gaps, 0);
	assert_int_equal(rig->brain->record_events, 0);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	assert_int_equal(marked(rig, "expert", NULL), 0);
	assert_int_equal(fake_record_newest()->tracks, 2); // the same journal tracks
	rig_advance(rig, 70000);                           // nobody came back: it ends
	assert_true(fake_record_newest()->closed);
}

// It dies between taking the consent back and anything else.
static void control_dies_at_withdrawal(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = recorded_room(rig);
	rig_result(rig_call(rig, host, "consent.set", yes(false)));
	// What the worker knows is older than what the store knows.
	for (unsigned i = 0; i < HZ_MAX_TRACKS; i++)
		rig->worker->track[i].flags |= rig->worker->track[i].track ? HZ_TRACK_TAP : 0;
	rig_kill(rig);
	assert_int_equal(marked(rig, "doctor", NULL), 0);
	rig_advance(rig, 5000);
	assert_int_equal(marked(rig, "doctor", NULL), 0);
}

static void worker_dies(void **state)
{
	struct rig *rig = *state;
	(void)recorded_beside(rig, NULL);
	unsigned opens = fake_recorder.track_opens;
	rig_forget(rig->worker);
	struct hz_ev_hello hello = {.incarnation = 2};
	rig_event(rig, &hello, HZ_EV_HELLO, sizeof(hello));
	assert_int_equal(hz_media_link_read(rig->brain->worker[0].link), 0);
	rig_advance(rig, 100);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	assert_int_equal(marked(rig, "expert", NULL), 0);
	assert_int_equal(fake_recorder.track_opens, opens);
}

// What it had not written is missing: pictures go on with a keyframe.
static void recorder_dies(void **state)
{
	struct rig *rig = *state;
	(void)recorded_room(rig);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	assert_int_equal(rig->worker->keyframes, 0); // a mark asks by itself
	fake_say_tracks(rig->brain->recorder, fake_record_newest());
	rig_advance(rig, 100);
	assert_int_equal(rig->worker->keyframes, 1); // of the camera, not of the microphone
	assert_int_equal(marked(rig, "doctor", NULL), 2);
}

// The sign says what is, and everybody is told why.
static void honest(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	struct rig_socket *watcher = rig_join(rig, "student", "student");
	record(rig, host);
	struct hz_record_link *link = rig->brain->recorder;
	const char *id = fake_record_newest()->id;
	static const struct {
		int state, disk, ready;
		const char *sign, *problem;
	} said[] = {
	    {HZ_REC_RUNNING, HZ_REC_DISK_SLOW, 1, "on", "slow"},
	    {HZ_REC_RUNNING, HZ_REC_DISK_LOW, 1, "on", "low"},
	    {HZ_REC_LOSING, HZ_REC_DISK_LOW, 1, "on", "losing"},
	    {HZ_REC_STOPPED, HZ_REC_DISK_FULL, 1, "interrupted", "full"},
	    {HZ_REC_STOPPED, HZ_REC_DISK_GOOD, 1, "interrupted", "stopped"},
	    {HZ_REC_RUNNING, HZ_REC_DISK_GOOD, 0, "interrupted", "away"},
	    {HZ_REC_RUNNING, HZ_REC_DISK_GOOD, 1, "on", ""},
	};
	for (unsigned i = 0; i < sizeof(said) / sizeof(*said); i++) {
		fake_say_ready(link, said[i].ready);
		fake_say_disk(link, (enum hz_rec_disk)said[i].disk);
		fake_say_state(link, id, (enum hz_rec_state)said[i].state);
		rig_advance(rig, 100);
		assert_string_equal(sign(host), said[i].sign);
		assert_string_equal(sign(watcher), said[i].sign);
		assert_string_equal(problem(host), said[i].problem);
		assert_string_equal(problem(watcher), said[i].problem); // announced to the room
		char line[64], *text = hz_metrics_text(rig->brain, &(struct hz_server_counters){0});
		snprintf(line, sizeof(line), "\nhuizhen_recorder_disk %d\n", said[i].disk);
		assert_non_null(strstr(text, line)); // and to metrics
		free(text);
	}
	// It was closed behind our back: another one begins.
	fake_record_newest()->closed = true;
	fake_say_state(link, id, HZ_REC_CLOSED);
	rig_advance(rig, 100);
	assert_int_equal(fake_recorder.records, 2);
	assert_string_equal(sign(host), "on");
	assert_int_equal(marked(rig, "doctor", NULL), 2);
}

// Its journal cannot be gone on with, after a crash of the recorder or of the disk: what is said from now on is in another.
static void damaged(void **state)
{
	struct rig *rig = *state;
	(void)recorded_room(rig);
	fake_recorder.open_err = -ENOSPC; // passes: it is the same record
	rig_kill(rig);
	rig_advance(rig, 100);
	assert_int_equal(marked(rig, "doctor", NULL), 0);
	fake_recorder.open_err = 0;
	rig_advance(rig, 6000);
	rig_advance(rig, 100);
	assert_int_equal(fake_recorder.records, 1);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	unsigned opens = fake_recorder.opens;
	fake_recorder.open_err = -EBADMSG;
	rig_kill(rig);
	rig_advance(rig, 100);
	assert_in_range(fake_recorder.opens, opens + 2, opens + 3); // and not for ever
	fake_recorder.open_err = 0;
	rig_advance(rig, 6000);
	rig_advance(rig, 100);
	assert_int_equal(fake_recorder.records, 2);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	assert_int_equal(fake_events(fake_record_newest(), "consent", "doctor", NULL), 1);
}

// Long before a journal has no number left for a track, the next record begins.
static void full_of_tracks(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = recorded_room(rig);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	consult->record->tracks = HZ_REC_MAX_KEYS;
	rig_advance(rig, 1000);
	rig_advance(rig, 100);
	assert_int_equal(fake_recorder.records, 2);
	assert_true(fake_recorder.record[0].closed);
	assert_false(fake_recorder.record[1].closed);
	assert_int_equal(marked(rig, "doctor", NULL), 2);
	assert_string_equal(sign(host), "on");
}

// The recorder is away, and somebody fills what waits for it: there is room left for consents.
static void floods(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	struct rig_socket *other = rig_join(rig, "expert", "expert");
	record(rig, host);
	fake_recorder.silent = true;
	uint32_t waiting = rig->brain->record_events;
	rig->brain->record_events = waiting + 60000;
	rig_result(rig_call(rig, host, "chat.send", json_pack("{s:s}", "text", "and again")));
	rig_result(rig_call(rig, other, "consent.set", yes(true)));
	rig->brain->record_events -= 60000;
	fake_recorder.silent = false;
	rig_advance(rig, 100);
	rig_advance(rig, 100);
	assert_int_equal(fake_events(fake_record_newest(), "chat", "doctor", NULL), 0);
	assert_int_equal(fake_events(fake_record_newest(), "consent", "expert", NULL), 1);
}

// What happens in the room is in the journal, in order; of people, what they agreed to.
static void told(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *no = NULL;
	struct rig_socket *host = recorded_beside(rig, &no);
	const struct fake_record *record = fake_record_newest();
	for (unsigned i = 0; i < 2; i++) {
		const struct hz_peer *peer = (i ? no : host)->conn->participant->peers;
		const struct hz_track *camera = peer->tracks;
		while (camera && camera->kind != HZ_KIND_VIDEO)
			camera = camera->next;
		assert_non_null(camera);
		struct hz_ev_track_state layers = {
		    .track = camera->id, .active = 1, .codec = camera->codec, .layers = 5};
		rig_event(rig, &layers, HZ_EV_TRACK_STATE, sizeof(layers));
		struct hz_ev_speakers speakers = {.consult = peer->owner->consult->number, .count = 1};
		speakers.peer[0] = peer->id;
		rig_event(rig, &speakers, HZ_EV_SPEAKERS, sizeof(speakers));
		rig_turn(rig);
		rig_advance(rig, 2000);
	}
	rig_result(rig_call(rig, host, "chat.send", json_pack("{s:s}", "text", "look here")));
	rig_result(rig_call(rig, no, "leave", NULL));
	rig_advance(rig, 100);
	json_t *event = NULL;
	assert_int_equal(fake_events(record, "recording", "doctor", NULL), 1);
	assert_int_equal(fake_events(record, "join", NULL, NULL), 2); // that they were there
	assert_int_equal(fake_events(record, "consent", NULL, NULL), 2);
	assert_int_equal(fake_events(record, "leave", "expert", NULL), 1);
	assert_int_equal(fake_events(record, "layer", NULL, NULL), 1);
	assert_int_equal(fake_events(record, "layer", "doctor", &event), 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(event, "detail"), "layers")), 5);
	assert_true(fake_events(record, "speaker", "doctor", NULL) >= 1);
	assert_int_equal(fake_events(record, "speaker", "expert", NULL), 0);
	assert_int_equal(fake_events(record, "chat", "doctor", &event), 1);
	assert_string_equal(rig_text(json_object_get(event, "detail"), "text"), "look here");
	assert_int_equal(fake_recorder.gaps, 0);
}

// For the certificate: each one's connection, every 10 s while the record runs.
static void quality(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	(void)join_saying(rig, "expert", "expert", true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	for (unsigned i = 0; i < 61; i++)
		rig_advance(rig, 1000);
	static const char *const who[] = {"doctor", "expert"};
	for (unsigned i = 0; i < 2; i++) {
		json_t *event = NULL;
		assert_in_range(fake_events(fake_record_newest(), "quality", who[i], &event), 6, 7);
		assert_true(json_is_object(json_object_get(event, "detail")));
	}
}

static void no_recorder(void **state)
{
	struct rig *rig = *state;
	rig->recorder = false;
	rig_kill(rig);
	struct rig_socket *host = room(rig, true);
	assert_int_equal(rig_code(rig_call(rig, host, "record.start", NULL)), HZ_RPC_FAILED);
	assert_string_equal(sign(host), "off");
	rig_advance(rig, 6000);
	assert_int_equal(marked(rig, "doctor", NULL), 0);
}

static void layout(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	struct rig_socket *watcher = rig_join(rig, "student", "student");
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 11000);
	const char *camera = rig_track(host, "doctor", "camera");
	json_t *params = json_pack("{s:s, s:s, s:b}", "mode", "speaker", "main", camera, "pinned", 1),
	       *event = NULL;
	assert_int_equal(rig_code(rig_call(rig, watcher, "layout.report", json_incref(params))),
	                 HZ_RPC_NOT_ALLOWED);
	rig_result(rig_call(rig, host, "layout.report", params));
	rig_result(rig_call(rig, host, "layout.report",
	                    json_pack("{s:s, s:n, s:b}", "mode", "grid", "main", "pinned", 0)));
	rig_advance(rig, 100);
	assert_int_equal(fake_events(fake_record_newest(), "layout", "doctor", &event), 2);
	assert_string_equal(rig_text(json_object_get(event, "detail"), "mode"), "grid");
	assert_int_equal(fake_events(fake_record_newest(), "quality", "doctor", &event), 1);
	assert_string_equal(rig_text(json_object_get(event, "detail"), "quality"), "good");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(control_dies),   T(control_dies_at_withdrawal),
	                                   T(worker_dies),    T(recorder_dies),
	                                   T(honest),         T(damaged),
	                                   T(full_of_tracks), T(floods),
	                                   T(told),           T(no_recorder),
	                                   T(quality),        T(layout)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

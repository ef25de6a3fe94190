// The write barrier: nobody's track is marked before that person's consent is in the store, the recorder has confirmed
// the track, and nothing speaks against it; and what is taken back is taken back at the worker first.
#include "gateway/session/metrics.h"
#include "gateway/store/records.h"
#include "tests/unit/session/offers.h"

static int setup(void **state)
{
	rig_setup(state);
	struct rig *rig = *state;
	rig->recorder = true;
	rig_kill(rig);
	return 0;
}

static json_t *yes(bool given)
{
	return json_pack("{s:b, s:s, s:s}", "given", given, "wording", "huizhen-1", "language", "zh-CN");
}

static struct rig_socket *join_saying(struct rig *rig, const char *sub, const char *role, bool given)
{
	struct rig_socket *s = rig_open(rig);
	rig_call(rig, s, "join",
	         json_pack("{s:s, s:o}", "token", rig_sign(rig, (struct rig_token){.sub = sub, .role = role}),
	                   "consent", yes(given)));
	rig_result(s->answer);
	return s;
}

// How many of somebody's tracks are marked at the worker, and how many there are.
static unsigned marked(struct rig *rig, const char *sub, unsigned *ret_all)
{
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	const struct hz_participant *p = hz_participant_find(consult, sub);
	unsigned count = 0, all = 0;
	for (struct hz_peer *peer = p ? p->peers : NULL; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next) {
			const struct hz_cmd_track_set *at = &rig->worker->track[HZ_ID_SLOT(track->id)];
			assert_int_equal(at->track, track->id);
			count += (at->flags & HZ_TRACK_TAP) != 0;
			all++;
		}
	}
	if (ret_all)
		*ret_all = all;
	return count;
}

static const char *sign(const struct rig_socket *s)
{
	return rig_text(json_object_get(json_object_get(s->state, "consult"), "record"), "state");
}

static const char *problem(const struct rig_socket *s)
{
	return rig_text(json_object_get(json_object_get(s->state, "consult"), "record"), "problem");
}

static struct rig_socket *room(struct rig *rig, bool given)
{
	rig_consult(rig, "c1");
	struct rig_socket *host = join_saying(rig, "doctor", "clinic", given);
	offer_both(rig, host);
	rig_advance(rig, 100);
	return host;
}

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

// --- whoever dies

static void control_dies(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *host = room(rig, true);
	struct rig_socket *no = join_saying(rig, "expert", "expert", false);
	offer_both(rig, no);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	struct rig_socket *host = room(rig, true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	struct rig_socket *host = room(rig, true);
	struct rig_socket *no = join_saying(rig, "expert", "expert", false);
	offer_both(rig, no);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	struct rig_socket *host = room(rig, true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	struct rig_socket *host = room(rig, true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	struct rig_socket *host = room(rig, true);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	struct rig_socket *host = room(rig, true);
	struct rig_socket *no = join_saying(rig, "expert", "expert", false);
	offer_both(rig, no);
	rig_result(rig_call(rig, host, "record.start", NULL));
	rig_advance(rig, 1000);
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
	const struct CMUnitTest tests[] = {T(barrier),
	                                   T(refused),
	                                   T(withdrawn),
	                                   T(withdrawn_without_a_store),
	                                   T(muted),
	                                   T(lobby),
	                                   T(stop),
	                                   T(automatic),
	                                   T(on_from_the_first),
	                                   T(claim),
	                                   T(control_dies),
	                                   T(control_dies_at_withdrawal),
	                                   T(worker_dies),
	                                   T(recorder_dies),
	                                   T(honest),
	                                   T(damaged),
	                                   T(full_of_tracks),
	                                   T(floods),
	                                   T(told),
	                                   T(no_recorder),
	                                   T(layout)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

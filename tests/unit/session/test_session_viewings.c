// Every viewing of a record is written down first; and records that come, go and come back.
#include "recorder/record/viewing.h"
#include "tests/unit/session/replay_rig.h"

static unsigned audit_files(struct shelf *s)
{
	char folder[HZ_RECORD_PATH_BYTES], path[1200];
	unsigned count = 0;
	assert_int_equal(hz_record_folder(s->dir, R1, T0, folder), 0);
	for (unsigned n = 1; n < 50; n++) {
		snprintf(path, sizeof(path), "%s/audit/%010u.json", folder, n);
		count += access(path, R_OK) == 0;
	}
	return count;
}

// What the archive hears: a note each, named after number and record.
static unsigned notes(struct shelf *s)
{
	char path[1200];
	unsigned count = 0;
	for (unsigned n = 1; n < 50; n++) {
		snprintf(path, sizeof(path), "%s/viewings/%010u-" R1, s->dir, n);
		count += access(path, R_OK) == 0;
	}
	return count;
}

static void audit(void **state)
{
	struct shelf *s = *state;
	char doctor[4096], root[4096], cookie[300], view[40], path[1200], folder[HZ_RECORD_PATH_BYTES];
	snprintf(doctor, sizeof(doctor), "%s", token_of(s, "doc", "clinic", "c1"));
	snprintf(root, sizeof(root), "%s", token_of(s, "root", "admin", ""));
	get(s, API R1, doctor); // its state alone is no viewing
	assert_int_equal(audit_files(s), 0);
	open_view(s, doctor, cookie, view);
	assert_int_equal(audit_files(s), 1);
	for (unsigned i = 0; i < 5; i++) {
		with_pass(s, API R1 "/files/" MP4, cookie, "bytes=0-9");
		with_pass(s, API R1 "/files/poster.jpg", cookie, NULL);
		with_pass(s, API R1 "/files/none.mp4", cookie, NULL);
		web_ask(s->rig,
		        (struct web_ask){
		            .method = HZ_GET, .path = API R1 "/manifest", .token = doctor, .cookie = cookie});
	}
	assert_int_equal(audit_files(s), 3); // the opening, and each file once
	for (unsigned i = 0; i < 3; i++)
		get(s, API R1 "/manifest", doctor); // without the page: by the token itself
	assert_int_equal(audit_files(s), 4);
	assert_int_equal(notes(s), 4);
	struct web *web = get(s, API R1 "/views", root);
	web_schema(web, "viewing.list");
	const json_t *items = json_object_get(web->json, "items"), *first = json_array_get(items, 0);
	assert_int_equal(json_array_size(items), 4);
	assert_string_equal(rig_text(first, "what"), "open");
	assert_string_equal(rig_text(first, "participant"), "doc");
	assert_string_equal(rig_text(first, "role"), "clinic");
	assert_string_equal(rig_text(first, "name"), "Name of doc");
	assert_string_equal(rig_text(first, "address"), "192.0.2.77");
	assert_string_equal(rig_text(first, "view"), view);
	assert_string_equal(rig_text(json_array_get(items, 1), "what"), MP4);
	// What the archive finds.
	assert_int_equal(hz_record_folder(s->dir, R1, T0, folder), 0);
	snprintf(path, sizeof(path), "%s/audit/0000000002.json", folder);
	struct hz_viewing read;
	assert_int_equal(hz_viewing_read(folder, R1, 2, &read), 0);
	assert_string_equal(read.what, MP4);
	assert_string_equal(read.name, "Name of doc");
	assert_string_equal(read.address, "192.0.2.77");
	json_t *file = json_load_file(path, 0, NULL);
	assert_string_equal(rig_text(file, "what"), MP4);
	assert_string_equal(rig_text(file, "record"), R1);
	assert_string_equal(rig_text(json_object_get(file, "participant"), "id"), "doc");
	json_decref(file);
	// The log survives kill -9 of control; passes do not, and the page asks for another.
	rig_kill(s->rig);
	assert_int_equal(hz_replay_new(s->dir, &s->rig->brain->replay), 0);
	assert_int_equal(with_pass(s, API R1 "/files/" MP4, cookie, NULL)->status, 401);
	assert_int_equal(json_array_size(json_object_get(get(s, API R1 "/views", root)->json, "items")), 4);
}

// The folder takes no file: the row is there, and the file follows.
static void handed_later(void **state)
{
	struct shelf *s = *state;
	char doctor[4096], cookie[300], view[40], path[1200], folder[HZ_RECORD_PATH_BYTES];
	snprintf(doctor, sizeof(doctor), "%s", token_of(s, "doc", "clinic", "c1"));
	assert_int_equal(hz_record_folder(s->dir, R1, T0, folder), 0);
	snprintf(path, sizeof(path), "%s/audit", folder);
	put_file(folder, "audit", "in the way", 10);
	open_view(s, doctor, cookie, view);
	assert_int_equal(audit_files(s), 0);
	assert_int_equal(notes(s), 0); // nothing is there to be told yet
	hz_replay_hand_over(s->rig->brain);
	assert_int_equal(audit_files(s), 0);
	assert_int_equal(unlink(path), 0);
	hz_replay_hand_over(s->rig->brain);
	assert_int_equal(audit_files(s), 1);
	assert_int_equal(notes(s), 1);
	assert_int_equal(unlink(strcat(path, "/0000000001.json")), 0);
	hz_replay_hand_over(s->rig->brain); // once only
	assert_int_equal(audit_files(s), 0);
}

// The store takes no note: the viewing is shown, as it is written down, and the note follows.
static void noted_later(void **state)
{
	struct shelf *s = *state;
	char doctor[4096], cookie[300], view[40], path[1200];
	snprintf(doctor, sizeof(doctor), "%s", token_of(s, "doc", "clinic", "c1"));
	put_file(s->dir, "viewings", "in the way", 10);
	open_view(s, doctor, cookie, view);
	assert_int_equal(audit_files(s), 1);
	hz_replay_hand_over(s->rig->brain);
	assert_int_equal(notes(s), 0);
	snprintf(path, sizeof(path), "%s/viewings", s->dir);
	assert_int_equal(unlink(path), 0);
	hz_replay_hand_over(s->rig->brain);
	assert_int_equal(notes(s), 1);
	assert_int_equal(audit_files(s), 1);
}

// What cannot be written down is not shown.
static void nothing_unwritten(void **state)
{
	struct shelf *s = *state;
	char doctor[4096];
	struct hz_store *store = s->rig->brain->store;
	snprintf(doctor, sizeof(doctor), "%s", token_of(s, "doc", "clinic", "c1"));
	assert_int_equal(sqlite3_exec(store->db, "PRAGMA query_only=1", NULL, NULL, NULL), SQLITE_OK);
	static const char *const parts[] = {("/files/" MP4), "/manifest", "/timeline", "/certificate"};
	for (unsigned i = 0; i < 4; i++) {
		char path[200];
		snprintf(path, sizeof(path), API R1 "%s", parts[i]);
		struct web *web = get(s, path, doctor);
		assert_true(web->status >= 500);
		assert_null(strstr(web->body, "abcdef"));
	}
	struct web *web =
	    web_ask(s->rig, (struct web_ask){.method = HZ_POST, .path = API R1 "/views", .token = doctor});
	assert_true(web->status >= 500);
	assert_string_equal(web->cookie, "");
	assert_int_equal(sqlite3_exec(store->db, "PRAGMA query_only=0", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(get(s, API R1 "/manifest", doctor)->status, 200);
}

// Who is in the room of a record may see it later.
static void took_part(void **state)
{
	struct shelf *s = *state;
	struct hz_consult *consult = hz_map_get(s->rig->brain->consults, "c1");
	bool there = false;
	s->rig->recorder = true;
	rig_kill(s->rig);
	assert_int_equal(hz_replay_new(s->dir, &s->rig->brain->replay), 0);
	consult = hz_map_get(s->rig->brain->consults, "c1");
	struct rig_socket *first = rig_open(s->rig), *second = rig_open(s->rig);
	rig_result(rig_call(s->rig, first, "join",
	                    json_pack("{s:s}", "token", token_of(s, "early", "clinic", "c1"))));
	assert_int_equal(hz_record_start(s->rig->brain, consult, ""), 0);
	rig_result(rig_call(s->rig, second, "join",
	                    json_pack("{s:s}", "token", token_of(s, "late", "expert", "c1"))));
	rig_advance(s->rig, 100);
	const char *id = consult->record->id;
	assert_int_equal(hz_store_record_person(s->rig->brain->store, id, "early", &there), 0);
	assert_true(there);
	assert_int_equal(hz_store_record_person(s->rig->brain->store, id, "late", &there), 0);
	assert_true(there);
	assert_int_equal(hz_store_record_person(s->rig->brain->store, id, "never", &there), 0);
	assert_false(there);
}

// A record that the database does not know any more.
static void restored(void **state)
{
	struct shelf *s = *state;
	assert_int_equal(hz_db_write(s->rig->brain->store, "DELETE FROM main.records WHERE id=?1", "t", R1),
	                 0);
	assert_int_equal(hz_store_commit(s->rig->brain->store), 0);
	struct web *web = get(s, API R1, token_of(s, "aud", "auditor", "c1"));
	assert_int_equal(web->status, 200);
	web_schema(web, "recording.one");
	assert_string_equal(rig_text(web->json, "state"), "finalised");
	assert_int_equal(get(s, API R1, token_of(s, "aud", "auditor", "c2"))->status, 404);
}

static void archive(void **state)
{
	struct shelf *s = *state;
	char root[4096], path[128];
	snprintf(root, sizeof(root), "%s", token_of(s, "root", "admin", ""));
	struct web *web = get(s, "/api/v1/archive", root);
	web_schema(web, "archive");
	assert_true(json_is_null(json_object_get(web->json, "outbox")));
	assert_true(json_integer_value(json_object_get(json_object_get(web->json, "disk"), "free_bytes")) >
	            0);
	static const char *const texts[] = {
	    "{\"time_ms\":5,\"pacs\":{\"configured\":true,\"waiting\":3,\"error\":\"away\"},\"emr\":{}}",
	    "{}",
	    "{\"time_ms\":-5,\"pacs\":7,\"emr\":{\"waiting\":-1,\"error\":9}}",
	    "[]",
	    "rubbish",
	    ""};
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		snprintf(path, sizeof(path), "%s/outbox.json", s->dir);
		assert_int_equal(hz_document_write(path, texts[i], strlen(texts[i]), 0600), 0);
		web = get(s, "/api/v1/archive", root);
		assert_int_equal(web->status, 200);
		web_schema(web, "archive");
		const json_t *outbox = json_object_get(web->json, "outbox");
		assert_true(i < 3 ? json_is_object(outbox) : json_is_null(outbox));
		if (i == 0)
			assert_string_equal(rig_text(json_object_get(outbox, "pacs"), "error"), "away");
	}
	assert_int_equal(get(s, "/api/v1/archive", token_of(s, "root", "admin", "c1"))->status, 403);
	assert_int_equal(get(s, "/api/v1/archive", token_of(s, "exp", "expert", ""))->status, 403);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(audit, setup, teardown),
	    cmocka_unit_test_setup_teardown(handed_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(noted_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_unwritten, setup, teardown),
	    cmocka_unit_test_setup_teardown(took_part, setup, teardown),
	    cmocka_unit_test_setup_teardown(restored, setup, teardown),
	    cmocka_unit_test_setup_teardown(archive, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

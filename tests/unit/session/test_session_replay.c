// Looking at records: who may, which files and no others, and passes.
#include "tests/unit/session/replay_rig.h"

// --- who may

static void authority(void **state)
{
	struct shelf *s = *state;
	static const struct {
		const char *sub, *role, *consult;
		int r1, r2, list; // status of either record; how many are in the list, -1: 403
	} who[] = {
	    {"root", "admin", "", 200, 200, 4},       {"root", "admin", "c1", 200, 404, 3},
	    {"aud", "auditor", "c1", 200, 404, 3},    {"aud", "auditor", "c2", 404, 200, 1},
	    {"doc", "clinic", "c1", 200, 404, 3},     {"doc", "clinic", "", 200, 404, 3},
	    {"doc", "clinic", "c2", 404, 404, 0}, // another consult's token of the same id
	    {"doc2", "clinic", "", 404, 200, 1},      {"doc2", "clinic", "c1", 404, 404, 0},
	    {"exp", "expert", "c1", 200, 404, 1},     {"exp2", "expert", "c1", 404, 404, 0}, // was not there
	    {"exp2", "expert", "", 404, 404, 0},      {"pat", "patient", "c1", 403, 403, -1},
	    {"pat", "companion", "c1", 403, 403, -1}, {"pat", "interpreter", "c1", 403, 403, -1},
	    {"doc", "theatre", "c1", 403, 403, -1},   {"doc", "observer", "c1", 403, 403, -1},
	    {"doc", "student", "c1", 403, 403, -1},
	};
	static const char *const parts[] = {"", "/manifest", "/timeline", "/certificate", ("/files/" MP4)};
	for (unsigned i = 0; i < sizeof(who) / sizeof(*who); i++) {
		const char *token = token_of(s, who[i].sub, who[i].role, who[i].consult);
		for (unsigned k = 0; k < sizeof(parts) / sizeof(*parts); k++) {
			char one[200], two[200], none[200];
			snprintf(one, sizeof(one), API R1 "%s", parts[k]);
			snprintf(two, sizeof(two), API R2 "%s", parts[k]);
			snprintf(none, sizeof(none), API R5 "%s", parts[k]);
			int a = get(s, one, token)->status, b = get(s, two, token)->status;
			if (a != who[i].r1 || b != who[i].r2)
				fail_msg("%s %s of %s%s: %d %d", who[i].role, who[i].sub, who[i].consult,
				         parts[k], a, b);
			// Refused and not there are the same, down to the body.
			if (b == 404 || b == 403) {
				char body[1000];
				snprintf(body, sizeof(body), "%s", get(s, two, token)->body);
				assert_string_equal(get(s, none, token)->body, body);
			}
			assert_int_equal(get(s, one, NULL)->status, 401);
			assert_int_equal(get(s, one, "rubbish")->status, 401);
		}
		struct web *web = get(s, "/api/v1/recordings", token);
		assert_int_equal(web->status, who[i].list < 0 ? 403 : 200);
		if (web->status == 200) {
			web_schema(web, "recording.list");
			assert_int_equal(json_array_size(json_object_get(web->json, "items")), who[i].list);
		}
		web = web_ask(s->rig,
		              (struct web_ask){.method = HZ_POST, .path = API R1 "/views", .token = token});
		assert_int_equal(web->status, who[i].r1 == 200 ? 201 : who[i].r1);
		if (who[i].r1 != 200)
			assert_string_equal(web->cookie, "");
		web = get(s, API R1 "/views", token); // who looked is for auditors and administrators
		bool all = strcmp(who[i].role, "admin") == 0 || strcmp(who[i].role, "auditor") == 0;
		assert_int_equal(web->status, who[i].r1 != 200 ? who[i].r1 : all ? 200 : 403);
	}
}

// A token may have less than its role.
static void narrowed(void **state)
{
	struct hz_claims claims = {.role = HZ_ROLE_EXPERT, .grants = hz_role_grants(HZ_ROLE_EXPERT)};
	(void)state;
	assert_int_equal(hz_replay_scope(&claims), HZ_REPLAY_OWN);
	claims.grants &= ~HZ_GRANT_RECORD;
	assert_int_equal(hz_replay_scope(&claims), HZ_REPLAY_NONE);
	claims = (struct hz_claims){.role = HZ_ROLE_ADMIN, .grants = HZ_GRANT_MANAGE};
	assert_int_equal(hz_replay_scope(&claims), HZ_REPLAY_NONE);
	claims = (struct hz_claims){.role = HZ_ROLE_PATIENT, .grants = hz_role_grants(HZ_ROLE_PATIENT)};
	assert_int_equal(hz_replay_scope(&claims), HZ_REPLAY_NONE);
}

static void pages(void **state)
{
	struct shelf *s = *state;
	char token[4096], seen[4][40] = {""}, cursor[64] = "";
	unsigned count = 0;
	snprintf(token, sizeof(token), "%s", token_of(s, "root", "admin", ""));
	for (;;) {
		char query[128];
		snprintf(query, sizeof(query), "limit=1%s%s", cursor[0] ? "&cursor=" : "", cursor);
		struct web *web = web_ask(s->rig, (struct web_ask){.method = HZ_GET,
		                                                   .path = "/api/v1/recordings",
		                                                   .query = query,
		                                                   .token = token});
		assert_int_equal(web->status, 200);
		const json_t *item = json_array_get(json_object_get(web->json, "items"), 0);
		snprintf(seen[count++], sizeof(seen[0]), "%s", rig_text(item, "id"));
		const char *next = json_string_value(json_object_get(web->json, "next"));
		if (!next)
			break;
		snprintf(cursor, sizeof(cursor), "%s", next);
	}
	assert_int_equal(count, 4);
	assert_string_equal(seen[0], R4); // newest first
	assert_string_equal(seen[3], R1);
	struct web *web = web_ask(s->rig, (struct web_ask){.method = HZ_GET,
	                                                   .path = "/api/v1/recordings",
	                                                   .query = "consult=c2",
	                                                   .token = token});
	assert_int_equal(json_array_size(json_object_get(web->json, "items")), 1);
	static const char *const bad[] = {"consult=", "consult=../x", "consult=a%20b", "limit=0",
	                                  "cursor=a/b"};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(web_ask(s->rig, (struct web_ask){.method = HZ_GET,
		                                                  .path = "/api/v1/recordings",
		                                                  .query = bad[i],
		                                                  .token = token})
		                     ->status,
		                 400);
	// States as they are.
	assert_string_equal(rig_text(get(s, API R1, token)->json, "state"), "finalised");
	web = get(s, API R1, token);
	web_schema(web, "recording.one");
	assert_string_equal(rig_text(json_object_get(web->json, "composing"), "state"), "waiting");
	const json_t *delivery = json_object_get(web->json, "delivery");
	assert_string_equal(rig_text(json_object_get(delivery, "pacs"), "state"), "sent");
	assert_true(json_integer_value(json_object_get(json_object_get(delivery, "pacs"), "time_ms")) > 0);
	assert_string_equal(rig_text(json_object_get(delivery, "emr"), "state"), "parked");
	assert_string_equal(rig_text(json_object_get(delivery, "emr"), "reason"), "the EMR refuses it (422)");
	web = get(s, API R3, token);
	web_schema(web, "recording.one");
	assert_null(json_object_get(web->json, "composing"));
	assert_null(json_object_get(web->json, "delivery"));
	assert_string_equal(rig_text(web->json, "state"), "recording");
	assert_true(json_is_null(json_object_get(web->json, "ended_ms")));
	assert_int_equal(get(s, API R3 "/manifest", token)->status, 409); // not yet
	assert_int_equal(get(s, API R3 "/files/" MP4, token)->status, 409);
	assert_int_equal(get(s, API R4 "/manifest", token)->status, 410); // not any more
	assert_int_equal(get(s, API R4 "/files/" MP4, token)->status, 410);
}

// --- hostile ids and names

static void hostile(void **state)
{
	struct shelf *s = *state;
	char token[4096], folder[HZ_RECORD_PATH_BYTES], path[1200];
	static const char *const ids[] = {"11111111-2222-4333-8444-55555555550",
	                                  "11111111-2222-4333-8444-5555555555011",
	                                  "11111111-2222-4333-8444-55555555550A",
	                                  "..",
	                                  ".",
	                                  "%2e%2e",
	                                  "11111111222243338444555555555501",
	                                  "' OR 1=1 --",
	                                  "\xe4\xbc\x9a\xe8\xaf\x8a",
	                                  "{id}",
	                                  "files"};
	static const char *const names[] = {"state.json",
	                                    "manifest.json",
	                                    "secret.txt",
	                                    "certificate.json",
	                                    "tracks",
	                                    "tracks/",
	                                    "tracks/.",
	                                    "tracks//doc.camera.1.mp4",
	                                    "/tracks/doc.camera.1.mp4",
	                                    "./" MP4,
	                                    "../" R2 "/" MP4,
	                                    "tracks/../secret.txt",
	                                    "tracks/../../../../../../etc/passwd",
	                                    "TRACKS/doc.camera.1.mp4",
	                                    MP4 "/",
	                                    MP4 "\x01",
	                                    "..",
	                                    "keys/doc.camera.1.key",
	                                    "journal/0001.hzj"};
	snprintf(token, sizeof(token), "%s", token_of(s, "root", "admin", ""));
	for (unsigned i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		snprintf(path, sizeof(path), API "%s", ids[i]);
		assert_int_equal(get(s, path, token)->status, 404);
		snprintf(path, sizeof(path), API "%s/files/" MP4, ids[i]);
		assert_int_equal(get(s, path, token)->status, 404);
		snprintf(path, sizeof(path), API "%s/views", ids[i]);
		assert_int_equal(
		    web_ask(s->rig, (struct web_ask){.method = HZ_POST, .path = path, .token = token})
		        ->status,
		    404);
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), API R1 "/files/%s", names[i]);
		assert_int_equal(get(s, path, token)->status, 404);
	}
	assert_int_equal(get(s, API R1 "/files/", token)->status, 404);
	assert_int_equal(get(s, API R1 "/files", token)->status, 404);
	// The manifest lists it, and somebody put something else there.
	assert_int_equal(hz_record_folder(s->dir, R1, T0, folder), 0);
	snprintf(path, sizeof(path), "%s/" MP4, folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(get(s, API R1 "/files/" MP4, token)->status, 410); // erased
	assert_int_equal(symlink("../secret.txt", path), 0);
	assert_int_equal(get(s, API R1 "/files/" MP4, token)->status, 500);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0); // must not wait for somebody to write
	assert_int_equal(get(s, API R1 "/files/" MP4, token)->status, 500);
	unlink(path);
	put_file(folder, MP4, big, sizeof(big) - 1); // not what the manifest says
	assert_int_equal(get(s, API R1 "/files/" MP4, token)->status, 500);
	put_file(folder, MP4, big, sizeof(big));
	assert_int_equal(get(s, API R1 "/files/" MP4, token)->status, 200);
	// A manifest that names what is not inside is none.
	put_manifest(folder, R1, "c1",
	             json_pack("[o]", file_json("../x.mp4", "track", "av", "mp4", "secret", 6)));
	assert_int_equal(get(s, API R1 "/files/../x.mp4", token)->status, 500);
	put_file(folder, "manifest.json", "{\"version\":", 11);
	assert_int_equal(get(s, API R1 "/files/" MP4, token)->status, 500);
	uint64_t bytes;
	assert_true(hz_replay_open(folder, "tracks/../secret.txt", &bytes) < 0); // whatever a manifest says
	assert_true(hz_replay_open(folder, "", &bytes) < 0);
	assert_true(hz_replay_open(folder, "/etc/passwd", &bytes) < 0);
}

// --- passes

static const uint8_t key[HZ_SHA256_BYTES] = {1, 2, 3};

static void passes(void **state)
{
	char pass[HZ_PASS_BYTES], other[HZ_PASS_BYTES], view[HZ_PASS_VIEW_CHARS + 1];
	static const uint8_t another[HZ_SHA256_BYTES] = {1, 2, 4};
	(void)state;
	hz_pass_make(key, R1, "abcdefghijklmnopqrstuv", 1000, pass);
	assert_int_equal(hz_pass_check(key, R1, pass, 999, view), 0);
	assert_string_equal(view, "abcdefghijklmnopqrstuv");
	assert_int_equal(hz_pass_check(key, R1, pass, 1000, view), -EACCES);
	assert_int_equal(hz_pass_check(key, R2, pass, 999, view), -EACCES);
	assert_int_equal(hz_pass_check(another, R1, pass, 999, view), -EACCES);
	for (size_t i = 0; i < strlen(pass); i++) { // each character counts
		memcpy(other, pass, sizeof(pass));
		other[i] = other[i] == '7' ? '8' : '7';
		assert_int_equal(hz_pass_check(key, R1, other, 999, view), -EACCES);
		memcpy(other, pass, sizeof(pass));
		other[i] = '\0';
		assert_int_equal(hz_pass_check(key, R1, other, 999, view), -EACCES);
	}
	snprintf(other, sizeof(other), "%s%c", pass, 'A');
	assert_int_equal(hz_pass_check(key, R1, other, 999, view), -EACCES);
	snprintf(other, sizeof(other), "0%s", pass); // the same number, another text
	assert_int_equal(hz_pass_check(key, R1, other, 999, view), -EACCES);
	static const char *const bad[] = {"",
	                                  ".",
	                                  "..",
	                                  "1000",
	                                  "1000.",
	                                  "-1.abcdefghijklmnopqrstuv.x",
	                                  "99999999999999999999.abcdefghijklmnopqrstuv.x"};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(hz_pass_check(key, R1, bad[i], 0, view), -EACCES);
}

static void watching(void **state)
{
	struct shelf *s = *state;
	char token[4096], cookie[300], view[40], wrong[320], sha256[65], etag[80];
	snprintf(token, sizeof(token), "%s", token_of(s, "doc", "clinic", "c1"));
	open_view(s, token, cookie, view);
	struct web *web = with_pass(s, API R1 "/files/" MP4, cookie, NULL);
	assert_int_equal(web->status, 200);
	assert_int_equal(web->bytes, sizeof(big));
	assert_memory_equal(web->body, big, sizeof(big));
	assert_string_equal(web->type, "video/mp4");
	assert_string_equal(web->cache, "private, no-store");
	hz_hash_hex(big, sizeof(big), sha256);
	snprintf(etag, sizeof(etag), "\"%s\"", sha256);
	assert_string_equal(web->etag, etag);
	web = with_pass(s, API R1 "/files/" MP4, cookie, "bytes=100-199");
	assert_int_equal(web->status, 206);
	assert_string_equal(web->range, "bytes 100-199/20000");
	assert_memory_equal(web->body, big + 100, 100);
	assert_int_equal(with_pass(s, API R1 "/files/" MP4, cookie, "bytes=20000-")->status, 416);
	assert_string_equal(with_pass(s, API R1 "/files/poster.jpg", cookie, NULL)->type, "image/jpeg");
	// Its own record's files only; and no list, no manifest without a token.
	assert_int_equal(with_pass(s, API R2 "/files/" MP4, cookie, NULL)->status, 401);
	assert_int_equal(with_pass(s, API R1 "/manifest", cookie, NULL)->status, 401);
	assert_int_equal(with_pass(s, "/api/v1/recordings", cookie, NULL)->status, 401);
	snprintf(wrong, sizeof(wrong), "%sx", cookie);
	assert_int_equal(with_pass(s, API R1 "/files/" MP4, wrong, NULL)->status, 401);
	// A token beside it counts, not the pass.
	web = web_ask(s->rig, (struct web_ask){.method = HZ_GET,
	                                       .path = API R1 "/files/" MP4,
	                                       .cookie = cookie,
	                                       .token = token_of(s, "pat", "patient", "c1")});
	assert_int_equal(web->status, 403);
	// Over after ten minutes, unless renewed in time; by its own viewer only.
	char path[200];
	snprintf(path, sizeof(path), API R1 "/views/%s", view);
	rig_advance(s->rig, 500000);
	assert_int_equal(web_ask(s->rig, (struct web_ask){.method = HZ_PUT,
	                                                  .path = path,
	                                                  .token = token_of(s, "exp", "expert", "c1")})
	                     ->status,
	                 404);
	web = web_ask(s->rig, (struct web_ask){.method = HZ_PUT, .path = path, .token = token});
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(web->json, "id"), view);
	snprintf(wrong, sizeof(wrong), "%.*s", (int)strcspn(web->cookie, ";"), web->cookie);
	rig_advance(s->rig, 110000);
	assert_int_equal(with_pass(s, API R1 "/files/" MP4, cookie, NULL)->status, 401);
	assert_int_equal(with_pass(s, API R1 "/files/" MP4, wrong, NULL)->status, 200);
	assert_int_equal(
	    web_ask(s->rig,
	            (struct web_ask){.method = HZ_PUT, .path = API R1 "/views/nothing", .token = token})
	        ->status,
	    404);
}

static void downloads(void **state)
{
	struct shelf *s = *state;
	char token[4096], cookie[300], view[40];
	snprintf(token, sizeof(token), "%s", token_of(s, "doc", "clinic", "c1"));
	struct web *web = web_ask(s->rig, (struct web_ask){.method = HZ_GET,
	                                                   .path = API R1 "/files/" MP4,
	                                                   .query = "download=1",
	                                                   .token = token});
	assert_int_equal(web->status, 200);
	assert_string_equal(web->disposition, "attachment; filename=\"doc.camera.1.mp4\"");
	snprintf(token, sizeof(token), "%s", token_of(s, "aud", "auditor", "c1"));
	open_view(s, token, cookie, view);
	assert_int_equal(with_pass(s, API R1 "/files/" MP4, cookie, NULL)->status, 200);
	assert_int_equal(web_ask(s->rig, (struct web_ask){.method = HZ_GET,
	                                                  .path = API R1 "/files/" MP4,
	                                                  .query = "download=1",
	                                                  .cookie = cookie})
	                     ->status,
	                 403);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(narrowed),
	    cmocka_unit_test(passes),
	    cmocka_unit_test_setup_teardown(authority, setup, teardown),
	    cmocka_unit_test_setup_teardown(pages, setup, teardown),
	    cmocka_unit_test_setup_teardown(hostile, setup, teardown),
	    cmocka_unit_test_setup_teardown(watching, setup, teardown),
	    cmocka_unit_test_setup_teardown(downloads, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

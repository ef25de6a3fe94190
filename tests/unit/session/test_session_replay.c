// Looking at records: who may, which files and no others, passes, and that every viewing is written down first.
#include <fcntl.h>
#include <ftw.h>

#include "gateway/session/replay.h"
#include "gateway/store/db.h"
#include "recorder/record/files.h"
#include "tests/unit/session/web.h"

#define R1  "11111111-2222-4333-8444-555555555501" // of c1, finalised; doc and exp and pat were in it
#define R2  "11111111-2222-4333-8444-555555555502" // of c2, finalised; doc2 was in it
#define R3  "11111111-2222-4333-8444-555555555503" // of c1, running
#define R4  "11111111-2222-4333-8444-555555555504" // of c1, deleted
#define R5  "11111111-2222-4333-8444-555555555505" // nowhere
#define API "/api/v1/recordings/"
#define MP4 "tracks/doc.camera.1.mp4"
#define T0  1799990000000

struct shelf {
	struct rig *rig;
	char dir[64];
};

static char big[20000];

static void put_file(const char *folder, const char *path, const void *data, size_t bytes)
{
	char to[1200];
	snprintf(to, sizeof(to), "%s/%s", folder, path);
	assert_int_equal(hz_document_write(to, data, bytes, 0600), 0);
}

static json_t *file_json(const char *path, const char *role, const char *kind, const char *container,
                         const char *data, size_t bytes)
{
	char sha256[65];
	hz_hash_hex(data, bytes, sha256);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:i, s:i, s:i, s:I, s:s, s:s}", "path", path,
	                 "role", role, "participant", "doc", "source", "camera", "kind", kind, "container",
	                 container, "codecs", "h264", "at_ms", 0, "duration_ms", 1000, "part", 1, "bytes",
	                 (json_int_t)bytes, "sha256", sha256, "sha1",
	                 "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

static void put_manifest(const char *folder, const char *id, const char *consult, json_t *files)
{
	json_t *json =
	    json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:[], s:o, s:s, s:[], s:{}, s:[]}", "version", 1,
	              "record", id, "consult", consult, "title", "T", "started_ms", (json_int_t)T0,
	              "ended_ms", (json_int_t)T0 + 5000, "wall_zero_ms", (json_int_t)T0, "participants",
	              "files", files, "events", "timeline.json", "tracks", "journal", "warnings");
	char *text = json_dumps(json, JSON_INDENT(1));
	put_file(folder, "manifest.json", text, strlen(text));
	put_file(folder, "timeline.json", "[]", 2);
	free(text);
	json_decref(json);
}

static void make(struct shelf *s, const char *id, const char *consult, enum hz_record_phase phase,
                 int64_t started_ms)
{
	char path[1200];
	struct hz_record_state state = {.phase = phase,
	                                .started_ms = started_ms,
	                                .ended_ms = started_ms + 5000,
	                                .changed_ms = started_ms};
	char folder[HZ_RECORD_PATH_BYTES];
	const struct hz_record_row row = {.id = id,
	                                  .consult = consult,
	                                  .started_by = "doc",
	                                  .stopped_by = "",
	                                  .started_ms = started_ms,
	                                  .ended_ms = phase == HZ_RECORD_RECORDING ? 0 : started_ms + 5000};
	snprintf(state.id, sizeof(state.id), "%s", id);
	snprintf(state.consult, sizeof(state.consult), "%s", consult);
	assert_int_equal(hz_record_folder(s->dir, id, started_ms, folder), 0);
	assert_int_equal(hz_record_state_write(folder, &state), 0);
	assert_int_equal(hz_store_record_put(s->rig->brain->store, &row), 0);
	assert_int_equal(hz_store_commit(s->rig->brain->store), 0);
	if (phase != HZ_RECORD_FINALISED)
		return;
	snprintf(path, sizeof(path), "%s/tracks", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put_file(folder, MP4, big, sizeof(big));
	put_file(folder, "poster.jpg", "jpeg", 4);
	put_file(folder, "secret.txt", "secret", 6);
	put_file(folder, "certificate.json", "{}", 2);
	put_manifest(folder, id, consult,
	             json_pack("[o, o]", file_json(MP4, "track", "av", "mp4", big, sizeof(big)),
	                       file_json("poster.jpg", "poster", "video", "jpeg", "jpeg", 4)));
}

static void person(struct shelf *s, const char *record, const char *sub)
{
	assert_int_equal(hz_store_record_person_add(s->rig->brain->store, record, sub), 0);
	assert_int_equal(hz_store_commit(s->rig->brain->store), 0);
}

static int setup(void **state)
{
	struct shelf *s = calloc(1, sizeof(*s));
	rig_setup((void **)&s->rig);
	strcpy(s->dir, "/tmp/hz-replay-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(hz_replay_new(s->dir, &s->rig->brain->replay), 0);
	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (char)('a' + i % 26);
	rig_consult(s->rig, "c1");
	make(s, R1, "c1", HZ_RECORD_FINALISED, T0);
	make(s, R2, "c2", HZ_RECORD_FINALISED, T0 + 1);
	make(s, R3, "c1", HZ_RECORD_RECORDING, T0 + 2);
	make(s, R4, "c1", HZ_RECORD_DELETED, T0 + 3);
	person(s, R1, "doc");
	person(s, R1, "doc");
	person(s, R1, "exp");
	person(s, R1, "pat");
	person(s, R2, "doc2");
	person(s, R3, "doc");
	person(s, R4, "doc");
	*state = s;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct shelf *s = *state;
	nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rig_teardown((void **)&s->rig);
	free(s);
	return 0;
}

static struct web *get(struct shelf *s, const char *path, const char *token)
{
	return web_ask(s->rig, (struct web_ask){.method = HZ_GET, .path = path, .token = token});
}

static const char *token_of(struct shelf *s, const char *sub, const char *role, const char *consult)
{
	return rig_sign(s->rig, (struct rig_token){.sub = sub, .role = role, .consult = consult});
}

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
	static const char *const parts[] = {"", "/manifest", "/timeline", "/certificate", "/files/" MP4};
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
	web = get(s, API R3, token);
	web_schema(web, "recording.one");
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

static struct web *with_pass(struct shelf *s, const char *path, const char *cookie, const char *range)
{
	return web_ask(s->rig,
	               (struct web_ask){.method = HZ_GET, .path = path, .cookie = cookie, .range = range});
}

static void open_view(struct shelf *s, const char *token, char cookie[300], char view[40])
{
	struct web *web = web_ask(
	    s->rig,
	    (struct web_ask){.method = HZ_POST, .path = API R1 "/views", .token = token, .tls = true});
	assert_int_equal(web->status, 201);
	web_schema(web, "viewing.opened");
	assert_non_null(strstr(web->cookie, "; Path=/api/v1/recordings/" R1 "; Max-Age=600; HttpOnly;"
	                                    " SameSite=Strict; Secure"));
	snprintf(view, 40, "%s", rig_text(web->json, "id"));
	snprintf(cookie, 300, "a=b; %.*s", (int)strcspn(web->cookie, ";"), web->cookie);
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

// --- audit

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
	hz_replay_hand_over(s->rig->brain);
	assert_int_equal(audit_files(s), 0);
	assert_int_equal(unlink(path), 0);
	hz_replay_hand_over(s->rig->brain);
	assert_int_equal(audit_files(s), 1);
	assert_int_equal(unlink(strcat(path, "/0000000001.json")), 0);
	hz_replay_hand_over(s->rig->brain); // once only
	assert_int_equal(audit_files(s), 0);
}

// What cannot be written down is not shown.
static void nothing_unwritten(void **state)
{
	struct shelf *s = *state;
	char doctor[4096];
	struct hz_store *store = s->rig->brain->store;
	snprintf(doctor, sizeof(doctor), "%s", token_of(s, "doc", "clinic", "c1"));
	assert_int_equal(sqlite3_exec(store->db, "PRAGMA query_only=1", NULL, NULL, NULL), SQLITE_OK);
	static const char *const parts[] = {"/files/" MP4, "/manifest", "/timeline", "/certificate"};
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
	    cmocka_unit_test(narrowed),
	    cmocka_unit_test(passes),
	    cmocka_unit_test_setup_teardown(authority, setup, teardown),
	    cmocka_unit_test_setup_teardown(pages, setup, teardown),
	    cmocka_unit_test_setup_teardown(hostile, setup, teardown),
	    cmocka_unit_test_setup_teardown(watching, setup, teardown),
	    cmocka_unit_test_setup_teardown(downloads, setup, teardown),
	    cmocka_unit_test_setup_teardown(audit, setup, teardown),
	    cmocka_unit_test_setup_teardown(handed_later, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_unwritten, setup, teardown),
	    cmocka_unit_test_setup_teardown(took_part, setup, teardown),
	    cmocka_unit_test_setup_teardown(restored, setup, teardown),
	    cmocka_unit_test_setup_teardown(archive, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

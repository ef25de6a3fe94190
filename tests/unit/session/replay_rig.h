// Records of every kind on a shelf, a server before them, and people who ask for them.
#ifndef HZ_TESTS_UNIT_SESSION_REPLAY_RIG_H
#define HZ_TESTS_UNIT_SESSION_REPLAY_RIG_H

#include <fcntl.h>
#include <ftw.h>

#include "gateway/session/record/replay.h"
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

static inline void put_file(const char *folder, const char *path, const void *data, size_t bytes)
{
	char to[1200];
	snprintf(to, sizeof(to), "%s/%s", folder, path);
	assert_int_equal(hz_document_write(to, data, bytes, 0600), 0);
}

static inline json_t *file_json(const char *path, const char *role, const char *kind, const char *container,
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

static inline void put_manifest(const char *folder, const char *id, const char *consult, json_t *files)
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

static inline void make(struct shelf *s, const char *id, const char *consult, enum hz_record_phase phase,
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
	if (phase == HZ_RECORD_FINALISED)
		state.composing.phase = HZ_COMPOSING_WAITING;
	if (phase == HZ_RECORD_FINALISED) {
		state.delivery[HZ_TO_PACS].phase = HZ_DELIVERY_SENT;
		state.delivery[HZ_TO_PACS].changed_ms = started_ms + 9000;
		state.delivery[HZ_TO_EMR].phase = HZ_DELIVERY_PARKED;
		snprintf(state.delivery[HZ_TO_EMR].error, sizeof(state.delivery[0].error),
		         "the EMR refuses it (422)");
	}
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

static inline void person(struct shelf *s, const char *record, const char *sub)
{
	assert_int_equal(hz_store_record_person_add(s->rig->brain->store, record, sub), 0);
	assert_int_equal(hz_store_commit(s->rig->brain->store), 0);
}

static inline int setup(void **state)
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

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline int teardown(void **state)
{
	struct shelf *s = *state;
	nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	rig_teardown((void **)&s->rig);
	free(s);
	return 0;
}

static inline struct web *get(struct shelf *s, const char *path, const char *token)
{
	return web_ask(s->rig, (struct web_ask){.method = HZ_GET, .path = path, .token = token});
}

static const char *token_of(struct shelf *s, const char *sub, const char *role, const char *consult)
{
	return rig_sign(s->rig, (struct rig_token){.sub = sub, .role = role, .consult = consult});
}

static inline struct web *with_pass(struct shelf *s, const char *path, const char *cookie, const char *range)
{
	return web_ask(s->rig,
	               (struct web_ask){.method = HZ_GET, .path = path, .cookie = cookie, .range = range});
}

static inline void open_view(struct shelf *s, const char *token, char cookie[300], char view[40])
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

#endif

// Addresses of theatre sources in the store: sealed, of one row, under one key; and small pictures that may tell who the patient is.
#include "gateway/session/theatre.h"
#include "gateway/store/sources.h"
#include "tests/unit/session/web.h"

#define SECRET "geheim-7531"
#define URL    "rtsp://u:" SECRET "@10.0.0.1/cam"

static int ingest[2];
static char key_file[96];

static int take_up(struct rig *rig)
{
	int err = hz_theatre_new(rig->brain, ingest[0]);
	if (!err) {
		snprintf(rig->brain->theatre->master_key, PATH_MAX, "%s", key_file);
		snprintf(rig->brain->theatre->record_dir, PATH_MAX, "%s/record", rig->scratch->dir);
		err = hz_theatre_load(rig->brain);
	}
	return err;
}

static int begin(void **state)
{
	if (rig_setup(state))
		return -1;
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	snprintf(key_file, sizeof(key_file), "%s/record/master.key", rig->scratch->dir);
	assert_int_equal(hz_seqpacket_pair(1 << 18, ingest), 0);
	return take_up(rig);
}

static int end(void **state)
{
	struct rig *rig = *state;
	char folder[80];
	snprintf(folder, sizeof(folder), "%s/record", rig->scratch->dir);
	unlink(key_file);
	rmdir(folder);
	int err = rig_teardown(state);
	close(ingest[0]);
	close(ingest[1]);
	return err;
}

static void restart(struct rig *rig)
{
	rig_kill(rig);
	assert_int_equal(take_up(rig), 0);
}

static struct web *ask(struct rig *rig, enum hz_http_method method, const char *path, const char *body)
{
	char full[200];
	snprintf(full, sizeof(full), "/api/v1/consults/c1/sources%s", path);
	return web_ask(
	    rig, (struct web_ask){.method = method,
	                          .path = full,
	                          .token = rig_sign(rig, (struct rig_token){.sub = "host", .role = "clinic"}),
	                          .body = body});
}

static void add(struct rig *rig, const char *id, const char *kind, const char *url)
{
	char body[300];
	snprintf(body, sizeof(body), "{\"id\":\"%s\",\"name\":\"A\",\"kind\":\"%s\",\"url\":\"%s\"}", id,
	         kind, url);
	struct web *web = ask(rig, HZ_POST, "", body);
	assert_int_equal(web->status, 201);
	web_schema(web, "source");
}

static struct hz_theatre_source *source(const struct rig *rig, const char *id)
{
	return hz_theatre_find(rig->brain, "c1", id);
}

// In any of the database's files, as it lies on the disk now.
static bool on_disk(const struct rig *rig, const char *text)
{
	static const char *const names[] = {"huizhen.db", "huizhen.db-wal"};
	bool found = false;
	for (unsigned i = 0; i < 2; i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", rig->scratch->dir, names[i]);
		FILE *f = fopen(path, "rb");
		if (!f)
			continue;
		static char all[1 << 22];
		size_t bytes = fread(all, 1, sizeof(all), f);
		assert_true(bytes < sizeof(all));
		fclose(f);
		found |= memmem(all, bytes, text, strlen(text)) != NULL;
	}
	return found;
}

static void an_address_is_sealed_and_comes_back(void **state)
{
	struct rig *rig = *state;
	add(rig, "a", "camera", URL);
	assert_int_equal(access(key_file, R_OK), 0); // made when it was needed
	assert_true(on_disk(rig, "\"sealed\""));
	assert_false(on_disk(rig, SECRET));
	restart(rig);
	assert_string_equal(source(rig, "a")->url, URL);
	assert_false(source(rig, "a")->locked);
	assert_null(strstr(ask(rig, HZ_GET, "", NULL)->body, SECRET));
	assert_int_equal(ask(rig, HZ_PATCH, "/a", "{\"enabled\":false}")->status, 200);
	restart(rig);
	assert_string_equal(source(rig, "a")->url, URL);
	assert_int_equal(ask(rig, HZ_DELETE, "/a", NULL)->status, 204);
	restart(rig);
	assert_null(source(rig, "a"));
}

static void rows_of_before_are_sealed_at_the_start(void **state)
{
	struct rig *rig = *state;
	struct hz_store *store = rig->brain->store;
	static const char old[] =
	    "{\"name\":\"A\",\"kind\":\"camera\",\"url\":\"" URL "\",\"loop\":false,\"enabled\":true}";
	assert_int_equal(hz_store_source_put(store, "c1", "a", old), 0);
	assert_int_equal(hz_store_source_put(store, "c1", "b", "{\"name\":\"B\",\"kind\":\"camera\"}"),
	                 0); // no address at all
	assert_int_equal(hz_store_commit(store), 0);
	assert_true(on_disk(rig, SECRET));
	restart(rig);
	assert_string_equal(source(rig, "a")->url, URL);
	assert_null(source(rig, "b"));
	assert_false(on_disk(rig, SECRET)); // nor in the log of the database, nor where the row was
	restart(rig);
	assert_string_equal(source(rig, "a")->url, URL);
}

static void look_locked(struct rig *rig)
{
	assert_true(source(rig, "a")->locked);
	struct web *web = ask(rig, HZ_GET, "/a", NULL);
	web_schema(web, "source");
	assert_string_equal(rig_text(web->json, "state"), "locked");
	assert_string_equal(rig_text(web->json, "url"), "");
	web = ask(rig, HZ_PATCH, "/a", "{\"name\":\"B\"}"); // what is sealed is not written over with nothing
	assert_int_equal(web->status, 409);
	assert_string_equal(web_field(web), "/url");
}

static void with_another_key_it_is_said_again(void **state)
{
	struct rig *rig = *state;
	char away[100];
	add(rig, "a", "camera", URL);
	snprintf(away, sizeof(away), "%s.away", key_file);
	assert_int_equal(rename(key_file, away), 0);
	restart(rig);
	look_locked(rig);                             // there is none
	assert_int_equal(access(key_file, F_OK), -1); // and none is made for reading
	assert_int_equal(rename(away, key_file), 0);
	restart(rig);
	assert_string_equal(source(rig, "a")->url, URL);
	FILE *f = fopen(key_file, "r+b");
	assert_non_null(f);
	fputc(0x55, f);
	fclose(f);
	restart(rig);
	look_locked(rig);
	assert_int_equal(ask(rig, HZ_PATCH, "/a", "{\"url\":\"rtsp://10.0.0.2/cam\"}")->status, 200);
	assert_false(source(rig, "a")->locked);
	restart(rig);
	assert_string_equal(source(rig, "a")->url, "rtsp://10.0.0.2/cam");
}

static bool keep_row(void *arg, const char *consult, const char *id, const char *json)
{
	char **ret = arg;
	(void)consult;
	if (strcmp(id, "a") != 0)
		return true;
	*ret = strdup(json);
	return false;
}

static void a_row_opens_nowhere_else(void **state)
{
	struct rig *rig = *state;
	struct hz_store *store = rig->brain->store;
	char *row = NULL;
	add(rig, "a", "camera", URL);
	assert_int_equal(hz_store_source_all(store, keep_row, &row), 0);
	assert_non_null(row);
	assert_int_equal(hz_store_source_put(store, "c1", "b", row),
	                 0); // its password would go to another's address
	row[strlen(row) / 2] ^= 1;
	assert_int_equal(hz_store_source_put(store, "c1", "c", row), 0);
	static const char *const bad[] = {"", "00", "zz",
	                                  "0011223344556677889900112233445566778899001122334455667"};
	for (unsigned i = 0; i < 4; i++) {
		char id[8], text[200];
		snprintf(id, sizeof(id), "bad%u", i);
		snprintf(text, sizeof(text), "{\"name\":\"B\",\"kind\":\"camera\",\"sealed\":\"%s\"}",
		         bad[i]);
		assert_int_equal(hz_store_source_put(store, "c1", id, text), 0);
	}
	assert_int_equal(hz_store_commit(store), 0);
	free(row);
	restart(rig);
	assert_string_equal(source(rig, "a")->url, URL);
	assert_true(source(rig, "b")->locked && !source(rig, "b")->url[0]);
	assert_true(!source(rig, "c") || source(rig, "c")->locked);
	assert_true(source(rig, "bad1")->locked && source(rig, "bad3")->locked);
}

static void picture(struct rig *rig, const char *id)
{
	struct {
		struct hz_ingest_picture head;
		uint8_t jpeg[4];
	} m = {
	    .head = {.h = {.version = HZ_INGEST_API_VERSION, .type = HZ_INGEST_PICTURE, .bytes = sizeof(m)},
	             .source = source(rig, id)->number,
	             .bytes = 4},
	    .jpeg = {0xff, 0xd8, 0xff, 0xd9}};
	assert_int_equal(hz_seqpacket_send(ingest[1], &m, sizeof(m)), 0);
	assert_int_equal(hz_theatre_read(rig->brain), 0);
}

static void masks(struct rig *rig, const char *part)
{
	char body[300];
	snprintf(body, sizeof(body), "{\"participant\":\"us\",\"source\":\"ultrasound\",%s}", part);
	struct web *web = web_ask(
	    rig,
	    (struct web_ask){.method = HZ_PUT,
	                     .path = "/api/v1/consults/c1/broadcast/masks",
	                     .token = rig_sign(rig, (struct rig_token){.sub = "dir", .role = "director"}),
	                     .body = body});
	assert_int_equal(web->status, 200);
}

static void look_picture(struct rig *rig, const char *path, bool there)
{
	char small[80];
	struct web *web = ask(rig, HZ_GET, path, NULL);
	web_schema(web, "source");
	assert_int_equal(json_is_true(json_object_get(web->json, "withheld")), !there);
	assert_int_equal(json_is_integer(json_object_get(web->json, "thumbnail_ms")), there);
	snprintf(small, sizeof(small), "%s/thumbnail", path);
	assert_int_equal(ask(rig, HZ_GET, small, NULL)->status, there ? 200 : 404);
}

static void no_picture_tells_who_the_patient_is(void **state)
{
	struct rig *rig = *state;
	add(rig, "us", "ultrasound", "rtsp://10.0.0.1/us");
	add(rig, "cam", "camera", "rtsp://10.0.0.2/cam");
	picture(rig, "us");
	picture(rig, "cam");
	look_picture(rig, "/cam", true);
	look_picture(rig, "/us", false); // machines write names
	struct web *web = web_ask(
	    rig,
	    (struct web_ask){
	        .method = HZ_PUT,
	        .path = "/api/v1/consults/c1/broadcast",
	        .token = rig_sign(rig, (struct rig_token){.sub = "dir", .role = "director"}),
	        .body =
	            "{\"title\":\"T\",\"sources\":[{\"participant\":\"us\",\"source\":\"ultrasound\"}]}"});
	assert_int_equal(web->status, 200);
	look_picture(rig, "/us", false);
	masks(rig, "\"identified\":false,\"masks\":[]");
	look_picture(rig, "/us", true); // somebody knows better
	masks(rig, "\"identified\":false,\"masks\":[{\"x\":0,\"y\":0,\"w\":1,\"h\":0.1}]");
	look_picture(rig, "/us", false); // masks are painted for viewers, not on small pictures
	masks(rig, "\"identified\":false,\"masks\":[]");
	look_picture(rig, "/us", true);
	web = web_ask(
	    rig,
	    (struct web_ask){
	        .method = HZ_PUT,
	        .path = "/api/v1/consults/c1/broadcast/masks",
	        .token = rig_sign(rig, (struct rig_token){.sub = "dir", .role = "director"}),
	        .body = "{\"participant\":\"cam\",\"source\":\"camera\",\"identified\":true,\"masks\":[]}"});
	assert_int_equal(web->status, 200);
	look_picture(rig, "/cam", false);
	web = web_ask(rig, (struct web_ask){
	                       .method = HZ_DELETE,
	                       .path = "/api/v1/consults/c1/broadcast",
	                       .token = rig_sign(rig, (struct rig_token){.sub = "dir", .role = "director"})});
	assert_int_equal(web->status, 204);
	look_picture(rig, "/cam", false); // what was said outlives the broadcast
	look_picture(rig, "/us", false);  // but that it tells nobody was said of that one
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
	    T(an_address_is_sealed_and_comes_back), T(rows_of_before_are_sealed_at_the_start),
	    T(with_another_key_it_is_said_again),   T(a_row_opens_nowhere_else),
	    T(no_picture_tells_who_the_patient_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

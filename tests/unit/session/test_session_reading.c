// The table: who may write, what everybody sees and when, its bounds, hostile patches, and what outlives control.
#include "gateway/session/reading_internal.h"
#include "tests/unit/session/record_rig.h"
#include "tests/unit/session/web.h"

#define STUDY  "1.2.840.1"
#define SERIES "1.2.840.1.2"
#define OBJECT "1.2.840.1.2.3"
#define PATH   "/api/v1/consults/c1/table"

static int code(struct rig *rig, struct rig_socket *s, const char *method, json_t *params)
{
	return rig_code(rig_call(rig, s, method, params));
}

static json_int_t version(struct rig_socket *s)
{
	return json_integer_value(json_object_get(rig_result(s->answer), "version"));
}

static int floor_of(struct rig *rig, struct rig_socket *s, const char *action, const char *who)
{
	json_t *params = json_pack("{s:s}", "action", action);
	if (who)
		json_object_set_new(params, "participant", json_string(who));
	return code(rig, s, "table.floor", params);
}

// json: the members of a patch beside base, which is the newest version.
static int patch(struct rig *rig, struct rig_socket *s, const char *json)
{
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	json_t *params = json_loads(json, 0, NULL);
	assert_non_null(params);
	if (!json_object_get(params, "base"))
		json_object_set_new(
		    params, "base",
		    json_integer(consult->reading ? (json_int_t)consult->reading->version : 0));
	rig->now_us += 20000; // as fast as it may be
	rig->wall_us += 20000;
	return code(rig, s, "table.patch", params);
}

static int put_study(struct rig *rig, struct rig_socket *s)
{
	return patch(rig, s,
	             "{\"studies\":{\"put\":[{\"pacs\":\"main\",\"study\":\"" STUDY "\"}]},\"viewports\":["
	             "{\"at\":0,\"image\":{\"pacs\":\"main\",\"study\":\"" STUDY "\",\"series\":\"" SERIES
	             "\"},\"frame\":7,\"center\":40,\"width\":400}]}");
}

#define DRAW(id, more)                                                                                       \
	"{\"id\":\"" id "\",\"kind\":\"line\",\"on\":{\"pacs\":\"main\",\"study\":\"" STUDY                  \
	"\",\"series\":\"" SERIES "\",\"instance\":\"" OBJECT                                                \
	"\",\"frame\":0},\"points\":[[1,2],[3.25,4]]" more "}"

// What a client would have of the table: pages and patches put together, as docs/PROTOCOL.md says.
static json_t *assemble(const struct rig_socket *s)
{
	json_t *table = NULL, *objects = NULL;
	for (size_t i = 0; i < json_array_size(s->pushes); i++) {
		const json_t *push = json_array_get(s->pushes, i), *params = json_object_get(push, "params"),
		             *item;
		const char *method = rig_text(push, "method"), *id, *key;
		char field[HZ_FIELD_BYTES];
		json_t *value;
		size_t k;
		if (strcmp(method, "table") == 0) {
			assert_int_equal(hz_rpc_check_push(HZ_PUSH_TABLE, params, field), 0);
			json_decref(table);
			json_decref(objects);
			table = json_deep_copy(params);
			objects = json_object();
			json_array_foreach(json_object_get(params, "objects"), k, item)
			{
				json_object_set(objects, rig_text(item, "id"), (json_t *)item);
			}
		}
		if (strcmp(method, "table.patch") != 0)
			continue;
		assert_int_equal(hz_rpc_check_push(HZ_PUSH_TABLE_PATCH, params, field), 0);
		if (!table) {
			table = hz_reading_json(NULL, 0, true);
			objects = json_object();
		}
		assert_true(json_integer_value(json_object_get(params, "base")) <=
		            json_integer_value(json_object_get(table, "version")));
		json_object_foreach((json_t *)params, key, value)
		{
			if (strcmp(key, "base") && strcmp(key, "put") && strcmp(key, "gone") &&
			    strcmp(key, "viewports"))
				json_object_set(table, key, value);
		}
		json_array_foreach(json_object_get(params, "viewports"), k, item)
		{
			json_array_set(json_object_get(table, "viewports"),
			               (size_t)json_integer_value(json_object_get(item, "at")),
			               (json_t *)item);
		}
		json_array_foreach(json_object_get(params, "gone"), k, item)
		{
			id = json_string_value(item);
			json_object_del(objects, id);
		}
		json_array_foreach(json_object_get(params, "put"), k, item)
		{
			json_object_set(objects, rig_text(item, "id"), (json_t *)item);
		}
	}
	if (table)
		json_object_set(table, "objects", objects);
	json_decref(objects);
	return table;
}

static void same_table(const struct rig_socket *a, const struct rig_socket *b)
{
	json_t *x = assemble(a), *y = assemble(b);
	assert_non_null(x);
	assert_true(json_equal(x, y));
	json_decref(x);
	json_decref(y);
}

static void floor_goes_by_role(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *clinic = rig_join(rig, "clinic", "clinic"),
	                  *expert = rig_join(rig, "expert", "expert");
	struct rig_socket *other = rig_join(rig, "other", "expert"),
	                  *seen = rig_join(rig, "seen", "observer");
	assert_null(rig_push(clinic, "table")); // nothing lies there
	assert_int_equal(floor_of(rig, seen, "take", NULL), HZ_RPC_NOT_ALLOWED);
	assert_int_equal(patch(rig, seen, "{}"), HZ_RPC_NOT_ALLOWED);
	assert_int_equal(patch(rig, clinic, "{}"), HZ_RPC_NO_FLOOR);
	assert_string_equal(rig_field(clinic->answer, "reason"), "");
	assert_int_equal(floor_of(rig, clinic, "take", NULL), 0);
	assert_int_equal(put_study(rig, clinic), 0);
	assert_int_equal(put_study(rig, expert), HZ_RPC_NO_FLOOR);
	assert_string_equal(rig_field(expert->answer, "reason"), "clinic");
	assert_int_equal(floor_of(rig, expert, "pass", "other"), HZ_RPC_NO_FLOOR);
	assert_int_equal(floor_of(rig, expert, "release", NULL), HZ_RPC_NO_FLOOR);
	assert_int_equal(floor_of(rig, expert, "take", NULL), 0); // the higher role
	assert_int_equal(floor_of(rig, clinic, "take", NULL), HZ_RPC_NO_FLOOR);
	assert_int_equal(floor_of(rig, other, "take", NULL), HZ_RPC_NO_FLOOR);
	assert_int_equal(floor_of(rig, other, "ask", NULL), 0);
	assert_int_equal(floor_of(rig, other, "ask", NULL), 0);
	rig_advance(rig, 100);
	json_t *table = assemble(seen), *floor = json_object_get(table, "floor");
	assert_string_equal(rig_text(floor, "holder"), "expert");
	assert_int_equal(json_array_size(json_object_get(floor, "asked")), 1);
	json_decref(table);
	assert_int_equal(floor_of(rig, expert, "pass", "seen"), HZ_RPC_NOT_FOUND);
	assert_int_equal(floor_of(rig, expert, "pass", "nobody"), HZ_RPC_NOT_FOUND);
	assert_int_equal(floor_of(rig, expert, "pass", "other"), 0);
	assert_int_equal(
	    json_array_size(json_object_get(json_object_get(rig_result(expert->answer), "floor"), "asked")),
	    0);
	assert_int_equal(put_study(rig, expert), HZ_RPC_NO_FLOOR);
	// Who is away can be followed by anybody; who has left holds nothing.
	rig_lose(rig, other);
	assert_int_equal(floor_of(rig, clinic, "take", NULL), 0);
	assert_int_equal(code(rig, clinic, "leave", NULL), 0);
	rig_advance(rig, 100);
	table = assemble(seen);
	assert_true(json_is_null(json_object_get(json_object_get(table, "floor"), "holder")));
	json_decref(table);
	assert_int_equal(floor_of(rig, expert, "take", NULL), 0);
}

static void versions(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *clinic = rig_join(rig, "clinic", "clinic"),
	                  *expert = rig_join(rig, "expert", "expert");
	assert_int_equal(floor_of(rig, clinic, "take", NULL), 0);
	json_int_t before = version(clinic);
	assert_int_equal(put_study(rig, clinic), 0);
	json_int_t seen = version(clinic);
	assert_true(seen > before);
	assert_int_equal(patch(rig, clinic, "{\"base\":99999999,\"linked\":true}"), HZ_RPC_CONFLICT);
	assert_string_equal(rig_field(clinic->answer, "field"), "/base");
	assert_int_equal(floor_of(rig, clinic, "pass", "expert"), 0);
	assert_int_equal(version(clinic), seen + 1);
	char text[80];
	snprintf(text, sizeof(text), "{\"base\":%lld,\"linked\":true}", (long long)seen);
	assert_int_equal(patch(rig, expert, text), HZ_RPC_CONFLICT); // of before the floor was its
	snprintf(text, sizeof(text), "{\"base\":%lld,\"linked\":true}", (long long)seen + 1);
	assert_int_equal(patch(rig, expert, text), 0);
	assert_int_equal(patch(rig, expert, text), 0); // its own patches in flight are no conflict
}

static void refused_whole(void **state)
{
	static const struct {
		const char *patch;
		int code;
		const char *key, *value;
	} bad[] = {
	    {"{\"linked\":1}", HZ_RPC_INVALID_PARAMS, "field", "/linked"},
	    {"{\"layout\":\"nine\"}", HZ_RPC_INVALID_PARAMS, "field", "/layout"},
	    {"{\"more\":1}", HZ_RPC_INVALID_PARAMS, "field", "/more"},
	    {"{\"base\":-1}", HZ_RPC_INVALID_PARAMS, "field", "/base"},
	    {"{\"base\":1.5}", HZ_RPC_INVALID_PARAMS, "field", "/base"},
	    {"{\"viewports\":[{\"at\":4}]}", HZ_RPC_INVALID_PARAMS, "field", "/viewports/0/at"},
	    {"{\"viewports\":[{\"frame\":1}]}", HZ_RPC_INVALID_PARAMS, "field", "/viewports/0/at"},
	    {"{\"viewports\":[{\"at\":0,\"zoom\":1e300}]}", HZ_RPC_INVALID_PARAMS, "field",
	     "/viewports/0/zoom"},
	    {"{\"viewports\":[{\"at\":0,\"zoom\":0}]}", HZ_RPC_INVALID_PARAMS, "field", "/viewports/0/zoom"},
	    {"{\"viewports\":[{\"at\":0,\"center\":\"40\"}]}", HZ_RPC_INVALID_PARAMS, "field",
	     "/viewports/0/center"},
	    {"{\"linked\":true,\"viewports\":[{\"at\":1,\"image\":{\"pacs\":\"main\",\"study\":\"1.9\","
	     "\"series\":\"1.2\"}}]}",
	     HZ_RPC_NOT_FOUND, "field", "/viewports/0/image"},
	    {"{\"viewports\":[{\"at\":1,\"image\":{\"pacs\":\"../"
	     "x\",\"study\":\"1.9\",\"series\":\"1.2\"}}]}",
	     HZ_RPC_INVALID_PARAMS, "field", "/viewports/0/image/pacs"},
	    {"{\"studies\":{\"put\":[{\"pacs\":\"main\",\"study\":\"1.2.\"}]}}", HZ_RPC_INVALID_PARAMS,
	     "field", "/studies/put/0/study"},
	    {"{\"linked\":true,\"put\":[" DRAW("a", "") "," DRAW("a", "") "]}", HZ_RPC_INVALID_PARAMS,
	     "field", "/put/1/id"},
	    {"{\"put\":[" DRAW("a", ",\"by\":\"expert\"") "]}", HZ_RPC_INVALID_PARAMS, "field", "/put/0/by"},
	    {"{\"put\":[" DRAW("../..", "") "]}", HZ_RPC_INVALID_PARAMS, "field", "/put/0/id"},
	    {"{\"put\":[{\"id\":\"a\",\"kind\":\"line\",\"on\":{\"participant\":\"p\",\"source\":\"camera\"},"
	     "\"points\":[]}]}",
	     HZ_RPC_INVALID_PARAMS, "field", "/put/0/points"},
	    {"{\"put\":[{\"id\":\"a\",\"kind\":\"line\",\"on\":{\"participant\":\"p\",\"source\":\"camera\"},"
	     "\"points\":[[1,2,3]]}]}",
	     HZ_RPC_INVALID_PARAMS, "field", "/put/0/points/0"},
	    {"{\"put\":[{\"id\":\"a\",\"kind\":\"line\",\"on\":{\"participant\":\"p\",\"source\":\"camera\"},"
	     "\"points\":[[1,1e9]]}]}",
	     HZ_RPC_INVALID_PARAMS, "field", "/put/0/points/0/1"},
	    {"{\"put\":[{\"id\":\"a\",\"kind\":\"line\",\"on\":{\"participant\":\"p\",\"source\":\"camera\"},"
	     "\"points\":[[0,1],[0.5,1.01]]}]}",
	     HZ_RPC_INVALID_PARAMS, "field", "/put/0/points/1/1"},
	    {"{\"put\":[{\"id\":\"a\",\"kind\":\"line\",\"on\":{\"participant\":\"p\",\"source\":\"camera\"},"
	     "\"points\":[[0,1],[1,0]],\"value\":7,\"unit\":\"mm\"}]}",
	     HZ_RPC_INVALID_PARAMS, "field", "/put/0/unit"},
	    {"{\"put\":[" DRAW("a", ",\"fades_s\":0") "]}", HZ_RPC_INVALID_PARAMS, "field", "/put/0/fades_s"},
	    {"{\"linked\":true,\"put\":[{\"id\":\"a\",\"kind\":\"text\",\"on\":{\"pacs\":\"main\",\"study\":"
	     "\"1.9\",\"series\":\"1.2\",\"instance\":\"1.3\",\"frame\":0},\"points\":[[1,1]]}]}",
	     HZ_RPC_NOT_FOUND, "field", "/put/0/on"},
	};
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "clinic", "clinic");
	assert_int_equal(floor_of(rig, s, "take", NULL), 0);
	assert_int_equal(put_study(rig, s), 0);
	rig_advance(rig, 100);
	json_t *before = assemble(s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(patch(rig, s, bad[i].patch), bad[i].code);
		assert_string_equal(rig_field(s->answer, bad[i].key), bad[i].value);
	}
	rig_advance(rig, 100);
	json_t *after = assemble(s);
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	// Another consult's member has nothing to do with this one.
	rig_consult(rig, "c2");
	struct rig_socket *foreign = rig_join_with(
	    rig, rig_sign(rig, (struct rig_token){.sub = "clinic", .role = "clinic", .consult = "c2"}));
	assert_int_equal(patch(rig, foreign, "{\"linked\":true}"), HZ_RPC_NO_FLOOR);
	const char *token = rig_sign(rig, (struct rig_token){.sub = "x", .role = "expert", .consult = "c2"});
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = PATH, .token = token})->status, 403);
}

static void bounded(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "clinic", "clinic");
	assert_int_equal(floor_of(rig, s, "take", NULL), 0);
	assert_int_equal(put_study(rig, s), 0);
	struct hz_reading *r = ((struct hz_consult *)hz_map_get(rig->brain->consults, "c1"))->reading;
	int err = 0, made = 0;
	for (; !err && made < 600; made++) {
		json_t *points = json_array(), *object;
		char id[16];
		snprintf(id, sizeof(id), "o%d", made);
		for (int i = 0; i < 100; i++)
			json_array_append_new(points, json_pack("[f,f]", i * 0.00123456789, made * 0.001));
		object = json_pack("{s:s, s:s, s:{s:s, s:s}, s:o}", "id", id, "kind", "freehand", "on",
		                   "participant", "p", "source", "endoscope", "points", points);
		json_t *params = json_pack("{s:I, s:[o]}", "base", (json_int_t)r->version, "put", object);
		rig->now_us += 20000;
		err = code(rig, s, "table.patch", params);
	}
	assert_int_equal(err, HZ_RPC_LIMIT);
	assert_string_equal(rig_field(s->answer, "limit"), "objects");
	assert_true(made > 50);
	assert_true(r->bytes <= HZ_READING_BYTES);
	// Who comes now gets all of it, page by page.
	struct rig_socket *late = rig_join(rig, "late", "expert");
	const json_t *page = rig_push(late, "table");
	size_t count = json_array_size(json_object_get(page, "objects"));
	unsigned pages = 1;
	while (json_is_integer(json_object_get(page, "next"))) {
		page = json_object_get(
		    rig_result(rig_call(rig, late, "table.get",
		                        json_pack("{s:O}", "after", json_object_get(page, "next")))),
		    "table");
		count += json_array_size(json_object_get(page, "objects"));
		pages++;
		rig->now_us += 20000;
	}
	assert_int_equal(count, made - 1);
	assert_true(pages > 3 && pages < 12);
	assert_int_equal(patch(rig, s, "{\"clear\":true}"), 0);
	// One that is too large alone; too many studies; removals faster than the store takes them in.
	char text[20000] = "{\"put\":[{\"id\":\"b\",\"kind\":\"text\",\"text\":\"";
	for (int i = 0; i < 200; i++)
		strcat(text, "\xf0\x9f\xa9\xba");
	strcat(text, "\",\"on\":{\"pacs\":\"main\",\"study\":\"" STUDY "\",\"series\":\"" SERIES
	             "\",\"instance\":\"" OBJECT "\",\"frame\":0},\"points\":[[0,0]");
	for (int i = 0; i < 199; i++)
		strcat(text, ",[-123456.789012345,-123456.789012345]");
	strcat(text, "]}]}");
	assert_int_equal(patch(rig, s, text), 0); // the most that the schema lets through fits
	assert_int_equal(patch(rig, s, "{\"clear\":true}"), 0);
	assert_int_equal(r->count, 0);
	assert_int_equal(r->bytes, 0);
	for (int i = 0; i < HZ_READING_STUDIES; i++) {
		snprintf(text, sizeof(text),
		         "{\"studies\":{\"put\":[{\"pacs\":\"main\",\"study\":\"1.3.%d\"}]}}", i);
		err = patch(rig, s, text);
		assert_int_equal(err, i < HZ_READING_STUDIES - 1 ? 0 : HZ_RPC_LIMIT);
	}
	for (int i = 0; i < 70; i++)
		rig_call(rig, s, "table.patch", json_pack("{s:I}", "base", (json_int_t)r->version));
	assert_int_equal(rig_code(s->answer), HZ_RPC_TOO_FAST);
}

static void everybody_has_the_same(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "expert", "expert"), *seen = rig_join(rig, "seen", "observer");
	struct rig_socket *theatre = rig_join(rig, "or", "theatre");
	assert_int_equal(floor_of(rig, s, "take", NULL), 0);
	assert_int_equal(put_study(rig, s), 0);
	rig_advance(rig, 100);
	rig_clear(theatre);
	unsigned before = rig_pushes(seen, "table.patch");
	// Scrolling is put together: not a push each.
	for (int i = 0; i < 20; i++) {
		char text[80];
		snprintf(text, sizeof(text), "{\"viewports\":[{\"at\":0,\"frame\":%d,\"zoom\":1.%d}]}", i, i);
		rig->now_us -= 15000;
		assert_int_equal(patch(rig, s, text), 0);
	}
	rig_advance(rig, 100);
	unsigned pushes = rig_pushes(seen, "table.patch") - before;
	assert_true(pushes >= 4 && pushes <= 7);
	assert_int_equal(
	    patch(rig, s,
	          "{\"put\":[" DRAW("a", ",\"text\":\"3 mm\",\"value\":3.1234567890123") "," DRAW("b",
	                                                                                          "") "]}"),
	    0);
	assert_int_equal(patch(rig, s,
	                       "{\"remove\":[\"a\",\"gone\"],\"put\":[" DRAW("b", ",\"color\":255") "," DRAW(
	                           "c", "") "]}"),
	                 0);
	assert_int_equal(
	    patch(rig, s, "{\"remove\":[\"c\"],\"put\":[" DRAW("c", ",\"color\":1") "," DRAW("a", "") "]}"),
	    0);
	struct rig_socket *late = rig_join(rig, "late", "clinic");
	rig_advance(rig, 100);
	same_table(s, seen);
	same_table(seen, late);
	json_t *table = assemble(late);
	assert_int_equal(json_object_size(json_object_get(table, "objects")), 3);
	json_t *viewport = json_array_get(json_object_get(table, "viewports"), 0);
	assert_int_equal(json_integer_value(json_object_get(viewport, "frame")), 19);
	assert_int_equal(json_integer_value(json_object_get(viewport, "center")), 40);
	json_decref(table);
	assert_null(rig_push(theatre, "table.patch")); // it sees nothing else either
	// A study that is taken away takes its drawings with it, and what showed it shows nothing.
	assert_int_equal(
	    patch(rig, s, "{\"studies\":{\"remove\":[{\"pacs\":\"main\",\"study\":\"" STUDY "\"}]}}"), 0);
	rig_advance(rig, 100);
	table = assemble(late);
	assert_int_equal(json_object_size(json_object_get(table, "objects")), 0);
	assert_true(
	    json_is_null(json_object_get(json_array_get(json_object_get(table, "viewports"), 0), "image")));
	json_decref(table);
}

static void lobby_sees_nothing(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "clinic", "clinic"),
	                  *patient = rig_join(rig, "patient", "patient");
	assert_int_equal(floor_of(rig, host, "take", NULL), 0);
	assert_int_equal(put_study(rig, host), 0);
	assert_int_equal(code(rig, patient, "table.get", NULL), HZ_RPC_NOT_ADMITTED);
	assert_int_equal(
	    code(rig, host, "table.pointer", json_pack("{s:i, s:i, s:i}", "at", 0, "x", 1, "y", 2)), 0);
	rig_advance(rig, 100);
	assert_null(rig_push(patient, "table"));
	assert_null(rig_push(patient, "table.patch"));
	assert_null(rig_push(patient, "table.pointer"));
	static char token[4096];
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "patient", .role = "patient"}));
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = PATH, .token = token})->status, 403);
	assert_int_equal(code(rig, host, "lobby.admit", json_pack("{s:s}", "participant", "patient")), 0);
	assert_non_null(rig_push(patient, "table"));
	const struct web *web =
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = PATH, .token = token});
	assert_int_equal(web->status, 200);
	assert_int_equal(json_array_size(json_object_get(web->json, "studies")), 1);
	rig_clear(host);
	assert_int_equal(code(rig, patient, "table.pointer", json_pack("{s:i}", "at", 0)),
	                 HZ_RPC_NOT_ALLOWED);
	int fast = 0;
	for (int i = 0; i < 10; i++)
		fast += code(rig, host, "table.pointer",
		             json_pack("{s:i, s:i, s:i}", "at", 0, "x", i, "y", 2)) == HZ_RPC_TOO_FAST;
	assert_true(fast >= 4);
	assert_string_equal(rig_text(rig_push(patient, "table.pointer"), "from"), "clinic");
	assert_null(rig_push(host, "table.pointer"));
}

static void outlives_control(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *s = rig_join(rig, "expert", "expert");
	static char key[64];
	snprintf(key, sizeof(key), "%s", rig_text(rig_result(s->answer), "resume_key"));
	assert_int_equal(floor_of(rig, s, "take", NULL), 0);
	assert_int_equal(put_study(rig, s), 0);
	assert_int_equal(patch(rig, s, "{\"layout\":\"pair\",\"put\":[" DRAW("a", "") "," DRAW("b", "") "]}"),
	                 0);
	assert_int_equal(patch(rig, s, "{\"remove\":[\"a\"]}"), 0);
	for (int i = 0; i < 3; i++)
		rig_advance(rig, 250); // within a second
	json_t *before = assemble(s);
	json_int_t old = json_integer_value(json_object_get(before, "version"));
	rig_kill(rig);
	s = rig_open(rig);
	rig_result(rig_call(rig, s, "join", json_pack("{s:s}", "resume_key", key)));
	json_t *after = assemble(s);
	assert_non_null(after);
	assert_true(json_integer_value(json_object_get(after, "version")) > old);
	json_object_del(before, "version");
	json_object_del(after, "version");
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
	char text[80];
	snprintf(text, sizeof(text), "{\"base\":%lld,\"linked\":true}", (long long)old);
	assert_int_equal(patch(rig, s, text), HZ_RPC_CONFLICT); // of a state that may have had more
	assert_int_equal(patch(rig, s, "{\"linked\":true,\"put\":[" DRAW("c", "") "]}"), 0);
	hz_reading_save(rig->brain); // an end in good order waits for no tick
	rig_kill(rig);
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	struct hz_reading *reading = NULL;
	assert_int_equal(hz_reading_of(rig->brain, consult, false, &reading), 0);
	assert_non_null(reading);
	assert_non_null(hz_reading_find(reading, "c"));
	assert_int_equal(hz_reading_find(reading, "c")->n, 3); // no number twice
	assert_int_equal(hz_consult_close(rig->brain, consult), 0);
	rig_kill(rig);
	rig_consult(rig, "c3");
}

// What was looked at is in the record; what was drawn only of who consented.
static void in_the_record(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *clinic = join_saying(rig, "clinic", "clinic", true);
	struct rig_socket *expert = join_saying(rig, "expert", "expert", false);
	assert_int_equal(floor_of(rig, clinic, "take", NULL), 0);
	assert_int_equal(put_study(rig, clinic), 0);
	assert_int_equal(patch(rig, clinic, "{\"put\":[" DRAW("a", "") "]}"), 0);
	rig_advance(rig, 300); // before the record: it gets the whole of it
	rig_result(rig_call(rig, clinic, "record.start", NULL));
	rig_advance(rig, 300);
	rig_advance(rig, 300);
	struct fake_record *record = fake_record_newest();
	json_t *event = NULL;
	assert_int_equal(fake_events(record, "table", NULL, &event), 1);
	const json_t *detail = json_object_get(event, "detail");
	assert_int_equal(json_array_size(json_object_get(detail, "studies")), 1);
	assert_int_equal(json_array_size(json_object_get(detail, "viewports")), HZ_READING_VIEWPORTS);
	assert_int_equal(json_array_size(json_object_get(detail, "put")), 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(patch(rig, clinic, "{\"viewports\":[{\"at\":0,\"frame\":9}]}"), 0);
	rig_advance(rig, 300);
	assert_int_equal(fake_events(record, "table", "clinic", &event), 2);
	detail = json_object_get(event, "detail");
	assert_int_equal(json_array_size(json_object_get(detail, "viewports")), 1);
	assert_null(json_object_get(detail, "put"));
	assert_int_equal(floor_of(rig, expert, "take", NULL), 0);
	assert_int_equal(patch(rig, expert, "{\"linked\":true,\"put\":[" DRAW("b", "") "]}"), 0);
	rig_advance(rig, 300);
	assert_int_equal(fake_events(record, "table", "expert", &event), 1);
	assert_true(json_is_true(json_object_get(json_object_get(event, "detail"), "linked")));
	assert_null(json_object_get(json_object_get(event, "detail"), "put"));
	assert_int_equal(patch(rig, expert, "{\"remove\":[\"a\"]}"), 0);
	rig_advance(rig, 300);
	assert_int_equal(fake_events(record, "table", "expert", &event), 2);
	assert_int_equal(json_array_size(json_object_get(json_object_get(event, "detail"), "gone")), 1);
}

#define OVER(id, who, more)                                                                                  \
	"{\"id\":\"" id "\",\"kind\":\"arrow\",\"on\":{\"participant\":\"" who                               \
	"\",\"source\":\"endoscope\"},\"points\":[[0.1,0.2],[0.5,1]]" more "}"

static unsigned drawn(struct rig *rig)
{
	return ((struct hz_consult *)hz_map_get(rig->brain->consults, "c1"))->reading->count;
}

static void wait_ms(struct rig *rig, int ms)
{
	for (; ms > 0; ms -= 250)
		rig_advance(rig, 190); // and 60
}

// Drawings over moving pictures: fade, are wiped by who drew them and by hosts, and go with whose picture it is.
static void over_pictures(void **state)
{
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	struct rig_socket *expert = rig_join(rig, "expert", "expert"),
	                  *clinic = rig_join(rig, "clinic", "clinic"),
	                  *theatre = rig_join(rig, "theatre", "theatre");
	assert_int_equal(floor_of(rig, expert, "take", NULL), 0);
	assert_int_equal(put_study(rig, expert), 0);
	assert_int_equal(patch(rig, expert,
	                       "{\"put\":[" OVER("a", "theatre", "") "," OVER(
	                           "b", "theatre", ",\"fades_s\":2") "," DRAW("d", "") "]}"),
	                 0);
	wait_ms(rig, 1500);
	assert_int_equal(patch(rig, expert, "{\"put\":[" OVER("b", "theatre", ",\"fades_s\":2") "]}"), 0);
	wait_ms(rig, 1500);
	assert_int_equal(drawn(rig), 3); // its time began anew
	wait_ms(rig, 1500);
	assert_int_equal(drawn(rig), 2);
	// Without the images in hand: nothing is drawn; hosts wipe what is over pictures, and nothing else.
	assert_int_equal(patch(rig, clinic, "{\"put\":[" OVER("x", "theatre", "") "]}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(patch(rig, clinic, "{\"clear\":true}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(patch(rig, clinic, "{\"remove\":[\"d\"]}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(patch(rig, clinic, "{\"remove\":[\"a\"],\"linked\":true}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(patch(rig, clinic, "{\"remove\":[\"a\",\"never was\"]}"), HZ_RPC_INVALID_PARAMS);
	assert_int_equal(patch(rig, clinic, "{\"remove\":[\"a\",\"unknown\"],\"base\":0}"), 0);
	assert_int_equal(drawn(rig), 1);
	// Who drew may take it back after the images were handed over.
	assert_int_equal(patch(rig, expert, "{\"put\":[" OVER("c", "theatre", "") "]}"), 0);
	assert_int_equal(floor_of(rig, expert, "pass", "clinic"), 0);
	assert_int_equal(patch(rig, expert, "{\"remove\":[\"d\"]}"), 0);
	assert_int_equal(patch(rig, clinic, "{\"put\":[" OVER("e", "expert", "") "]}"), 0);
	assert_int_equal(patch(rig, expert, "{\"remove\":[\"e\"]}"), HZ_RPC_NO_FLOOR);
	assert_int_equal(drawn(rig), 2);
	// Whoever leaves takes along what lay on their picture.
	assert_int_equal(code(rig, theatre, "leave", json_object()), 0);
	assert_int_equal(drawn(rig), 1);
	rig_advance(rig, 100);
	struct rig_socket *late = rig_join(rig, "late", "expert");
	json_t *seen = assemble(late);
	assert_int_equal(json_object_size(json_object_get(seen, "objects")), 1);
	json_decref(seen);
	same_table(expert, clinic);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(floor_goes_by_role, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(versions, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(refused_whole, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(bounded, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(over_pictures, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(everybody_has_the_same, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(lobby_sees_nothing, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(outlives_control, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(in_the_record, setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

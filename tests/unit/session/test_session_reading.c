// The table: who may write, its versions, its bounds, and hostile patches.
#include "tests/unit/session/reading_rig.h"

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
	    {"{\"linked\":true,\"viewports\":[{\"at\":1," MARKS("1.9") "}]}", HZ_RPC_NOT_FOUND, "field",
	     "/viewports/0/marks"},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(floor_goes_by_role, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(versions, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(refused_whole, rig_setup, rig_teardown),
	    cmocka_unit_test_setup_teardown(bounded, rig_setup, rig_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// The validator, by properties that must hold for every schema of ours: a made value holds; without a required member,
// with an unknown one, or with a member of another type it does not, and the right member is named.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/protocol/format.h"
#include "signaling/protocol/problem.h"
#include "signaling/protocol/schema.h"

static const char *const files[] = {"types", "requests", "pushes", "rest"};

static json_t *read_file(const char *name)
{
	char path[300];
	snprintf(path, sizeof(path), "%s/signaling/protocol/schema/%s.json", HZ_SOURCE_DIR, name);
	json_t *whole = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(whole);
	return whole;
}

static const char *text_of(const char *format, size_t min)
{
	static char many[64];
	if (!format || !strcmp(format, "hz-text") || !strcmp(format, "hz-lines")) {
		assert_true(min < sizeof(many));
		memset(many, 'x', sizeof(many));
		many[min] = '\0';
		return many;
	}
	if (!strcmp(format, "hz-track"))
		return "t1f";
	if (!strcmp(format, "hz-date"))
		return "1960-02-29";
	if (!strcmp(format, "hz-uid"))
		return "1.2.840.0.10";
	return "a-1"; // hz-id, hz-mid
}

static const json_t *follow(const char *file, const json_t *schema, const char **ret_file)
{
	const char *ref = json_string_value(json_object_get(schema, "$ref"));
	*ret_file = file;
	if (!ref)
		return schema;
	if (!strncmp(ref, "types.json", 10))
		*ret_file = "types";
	return follow(*ret_file, hz_schema_find(*ret_file, strrchr(ref, '/') + 1), ret_file);
}

// A value that holds to the schema, with every member.
static json_t *make(const char *file, const json_t *schema)
{
	schema = follow(file, schema, &file);
	assert_non_null(schema);
	const char *type = json_string_value(json_object_get(schema, "type"));
	const json_t *any = json_object_get(schema, "anyOf"), *words = json_object_get(schema, "enum");
	if (any)
		return make(file, json_array_get(any, 0));
	if (words)
		return json_copy(json_array_get(words, json_array_size(words) - 1));
	if (!strcmp(type, "object")) {
		json_t *object = json_object(), *member;
		const char *key;
		json_object_foreach(json_object_get(schema, "properties"), key, member)
		    json_object_set_new(object, key, make(file, member));
		return object;
	}
	if (!strcmp(type, "array")) {
		json_t *array = json_array();
		json_int_t least = json_integer_value(json_object_get(schema, "minItems"));
		do
			json_array_append_new(array, make(file, json_object_get(schema, "items")));
		while (--least > 0);
		return array;
	}
	if (!strcmp(type, "string"))
		return json_string(text_of(json_string_value(json_object_get(schema, "format")),
		                           (size_t)json_integer_value(json_object_get(schema, "minLength"))));
	if (!strcmp(type, "boolean"))
		return json_true();
	if (!strcmp(type, "null"))
		return json_null();
	if (json_is_real(json_object_get(schema, "minimum")))
		return json_real(json_real_value(json_object_get(schema, "minimum")));
	return json_integer(json_integer_value(json_object_get(schema, "minimum")));
}

static void expect(const char *file, const char *name, const json_t *value, const char *wanted)
{
	char field[HZ_FIELD_BYTES];
	int err = hz_schema_check(hz_schema_find(file, name), value, field);
	if (!wanted && err)
		fail_msg("%s %s: refused at %s", file, name, field);
	if (wanted && (err != -EINVAL || strcmp(field, wanted) != 0))
		fail_msg("%s %s: %d at '%s' instead of '%s'", file, name, err, err ? field : "", wanted);
}

static void check_object(const char *file, const char *name, const json_t *schema, json_t *value)
{
	char pointer[HZ_FIELD_BYTES];
	size_t i;
	json_t *one;
	const char *key;
	json_array_foreach(json_object_get(schema, "required"), i, one)
	{
		json_t *less = json_copy(value);
		json_object_del(less, json_string_value(one));
		snprintf(pointer, sizeof(pointer), "/%s", json_string_value(one));
		expect(file, name, less, pointer);
		json_decref(less);
	}
	json_t *more = json_copy(value);
	json_object_set_new(more, "hz~un/known", json_integer(1));
	expect(file, name, more, "/hz~0un~1known");
	json_decref(more);
	json_object_foreach(json_object_get(schema, "properties"), key, one)
	{
		json_t *wrong = json_copy(value);
		json_object_set_new(wrong, key, json_pack("[[]]")); // nothing of ours is a list of lists
		char got[HZ_FIELD_BYTES];
		snprintf(pointer, sizeof(pointer), "/%s", key);
		assert_int_equal(hz_schema_check(hz_schema_find(file, name), wrong, got), -EINVAL);
		if (strncmp(got, pointer, strlen(pointer)) != 0)
			fail_msg("%s %s: '%s' instead of '%s'", file, name, got, pointer);
		json_decref(wrong);
	}
}

static void test_every_schema(void **state)
{
	unsigned count = 0;
	(void)state;
	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		json_t *whole = read_file(files[f]), *schema;
		const char *name;
		json_object_foreach(json_object_get(whole, "$defs"), name, schema)
		{
			const char *file;
			json_t *value = make(files[f], schema);
			const json_t *target = follow(files[f], schema, &file);
			expect(files[f], name, value, NULL);
			if (json_is_object(value) && !json_object_get(target, "anyOf"))
				check_object(files[f], name, target, value);
			static const char *const others[] = {"null", "[]", "17.5", "\"\\u2028\"",
			                                     "{\"a\":{}}"};
			for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
				char field[HZ_FIELD_BYTES];
				json_t *other = json_loads(others[i], JSON_DECODE_ANY, NULL);
				bool plain =
				    strcmp(name, "sdp") == 0 && i == 3; // any text is one, to the schema
				if (!plain)
					assert_int_equal(
					    hz_schema_check(hz_schema_find(files[f], name), other, field),
					    -EINVAL);
				json_decref(other);
			}
			json_decref(value);
			count++;
		}
		json_decref(whole);
	}
	assert_true(count > 60);
	assert_null(hz_schema_find("requests", "nothing"));
	assert_null(hz_schema_find("nothing", "state"));
}

static void test_bounds(void **state)
{
	static const struct {
		const char *file, *name, *value, *field; // field NULL: good
	} cases[] = {
	    {"types", "id", "\"a\"", NULL},
	    {"types", "id", "\"0123456789012345678901234567890123456789012345678901234567890123\"", NULL},
	    {"types", "id", "\"01234567890123456789012345678901234567890123456789012345678901234\"", ""},
	    {"types", "id", "\"\"", ""},
	    {"types", "id", "\"a b\"", ""},
	    {"types", "id", "\"\xe4\xbc\x9a\"", ""},
	    {"types", "track_id", "\"t0\"", NULL},
	    {"types", "track_id", "\"T0\"", ""},
	    {"types", "track_id", "\"t\"", ""},
	    {"types", "track_id", "\"tg\"", ""},
	    {"types", "mid", "\"audio-0\"", NULL},
	    {"types", "mid", "\"a b\"", ""},
	    {"types", "mid", "\"12345678901234567\"", ""},
	    {"types", "name", "\"\xe7\x8e\x8b\xe5\x8c\xbb\xe7\x94\x9f\"", NULL},
	    {"types", "name", "\"a\\nb\"", ""},
	    {"types", "name", "\"a\\u007f\"", ""},
	    {"types", "name", "\"a\\u0085\"", ""},
	    {"types", "time_ms", "-1", ""},
	    {"types", "time_ms", "1.0", ""},
	    {"types", "role", "\"Patient\"", ""},
	    {"rest", "link.create", "{\"role\":\"patient\",\"name\":\"n\",\"ttl_s\":59}", "/ttl_s"},
	    {"rest", "link.create", "{\"role\":\"patient\",\"name\":\"n\",\"ttl_s\":60}", NULL},
	    {"rest", "link.create", "{\"role\":\"patient\",\"name\":\"\"}", "/name"},
	    {"rest", "consult.update", "{\"status\":\"open\"}", "/status"},
	    {"rest", "consult.update", "{}", NULL},
	    {"requests", "join.params", "{}", "/token"},
	    {"requests", "join.params", "{\"token\":5}", "/token"},
	    {"requests", "join.params", "{\"resume_key\":5}", "/resume_key"},
	    {"requests", "join.params", "{\"token\":\"t\",\"client\":{\"name\":\"n\",\"version\":7}}",
	     "/client/version"},
	    {"requests", "join.params", "{\"token\":\"t\",\"resume_key\":\"r\"}", "/resume_key"},
	    {"requests", "offer.params",
	     "{\"sdp\":\"v\",\"recv\":[{\"mid\":\"0\"},{\"mid\":\"1\",\"group\":5}]}", "/recv/1/group"},
	    {"requests", "offer.params", "{\"sdp\":\"v\",\"recv\":[{\"mid\":\"0\",\"group\":null}]}", NULL},
	    {"requests", "offer.params", "{\"sdp\":\"v\",\"publish\":[1,1,1,1,1,1,1,1,1]}", "/publish"},
	    {"requests", "subscribe.params", "{\"items\":[]}", "/items"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *value = json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
		assert_non_null(value);
		expect(cases[i].file, cases[i].name, value, cases[i].field);
		json_decref(value);
	}
	char field[HZ_FIELD_BYTES];
	assert_int_equal(hz_schema_check(NULL, NULL, field), -EINVAL);
}

// Lengths are characters, not bytes; a field name of the client's that is too long does not overflow ours.
static void test_long(void **state)
{
	char text[4096], field[HZ_FIELD_BYTES];
	(void)state;
	for (int n = 80; n <= 81; n++) {
		text[0] = '\0';
		for (int i = 0; i < n; i++)
			strcat(text, "\xe4\xbc\x9a");
		json_t *value = json_string(text);
		expect("types", "name", value, n == 80 ? NULL : "");
		json_decref(value);
	}
	memset(text, '/', 3000);
	text[3000] = '\0';
	json_t *value = json_object();
	json_object_set_new(value, text, json_null());
	assert_int_equal(hz_schema_check(hz_schema_find("types", "empty"), value, field), -EINVAL);
	assert_true(strlen(field) < HZ_FIELD_BYTES);
	json_decref(value);
}

static void test_json(void **state)
{
	static const char *const bad[] = {"",
	                                  " ",
	                                  "{",
	                                  "[1,]",
	                                  "{\"a\":1,}",
	                                  "{a:1}",
	                                  "'a'",
	                                  "01",
	                                  "+1",
	                                  "1.",
	                                  ".5",
	                                  "NaN",
	                                  "1e999",
	                                  "\"\\x\"",
	                                  "{} {}",
	                                  "\"\\ud800\"",
	                                  "\"a\nb\"",
	                                  "\xef\xbb\xbf{}",
	                                  "/**/1",
	                                  "\"\xc0\x80\"",
	                                  "{\"a\":{\"b\":1,\"b\":2}}",
	                                  "[\"\\u0000\"]",
	                                  "99999999999999999999",
	                                  "tru"};
	json_t *value;
	char deep[64];
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (hz_json_parse(bad[i], strlen(bad[i]), &value) == 0)
			fail_msg("taken: %s", bad[i]);
	for (int depth = 15; depth <= 18; depth++) {
		memset(deep, '[', (size_t)depth);
		memset(deep + depth, ']', (size_t)depth);
		int err = hz_json_parse(deep, 2 * (size_t)depth, &value);
		assert_true(depth <= 16 ? err == 0 : err < 0);
		if (!err)
			json_decref(value);
	}
	static const char brackets[] =
	    "{\"a\":\"[[[[[[[[[[[[[[[[[[[[\\\"{{{{\"}"; // in a text they are not depth
	assert_int_equal(hz_json_parse(brackets, sizeof(brackets) - 1, &value), 0);
	json_decref(value);
}

static void test_dates_and_uids(void **state)
{
	static const char *const good[] = {"1800-01-01", "2000-02-29", "2024-02-29", "1999-12-31"};
	static const char *const bad[] = {
	    "",           "1799-12-31", "1900-02-29", "2023-02-29",  "2023-13-01", "2023-00-01", "2023-04-31",
	    "2023-04-00", "2023/04/01", "2023-4-1",   "2023-04-01 ", "20230401",   "x023-04-01"};
	static const char *const uids[] = {"1", "1.2.840.10008.0.1", "0.0"};
	static const char *const no_uids[] = {
	    "",     ".",
	    "1.",   ".1",
	    "1..2", "01.2",
	    "1.02", "1.2a",
	    "1 2",  "1.234567890123456789012345678901234567890123456789012345678901234"};
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(hz_format_check("hz-date", good[i], strlen(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(hz_format_check("hz-date", bad[i], strlen(bad[i])));
	for (size_t i = 0; i < sizeof(uids) / sizeof(*uids); i++)
		assert_true(hz_format_check("hz-uid", uids[i], strlen(uids[i])));
	for (size_t i = 0; i < sizeof(no_uids) / sizeof(*no_uids); i++)
		assert_false(hz_format_check("hz-uid", no_uids[i], strlen(no_uids[i])));
}

static void test_problem(void **state)
{
	struct hz_request req = {.method = HZ_POST, .body = ""};
	json_t *body = NULL;
	(void)state;
	static const struct {
		const char *type, *body;
		int status;
		const char *field;
	} cases[] = {
	    {NULL, "{}", 415, "Content-Type"},
	    {"text/plain", "{}", 415, "Content-Type"},
	    {"application/json", "", 400, NULL},
	    {"application/json", "{\"title\":\"a\",\"title\":\"b\"}", 400, NULL},
	    {"application/json", "[]", 422, ""},
	    {"application/json", "{}", 422, "/title"},
	    {"application/json", "{\"title\":\"a\",\"x\":1}", 422, "/x"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n;
		struct hz_response *res = hz_response_new();
		req.header[HZ_H_CONTENT_TYPE] = cases[i].type;
		req.body = cases[i].body;
		req.body_bytes = strlen(req.body);
		assert_int_equal(hz_problem_body(&req, "consult.create", res, &body), -EBADMSG);
		assert_int_equal(hz_response_get_status(res), cases[i].status);
		assert_string_equal(hz_response_type(res), HZ_PROBLEM_TYPE);
		const char *text = hz_response_body(res, &n);
		json_t *problem = json_loadb(text, n, 0, NULL);
		expect("rest", "problem", problem, NULL);
		assert_int_equal(json_integer_value(json_object_get(problem, "status")), cases[i].status);
		if (cases[i].field && cases[i].field[0])
			assert_string_equal(json_string_value(json_object_get(problem, "field")),
			                    cases[i].field);
		json_decref(problem);
		hz_response_free(res);
	}
	struct hz_response *res = hz_response_new();
	req.body = "{\"title\":\"t\"}";
	req.body_bytes = strlen(req.body);
	assert_int_equal(hz_problem_body(&req, "consult.create", res, &body), 0);
	hz_json_answer(res, body);
	size_t n;
	assert_memory_equal(hz_response_body(res, &n), "{\"title\":\"t\"}", 13);
	assert_int_equal(hz_response_get_status(res), 200);
	hz_response_free(res);
}

static int finish(void **state)
{
	hz_schema_done();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_schema),   cmocka_unit_test(test_bounds),
	    cmocka_unit_test(test_long),           cmocka_unit_test(test_json),
	    cmocka_unit_test(test_dates_and_uids), cmocka_unit_test(test_problem),
	};
	return cmocka_run_group_tests(tests, NULL, finish);
}

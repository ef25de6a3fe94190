// Viewings as control writes them, of anybody; and the AuditEvents that the EMR is told of them.
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/record/fhir.h"
#include "recorder/record/fhir_viewings.h"
#include "recorder/record/files.h"
#include "tests/unit/record/fake_record.h"

#define OTHER "0190a5c2-7b1e-7c3a-9f00-0123456789ac"

static json_t *good(void)
{
	return json_pack("{s:i, s:i, s:s, s:s, s:I, s:s, s:s, s:{s:s, s:s, s:s}, s:s}", "version", 1,
	                 "number", 7, "record", FAKE_RECORD, "consult", "c", "time_ms",
	                 (json_int_t)1763700000007, "view", "v1", "what", "open", "participant", "id", "doc",
	                 "name", "李医生", "role", "expert", "address", "2001:db8::1");
}

// json is taken.
static int parse(json_t *json, struct hz_viewing *ret)
{
	char *text = json_dumps(json, 0);
	int err = hz_viewing_parse(text, strlen(text), ret);
	free(text);
	json_decref(json);
	return err;
}

static json_t *with(const char *key, json_t *value)
{
	json_t *json = good();
	if (value)
		json_object_set_new(json, key, value);
	else
		json_object_del(json, key);
	return json;
}

static json_t *with_person(const char *key, json_t *value)
{
	json_t *json = good();
	if (value)
		json_object_set_new(json_object_get(json, "participant"), key, value);
	else
		json_object_del(json_object_get(json, "participant"), key);
	return json;
}

static json_t *repeat(const char *text, unsigned times)
{
	char all[2000] = "";
	for (unsigned i = 0; i < times; i++)
		strcat(all, text);
	return json_string(all);
}

static void test_parse(void **state)
{
	struct hz_viewing v, kept;
	assert_int_equal(parse(good(), &v), 0);
	assert_int_equal(v.number, 7);
	assert_int_equal(v.time_ms, 1763700000007);
	assert_string_equal(v.record, FAKE_RECORD);
	assert_string_equal(v.name, "李医生");
	assert_string_equal(v.address, "2001:db8::1");
	kept = v;
	static const char *const keys[] = {"version", "number", "record",     "time_ms",
	                                   "view",    "what",   "participant"},
	                         *const person[] = {"id", "name", "role"};
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(parse(with(keys[i], NULL), &v), -EBADMSG);
		assert_int_equal(parse(with(keys[i], json_array()), &v), -EBADMSG);
		assert_int_equal(parse(with(keys[i], json_integer(-1)), &v), -EBADMSG);
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(parse(with_person(person[i], NULL), &v), -EBADMSG);
		assert_int_equal(parse(with_person(person[i], json_true()), &v), -EBADMSG);
	}
	assert_int_equal(parse(with("number", json_integer(HZ_VIEWING_NUMBERS + 1)), &v), -EBADMSG);
	assert_int_equal(parse(with("time_ms", json_integer(253402300800000)), &v), -EBADMSG);
	assert_int_equal(parse(with("record", json_string("../../etc/passwd")), &v), -EBADMSG);
	assert_int_equal(parse(with("view", repeat("v", 65)), &v), -EBADMSG);
	assert_int_equal(parse(with("view", json_string("")), &v), -EBADMSG);
	assert_int_equal(parse(with_person("id", repeat("p", 65)), &v), -EBADMSG);
	static const char *const texts[] = {
	    "", "{", "[]", "null", "{\"version\":1,\"version\":1}", "{\"version\":1}x", "\"\xff\""};
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(hz_viewing_parse(texts[i], strlen(texts[i]), &v), -EBADMSG);
	char *large = calloc(1, HZ_VIEWING_BYTES + 1);
	memset(large, ' ', HZ_VIEWING_BYTES + 1);
	assert_int_equal(hz_viewing_parse(large, HZ_VIEWING_BYTES + 1, &v), -EBADMSG);
	free(large);
	assert_memory_equal(&v, &kept, sizeof(v)); // written only on success
}

// What is longer than its room ends between two characters; what is no address is none.
static void test_cut(void **state)
{
	struct hz_viewing v;
	assert_int_equal(parse(with_person("name", repeat("王", 200)), &v), 0);
	assert_int_equal(strlen(v.name), 318); // 320 bytes would end in the middle of one
	assert_string_equal(v.name + 315, "王");
	assert_int_equal(parse(with_person("name", repeat("x", 320)), &v), 0);
	assert_int_equal(strlen(v.name), 320);
	assert_int_equal(parse(with_person("role", repeat("é", 20)), &v), 0);
	assert_int_equal(strlen(v.role), 32);
	assert_int_equal(parse(with("what", repeat("\xf0\x9f\x91\x81", 100)), &v), 0);
	assert_int_equal(strlen(v.what), 252);
	static const char *const none[] = {"", "localhost", "1.2.3", "192.0.2.1 OR 1=1", "::1%eth0"};
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(parse(with("address", json_string(none[i])), &v), 0);
		assert_string_equal(v.address, "");
	}
	assert_int_equal(parse(with("address", NULL), &v), 0);
	assert_int_equal(parse(with("address", repeat("1", 60)), &v), 0);
	assert_int_equal(parse(with("address", json_string("192.0.2.7")), &v), 0);
	assert_string_equal(v.address, "192.0.2.7");
}

static void test_notes(void **state)
{
	char name[HZ_VIEWING_NOTE_BYTES], record[HZ_RECORD_ID_BYTES] = "";
	int64_t number = 0;
	hz_viewing_note_name(7, FAKE_RECORD, name);
	assert_string_equal(name, "0000000007-" FAKE_RECORD);
	assert_int_equal(hz_viewing_note_parse(name, &number, record), 0);
	assert_int_equal(number, 7);
	assert_string_equal(record, FAKE_RECORD);
	static const char *const bad[] = {"",
	                                  ".",
	                                  "0000000007",
	                                  "0000000007-",
	                                  "0000000000-" FAKE_RECORD,
	                                  "00000000007-" FAKE_RECORD,
	                                  "7-" FAKE_RECORD,
	                                  "-000000007-" FAKE_RECORD,
	                                  "0000000007-" FAKE_RECORD ".new",
	                                  "0000000007-../../../../../../../../../etc/pas"};
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(hz_viewing_note_parse(bad[i], &number, record), -EINVAL);
}

static void test_read(void **state)
{
	struct fake_record r;
	struct hz_viewing v;
	char path[1024];
	fake_record_new(&r, false);
	assert_int_equal(hz_viewing_read(r.folder, FAKE_RECORD, 7, &v), -ENOENT);
	assert_true(fake_run("mkdir %s/audit %s/audit/0000000009.json", r.folder, r.folder));
	json_t *json = good();
	for (unsigned n = 7; n < 9; n++) {
		snprintf(path, sizeof(path), "%s/audit/%010u.json", r.folder, n);
		assert_int_equal(json_dump_file(json, path, 0), 0);
	}
	json_decref(json);
	assert_int_equal(hz_viewing_read(r.folder, FAKE_RECORD, 7, &v), 0);
	assert_int_equal(hz_viewing_read(r.folder, OTHER, 7, &v), -EBADMSG);
	assert_int_equal(hz_viewing_read(r.folder, FAKE_RECORD, 8, &v), -EBADMSG); // says that it is 7
	assert_int_equal(hz_viewing_read(r.folder, FAKE_RECORD, 9, &v), -EBADMSG); // a folder
	assert_true(fake_run("head -c 20000 /dev/zero >%s/audit/0000000007.json", r.folder));
	assert_int_equal(hz_viewing_read(r.folder, FAKE_RECORD, 7, &v), -EBADMSG);
	fake_record_free(&r);
}

// --- AuditEvents

static const json_t *at(const json_t *json, const char *key, size_t i)
{
	return json_array_get(json_object_get(json, key), i);
}

static const char *text(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static const char *code(const json_t *concept)
{
	return text(at(concept, "coding", 0), "code");
}

static json_t *bundle_of(const struct hz_manifest *m, bool told, const struct hz_viewing *v, unsigned count)
{
	void *bundle = NULL;
	const struct hz_fhir_viewings of = {.record = FAKE_RECORD,
	                                    .manifest = m,
	                                    .patient_system = "urn:oid:1.2.3",
	                                    .told = told,
	                                    .viewings = v,
	                                    .count = count};
	assert_int_equal(hz_fhir_viewings(&of, &bundle), 0);
	return bundle;
}

static void check_agents(const json_t *event)
{
	const json_t *client = at(event, "agent", 0), *server = at(event, "agent", 1),
	             *user = at(event, "agent", 2);
	assert_string_equal(code(json_object_get(client, "type")),
	                    "110152"); // data flows from the server to the client
	assert_string_equal(code(json_object_get(server, "type")), "110153");
	assert_string_equal(code(json_object_get(user, "type")), "IRCP");
	assert_string_equal(text(json_object_get(client, "network"), "address"), "2001:db8::1");
	assert_string_equal(text(json_object_get(client, "network"), "type"), "2");
	assert_null(json_object_get(user, "network"));
	assert_true(json_is_true(json_object_get(user, "requestor")));
	assert_true(json_is_false(json_object_get(client, "requestor")));
	assert_string_equal(text(user, "altId"), "doc");
	assert_string_equal(text(user, "name"), "李医生");
	assert_string_equal(text(at(user, "role", 0), "text"), "expert");
	assert_string_equal(text(json_object_get(json_object_get(user, "who"), "identifier"), "value"),
	                    FAKE_RECORD "/doc");
}

static void test_audit_event(void **state)
{
	struct fake_record r;
	struct hz_viewing v[2];
	struct hz_manifest *m;
	fake_record_new(&r, false);
	assert_int_equal(hz_manifest_load(r.folder, NULL, &m), 0);
	assert_int_equal(parse(good(), &v[0]), 0);
	assert_int_equal(parse(with("what", json_string(m->files[0].path)), &v[1]), 0);
	json_t *bundle = bundle_of(m, true, v, 2);
	assert_string_equal(text(bundle, "type"), "transaction");
	assert_int_equal(json_array_size(json_object_get(bundle, "entry")), 2);
	for (unsigned i = 0; i < 2; i++) {
		const json_t *entry = at(bundle, "entry", i), *event = json_object_get(entry, "resource");
		const json_t *request = json_object_get(entry, "request");
		assert_string_equal(text(request, "method"), "POST");
		assert_string_equal(text(request, "url"), "AuditEvent");
		assert_memory_equal(text(request, "ifNoneExist"), "_tag=urn:huizhen:fhir:resource%7C",
		                    strlen("_tag=urn:huizhen:fhir:resource"));
		assert_string_equal(text(at(json_object_get(event, "meta"), "tag", 0), "code"),
		                    text(entry, "fullUrl") + 9);
		assert_string_equal(
		    json_string_value(at(json_object_get(event, "meta"), "profile", 0)),
		    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead");
		assert_string_equal(text(event, "action"), "R");
		assert_string_equal(text(event, "outcome"), "0");
		assert_string_equal(text(event, "recorded"), "2025-11-21T04:40:00.007Z");
		assert_string_equal(text(at(event, "subtype", 0), "code"), "read");
		check_agents(event);
		assert_true(hz_fhir_viewings_has(bundle, &v[i]));
	}
	const json_t *opened = at(json_object_get(at(bundle, "entry", 0), "resource"), "entity", 0);
	assert_non_null(strstr(text(json_object_get(opened, "what"), "reference"), "Encounter?identifier="));
	const json_t *event = json_object_get(at(bundle, "entry", 1), "resource");
	assert_int_equal(json_array_size(json_object_get(event, "entity")), 4);
	assert_string_equal(text(json_object_get(at(event, "entity", 0), "what"), "type"),
	                    "DocumentReference");
	assert_null(text(json_object_get(at(event, "entity", 0), "what"), "reference"));
	assert_non_null(strstr(text(json_object_get(at(event, "entity", 2), "what"), "reference"),
	                       "Patient?identifier="));
	json_decref(bundle);
	// Not told of the record: nothing that a server would have to find.
	bundle = bundle_of(m, false, v, 2);
	char *all = json_dumps(bundle, 0);
	assert_null(strstr(all, "?identifier="));
	assert_null(strstr(all, m->subject.name)); // nor of the patient more than the id
	free(all);
	json_decref(bundle);
	// All that named the patient was deleted.
	bundle = bundle_of(NULL, true, v, 2);
	event = json_object_get(at(bundle, "entry", 1), "resource");
	assert_string_equal(json_string_value(at(json_object_get(event, "meta"), "profile", 0)),
	                    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Read");
	assert_int_equal(json_array_size(json_object_get(event, "entity")), 2);
	json_decref(bundle);
	hz_manifest_free(m);
	fake_record_free(&r);
}

// The same viewing is the same resource however often it is told; any other is another.
static void test_identity(void **state)
{
	struct hz_viewing v, other;
	assert_int_equal(parse(good(), &v), 0);
	json_t *one = bundle_of(NULL, true, &v, 1), *two = bundle_of(NULL, true, &v, 1);
	assert_true(json_equal(one, two));
	json_decref(two);
	json_t *const others[] = {with("number", json_integer(8)),
	                          with("time_ms", json_integer(1763700000008)),
	                          with("view", json_string("v2")), with("what", json_string("poster.jpg")),
	                          with("record", json_string(OTHER))};
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(parse(others[i], &other), 0);
		assert_false(hz_fhir_viewings_has(one, &other));
	}
	json_decref(one);
	one = json_loads("{\"entry\":[1,{},{\"fullUrl\":3}]}", 0, NULL);
	assert_false(hz_fhir_viewings_has(one, &v));
	json_decref(one);
}

static void test_hostile(void **state)
{
	struct hz_viewing v;
	json_t *json = with_person("name", json_string("\x01\n\x7f"));
	json_object_set_new(json, "what", json_string(" <script>\t|&\\ "));
	json_object_set_new(json_object_get(json, "participant"), "id", json_string(" \x02 "));
	json_object_set_new(json_object_get(json, "participant"), "role", json_string(""));
	json_object_set_new(json, "address", json_string("nowhere"));
	assert_int_equal(parse(json, &v), 0);
	json_t *bundle = bundle_of(NULL, true, &v, 1);
	const json_t *event = json_object_get(at(bundle, "entry", 0), "resource");
	const json_t *user = at(event, "agent", 2);
	assert_null(json_object_get(user, "name"));
	assert_null(json_object_get(user, "role"));
	assert_null(json_object_get(user, "altId"));
	assert_string_equal(text(at(event, "entity", 0), "name"), "<script> |&\\");
	const json_t *network = json_object_get(at(event, "agent", 0), "network");
	assert_string_equal(text(network, "address"), "unknown");
	assert_string_equal(text(network, "type"), "1");
	json_decref(bundle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),       cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_notes),       cmocka_unit_test(test_read),
	    cmocka_unit_test(test_identity),    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_audit_event),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

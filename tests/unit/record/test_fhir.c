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

#include "recorder/manifest.h"
#include "recorder/record/fhir.h"
#include "recorder/record/fhir_values.h"
#include "recorder/record/files.h"
#include "recorder/record/sign.h"
#include "tests/unit/record/fake_record.h"
#include "recorder/journal/hash.h"

static const struct hz_fhir_settings settings = {
    .public_url = "https://huizhen.example.org", .patient_system = "urn:oid:1.2.3", .create_patient = true};

static json_t *write_and_read(struct fake_record *r, const struct hz_fhir_settings *with)
{
	char path[1024], *text;
	unsigned number = 0;
	assert_int_equal(hz_fhir_write(r->store, r->folder, with, false, &number), 0);
	assert_int_equal(number, 1);
	snprintf(path, sizeof(path), "%s/fhir.json", r->folder);
	assert_int_equal(hz_document_read(path, HZ_FHIR_BYTES, &text, NULL), 0);
	json_t *bundle = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(bundle);
	free(text);
	return bundle;
}

static const json_t *resource(const json_t *bundle, const char *type, unsigned number)
{
	size_t i;
	const json_t *entry;
	json_array_foreach(json_object_get(bundle, "entry"), i, entry)
	{
		const json_t *one = json_object_get(entry, "resource");
		if (strcmp(json_string_value(json_object_get(one, "resourceType")), type) == 0 &&
		    number-- == 0)
			return one;
	}
	return NULL;
}

static void test_resources(void **state)
{
	struct fake_record r;
	size_t i;
	const json_t *entry;
	fake_record_new(&r, false);
	json_t *bundle = write_and_read(&r, &settings);
	json_array_foreach(json_object_get(bundle, "entry"), i, entry)
	{
		const json_t *request = json_object_get(entry, "request");
		assert_string_equal(json_string_value(json_object_get(request, "method")), "POST");
		assert_non_null(json_string_value(json_object_get(request, "ifNoneExist")));
		assert_memory_equal(json_string_value(json_object_get(entry, "fullUrl")), "urn:uuid:", 9);
	}
	const json_t *patient = resource(bundle, "Patient", 0), *encounter = resource(bundle, "Encounter", 0);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(json_object_get(patient, "name"), 0), "text")),
	    "王小东");
	assert_string_equal(json_string_value(json_object_get(json_object_get(encounter, "class"), "code")),
	                    "VR");
	assert_int_equal(json_array_size(json_object_get(encounter, "participant")),
	                 2); // the doctor came twice
	assert_non_null(resource(bundle, "DocumentReference", 2));
	assert_null(resource(bundle, "DocumentReference", 3));
	const json_t *first = resource(bundle, "Consent", 0), *second = resource(bundle, "Consent", 1);
	assert_string_equal(json_string_value(json_object_get(first, "status")), "active");
	assert_string_equal(json_string_value(json_object_get(second, "status")), "inactive"); // withdrawn
	assert_null(resource(bundle, "ImagingStudy", 0)); // nothing for the PACS
	const json_t *provenance = resource(bundle, "Provenance", 0);
	assert_int_equal(json_array_size(json_object_get(provenance, "target")), 4);
	assert_non_null(resource(bundle, "AuditEvent", 0));
	json_decref(bundle);
	fake_record_free(&r);
}

// What is said twice is the same but for the signature; and what is there is left alone.
static void test_repeatable(void **state)
{
	struct fake_record r;
	fake_record_new(&r, false);
	json_t *one = write_and_read(&r, &settings);
	json_t *same = write_and_read(&r, &settings);
	assert_true(json_equal(one, same));
	assert_true(fake_run("rm %s/fhir.json", r.folder));
	json_t *again = write_and_read(&r, &settings);
	json_object_del((json_t *)(uintptr_t)resource(one, "Provenance", 0), "signature");
	json_object_del((json_t *)(uintptr_t)resource(again, "Provenance", 0), "signature");
	assert_true(json_equal(one, again));
	json_decref(one);
	json_decref(same);
	json_decref(again);
	fake_record_free(&r);
}

static const json_t *request_of(const json_t *bundle, const char *type)
{
	size_t i;
	const json_t *entry;
	json_array_foreach(json_object_get(bundle, "entry"), i, entry)
	{
		const json_t *one = json_object_get(entry, "resource");
		if (strcmp(json_string_value(json_object_get(one, "resourceType")), type) == 0)
			return json_object_get(entry, "request");
	}
	return NULL;
}

// Another manifest of the same record: the Bundle that may have been posted stays, the next one names the same things and a
// Provenance of its own.
static void test_again(void **state)
{
	struct fake_record r;
	struct hz_file_hash before, after;
	char path[1024], *text;
	unsigned number = 0;
	fake_record_new(&r, false);
	json_t *one = write_and_read(&r, &settings);
	snprintf(path, sizeof(path), "%s/fhir.json", r.folder);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &before), 0);
	assert_true(fake_run("cp %s/manifest.json /tmp/hz-fhir-again.json", r.folder));
	assert_true(fake_run("echo >>%s/manifest.json", r.folder));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hz_fhir_write(r.store, r.folder, &settings, false, &number), 0);
		assert_int_equal(number, 2);
	}
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &after), 0);
	assert_string_equal(before.hex, after.hex);
	snprintf(path, sizeof(path), "%s/fhir-2.json", r.folder);
	assert_int_equal(hz_document_read(path, HZ_FHIR_BYTES, &text, NULL), 0);
	json_t *two = json_loads(text, 0, NULL);
	free(text);
	static const char *const same[] = {"Patient", "Encounter", "Consent", "DocumentReference"},
	                         *const own[] = {"Provenance", "AuditEvent"};
	for (int i = 0; i < 4; i++)
		assert_true(json_equal(request_of(one, same[i]), request_of(two, same[i])));
	for (int i = 0; i < 2; i++)
		assert_false(json_equal(request_of(one, own[i]), request_of(two, own[i])));
	assert_true(fake_run("mv /tmp/hz-fhir-again.json %s/manifest.json", r.folder));
	assert_int_equal(hz_fhir_write(r.store, r.folder, &settings, false, &number), 0);
	assert_int_equal(number, 1); // it is there already
	json_decref(one);
	json_decref(two);
	fake_record_free(&r);
}

// The study may have grown: it is created, or brought up to date.
static void test_study_is_updated(void **state)
{
	struct fake_record r;
	struct hz_manifest *m = NULL;
	struct hz_fhir_settings with = settings;
	void *bundle = NULL;
	json_t *index = json_pack("{s:s, s:[{s:s, s:i, s:s, s:s, s:s, s:i}]}", "study", "2.25.1", "instances",
	                          "series", "2.25.2", "series_number", 1, "modality", "XC", "sop_class",
	                          "1.2.3", "instance", "2.25.3", "number", 1);
	fake_record_new(&r, false);
	assert_int_equal(hz_manifest_load(r.folder, NULL, &m), 0);
	for (int again = 0; again < 2; again++) {
		with.again = again;
		assert_int_equal(hz_fhir_bundle(m, index, &with, "a.b.c", &bundle), 0);
		const json_t *request = request_of(bundle, "ImagingStudy");
		const char *url = json_string_value(json_object_get(request, "url"));
		assert_string_equal(json_string_value(json_object_get(request, "method")),
		                    again ? "PUT" : "POST");
		assert_int_equal(json_object_get(request, "ifNoneExist") == NULL, again);
		assert_memory_equal(url, "ImagingStudy?identifier=", again ? 24 : 12);
		json_decref(bundle);
	}
	json_decref(index);
	hz_manifest_free(m);
	fake_record_free(&r);
}

static void test_patient_must_be_there(void **state)
{
	struct fake_record r;
	struct hz_fhir_settings other = settings;
	other.create_patient = false;
	fake_record_new(&r, false);
	json_t *bundle = write_and_read(&r, &other);
	assert_null(resource(bundle, "Patient", 0));
	const json_t *subject = json_object_get(resource(bundle, "Encounter", 0), "subject");
	assert_string_equal(json_string_value(json_object_get(subject, "reference")),
	                    "Patient?identifier=urn:oid:2.16.156.10011.1.1|P-0001");
	json_decref(bundle);
	fake_record_free(&r);
}

static void test_values(void **state)
{
	assert_null(hz_fhir_string(""));
	assert_null(hz_fhir_string(" \t\n"));
	json_t *text = hz_fhir_string("  a\x01\n b ");
	assert_string_equal(json_string_value(text), "a b");
	json_decref(text);
	char *query = hz_fhir_query("identifier", "urn:x", "a|b&c=d 王");
	assert_string_equal(query, "identifier=urn:x|a%5C%7Cb%26c%3Dd%20%E7%8E%8B");
	free(query);
	text = hz_fhir_instant(1763700000007);
	assert_string_equal(json_string_value(text), "2025-11-21T04:40:00.007Z");
	json_decref(text);
}

// As long as the manifest allows, of what takes most room: a shortened one would find somebody else, or nobody.
static void test_long_identifier(void **state)
{
	char system[HZ_MANIFEST_SYSTEM_BYTES + 1], id[HZ_MANIFEST_ID_BYTES + 1];
	(void)state;
	memset(system, '|', sizeof(system) - 1);
	system[sizeof(system) - 1] = '\0';
	id[0] = '\0';
	for (unsigned i = 0; i < HZ_MANIFEST_ID_BYTES / 3; i++)
		strcat(id, "王");
	char *query = hz_fhir_query("identifier", system, id);
	assert_int_equal(strlen(query), strlen("identifier=|") + 6 * strlen(system) + 3 * strlen(id));
	for (unsigned create = 0; create < 2; create++) {
		struct hz_fhir_settings with = settings;
		struct hz_manifest m = {.record = "6c1f0b1e-0000-4000-8000-000000000001",
		                        .consult = "c",
		                        .title = "",
		                        .events = "",
		                        .chain = "",
		                        .started_ms = 1,
		                        .ended_ms = 2,
		                        .subject = {.id = id,
		                                    .id_system = system,
		                                    .name = "",
		                                    .sex = "",
		                                    .birth_date = "",
		                                    .study_uid = "",
		                                    .accession = "",
		                                    .department = "",
		                                    .institution = ""}};
		void *bundle = NULL;
		with.create_patient = create;
		assert_int_equal(hz_fhir_bundle(&m, NULL, &with, "", &bundle), 0);
		const json_t *entry = json_array_get(json_object_get(bundle, "entry"), 0);
		const char *found =
		    create
		        ? json_string_value(json_object_get(json_object_get(entry, "request"), "ifNoneExist"))
		        : json_string_value(json_object_get(
		              json_object_get(json_object_get(entry, "resource"), "subject"), "reference"));
		assert_non_null(found);
		assert_string_equal(strstr(found, "identifier="), query);
		json_decref(bundle);
	}
	free(query);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_resources),       cmocka_unit_test(test_again),
	    cmocka_unit_test(test_long_identifier), cmocka_unit_test(test_study_is_updated),
	    cmocka_unit_test(test_repeatable),      cmocka_unit_test(test_patient_must_be_there),
	    cmocka_unit_test(test_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

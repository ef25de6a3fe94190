// What is put into the outbox after a person was erased: not what PACS and EMR have had.
#include "tests/unit/archive/archive_rig.h"

#include <jansson.h>

#include "recorder/record/erasure.h"

#define OBJECT(n)                                                                                            \
	"{\"path\":\"dicom/0" n ".dcm\",\"file\":\"f\",\"sop_class\":\"1.2\",\"instance\":\"2.25." n         \
	"\",\"series\":\"2.25.9\",\"modality\":\"XC\",\"transfer_syntax\":\"1.2\",\"sha256\":\"o" n          \
	"\",\"bytes\":1}"

static char record[HZ_RECORD_PATH_BYTES];

static void write_file(const char *name, const char *text)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/%s", record, name);
	assert_int_equal(hz_document_write(path, text, strlen(text), 0640), 0);
}

// sent NULL: a note that does not say what.
static void note(bool delivered, const char *sent)
{
	unsigned number;
	json_t *erasure = json_pack("{s:s, s:s, s:s, s:s, s:[], s:[], s:b}", "record", A, "by", "b", "why",
	                            "w", "participant", "p1", "tracks", "files", "delivered", delivered);
	if (sent)
		json_object_set_new(erasure, "sent", json_loads(sent, 0, NULL));
	assert_int_equal(hz_erasure_write(rig.store, record, false, erasure, &number), 0);
	json_decref(erasure);
}

static void see(char ret[64], const char *spool)
{
	char folder[160], path[160];
	struct hz_spool_item item;
	snprintf(folder, sizeof(folder), "%s/outbox/%s", rig.store, spool);
	for (unsigned number = 1; number <= 3; number++) {
		snprintf(path, sizeof(path), "%015d-%s-%04u.json", 1000, A, number);
		if (hz_spool_read(folder, path, &item) == 0)
			snprintf(ret + strlen(ret), 64 - strlen(ret), "%s ",
			         *item.instance ? item.instance : item.path);
	}
}

static void put_again(const char *want)
{
	struct hz_archive a = {.settings = &rig.settings};
	const struct hz_delivery_settings with = {.store = rig.store, .name = "pacs"},
	                                  other = {.store = rig.store, .name = "emr"};
	struct hz_record_state s;
	char path[128], got[64] = "";
	assert_int_equal(hz_delivery_new(&with, &a.pacs), 0);
	assert_int_equal(hz_delivery_new(&other, &a.emr), 0);
	assert_int_equal(hz_record_state_read(record, &s), 0);
	assert_int_equal(hz_queue_put(&a, record, &s, 1), 0);
	hz_delivery_free(a.pacs);
	hz_delivery_free(a.emr);
	see(got, "pacs");
	see(got, "emr");
	assert_string_equal(got, want);
	assert_true(hz_job_is_queued(record));
	snprintf(path, sizeof(path), "%s/delivery.json", record); // and once more from the begin
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "rm -f %s/outbox/*/*", rig.store);
	assert_int_equal(system(path), 0);
}

static void test_put_again(void **state)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	put(A, HZ_RECORD_FINALISED, 1000, "", record);
	snprintf(path, sizeof(path), "%s/dicom", record);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file("dicom/index.json", "{\"manifest\":\"m\",\"study\":\"2.25.8\",\"instances\":[" OBJECT(
	                                   "1") "," OBJECT("2") "," OBJECT("3") "]}");
	write_file("fhir.json", "{}");
	put_again("2.25.1 2.25.2 2.25.3 fhir.json ");
	note(false, "[]"); // nothing had been sent
	put_again("2.25.1 2.25.2 2.25.3 fhir.json ");
	note(true, "[]"); // nobody knows
	put_again("2.25.1 2.25.2 2.25.3 fhir.json ");
	note(true, "[\"2.25.1\"]");
	put_again("2.25.2 2.25.3 fhir.json ");
	note(true, "[\"2.25.2\",\"emr\"]");
	put_again("2.25.3 ");
	note(true, NULL);
	put_again("");
}

int main(void)
{
	hz_log_init("test", HZ_LOG_ERROR + 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_put_again, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

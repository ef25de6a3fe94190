// From viewings that control noted to AuditEvents in an EMR: each once, whatever is killed when; bounded; in a clear state.
#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>

#include "recorder/record/fhir_viewings.h"
#include "tests/unit/archive/archive_rig.h"

static char folder[HZ_RECORD_PATH_BYTES];
static enum hz_outcome answer;

static void view(const char *record, unsigned number)
{
	char path[HZ_RECORD_PATH_BYTES + 160], name[HZ_VIEWING_NOTE_BYTES], text[600],
	    of[HZ_RECORD_PATH_BYTES];
	assert_int_equal(hz_record_folder(rig.store, record, 1763700000000, of), 0);
	snprintf(path, sizeof(path), "mkdir -p %s/audit %s/viewings", of, rig.store);
	assert_int_equal(system(path), 0);
	snprintf(text, sizeof(text),
	         "{\"version\":1,\"number\":%u,\"record\":\"%s\",\"time_ms\":%u,\"view\":\"v%u\",\"what\":"
	         "\"open\","
	         "\"participant\":{\"id\":\"doc\",\"name\":\"N\",\"role\":\"expert\"},\"address\":\"\"}",
	         number, record, 1000 + number, number);
	snprintf(path, sizeof(path), "%s/audit/%010u.json", of, number);
	assert_int_equal(hz_document_write(path, text, strlen(text), 0600), 0);
	hz_viewing_note_name(number, record, name);
	snprintf(path, sizeof(path), "%s/viewings/%s", rig.store, name);
	assert_int_equal(hz_document_write(path, "", 0, 0600), 0);
}

// What the EMR is told goes into <store>/told: the tag of each, a line.
static enum hz_outcome tell(void *arg, const char *of, const struct hz_spool_item *item,
                            struct hz_outcome_text *ret)
{
	char path[HZ_RECORD_PATH_BYTES + 64];
	size_t i;
	const json_t *entry;
	snprintf(ret->why, sizeof(ret->why), "told so");
	if (answer != HZ_STORED)
		return answer;
	snprintf(path, sizeof(path), "%s/%s", of, item->path);
	json_t *bundle = json_load_file(path, 0, NULL);
	snprintf(path, sizeof(path), "%s/told", rig.store);
	FILE *file = fopen(path, "a");
	if (!bundle || !file)
		abort();
	json_array_foreach(json_object_get(bundle, "entry"), i, entry)
	    fprintf(file, "%s\n", json_string_value(json_object_get(entry, "fullUrl")));
	fclose(file);
	json_decref(bundle);
	return HZ_STORED;
}

static void done(void *arg, const char *of, const struct hz_spool_item *item)
{
	char path[HZ_RECORD_PATH_BYTES + 64];
	snprintf(path, sizeof(path), "%s/%s", of, item->path);
	(void)unlink(path);
}

static void open_emr(struct hz_archive *a)
{
	const struct hz_delivery_settings with = {
	    .store = rig.store, .name = "emr", .send = tell, .done = done, .first_ms = 1, .most_ms = 1};
	*a = (struct hz_archive){.settings = &rig.settings};
	assert_int_equal(hz_delivery_new(&with, &a->emr), 0);
}

static unsigned count(const char *command_tail)
{
	char command[HZ_RECORD_PATH_BYTES + 100];
	unsigned n = 0;
	snprintf(command, sizeof(command), "cd %s && %s", rig.store, command_tail);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_int_equal(fscanf(pipe, "%u", &n), 1);
	pclose(pipe);
	return n;
}

static unsigned items(void)
{
	return count("ls outbox/emr 2>/dev/null | wc -l");
}
static unsigned notes(void)
{
	return count("ls viewings 2>/dev/null | wc -l");
}
static unsigned told(void)
{
	return count("cat told 2>/dev/null | sort -u | wc -l");
}
static unsigned posted(void) // with what was told twice
{
	return count("cat told 2>/dev/null | wc -l");
}
static unsigned bundles(void)
{
	return count("find . -name 'fhir-*.json' | wc -l");
}

static void record_is(const char *id, enum hz_record_phase phase)
{
	put(id, phase, 500, "", folder);
}

static void deliver(struct hz_archive *a)
{
	for (unsigned i = 0; i < 20 && (hz_viewings_pass(a) || items()); i++)
		(void)hz_delivery_pass(a->emr, hz_wall_us() / 1000 + 100);
}

// Before its record is there nothing is told; then all, oldest first, as many at once as a Bundle takes.
static void test_order_and_bounds(void **state)
{
	struct hz_archive a;
	open_emr(&a);
	static const enum hz_record_phase early[] = {HZ_RECORD_RECORDING, HZ_RECORD_ENDED,
	                                             HZ_RECORD_FINALISED, HZ_RECORD_FAILED};
	for (unsigned n = 1; n <= 120; n++)
		view(A, n);
	for (unsigned i = 0; i < 4; i++) {
		record_is(A, early[i]);
		assert_false(hz_viewings_pass(&a));
		assert_int_equal(notes(), 120);
	}
	record_is(A, HZ_RECORD_DELIVERED);
	assert_true(hz_viewings_pass(&a));
	assert_int_equal(notes(), 120 - HZ_FHIR_VIEWINGS);
	assert_int_equal(items(), 1);
	assert_true(hz_viewings_pass(&a)); // one Bundle of a record at a time
	assert_int_equal(items(), 1);
	deliver(&a);
	assert_int_equal(told(), 120);
	assert_int_equal(posted(), 120);
	assert_int_equal(notes() + items() + bundles(), 0);
	hz_delivery_free(a.emr);
}

// A PACS that is away keeps nobody from being told who looked.
static void test_pacs_away(void **state)
{
	struct hz_archive a;
	struct hz_record_state s;
	open_emr(&a);
	record_is(A, HZ_RECORD_FINALISED);
	view(A, 1);
	assert_int_equal(hz_record_state_read(folder, &s), 0);
	s.delivery[HZ_TO_PACS].phase = s.delivery[HZ_TO_EMR].phase = HZ_DELIVERY_WAITING;
	assert_int_equal(hz_record_state_write(folder, &s), 0);
	deliver(&a);
	assert_int_equal(told(), 0);
	s.delivery[HZ_TO_EMR].phase = HZ_DELIVERY_SENT;
	assert_int_equal(hz_record_state_write(folder, &s), 0);
	deliver(&a);
	assert_int_equal(told(), 1);
	assert_int_equal(notes() + items(), 0);
	hz_delivery_free(a.emr);
}

// Refused ones are parked, hold up nobody, are told at the record, and can be released.
static void test_refused(void **state)
{
	struct hz_archive a;
	struct hz_record_state s;
	struct hz_queue_names names;
	open_emr(&a);
	record_is(A, HZ_RECORD_DELIVERED);
	assert_int_equal(hz_record_state_read(folder, &s), 0);
	view(A, 1);
	answer = HZ_REFUSED;
	assert_true(hz_viewings_pass(&a));
	(void)hz_delivery_pass(a.emr, hz_wall_us() / 1000);
	answer = HZ_STORED;
	hz_queue_names_read(rig.store, &names);
	assert_true(hz_queue_viewings_look(rig.store, &names, 10, &s));
	assert_false(hz_queue_viewings_look(rig.store, &names, 20, &s)); // said already
	assert_int_equal(s.delivery[HZ_TO_EMR].phase, HZ_DELIVERY_PARKED);
	assert_int_equal(s.delivery[HZ_TO_EMR].changed_ms, 10);
	assert_string_equal(s.delivery[HZ_TO_EMR].error, "told so");
	assert_string_equal(s.error, "told so");
	// The record's own delivery has nothing to do with it.
	struct hz_record_state own = {.id = A};
	char error[HZ_OUTCOME_WHY_BYTES];
	assert_false(hz_queue_look(rig.store, &names, 30, &own, error));
	assert_int_equal(own.delivery[HZ_TO_EMR].phase, HZ_DELIVERY_NONE);
	hz_queue_names_done(&names);
	view(A, 2);
	assert_true(hz_viewings_pass(&a));
	(void)hz_delivery_pass(a.emr, hz_wall_us() / 1000);
	assert_int_equal(told(), 1);
	assert_int_equal(hz_archive_retry(rig.store, A), 1);
	deliver(&a);
	assert_int_equal(posted(), 2);
	hz_queue_names_read(rig.store, &names);
	assert_true(hz_queue_viewings_look(rig.store, &names, 40, &s));
	assert_int_equal(s.delivery[HZ_TO_EMR].phase, HZ_DELIVERY_SENT);
	assert_string_equal(s.error, "");
	hz_queue_names_done(&names);
	hz_delivery_free(a.emr);
}

// An archive that ended after each step of making a Bundle: the next one goes on, and nothing is told twice.
static void test_every_step(void **state)
{
	struct hz_archive a;
	char command[2 * HZ_RECORD_PATH_BYTES + 100];
	for (unsigned step = 0; step < 4; step++) {
		unsigned base = 100 * step, before = posted();
		open_emr(&a);
		record_is(A, HZ_RECORD_DELIVERED);
		for (unsigned n = 1; n <= 5; n++)
			view(A, base + n);
		assert_true(hz_viewings_pass(&a)); // all of it: file, item, notes
		assert_int_equal(notes(), 0);
		for (unsigned n = 1; n <= 5; n++) // these were not removed any more
			if (step < 3 || n <= 2) {
				char name[HZ_VIEWING_NOTE_BYTES], path[HZ_RECORD_PATH_BYTES + 100];
				hz_viewing_note_name(base + n, A, name);
				snprintf(path, sizeof(path), "%s/viewings/%s", rig.store, name);
				assert_int_equal(hz_document_write(path, "", 0, 0600), 0);
			}
		snprintf(command, sizeof(command), "rm %s/outbox/emr/*", rig.store);
		if (step < 2) // nor was it queued
			assert_int_equal(system(command), 0);
		snprintf(command, sizeof(command), "rm %s/audit/fhir-*", folder);
		if (step < 1) // nor written
			assert_int_equal(system(command), 0);
		hz_delivery_free(a.emr);
		open_emr(&a);
		view(A, base + 6); // another came meanwhile
		(void)hz_viewings_pass(&a);
		deliver(&a);
		assert_int_equal(notes() + items() + bundles(), 0);
		assert_int_equal(told(), 6 * (step + 1));
		assert_int_equal(posted() - before, 6);
		hz_delivery_free(a.emr);
	}
}

static void archive_until_killed(void)
{
	struct hz_archive a;
	open_emr(&a);
	for (;;) {
		(void)hz_viewings_pass(&a);
		(void)hz_delivery_pass(a.emr, hz_wall_us() / 1000 + 100);
	}
}

// Killed at any moment, while viewings come: each is told, and what is told again is the same resource.
static void test_killed(void **state)
{
	struct hz_archive a;
	unsigned number = 0;
	record_is(A, HZ_RECORD_DELIVERED);
	record_is(B, HZ_RECORD_DELIVERED);
	for (unsigned round = 0; round < 60; round++) {
		pid_t pid = fork();
		if (!pid)
			archive_until_killed();
		for (unsigned i = 0; i < 3; i++) {
			number++;
			view(number % 2 ? A : B, number);
			usleep((useconds_t)(number * 7919 % 2000));
		}
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	open_emr(&a);
	deliver(&a);
	assert_int_equal(told(), number);
	assert_int_equal(notes() + items(), 0);
	print_message("%u viewings, %u told again after a kill\n", number, posted() - told());
	hz_delivery_free(a.emr);
}

// Without an EMR: Bundles beside the record, each viewing in one; also when it is cut short.
static void test_no_emr(void **state)
{
	struct hz_archive a = {.settings = &rig.settings};
	record_is(A, HZ_RECORD_DELIVERED);
	view(A, 3);
	view(A, 4);
	assert_false(hz_viewings_pass(&a));
	assert_int_equal(notes(), 0);
	assert_int_equal(bundles(), 1);
	view(A, 3); // the note was still there
	view(A, 5);
	(void)hz_viewings_pass(&a);
	(void)hz_viewings_pass(&a);
	assert_int_equal(notes(), 0);
	assert_int_equal(bundles(), 2);
	assert_int_equal(count("cat */*/*/audit/fhir-*.json | grep -c fullUrl"), 3);
	assert_int_equal(count("ls outbox 2>/dev/null | wc -l"), 0);
}

// What cannot be told is said and goes: a note of no record, without its file, of another's, of rubbish; other names stay alone.
static void test_rubbish(void **state)
{
	struct hz_archive a;
	char path[HZ_RECORD_PATH_BYTES + 100];
	open_emr(&a);
	record_is(A, HZ_RECORD_DELIVERED);
	for (unsigned n = 1; n <= 4; n++)
		view(A, n);
	view(B, 9);
	snprintf(path, sizeof(path), "rm -r %s/*/*/" B, rig.store);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/audit/0000000001.json", folder);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/audit/0000000002.json", folder);
	assert_int_equal(hz_document_write(path, "{}", 2, 0600), 0);
	snprintf(path, sizeof(path), "cp %s/audit/0000000004.json %s/audit/0000000003.json", folder, folder);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "touch %s/viewings/x.new %s/viewings/0000000001", rig.store, rig.store);
	assert_int_equal(system(path), 0);
	deliver(&a);
	assert_int_equal(posted(), 1);
	assert_int_equal(notes(), 2);
	// A Bundle of before that is none is made anew.
	view(A, 10);
	snprintf(path, sizeof(path), "%s/audit/fhir-0000000010.json", folder);
	assert_int_equal(hz_document_write(path, "[", 1, 0600), 0);
	deliver(&a);
	assert_int_equal(posted(), 2);
	hz_delivery_free(a.emr);
}

// A record that goes does not say for ever that viewings were refused; one that was refused itself does.
static void test_leave(void **state)
{
	struct hz_record_state s = {.phase = HZ_RECORD_DELIVERED, .error = "refused"}, own;
	s.delivery[HZ_TO_EMR].phase = HZ_DELIVERY_PARKED;
	snprintf(s.delivery[HZ_TO_EMR].error, sizeof(s.delivery[0].error), "refused");
	own = s;
	own.phase = HZ_RECORD_FINALISED;
	hz_queue_viewings_leave(&s);
	assert_int_equal(s.delivery[HZ_TO_EMR].phase, HZ_DELIVERY_SENT);
	assert_string_equal(s.delivery[HZ_TO_EMR].error, "");
	assert_string_equal(s.error, "");
	hz_queue_viewings_leave(&own);
	assert_int_equal(own.delivery[HZ_TO_EMR].phase, HZ_DELIVERY_PARKED);
	assert_string_equal(own.error, "refused");
}

// All of a record goes after its retention: Bundles for nobody go with it, those that wait are told first.
static void test_deleted(void **state)
{
	struct hz_archive a;
	open_emr(&a);
	record_is(A, HZ_RECORD_DELIVERED);
	view(A, 1);
	answer = HZ_AWAY;
	assert_true(hz_viewings_pass(&a));
	(void)hz_delivery_pass(a.emr, hz_wall_us() / 1000);
	char path[HZ_RECORD_PATH_BYTES + 100];
	snprintf(path, sizeof(path), "%s/audit/fhir-0000000077.json", folder);
	assert_int_equal(hz_document_write(path, "{}", 2, 0600), 0);
	assert_int_equal(bundles(), 2);
	assert_int_equal(hz_viewings_forget(rig.store, folder, A), 0);
	assert_int_equal(hz_deletion_do(folder, true), 0);
	assert_int_equal(bundles(), 1);
	record_is(A, HZ_RECORD_DELETED);
	view(A, 2); // somebody looks at its certificate
	answer = HZ_STORED;
	usleep(5000);
	deliver(&a);
	assert_int_equal(told(), 2);
	assert_int_equal(notes() + items() + bundles(), 0);
	hz_delivery_free(a.emr);
}

// The running archive hears of a note at once, without a look at all records.
static void test_soon(void **state)
{
	record_is(A, HZ_RECORD_DELIVERED);
	start();
	usleep(800000); // the first looks are over
	view(A, 1);
	int64_t began_us = hz_now_us();
	while (notes() && hz_now_us() - began_us < 5000000)
		usleep(10000);
	assert_int_equal(notes(), 0);
	assert_int_equal(bundles(), 1);
	stop();
}

static int begin(void **state)
{
	answer = HZ_STORED;
	return set_up(state);
}

int main(void)
{
	hz_log_init("test", HZ_LOG_ERROR + 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_order_and_bounds, begin, tear_down),
	    cmocka_unit_test_setup_teardown(test_refused, begin, tear_down),
	    cmocka_unit_test_setup_teardown(test_pacs_away, begin, tear_down),
	    cmocka_unit_test_setup_teardown(test_every_step, begin, tear_down),
	    cmocka_unit_test_setup_teardown(test_killed, begin, tear_down),
	    cmocka_unit_test_setup_teardown(test_no_emr, begin, tear_down),
	    cmocka_unit_test_setup_teardown(test_rubbish, begin, tear_down),
	    cmocka_unit_test_setup_teardown(test_deleted, begin, tear_down),
	    cmocka_unit_test(test_leave),
	    cmocka_unit_test_setup_teardown(test_soon, begin, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

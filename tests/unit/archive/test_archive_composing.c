// The archive composes behind the delivered tracks, and tells all of it once more.
#include "tests/unit/archive/archive_rig.h"

static struct hz_record_state wait_composing(const char *folder, enum hz_record_composing phase,
                                             unsigned attempts)
{
	struct hz_record_state s = {.phase = 0};
	for (int i = 0; i < 1000; i++) {
		if (hz_record_state_read(folder, &s) == 0 && s.composing.phase == phase &&
		    s.composing.attempts == attempts)
			return s;
		usleep(10000);
	}
	fail_msg("composing is %s, attempt %u: %s", hz_record_composing_name(s.composing.phase),
	         s.composing.attempts, s.composing.error);
	return s;
}

static bool is_there(const char *folder, const char *name)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void leave(const char *folder, const char *name)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(hz_document_write(path, "pictures", 8, 0600), 0);
}

// After the tracks have gone: composed, and all of it told once more, in documents of its own.
static void test_composed(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32];
	rig.settings.compose = true;
	put(A, HZ_RECORD_ENDED, 1000, "", a);
	start();
	wait_composing(a, HZ_COMPOSING_DONE, 0);
	wait_for(a, HZ_RECORD_DELIVERED, 0);
	stop();
	asked("record finalize " A "\npackage " A "\ncompose " A "\npackage " A "\n");
	for (int i = 1; i <= 2; i++) {
		snprintf(path, sizeof(path), i == 1 ? "%s/fhir.json" : "%s/fhir-%d.json", a, i);
		assert_int_equal(access(path, R_OK), 0);
	}
	snprintf(path, sizeof(path), "grep -q '\"fhir-2.json\"' %s/certificate.json", a);
	assert_int_equal(system(path), 0);
	start(); // and that was all
	usleep(300000);
	stop();
	asked("record finalize " A "\npackage " A "\ncompose " A "\npackage " A "\n");
}

// The tracks do not care, neither of this record nor of the next.
static void test_not_composed(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32];
	rig.settings.compose = true;
	put(A, HZ_RECORD_ENDED, 1000, "broken", a);
	start();
	struct hz_record_state s = wait_composing(a, HZ_COMPOSING_WAITING, 1);
	assert_string_equal(s.composing.error, "tracks/a.mp4: cut off");
	wait_for(a, HZ_RECORD_DELIVERED, 0);
	put(B, HZ_RECORD_ENDED, 2000, "long", b);
	wait_composing(b, HZ_COMPOSING_RUNNING, 1);
	wait_for(b, HZ_RECORD_DELIVERED, 0);
	stop();
	wait_composing(b, HZ_COMPOSING_WAITING, 0); // ended by us: no attempt
	for (unsigned i = 2; i <= HZ_ARCHIVE_ATTEMPTS; i++) {
		assert_int_equal(hz_record_state_read(a, &s), 0);
		s.composing.changed_ms -= 3600000; // the pause is over
		assert_int_equal(hz_record_state_write(a, &s), 0);
		start();
		s = wait_composing(a, i < HZ_ARCHIVE_ATTEMPTS ? HZ_COMPOSING_WAITING : HZ_COMPOSING_FAILED,
		                   i);
		assert_int_equal(s.phase, HZ_RECORD_DELIVERED);
		stop();
		assert_false(is_there(a, "composed.mp4.part") || is_there(a, "poster.jpg.part"));
	}
	snprintf(path, sizeof(path), "%s/broken", a);
	unlink(path);
	snprintf(path, sizeof(path), "%s/long", b);
	unlink(path);
	assert_int_equal(hz_archive_retry(rig.store, NULL), 1);
	start();
	wait_composing(a, HZ_COMPOSING_DONE, 0);
	wait_composing(b, HZ_COMPOSING_DONE, 0);
	stop();
}

// Two records' slots run beside each other: tracks never wait for a picture.
static void test_beside(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES];
	rig.settings.compose = true;
	put(A, HZ_RECORD_ENDED, 1000, "long", a);
	start();
	wait_composing(a, HZ_COMPOSING_RUNNING, 1);
	put(B, HZ_RECORD_ENDED, 2000, "", b);
	struct hz_record_state s = wait_for(b, HZ_RECORD_DELIVERED, 0);
	assert_int_equal(s.composing.phase, HZ_COMPOSING_WAITING); // its turn comes
	int lock;
	assert_int_equal(hz_record_lock(a, &lock), -EBUSY); // nobody makes the tracks anew meanwhile
	stop();
	assert_int_equal(hz_record_lock(a, &lock), 0);
	close(lock);
}

// What is made anew by hand is told and composed anew; what is switched off is off; no composer is a reason.
static void test_composing_choices(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES];
	struct hz_record_state s;
	put(A, HZ_RECORD_ENDED, 1000, "", a);
	start();
	wait_composing(a, HZ_COMPOSING_OFF, 0);
	s = wait_for(a, HZ_RECORD_DELIVERED, 0);
	stop();
	memset(&s.composing, 0, sizeof(s.composing)); // as `huizhen record finalize` leaves it
	s.phase = HZ_RECORD_FINALISED;
	assert_int_equal(hz_record_state_write(a, &s), 0);
	rig.settings.compose = rig.settings.without_captions = true;
	start();
	wait_composing(a, HZ_COMPOSING_DONE, 0);
	stop();
	asked("record finalize " A "\npackage " A "\npackage " A "\n--no-captions\ncompose " A "\npackage " A
	      "\n");
	rig.settings.composer = "/nowhere/huizhen-compose";
	put(B, HZ_RECORD_ENDED, 2000, "", b);
	start();
	s = wait_composing(b, HZ_COMPOSING_WAITING, 1);
	assert_string_equal(s.composing.error, "huizhen-compose is not installed");
	wait_for(b, HZ_RECORD_DELIVERED, 0);
	stop();
	rig.settings.compose = false;
	leave(b, "composed.mp4.part"); // of a composer that was killed: no next one takes it away
	start();
	wait_composing(b, HZ_COMPOSING_OFF, 1);
	stop();
	assert_false(is_there(b, "composed.mp4.part"));
}

// The last attempt took the archive down with it: there is none after it.
static void test_composing_died(void **state)
{
	char a[HZ_RECORD_PATH_BYTES];
	struct hz_record_state s;
	rig.settings.compose = true;
	put(A, HZ_RECORD_DELIVERED, 1000, "", a);
	assert_int_equal(hz_record_state_read(a, &s), 0);
	s.composing.phase = HZ_COMPOSING_RUNNING;
	s.composing.attempts = HZ_ARCHIVE_ATTEMPTS;
	assert_int_equal(hz_record_state_write(a, &s), 0);
	leave(a, "composed.mp4.part");
	start();
	wait_composing(a, HZ_COMPOSING_FAILED, HZ_ARCHIVE_ATTEMPTS);
	stop();
	assert_false(is_there(a, "composed.mp4.part"));
}

int main(void)
{
	hz_log_init("test", HZ_LOG_ERROR + 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_composed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_not_composed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_beside, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_composing_choices, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_composing_died, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// The archive's loop with children that a shell script plays.
#include "tests/unit/archive/archive_rig.h"

// Oldest first; what comes while it runs is seen; certificate and Bundle are there.
static void test_order(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32];
	put(B, HZ_RECORD_ENDED, 2000, "", b);
	put(A, HZ_RECORD_ENDED, 1000, "", a);
	start();
	wait_for(b, HZ_RECORD_DELIVERED, 0);
	wait_for(a, HZ_RECORD_DELIVERED, 0);
	asked("record finalize " A "\npackage " A "\nrecord finalize " B "\npackage " B "\n");
	snprintf(path, sizeof(path), "%s/certificate.json", a);
	assert_int_equal(access(path, R_OK), 0);
	snprintf(path, sizeof(path), "%s/fhir.json", a);
	assert_int_equal(access(path, R_OK), 0);
	assert_int_equal(hz_archive_run(&rig.settings, rig.stop_fd), -EBUSY); // one a store
	stop();
}

static void test_failures(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32];
	put(A, HZ_RECORD_ENDED, 1000, "fail", a);
	put(B, HZ_RECORD_ENDED, 2000, "altered", b);
	start();
	struct hz_record_state s = wait_for(a, HZ_RECORD_FINALISING, 1);
	assert_string_equal(s.error, "finalize: exit code 3");
	s = wait_for(b, HZ_RECORD_FAILED, 1); // needs a hand, and the rest went on
	assert_string_equal(s.error, "altered at 0001.hzj");
	snprintf(path, sizeof(path), "%s/altered", b);
	unlink(path);
	assert_int_equal(hz_archive_retry(rig.store, B), 1);
	wait_for(b, HZ_RECORD_DELIVERED, 0);
	stop();
}

static void queue(const char *spool, const char *record, unsigned number, bool parked, const char *error)
{
	char path[160];
	struct hz_spool_item item = {.path = "fhir.json", .bytes = 1, .parked = parked};
	snprintf(path, sizeof(path), "%s/outbox", rig.store);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/outbox/%s", rig.store, spool);
	(void)mkdir(path, 0700);
	snprintf(item.record, sizeof(item.record), "%s", record);
	snprintf(item.folder, sizeof(item.folder), "2026/11/%s", record);
	memset(item.sha256, 'a', 64);
	snprintf(item.error, sizeof(item.error), "%s", error);
	assert_int_equal(hz_spool_put(path, 1000, number, &item), 0);
	assert_int_equal(hz_spool_write(path, &item), 0);
}

static bool look_at(struct hz_record_state *state, int64_t now_ms, int known)
{
	struct hz_queue_names names;
	char error[HZ_OUTCOME_WHY_BYTES];
	hz_queue_names_read(rig.store, &names);
	names.err = known;
	bool left = hz_queue_look(rig.store, &names, now_ms, state, error);
	assert_int_equal(error[0] != '\0', state->delivery[0].phase == HZ_DELIVERY_PARKED ||
	                                       state->delivery[1].phase == HZ_DELIVERY_PARKED);
	hz_queue_names_done(&names);
	return left;
}

// What of a record waits, was refused and is there, for each destination: as state.json says it.
static void test_deliveries(void **state)
{
	struct hz_record_state a = {.id = A}, b = {.id = B}, read;
	char path[160], folder[HZ_RECORD_PATH_BYTES];
	for (unsigned i = 1; i <= 300; i++)
		queue("pacs", "0190a5c2-7b1e-7c3a-9f00-000000000009", i, true, "another record's");
	queue("pacs", A, 1, false, "");
	queue("pacs", A, 2, false, "the PACS is not able now (503)");
	queue("emr", A, 1, true, "the EMR refuses it (422)");
	assert_true(look_at(&a, 10, 0));
	assert_int_equal(a.delivery[HZ_TO_PACS].phase, HZ_DELIVERY_WAITING);
	assert_string_equal(a.delivery[HZ_TO_PACS].error, "the PACS is not able now (503)");
	assert_int_equal(a.delivery[HZ_TO_EMR].phase, HZ_DELIVERY_PARKED);
	assert_string_equal(a.delivery[HZ_TO_EMR].error, "the EMR refuses it (422)");
	assert_int_equal(a.delivery[HZ_TO_EMR].changed_ms, 10);
	// Written and read again.
	put(A, HZ_RECORD_ENDED, 1000, "", folder);
	a.phase = HZ_RECORD_FINALISED;
	assert_int_equal(hz_record_state_write(folder, &a), 0);
	assert_int_equal(hz_record_state_read(folder, &read), 0);
	assert_memory_equal(&read.delivery, &a.delivery, sizeof(a.delivery));
	// Nothing was for it: nothing is said. Not known is not delivered.
	assert_false(look_at(&b, 10, 0));
	assert_int_equal(b.delivery[HZ_TO_PACS].phase, HZ_DELIVERY_NONE);
	assert_true(look_at(&b, 10, -EFBIG));
	snprintf(path, sizeof(path), "rm %s/outbox/*/*" A "*", rig.store);
	assert_int_equal(system(path), 0);
	assert_true(look_at(&a, 15, -EIO));
	assert_int_equal(a.delivery[HZ_TO_PACS].phase, HZ_DELIVERY_WAITING);
	assert_false(look_at(&a, 20, 0));
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++) {
		assert_int_equal(a.delivery[k].phase, HZ_DELIVERY_SENT);
		assert_int_equal(a.delivery[k].changed_ms, 20);
		assert_string_equal(a.delivery[k].error, "");
	}
	assert_false(look_at(&a, 30, 0));
	assert_int_equal(a.delivery[HZ_TO_PACS].changed_ms, 20);
}

// What goes to one destination after the names were read does not wait any more, whatever became of the other's.
static void test_delivered_meanwhile(void **state)
{
	struct hz_record_state a = {.id = A};
	struct hz_queue_names names;
	char command[160], error[HZ_OUTCOME_WHY_BYTES];
	a.delivery[HZ_TO_PACS].phase = HZ_DELIVERY_WAITING;
	queue("pacs", A, 1, false, "");
	queue("emr", A, 1, true, "the EMR refuses it (422)");
	hz_queue_names_read(rig.store, &names);
	snprintf(command, sizeof(command), "rm %s/outbox/pacs/*" A "*", rig.store);
	assert_int_equal(system(command), 0);
	assert_true(hz_queue_look(rig.store, &names, 10, &a, error));
	hz_queue_names_done(&names);
	assert_int_equal(a.delivery[HZ_TO_PACS].phase, HZ_DELIVERY_SENT);
	assert_int_equal(a.delivery[HZ_TO_EMR].phase, HZ_DELIVERY_PARKED);
	assert_string_equal(error, "the EMR refuses it (422)");
}

// Somebody makes its files by hand at this moment: no attempt, no error.
static void test_by_hand(void **state)
{
	char a[HZ_RECORD_PATH_BYTES];
	struct hz_record_state s;
	int lock;
	put(A, HZ_RECORD_FINALISING, 1000, "", a);
	assert_int_equal(hz_record_lock(a, &lock), 0);
	start();
	usleep(300000);
	assert_int_equal(hz_record_state_read(a, &s), 0);
	assert_int_equal(s.attempts, 0);
	assert_int_equal(s.error[0], 0);
	close(lock);
	assert_int_equal(hz_record_state_write(a, &s), 0); // as at the end of that
	wait_for(a, HZ_RECORD_DELIVERED, 0);
	stop();
}

// Six attempts, each by an archive of its own: then it is given up.
static void test_given_up(void **state)
{
	char a[HZ_RECORD_PATH_BYTES];
	put(A, HZ_RECORD_ENDED, 1000, "fail", a);
	for (unsigned i = 1; i <= HZ_ARCHIVE_ATTEMPTS; i++) {
		struct hz_record_state s;
		start();
		s = wait_for(a, i < HZ_ARCHIVE_ATTEMPTS ? HZ_RECORD_FINALISING : HZ_RECORD_FAILED, i);
		stop();
		s.changed_ms -= 3600000; // the pause is over
		assert_int_equal(hz_record_state_write(a, &s), 0);
	}
	assert_int_equal(hz_archive_retry(rig.store, A), 1);
	assert_int_equal(hz_archive_retry(rig.store, A), 0);
}

// A record whose recorder never came back; one under work when the archive stops begins again.
static void test_abandoned_and_stopped(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32];
	struct hz_record_state s;
	put(A, HZ_RECORD_RECORDING, 0, "", a);
	put(B, HZ_RECORD_ENDED, 2000, "slow", b);
	assert_int_equal(hz_record_state_read(a, &s), 0);
	s.changed_ms -= 10000;
	assert_int_equal(hz_record_state_write(a, &s), 0);
	start();
	wait_for(a, HZ_RECORD_DELIVERED, 0);
	wait_for(b, HZ_RECORD_FINALISING, 0);
	stop(); // at once: the child is ended
	snprintf(path, sizeof(path), "%s/slow", b);
	unlink(path);
	start();
	wait_for(b, HZ_RECORD_DELIVERED, 0);
	stop();
}

// What is still recorded is prepared, one at a time; what has ended comes first and does not wait for it.
static void test_prepared(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32], *text = NULL;
	put(A, HZ_RECORD_RECORDING, 0, "slow", a);
	start();
	snprintf(path, sizeof(path), "%s/asked", rig.store);
	for (int i = 0; i < 1000 && access(path, F_OK) < 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	int64_t began_us = hz_now_us();
	put(B, HZ_RECORD_ENDED, 2000, "", b);
	wait_for(b, HZ_RECORD_DELIVERED, 0);
	assert_true(hz_now_us() - began_us < 20000000); // it sleeps for 30 s
	stop();
	assert_int_equal(hz_document_read(path, 1 << 20, &text, NULL), 0);
	static const char want[] = "record prepare " A "\nrecord finalize " B "\n";
	assert_memory_equal(text, want, sizeof(want) - 1);
	free(text);
	wait_for(a, HZ_RECORD_RECORDING, 0);
}

static void test_when_prepared(void **state)
{
	char folder[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32];
	struct hz_record_state s;
	put(A, HZ_RECORD_RECORDING, 0, "", folder);
	assert_int_equal(hz_record_state_read(folder, &s), 0);
	int64_t now_ms = hz_wall_us() / 1000;
	s.started_ms = now_ms - 3600000;
	assert_int_equal(hz_early_due_ms(folder, &s, now_ms), s.started_ms + 180000); // never was
	snprintf(path, sizeof(path), "mkdir %s/early && touch %s/early/.begun", folder, folder);
	assert_int_equal(system(path), 0);
	assert_in_range(hz_early_due_ms(folder, &s, now_ms), now_ms + 298000, now_ms + 310000);
	s.started_ms = now_ms - 86400000;
	assert_in_range(hz_early_due_ms(folder, &s, now_ms), now_ms + 898000, now_ms + 910000);
	assert_true(hz_early_due_ms(folder, &s, now_ms - 86400000) <= now_ms); // the clock was set back
}

// Nothing to do, nothing done: its own files do not wake it.
static void test_rests(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], path[128];
	struct stat one, two;
	put(A, HZ_RECORD_ENDED, 1000, "", a);
	snprintf(path, sizeof(path), "%s/metrics.prom", rig.store);
	start();
	wait_for(a, HZ_RECORD_DELIVERED, 0);
	usleep(1500000); // what was written last is looked at once more
	assert_int_equal(stat(path, &one), 0);
	usleep(1200000);
	assert_int_equal(stat(path, &two), 0);
	assert_int_equal(one.st_ino, two.st_ino);
	stop();
}

static void *run_waiting(void *arg)
{
	struct hz_archive_settings settings = rig.settings;
	int *stop = arg;
	settings.wait = true;
	*stop = hz_archive_run(&settings, *stop);
	return NULL;
}

// At a takeover: the new one stands by until the old one has gone, or until it shall end itself.
static void test_waits(void **state)
{
	char a[HZ_RECORD_PATH_BYTES];
	pthread_t threads[2];
	uint64_t one = 1;
	int first = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC);
	int results[2] = {first, second};
	start();
	put(A, HZ_RECORD_ENDED, 1000, "", a);
	wait_for(a, HZ_RECORD_DELIVERED, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_waiting, &results[i]), 0);
	usleep(50000);
	assert_int_equal(write(first, &one, sizeof(one)), sizeof(one));
	pthread_join(threads[0], NULL);
	assert_int_equal(results[0], 0);
	stop();
	put(B, HZ_RECORD_ENDED, 2000, "", a);
	wait_for(a, HZ_RECORD_DELIVERED, 0);
	assert_int_equal(write(second, &one, sizeof(one)), sizeof(one));
	pthread_join(threads[1], NULL);
	assert_int_equal(results[1], 0);
	close(first);
	close(second);
}

// A configuration that came as a descriptor is there for the children, too, and nothing else is.
static void test_inherited_configuration(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], config[64], path[128], children[256];
	snprintf(path, sizeof(path), "%s/config", rig.store);
	assert_int_equal(hz_document_write(path, "log:\n", 5, 0600), 0);
	// Both would be inherited; numbers that are free, whatever this process was started with.
	int at = open(path, O_RDONLY), fd = fcntl(at, F_DUPFD, 20), other = fcntl(at, F_DUPFD, fd + 1);
	assert_true(at >= 0 && fd >= 20 && other > fd);
	// These numbers and no others: the shell has some of its own.
	snprintf(
	    children, sizeof(children),
	    "#!/bin/sh\ncat \"$5\" >>${0%%/*}/asked\n[ -e /proc/$$/fd/%d ] && [ ! -e /proc/$$/fd/%d ] && [ ! "
	    "-e /proc/$$/fd/%d ] || echo inherited >>${0%%/*}/asked\nexit 1\n",
	    fd, at, other);
	assert_int_equal(hz_document_write(rig.self, children, strlen(children), 0700), 0);
	snprintf(config, sizeof(config), "/proc/self/fd/%d", fd);
	rig.settings.config = config;
	put(A, HZ_RECORD_ENDED, 1000, "", a);
	start();
	wait_for(a, HZ_RECORD_FINALISING, 1);
	stop();
	asked("log:\n");
	close(at);
	close(fd);
	close(other);
}

// A clock that jumped makes nothing old enough to be deleted: not in a running archive, not in one that begins.
static void test_clock(void **state)
{
	struct hz_archive_clock c;
	const int64_t hour = 3600000, day = 24 * hour, wall = 1763700000000;
	hz_archive_clock_open(&c, rig.store, wall, 5000);
	assert_true(hz_archive_clock_good(&c, wall, 5000));
	hz_archive_clock_note(&c, rig.store);
	assert_true(hz_archive_clock_good(&c, wall + day, 5000 + day)); // time goes by
	assert_true(hz_archive_clock_good(&c, wall + day + 60000, 5000 + day));
	assert_false(hz_archive_clock_good(&c, wall + 9000 * day, 6000 + day));
	assert_false(hz_archive_clock_good(&c, wall + 9000 * day + 23 * hour, 6000 + day + 23 * hour));
	assert_true(hz_archive_clock_good(&c, wall + 9001 * day, 6000 + 2 * day)); // then somebody means it
	assert_false(hz_archive_clock_good(&c, wall + 2 * day, 7000 + 2 * day));   // back is a jump as well
	hz_archive_clock_open(&c, rig.store, wall + 29 * day, 5000);
	assert_true(hz_archive_clock_good(&c, wall + 29 * day, 5000));
	hz_archive_clock_open(&c, rig.store, wall + 9000 * day, 5000);
	assert_false(hz_archive_clock_good(&c, wall + 9000 * day, 5000));
	hz_archive_clock_open(&c, rig.store, wall - 2 * hour, 5000);
	assert_false(hz_archive_clock_good(&c, wall - 2 * hour, 5000));
}

static bool is_there(const char *folder, const char *name)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void test_retention(void **state)
{
	char a[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32], text[32];
	const struct timespec ts = {.tv_nsec = 300000000};
	rig.settings.media_days = 30;
	put(A, HZ_RECORD_DELIVERED, hz_wall_us() / 1000 - 31 * 86400000ll, "certificate.json", a);
	snprintf(path, sizeof(path), "%s/archive.clock", rig.store); // the last archive saw another time
	snprintf(text, sizeof(text), "%lld\n", (long long)(hz_wall_us() / 1000 - 31 * 86400000ll));
	assert_int_equal(hz_document_write(path, text, strlen(text), 0640), 0);
	start();
	nanosleep(&ts, NULL);
	stop();
	assert_true(is_there(a, "journal"));
	assert_int_equal(unlink(path), 0);
	start();
	(void)wait_for(a, HZ_RECORD_DELETED, 0);
	stop();
	assert_false(is_there(a, "journal"));
	assert_true(is_there(a, "deletion.json"));
	assert_true(is_there(a, "certificate.json"));
}

static void leave(const char *folder, const char *name)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(hz_document_write(path, "x", 1, 0600), 0);
}

// What processes that were killed left beside goes with what it would have become; also of a record that is deleted already.
static void test_retention_beside(void **state)
{
	static const char *const pictures[] = {"composed.mp4.part", "poster.jpg.part", "strip.jpg.part"};
	static const char *const texts[] = {"manifest.json.part", ".timeline.json.77.tmp", "fhir-2.json.new"};
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES];
	rig.settings.media_days = 30;
	rig.settings.record_days = 60;
	put(A, HZ_RECORD_DELIVERED, hz_wall_us() / 1000 - 31 * 86400000ll, "certificate.json", a);
	put(B, HZ_RECORD_DELETED, hz_wall_us() / 1000 - 61 * 86400000ll, "certificate.json", b);
	for (unsigned i = 0; i < 3; i++) {
		leave(a, pictures[i]);
		leave(a, texts[i]);
		leave(b, texts[i]);
	}
	assert_true(hz_deletion_left(b));
	start();
	(void)wait_for(a, HZ_RECORD_DELETED, 0);
	for (unsigned i = 0; i < 500 && hz_deletion_left(b); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	stop();
	for (unsigned i = 0; i < 3; i++) {
		assert_false(is_there(a, pictures[i]));
		assert_true(is_there(a, texts[i])); // not due yet
		assert_false(is_there(b, texts[i]));
	}
	assert_false(hz_deletion_left(b));
	assert_true(is_there(b, "certificate.json") && is_there(b, "state.json"));
}

// `huizhen record erase --all` was killed: what is left goes at once, whatever the retention, and the note still says why.
static void test_erased(void **state)
{
	static const char note[] = "{\"deletion\":{\"what\":\"erased\"},\"note\":\"a.b.c\"}";
	static const char *const left[] = {"manifest.json", "timeline.json", "fhir.json"};
	char a[HZ_RECORD_PATH_BYTES], b[HZ_RECORD_PATH_BYTES], path[HZ_RECORD_PATH_BYTES + 32], *text;
	rig.settings.media_days = 30;
	put(A, HZ_RECORD_DELETED, hz_wall_us() / 1000, "certificate.json", a);
	put(B, HZ_RECORD_DELETED, hz_wall_us() / 1000 - 31 * 86400000ll, "manifest.json", b);
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", a, left[i]);
		assert_int_equal(hz_document_write(path, "{}", 2, 0600), 0);
	}
	snprintf(path, sizeof(path), "%s/deletion.json", a);
	assert_int_equal(hz_document_write(path, note, strlen(note), 0600), 0);
	start();
	for (unsigned i = 0; i < 500 && is_there(a, "fhir.json"); i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	stop();
	assert_false(is_there(a, "journal"));
	for (unsigned i = 0; i < 3; i++)
		assert_false(is_there(a, left[i]));
	assert_true(is_there(a, "certificate.json"));
	assert_int_equal(hz_document_read(path, 4096, &text, NULL), 0);
	assert_string_equal(text, note);
	free(text);
	assert_true(is_there(b, "manifest.json")); // its media alone were due
}

int main(void)
{
	hz_log_init("test", HZ_LOG_ERROR + 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_prepared, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_when_prepared, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_failures, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_deliveries, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_delivered_meanwhile, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_by_hand, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_given_up, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_abandoned_and_stopped, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_rests, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_waits, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_inherited_configuration, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_clock, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_retention, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_retention_beside, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_erased, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

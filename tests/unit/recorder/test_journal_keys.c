// Keys of a record: made once, wrapped, erased; and what is left of a journal then.
#include "tests/unit/recorder/rig.h"

static struct rig rig;
static int keys_fd;

static int setup(void **state)
{
	char path[320];
	rig_init(&rig);
	snprintf(path, sizeof(path), "%s/keys", rig.folder);
	assert_int_equal(mkdir(path, 0700), 0);
	keys_fd = open(path, O_RDONLY | O_DIRECTORY);
	assert_true(keys_fd >= 0);
	return 0;
}

static int teardown(void **state)
{
	close(keys_fd);
	rig_done(&rig);
	return 0;
}

static void a_master_key_is_made_once(void **state)
{
	uint8_t one[HZ_JOURNAL_KEY_BYTES], two[HZ_JOURNAL_KEY_BYTES];
	char path[320];
	struct stat st;
	snprintf(path, sizeof(path), "%s/master.key", rig.folder);
	assert_int_equal(hz_record_key_master_load(path, one), -ENOENT);
	assert_int_equal(hz_record_key_master(path, one), 0);
	assert_int_equal(hz_record_key_master(path, two), 0);
	assert_memory_equal(one, two, sizeof(one));
	assert_int_equal(hz_record_key_master_load(path, two), 0);
	assert_memory_equal(one, two, sizeof(one));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(truncate(path, 31), 0);
	assert_int_equal(hz_record_key_master(path, two), -EKEYREJECTED);
	assert_int_equal(hz_record_key_master("/nonexistent/master.key", two), -ENOENT);
}

static void keys_are_bound_to_record_and_track(void **state)
{
	uint8_t key[HZ_JOURNAL_KEY_BYTES], got[HZ_JOURNAL_KEY_BYTES], record[16] = {9};
	assert_int_equal(hz_record_key_make(keys_fd, rig.master, rig.record, 5, key), 0);
	assert_int_equal(hz_record_key_make(keys_fd, rig.master, rig.record, 5, got), -EEXIST);
	assert_int_equal(hz_record_key_load(keys_fd, rig.master, rig.record, 5, got), 0);
	assert_memory_equal(key, got, sizeof(key));
	assert_int_equal(hz_record_key_load(keys_fd, rig.master, record, 5, got), -EKEYREJECTED);
	assert_int_equal(hz_record_key_load(keys_fd, key, rig.record, 5, got), -EKEYREJECTED);
	assert_int_equal(renameat(keys_fd, "0005", keys_fd, "0006"), 0);
	assert_int_equal(hz_record_key_load(keys_fd, rig.master, rig.record, 6, got), -EKEYREJECTED);
	assert_int_equal(hz_record_key_load(keys_fd, rig.master, rig.record, 5, got), -ENOENT);
	assert_int_equal(hz_record_key_load(keys_fd, rig.master, rig.record, HZ_JOURNAL_TRACKS, got),
	                 -EINVAL);
	assert_int_equal(hz_record_key_make(keys_fd, rig.master, rig.record, HZ_JOURNAL_TRACKS, got),
	                 -EINVAL);
}

static void an_erased_key_is_gone(void **state)
{
	uint8_t key[HZ_JOURNAL_KEY_BYTES], before[68], after[68];
	assert_int_equal(hz_record_key_make(keys_fd, rig.master, rig.record, 5, key), 0);
	int fd = openat(keys_fd, "0005", O_RDONLY); // of the bytes that lie there
	assert_int_equal(pread(fd, before, sizeof(before), 0), sizeof(before));
	assert_int_equal(hz_record_key_erase(keys_fd, 4, "{}"), -ENOENT);
	assert_int_equal(hz_record_key_erase(keys_fd, 5, "{\"why\":\"asked\"}"), 0);
	assert_int_equal(pread(fd, after, sizeof(after), 0), sizeof(after));
	assert_memory_not_equal(before + 20, after + 20, 48);
	close(fd);
	assert_int_equal(faccessat(keys_fd, "0005", F_OK, 0), -1);
	assert_int_equal(faccessat(keys_fd, "0005.erased", F_OK, 0), 0);
	assert_int_equal(hz_record_key_load(keys_fd, rig.master, rig.record, 5, key), -ENOKEY);
	assert_int_equal(hz_record_key_make(keys_fd, rig.master, rig.record, 5, key), -ENOKEY);
	assert_int_equal(hz_record_key_erase(keys_fd, 5, "{}"), 0); // again
}

static void a_crash_within_erasing(void **state)
{
	uint8_t key[HZ_JOURNAL_KEY_BYTES];
	assert_int_equal(hz_record_key_make(keys_fd, rig.master, rig.record, 5, key), 0);
	close(openat(keys_fd, "0005.erased", O_WRONLY | O_CREAT, 0600));
	assert_int_equal(hz_record_key_load(keys_fd, rig.master, rig.record, 5, key), -ENOKEY);
	assert_int_equal(hz_record_key_erase(keys_fd, 5, "{}"), 0);
	assert_int_equal(faccessat(keys_fd, "0005", F_OK, 0), -1);
}

// Three tracks, 100 packets each, ended.
static void record(void)
{
	rig_open(&rig);
	for (uint32_t t = 1; t <= 3; t++) {
		char key[8];
		snprintf(key, sizeof(key), "t%u", t);
		assert_int_equal(rig_track(&rig, key), t);
	}
	for (uint32_t n = 0; n < 100; n++) {
		for (uint32_t t = 1; t <= 3; t++)
			assert_int_equal(rig_put(&rig, t, n), 0);
		if (n % 30 == 0)
			assert_int_equal(rig_seal_sync(&rig), 0);
	}
}

static void the_others_stay_readable(void **state)
{
	struct rig_read before, after;
	record();
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &before);
	assert_int_equal(before.media, 300);
	assert_int_equal(hz_record_key_erase(keys_fd, 2, "{}"), 0);
	rig_read(&rig, &after);
	assert_int_equal(after.err, 0);
	assert_int_equal(after.media, 200);
	assert_int_equal(after.next[1], 100);
	assert_int_equal(after.next[2], 0);
	assert_int_equal(after.next[3], 100);
	assert_int_equal(after.summary.erased, 1);
	assert_true(after.summary.erased_chunks >= 4);
	assert_int_equal(after.summary.chunks, before.summary.chunks);
	assert_memory_equal(after.summary.hash, before.summary.hash, HZ_JOURNAL_HASH_BYTES);
}

static void erased_while_it_is_recorded(void **state)
{
	struct rig_read read;
	uint32_t track;
	record();
	assert_int_equal(rig_seal_sync(&rig), 0);
	assert_int_equal(hz_record_key_erase(keys_fd, 2, "{}"), 0);
	rig_drop(&rig);
	rig_open(&rig);
	assert_int_equal(hz_journal_track(rig.w, "t2", "{}", rig.now_us, &track), -ENOKEY);
	assert_int_equal(rig_track(&rig, "t1"), 1);
	assert_int_equal(rig_put(&rig, 1, 100), 0);
	assert_int_equal(rig_track(&rig, "t4"), 4);
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.media, 201);
	assert_int_equal(read.summary.tracks, 4);
	assert_int_equal(read.summary.erased, 1);
}

static void a_whole_record_erased(void **state)
{
	struct rig_read read;
	record();
	assert_int_equal(rig_end(&rig), 0);
	assert_int_equal(hz_record_key_erase(keys_fd, 0, "{}"), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.media, 0);
	assert_true(read.summary.ended);
	assert_int_equal(read.summary.erased_chunks, read.summary.chunks - 1);
}

// After a crash between the key and the description of a track its number is given again, with that key.
static void a_key_without_its_track(void **state)
{
	uint8_t key[HZ_JOURNAL_KEY_BYTES], record_key[HZ_JOURNAL_KEY_BYTES];
	struct rig_read read;
	rig_open(&rig);
	assert_int_equal(hz_record_key_load(keys_fd, rig.master, rig.record, 0, record_key), 0);
	assert_int_equal(hz_record_key_make(keys_fd, record_key, rig.record, 1, key), 0);
	rig_drop(&rig);
	rig_open(&rig);
	assert_int_equal(rig_track(&rig, "x"), 1);
	assert_int_equal(rig_put(&rig, 1, 0), 0);
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.media, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_master_key_is_made_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(keys_are_bound_to_record_and_track, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_erased_key_is_gone, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_crash_within_erasing, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_others_stay_readable, setup, teardown),
	    cmocka_unit_test_setup_teardown(erased_while_it_is_recorded, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_whole_record_erased, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_key_without_its_track, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// A disk that is full, broken or slow: nothing that was put is forgotten or out of order, nothing is sealed twice.
// pwritev and fdatasync are the linker's wrappers (tests/unit/CMakeLists.txt).
#include <pthread.h>
#include <stdatomic.h>
#include <sys/uio.h>

#include "tests/unit/recorder/rig.h"

ssize_t __real_pwritev(int fd, const struct iovec *iov, int n, off_t offset);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int n, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

#define SHADOW_BYTES (1 << 20)

static struct {
	bool on;
	int64_t room;                 // bytes that fit before ENOSPC; -1: all
	int write_error;              // of each write
	int sync_errors;              // so many fdatasyncs fail, and the pages are lost
	size_t most;                  // bytes a call takes
	uint64_t synced;              // of the file
	uint8_t shadow[SHADOW_BYTES]; // what was ever written where
	bool known[SHADOW_BYTES];
	atomic_bool hold; // fdatasync waits
	atomic_int waiting;
} disk = {.room = -1};

static void disk_reset(void)
{
	memset(disk.known, 0, sizeof(disk.known));
	disk.on = true;
	disk.room = -1;
	disk.write_error = disk.sync_errors = 0;
	disk.most = SIZE_MAX;
	disk.synced = 0;
}

// Two texts under one nonce would show here: the same place, other bytes.
static void remember(const uint8_t *data, size_t bytes, uint64_t at)
{
	for (size_t i = 0; i < bytes; i++) {
		assert_true(at + i < SHADOW_BYTES);
		if (disk.known[at + i])
			assert_int_equal(disk.shadow[at + i], data[i]);
		disk.known[at + i] = true;
		disk.shadow[at + i] = data[i];
	}
}

ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	uint64_t at = (uint64_t)offset;
	if (!disk.on)
		return __real_pwritev(fd, iov, n, offset);
	size_t left = disk.most;
	if (disk.write_error) {
		errno = disk.write_error;
		return -1;
	}
	for (int i = 0; i < n && left; i++) {
		size_t bytes = iov[i].iov_len < left ? iov[i].iov_len : left;
		if (disk.room >= 0 && (int64_t)bytes > disk.room)
			bytes = (size_t)disk.room;
		if (bytes == 0)
			break;
		remember(iov[i].iov_base, bytes, at);
		assert_int_equal(pwrite(fd, iov[i].iov_base, bytes, (off_t)at), (ssize_t)bytes);
		at += bytes;
		left -= bytes;
		if (disk.room >= 0)
			disk.room -= (int64_t)bytes;
	}
	if (at == (uint64_t)offset) {
		errno = ENOSPC;
		return -1;
	}
	return (ssize_t)(at - (uint64_t)offset);
}

int __wrap_fdatasync(int fd)
{
	struct stat st;
	while (atomic_load(&disk.hold)) {
		atomic_store(&disk.waiting, 1);
		usleep(1000);
	}
	if (!disk.on)
		return 0;
	assert_int_equal(fstat(fd, &st), 0);
	if (disk.sync_errors > 0) {
		disk.sync_errors--;
		assert_int_equal(ftruncate(fd, (off_t)disk.synced),
		                 0); // the pages are gone, the error is told once
		errno = EIO;
		return -1;
	}
	disk.synced = (uint64_t)st.st_size;
	return 0;
}

static struct rig rig;
static uint32_t a, b;

static int setup(void **state)
{
	disk.on = false;
	rig_init(&rig);
	rig_open(&rig);
	a = rig_track(&rig, "a");
	b = rig_track(&rig, "b");
	disk_reset();
	char path[320];
	struct stat st;
	snprintf(path, sizeof(path), "%s/journal/0001.hzj", rig.folder);
	assert_int_equal(stat(path, &st), 0);
	disk.synced = (uint64_t)st.st_size;
	return 0;
}

static int teardown(void **state)
{
	disk.on = false;
	rig_done(&rig);
	return 0;
}

static void put_both(uint32_t from, uint32_t to)
{
	for (uint32_t n = from; n < to; n++) {
		assert_int_equal(rig_put(&rig, a, n), 0);
		assert_int_equal(rig_put(&rig, b, n), 0);
	}
}

static void ends_with(uint32_t packets)
{
	struct rig_read read;
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_true(read.summary.ended);
	assert_int_equal(read.media, 2 * packets);
	assert_int_equal(read.next[a], packets);
	assert_int_equal(read.next[b], packets);
	assert_int_equal(read.summary.segments, 1);
}

static void a_full_disk(void **state)
{
	struct hz_journal_stats stats;
	put_both(0, 100);
	assert_int_equal(rig_seal_sync(&rig), 0);
	for (int64_t room = 0; room < 400; room += 7) { // full at every place of a chunk, and still putting
		disk.room = room;
		put_both((uint32_t)(100 + room), (uint32_t)(107 + room));
		assert_int_equal(rig_seal_sync(&rig), -ENOSPC);
		hz_journal_stats(rig.w, &stats);
		assert_true(stats.waiting_bytes > 0 && stats.oldest_us > 0 && stats.oldest_us < rig.now_us);
	}
	disk.room = -1;
	ends_with(506);
}

static void a_disk_that_takes_little_at_once(void **state)
{
	for (size_t most = 1; most < 200; most += 13) {
		disk.most = most;
		put_both((uint32_t)most - 1, (uint32_t)most + 12);
		assert_int_equal(rig_seal_sync(&rig), 0);
	}
	ends_with(208);
}

static void a_disk_that_forgets(void **state)
{
	put_both(0, 50);
	assert_int_equal(rig_seal_sync(&rig), 0);
	disk.sync_errors = 3;
	put_both(50, 100);
	assert_int_equal(rig_seal_sync(&rig), -EIO);
	put_both(100, 150);
	assert_int_equal(rig_seal_sync(&rig), -EIO);
	disk.write_error = EIO;
	assert_int_equal(rig_seal_sync(&rig), -EIO);
	disk.write_error = 0;
	assert_int_equal(rig_seal_sync(&rig), -EIO);
	put_both(150, 200);
	assert_int_equal(rig_end(&rig), 0);
	ends_with(200);
}

// Given to the kernel first, waited for later.
static void written_and_then_synced(void **state)
{
	struct hz_journal_stats before, after;
	hz_journal_stats(rig.w, &before);
	put_both(0, 10);
	assert_int_equal(hz_journal_seal(rig.w, rig.now_us, WALL_US + rig.now_us), 0);
	disk.write_error = ENOSPC;
	assert_int_equal(hz_journal_write(rig.w), -ENOSPC);
	disk.write_error = 0;
	assert_int_equal(hz_journal_write(rig.w), 0);
	disk.write_error = EIO; // nobody writes it twice
	assert_int_equal(hz_journal_write(rig.w), 0);
	hz_journal_stats(rig.w, &after);
	assert_int_equal(after.chunks, before.chunks); // nor calls it safe
	assert_int_equal(after.oldest_us, 5005000);
	assert_int_equal(hz_journal_sync(rig.w), 0);
	hz_journal_stats(rig.w, &after);
	assert_int_equal(after.chunks, before.chunks + 2);
	assert_int_equal(after.oldest_us, 0);
	disk.write_error = 0;
	put_both(10, 20);
	assert_int_equal(hz_journal_seal(rig.w, rig.now_us, WALL_US + rig.now_us), 0);
	assert_int_equal(hz_journal_write(rig.w), 0);
	disk.sync_errors = 1; // what the kernel had is gone
	assert_int_equal(hz_journal_sync(rig.w), -EIO);
	assert_int_equal(hz_journal_write(rig.w), 0);
	assert_int_equal(hz_journal_sync(rig.w), 0);
	ends_with(20);
}

static void the_end_is_tried_again(void **state)
{
	put_both(0, 10);
	disk.room = 0;
	assert_int_equal(rig_end(&rig), -ENOSPC);
	assert_int_equal(rig_put(&rig, a, 10), -ESHUTDOWN);
	disk.room = 150;
	assert_int_equal(rig_end(&rig), -ENOSPC);
	disk.room = -1;
	disk.sync_errors = 1;
	assert_int_equal(rig_end(&rig), -EIO);
	ends_with(10);
}

// The bound holds, what is lost is counted and told, and a withdrawn consent takes away what is not sealed.
static void full_for_long(void **state)
{
	struct hz_journal_stats stats;
	struct rig_read read;
	unsigned lost = 0;
	disk.on = false;
	rig_drop(&rig);
	rig.limit_bytes = 20000;
	rig_open(&rig);
	assert_int_equal(rig_track(&rig, "a"), a);
	assert_int_equal(rig_track(&rig, "b"), b);
	disk_reset();
	disk.room = 0;
	for (uint32_t n = 0; n < 2000; n++) {
		lost += rig_put(&rig, n % 2 ? a : b, n) == -ENOBUFS;
		if (n % 50 == 0)
			assert_int_equal(rig_seal_sync(&rig), -ENOSPC);
	}
	hz_journal_stats(rig.w, &stats);
	assert_true(stats.waiting_bytes <= 20000 + 4096);
	assert_int_equal(stats.lost_packets, lost);
	assert_true(lost > 1000);
	hz_journal_discard(rig.w, a);
	disk.room = -1;
	assert_int_equal(rig_seal_sync(&rig), 0);
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.gaps, 2);
	assert_int_equal(read.next[a], 0); // its first packet was put after the first seal
	assert_true(read.next[b] > 100);
}

static void opening_on_a_full_disk(void **state)
{
	struct rig other;
	struct rig_read read;
	rig_init(&other);
	disk.room = 0;
	assert_int_equal(rig_try_open(&other), -ENOSPC);
	assert_int_equal(rig_try_open(&other), -ENOSPC);
	disk.on = false;
	rig_open(&other);
	assert_int_equal(rig_end(&other), 0);
	rig_read(&other, &read);
	assert_int_equal(read.err, 0);
	assert_true(read.summary.ended);
	rig_done(&other);
}

static void a_segment_that_cannot_be_made(void **state)
{
	struct rig_read read;
	char path[320];
	disk.on = false;
	rig_drop(&rig);
	rig.segment_bytes = 4000;
	rig_open(&rig); // segment 2
	rig_track(&rig, "a");
	rig_track(&rig, "b");
	snprintf(path, sizeof(path), "%s/journal/0003.hzj", rig.folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put_both(0, 100);
	assert_int_equal(rig_seal_sync(&rig), 0);
	put_both(100, 200);
	assert_int_not_equal(rig_seal_sync(&rig), 0);
	put_both(200, 300);
	assert_int_not_equal(rig_seal_sync(&rig), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rig_seal_sync(&rig), 0);
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_int_equal(read.media, 600);
	assert_true(read.summary.segments >= 3);
}

// --- beside a sync in another thread ------------------------------------------------------------------------------------

static atomic_bool stop;

static void *sync_forever(void *arg)
{
	while (!atomic_load(&stop)) {
		assert_int_equal(hz_journal_sync(rig.w), 0);
		usleep(100);
	}
	return NULL;
}

static void sync_beside_puts(void **state)
{
	struct hz_journal_stats stats;
	pthread_t thread;
	disk.on = false;
	atomic_store(&stop, false);
	assert_int_equal(pthread_create(&thread, NULL, sync_forever, NULL), 0);
	for (uint32_t n = 0; n < 5000; n++) {
		put_both(n, n + 1);
		if (n % 20 == 0)
			assert_int_equal(hz_journal_seal(rig.w, rig.now_us, WALL_US + rig.now_us), 0);
		if (n % 500 == 0)
			assert_int_equal(hz_journal_event(rig.w, n / 500 + 1, "{}", 2, rig.now_us), 0);
		if (n == 2500)
			rig_track(&rig, "c");
		hz_journal_stats(rig.w, &stats);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	ends_with(5000);
}

static void *sync_once(void *arg)
{
	assert_int_equal(hz_journal_sync(rig.w), 0);
	return NULL;
}

static void a_slow_disk_holds_nobody_up(void **state)
{
	struct hz_journal_stats stats;
	pthread_t thread;
	disk.on = false;
	put_both(0, 10);
	assert_int_equal(hz_journal_seal(rig.w, rig.now_us, WALL_US + rig.now_us), 0);
	atomic_store(&disk.waiting, 0);
	atomic_store(&disk.hold, true);
	assert_int_equal(pthread_create(&thread, NULL, sync_once, NULL), 0);
	while (!atomic_load(&disk.waiting))
		usleep(1000);
	put_both(10, 1000); // all this while fdatasync waits
	assert_int_equal(hz_journal_seal(rig.w, rig.now_us, WALL_US + rig.now_us), 0);
	hz_journal_stats(rig.w, &stats);
	assert_int_equal(stats.oldest_us, 5005000);
	atomic_store(&disk.hold, false);
	pthread_join(thread, NULL);
	ends_with(1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_full_disk, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_disk_that_takes_little_at_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_disk_that_forgets, setup, teardown),
	    cmocka_unit_test_setup_teardown(written_and_then_synced, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_end_is_tried_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(full_for_long, setup, teardown),
	    cmocka_unit_test_setup_teardown(opening_on_a_full_disk, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_segment_that_cannot_be_made, setup, teardown),
	    cmocka_unit_test_setup_teardown(sync_beside_puts, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_slow_disk_holds_nobody_up, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

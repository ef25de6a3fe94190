// A small disk that fills up under a running recorder: said before anything is lost, nothing is lost while memory has room,
// and it goes on by itself when there is room again. Needs a mount of its own: skipped where that is not allowed.
#include "tests/unit/recorder/recorder_rig.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#define TRACK HZ_ID(3, 7)
#define OTHER HZ_ID(3, 8)
#define DISK  "64m"

static struct rr_content content;
static char place[64];

static bool own_disk(void)
{
	snprintf(place, sizeof(place), "/tmp/hz-disk-XXXXXX");
	if (!mkdtemp(place) || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return false;
	return mount("tmpfs", place, "tmpfs", 0, "size=" DISK) == 0;
}

static void fill(const char *name, uint64_t leave)
{
	char path[128];
	static uint8_t block[65536];
	struct statvfs fs;
	snprintf(path, sizeof(path), "%s/%s", place, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	while (!statvfs(place, &fs) && (uint64_t)fs.f_bavail * fs.f_frsize > leave + sizeof(block))
		if (write(fd, block, sizeof(block)) <= 0)
			break;
	close(fd);
}

static void empty(const char *name)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", place, name);
	assert_int_equal(unlink(path), 0);
}

static uint32_t put_for(struct recorder_rig *rig, uint32_t next, int64_t us)
{
	for (int64_t until = hz_now_us() + us; hz_now_us() < until;) {
		(void)rr_put(rig, 0, TRACK, next++);
		rr_turn(rig);
	}
	return next;
}

static struct recorder_rig *begin(size_t memory_bytes)
{
	struct recorder_rig *rig = rr_new(place);
	rig->min_free = 48 << 20;
	rig->memory_bytes = memory_bytes;
	rr_start(rig);
	rr_record(rig, RECORD_A);
	rr_track_open(rig, RECORD_A, 0, TRACK, 0);
	hz_record_link_start(rig->link);
	rr_expect(rig, "track", 0, 1);
	return rig;
}

static void full_and_free_again(void **state)
{
	struct recorder_rig *rig = begin(64 << 20);
	uint32_t next = put_for(rig, 0, 1200000);
	assert_true(rr_seen(rig, "disk", HZ_REC_DISK_GOOD) >= 1);
	fill("low", 32 << 20);
	next = put_for(rig, next, 1500000);
	assert_int_equal(rr_seen(rig, "disk", HZ_REC_DISK_LOW), 1);
	assert_int_equal(rr_seen(rig, "state", HZ_REC_STOPPED), 0);
	fill("full", 0);
	next = put_for(rig, next, 2500000);
	assert_int_equal(rr_seen(rig, "disk", HZ_REC_DISK_FULL), 1);
	assert_int_equal(rr_seen(rig, "state", HZ_REC_STOPPED), 1);
	assert_int_equal(rr_seen(rig, "state", HZ_REC_LOSING), 0);
	empty("full");
	empty("low");
	next = put_for(rig, next, 1500000);
	assert_int_equal(rr_seen(rig, "state", HZ_REC_RUNNING), 1);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	assert_int_equal(content.packets, next); // memory was enough
	assert_int_equal(content.gaps, 0);
	rr_free(rig);
}

// Nothing can be written, somebody new stands first in the queue, and then a person says no: what is not on disk yet of that
// person never gets there.
static void consent_taken_back(void **state)
{
	struct recorder_rig *rig = begin(64 << 20);
	uint32_t next = put_for(rig, 0, 800000), others = 0;
	fill("full", 0);
	while (!rr_seen(rig, "state", HZ_REC_STOPPED))
		next = put_for(rig, next, 50000);
	uint32_t sealed = next; // what was on its way when the disk was found full goes on
	next = put_for(rig, next, 1000000);
	rr_track_open(rig, RECORD_A, 0, OTHER, 0);
	rr_run(rig, 800000);
	assert_int_equal(rr_seen(rig, "track", 0), 1); // it waits
	assert_int_equal(hz_record_link_track_close(rig->link, RECORD_A, 0, TRACK, true), 0);
	rr_run(rig, 800000);
	assert_int_equal(rr_seen(rig, "closed", 0), 0);
	empty("full");
	rr_expect(rig, "track", 0, 2);
	rr_expect(rig, "closed", 0, 1);
	for (; others < 500; others++) {
		(void)rr_put(rig, 0, OTHER, others);
		rr_turn(rig);
	}
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, "p0.camera.458755", &content);
	assert_true(content.packets > 0 && content.number[content.packets - 1] < sealed);
	rr_read(rig, RECORD_A, "p0.camera.524291", &content);
	assert_int_equal(content.packets, others); // everybody else's is there
	assert_int_equal(content.gaps, 0);
	rr_free(rig);
}

// A disk that takes its time (this program is linked so that fdatasync() asks here).
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/slow", place);
	if (access(path, F_OK) == 0)
		usleep(1300000);
	return __real_fdatasync(fd);
}

static void slow_and_fast_again(void **state)
{
	struct recorder_rig *rig = begin(64 << 20);
	uint32_t next = put_for(rig, 0, 1200000);
	assert_int_equal(rr_seen(rig, "disk", HZ_REC_DISK_SLOW), 0);
	fill("slow", UINT64_MAX / 2);
	next = put_for(rig, next, 5000000);
	assert_true(rr_seen(rig, "disk", HZ_REC_DISK_SLOW) >= 1); // told while nothing is lost
	assert_int_equal(rr_seen(rig, "state", HZ_REC_LOSING), 0);
	unsigned good = rr_seen(rig, "disk", HZ_REC_DISK_GOOD);
	empty("slow");
	next = put_for(rig, next, 4000000);
	assert_true(rr_seen(rig, "disk", HZ_REC_DISK_GOOD) > good);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	assert_int_equal(content.packets, next);
	assert_int_equal(content.gaps, 0);
	rr_free(rig);
}

// Memory is not: what is lost is counted, told and in the journal as a gap.
static void files(bool more)
{
	char options[64];
	struct statvfs fs;
	assert_int_equal(statvfs(place, &fs), 0);
	snprintf(options, sizeof(options), "size=" DISK ",nr_inodes=%llu",
	         more ? 100000ull : (unsigned long long)(fs.f_files - fs.f_ffree));
	assert_int_equal(mount("none", place, NULL, MS_REMOUNT, options), 0);
}

// The journal's end is on disk, its state finds no room: it is not called closed before the archive can see that it is.
static void the_state_finds_no_room(void **state)
{
	struct recorder_rig *rig = begin(64 << 20);
	(void)put_for(rig, 0, 500000);
	files(false);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_run(rig, 1500000);
	assert_int_equal(rr_seen(rig, "state", HZ_REC_CLOSED), 0);
	assert_int_equal(rr_phase(rig, RECORD_A), HZ_RECORD_RECORDING);
	files(true);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	assert_int_equal(rr_phase(rig, RECORD_A), HZ_RECORD_ENDED);
	rr_read(rig, RECORD_A, NULL, &content);
	assert_true(content.ended);
	rr_free(rig);
}

static void more_than_memory_holds(void **state)
{
	struct recorder_rig *rig = begin(1 << 20);
	uint32_t next = put_for(rig, 0, 600000);
	fill("full", 0);
	for (unsigned i = 0; i < 3000; i++) {
		(void)rr_put(rig, 0, TRACK, next++);
		if (i % 100 == 0)
			rr_run(rig, 50000);
	}
	rr_run(rig, 1500000);
	empty("full");
	rr_expect(rig, "state", HZ_REC_LOSING, 1);
	assert_int_equal(rr_seen(rig, "state", HZ_REC_STOPPED), 1);
	next = put_for(rig, next, 800000);
	assert_int_equal(hz_record_link_close(rig->link, RECORD_A), 0);
	rr_expect(rig, "state", HZ_REC_CLOSED, 1);
	rr_read(rig, RECORD_A, NULL, &content);
	assert_true(content.packets > 1000 && content.packets < next);
	assert_true(content.gaps > 0);
	assert_int_equal(content.number[content.packets - 1], next - 1);
	rr_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(full_and_free_again), cmocka_unit_test(consent_taken_back),
	    cmocka_unit_test(the_state_finds_no_room), cmocka_unit_test(slow_and_fast_again),
	    cmocka_unit_test(more_than_memory_holds)};
	if (!own_disk()) {
		print_message("skipped: no mount of our own\n");
		rmdir(place);
		return 0;
	}
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	umount(place);
	rmdir(place);
	return failed;
}

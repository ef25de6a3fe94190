// A recorder killed by SIGKILL at any moment, again and again: what it had synced is there, and the next one goes on.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/unit/recorder/rig.h"

#define KILLS  30
#define TRACKS 3

struct shared { // what the child says it has on disk; outlives it
	volatile uint32_t synced[TRACKS + 1];
	volatile uint64_t events;
	volatile int64_t now_us;
};

// `from`: of this recorder alone, past all that those before it may have written without having said so.
static void record_forever(struct rig *rig, struct shared *shared, uint32_t from)
{
	uint32_t next[TRACKS + 1];
	rig_open(rig);
	for (uint32_t t = 1; t <= TRACKS; t++) {
		char key[8];
		snprintf(key, sizeof(key), "t%u", t);
		assert_int_equal(rig_track(rig, key), t);
		next[t] = from;
	}
	for (uint64_t event = hz_journal_last_event(rig->w) + 1;; event++) {
		for (unsigned i = 0; i < 20; i++)
			for (uint32_t t = 1; t <= TRACKS; t++)
				assert_int_equal(rig_put(rig, t, next[t]++), 0);
		assert_int_equal(hz_journal_event(rig->w, event, "{}", 2, rig->now_us), 0);
		assert_int_equal(rig_seal_sync(rig), 0);
		for (uint32_t t = 1; t <= TRACKS; t++)
			shared->synced[t] = next[t];
		shared->events = event;
		shared->now_us = rig->now_us;
	}
}

static void killed_again_and_again(void **state)
{
	struct shared *shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct rig rig;
	struct rig_read read;
	assert_true(shared != MAP_FAILED);
	rig_init(&rig);
	rig.segment_bytes = 30000;
	shared->now_us = rig.now_us;
	for (unsigned i = 0; i < KILLS; i++) {
		uint64_t before = shared->events;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			rig.now_us = shared->now_us;
			record_forever(&rig, shared, (i + 1) * 1000000);
			_exit(1);
		}
		int status;
		for (unsigned ms = 0; i % 2 == 0 && ms < 20000 && shared->events == before; ms++)
			usleep(1000); // every other one may be killed while it opens
		usleep((unsigned)rand() % 5000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		rig_read(&rig, &read);
		if (read.err == -ENOENT && shared->events == 0)
			continue; // before there was a key
		if (read.err)
			fail_msg("after kill %u: %d %s at %llu: %s", i, read.err, read.fault.file,
			         (unsigned long long)read.fault.offset, read.fault.what);
		assert_true(read.events >= shared->events);
		for (uint32_t t = 1; t <= TRACKS; t++)
			assert_true(read.next[t] >= shared->synced[t]);
	}
	rig.now_us = shared->now_us;
	rig_open(&rig);
	assert_int_equal(rig_end(&rig), 0);
	rig_read(&rig, &read);
	assert_int_equal(read.err, 0);
	assert_true(read.summary.ended);
	assert_true(read.summary.segments > KILLS / 2);
	rig_done(&rig);
	munmap(shared, sizeof(*shared));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(killed_again_and_again)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

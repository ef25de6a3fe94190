// The ring: order, bounds, what is dropped, two threads, two processes that are killed, hostile contents.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/ring.h"

#define SMALL 16384u
#define LARGE 262144u
#define MANY  50000u

struct body { // a record that tells whether it is whole
	uint32_t number, bytes;
	uint8_t fill[HZ_RING_RECORD_BYTES - 8];
};

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static uint32_t size_of(uint32_t number)
{
	uint32_t state = number + 1;
	next_random(&state);
	return 8 + next_random(&state) % (HZ_RING_RECORD_BYTES - 7);
}

static void fill(struct body *b, uint32_t number)
{
	b->number = number;
	b->bytes = size_of(number);
	memset(b->fill, (int)(number * 31 + 7), b->bytes - 8);
}

static bool whole(const struct body *b, size_t bytes)
{
	if (bytes < 8 || b->bytes != bytes || bytes != size_of(b->number))
		return false;
	for (size_t i = 0; i < bytes - 8; i++)
		if (b->fill[i] != (uint8_t)(b->number * 31 + 7))
			return false;
	return true;
}

static int put(struct hz_ring *ring, uint32_t number)
{
	struct body b;
	fill(&b, number);
	const struct hz_ring_record record = {HZ_RING_RTP, 0, number, (int64_t)number * 3};
	return hz_ring_put(ring, &record, &b, b.bytes);
}

// The number of the next record; -1: none. Fails on one that is torn.
static int64_t take(struct hz_ring *ring)
{
	struct body b;
	struct hz_ring_record record;
	size_t bytes = 0;
	if (!hz_ring_take(ring, &record, (uint8_t *)&b, &bytes))
		return -1;
	if (!whole(&b, bytes) || record.source != b.number || record.arrival_us != (int64_t)b.number * 3 ||
	    record.kind != HZ_RING_RTP)
		return -2;
	return b.number;
}

static void *memory(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static void passes_on(void **state)
{
	struct hz_ring in, out;
	void *at = memory(SMALL);
	(void)state;
	assert_int_equal(hz_ring_produce(&in, at, SMALL), 0);
	assert_int_equal(hz_ring_consume(&out, at, SMALL), 0);
	assert_true(hz_ring_empty(&out));
	assert_int_equal(take(&out), -1);
	for (uint32_t i = 0; i < 2000; i++) { // many times around, in steps of one to three
		for (uint32_t k = 0; k <= i % 3; k++)
			assert_int_equal(put(&in, i * 3 + k), 0);
		assert_false(hz_ring_empty(&out));
		for (uint32_t k = 0; k <= i % 3; k++)
			assert_int_equal(take(&out), i * 3 + k);
		assert_int_equal(take(&out), -1);
	}
	const struct hz_ring_record record = {HZ_RING_RTCP, 5, 6, 7};
	struct hz_ring_record got;
	uint8_t buf[HZ_RING_RECORD_BYTES];
	size_t bytes = 9;
	assert_int_equal(hz_ring_put(&in, &record, NULL, 0), 0);
	assert_int_equal(hz_ring_take(&out, &got, buf, &bytes), 1);
	assert_int_equal(bytes, 0);
	assert_memory_equal(&got, &record, sizeof(got));
	munmap(at, SMALL);
}

static void refuses(void **state)
{
	struct hz_ring in;
	uint8_t *at = memory(SMALL);
	const struct hz_ring_record record = {HZ_RING_RTP, 0, 0, 0};
	(void)state;
	assert_int_equal(hz_ring_produce(&in, NULL, SMALL), -EINVAL);
	assert_int_equal(hz_ring_produce(&in, at, HZ_RING_MIN_BYTES - 32), -EINVAL);
	assert_int_equal(hz_ring_produce(&in, at, SMALL + 8), -EINVAL);
	assert_int_equal(hz_ring_consume(&in, at + 4, SMALL), -EINVAL);
	assert_int_equal(hz_ring_produce(&in, at, SMALL), 0);
	assert_int_equal(hz_ring_put(&in, &record, at, HZ_RING_RECORD_BYTES + 1), -EMSGSIZE);
	munmap(at, SMALL);
}

static void drops_when_full(void **state)
{
	struct hz_ring in, out;
	struct hz_ring_counters counters;
	void *at = memory(SMALL);
	uint32_t kept = 0;
	(void)state;
	hz_ring_produce(&in, at, SMALL);
	hz_ring_consume(&out, at, SMALL);
	while (put(&in, kept) == 0)
		kept++;
	assert_true(kept > 4);
	assert_int_equal(put(&in, 4000), -ENOBUFS);
	assert_null(hz_ring_reserve(&in));
	hz_ring_counters(&out, &counters);
	assert_int_equal(counters.dropped, 3);
	assert_int_equal(counters.records, kept);
	assert_int_equal(hz_ring_lost(&out), 3);
	hz_ring_consume(&out, at, SMALL); // another consumer does not hear of it again
	assert_int_equal(hz_ring_lost(&out), 0);
	for (uint32_t i = 0; i < kept; i++)
		assert_int_equal(take(&out), i);
	assert_int_equal(take(&out), -1);
	assert_int_equal(put(&in, 9), 0); // and there is room again
	assert_int_equal(take(&out), 9);
	munmap(at, SMALL);
}

static void reserve_without_commit(void **state)
{
	struct hz_ring in, out;
	void *at = memory(SMALL);
	(void)state;
	hz_ring_produce(&in, at, SMALL);
	hz_ring_consume(&out, at, SMALL);
	for (uint32_t i = 0; i < 200; i++) {
		memset(hz_ring_reserve(&in), 0xee, HZ_RING_RECORD_BYTES);
		assert_int_equal(take(&out), -1);
		assert_int_equal(put(&in, i), 0);
		assert_int_equal(take(&out), i);
	}
	munmap(at, SMALL);
}

// A successor on either side, with anything half done before it.
static void attaches_again(void **state)
{
	struct hz_ring in, out;
	void *at = memory(SMALL);
	(void)state;
	hz_ring_produce(&in, at, SMALL);
	hz_ring_consume(&out, at, SMALL);
	for (uint32_t i = 0; i < 500; i++) {
		assert_int_equal(put(&in, i), 0);
		memset(hz_ring_reserve(&in), 0xff,
		       HZ_RING_RECORD_BYTES); // killed while it wrote the next one
		assert_int_equal(hz_ring_produce(&in, at, SMALL), 0);
		if (i % 3 == 0)
			assert_int_equal(hz_ring_consume(&out, at, SMALL), 0);
		assert_int_equal(take(&out), i);
	}
	munmap(at, SMALL);
}

// --- two threads

static void *produce_many(void *arg)
{
	struct hz_ring ring;
	assert_int_equal(hz_ring_produce(&ring, arg, LARGE), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		while (put(&ring, i))
			sched_yield();
	}
	return NULL;
}

static void two_threads(void **state)
{
	pthread_t thread;
	struct hz_ring out;
	void *at = memory(LARGE);
	(void)state;
	assert_int_equal(hz_ring_consume(&out, at, LARGE), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce_many, at), 0);
	for (uint32_t i = 0; i < MANY;) {
		int64_t number = take(&out);
		if (number == -1) {
			sched_yield();
			continue;
		}
		assert_int_equal(number, i);
		i++;
	}
	pthread_join(thread, NULL);
	munmap(at, LARGE);
}

// --- two processes, killed at any instruction

struct shared {              // beside the ring
	uint32_t next;       // to be written
	uint32_t seen;       // read last, plus one
	uint32_t torn, back; // what must not happen
};

static pid_t producer(void *ring_at, struct shared *shared)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	struct hz_ring ring;
	if (hz_ring_produce(&ring, ring_at, LARGE))
		_exit(1);
	for (;;) {
		uint32_t number = __atomic_fetch_add(&shared->next, 1, __ATOMIC_SEQ_CST);
		(void)put(&ring, number);
	}
}

static pid_t consumer(void *ring_at, struct shared *shared)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	struct hz_ring ring;
	if (hz_ring_consume(&ring, ring_at, LARGE))
		_exit(1);
	uint32_t least = __atomic_load_n(&shared->seen, __ATOMIC_SEQ_CST);
	least = least ? least - 1 : 0; // the one before may come again, once
	for (;;) {
		int64_t number = take(&ring);
		if (number == -2)
			__atomic_fetch_add(&shared->torn, 1, __ATOMIC_SEQ_CST);
		if (number < 0)
			continue;
		if ((uint32_t)number < least)
			__atomic_fetch_add(&shared->back, 1, __ATOMIC_SEQ_CST);
		least = (uint32_t)number + 1;
		__atomic_store_n(&shared->seen, least, __ATOMIC_SEQ_CST);
	}
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void killed_processes(void **state)
{
	void *at = memory(LARGE);
	struct shared *shared = memory(4096);
	struct hz_ring_counters counters;
	struct hz_ring ring;
	uint32_t random = 4711;
	(void)state;
	pid_t from = producer(at, shared), to = consumer(at, shared);
	for (int i = 0; i < 150; i++) {
		usleep(500 + next_random(&random) % 4000);
		if (next_random(&random) & 1) {
			end(from);
			from = producer(at, shared);
		} else {
			end(to);
			to = consumer(at, shared);
		}
	}
	end(from);
	uint32_t seen = shared->seen;
	for (int i = 0; i < 500 && seen + 1 < shared->next; i++) {
		usleep(10000); // what is left in the ring arrives; the newest may have been dropped
		if (shared->seen == seen)
			break;
		seen = shared->seen;
	}
	end(to);
	assert_int_equal(shared->torn, 0);
	assert_int_equal(shared->back, 0);
	assert_true(shared->seen > 1000);
	hz_ring_produce(&ring, at, LARGE);
	hz_ring_counters(&ring, &counters);
	assert_int_equal(counters.corrupt, 0);
	munmap(at, LARGE);
	munmap(shared, 4096);
}

// --- hostile contents: nothing is read or written outside (ASan watches), and the ring works again by itself

static void hostile(void **state)
{
	uint32_t random = 99;
	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct hz_ring in, out;
		struct hz_ring_record record;
		uint8_t *buf = malloc(HZ_RING_RECORD_BYTES);
		uint8_t *at = aligned_alloc(64, SMALL);
		size_t bytes = 0;
		memset(at, 0, SMALL);
		hz_ring_produce(&in, at, SMALL);
		hz_ring_consume(&out, at, SMALL);
		for (uint32_t i = 0; i < 4 + next_random(&random) % 4; i++)
			(void)put(&in, i);
		(void)take(&out);
		for (int i = 0; i < 4; i++) { // positions, headers, anywhere
			uint32_t where = next_random(&random) % (i < 2 ? 160 : SMALL);
			at[where] = (uint8_t)next_random(&random);
		}
		if (round % 3 == 0)
			hz_ring_consume(&out, at, SMALL);
		if (round % 5 == 0)
			hz_ring_produce(&in, at, SMALL);
		for (int i = 0; i < 100; i++) {
			(void)put(&in, (uint32_t)i);
			while (hz_ring_take(&out, &record, buf, &bytes))
				assert_true(bytes <= HZ_RING_RECORD_BYTES);
		}
		assert_int_equal(put(&in, 7), 0);
		assert_int_equal(take(&out), 7);
		free(at);
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passes_on),        cmocka_unit_test(refuses),
	    cmocka_unit_test(drops_when_full),  cmocka_unit_test(reserve_without_commit),
	    cmocka_unit_test(attaches_again),   cmocka_unit_test(two_threads),
	    cmocka_unit_test(killed_processes), cmocka_unit_test(hostile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
#define WIDE  2097152u // wider than what is kept warm
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

// --- beginning again at the front

static const uint8_t *place_of_next(struct hz_ring *ring)
{
	const uint8_t *at = hz_ring_reserve(ring);
	assert_non_null(at);
	return at;
}

// A ring that is emptied often uses its front only, at whatever point either side is followed by another.
static void stays_warm(void **state)
{
	struct hz_ring in, out;
	uint8_t *at = memory(WIDE);
	const uint8_t *farthest = at;
	uint32_t random = 5;
	(void)state;
	hz_ring_produce(&in, at, WIDE);
	hz_ring_consume(&out, at, WIDE);
	for (uint32_t i = 0; i < 20000;) {
		uint32_t few = 1 + next_random(&random) % 8;
		for (uint32_t k = 0; k < few; k++) {
			const uint8_t *place = place_of_next(&in);
			farthest = place > farthest ? place : farthest;
			if (next_random(&random) % 7 == 0)
				hz_ring_produce(&in, at, WIDE);
			assert_int_equal(put(&in, i + k), 0);
		}
		if (next_random(&random) % 3 == 0)
			hz_ring_consume(&out, at, WIDE);
		for (uint32_t k = 0; k < few; k++)
			assert_int_equal(take(&out), i + k);
		assert_int_equal(take(&out), -1);
		assert_true(hz_ring_empty(&out));
		i += few;
	}
	assert_true(farthest < at + HZ_RING_WARM_BYTES + 8 * 4096);
	munmap(at, WIDE);
}

// The consumer dies just when it has emptied the ring: all of the memory is there for what comes meanwhile, and the next
// consumer gets it in order, also when the place it would look at has been written anew.
static void begins_again_without_a_consumer(void **state)
{
	struct hz_ring in, out;
	struct hz_ring_counters counters;
	void *at = memory(WIDE);
	(void)state;
	for (uint32_t first = 0; first < 700; first += 100) {
		uint32_t number = 0, bytes = 0, from;
		memset(at, 0, WIDE);
		hz_ring_produce(&in, at, WIDE);
		hz_ring_consume(&out, at, WIDE);
		for (; number < first; number++) {
			assert_int_equal(put(&in, number), 0);
			assert_int_equal(take(&out), number);
		}
		for (from = number; put(&in, number) == 0; number++)
			bytes += size_of(number);
		assert_true(bytes > WIDE / 10 * 9);
		if (first % 200 == 0)
			hz_ring_produce(&in, at, WIDE);
		hz_ring_consume(&out, at, WIDE);
		for (; from < number; from++)
			assert_int_equal(take(&out), from);
		assert_int_equal(take(&out), -1);
		assert_int_equal(put(&in, 7), 0);
		assert_int_equal(take(&out), 7);
		hz_ring_counters(&out, &counters);
		assert_int_equal(counters.corrupt, 0);
	}
	munmap(at, WIDE);
}

static void peeks(void **state)
{
	struct hz_ring in, out;
	struct hz_ring_record record;
	const uint8_t *data = NULL;
	size_t bytes = 0;
	void *at = memory(SMALL);
	(void)state;
	hz_ring_produce(&in, at, SMALL);
	hz_ring_consume(&out, at, SMALL);
	assert_int_equal(hz_ring_peek(&out, &record, &data, &bytes), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(put(&in, i), 0);
	for (int again = 0; again < 2; again++) { // it stays until it is dropped
		assert_int_equal(hz_ring_peek(&out, &record, &data, &bytes), 1);
		assert_int_equal(record.source, 0);
		assert_true(whole((const struct body *)data, bytes));
	}
	hz_ring_drop(&out);
	assert_int_equal(take(&out), 1);
	assert_int_equal(hz_ring_peek(&out, &record, &data, &bytes), 1);
	hz_ring_consume(&out, at, SMALL); // another consumer sees it again
	assert_int_equal(take(&out), 2);
	assert_int_equal(hz_ring_peek(&out, &record, &data, &bytes), 0);
	munmap(at, SMALL);
}

// --- two threads

struct span {
	void *at;
	size_t bytes;
};

static void *produce_many(void *arg)
{
	const struct span *span = arg;
	struct hz_ring ring;
	assert_int_equal(hz_ring_produce(&ring, span->at, span->bytes), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		while (put(&ring, i))
			sched_yield();
	}
	return NULL;
}

static void two_threads_in(size_t bytes)
{
	pthread_t thread;
	struct hz_ring out;
	struct span span = {memory(bytes), bytes};
	assert_int_equal(hz_ring_consume(&out, span.at, bytes), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce_many, &span), 0);
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
	munmap(span.at, bytes);
}

static void two_threads(void **state)
{
	(void)state;
	two_threads_in(LARGE);
	two_threads_in(WIDE);
}

// --- two processes, killed at any instruction

struct shared {              // beside the ring
	uint32_t next;       // to be written
	uint32_t seen;       // read last, plus one
	uint32_t torn, back; // what must not happen
};

static pid_t producer(const struct span *span, struct shared *shared)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	struct hz_ring ring;
	if (hz_ring_produce(&ring, span->at, span->bytes))
		_exit(1);
	for (;;) {
		uint32_t number = __atomic_fetch_add(&shared->next, 1, __ATOMIC_SEQ_CST);
		(void)put(&ring, number);
	}
}

static pid_t consumer(const struct span *span, struct shared *shared)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	struct hz_ring ring;
	if (hz_ring_consume(&ring, span->at, span->bytes))
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

static void killed_processes_in(size_t ring_bytes)
{
	const struct span span = {memory(ring_bytes), ring_bytes};
	struct shared *shared = memory(4096);
	struct hz_ring_counters counters;
	struct hz_ring ring;
	uint32_t random = 4711;
	pid_t from = producer(&span, shared), to = consumer(&span, shared);
	for (int i = 0; i < 150; i++) {
		usleep(500 + next_random(&random) % 4000);
		if (next_random(&random) & 1) {
			end(from);
			from = producer(&span, shared);
		} else {
			end(to);
			to = consumer(&span, shared);
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
	hz_ring_produce(&ring, span.at, span.bytes);
	hz_ring_counters(&ring, &counters);
	assert_int_equal(counters.corrupt, 0);
	munmap(span.at, span.bytes);
	munmap(shared, 4096);
}

static void killed_processes(void **state)
{
	(void)state;
	killed_processes_in(LARGE);
	killed_processes_in(WIDE);
}

// --- hostile contents: nothing is read or written outside (ASan watches), and the ring works again by itself

static void hostile_in(size_t ring_bytes, int rounds, uint32_t before)
{
	uint32_t random = 99;
	for (int round = 0; round < rounds; round++) {
		struct hz_ring in, out;
		struct hz_ring_record record;
		uint8_t *buf = malloc(HZ_RING_RECORD_BYTES);
		uint8_t *at = aligned_alloc(64, ring_bytes);
		size_t bytes = 0;
		memset(at, 0, ring_bytes);
		hz_ring_produce(&in, at, ring_bytes);
		hz_ring_consume(&out, at, ring_bytes);
		for (uint32_t i = 0; i < before; i++) {
			assert_int_equal(put(&in, i), 0);
			assert_int_equal(take(&out), i);
		}
		for (uint32_t i = 0; i < 4 + next_random(&random) % 4; i++)
			(void)put(&in, i);
		(void)take(&out);
		for (int i = 0; i < 4; i++) { // positions, headers, anywhere
			uint32_t where = next_random(&random) % (i < 2 ? 160 : (uint32_t)ring_bytes);
			at[where] = (uint8_t)next_random(&random);
		}
		if (round % 3 == 0)
			hz_ring_consume(&out, at, ring_bytes);
		if (round % 5 == 0)
			hz_ring_produce(&in, at, ring_bytes);
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

static void hostile(void **state)
{
	(void)state;
	hostile_in(SMALL, 3000, 0);
	hostile_in(WIDE, 100, 520); // about to begin again
	hostile_in(WIDE, 100, 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passes_on),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(drops_when_full),
	    cmocka_unit_test(reserve_without_commit),
	    cmocka_unit_test(attaches_again),
	    cmocka_unit_test(two_threads),
	    cmocka_unit_test(killed_processes),
	    cmocka_unit_test(hostile),
	    cmocka_unit_test(stays_warm),
	    cmocka_unit_test(begins_again_without_a_consumer),
	    cmocka_unit_test(peeks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

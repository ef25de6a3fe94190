// The ring between huizhen-hls and those who send a broadcast on: what is read is what was written, who is slow loses whole groups of
// pictures, who died in the middle of a unit harms nobody, and what a reader finds is believed in no length.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/memfd.h"
#include "media/push/outfeed.h"

static struct {
	int fd;
	struct hz_outfeed *in, *out;
	uint8_t data[300000];
	int64_t number; // of the next unit; its time
} w;

static int set_up(void **state)
{
	memset(&w, 0, sizeof(w));
	for (size_t i = 0; i < sizeof(w.data); i++)
		w.data[i] = (uint8_t)(i * 7 + i / 251);
	return hz_memfd_new("test", HZ_OUTFEED_BYTES, &w.fd) || hz_outfeed_write_open(w.fd, &w.in) ||
	       hz_outfeed_read_open(w.fd, &w.out);
}

static int tear_down(void **state)
{
	hz_outfeed_free(w.in);
	hz_outfeed_free(w.out);
	return close(w.fd);
}

static void put(enum hz_outfeed_track track, bool key, size_t bytes)
{
	struct hz_outfeed_unit u = {.track = track, .key = key, .data = w.data, .bytes = bytes};
	u.config_bytes = key && track == HZ_OUTFEED_VIDEO ? 40 : 0;
	u.bytes -= u.config_bytes;
	u.pts_us = u.dts_us = ++w.number * 1000;
	hz_outfeed_put(w.in, &u);
}

static void takes(int64_t number, bool key, size_t bytes)
{
	struct hz_outfeed_unit u;
	assert_int_equal(hz_outfeed_take(w.out, &u), 0);
	assert_int_equal(u.dts_us, number * 1000);
	assert_int_equal(u.key, key);
	assert_int_equal(u.bytes + u.config_bytes, bytes);
	assert_memory_equal(u.data, w.data, bytes);
}

static int end(void)
{
	struct hz_outfeed_unit u;
	return hz_outfeed_take(w.out, &u);
}

static void passes_on(void **state)
{
	assert_int_equal(end(), -EAGAIN);
	assert_false(hz_outfeed_ready(w.out));
	put(HZ_OUTFEED_SOUND, true, 100); // nothing to begin with
	put(HZ_OUTFEED_VIDEO, false, 1000);
	assert_int_equal(end(), -EAGAIN);
	put(HZ_OUTFEED_VIDEO, true, 5001);
	put(HZ_OUTFEED_SOUND, true, 3);
	put(HZ_OUTFEED_VIDEO, false, 77);
	assert_true(hz_outfeed_ready(w.out));
	takes(3, true, 5001);
	assert_int_equal(hz_outfeed_lag_us(w.out), 2000);
	takes(4, false, 3);
	takes(5, false, 77);
	assert_int_equal(end(), -EAGAIN);
	assert_int_equal(hz_outfeed_lag_us(w.out), 0);
}

static void goes_around(void **state)
{
	for (int i = 0; i < 2000; i++) { // some 20 rings, and units over its edge
		size_t bytes = 100000 + (size_t)i * 97 % 150000;
		put(HZ_OUTFEED_VIDEO, i % 10 == 0, bytes);
		takes(i + 1, i % 10 == 0, bytes);
	}
}

static void who_is_slow_loses_groups(void **state)
{
	for (int i = 0; i < 200; i++)
		put(HZ_OUTFEED_VIDEO, i % 10 == 0, 200000);
	assert_int_equal(end(), -EOVERFLOW);
	takes(191, true, 200000);
	takes(192, false, 200000);
	put(HZ_OUTFEED_VIDEO, true, 1000);
	hz_outfeed_skip(w.out);
	takes(201, true, 1000);
	hz_outfeed_skip(w.out); // there is nothing newer
	assert_int_equal(end(), -EAGAIN);
	put(HZ_OUTFEED_VIDEO, false, 10);
	takes(202, false, 10);
}

// Who comes later begins with the newest keyframe; if that is no more in the ring, with the next one.
static void who_comes_later(void **state)
{
	put(HZ_OUTFEED_VIDEO, true, 1000);
	put(HZ_OUTFEED_VIDEO, true, 2000);
	put(HZ_OUTFEED_VIDEO, false, 10);
	hz_outfeed_free(w.out);
	assert_int_equal(hz_outfeed_read_open(w.fd, &w.out), 0);
	takes(2, true, 2000);
	takes(3, false, 10);
	for (int i = 0; i < 100; i++)
		put(HZ_OUTFEED_VIDEO, false, 200000);
	hz_outfeed_free(w.out);
	assert_int_equal(hz_outfeed_read_open(w.fd, &w.out), 0);
	assert_false(hz_outfeed_ready(w.out));
	assert_int_equal(end(), -EAGAIN);
	put(HZ_OUTFEED_VIDEO, true, 50);
	takes(104, true, 50);
}

static void a_writer_dies(void **state)
{
	put(HZ_OUTFEED_VIDEO, true, 1000);
	uint64_t *shared;
	void *memory;
	assert_int_equal(hz_memfd_map(w.fd, HZ_OUTFEED_BYTES, &memory), 0);
	shared = memory;
	shared[0] += 9000; // it had begun a unit
	hz_outfeed_free(w.in);
	assert_int_equal(hz_outfeed_write_open(w.fd, &w.in), 0);
	put(HZ_OUTFEED_VIDEO, false, 500); // of what was lost
	put(HZ_OUTFEED_SOUND, true, 50);
	put(HZ_OUTFEED_VIDEO, true, 700);
	takes(1, true, 1000);
	takes(4, true, 700);
	assert_int_equal(end(), -EAGAIN);
	hz_memfd_unmap(memory, HZ_OUTFEED_BYTES);
}

// Whatever stands there: nothing is read outside, and it ends.
static void what_lies_there_is_not_believed(void **state)
{
	void *memory;
	unsigned seed = 7;
	assert_int_equal(hz_memfd_map(w.fd, HZ_OUTFEED_BYTES, &memory), 0);
	uint64_t *shared = memory;
	for (int round = 0; round < 2000; round++) {
		uint32_t *head = (uint32_t *)((uint8_t *)memory + 4096);
		shared[0] = shared[1] =
		    (uint64_t)rand_r(&seed) % 3 * HZ_OUTFEED_RING_BYTES + (uint64_t)rand_r(&seed) % 5000;
		shared[2] = 1 + (uint64_t)rand_r(&seed) % 3000 / 8 * 8;
		for (int i = 0; i < 800; i++)
			head[i] =
			    rand_r(&seed) % 3 ? (uint32_t)rand_r(&seed) % 400 : (uint32_t)rand_r(&seed) << 1;
		hz_outfeed_skip(w.out);
		for (int i = 0; i < 50; i++) {
			struct hz_outfeed_unit u;
			int err = hz_outfeed_take(w.out, &u);
			assert_true(err || (u.bytes <= HZ_OUTFEED_UNIT_BYTES &&
			                    u.config_bytes <= HZ_OUTFEED_UNIT_BYTES));
		}
	}
	hz_memfd_unmap(memory, HZ_OUTFEED_BYTES);
}

static void wrong_ones_are_refused(void **state)
{
	struct hz_outfeed *f;
	int fd;
	assert_int_equal(hz_outfeed_read_open(-1, &f), -EBADF);
	assert_int_equal(hz_memfd_new("small", 4096, &fd), 0);
	assert_int_equal(hz_outfeed_read_open(fd, &f), -EINVAL);
	assert_int_equal(hz_outfeed_write_open(fd, &f), -EINVAL);
	close(fd);
	uint8_t *large = calloc(1, HZ_OUTFEED_UNIT_BYTES + 1);
	put(HZ_OUTFEED_VIDEO, true, 1000);
	struct hz_outfeed_unit u = {
	    .track = HZ_OUTFEED_VIDEO, .data = large, .bytes = HZ_OUTFEED_UNIT_BYTES + 1};
	hz_outfeed_put(w.in, &u);
	put(HZ_OUTFEED_VIDEO, false, 10); // needs what was left out
	put(HZ_OUTFEED_VIDEO, true, 20000);
	takes(1, true, 1000);
	takes(3, true, 20000);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(passes_on, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(goes_around, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(who_is_slow_loses_groups, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(who_comes_later, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_writer_dies, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_lies_there_is_not_believed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(wrong_ones_are_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

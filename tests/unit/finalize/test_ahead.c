// Reading ahead: the same items in the same order, ends and faults where they are, rewound anywhere.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/finalize/ahead.h"

struct numbers { // item n holds n, in one buffer that is used again
	uint32_t at, count, rewound;
	int end;
	uint8_t buf[HZ_JOURNAL_RECORD_BYTES + 1];
};

static size_t length_of(uint32_t n)
{
	return n % 7 == 0 ? 4 : n % 1000 == 1 ? HZ_JOURNAL_RECORD_BYTES : 900 + n % 300;
}

static int next(void *arg, struct hz_journal_item *ret)
{
	struct numbers *s = arg;
	if (s->at == s->count)
		return s->end;
	size_t bytes = length_of(s->at);
	memset(s->buf, (int)s->at, bytes);
	memcpy(s->buf, &s->at, 4);
	*ret = (struct hz_journal_item){.track = s->at++, .at_us = 5, .data = s->buf, .bytes = bytes};
	return 1;
}

static int again(void *arg)
{
	struct numbers *s = arg;
	s->at = 0;
	s->rewound++;
	return s->rewound == 9 ? -EIO : 0;
}

static void read_some(struct hz_items *items, uint32_t count)
{
	struct hz_journal_item item;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t number;
		assert_int_equal(items->next(items->arg, &item), 1);
		memcpy(&number, item.data, 4);
		assert_int_equal(item.track, i);
		assert_int_equal(number, i);
		assert_int_equal(item.bytes, length_of(i));
		assert_true(item.bytes == 4 || item.data[item.bytes - 1] == (uint8_t)i);
	}
}

static void test_all(void **state)
{
	static const int ends[] = {0, -EBADMSG, -EIO};
	static const uint32_t counts[] = {0, 1, 4095, 4096, 4097, 60000};
	for (unsigned i = 0; i < 18; i++) {
		struct numbers numbers = {.count = counts[i / 3], .end = ends[i % 3]};
		const struct hz_items from = {next, again, &numbers};
		struct hz_journal_item item;
		struct hz_ahead *ahead;
		assert_int_equal(hz_ahead_new(&from, &ahead), 0);
		struct hz_items items = hz_ahead_items(ahead);
		for (int pass = 0; pass < 2; pass++) {
			assert_int_equal(items.rewind(items.arg), 0);
			read_some(&items, numbers.count);
			assert_int_equal(items.next(items.arg, &item), numbers.end);
			assert_int_equal(items.next(items.arg, &item), numbers.end);
		}
		hz_ahead_free(ahead);
	}
}

// Rewound and freed while the thread waits, works or has ended; a source that cannot be rewound.
static void test_anywhere(void **state)
{
	struct numbers numbers = {.count = 30000};
	const struct hz_items from = {next, again, &numbers};
	struct hz_journal_item item;
	struct hz_ahead *ahead;
	assert_int_equal(hz_ahead_new(&from, &ahead), 0);
	struct hz_items items = hz_ahead_items(ahead);
	assert_int_equal(items.next(items.arg, &item), -EINVAL);
	static const uint32_t some[] = {0, 1, 5000, 30000, 29999, 12345, 2, 1};
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(items.rewind(items.arg), 0);
		read_some(&items, some[i]);
	}
	assert_int_equal(items.rewind(items.arg), -EIO);
	assert_int_equal(items.next(items.arg, &item), -EINVAL);
	assert_int_equal(items.rewind(items.arg), 0);
	hz_ahead_free(ahead);
	hz_ahead_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_anywhere)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

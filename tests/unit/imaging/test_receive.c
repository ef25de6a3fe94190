// Associations by bytes: what a sender says in any pieces, units that lie about their lengths, orders of things that cannot be.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/receive/assoc.h"

static const struct hz_assoc_config config = {.title = "HUIZHEN", .callers = "CT1, US2", .dir = "/tmp"};

static size_t title(uint8_t *p, const char *text)
{
	memset(p, ' ', 16);
	memcpy(p, text, strlen(text));
	return 16;
}

static size_t item(uint8_t *p, uint8_t type, const char *text)
{
	size_t n = strlen(text);
	p[0] = type;
	p[1] = 0;
	p[2] = (uint8_t)(n >> 8);
	p[3] = (uint8_t)n;
	memcpy(p + 4, text, n);
	return n + 4;
}

static size_t associate(uint8_t *p, const char *calling, const char *abstract)
{
	memset(p, 0, 512);
	size_t at = 6;
	p[at + 1] = 1;
	title(p + at + 4, "HUIZHEN");
	title(p + at + 20, calling);
	at += 68;
	at += item(p + at, 0x10, "1.2.840.10008.3.1.1.1");
	size_t context = at;
	p[at] = 0x20;
	at += 4;
	p[at] = 1;
	at += 4;
	at += item(p + at, 0x30, abstract);
	at += item(p + at, 0x40, "1.2.3.4");
	at += item(p + at, 0x40, "1.2.840.10008.1.2.1");
	p[context + 3] = (uint8_t)(at - context - 4);
	p[0] = 1;
	p[4] = (uint8_t)((at - 6) >> 8);
	p[5] = (uint8_t)(at - 6);
	return at;
}

static size_t element(uint8_t *p, unsigned which, const void *value, size_t n)
{
	const uint8_t head[8] = {0, 0, (uint8_t)which, (uint8_t)(which >> 8), (uint8_t)n};
	memcpy(p, head, 8);
	memcpy(p + 8, value, n);
	return n + 8;
}

static size_t value(uint8_t *p, uint8_t flags, const void *data, size_t n)
{
	size_t all = n + 6;
	const uint8_t head[12] = {
	    4, 0,    0, 0, (uint8_t)(all >> 8), (uint8_t)all, 0, 0, (uint8_t)((n + 2) >> 8), (uint8_t)(n + 2),
	    1, flags};
	memcpy(p, head, 12);
	memcpy(p + 12, data, n);
	return n + 12;
}

static size_t store(uint8_t *p, bool with_data)
{
	uint8_t command[256];
	size_t n = element(command, 0x0002, "1.2.840.10008.5.1.4.1.1.2\0", 26);
	n += element(command + n, 0x0100, "\1\0", 2);
	n += element(command + n, 0x0110, "\7\0", 2);
	n += element(command + n, 0x0800, with_data ? "\0\0" : "\1\1", 2);
	n += element(command + n, 0x1000, "1.2.3.45", 8);
	return value(p, 3, command, n);
}

static void feed(struct hz_assoc *a, const uint8_t *bytes, size_t count, size_t piece)
{
	for (size_t at = 0; at < count;) {
		uint8_t *to;
		size_t room = hz_assoc_room(a, &to), n = count - at < piece ? count - at : piece;
		if (!room)
			return;
		n = n < room ? n : room;
		memcpy(to, bytes + at, n);
		hz_assoc_got(a, n);
		at += n;
	}
}

static size_t whole(uint8_t *all)
{
	size_t n = associate(all, "CT1", "1.2.840.10008.5.1.4.1.1.2");
	n += store(all + n, true);
	n += value(all + n, 0, "\x08\0\x16\0UI", 6);
	return n + value(all + n, 2, "rest", 4);
}

static void test_stored(void **state)
{
	uint8_t all[2048], file[1024];
	size_t count = whole(all);
	for (size_t piece = 1; piece < 300; piece += 17) {
		struct hz_assoc *a = NULL;
		assert_int_equal(hz_assoc_new(&config, &a), 0);
		feed(a, all, count, piece);
		assert_int_equal(a->state, HZ_ASSOC_OFFERED);
		assert_int_equal(a->out[0], HZ_PDU_ASSOCIATE_AC);
		ssize_t n = pread(a->file, file, sizeof(file), 0);
		assert_true(n > 200);
		assert_memory_equal(file + 128, "DICM", 4);
		assert_non_null(memmem(file, (size_t)n, "1.2.840.10008.1.2.1", 20));
		assert_memory_equal(file + n - 10, "\x08\0\x16\0UIrest", 10);
		hz_assoc_sent(a, a->out_bytes);
		hz_assoc_answer(a, 0xa700);
		assert_int_equal(a->state, HZ_ASSOC_OPEN);
		assert_int_equal(a->out[0], HZ_PDU_DATA);
		assert_non_null(memmem(a->out, a->out_bytes, "\0\0\0\x09\2\0\0\0\0\xa7", 10));
		hz_assoc_free(a);
	}
	(void)state;
}

static void test_refused(void **state)
{
	uint8_t all[2048];
	struct hz_assoc *a = NULL;
	hz_assoc_new(&config, &a);
	feed(a, all, associate(all, "CT9", "1.2.840.10008.1.1"), 4096);
	assert_int_equal(a->state, HZ_ASSOC_ENDING);
	assert_int_equal(a->out[0], HZ_PDU_ASSOCIATE_RJ);
	assert_int_equal(a->out[9], 3);
	hz_assoc_free(a);

	static const uint8_t order[] = {4, 0, 0, 0, 0, 0};
	hz_assoc_new(&config, &a); // data before there is an association
	feed(a, order, sizeof(order), 6);
	assert_int_equal(a->state, HZ_ASSOC_ENDING);
	assert_int_equal(a->out[0], HZ_PDU_ABORT);
	hz_assoc_free(a);

	size_t n = associate(all, "CT1", "1.2.840.10008.5.1.4.1.1.2"); // an object without its data
	n += store(all + n, false);
	hz_assoc_new(&config, &a);
	feed(a, all, n, 4096);
	assert_int_equal(a->state, HZ_ASSOC_ENDING);
	hz_assoc_free(a);

	n = associate(all, "CT1",
	              "1.2.840.10008.5.1.4.31"); // a worklist: no context is accepted, none may be used
	n += store(all + n, true);
	hz_assoc_new(&config, &a);
	feed(a, all, n, 4096);
	assert_int_equal(a->with.context[0].result, 3);
	assert_int_equal(a->state, HZ_ASSOC_ENDING);
	hz_assoc_free(a);
	(void)state;
}

// Every byte another one: no crash, no object that was never finished.
static void test_damaged(void **state)
{
	uint8_t all[2048];
	size_t count = whole(all);
	for (size_t i = 0; i < count; i++) {
		for (unsigned flip = 1; flip < 256; flip += 42) {
			struct hz_assoc *a = NULL;
			hz_assoc_new(&config, &a);
			all[i] ^= (uint8_t)flip;
			feed(a, all, count, 4096);
			all[i] ^= (uint8_t)flip;
			assert_true(a->state != HZ_ASSOC_OFFERED || a->file >= 0);
			hz_assoc_free(a);
		}
	}
	for (size_t n = 0; n < count; n++) {
		struct hz_assoc *a = NULL;
		hz_assoc_new(&config, &a);
		feed(a, all, n, 4096);
		assert_int_not_equal(a->state, HZ_ASSOC_OFFERED);
		hz_assoc_free(a);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stored),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

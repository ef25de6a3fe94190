#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "recorder/journal/hash.h"

static void make(char path[32], const void *data, size_t bytes)
{
	strcpy(path, "/tmp/hz-hash-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), bytes);
	close(fd);
}

// FIPS 180-4's examples.
static void known_values(void **state)
{
	char path[32];
	struct hz_file_hash h;
	make(path, "abc", 3);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &h), 0);
	assert_string_equal(h.hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(h.bytes, 3);
	assert_int_equal(hz_hash_file(path, HZ_SHA1, &h), 0);
	assert_string_equal(h.hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
	unlink(path);
	make(path, "", 0);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &h), 0);
	assert_string_equal(h.hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_int_equal(h.bytes, 0);
	unlink(path);
}

// More than one piece: a million times "a".
static void long_file(void **state)
{
	char path[32], *data = malloc(1000000);
	struct hz_file_hash h;
	memset(data, 'a', 1000000);
	make(path, data, 1000000);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &h), 0);
	assert_string_equal(h.hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	assert_int_equal(hz_hash_file(path, HZ_SHA1, &h), 0);
	assert_string_equal(h.hex, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	free(data);
	unlink(path);
}

static void not_there(void **state)
{
	struct hz_file_hash h = {.bytes = 7};
	assert_int_equal(hz_hash_file("/nowhere/at/all", HZ_SHA256, &h), -ENOENT);
	assert_int_equal(hz_hash_file("/tmp", HZ_SHA256, &h), -EISDIR);
	assert_int_equal(h.bytes, 7); // written only on success
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(known_values), cmocka_unit_test(long_file),
	                                   cmocka_unit_test(not_there)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// The cache's notes: rows that are not in its index yet, over a kill -9 and whatever the disk makes of them.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/dicomweb/cache.h"
#include "media/dicomweb/request.h"

static void key_of(unsigned i, char ret[HZ_DWEB_HASH_BYTES])
{
	hz_dweb_sha256(&i, sizeof(i), ret);
}

static int put(struct hz_dweb_cache *cache, unsigned i, size_t bytes)
{
	struct hz_dweb_entry e = {.bytes = bytes, .type = "image/jls"};
	char key[HZ_DWEB_HASH_BYTES], data[1000];
	memset(data, (int)i, sizeof(data));
	hz_dweb_cache_tag(cache, data, bytes, e.hash);
	key_of(i, key);
	return hz_dweb_cache_put(cache, key, &e, data, NULL);
}

static int get(struct hz_dweb_cache *cache, unsigned i)
{
	struct hz_dweb_entry e = {.fd = -1};
	char key[HZ_DWEB_HASH_BYTES];
	unsigned char first = 0;
	key_of(i, key);
	int err = hz_dweb_cache_get(cache, key, &e);
	if (err)
		return err;
	assert_string_equal(e.type, "image/jls");
	assert_int_equal(e.bytes, 1000);
	assert_int_equal(pread(e.fd, &first, 1, 0), 1);
	assert_int_equal(first, i & 255);
	close(e.fd);
	return 0;
}

// As a kill -9 leaves it: what was put is not in the index yet.
static void crash_after(const char *dir, unsigned first, unsigned count)
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct hz_dweb_cache *cache = NULL;
		bool good = hz_dweb_cache_open(dir, 10000000, &cache) == 0;
		for (unsigned i = first; good && i < first + count; i++)
			good = put(cache, i, 1000) == 0 && get(cache, i) == 0;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static unsigned had(const char *dir, unsigned count, uint64_t *ret_bytes)
{
	struct hz_dweb_cache *cache = NULL;
	unsigned have = 0;
	assert_int_equal(hz_dweb_cache_open(dir, 10000000, &cache), 0);
	for (unsigned i = 0; i < count; i++)
		have += get(cache, i) == 0;
	*ret_bytes = hz_dweb_cache_bytes(cache);
	hz_dweb_cache_close(cache);
	return have;
}

static unsigned files_in(const char *dir)
{
	unsigned files = 0;
	DIR *all = opendir(dir);
	assert_non_null(all);
	for (const struct dirent *e; (e = readdir(all));)
		files += strlen(e->d_name) == 64;
	closedir(all);
	return files;
}

// Rows that are noted: there after a kill, up to the first that is not whole; what is lost leaves no file behind.
static void noted(void **state)
{
	char dir[] = "/tmp/hz-cache-XXXXXX", key[HZ_DWEB_HASH_BYTES], notes[200], command[300], byte = 0;
	struct hz_dweb_cache *cache = NULL;
	uint64_t bytes = 0;
	struct stat st;
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(notes, sizeof(notes), "%s/notes", dir);
	crash_after(dir, 0, 10);
	assert_int_equal(stat(notes, &st), 0);
	off_t each = st.st_size / 10;
	assert_true(each > 0);
	snprintf(command, sizeof(command), "cp %s %s/../hz-notes-%d", notes, dir, (int)getpid());
	assert_int_equal(system(command), 0);
	assert_int_equal(had(dir, 10, &bytes), 10);
	assert_int_equal(bytes, 10000);
	// It died between the index and the notes: they are in both.
	snprintf(command, sizeof(command), "mv %s/../hz-notes-%d %s", dir, (int)getpid(), notes);
	assert_int_equal(system(command), 0);
	assert_int_equal(had(dir, 10, &bytes), 10);
	assert_int_equal(bytes, 10000);
	assert_int_equal(stat(notes, &st), 0);
	assert_int_equal(st.st_size, 0);
	crash_after(dir, 10, 150); // more than are noted at a time
	assert_int_equal(had(dir, 160, &bytes), 160);
	crash_after(dir, 200, 10);
	assert_int_equal(truncate(notes, 5 * each - 7), 0); // the disk has half of one
	assert_int_equal(had(dir, 300, &bytes), 164);
	assert_int_equal(bytes, 164000);
	assert_int_equal(files_in(dir), 164);
	crash_after(dir, 300, 10);
	int fd = open(notes, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, 3 * each + 2), 1); // of its length
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, 3 * each + 2), 1);
	close(fd);
	assert_int_equal(had(dir, 400, &bytes), 167);
	crash_after(dir, 400, 4);
	key_of(401, key);
	snprintf(command, sizeof(command), "rm %s/%s", dir, key);
	assert_int_equal(system(command), 0); // one has no file
	key_of(402, key);
	snprintf(command, sizeof(command), "printf x | dd of=%s/%s conv=notrunc status=none", dir, key);
	assert_int_equal(system(command), 0); // one is another
	assert_int_equal(had(dir, 500, &bytes), 169);
	assert_int_equal(bytes, 169000);
	assert_int_equal(files_in(dir), 169);
	// In the index after a while, also where nothing else is put.
	assert_int_equal(hz_dweb_cache_open(dir, 10000000, &cache), 0);
	assert_int_equal(put(cache, 500, 1000), 0);
	hz_dweb_cache_tick(cache, 1);
	assert_int_equal(stat(notes, &st), 0);
	assert_int_equal(st.st_size, each);
	hz_dweb_cache_tick(cache, 2000000);
	assert_int_equal(stat(notes, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(get(cache, 500), 0);
	hz_dweb_cache_close(cache);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

// A note is as good as a row: replaced, evicted and missed like one.
static void as_rows(void **state)
{
	char dir[] = "/tmp/hz-cache-XXXXXX", key[HZ_DWEB_HASH_BYTES], command[300];
	struct hz_dweb_cache *cache = NULL;
	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hz_dweb_cache_open(dir, 10000, &cache), 0);
	for (unsigned i = 0; i < 25; i++) {
		assert_int_equal(put(cache, i, 1000), 0);
		usleep(1500);
	}
	assert_int_equal(hz_dweb_cache_bytes(cache), 10000);
	assert_int_equal(files_in(dir), 10);
	assert_int_equal(get(cache, 14), -ENOENT);
	assert_int_equal(get(cache, 15), 0);
	assert_int_equal(put(cache, 24, 1000), 0); // in its place
	assert_int_equal(put(cache, 24, 1000), 0);
	assert_int_equal(hz_dweb_cache_bytes(cache), 10000);
	assert_int_equal(files_in(dir), 10);
	key_of(24, key); // the file of a note goes
	snprintf(command, sizeof(command), "rm %s/%s", dir, key);
	assert_int_equal(system(command), 0);
	assert_int_equal(get(cache, 24), -ENOENT);
	assert_int_equal(hz_dweb_cache_bytes(cache), 9000);
	assert_int_equal(put(cache, 24, 1000), 0);
	assert_int_equal(get(cache, 24), 0);
	assert_int_equal(hz_dweb_cache_bytes(cache), 10000);
	hz_dweb_cache_close(cache);
	assert_int_equal(hz_dweb_cache_open(dir, 10000, &cache), 0);
	assert_int_equal(hz_dweb_cache_bytes(cache), 10000);
	assert_int_equal(get(cache, 24), 0);
	hz_dweb_cache_close(cache);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(noted), cmocka_unit_test(as_rows)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// Many frames in one file of the cache: each at its place, none of another group beside it, over a kill -9, in the way of others, altered,
// evicted while somebody reads, a cache of the version before, and room on the disk that is asked for and given back.
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
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "media/dicomweb/cache.h"
#include "media/dicomweb/request.h"

#define ROOM 1600000 // 100,000 in a segment

static char dir[64];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/hz-cache-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[100];
	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void key_of(unsigned i, char ret[HZ_DWEB_HASH_BYTES])
{
	hz_dweb_sha256(&i, sizeof(i), ret);
}

static int put(struct hz_dweb_cache *cache, const char *group, unsigned i, size_t bytes,
               struct hz_dweb_entry *ret)
{
	struct hz_dweb_entry e = {.bytes = bytes, .type = "image/jls", .group = group};
	char key[HZ_DWEB_HASH_BYTES], *data = malloc(bytes);
	assert_non_null(data);
	memset(data, (int)i, bytes);
	hz_dweb_cache_tag(cache, data, bytes, e.hash);
	key_of(i, key);
	int err = hz_dweb_cache_put(cache, key, &e, data, ret);
	free(data);
	return err;
}

// All of it is its own.
static void check(const struct hz_dweb_entry *e, unsigned i, size_t bytes)
{
	unsigned char *data = malloc(bytes);
	assert_non_null(data);
	assert_int_equal(e->bytes, bytes);
	assert_string_equal(e->type, "image/jls");
	assert_int_equal(fcntl(e->fd, F_GETFL) & O_ACCMODE, O_RDONLY); // it goes to others
	assert_int_equal(pread(e->fd, data, bytes, (off_t)e->at), bytes);
	for (size_t at = 0; at < bytes; at++)
		assert_int_equal(data[at], i & 255);
	free(data);
}

static int get(struct hz_dweb_cache *cache, unsigned i, size_t bytes)
{
	struct hz_dweb_entry e = {.fd = -1};
	char key[HZ_DWEB_HASH_BYTES];
	key_of(i, key);
	int err = hz_dweb_cache_get(cache, key, &e);
	if (err)
		return err;
	check(&e, i, bytes);
	close(e.fd);
	return 0;
}

static struct hz_dweb_cache *open_cache(uint64_t bytes)
{
	struct hz_dweb_cache *cache = NULL;
	assert_int_equal(hz_dweb_cache_open(dir, bytes, &cache), 0);
	return cache;
}

static uint64_t file_of(struct hz_dweb_cache *cache, unsigned i)
{
	struct hz_dweb_entry e = {.fd = -1};
	char key[HZ_DWEB_HASH_BYTES];
	struct stat st;
	key_of(i, key);
	assert_int_equal(hz_dweb_cache_get(cache, key, &e), 0);
	assert_int_equal(fstat(e.fd, &st), 0);
	close(e.fd);
	return st.st_ino;
}

// How many there are, and how long they are together. name: the longest.
static unsigned files_in(uint64_t *ret_bytes, char *name)
{
	unsigned files = 0;
	off_t longest = 0;
	DIR *all = opendir(dir);
	assert_non_null(all);
	*ret_bytes = 0;
	for (const struct dirent *e; (e = readdir(all));) {
		struct stat st;
		if (strlen(e->d_name) != 64)
			continue;
		assert_int_equal(fstatat(dirfd(all), e->d_name, &st, 0), 0);
		*ret_bytes += (uint64_t)st.st_size;
		files++;
		if (name && st.st_size > longest) {
			longest = st.st_size;
			snprintf(name, 200, "%s/%s", dir, e->d_name);
		}
	}
	closedir(all);
	return files;
}

// One group, one file, until it is full; another group never in it; what is large, or of none, alone.
static void together(void **state)
{
	struct hz_dweb_cache *cache = open_cache(ROOM);
	struct hz_dweb_entry e;
	uint64_t bytes;
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(put(cache, "a", i, 1000 + i, &e), 0);
		check(&e, i, 1000 + i);
		assert_int_equal(e.at, 4096 * i);
		close(e.fd);
		assert_int_equal(put(cache, "b", 100 + i, 5000, NULL), 0);
	}
	assert_int_equal(files_in(&bytes, NULL), 2);
	assert_int_equal(bytes, hz_dweb_cache_bytes(cache));
	assert_int_equal(bytes, 9 * 4096 + 1009 + 9 * 8192 + 5000);
	assert_int_equal(file_of(cache, 0), file_of(cache, 9));
	assert_int_not_equal(file_of(cache, 0), file_of(cache, 100));
	assert_int_equal(put(cache, NULL, 200, 1000, NULL), 0);
	assert_int_equal(put(cache, "a", 201, 100001, NULL), 0);
	assert_int_equal(files_in(&bytes, NULL), 4);
	assert_int_equal(put(cache, "a", 202, 90000, NULL), 0); // no room beside
	assert_int_equal(files_in(&bytes, NULL), 5);
	assert_int_not_equal(file_of(cache, 0), file_of(cache, 202));
	for (unsigned g = 0; g < 40; g++) { // more groups at a time than are open
		char group[8];
		snprintf(group, sizeof(group), "g%u", g % 20);
		assert_int_equal(put(cache, group, 300 + g, 100, NULL), 0);
	}
	assert_int_equal(files_in(&bytes, NULL), 45);
	assert_int_equal(bytes, hz_dweb_cache_bytes(cache));
	for (unsigned turn = 0; turn < 2; turn++) {
		for (unsigned i = 0; i < 10; i++) {
			assert_int_equal(get(cache, i, 1000 + i), 0);
			assert_int_equal(get(cache, 100 + i, 5000), 0);
		}
		for (unsigned g = 0; g < 40; g++)
			assert_int_equal(get(cache, 300 + g, 100), 0);
		assert_int_equal(get(cache, 202, 90000), 0);
		assert_int_equal(hz_dweb_cache_bytes(cache), bytes);
		hz_dweb_cache_close(cache);
		cache = open_cache(ROOM);
	}
	// Nothing goes into a file of an earlier run.
	assert_int_equal(put(cache, "a", 400, 1000, NULL), 0);
	assert_int_not_equal(file_of(cache, 400), file_of(cache, 202));
	hz_dweb_cache_close(cache);
}

// Bounded; the least recently used file goes with all that is in it, and who reads it has it to its end.
static void evicted(void **state)
{
	struct hz_dweb_cache *cache = open_cache(ROOM);
	struct hz_dweb_entry e;
	uint64_t bytes;
	(void)state;
	assert_int_equal(put(cache, "0", 0, 30000, &e), 0);
	for (unsigned i = 1; i < 100; i++) {
		char group[8];
		snprintf(group, sizeof(group), "%u", i / 3);
		assert_int_equal(put(cache, group, i, 30000, NULL), 0);
		usleep(1500);
		assert_true(hz_dweb_cache_bytes(cache) <= ROOM);
	}
	assert_int_equal(get(cache, 0, 30000), -ENOENT);
	assert_int_equal(get(cache, 1, 30000), -ENOENT);
	check(&e, 0, 30000);
	close(e.fd);
	for (unsigned i = 54; i < 100; i++)
		assert_int_equal(get(cache, i, 30000), 0);
	(void)files_in(&bytes, NULL);
	assert_int_equal(bytes, hz_dweb_cache_bytes(cache));
	assert_true(bytes > ROOM - 100000);
	// One group alone fills it, too.
	for (unsigned i = 200; i < 300; i++)
		assert_int_equal(put(cache, "all", i, 30000, NULL), 0);
	(void)files_in(&bytes, NULL);
	assert_int_equal(bytes, hz_dweb_cache_bytes(cache));
	assert_true(bytes <= ROOM);
	assert_int_equal(get(cache, 299, 30000), 0);
	assert_int_equal(get(cache, 54, 30000), -ENOENT);
	hz_dweb_cache_drop(cache, "");
	assert_int_equal(files_in(&bytes, NULL), 0);
	assert_int_equal(hz_dweb_cache_bytes(cache), 0);
	assert_int_equal(put(cache, "all", 200, 30000, NULL), 0); // the open one is gone
	assert_int_equal(get(cache, 200, 30000), 0);
	hz_dweb_cache_close(cache);
}

static void crash_after(unsigned first, unsigned count)
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct hz_dweb_cache *cache = NULL;
		bool good = hz_dweb_cache_open(dir, ROOM, &cache) == 0;
		for (unsigned i = first; good && i < first + count; i++)
			good = put(cache, "a", i, 1000, NULL) == 0 && get(cache, i, 1000) == 0;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static unsigned had(unsigned first, unsigned count)
{
	struct hz_dweb_cache *cache = open_cache(ROOM);
	uint64_t bytes;
	unsigned have = 0;
	for (unsigned i = first; i < first + count; i++)
		have += get(cache, i, 1000) == 0;
	(void)files_in(&bytes, NULL);
	assert_int_equal(bytes, hz_dweb_cache_bytes(cache)); // also of what was not noted whole
	hz_dweb_cache_close(cache);
	return have;
}

// A kill -9 loses nothing, a torn note what is behind it, a file that is cut or altered all that is in it.
static void killed(void **state)
{
	char notes[200], name[200] = "", byte = 'x';
	uint64_t bytes;
	struct stat st;
	(void)state;
	snprintf(notes, sizeof(notes), "%s/notes", dir);
	crash_after(0, 10);
	assert_int_equal(stat(notes, &st), 0);
	off_t each = st.st_size / 10;
	assert_int_equal(had(0, 10), 10);
	assert_int_equal(files_in(&bytes, NULL), 1);
	crash_after(10, 80); // more than are noted at a time
	assert_int_equal(had(0, 90), 90);
	crash_after(100, 10);
	assert_int_equal(truncate(notes, 5 * each - 7), 0);
	assert_int_equal(had(0, 110), 94);
	crash_after(200, 20);
	(void)files_in(&bytes, name);
	crash_after(300, 10);
	assert_int_equal(unlink(notes), 0); // none of them
	assert_int_equal(had(300, 10), 0);
	assert_int_equal(had(200, 20), 20);
	int fd = open(name, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &byte, 1, 3 * 4096 + 500), 1);
	close(fd);
	assert_true(had(0, 400) < 114); // with all that is beside it
	assert_int_equal(access(name, F_OK), -1);
	assert_int_equal(had(0, 400), 114 - 25);
	crash_after(600, 80);
	assert_int_equal(had(0, 700), 169);
	(void)files_in(&bytes, name);
	assert_int_equal(truncate(name, 40000), 0);
	assert_true(had(0, 700) < 169);
	assert_int_equal(had(0, 700), 169 - 25);
}

// What is there already under a key, and an index that was cut off in between.
static void replaced(void **state)
{
	struct hz_dweb_cache *cache = open_cache(ROOM);
	uint64_t bytes;
	(void)state;
	assert_int_equal(put(cache, "a", 1, 1000, NULL), 0);
	assert_int_equal(put(cache, NULL, 2, 1000, NULL), 0);
	assert_int_equal(put(cache, "a", 1, 2000, NULL), 0);
	assert_int_equal(put(cache, "a", 2, 2000, NULL), 0);
	assert_int_equal(put(cache, NULL, 1, 3000, NULL), 0); // with its neighbour
	assert_int_equal(get(cache, 1, 3000), 0);
	assert_int_equal(get(cache, 2, 2000), -ENOENT);
	assert_int_equal(files_in(&bytes, NULL), 1);
	assert_int_equal(bytes, 3000);
	assert_int_equal(hz_dweb_cache_bytes(cache), 3000);
	hz_dweb_cache_close(cache);
}

// A disk that takes no more in the middle of a frame: nothing of it stays, nor a file for each that is tried.
static void no_room(void **state)
{
	struct hz_dweb_cache *cache = open_cache(ROOM);
	struct rlimit was, less;
	uint64_t bytes;
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(put(cache, "a", i, 1000, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	less = (struct rlimit){.rlim_cur = 50000, .rlim_max = was.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &less), 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(put(cache, "a", 100 + i, 60000, NULL) < 0);
		assert_true(put(cache, NULL, 200 + i, 60000, NULL) < 0);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(files_in(&bytes, NULL), 1);
	assert_int_equal(bytes, 9 * 4096 + 1000);
	assert_int_equal(hz_dweb_cache_bytes(cache), bytes);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(get(cache, 100 + i, 60000), -ENOENT);
		assert_int_equal(get(cache, 200 + i, 60000), -ENOENT);
		assert_int_equal(put(cache, "a", 100 + i, 60000, NULL), 0);
		assert_int_equal(get(cache, 100 + i, 60000), 0);
	}
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(get(cache, i, 1000), 0);
	hz_dweb_cache_close(cache);
}

// Thrown away as a whole, never read as something else.
static void of_before(void **state)
{
	char path[200], key[HZ_DWEB_HASH_BYTES], sql[600];
	struct hz_dweb_cache *cache = open_cache(ROOM);
	struct hz_dweb_entry e = {.bytes = 1000};
	sqlite3 *db = NULL;
	uint64_t bytes;
	char data[1000];
	(void)state;
	memset(data, 7, sizeof(data));
	hz_dweb_cache_tag(cache, data, sizeof(data), e.hash);
	hz_dweb_cache_close(cache);
	snprintf(path, sizeof(path), "%s/index.db", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	key_of(7, key);
	snprintf(sql, sizeof(sql),
	         "CREATE TABLE entries(key TEXT PRIMARY KEY, bytes INTEGER NOT NULL, type TEXT NOT NULL,"
	         " hash TEXT NOT NULL, used_ms INTEGER NOT NULL, put_ms INTEGER NOT NULL) WITHOUT ROWID;"
	         "CREATE INDEX by_use ON entries(used_ms);"
	         "INSERT INTO entries VALUES('%s',1000,'image/jls','%s',1,1);",
	         key, e.hash);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, data, sizeof(data)), 1000);
	close(fd);
	cache = open_cache(ROOM);
	assert_int_equal(get(cache, 7, 1000), -ENOENT);
	assert_int_equal(files_in(&bytes, NULL), 0);
	assert_int_equal(hz_dweb_cache_bytes(cache), 0);
	assert_int_equal(put(cache, "a", 7, 1000, NULL), 0);
	assert_int_equal(get(cache, 7, 1000), 0);
	hz_dweb_cache_close(cache);
}

// Of the file that is the longest; 0: there is none.
static uint64_t on_disk(uint64_t *ret_bytes)
{
	char name[200] = "";
	struct stat st = {.st_size = 0};
	uint64_t all;
	if (files_in(&all, name))
		assert_int_equal(stat(name, &st), 0);
	*ret_bytes = (uint64_t)st.st_size;
	return (uint64_t)st.st_blocks * 512;
}

static bool can_reserve(void)
{
	char name[200];
	snprintf(name, sizeof(name), "%s/probe", dir);
	int fd = open(name, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	bool can = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100000) == 0;
	close(fd);
	unlink(name);
	return can;
}

// Room on the disk before it is written to: not for one frame, not for longer than somebody writes, nor over a kill -9.
static void reserved(void **state)
{
	static const uint64_t most = 256u << 20, slack = 65536;
	struct hz_dweb_cache *cache = open_cache(most);
	bool can = can_reserve();
	uint64_t bytes;
	int status = 0;
	(void)state;
	assert_int_equal(put(cache, "a", 0, 90000, NULL), 0);
	assert_true(on_disk(&bytes) <= 90000 + slack);
	for (unsigned i = 1; i < 100; i++) // more than is reserved at a time
		assert_int_equal(put(cache, "a", i, 90000, NULL), 0);
	assert_true(!can || on_disk(&bytes) > 12000000);
	(void)on_disk(&bytes);
	assert_int_equal(bytes, 99 * 90112 + 90000); // its length says what is in it
	assert_int_equal(hz_dweb_cache_bytes(cache), bytes);
	for (unsigned g = 0; g < 8; g++) { // it gives way to others
		char group[8];
		snprintf(group, sizeof(group), "g%u", g);
		assert_int_equal(put(cache, group, 200 + g, 100, NULL), 0);
	}
	assert_true(on_disk(&bytes) <= bytes + slack);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(get(cache, i, 90000), 0);
	hz_dweb_cache_drop(cache, "");
	hz_dweb_cache_close(cache);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		cache = NULL;
		bool good = hz_dweb_cache_open(dir, most, &cache) == 0 &&
		            put(cache, "b", 1, 90000, NULL) == 0 && put(cache, "b", 2, 90000, NULL) == 0;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(!can || on_disk(&bytes) > 4000000);
	cache = open_cache(most);
	assert_true(on_disk(&bytes) <= bytes + slack);
	assert_int_equal(bytes, 90112 + 90000);
	assert_int_equal(hz_dweb_cache_bytes(cache), bytes);
	assert_int_equal(get(cache, 1, 90000), 0);
	assert_int_equal(get(cache, 2, 90000), 0);
	hz_dweb_cache_close(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(together, setup, teardown),
	                                   cmocka_unit_test_setup_teardown(evicted, setup, teardown),
	                                   cmocka_unit_test_setup_teardown(killed, setup, teardown),
	                                   cmocka_unit_test_setup_teardown(replaced, setup, teardown),
	                                   cmocka_unit_test_setup_teardown(no_room, setup, teardown),
	                                   cmocka_unit_test_setup_teardown(reserved, setup, teardown),
	                                   cmocka_unit_test_setup_teardown(of_before, setup, teardown)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

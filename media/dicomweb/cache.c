#include "media/dicomweb/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/dicomweb/request.h"
#include "media/dicomweb/tag.h"

#define NAME_CHARS    64
#define USED_EVERY_MS 60000 // a use sooner than that is not written down
#define BUSY_MS       2000

struct hz_dweb_cache {
	sqlite3 *db;
	struct hz_dweb_tags *tags;
	int dir;
	uint64_t bytes, max_bytes;
	int64_t opened_ms;
	sqlite3_stmt *get, *put, *del, *use, *oldest;
};

static int64_t wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool is_name(const char *name)
{
	return strlen(name) == NAME_CHARS && strspn(name, "0123456789abcdef") == NAME_CHARS;
}

// Files without a row: all of them, or what a crash left.
static void sweep(struct hz_dweb_cache *cache, bool all)
{
	int fd = openat(cache->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		bool stray = strncmp(entry->d_name, "tmp-", 4) == 0;
		if (!stray && !is_name(entry->d_name))
			continue;
		if (!stray && !all) {
			sqlite3_bind_text(cache->get, 1, entry->d_name, -1, SQLITE_TRANSIENT);
			stray = sqlite3_step(cache->get) != SQLITE_ROW;
			sqlite3_reset(cache->get);
		}
		if (stray || all)
			unlinkat(cache->dir, entry->d_name, 0);
	}
	closedir(dir);
}

static int prepare(struct hz_dweb_cache *c)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} all[] = {
	    {&c->get, "SELECT bytes, type, hash, used_ms, put_ms FROM entries WHERE key=?1"},
	    {&c->put, "INSERT INTO entries VALUES(?1,?2,?3,?4,?5,?5)"},
	    {&c->del, "DELETE FROM entries WHERE key=?1"},
	    {&c->use, "UPDATE entries SET used_ms=?2 WHERE key=?1"},
	    {&c->oldest, "SELECT key, bytes FROM entries ORDER BY used_ms LIMIT 1"},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (sqlite3_prepare_v2(c->db, all[i].sql, -1, all[i].stmt, NULL) != SQLITE_OK)
			return -EIO;
	}
	return 0;
}

static int count(struct hz_dweb_cache *c)
{
	sqlite3_stmt *sum = NULL;
	int err = 0;
	if (sqlite3_prepare_v2(c->db, "SELECT COALESCE(SUM(bytes),0) FROM entries", -1, &sum, NULL) !=
	        SQLITE_OK ||
	    sqlite3_step(sum) != SQLITE_ROW)
		err = -EIO;
	if (!err)
		c->bytes = (uint64_t)sqlite3_column_int64(sum, 0);
	sqlite3_finalize(sum);
	return err;
}

static int open_index(struct hz_dweb_cache *c, const char *path)
{
	int err = -EIO;
	// Ours alone: no lock is asked for again with each row. One of us that is ending still is waited for.
	if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK &&
	    sqlite3_busy_timeout(c->db, BUSY_MS) == SQLITE_OK &&
	    sqlite3_exec(c->db,
	                 "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; "
	                 "PRAGMA cache_size=-4096;"
	                 "CREATE TABLE IF NOT EXISTS entries(key TEXT PRIMARY KEY, bytes INTEGER NOT NULL,"
	                 " type TEXT NOT NULL, hash TEXT NOT NULL, used_ms INTEGER NOT NULL,"
	                 " put_ms INTEGER NOT NULL) WITHOUT ROWID;"
	                 "CREATE INDEX IF NOT EXISTS by_use ON entries(used_ms);",
	                 NULL, NULL, NULL) == SQLITE_OK)
		err = prepare(c);
	if (err && c->db && sqlite3_errcode(c->db) == SQLITE_BUSY)
		return -EBUSY;
	return err ? err : count(c);
}

// The key of its tags. Another one than was: what is there is not known again, and fetched anew.
static int open_tags(struct hz_dweb_cache *c)
{
	uint8_t key[HZ_DWEB_TAG_KEY_BYTES];
	int fd = openat(c->dir, "key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	bool had = fd >= 0 && read(fd, key, sizeof(key)) == (ssize_t)sizeof(key);
	if (fd >= 0)
		close(fd);
	if (!had) {
		hz_random(key, sizeof(key));
		fd = openat(c->dir, "key", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 || write(fd, key, sizeof(key)) != (ssize_t)sizeof(key))
			err = -EIO;
		if (fd >= 0)
			close(fd);
	}
	if (!err)
		err = hz_dweb_tags_new(key, &c->tags);
	hz_wipe(key, sizeof(key));
	return err;
}

void hz_dweb_cache_tag(const struct hz_dweb_cache *c, const void *data, size_t bytes,
                       char ret[HZ_DWEB_HASH_BYTES])
{
	if (c)
		hz_dweb_tag(c->tags, data, bytes, ret);
	else
		hz_dweb_sha256(data, bytes, ret);
}

static void close_index(struct hz_dweb_cache *c)
{
	sqlite3_stmt **all[] = {&c->get, &c->put, &c->del, &c->use, &c->oldest};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		sqlite3_finalize(*all[i]);
		*all[i] = NULL;
	}
	sqlite3_close(c->db);
	c->db = NULL;
}

int hz_dweb_cache_open(const char *dir, uint64_t max_bytes, struct hz_dweb_cache **ret)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/index.db", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	struct hz_dweb_cache *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->max_bytes = max_bytes;
	c->opened_ms = wall_ms();
	c->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = c->dir < 0 ? -errno : open_index(c, path);
	if (err && err != -EBUSY && c->dir >= 0) {
		hz_warn("images.cache", "err=%d what=thrown_away", -err);
		close_index(c);
		unlinkat(c->dir, "index.db", 0);
		unlinkat(c->dir, "index.db-wal", 0);
		unlinkat(c->dir, "index.db-shm", 0);
		sweep(c, true);
		err = open_index(c, path);
	}
	if (!err)
		err = open_tags(c);
	if (err) {
		hz_dweb_cache_close(c);
		return err;
	}
	sweep(c, false);
	*ret = c;
	return 0;
}

void hz_dweb_cache_close(struct hz_dweb_cache *c)
{
	if (!c)
		return;
	close_index(c);
	hz_dweb_tags_free(c->tags);
	if (c->dir >= 0)
		close(c->dir);
	free(c);
}

uint64_t hz_dweb_cache_bytes(const struct hz_dweb_cache *c)
{
	return c->bytes;
}

// false: it stays, the index cannot be written.
static bool delete_row(struct hz_dweb_cache *c, const char *key, uint64_t bytes)
{
	sqlite3_bind_text(c->del, 1, key, -1, SQLITE_TRANSIENT);
	bool gone = sqlite3_step(c->del) == SQLITE_DONE;
	sqlite3_reset(c->del);
	if (gone && sqlite3_changes(c->db))
		c->bytes -= bytes < c->bytes ? bytes : c->bytes;
	return gone;
}

static bool drop(struct hz_dweb_cache *c, const char *key, uint64_t bytes)
{
	unlinkat(c->dir, key, 0); // first: it may be what the disk lacks
	return delete_row(c, key, bytes);
}

static bool as_written(const struct hz_dweb_cache *c, int fd, const struct hz_dweb_entry *e)
{
	char hash[HZ_DWEB_HASH_BYTES];
	void *map = mmap(NULL, e->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	if (strlen(e->hash) == 64) // of an earlier version
		hz_dweb_sha256(map, e->bytes, hash);
	else
		hz_dweb_cache_tag(c, map, e->bytes, hash);
	munmap(map, e->bytes);
	return strcmp(hash, e->hash) == 0;
}

static void used(struct hz_dweb_cache *c, const char *key, int64_t now_ms)
{
	sqlite3_bind_text(c->use, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(c->use, 2, now_ms);
	sqlite3_step(c->use);
	sqlite3_reset(c->use);
}

int hz_dweb_cache_get(struct hz_dweb_cache *c, const char *key, struct hz_dweb_entry *ret)
{
	struct hz_dweb_entry e = {.fd = -1};
	struct stat st;
	int64_t now_ms = wall_ms(), used_ms = 0;
	sqlite3_bind_text(c->get, 1, key, -1, SQLITE_TRANSIENT);
	bool found = sqlite3_step(c->get) == SQLITE_ROW;
	if (found) {
		e.bytes = (uint64_t)sqlite3_column_int64(c->get, 0);
		snprintf(e.type, sizeof(e.type), "%s", (const char *)sqlite3_column_text(c->get, 1));
		snprintf(e.hash, sizeof(e.hash), "%s", (const char *)sqlite3_column_text(c->get, 2));
		used_ms = sqlite3_column_int64(c->get, 3);
		e.age_ms = now_ms - sqlite3_column_int64(c->get, 4);
	}
	sqlite3_reset(c->get);
	if (!found)
		return -ENOENT;
	e.fd = openat(c->dir, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool good =
	    e.fd >= 0 && fstat(e.fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == e.bytes;
	if (good && used_ms < c->opened_ms) // not looked at in this run
		good = as_written(c, e.fd, &e);
	if (!good) {
		hz_warn("images.cache", "what=altered bytes=%llu", (unsigned long long)e.bytes);
		if (e.fd >= 0)
			close(e.fd);
		drop(c, key, e.bytes);
		return -ENOENT;
	}
	if (used_ms < c->opened_ms || now_ms - used_ms > USED_EVERY_MS)
		used(c, key, now_ms);
	*ret = e;
	return 0;
}

static void make_room(struct hz_dweb_cache *c, uint64_t bytes)
{
	char key[NAME_CHARS + 1];
	while (c->bytes + bytes > c->max_bytes) {
		bool found = sqlite3_step(c->oldest) == SQLITE_ROW;
		uint64_t its = found ? (uint64_t)sqlite3_column_int64(c->oldest, 1) : 0;
		if (found)
			snprintf(key, sizeof(key), "%s", (const char *)sqlite3_column_text(c->oldest, 0));
		sqlite3_reset(c->oldest);
		if (!found || !drop(c, key, its))
			return;
	}
}

// Whatever is there under this name: an entry of before, or a file without a row.
static void make_way(struct hz_dweb_cache *c, const char *key)
{
	struct hz_dweb_entry old = {.fd = -1};
	if (hz_dweb_cache_get(c, key, &old) == 0) {
		close(old.fd);
		drop(c, key, old.bytes);
	}
	unlinkat(c->dir, key, 0); // who reads it keeps what it had
}

// Under its own name at once: without a row it is nobody's, and goes when the cache is opened again. The descriptor, or -errno.
static int make_file(struct hz_dweb_cache *c, const char *key)
{
	static const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(c->dir, key, flags, 0600);
	if (fd < 0 && errno == EEXIST) {
		make_way(c, key);
		fd = openat(c->dir, key, flags, 0600);
	}
	return fd < 0 ? -errno : fd;
}

static int write_file(int fd, const char *data, uint64_t bytes)
{
	int err = 0;
	for (uint64_t at = 0; !err && at < bytes;) {
		ssize_t n = write(fd, data + at, bytes - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			err = n < 0 ? -errno : -EIO;
		else
			at += (uint64_t)n;
	}
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

static int insert(struct hz_dweb_cache *c, const char *key, const struct hz_dweb_entry *what)
{
	sqlite3_bind_text(c->put, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(c->put, 2, (sqlite3_int64)what->bytes);
	sqlite3_bind_text(c->put, 3, what->type, -1, SQLITE_TRANSIENT);
	sqlite3_bind_text(c->put, 4, what->hash, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(c->put, 5, wall_ms());
	int rc = sqlite3_step(c->put);
	sqlite3_reset(c->put);
	if (rc == SQLITE_DONE)
		c->bytes += what->bytes;
	return rc;
}

// A row whose file is gone.
static void drop_row(struct hz_dweb_cache *c, const char *key)
{
	sqlite3_bind_text(c->get, 1, key, -1, SQLITE_TRANSIENT);
	bool found = sqlite3_step(c->get) == SQLITE_ROW;
	uint64_t bytes = found ? (uint64_t)sqlite3_column_int64(c->get, 0) : 0;
	sqlite3_reset(c->get);
	if (found)
		delete_row(c, key, bytes);
}

int hz_dweb_cache_put(struct hz_dweb_cache *c, const char *key, const struct hz_dweb_entry *what,
                      const void *data, struct hz_dweb_entry *ret)
{
	if (!is_name(key) || !what->bytes || what->bytes > c->max_bytes / 4)
		return -EFBIG;
	int fd = make_file(c, key), rc = SQLITE_IOERR;
	if (fd < 0)
		return fd;
	make_room(c, what->bytes);
	int err = write_file(fd, data, what->bytes);
	if (!err)
		rc = insert(c, key, what);
	if (rc == SQLITE_CONSTRAINT) {
		drop_row(c, key);
		rc = insert(c, key, what);
	}
	if (rc != SQLITE_DONE) {
		unlinkat(c->dir, key, 0);
		return err ? err : rc == SQLITE_FULL ? -ENOSPC : -EIO;
	}
	if (!ret)
		return 0;
	*ret = *what; // others get it to read, and can do nothing else with it
	ret->fd = openat(c->dir, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return ret->fd < 0 ? -errno : 0;
}

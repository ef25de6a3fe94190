#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "media/dicomweb/cache_internal.h"

#define BUSY_MS       2000
#define SEGMENT_BYTES 16777216 // or a sixteenth of the cache

int64_t hz_cache_wall_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

// What a crash left behind what is noted of a file has its place, too.
static bool has_row(struct hz_dweb_cache *c, const char *file)
{
	struct hz_cache_note its = {.put_ms = 0};
	struct stat st;
	uint64_t bytes = hz_cache_file_bytes(c, file);
	memcpy(its.file, file, sizeof(its.file));
	bool there = bytes && fstatat(c->dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (there && (uint64_t)st.st_size > bytes)
		(void)hz_cache_grow(c, &its, (uint64_t)st.st_size - bytes);
	if (there)
		hz_cache_segment_trim(c->dir, file, &st);
	return bytes > 0;
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
		if (!stray && !hz_cache_file_named(entry->d_name))
			continue;
		if (stray || all || !has_row(cache, entry->d_name))
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
	    {&c->get, "SELECT bytes, type, hash, used_ms, put_ms, file, at FROM entries WHERE key=?1"},
	    {&c->put, "INSERT INTO entries VALUES(?1,?2,?3,?4,?5,?6,?7,?7)"},
	    {&c->grow, "INSERT INTO files VALUES(?1,?2,?3) ON CONFLICT(name) DO UPDATE SET"
	               " bytes=bytes+excluded.bytes, used_ms=MAX(used_ms,excluded.used_ms)"},
	    {&c->file, "SELECT bytes FROM files WHERE name=?1"},
	    {&c->gone, "DELETE FROM entries WHERE file=?1"},
	    {&c->gone_file, "DELETE FROM files WHERE name=?1"},
	    {&c->use, "UPDATE entries SET used_ms=?2 WHERE key=?1"},
	    {&c->use_file, "UPDATE files SET used_ms=?2 WHERE name=?1"},
	    {&c->oldest, "SELECT name FROM files ORDER BY used_ms LIMIT 1"},
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
	if (sqlite3_prepare_v2(c->db, "SELECT COALESCE(SUM(bytes),0) FROM files", -1, &sum, NULL) !=
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
	                 "CREATE TABLE IF NOT EXISTS entries(key TEXT PRIMARY KEY, file TEXT NOT NULL,"
	                 " at INTEGER NOT NULL, bytes INTEGER NOT NULL, type TEXT NOT NULL,"
	                 " hash TEXT NOT NULL, used_ms INTEGER NOT NULL, put_ms INTEGER NOT NULL)"
	                 " WITHOUT ROWID;"
	                 "CREATE TABLE IF NOT EXISTS files(name TEXT PRIMARY KEY, bytes INTEGER NOT NULL,"
	                 " used_ms INTEGER NOT NULL) WITHOUT ROWID;"
	                 "CREATE INDEX IF NOT EXISTS by_file ON entries(file);"
	                 "CREATE INDEX IF NOT EXISTS by_last_use ON files(used_ms);",
	                 NULL, NULL, NULL) == SQLITE_OK)
		err = prepare(c);
	if (err && c->db && sqlite3_errcode(c->db) == SQLITE_BUSY)
		return -EBUSY;
	return err;
}

int hz_cache_insert(struct hz_dweb_cache *c, const struct hz_cache_note *note)
{
	sqlite3_bind_text(c->put, 1, note->key, -1, SQLITE_STATIC);
	sqlite3_bind_text(c->put, 2, note->file, -1, SQLITE_STATIC);
	sqlite3_bind_int64(c->put, 3, (sqlite3_int64)note->at);
	sqlite3_bind_int64(c->put, 4, (sqlite3_int64)note->bytes);
	sqlite3_bind_text(c->put, 5, note->type, -1, SQLITE_STATIC);
	sqlite3_bind_text(c->put, 6, note->hash, -1, SQLITE_STATIC);
	sqlite3_bind_int64(c->put, 7, note->put_ms);
	int rc = sqlite3_step(c->put);
	sqlite3_reset(c->put);
	sqlite3_clear_bindings(c->put);
	return rc;
}

int hz_cache_grow(struct hz_dweb_cache *c, const struct hz_cache_note *note, uint64_t bytes)
{
	sqlite3_bind_text(c->grow, 1, note->file, -1, SQLITE_STATIC);
	sqlite3_bind_int64(c->grow, 2, (sqlite3_int64)bytes);
	sqlite3_bind_int64(c->grow, 3, note->put_ms);
	int rc = sqlite3_step(c->grow);
	sqlite3_reset(c->grow);
	sqlite3_clear_bindings(c->grow);
	return rc;
}

uint64_t hz_cache_file_bytes(struct hz_dweb_cache *c, const char *file)
{
	sqlite3_bind_text(c->file, 1, file, -1, SQLITE_TRANSIENT);
	uint64_t bytes = sqlite3_step(c->file) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(c->file, 0) : 0;
	sqlite3_reset(c->file);
	return bytes;
}

bool hz_cache_run(struct hz_dweb_cache *c, const char *sql)
{
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

// What a crash left between a file and its row. Looked at before anybody gets it, as all that is of before.
static void adopt(struct hz_dweb_cache *c)
{
	unsigned count_of = hz_cache_notes_count(c->notes);
	bool begun = count_of && hz_cache_run(c, "BEGIN");
	for (unsigned i = 0; begun && i < count_of; i++) {
		struct hz_cache_note note = *hz_cache_notes_at(c->notes, i);
		int fd = openat(c->dir, note.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (note.put_ms >= c->opened_ms) // the clock went back
			note.put_ms = c->opened_ms - 1;
		// Where there is one already the crash was later than that.
		if (hz_cache_file_whole(fd, &note) && hz_cache_insert(c, &note) == SQLITE_DONE)
			(void)hz_cache_grow(c, &note, note.grown);
		if (fd >= 0)
			close(fd);
	}
	if (begun && !hz_cache_run(c, "COMMIT"))
		(void)hz_cache_run(c, "ROLLBACK"); // their files go with what else has no row
	hz_cache_notes_clear(c->notes);
}

static void close_index(struct hz_dweb_cache *c)
{
	sqlite3_stmt **all[] = {&c->get,       &c->put, &c->grow,     &c->file,  &c->gone,
	                        &c->gone_file, &c->use, &c->use_file, &c->oldest};
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
	c->segments.most = max_bytes / 16 < SEGMENT_BYTES ? max_bytes / 16 : SEGMENT_BYTES;
	c->opened_ms = hz_cache_wall_ms();
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
		err = hz_dweb_tags_open(c->dir, &c->tags);
	if (!err)
		err = hz_cache_notes_open(c->dir, c->tags, &c->notes);
	if (!err) {
		adopt(c);
		sweep(c, false);
		err = count(c);
	}
	if (err)
		hz_dweb_cache_close(c);
	else
		*ret = c;
	return err;
}

void hz_dweb_cache_close(struct hz_dweb_cache *c)
{
	if (!c)
		return;
	if (c->notes)
		hz_cache_settle(c);
	if (c->dir >= 0)
		hz_cache_segments_done(&c->segments, c->dir);
	close_index(c);
	hz_cache_notes_close(c->notes);
	hz_dweb_tags_free(c->tags);
	if (c->dir >= 0)
		close(c->dir);
	free(c);
}

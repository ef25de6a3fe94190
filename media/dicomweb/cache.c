#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "media/dicomweb/cache_internal.h"
#include "media/dicomweb/request.h"

#define USED_EVERY_MS 60000   // a use sooner than that is not written down
#define NOTED_US      1000000 // a row waits no longer for others

void hz_cache_settle(struct hz_dweb_cache *c)
{
	unsigned noted = hz_cache_notes_count(c->notes);
	c->noted_us = 0;
	if (!noted)
		return;
	bool good = hz_cache_run(c, "BEGIN");
	for (unsigned i = 0; good && i < noted; i++)
		good = hz_cache_insert(c, hz_cache_notes_at(c->notes, i)) == SQLITE_DONE;
	good = good && hz_cache_run(c, "COMMIT");
	if (!good) {
		hz_warn("images.cache", "what=index noted=%u", noted);
		(void)hz_cache_run(c, "ROLLBACK");
	}
	for (unsigned i = 0; !good && i < noted; i++) {
		const struct hz_cache_note *note = hz_cache_notes_at(c->notes, i);
		unlinkat(c->dir, note->key, 0);
		c->bytes -= note->bytes < c->bytes ? note->bytes : c->bytes;
	}
	hz_cache_notes_clear(c->notes);
}

void hz_dweb_cache_tick(struct hz_dweb_cache *c, int64_t now_us)
{
	if (!hz_cache_notes_count(c->notes))
		return;
	if (!c->noted_us)
		c->noted_us = now_us;
	else if (now_us - c->noted_us >= NOTED_US)
		hz_cache_settle(c);
}

void hz_dweb_cache_tag(const struct hz_dweb_cache *c, const void *data, size_t bytes,
                       char ret[HZ_DWEB_HASH_BYTES])
{
	if (c)
		hz_dweb_tag(c->tags, data, bytes, ret);
	else
		hz_dweb_sha256(data, bytes, ret);
}

uint64_t hz_dweb_cache_bytes(const struct hz_dweb_cache *c)
{
	return c->bytes;
}

// false: it stays, the index cannot be written.
static bool delete_row(struct hz_dweb_cache *c, const char *key, uint64_t bytes)
{
	if (hz_cache_notes_find(c->notes, key))
		hz_cache_settle(c);
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

void hz_dweb_cache_drop(struct hz_dweb_cache *c, const char *prefix)
{
	static const char sql[] = "SELECT key, bytes FROM entries WHERE key>=?1 AND key<?1||'g' LIMIT 1";
	char key[HZ_CACHE_NAME_CHARS + 1];
	sqlite3_stmt *stmt = NULL; // letters of keys end with 'f'
	hz_cache_settle(c);        // those that are only noted, too
	bool more = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	            sqlite3_bind_text(stmt, 1, prefix, -1, SQLITE_TRANSIENT) == SQLITE_OK;
	while (more && sqlite3_step(stmt) == SQLITE_ROW) {
		uint64_t bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
		snprintf(key, sizeof(key), "%s", (const char *)sqlite3_column_text(stmt, 0));
		sqlite3_reset(stmt);
		more = drop(c, key, bytes);
	}
	sqlite3_finalize(stmt);
}

static void used(struct hz_dweb_cache *c, const char *key, int64_t now_ms)
{
	sqlite3_bind_text(c->use, 1, key, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(c->use, 2, now_ms);
	sqlite3_step(c->use);
	sqlite3_reset(c->use);
}

static char *missed_at(struct hz_dweb_cache *c, const char *key)
{
	return c->missed[((unsigned char)key[0] * 31 + (unsigned char)key[1]) % HZ_CACHE_MISSED];
}

// What is known of it. When it was used last, in *ret_used_ms.
static bool find_row(struct hz_dweb_cache *c, const char *key, struct hz_dweb_entry *ret,
                     int64_t *ret_used_ms)
{
	const struct hz_cache_note *note = hz_cache_notes_find(c->notes, key);
	int64_t put_ms = note ? note->put_ms : 0;
	if (note) {
		ret->bytes = note->bytes;
		memcpy(ret->type, note->type, sizeof(ret->type));
		memcpy(ret->hash, note->hash, sizeof(ret->hash));
		*ret_used_ms = put_ms;
		ret->age_ms = hz_cache_wall_ms() - put_ms;
		return true;
	}
	sqlite3_bind_text(c->get, 1, key, -1, SQLITE_TRANSIENT);
	bool found = sqlite3_step(c->get) == SQLITE_ROW;
	if (found) {
		ret->bytes = (uint64_t)sqlite3_column_int64(c->get, 0);
		snprintf(ret->type, sizeof(ret->type), "%s", (const char *)sqlite3_column_text(c->get, 1));
		snprintf(ret->hash, sizeof(ret->hash), "%s", (const char *)sqlite3_column_text(c->get, 2));
		*ret_used_ms = sqlite3_column_int64(c->get, 3);
		ret->age_ms = hz_cache_wall_ms() - sqlite3_column_int64(c->get, 4);
	} else {
		snprintf(missed_at(c, key), HZ_CACHE_NAME_CHARS + 1, "%s", key);
	}
	sqlite3_reset(c->get);
	return found;
}

int hz_dweb_cache_get(struct hz_dweb_cache *c, const char *key, struct hz_dweb_entry *ret)
{
	struct hz_dweb_entry e = {.fd = -1};
	int64_t now_ms = hz_cache_wall_ms(), used_ms = 0;
	if (!find_row(c, key, &e, &used_ms))
		return -ENOENT;
	e.fd = openat(c->dir, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool good = hz_cache_file_whole(e.fd, e.bytes);
	if (good && used_ms < c->opened_ms) // not looked at in this run
		good = hz_cache_file_as_written(c->tags, e.fd, &e);
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
	char key[HZ_CACHE_NAME_CHARS + 1];
	if (c->bytes + bytes > c->max_bytes)
		hz_cache_settle(c);
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

// A row whose file is gone.
static void drop_row(struct hz_dweb_cache *c, const char *key)
{
	struct hz_dweb_entry e;
	int64_t used_ms;
	if (strcmp(missed_at(c, key), key) != 0 && find_row(c, key, &e, &used_ms))
		delete_row(c, key, e.bytes);
}

// Its row: with others, or where it cannot be noted at once.
static int note_down(struct hz_dweb_cache *c, const char *key, const struct hz_dweb_entry *what)
{
	struct hz_cache_note note = {.bytes = what->bytes, .put_ms = hz_cache_wall_ms()};
	memcpy(note.key, key, sizeof(note.key));
	snprintf(note.type, sizeof(note.type), "%s", what->type);
	snprintf(note.hash, sizeof(note.hash), "%s", what->hash);
	int err = hz_cache_notes_add(c->notes, &note);
	if (err == -ENOSPC) {
		hz_cache_settle(c);
		err = hz_cache_notes_add(c->notes, &note);
	}
	if (err) {
		int rc = hz_cache_insert(c, &note);
		err = rc == SQLITE_DONE ? 0 : rc == SQLITE_FULL ? -ENOSPC : -EIO;
	}
	if (!err) {
		c->bytes += what->bytes;
		missed_at(c, key)[0] = '\0';
	}
	return err;
}

int hz_dweb_cache_put(struct hz_dweb_cache *c, const char *key, const struct hz_dweb_entry *what,
                      const void *data, struct hz_dweb_entry *ret)
{
	if (!hz_cache_file_named(key) || !what->bytes || what->bytes > c->max_bytes / 4)
		return -EFBIG;
	int fd = make_file(c, key);
	if (fd < 0)
		return fd;
	drop_row(c, key);
	make_room(c, what->bytes);
	int err = hz_cache_file_write(fd, data, what->bytes);
	if (!err)
		err = note_down(c, key, what);
	if (err) {
		unlinkat(c->dir, key, 0);
		return err;
	}
	if (!ret)
		return 0;
	*ret = *what; // others get it to read, and can do nothing else with it
	ret->fd = openat(c->dir, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return ret->fd < 0 ? -errno : 0;
}

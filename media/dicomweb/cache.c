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
#define BESIDE_BYTES  1048576 // larger ones have files of their own

// What is noted of one file goes to it together.
static bool insert_all(struct hz_dweb_cache *c, unsigned noted)
{
	uint64_t grown = 0;
	bool good = true;
	for (unsigned i = 0; good && i < noted; i++) {
		const struct hz_cache_note *note = hz_cache_notes_at(c->notes, i);
		bool last =
		    i + 1 == noted || strcmp(hz_cache_notes_at(c->notes, i + 1)->file, note->file) != 0;
		grown += note->grown;
		good = hz_cache_insert(c, note) == SQLITE_DONE &&
		       (!last || hz_cache_grow(c, note, grown) == SQLITE_DONE);
		if (last)
			grown = 0;
	}
	return good;
}

void hz_cache_settle(struct hz_dweb_cache *c)
{
	unsigned noted = hz_cache_notes_count(c->notes);
	c->noted_us = 0;
	if (!noted)
		return;
	bool good = hz_cache_run(c, "BEGIN") && insert_all(c, noted) && hz_cache_run(c, "COMMIT");
	if (!good) {
		hz_warn("images.cache", "what=index noted=%u", noted);
		(void)hz_cache_run(c, "ROLLBACK");
	}
	for (unsigned i = 0; !good && i < noted; i++) {
		const struct hz_cache_note *note = hz_cache_notes_at(c->notes, i);
		hz_cache_segments_close(&c->segments, c->dir, note->file);
		unlinkat(c->dir, note->file, 0);
		c->bytes -= note->grown < c->bytes ? note->grown : c->bytes;
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

static bool step(sqlite3_stmt *stmt, const char *file)
{
	sqlite3_bind_text(stmt, 1, file, -1, SQLITE_TRANSIENT);
	bool done = sqlite3_step(stmt) == SQLITE_DONE;
	sqlite3_reset(stmt);
	return done;
}

// With all that is in it. false: its rows stay, the index cannot be written.
static bool drop_file(struct hz_dweb_cache *c, const char *file)
{
	hz_cache_settle(c); // what is noted of it
	hz_cache_segments_close(&c->segments, c->dir, file);
	unlinkat(c->dir, file, 0); // first: it may be what the disk lacks. Who reads it keeps what it had
	uint64_t bytes = hz_cache_file_bytes(c, file);
	bool gone = step(c->gone, file) && step(c->gone_file, file);
	if (gone)
		c->bytes -= bytes < c->bytes ? bytes : c->bytes;
	return gone;
}

void hz_dweb_cache_drop(struct hz_dweb_cache *c, const char *prefix)
{
	static const char sql[] = "SELECT file FROM entries WHERE key>=?1 AND key<?1||'g' LIMIT 1";
	char file[HZ_CACHE_NAME_CHARS + 1];
	sqlite3_stmt *stmt = NULL; // letters of keys end with 'f'
	hz_cache_settle(c);        // those that are only noted, too
	bool more = sqlite3_prepare_v2(c->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	            sqlite3_bind_text(stmt, 1, prefix, -1, SQLITE_TRANSIENT) == SQLITE_OK;
	while (more && sqlite3_step(stmt) == SQLITE_ROW) {
		snprintf(file, sizeof(file), "%s", (const char *)sqlite3_column_text(stmt, 0));
		sqlite3_reset(stmt);
		more = drop_file(c, file);
	}
	sqlite3_finalize(stmt);
}

static void used(struct hz_dweb_cache *c, const struct hz_cache_note *row, int64_t now_ms)
{
	sqlite3_bind_int64(c->use, 2, now_ms);
	(void)step(c->use, row->key);
	sqlite3_bind_int64(c->use_file, 2, now_ms);
	(void)step(c->use_file, row->file);
}

static char *missed_at(struct hz_dweb_cache *c, const char *key)
{
	return c->missed[((unsigned char)key[0] * 31 + (unsigned char)key[1]) % HZ_CACHE_MISSED];
}

static void text_of(sqlite3_stmt *stmt, int column, char *ret, size_t room)
{
	snprintf(ret, room, "%s", (const char *)sqlite3_column_text(stmt, column));
}

// What is known of it. When it was used last, in *ret_used_ms.
static bool find_row(struct hz_dweb_cache *c, const char *key, struct hz_cache_note *ret,
                     int64_t *ret_used_ms)
{
	const struct hz_cache_note *note = hz_cache_notes_find(c->notes, key);
	if (note) {
		*ret = *note;
		*ret_used_ms = note->put_ms;
		return true;
	}
	sqlite3_bind_text(c->get, 1, key, -1, SQLITE_TRANSIENT);
	bool found = sqlite3_step(c->get) == SQLITE_ROW;
	if (found) {
		*ret = (struct hz_cache_note){.bytes = (uint64_t)sqlite3_column_int64(c->get, 0),
		                              .put_ms = sqlite3_column_int64(c->get, 4),
		                              .at = (uint64_t)sqlite3_column_int64(c->get, 6)};
		text_of(c->get, 1, ret->type, sizeof(ret->type));
		text_of(c->get, 2, ret->hash, sizeof(ret->hash));
		text_of(c->get, 5, ret->file, sizeof(ret->file));
		memcpy(ret->key, key, sizeof(ret->key));
		*ret_used_ms = sqlite3_column_int64(c->get, 3);
	} else {
		snprintf(missed_at(c, key), HZ_CACHE_NAME_CHARS + 1, "%s", key);
	}
	sqlite3_reset(c->get);
	return found;
}

int hz_dweb_cache_get(struct hz_dweb_cache *c, const char *key, struct hz_dweb_entry *ret)
{
	struct hz_cache_note row;
	int64_t now_ms = hz_cache_wall_ms(), used_ms = 0;
	if (!hz_cache_file_named(key) || !find_row(c, key, &row, &used_ms))
		return -ENOENT;
	int fd = openat(c->dir, row.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool good = hz_cache_file_whole(fd, &row);
	if (good && used_ms < c->opened_ms) // not looked at in this run
		good = hz_cache_file_as_written(c->tags, fd, &row);
	if (!good) {
		hz_warn("images.cache", "what=altered bytes=%llu", (unsigned long long)row.bytes);
		if (fd >= 0)
			close(fd);
		drop_file(c, row.file);
		return -ENOENT;
	}
	if (used_ms < c->opened_ms || now_ms - used_ms > USED_EVERY_MS)
		used(c, &row, now_ms);
	*ret =
	    (struct hz_dweb_entry){.fd = fd, .at = row.at, .bytes = row.bytes, .age_ms = now_ms - row.put_ms};
	memcpy(ret->type, row.type, sizeof(ret->type));
	memcpy(ret->hash, row.hash, sizeof(ret->hash));
	return 0;
}

static void make_room(struct hz_dweb_cache *c, uint64_t bytes)
{
	char file[HZ_CACHE_NAME_CHARS + 1];
	if (c->bytes + bytes > c->max_bytes)
		hz_cache_settle(c);
	while (c->bytes + bytes > c->max_bytes) {
		bool found = sqlite3_step(c->oldest) == SQLITE_ROW;
		if (found)
			text_of(c->oldest, 0, file, sizeof(file));
		sqlite3_reset(c->oldest);
		if (!found || !drop_file(c, file))
			return;
	}
}

// Of before, under this name.
static void make_way(struct hz_dweb_cache *c, const char *key)
{
	struct hz_cache_note row;
	int64_t used_ms;
	if (strcmp(missed_at(c, key), key) != 0 && find_row(c, key, &row, &used_ms))
		drop_file(c, row.file);
}

// Under its own name at once: without a row it is nobody's, and goes when the cache is opened again. The descriptor, or -errno.
static int make_file(struct hz_dweb_cache *c, const char *key)
{
	static const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(c->dir, key, flags, 0600);
	if (fd < 0 && errno == EEXIST) { // without a row
		unlinkat(c->dir, key, 0);
		fd = openat(c->dir, key, flags, 0600);
	}
	return fd < 0 ? -errno : fd;
}

// Its row: with others, or where it cannot be noted at once.
static int note_down(struct hz_dweb_cache *c, struct hz_cache_note *note, const struct hz_dweb_entry *what)
{
	note->bytes = what->bytes;
	note->put_ms = hz_cache_wall_ms();
	snprintf(note->type, sizeof(note->type), "%s", what->type);
	snprintf(note->hash, sizeof(note->hash), "%s", what->hash);
	int err = hz_cache_notes_add(c->notes, note);
	if (err) {
		int rc = hz_cache_insert(c, note);
		if (rc == SQLITE_DONE)
			rc = hz_cache_grow(c, note, note->grown);
		err = rc == SQLITE_DONE ? 0 : rc == SQLITE_FULL ? -ENOSPC : -EIO;
	}
	if (!err) {
		c->bytes += note->grown;
		missed_at(c, note->key)[0] = '\0';
	}
	return err;
}

// Alone in a file. Open to read, or -errno.
static int put_alone(struct hz_dweb_cache *c, struct hz_cache_note *note, const struct hz_dweb_entry *what,
                     const void *data)
{
	memcpy(note->file, note->key, sizeof(note->file));
	note->grown = what->bytes;
	int fd = make_file(c, note->key);
	if (fd < 0)
		return fd;
	int err = hz_cache_file_write(fd, data, what->bytes);
	if (!err)
		err = note_down(c, note, what);
	if (!err) // others get it to read, and can do nothing else with it
		return (fd = openat(c->dir, note->key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0 ? -errno : fd;
	unlinkat(c->dir, note->key, 0);
	return err;
}

// Behind the others of its group. Open to read, or -errno.
static int put_beside(struct hz_dweb_cache *c, struct hz_cache_note *note, const struct hz_dweb_entry *what,
                      const void *data)
{
	struct hz_cache_segment *segment = NULL;
	int err = hz_cache_segment_for(&c->segments, c->dir, what, &segment);
	if (!err)
		err = hz_cache_segment_write(segment, data, what->bytes, &note->at);
	if (!err) {
		memcpy(note->file, segment->name, sizeof(note->file));
		note->grown = note->at + what->bytes - segment->bytes;
		err = note_down(c, note, what);
	}
	if (!err) {
		hz_cache_segment_keep(segment, note->at + what->bytes);
		int fd = fcntl(segment->read_fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : fd;
	}
	if (segment)
		hz_cache_segment_close(c->dir, segment);
	return err;
}

int hz_dweb_cache_put(struct hz_dweb_cache *c, const char *key, const struct hz_dweb_entry *what,
                      const void *data, struct hz_dweb_entry *ret)
{
	struct hz_cache_note note = {.at = 0};
	if (!hz_cache_file_named(key) || !what->bytes || what->bytes > c->max_bytes / 4)
		return -EFBIG;
	memcpy(note.key, key, sizeof(note.key));
	bool beside = what->group && what->bytes <= BESIDE_BYTES && what->bytes <= c->segments.most;
	make_way(c, key);
	make_room(c, what->bytes + (beside ? HZ_CACHE_PAGE : 0));
	if (hz_cache_notes_count(c->notes) == HZ_CACHE_NOTES)
		hz_cache_settle(c);
	int fd = beside ? put_beside(c, &note, what, data) : put_alone(c, &note, what, data);
	if (fd < 0)
		return fd;
	if (!ret) {
		close(fd);
		return 0;
	}
	*ret = *what;
	ret->fd = fd;
	ret->at = note.at;
	ret->group = NULL;
	return 0;
}

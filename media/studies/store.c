#include "media/studies/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "media/dicomweb/request.h"
#include "media/studies/internal.h"

#define NAME_CHARS 64
#define SPARE      ((uint64_t)1 << 30) // of the disk, for everything else: records first

static const char schema[] =
    "PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8192; "
    "PRAGMA foreign_keys=ON;"
    "CREATE TABLE IF NOT EXISTS studies(study TEXT PRIMARY KEY, used_ms INTEGER NOT NULL, patient_id TEXT "
    "NOT NULL,"
    " patient_name TEXT NOT NULL, birth TEXT NOT NULL, sex TEXT NOT NULL, date TEXT NOT NULL, time TEXT NOT "
    "NULL,"
    " accession TEXT NOT NULL, text TEXT NOT NULL, study_id TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS by_use ON studies(used_ms);"
    "CREATE TABLE IF NOT EXISTS objects(instance TEXT PRIMARY KEY, study TEXT NOT NULL REFERENCES "
    "studies(study),"
    " series TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, class TEXT NOT NULL,"
    " number INTEGER NOT NULL, modality TEXT NOT NULL, series_number TEXT NOT NULL, series_text TEXT NOT "
    "NULL,"
    " metadata BLOB NOT NULL);"
    "CREATE INDEX IF NOT EXISTS by_series ON objects(study, series, number, instance);"
    "CREATE TABLE IF NOT EXISTS forwards(instance TEXT NOT NULL REFERENCES objects(instance) ON DELETE "
    "CASCADE,"
    " pacs TEXT NOT NULL, study TEXT NOT NULL, state INTEGER NOT NULL, reason INTEGER NOT NULL, tries "
    "INTEGER "
    "NOT NULL, due_ms INTEGER NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY(instance, pacs)) WITHOUT "
    "ROWID;"
    "CREATE INDEX IF NOT EXISTS forwards_due ON forwards(state, pacs, due_ms);"
    "CREATE INDEX IF NOT EXISTS forwards_of ON forwards(study, pacs, state);";

int64_t hz_local_now_ms(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool is_name(const char *name)
{
	return strlen(name) == NAME_CHARS && strspn(name, "0123456789abcdef") == NAME_CHARS;
}

static int sum(struct hz_local *local, const char *sql, uint64_t *ret)
{
	sqlite3_stmt *stmt = NULL;
	int err = -EIO;
	if (sqlite3_prepare_v2(local->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		*ret = (uint64_t)sqlite3_column_int64(stmt, 0);
		err = 0;
	}
	sqlite3_finalize(stmt);
	return err;
}

static int open_index(struct hz_local *local, const char *path)
{
	uint64_t studies = 0;
	if (sqlite3_open_v2(path, &local->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	        SQLITE_OK ||
	    sqlite3_exec(local->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return -EIO;
	int err = sum(local, "SELECT COALESCE(SUM(bytes),0) FROM objects", &local->bytes);
	if (!err)
		err = sum(local, "SELECT COUNT(*) FROM studies", &studies);
	local->studies = (uint32_t)studies;
	return err;
}

// It is no index. One that only cannot be opened now (a full disk, no memory) is left as it is.
static bool is_garbage(struct hz_local *local)
{
	int code = sqlite3_errcode(local->db) & 0xff;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR;
}

static void throw_away(struct hz_local *local)
{
	sqlite3_close(local->db);
	local->db = NULL;
	unlinkat(local->dir, "index.db", 0);
	unlinkat(local->dir, "index.db-wal", 0);
	unlinkat(local->dir, "index.db-shm", 0);
}

int hz_local_open(const char *dir, const struct hz_local_bounds *bounds, struct hz_local **ret)
{
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof(path), "%s/index.db", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	struct hz_local *local = calloc(1, sizeof(*local));
	if (!local)
		return -ENOMEM;
	local->bounds = *bounds;
	local->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = local->dir < 0 ? -errno : open_index(local, path);
	if (err && local->dir >= 0 && is_garbage(local)) {
		hz_warn("studies.index", "err=%d what=made_anew", -err);
		throw_away(local);
		err = open_index(local, path);
	}
	int fd = err ? -1 : openat(local->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	local->listing = fd < 0 ? NULL : fdopendir(fd);
	if (err) {
		hz_local_close(local);
		return err;
	}
	*ret = local;
	return 0;
}

void hz_local_close(struct hz_local *local)
{
	if (!local)
		return;
	if (local->listing)
		closedir(local->listing);
	sqlite3_close(local->db);
	if (local->dir >= 0)
		close(local->dir);
	free(local);
}

uint64_t hz_local_bytes(const struct hz_local *local)
{
	return local->bytes;
}

uint32_t hz_local_studies(const struct hz_local *local)
{
	return local->studies;
}

void hz_local_on_drop(struct hz_local *local, hz_local_drop_cb *cb, void *ctx)
{
	local->on_drop = cb;
	local->on_drop_ctx = ctx;
}

uint64_t hz_local_drops(const struct hz_local *local)
{
	return local->drops;
}

static bool has_hash(struct hz_local *local, const char *hash)
{
	sqlite3_stmt *stmt = NULL;
	bool found = sqlite3_prepare_v2(local->db, "SELECT 1 FROM objects WHERE hash=?1", -1, &stmt, NULL) ==
	                 SQLITE_OK &&
	             sqlite3_bind_text(stmt, 1, hash, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	             sqlite3_step(stmt) == SQLITE_ROW;
	sqlite3_finalize(stmt);
	return found;
}

int hz_local_stray(struct hz_local *local, char ret_hash[HZ_DWEB_HASH_BYTES], int *ret)
{
	const struct dirent *entry;
	while (local->listing && (entry = readdir(local->listing))) {
		if (strncmp(entry->d_name, "tmp-", 4) == 0)
			unlinkat(local->dir, entry->d_name, 0);
		if (!is_name(entry->d_name) || has_hash(local, entry->d_name))
			continue;
		int fd = openat(local->dir, entry->d_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			continue;
		memcpy(ret_hash, entry->d_name, HZ_DWEB_HASH_BYTES);
		*ret = fd;
		return 0;
	}
	if (local->listing)
		closedir(local->listing);
	local->listing = NULL;
	return -ENOENT;
}

void hz_local_remove(struct hz_local *local, const char *hash)
{
	if (is_name(hash) && !has_hash(local, hash))
		unlinkat(local->dir, hash, 0);
}

// --- putting

static int drop_rows(struct hz_local *local, const char *study, FILE *names, uint64_t *ret_bytes)
{
	sqlite3_stmt *stmt = NULL;
	int err = -EIO;
	if (sqlite3_prepare_v2(local->db, "DELETE FROM objects WHERE study=?1 RETURNING hash, bytes", -1,
	                       &stmt, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(stmt, 1, study, -1, SQLITE_TRANSIENT) == SQLITE_OK) {
		int rc;
		while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
			fprintf(names, "%s", (const char *)sqlite3_column_text(stmt, 0));
			*ret_bytes += (uint64_t)sqlite3_column_int64(stmt, 1);
		}
		err = rc == SQLITE_DONE ? 0 : -EIO;
	}
	sqlite3_finalize(stmt);
	stmt = NULL;
	if (!err && (sqlite3_prepare_v2(local->db, "DELETE FROM studies WHERE study=?1", -1, &stmt, NULL) !=
	                 SQLITE_OK ||
	             sqlite3_bind_text(stmt, 1, study, -1, SQLITE_TRANSIENT) != SQLITE_OK ||
	             sqlite3_step(stmt) != SQLITE_DONE))
		err = -EIO;
	sqlite3_finalize(stmt);
	return err;
}

// All of its rows, then its files: what is left of a crash is files without a row, never rows without a file.
static int drop_study(struct hz_local *local, const char *study)
{
	char *text = NULL;
	size_t room = 0;
	uint64_t bytes = 0;
	FILE *names = open_memstream(&text, &room);
	if (!names)
		return -ENOMEM;
	if (local->on_drop)
		local->on_drop(local->on_drop_ctx, study);
	int err = sqlite3_exec(local->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
	if (!err)
		err = drop_rows(local, study, names, &bytes);
	if (fclose(names) != 0)
		err = -ENOMEM;
	if (!err && sqlite3_exec(local->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		err = -EIO;
	if (err)
		sqlite3_exec(local->db, "ROLLBACK", NULL, NULL, NULL);
	for (size_t at = 0; !err && at + NAME_CHARS <= room; at += NAME_CHARS) {
		char name[NAME_CHARS + 1];
		snprintf(name, sizeof(name), "%.*s", NAME_CHARS, text + at);
		unlinkat(local->dir, name, 0);
	}
	free(text);
	if (err)
		return err;
	local->bytes -= bytes < local->bytes ? bytes : local->bytes;
	local->studies -= local->studies > 0;
	local->drops++;
	return 0;
}

static int oldest(struct hz_local *local, char ret[65])
{
	static const char sql[] =
	    "SELECT study FROM (SELECT s.study, s.used_ms, NOT EXISTS (SELECT 1 FROM objects o WHERE "
	    "o.study=s.study AND NOT EXISTS (SELECT 1 FROM forwards f WHERE f.instance=o.instance AND "
	    "f.state=1)) "
	    "AS safe FROM studies s WHERE s.used_ms<?2 AND NOT EXISTS (SELECT 1 FROM forwards f WHERE "
	    "f.study=s.study AND f.state=0)) WHERE used_ms<?1 OR safe ORDER BY safe DESC, used_ms LIMIT 1";
	sqlite3_stmt *stmt = NULL;
	int err = -ENOSPC;
	int64_t now_ms = hz_local_now_ms(), keep_ms = local->bounds.keep_ms;
	if (sqlite3_prepare_v2(local->db, sql, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_bind_int64(stmt, 1, now_ms - keep_ms) == SQLITE_OK &&
	    sqlite3_bind_int64(stmt, 2, now_ms - keep_ms / HZ_LOCAL_SAFE_PART) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		snprintf(ret, 65, "%s", (const char *)sqlite3_column_text(stmt, 0));
		err = 0;
	}
	sqlite3_finalize(stmt);
	return err;
}

static int make_room(struct hz_local *local, uint64_t bytes, unsigned studies)
{
	char study[65];
	int err = 0;
	if (bytes > local->bounds.bytes)
		return -ENOSPC;
	while (!err && (local->bytes + bytes > local->bounds.bytes ||
	                local->studies + studies > local->bounds.studies)) {
		err = oldest(local, study);
		if (!err)
			err = drop_study(local, study);
		if (!err)
			hz_info("studies.dropped", "studies=%u bytes=%llu", local->studies,
			        (unsigned long long)local->bytes);
	}
	return err;
}

static bool disk_has(const struct hz_local *local, uint64_t bytes)
{
	struct statvfs disk;
	return fstatvfs(local->dir, &disk) < 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= bytes + SPARE;
}

int hz_local_scratch(struct hz_local *local, uint64_t bytes)
{
	if (!disk_has(local, bytes))
		return -ENOSPC;
	int fd = openat(local->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int write_file(struct hz_local *local, const char *hash, const char *data, size_t bytes)
{
	char name[NAME_CHARS + 8];
	snprintf(name, sizeof(name), "tmp-%s", hash);
	int fd = openat(local->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600),
	    err = 0;
	if (fd < 0)
		return -errno;
	if (!disk_has(local, bytes))
		err = -ENOSPC;
	for (size_t at = 0; !err && at < bytes;) {
		ssize_t n = write(fd, data + at, bytes - at);
		if (n < 0 && errno != EINTR)
			err = -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	if (!err && fsync(fd) < 0)
		err = -errno;
	close(fd);
	if (!err && renameat(local->dir, name, local->dir, hash) < 0)
		err = -errno;
	if (err)
		unlinkat(local->dir, name, 0);
	return err;
}

static bool text(sqlite3_stmt *stmt, int at, const char *value)
{
	return sqlite3_bind_text(stmt, at, value, -1, SQLITE_TRANSIENT) == SQLITE_OK;
}

static int put_rows(struct hz_local *local, const struct hz_local_new *what, const char *hash)
{
	const struct hz_dicom_text *t = &what->image->text;
	sqlite3_stmt *stmt = NULL;
	const char *const of_study[] = {
	    t->study,      t->patient_id, t->patient_name, t->patient_birth_date, t->patient_sex,
	    t->study_date, t->study_time, t->accession,    t->study_description,  t->study_id};
	const char *const of_object[] = {
	    t->sop_instance, t->study,    t->series,        hash,
	    t->sop_class,    t->modality, t->series_number, t->series_description};
	bool good = sqlite3_prepare_v2(local->db,
	                               "INSERT INTO studies VALUES(?1,?11,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
	                               " ON CONFLICT(study) DO UPDATE SET used_ms=?11",
	                               -1, &stmt, NULL) == SQLITE_OK;
	for (int i = 0; good && i < 10; i++)
		good = text(stmt, i + 1, of_study[i]);
	good = good && sqlite3_bind_int64(stmt, 11, hz_local_now_ms()) == SQLITE_OK &&
	       sqlite3_step(stmt) == SQLITE_DONE;
	sqlite3_finalize(stmt);
	stmt = NULL;
	good = good && sqlite3_prepare_v2(local->db,
	                                  "INSERT INTO objects(instance,study,series,hash,class,modality,"
	                                  "series_number,series_text,bytes,number,metadata)"
	                                  " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)",
	                                  -1, &stmt, NULL) == SQLITE_OK;
	for (int i = 0; good && i < 8; i++)
		good = text(stmt, i + 1, of_object[i]);
	good =
	    good &&
	    sqlite3_bind_int64(stmt, 9, (sqlite3_int64)(what->bytes + what->metadata_bytes)) == SQLITE_OK &&
	    sqlite3_bind_int64(stmt, 10, strtol(t->instance_number, NULL, 10)) == SQLITE_OK &&
	    sqlite3_bind_blob64(stmt, 11, what->metadata, what->metadata_bytes, SQLITE_STATIC) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_DONE;
	sqlite3_finalize(stmt);
	return good ? 0 : -EIO;
}

static bool column_is(sqlite3_stmt *stmt, int column, const char *text_of)
{
	const char *is = (const char *)sqlite3_column_text(stmt, column);
	return is && strcmp(is, text_of) == 0;
}

// -EEXIST, -EALREADY, -EXDEV; 1: its study is new. Who has no number is known by name and birth: a study's objects are of one patient.
static int look(struct hz_local *local, const struct hz_dicom_text *t, const char *hash)
{
	sqlite3_stmt *stmt = NULL;
	int err = -EIO;
	if (sqlite3_prepare_v2(local->db,
	                       "SELECT (SELECT hash FROM objects WHERE instance=?1),"
	                       " s.patient_id, s.patient_name, s.birth FROM (SELECT 1) LEFT JOIN studies s ON"
	                       " s.study=?2",
	                       -1, &stmt, NULL) == SQLITE_OK &&
	    text(stmt, 1, t->sop_instance) && text(stmt, 2, t->study) && sqlite3_step(stmt) == SQLITE_ROW) {
		const char *old = (const char *)sqlite3_column_text(stmt, 0);
		bool known = sqlite3_column_type(stmt, 1) != SQLITE_NULL;
		bool same = column_is(stmt, 1, t->patient_id) &&
		            (t->patient_id[0] || (column_is(stmt, 2, t->patient_name) &&
		                                  column_is(stmt, 3, t->patient_birth_date)));
		err = old ? strcmp(old, hash) == 0 ? -EEXIST : -EALREADY : known ? same ? 0 : -EXDEV : 1;
	}
	sqlite3_finalize(stmt);
	return err;
}

int hz_local_sync(struct hz_local *local)
{
	return fsync(local->dir) < 0 ? -errno : 0;
}

// A checkpoint has the log of rows on the disk before it begins, in a mode that writes it without.
int hz_local_sync_rows(struct hz_local *local)
{
	int rc = sqlite3_wal_checkpoint_v2(local->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return rc == SQLITE_OK || rc == SQLITE_BUSY ? 0 : -EIO;
}

int hz_local_put(struct hz_local *local, const struct hz_local_new *what)
{
	char hash[HZ_DWEB_HASH_BYTES];
	hz_dweb_sha256(what->data, what->bytes, hash);
	int known = look(local, &what->image->text, hash);
	if (known == 0 || known == -EEXIST) // or this study would go to make room for its own next object
		hz_local_used(local, what->image->text.study);
	if (known == -EEXIST && faccessat(local->dir, hash, R_OK, 0) < 0) { // its file was lost
		int again = write_file(local, hash, what->data, what->bytes);
		return again ? again : -EEXIST;
	}
	if (known == -EEXIST && local->forward[0]) // who sends it again may not know where it went
		(void)hz_local_forward_put(local, what->image->text.sop_instance, what->image->text.study);
	if (known < 0)
		return known;
	int err = make_room(local, what->bytes + what->metadata_bytes, (unsigned)known);
	if (err)
		return err;
	bool there = faccessat(local->dir, hash, R_OK, 0) == 0; // a stray that is read again
	err = there ? 0 : write_file(local, hash, what->data, what->bytes);
	if (err)
		return err;
	err = sqlite3_exec(local->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? 0 : -EIO;
	if (!err)
		err = put_rows(local, what, hash);
	if (!err && local->forward[0])
		err = hz_local_forward_put(local, what->image->text.sop_instance, what->image->text.study);
	if (!err && sqlite3_exec(local->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		err = sqlite3_errcode(local->db) == SQLITE_FULL ? -ENOSPC : -EIO;
	if (err) {
		sqlite3_exec(local->db, "ROLLBACK", NULL, NULL, NULL);
		if (!there)
			unlinkat(local->dir, hash, 0);
		return err;
	}
	local->bytes += what->bytes + what->metadata_bytes;
	local->studies += (uint32_t)known;
	return 0;
}

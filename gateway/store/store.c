#include "gateway/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/store/db.h"

#define BUSY_MS 5000 // a command line that writes a link holds the lock for milliseconds

// What to do about an error at opening, in words.
static const char *advice(int err)
{
	switch (err) {
	case -EBADMSG:
		return "is damaged: restore it from a backup, or move it away to start empty";
	case -EACCES:
	case -EROFS:
		return "cannot be written: check owner and permissions of data.dir";
	case -ENOSPC:
		return "cannot grow: the disk is full";
	case -EBUSY:
		return "is locked by another process";
	default:
		return "cannot be opened: see the system's message";
	}
}

static int make_dir(const char *dir, char *error)
{
	if (mkdir(dir, 0700) == 0 || errno == EEXIST)
		return 0;
	int err = -errno;
	snprintf(error, HZ_STORE_ERROR_BYTES, "store: %s: %s; create the folder or set data.dir", dir,
	         strerror(-err));
	return err;
}

// SQLite makes files with the umask's mode: we make them first, so that they are 0600 from their first byte
// (the -wal and -shm files take the mode of the database).
static int make_file(const char *path, char *error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		int err = -errno;
		snprintf(error, HZ_STORE_ERROR_BYTES,
		         "store: %s: %s; check owner and permissions of data.dir", path, strerror(-err));
		return err;
	}
	(void)fchmod(fd, 0600); // of a file that is not ours: SQLite will say if it cannot be used
	close(fd);
	return 0;
}

static int run(sqlite3 *db, const char *sql)
{
	return hz_db_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static int attach(sqlite3 *db, const char *path)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, "ATTACH ?1 AS run", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	sqlite3_finalize(stmt);
	return hz_db_errno(rc);
}

static int open_files(struct hz_store *store, const char *records, const char *runtime)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int err = hz_db_errno(sqlite3_open_v2(records, &store->db, flags, NULL));
	if (err)
		return err;
	sqlite3_busy_timeout(store->db, BUSY_MS);
	err = attach(store->db, runtime);
	if (!err)
		err = run(store->db, "PRAGMA main.journal_mode=WAL; PRAGMA run.journal_mode=WAL;"
		                     "PRAGMA main.synchronous=FULL; PRAGMA run.synchronous=NORMAL;"
		                     "PRAGMA trusted_schema=OFF; PRAGMA secure_delete=ON;"
		                     "PRAGMA main.quick_check(1); PRAGMA run.quick_check(1);");
	return err;
}

// quick_check reports damage as a row, not as an error.
static int check(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_errno(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
	if (!err) {
		int rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			err = hz_db_errno(rc) ? hz_db_errno(rc) : -EBADMSG;
		else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
			err = -EBADMSG;
	}
	sqlite3_finalize(stmt);
	return err;
}

int hz_store_open(const char *dir, char error[HZ_STORE_ERROR_BYTES], struct hz_store **ret)
{
	char records[PATH_MAX], runtime[PATH_MAX];
	struct hz_store *store = NULL;
	int err;
	error[0] = '\0';
	if (snprintf(records, sizeof(records), "%s/huizhen.db", dir) >= (int)sizeof(records) ||
	    snprintf(runtime, sizeof(runtime), "%s/runtime.db", dir) >= (int)sizeof(runtime)) {
		snprintf(error, HZ_STORE_ERROR_BYTES, "store: data.dir is too long: choose a shorter path");
		return -ENAMETOOLONG;
	}
	err = make_dir(dir, error);
	if (!err)
		err = make_file(records, error);
	if (!err)
		err = make_file(runtime, error);
	if (err)
		return err;
	store = calloc(1, sizeof(*store));
	if (!store)
		return -ENOMEM;
	err = open_files(store, records, runtime);
	if (!err)
		err = check(store->db, "PRAGMA main.quick_check(1)");
	if (!err)
		err = check(store->db, "PRAGMA run.quick_check(1)");
	if (!err)
		err = hz_db_migrate(store->db, error);
	if (err) {
		if (!error[0])
			snprintf(error, HZ_STORE_ERROR_BYTES, "store: %s: the database %s (%s)", dir,
			         advice(err), hz_store_message(store));
		hz_store_close(store);
		return err;
	}
	*ret = store;
	return 0;
}

void hz_store_release(struct hz_store *store)
{
	sqlite3_db_release_memory(store->db);
}

void hz_store_close(struct hz_store *store)
{
	if (!store)
		return;
	hz_store_commit(store); // what could not be written now cannot be written later either
	for (unsigned i = 0; i < store->count; i++)
		sqlite3_finalize(store->statements[i].stmt);
	sqlite3_close(store->db);
	free(store);
}

int hz_store_commit(struct hz_store *store)
{
	if (!store->in_transaction)
		return 0;
	int err = run(store->db, "COMMIT");
	if (err)
		hz_store_rollback(store);
	store->in_transaction = false;
	return err;
}

void hz_store_rollback(struct hz_store *store)
{
	// A full disk or I/O error may have rolled back already; then this one fails harmlessly.
	if (!sqlite3_get_autocommit(store->db))
		(void)run(store->db, "ROLLBACK");
	store->in_transaction = false;
}

bool hz_store_dirty(const struct hz_store *store)
{
	return store->in_transaction;
}

int hz_store_probe(struct hz_store *store)
{
	if (store->in_transaction)
		return -EBUSY;
	int err = run(store->db, "BEGIN IMMEDIATE; DELETE FROM run.probe; INSERT INTO run.probe VALUES(1);"
	                         "DELETE FROM main.probe; INSERT INTO main.probe VALUES(1); COMMIT");
	if (err && !sqlite3_get_autocommit(store->db))
		(void)run(store->db, "ROLLBACK");
	return err;
}

int hz_store_scrub(struct hz_store *store)
{
	sqlite3_stmt *stmt = NULL;
	if (store->in_transaction)
		return -EBUSY;
	int err = hz_db_errno(
	    sqlite3_prepare_v2(store->db, "PRAGMA main.wal_checkpoint(TRUNCATE)", -1, &stmt, NULL));
	if (!err) {
		int rc = sqlite3_step(stmt);
		err = hz_db_errno(rc);
		if (!err && rc == SQLITE_ROW && sqlite3_column_int(stmt, 0))
			err = -EBUSY; // said in a row, not as an error
	}
	sqlite3_finalize(stmt);
	return err;
}

const char *hz_store_message(const struct hz_store *store)
{
	return store->db ? sqlite3_errmsg(store->db) : "out of memory";
}

int hz_store_sweep(struct hz_store *store, int64_t now_ms)
{
	const int64_t day_ms = 86400000;
	int err = hz_db_write(store, "DELETE FROM main.used_tokens WHERE exp_ms<?1", "i", now_ms);
	if (!err)
		err = hz_db_write(store, "DELETE FROM main.idempotency WHERE at_ms<?1", "i", now_ms - day_ms);
	if (!err)
		err = hz_db_write(
		    store, "DELETE FROM redemptions WHERE link IN (SELECT id FROM links WHERE expires_ms<?1)",
		    "i", now_ms - day_ms);
	if (!err)
		err = hz_db_write(store, "DELETE FROM links WHERE expires_ms<?1", "i", now_ms - day_ms);
	if (!err)
		err = hz_db_write(
		    store, "DELETE FROM chat WHERE consult IN (SELECT id FROM consults WHERE status=1)", "");
	if (!err)
		err = hz_db_write(store,
		                  "DELETE FROM run.visit WHERE consult IN"
		                  " (SELECT id FROM consults WHERE status=1 AND closed_ms<?1)",
		                  "i", now_ms - 90 * day_ms);
	// Nobody enters a closed consult; tokens that may still read it live a year at most.
	if (!err)
		err = hz_db_write(store,
		                  "DELETE FROM main.removed WHERE at_ms<?1 AND consult IN"
		                  " (SELECT id FROM consults WHERE status=1)",
		                  "i", now_ms - 366 * day_ms);
	if (!err)
		err = hz_db_write(store,
		                  "DELETE FROM run.participants WHERE left_ms<?1 AND consult IN"
		                  " (SELECT id FROM consults WHERE status=1)",
		                  "i", now_ms - 30 * day_ms);
	return err;
}

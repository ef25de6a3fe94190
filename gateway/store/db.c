#include "gateway/store/db.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

int hz_db_errno(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EBADMSG;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static int prepare(struct hz_store *store, const char *sql, sqlite3_stmt **ret)
{
	for (unsigned i = 0; i < store->count; i++) {
		if (store->statements[i].sql == sql) {
			*ret = store->statements[i].stmt;
			return 0;
		}
	}
	if (store->count == HZ_DB_STATEMENTS_MAX)
		return -ENOMEM;
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (rc != SQLITE_OK)
		return hz_db_errno(rc);
	store->statements[store->count].sql = sql;
	store->statements[store->count++].stmt = stmt;
	*ret = stmt;
	return 0;
}

static int bind(sqlite3_stmt *stmt, const char *types, va_list ap)
{
	int rc = SQLITE_OK;
	for (int i = 1; *types && rc == SQLITE_OK; i++, types++) {
		const void *at;
		switch (*types) {
		case 't':
			rc = sqlite3_bind_text(stmt, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
			break;
		case 'i':
			rc = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
			break;
		case 'h':
			at = va_arg(ap, const void *);
			rc = sqlite3_bind_blob(stmt, i, at, HZ_STORE_HASH_BYTES, SQLITE_TRANSIENT);
			break;
		default: // 'b'
			at = va_arg(ap, const void *);
			rc = sqlite3_bind_blob64(stmt, i, at, va_arg(ap, size_t), SQLITE_TRANSIENT);
			break;
		}
	}
	return hz_db_errno(rc);
}

int hz_db_query(struct hz_store *store, sqlite3_stmt **ret, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt = NULL;
	int err = prepare(store, sql, &stmt);
	if (err)
		return err;
	va_list ap;
	va_start(ap, types);
	err = bind(stmt, types, ap);
	va_end(ap);
	if (err)
		hz_db_done(stmt);
	else
		*ret = stmt;
	return err;
}

int hz_db_step(struct hz_store *store, sqlite3_stmt *stmt)
{
	(void)store;
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		return 1;
	return hz_db_errno(rc);
}

void hz_db_done(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

int hz_db_write(struct hz_store *store, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt = NULL;
	int err = 0;
	if (!store->in_transaction) {
		err = hz_db_errno(sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
		if (err)
			return err;
		store->in_transaction = true;
	}
	err = prepare(store, sql, &stmt);
	if (err)
		return err;
	va_list ap;
	va_start(ap, types);
	err = bind(stmt, types, ap);
	va_end(ap);
	if (!err)
		err = hz_db_step(store, stmt);
	hz_db_done(stmt);
	return err > 0 ? 0 : err;
}

int hz_db_changes(const struct hz_store *store)
{
	return sqlite3_changes(store->db);
}

const char *hz_db_text(sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);
	return text ? text : "";
}

bool hz_db_hash(sqlite3_stmt *stmt, int column, unsigned char ret[HZ_STORE_HASH_BYTES])
{
	const void *at = sqlite3_column_blob(stmt, column);
	if (!at || sqlite3_column_bytes(stmt, column) != HZ_STORE_HASH_BYTES)
		return false;
	memcpy(ret, at, HZ_STORE_HASH_BYTES);
	return true;
}

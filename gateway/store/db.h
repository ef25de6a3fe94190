// Inside gateway/store only: statements, binding, error translation.
#ifndef HZ_GATEWAY_STORE_DB_H
#define HZ_GATEWAY_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "gateway/store/store.h"

#define HZ_DB_STATEMENTS_MAX 192 // more than there are SQL constants in this folder

struct hz_store {
	sqlite3 *db;
	bool in_transaction;
	struct {
		const char *sql;
		sqlite3_stmt *stmt;
	} statements[HZ_DB_STATEMENTS_MAX];
	unsigned count;
};

// sqlite's result code as -errno; SQLITE_OK, ROW and DONE are 0.
int hz_db_errno(int rc);

// A prepared statement of this SQL (a string constant: cached by its address), bound. types: one letter a value:
// t const char * (NULL: SQL NULL), i int64_t, h const uint8_t[32], b const void * + size_t.
// The statement belongs to the cache: hz_db_done() after the last step.
int hz_db_query(struct hz_store *store, sqlite3_stmt **ret, const char *sql, const char *types, ...);

// 1 a row, 0 the end, -errno.
int hz_db_step(struct hz_store *store, sqlite3_stmt *stmt);
void hz_db_done(sqlite3_stmt *stmt);

// A write: opens the transaction if none is, runs the statement to its end. -EEXIST: a unique key is taken.
int hz_db_write(struct hz_store *store, const char *sql, const char *types, ...);
// Rows that the last hz_db_write changed.
int hz_db_changes(const struct hz_store *store);

// "" for SQL NULL.
const char *hz_db_text(sqlite3_stmt *stmt, int column);
// False when the column is not 32 bytes.
bool hz_db_hash(sqlite3_stmt *stmt, int column, unsigned char ret[HZ_STORE_HASH_BYTES]);

// Brings both files to this build's layout (schema.c). error: as of hz_store_open().
int hz_db_migrate(sqlite3 *db, char error[HZ_STORE_ERROR_BYTES]);

#endif

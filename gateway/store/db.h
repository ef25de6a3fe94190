// Inside gateway/store only: statements, binding, error translation.
#ifndef HZ_GATEWAY_STORE_DB_H
#define HZ_GATEWAY_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "gateway/store/event_row.h"
#include "gateway/store/records.h"
#include "gateway/store/store.h"

#define HZ_DB_STATEMENTS_MAX 192 // more than there are SQL constants in this folder
#define HZ_DB_STAYED         32

struct hz_store {
	sqlite3 *db;
	bool in_transaction;
	struct {
		char consult[HZ_STORE_ID_BYTES], participant[HZ_STORE_ID_BYTES]; // "": none
	} stayed
	    [HZ_DB_STAYED]; // looked up and never removed; each removal empties it: nobody else writes them
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

// --- all rows of a statement that hz_db_query() gave, which is done then; rows.c

typedef bool hz_db_pair_cb(void *arg, const char *key, const char *value); // false: stop
// Of two texts. 0, -errno.
int hz_db_pairs(struct hz_store *store, sqlite3_stmt *stmt, hz_db_pair_cb *cb, void *arg);
#define HZ_DB_EVENT "SELECT seq, consult, participant, type, detail, at_ms FROM "
int hz_db_events(struct hz_store *store, sqlite3_stmt *stmt, hz_event_row_cb *cb, void *arg); // 0, -errno
#define HZ_DB_RECORD                                                                                         \
	"SELECT id, consult, started_ms, started_by, ended_ms, tracks, stopped_by, closed FROM "             \
	"main.records r "
int hz_db_records(struct hz_store *store, sqlite3_stmt *stmt, hz_record_row_cb *cb,
                  void *arg); // how many, -errno

// "" for SQL NULL.
const char *hz_db_text(sqlite3_stmt *stmt, int column);
// False when the column is not 32 bytes.
bool hz_db_hash(sqlite3_stmt *stmt, int column, unsigned char ret[HZ_STORE_HASH_BYTES]);

// Brings both files to this build's layout (schema.c). error: as of hz_store_open().
int hz_db_migrate(sqlite3 *db, char error[HZ_STORE_ERROR_BYTES]);

#endif

#include "gateway/store/tables.h"

#include <stddef.h>

#include "gateway/store/db.h"

int hz_store_table_put(struct hz_store *store, const char *consult, const char *json)
{
	return hz_db_write(store,
	                   "INSERT INTO main.tables VALUES(?1,?2)"
	                   " ON CONFLICT(consult) DO UPDATE SET state=excluded.state",
	                   "tt", consult, json);
}

static int each(struct hz_store *store, sqlite3_stmt *stmt, hz_table_cb *cb, void *arg)
{
	int err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		if (!cb(arg, hz_db_text(stmt, 0)))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_store_table_get(struct hz_store *store, const char *consult, hz_table_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, "SELECT state FROM main.tables WHERE consult=?1", "t", consult);
	return err ? err : each(store, stmt, cb, arg);
}

int hz_store_table_object_put(struct hz_store *store, const char *consult, int64_t n, const char *json)
{
	if (!json)
		return hz_db_write(store, "DELETE FROM main.table_objects WHERE consult=?1 AND n=?2", "ti",
		                   consult, n);
	return hz_db_write(store,
	                   "INSERT INTO main.table_objects VALUES(?1,?2,?3)"
	                   " ON CONFLICT(consult, n) DO UPDATE SET object=excluded.object",
	                   "tit", consult, n, json);
}

int hz_store_table_objects(struct hz_store *store, const char *consult, hz_table_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(
	    store, &stmt, "SELECT object FROM main.table_objects WHERE consult=?1 ORDER BY n", "t", consult);
	return err ? err : each(store, stmt, cb, arg);
}

int hz_store_table_del(struct hz_store *store, const char *consult)
{
	int err = hz_db_write(store, "DELETE FROM main.tables WHERE consult=?1", "t", consult);
	return err ? err
	           : hz_db_write(store, "DELETE FROM main.table_objects WHERE consult=?1", "t", consult);
}

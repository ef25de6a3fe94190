#include "gateway/store/sources.h"

#include <stddef.h>

#include "gateway/store/db.h"

int hz_store_source_put(struct hz_store *store, const char *consult, const char *id, const char *json)
{
	if (!json)
		return hz_db_write(store, "DELETE FROM main.sources WHERE consult=?1 AND id=?2", "tt",
		                   consult, id);
	return hz_db_write(store,
	                   "INSERT INTO main.sources VALUES(?1,?2,?3)"
	                   " ON CONFLICT(consult, id) DO UPDATE SET state=excluded.state",
	                   "ttt", consult, id, json);
}

int hz_store_source_forget(struct hz_store *store, const char *consult)
{
	return hz_db_write(store, "DELETE FROM main.sources WHERE consult=?1", "t", consult);
}

int hz_store_source_all(struct hz_store *store, hz_source_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt, "SELECT consult, id, state FROM main.sources ORDER BY consult, id", "");
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		if (!cb(arg, hz_db_text(stmt, 0), hz_db_text(stmt, 1), hz_db_text(stmt, 2)))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

#include "gateway/store/consults.h"

#include <errno.h>
#include <stddef.h>

#include "gateway/store/db.h"

#define COLUMNS "SELECT id, title, status, created_ms, closed_ms, record, layout FROM main.consults "

static int each(struct hz_store *store, sqlite3_stmt *stmt, hz_consult_row_cb *cb, void *arg)
{
	int rows = 0, err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_consult_row row = {
		    .id = hz_db_text(stmt, 0),
		    .title = hz_db_text(stmt, 1),
		    .closed = sqlite3_column_int(stmt, 2) != 0,
		    .created_ms = sqlite3_column_int64(stmt, 3),
		    .closed_ms = sqlite3_column_int64(stmt, 4),
		    .record = (uint8_t)sqlite3_column_int(stmt, 5),
		    .layout = hz_db_text(stmt, 6),
		};
		rows++;
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : rows;
}

int hz_store_consult_put(struct hz_store *store, const struct hz_consult_row *row)
{
	return hz_db_write(
	    store,
	    "INSERT INTO main.consults(id, title, status, created_ms, closed_ms, record, layout)"
	    " VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(id) DO UPDATE SET title=excluded.title,"
	    " status=excluded.status, closed_ms=excluded.closed_ms, record=excluded.record,"
	    " layout=excluded.layout",
	    "ttiiiit", row->id, row->title, (int64_t)row->closed, row->created_ms, row->closed_ms,
	    (int64_t)row->record, row->layout ? row->layout : "");
}

int hz_store_consult_get(struct hz_store *store, const char *id, hz_consult_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, COLUMNS "WHERE id=?1", "t", id);
	if (err)
		return err;
	err = each(store, stmt, cb, arg);
	return err < 0 ? err : err == 0 ? -ENOENT : 0;
}

int hz_store_consult_list(struct hz_store *store, const char *after, unsigned limit, hz_consult_row_cb *cb,
                          void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      COLUMNS "WHERE ?1 IS NULL OR (created_ms, id) < "
	                              "(SELECT created_ms, id FROM main.consults WHERE id=?1) "
	                              "ORDER BY created_ms DESC, id DESC LIMIT ?2",
	                      "ti", after, (int64_t)limit);
	if (err)
		return err;
	err = each(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

int hz_store_consult_open(struct hz_store *store, hz_consult_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, COLUMNS "WHERE status=0", "");
	if (err)
		return err;
	err = each(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

// Rows that several tables, or several files of this folder, read alike.
#include "gateway/store/db.h"

int hz_db_pairs(struct hz_store *store, sqlite3_stmt *stmt, hz_db_pair_cb *cb, void *arg)
{
	int err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		if (!cb(arg, hz_db_text(stmt, 0), hz_db_text(stmt, 1)))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_db_events(struct hz_store *store, sqlite3_stmt *stmt, hz_event_row_cb *cb, void *arg)
{
	int err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_event_row row = {
		    .seq = sqlite3_column_int64(stmt, 0),
		    .consult = hz_db_text(stmt, 1),
		    .participant = hz_db_text(stmt, 2),
		    .type = hz_db_text(stmt, 3),
		    .detail = hz_db_text(stmt, 4),
		    .time_ms = sqlite3_column_int64(stmt, 5),
		};
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_db_records(struct hz_store *store, sqlite3_stmt *stmt, hz_record_row_cb *cb, void *arg)
{
	int err, rows = 0;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_record_row row = {
		    .id = hz_db_text(stmt, 0),
		    .consult = hz_db_text(stmt, 1),
		    .started_ms = sqlite3_column_int64(stmt, 2),
		    .started_by = hz_db_text(stmt, 3),
		    .ended_ms = sqlite3_column_int64(stmt, 4),
		    .tracks = (uint32_t)sqlite3_column_int64(stmt, 5),
		    .stopped_by = hz_db_text(stmt, 6),
		    .closed = sqlite3_column_int(stmt, 7) != 0,
		};
		rows++;
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : rows;
}

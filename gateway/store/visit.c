#include "gateway/store/visit.h"

#include <stddef.h>

#include "gateway/store/db.h"

int hz_store_visit_add(struct hz_store *store, const struct hz_visit_row *row)
{
	int err = hz_db_write(store,
	                      "INSERT INTO run.visit(consult, seq, at_ms, participant, type, detail)"
	                      " SELECT ?1, coalesce((SELECT max(seq) FROM run.visit WHERE consult=?1), 0)+1,"
	                      " ?2, ?3, ?4, ?5",
	                      "tittt", row->consult, row->time_ms, row->participant, row->type, row->detail);
	if (err)
		return err;
	return hz_db_write(store,
	                   "DELETE FROM run.visit WHERE consult=?1 AND"
	                   " seq<=(SELECT max(seq) FROM run.visit WHERE consult=?1)-?2",
	                   "ti", row->consult, (int64_t)HZ_STORE_VISIT_KEEP);
}

int hz_store_visit_list(struct hz_store *store, const char *consult, int64_t after, unsigned limit,
                        hz_visit_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT seq, consult, participant, type, detail, at_ms FROM run.visit"
	                      " WHERE consult=?1 AND seq>?2 ORDER BY seq LIMIT ?3",
	                      "tii", consult, after, (int64_t)limit);
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_visit_row row = {
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

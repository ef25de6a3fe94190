#include "gateway/store/visit.h"

#include <stddef.h>

#include "gateway/store/db.h"

int hz_store_visit_add(struct hz_store *store, const struct hz_event_row *row)
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
                        hz_event_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      HZ_DB_EVENT "run.visit"
	                                  " WHERE consult=?1 AND seq>?2 ORDER BY seq LIMIT ?3",
	                      "tii", consult, after, (int64_t)limit);
	return err ? err : hz_db_events(store, stmt, cb, arg);
}

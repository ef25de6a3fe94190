#include "gateway/store/broadcasts.h"

#include <stddef.h>
#include <string.h>

#include "gateway/store/db.h"

int hz_store_broadcast_put(struct hz_store *store, const char *consult, const char *json)
{
	if (!json)
		return hz_db_write(store, "DELETE FROM main.broadcasts WHERE consult=?1", "t", consult);
	return hz_db_write(store,
	                   "INSERT INTO main.broadcasts VALUES(?1,?2)"
	                   " ON CONFLICT(consult) DO UPDATE SET state=excluded.state",
	                   "tt", consult, json);
}

int hz_store_broadcast_all(struct hz_store *store, hz_broadcast_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, "SELECT consult, state FROM main.broadcasts", "");
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		if (!cb(arg, hz_db_text(stmt, 0), hz_db_text(stmt, 1)))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_store_broadcast_event_add(struct hz_store *store, const struct hz_broadcast_event_row *row)
{
	int err = hz_db_write(store,
	                      "INSERT INTO main.broadcast_events(consult, at_ms, participant, type, detail)"
	                      " VALUES(?1,?2,?3,?4,?5)",
	                      "tittt", row->consult, row->time_ms, row->participant, row->type, row->detail);
	if (err)
		return err;
	bool cuts = strcmp(row->type, "cut") == 0 || strcmp(row->type, "resume") == 0;
	return hz_db_write(store,
	                   "DELETE FROM main.broadcast_events WHERE consult=?1 AND"
	                   " (type IN ('cut','resume'))=?3 AND seq<="
	                   "(SELECT seq FROM main.broadcast_events WHERE consult=?1 AND"
	                   " (type IN ('cut','resume'))=?3 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
	                   "tii", row->consult, (int64_t)HZ_STORE_BROADCAST_EVENTS, (int64_t)cuts);
}

int hz_store_broadcast_event_list(struct hz_store *store, const char *consult, int64_t after, unsigned limit,
                                  hz_broadcast_event_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt,
	                "SELECT seq, consult, participant, type, detail, at_ms FROM main.broadcast_events"
	                " WHERE consult=?1 AND seq>?2 ORDER BY seq LIMIT ?3",
	                "tii", consult, after, (int64_t)limit);
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_broadcast_event_row row = {
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

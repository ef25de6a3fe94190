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
	return err ? err : hz_db_pairs(store, stmt, cb, arg);
}

int hz_store_broadcast_event_add(struct hz_store *store, const struct hz_event_row *row)
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
                                  hz_event_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      HZ_DB_EVENT "main.broadcast_events"
	                                  " WHERE consult=?1 AND seq>?2 ORDER BY seq LIMIT ?3",
	                      "tii", consult, after, (int64_t)limit);
	return err ? err : hz_db_events(store, stmt, cb, arg);
}

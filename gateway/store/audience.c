#include "gateway/store/audience.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/store/db.h"

int hz_store_audience_put(struct hz_store *store, const char *consult, const char *settings)
{
	return hz_db_write(store,
	                   "INSERT INTO main.audience VALUES(?1,?2)"
	                   " ON CONFLICT(consult) DO UPDATE SET settings=excluded.settings",
	                   "tt", consult, settings);
}

int hz_store_audience_all(struct hz_store *store, hz_audience_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT a.consult, a.settings FROM main.audience a"
	                      " JOIN main.consults c ON c.id=a.consult WHERE c.status=0",
	                      "");
	return err ? err : hz_db_pairs(store, stmt, cb, arg);
}

// States from HZ_AUDIENCE_APPROVED on are seen by viewers: what one viewer sends does not push out what was answered.
#define SHOWN "(state BETWEEN 1 AND 3)"

static int prune(struct hz_store *store, const char *consult)
{
	int err = hz_db_write(store,
	                      "DELETE FROM main.audience_messages WHERE consult=?1 AND " SHOWN " AND seq<="
	                      "(SELECT seq FROM main.audience_messages WHERE consult=?1 AND " SHOWN
	                      " ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
	                      "ti", consult, (int64_t)HZ_STORE_AUDIENCE_MESSAGES);
	if (err)
		return err;
	return hz_db_write(store,
	                   "DELETE FROM main.audience_messages WHERE consult=?1 AND NOT " SHOWN " AND seq<="
	                   "(SELECT seq FROM main.audience_messages WHERE consult=?1 AND NOT " SHOWN
	                   " ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
	                   "ti", consult, (int64_t)HZ_STORE_AUDIENCE_MESSAGES);
}

int hz_store_audience_message_add(struct hz_store *store, const struct hz_audience_message_row *row,
                                  int64_t *ret_seq)
{
	int err =
	    hz_db_write(store,
	                "INSERT INTO main.audience_messages(consult, kind, state, sender, name, text, at_ms,"
	                " answer, decided_by, role, decided_ms) VALUES(?1,?2,?3,?4,?5,?6,?7,'','','',0)",
	                "tiittti", row->consult, (int64_t)row->kind, (int64_t)row->state, row->sender,
	                row->name, row->text, row->time_ms);
	if (err)
		return err;
	int64_t seq = sqlite3_last_insert_rowid(store->db);
	// Looking at the bound each time would read all rows each time.
	if (seq % 64 == 0)
		err = prune(store, row->consult);
	if (!err)
		*ret_seq = seq;
	return err;
}

int hz_store_audience_message_decide(struct hz_store *store, const struct hz_audience_message_row *row)
{
	return hz_db_write(store,
	                   "UPDATE main.audience_messages SET state=?2, answer=?3, decided_by=?4, role=?5,"
	                   " decided_ms=?6 WHERE seq=?1",
	                   "iittti", row->seq, (int64_t)row->state, row->answer, row->by, row->role,
	                   row->decided_ms);
}

int hz_store_audience_message_list(struct hz_store *store, const char *consult, int64_t after, unsigned limit,
                                   hz_audience_message_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT seq, consult, sender, name, text, answer, decided_by, role, at_ms,"
	                      " decided_ms, kind, state FROM main.audience_messages"
	                      " WHERE consult=?1 AND seq>?2 ORDER BY seq LIMIT ?3",
	                      "tii", consult, after, (int64_t)limit);
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_audience_message_row row = {
		    .seq = sqlite3_column_int64(stmt, 0),
		    .consult = hz_db_text(stmt, 1),
		    .sender = hz_db_text(stmt, 2),
		    .name = hz_db_text(stmt, 3),
		    .text = hz_db_text(stmt, 4),
		    .answer = hz_db_text(stmt, 5),
		    .by = hz_db_text(stmt, 6),
		    .role = hz_db_text(stmt, 7),
		    .time_ms = sqlite3_column_int64(stmt, 8),
		    .decided_ms = sqlite3_column_int64(stmt, 9),
		    .kind = (uint8_t)sqlite3_column_int(stmt, 10),
		    .state = (uint8_t)sqlite3_column_int(stmt, 11),
		};
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_store_audience_message_last(struct hz_store *store, const char *consult, int64_t *ret_seq)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT COALESCE(MAX(seq), 0) FROM main.audience_messages WHERE consult=?1",
	                      "t", consult);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	if (err == 1)
		*ret_seq = sqlite3_column_int64(stmt, 0);
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_store_audience_poster_put(struct hz_store *store, const char *consult, const char *type,
                                 const void *image, size_t bytes)
{
	if (!image)
		return hz_db_write(store, "DELETE FROM main.audience_posters WHERE consult=?1", "t", consult);
	return hz_db_write(store,
	                   "INSERT INTO main.audience_posters VALUES(?1,?2,?3)"
	                   " ON CONFLICT(consult) DO UPDATE SET type=excluded.type, image=excluded.image",
	                   "ttb", consult, type, image, bytes);
}

int hz_store_audience_poster_get(struct hz_store *store, const char *consult, hz_audience_poster_cb *cb,
                                 void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, "SELECT type, image FROM main.audience_posters WHERE consult=?1",
	                      "t", consult);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	if (err == 1)
		cb(arg, hz_db_text(stmt, 0), sqlite3_column_blob(stmt, 1),
		   (size_t)sqlite3_column_bytes(stmt, 1));
	hz_db_done(stmt);
	return err < 0 ? err : err == 1 ? 0 : -ENOENT;
}

int hz_store_audience_erase(struct hz_store *store, const char *consult, int64_t *ret_messages)
{
	int err = hz_db_write(store, "DELETE FROM main.audience_messages WHERE consult=?1", "t", consult);
	int64_t messages = err ? 0 : hz_db_changes(store);
	if (!err)
		err = hz_db_write(store, "DELETE FROM main.audience_posters WHERE consult=?1", "t", consult);
	if (!err)
		err = hz_db_write(store, "DELETE FROM main.audience WHERE consult=?1", "t", consult);
	if (!err)
		*ret_messages = messages;
	return err;
}

int hz_store_audience_expired(struct hz_store *store, int64_t before_ms, char *ret_consult, size_t bytes)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT id FROM main.consults c WHERE status=1 AND closed_ms<?1 AND ("
	                      "EXISTS(SELECT 1 FROM main.audience WHERE consult=c.id) OR "
	                      "EXISTS(SELECT 1 FROM main.audience_messages WHERE consult=c.id) OR "
	                      "EXISTS(SELECT 1 FROM main.audience_posters WHERE consult=c.id)) LIMIT 1",
	                      "i", before_ms);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	if (err == 1)
		snprintf(ret_consult, bytes, "%s", hz_db_text(stmt, 0));
	hz_db_done(stmt);
	return err < 0 ? err : err == 1 ? 0 : -ENOENT;
}

#include "gateway/store/runtime.h"

#include "gateway/store/db.h"

int hz_store_media_put(struct hz_store *store, const struct hz_media_row *row)
{
	return hz_db_write(
	    store,
	    "INSERT INTO run.media VALUES(?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(worker, kind, id) DO UPDATE SET"
	    " consult=excluded.consult, participant=excluded.participant, cmd=excluded.cmd,"
	    " meta=excluded.meta",
	    "iiittbt", (int64_t)row->worker, (int64_t)row->kind, (int64_t)row->id, row->consult,
	    row->participant, row->cmd, row->cmd_bytes, row->meta);
}

int hz_store_media_del(struct hz_store *store, unsigned worker, uint8_t kind, uint32_t id)
{
	return hz_db_write(store, "DELETE FROM run.media WHERE worker=?1 AND kind=?2 AND id=?3", "iii",
	                   (int64_t)worker, (int64_t)kind, (int64_t)id);
}

int hz_store_media_all(struct hz_store *store, hz_media_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT worker, kind, id, consult, participant, cmd, meta FROM run.media"
	                      " ORDER BY kind, rowid",
	                      "");
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_media_row row = {
		    .worker = (unsigned)sqlite3_column_int(stmt, 0),
		    .kind = (uint8_t)sqlite3_column_int(stmt, 1),
		    .id = (uint32_t)sqlite3_column_int64(stmt, 2),
		    .consult = hz_db_text(stmt, 3),
		    .participant = hz_db_text(stmt, 4),
		    .cmd = sqlite3_column_blob(stmt, 5),
		    .cmd_bytes = (size_t)sqlite3_column_bytes(stmt, 5),
		    .meta = hz_db_text(stmt, 6),
		};
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_store_runtime_clear(struct hz_store *store)
{
	int err = hz_db_write(store, "DELETE FROM run.media", "");
	if (!err)
		err = hz_db_write(store, "DELETE FROM run.sessions", "");
	return err;
}

int hz_store_chat_add(struct hz_store *store, const struct hz_chat_row *row, int64_t *ret_seq)
{
	int err = hz_db_write(
	    store, "INSERT INTO run.chat(consult, sender, name, text, time_ms) VALUES(?1,?2,?3,?4,?5)",
	    "tttti", row->consult, row->from, row->name, row->text, row->time_ms);
	if (err)
		return err;
	int64_t seq = sqlite3_last_insert_rowid(store->db);
	err = hz_db_write(
	    store,
	    "DELETE FROM run.chat WHERE consult=?1 AND seq<=(SELECT seq FROM run.chat WHERE consult=?1"
	    " ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
	    "ti", row->consult, (int64_t)HZ_STORE_CHAT_KEEP);
	if (!err)
		*ret_seq = seq;
	return err;
}

int hz_store_chat_list(struct hz_store *store, const char *consult, hz_chat_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt,
	                "SELECT seq, consult, sender, name, text, time_ms FROM run.chat WHERE consult=?1"
	                " ORDER BY seq",
	                "t", consult);
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_chat_row row = {
		    .seq = sqlite3_column_int64(stmt, 0),
		    .consult = hz_db_text(stmt, 1),
		    .from = hz_db_text(stmt, 2),
		    .name = hz_db_text(stmt, 3),
		    .text = hz_db_text(stmt, 4),
		    .time_ms = sqlite3_column_int64(stmt, 5),
		};
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

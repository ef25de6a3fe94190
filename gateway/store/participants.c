#include "gateway/store/participants.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "gateway/store/db.h"

int hz_store_participant_put(struct hz_store *store, const struct hz_participant_row *row)
{
	return hz_db_write(store,
	                   "INSERT OR REPLACE INTO run.participants VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
	                   "ttttiiiit", row->consult, row->id, row->name, row->role, (int64_t)row->status,
	                   row->arrival_ms, row->admitted_ms, row->left_ms, row->admitted_by);
}

int hz_store_participant_get(struct hz_store *store, const char *consult, const char *id,
                             hz_participant_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT consult, id, name, role, status, arrival_ms, admitted_ms, left_ms,"
	                      " admitted_by FROM run.participants WHERE consult=?1 AND id=?2",
	                      "tt", consult, id);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	if (err == 1) {
		const struct hz_participant_row row = {
		    .consult = hz_db_text(stmt, 0),
		    .id = hz_db_text(stmt, 1),
		    .name = hz_db_text(stmt, 2),
		    .role = hz_db_text(stmt, 3),
		    .status = (uint8_t)sqlite3_column_int(stmt, 4),
		    .arrival_ms = sqlite3_column_int64(stmt, 5),
		    .admitted_ms = sqlite3_column_int64(stmt, 6),
		    .left_ms = sqlite3_column_int64(stmt, 7),
		    .admitted_by = hz_db_text(stmt, 8),
		};
		cb(arg, &row);
	}
	hz_db_done(stmt);
	return err < 0 ? err : err == 0 ? -ENOENT : 0;
}

int hz_store_session_put(struct hz_store *store, const struct hz_session_row *row)
{
	return hz_db_write(store, "INSERT OR REPLACE INTO run.sessions VALUES(?1,?2,?3,?4,?5)", "tthit",
	                   row->consult, row->participant, row->key_hash, row->expires_ms, row->state);
}

int hz_store_session_del(struct hz_store *store, const char *consult, const char *participant)
{
	return hz_db_write(store, "DELETE FROM run.sessions WHERE consult=?1 AND participant=?2", "tt",
	                   consult, participant);
}

int hz_store_session_all(struct hz_store *store, hz_session_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(
	    store, &stmt, "SELECT consult, participant, key_hash, expires_ms, state FROM run.sessions", "");
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		struct hz_session_row row = {
		    .consult = hz_db_text(stmt, 0),
		    .participant = hz_db_text(stmt, 1),
		    .expires_ms = sqlite3_column_int64(stmt, 3),
		    .state = hz_db_text(stmt, 4),
		};
		if (hz_db_hash(stmt, 2, row.key_hash) && !cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

// Each frame and each segment of a broadcast asks for the same few. FNV-1a.
static unsigned stayed_at(const char *consult, const char *participant)
{
	uint32_t hash = 2166136261u;
	for (const char *at = consult; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	for (const char *at = participant; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	return hash % HZ_DB_STAYED;
}

static void stayed_note(struct hz_store *store, unsigned slot, const char *consult, const char *participant)
{
	size_t c = strlen(consult), p = strlen(participant);
	if (c >= HZ_STORE_ID_BYTES || p >= HZ_STORE_ID_BYTES || p == 0)
		return;
	memcpy(store->stayed[slot].consult, consult, c + 1);
	memcpy(store->stayed[slot].participant, participant, p + 1);
}

int hz_store_removed_put(struct hz_store *store, const char *consult, const char *participant, int64_t at_ms)
{
	memset(store->stayed, 0, sizeof(store->stayed));
	int err = hz_db_write(store, "INSERT OR REPLACE INTO main.removed VALUES(?1,?2,?3)", "tti", consult,
	                      participant, at_ms);
	if (err)
		return err;
	return hz_db_write(store,
	                   "UPDATE main.redemptions SET revoked=1 WHERE participant=?2 AND link IN"
	                   " (SELECT id FROM main.links WHERE consult=?1)",
	                   "tt", consult, participant);
}

int hz_store_removed_get(struct hz_store *store, const char *consult, const char *participant,
                         int64_t *ret_at_ms)
{
	sqlite3_stmt *stmt = NULL;
	unsigned slot = stayed_at(consult, participant);
	if (participant[0] && strcmp(store->stayed[slot].participant, participant) == 0 &&
	    strcmp(store->stayed[slot].consult, consult) == 0) {
		*ret_at_ms = 0;
		return 0;
	}
	int err =
	    hz_db_query(store, &stmt, "SELECT at_ms FROM main.removed WHERE consult=?1 AND participant=?2",
	                "tt", consult, participant);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	int64_t at_ms = err == 1 ? sqlite3_column_int64(stmt, 0) : 0;
	hz_db_done(stmt);
	if (err < 0)
		return err;
	if (err == 0)
		stayed_note(store, slot, consult, participant);
	*ret_at_ms = at_ms;
	return 0;
}

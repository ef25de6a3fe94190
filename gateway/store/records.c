#include "gateway/store/records.h"

#include <errno.h>
#include <string.h>

#include "gateway/store/db.h"

int hz_store_subject_put(struct hz_store *store, const char *consult, const char *json)
{
	if (!json)
		return hz_db_write(store, "DELETE FROM main.subjects WHERE consult=?1", "t", consult);
	return hz_db_write(store,
	                   "INSERT INTO main.subjects VALUES(?1,?2)"
	                   " ON CONFLICT(consult) DO UPDATE SET subject=excluded.subject",
	                   "tt", consult, json);
}

int hz_store_subject_get(struct hz_store *store, const char *consult, char **ret)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt, "SELECT subject FROM main.subjects WHERE consult=?1", "t", consult);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	char *copy = err == 1 ? strdup(hz_db_text(stmt, 0)) : NULL;
	hz_db_done(stmt);
	if (err < 0)
		return err;
	if (err == 0)
		return -ENOENT;
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

// --- consents

int hz_store_consent_add(struct hz_store *store, const struct hz_consent_row *row)
{
	int err =
	    hz_db_write(store,
	                "INSERT INTO main.consents(consult, participant, state, at_ms, wording,"
	                " wording_hash, language, source) SELECT ?1,?2,?3,?4,?5,?6,?7,?8 WHERE (SELECT"
	                " count(*) FROM main.consents WHERE consult=?1 AND participant=?2)<?9",
	                "ttiitttti", row->consult, row->participant, (int64_t)row->state, row->time_ms,
	                row->wording, row->wording_hash, row->language, row->source,
	                (int64_t)HZ_STORE_CONSENTS_MAX * (row->state == HZ_STORE_CONSENT_GIVEN ? 1 : 2));
	return err ? err : hz_db_changes(store) == 0 ? -ENOSPC : 0;
}

#define CONSENT                                                                                              \
	"SELECT seq, consult, participant, state, at_ms, wording, wording_hash, language, source FROM "      \
	"main.consents "

static int each_consent(struct hz_store *store, sqlite3_stmt *stmt, hz_consent_row_cb *cb, void *arg)
{
	int rows = 0, err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_consent_row row = {
		    .seq = sqlite3_column_int64(stmt, 0),
		    .consult = hz_db_text(stmt, 1),
		    .participant = hz_db_text(stmt, 2),
		    .state = (uint8_t)sqlite3_column_int(stmt, 3),
		    .time_ms = sqlite3_column_int64(stmt, 4),
		    .wording = hz_db_text(stmt, 5),
		    .wording_hash = hz_db_text(stmt, 6),
		    .language = hz_db_text(stmt, 7),
		    .source = hz_db_text(stmt, 8),
		};
		rows++;
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : rows;
}

int hz_store_consent_get(struct hz_store *store, const char *consult, const char *participant,
                         hz_consent_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt, CONSENT "WHERE consult=?1 AND participant=?2 ORDER BY seq DESC LIMIT 1",
	                "tt", consult, participant);
	if (err)
		return err;
	err = each_consent(store, stmt, cb, arg);
	return err < 0 ? err : err == 0 ? -ENOENT : 0;
}

int hz_store_consent_list(struct hz_store *store, const char *consult, int64_t after, unsigned limit,
                          hz_consent_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, CONSENT "WHERE consult=?1 AND seq>?2 ORDER BY seq LIMIT ?3",
	                      "tii", consult, after, (int64_t)limit);
	if (err)
		return err;
	err = each_consent(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

// --- records

int hz_store_record_put(struct hz_store *store, const struct hz_record_row *row)
{
	return hz_db_write(
	    store,
	    "INSERT INTO main.records(id, consult, started_ms, started_by, ended_ms, tracks,"
	    " stopped_by, closed) VALUES(?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(id) DO UPDATE SET"
	    " ended_ms=excluded.ended_ms, tracks=excluded.tracks,"
	    " stopped_by=excluded.stopped_by, closed=excluded.closed",
	    "ttitiiti", row->id, row->consult, row->started_ms, row->started_by, row->ended_ms,
	    (int64_t)row->tracks, row->stopped_by, (int64_t)row->closed);
}

int hz_store_record_open(struct hz_store *store, hz_record_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, HZ_DB_RECORD "WHERE closed=0", "");
	if (!err)
		err = hz_db_records(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

int hz_store_record_list(struct hz_store *store, const char *consult, unsigned limit, hz_record_row_cb *cb,
                         void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt, HZ_DB_RECORD "WHERE consult=?1 ORDER BY started_ms DESC, id LIMIT ?2",
	                "ti", consult, (int64_t)limit);
	if (!err)
		err = hz_db_records(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

// --- events on their way

int hz_store_record_event_add(struct hz_store *store, const struct hz_record_event_row *row, int64_t *ret_seq)
{
	int err = hz_db_write(
	    store, "INSERT INTO run.record_events(record, number, at_us, event) VALUES(?1,?2,?3,?4)", "tiit",
	    row->record, (int64_t)row->number, row->at_us, row->event);
	if (!err)
		*ret_seq = sqlite3_last_insert_rowid(store->db);
	return err;
}

int hz_store_record_event_number(struct hz_store *store, int64_t seq, uint64_t number)
{
	return hz_db_write(store, "UPDATE run.record_events SET number=?2 WHERE seq=?1", "ii", seq,
	                   (int64_t)number);
}

int hz_store_record_event_del(struct hz_store *store, int64_t seq)
{
	return hz_db_write(store, "DELETE FROM run.record_events WHERE seq=?1", "i", seq);
}

int hz_store_record_event_all(struct hz_store *store, hz_record_event_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(
	    store, &stmt, "SELECT seq, record, number, at_us, event FROM run.record_events ORDER BY seq", "");
	if (err)
		return err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_record_event_row row = {
		    .seq = sqlite3_column_int64(stmt, 0),
		    .record = hz_db_text(stmt, 1),
		    .number = (uint64_t)sqlite3_column_int64(stmt, 2),
		    .at_us = sqlite3_column_int64(stmt, 3),
		    .event = hz_db_text(stmt, 4),
		};
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

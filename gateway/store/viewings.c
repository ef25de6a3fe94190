#include "gateway/store/viewings.h"

#include <errno.h>
#include <stddef.h>

#include "gateway/store/db.h"

// --- records

int hz_store_record_person_add(struct hz_store *store, const char *record, const char *participant)
{
	return hz_db_write(store,
	                   "INSERT OR IGNORE INTO main.record_people(record, participant) VALUES(?1,?2)",
	                   "tt", record, participant);
}

// Is there a row?
static int any(struct hz_store *store, sqlite3_stmt *stmt, bool *ret)
{
	int err = hz_db_step(store, stmt);
	hz_db_done(stmt);
	if (err >= 0)
		*ret = err == 1;
	return err < 0 ? err : 0;
}

int hz_store_record_person(struct hz_store *store, const char *record, const char *participant, bool *ret)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt, "SELECT 1 FROM main.record_people WHERE record=?1 AND participant=?2",
	                "tt", record, participant);
	return err ? err : any(store, stmt, ret);
}

int hz_store_record_get(struct hz_store *store, const char *id, hz_record_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, HZ_DB_RECORD "WHERE id=?1", "t", id);
	if (!err)
		err = hz_db_records(store, stmt, cb, arg);
	return err < 0 ? err : err == 0 ? -ENOENT : 0;
}

int hz_store_record_page(struct hz_store *store, const struct hz_record_filter *filter, hz_record_row_cb *cb,
                         void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      HZ_DB_RECORD
	                      "WHERE (?1 IS NULL OR consult=?1) AND (?2 IS NULL OR EXISTS("
	                      "SELECT 1 FROM main.record_people p WHERE p.record=r.id AND p.participant=?2))"
	                      " AND (?3 IS NULL OR (started_ms, id) <"
	                      " (SELECT started_ms, id FROM main.records WHERE id=?3))"
	                      " ORDER BY started_ms DESC, id DESC LIMIT ?4",
	                      "ttti", filter->consult, filter->person, filter->after, (int64_t)filter->limit);
	if (!err)
		err = hz_db_records(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

// --- viewings

int hz_store_viewing_add(struct hz_store *store, const struct hz_viewing_row *row, int64_t *ret_seq)
{
	int err =
	    hz_db_write(store,
	                "INSERT INTO main.viewings(record, consult, view, what, participant, name, role,"
	                " address, at_ms, handed) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,0)",
	                "tttttttti", row->record, row->consult, row->view, row->what, row->participant,
	                row->name, row->role, row->address, row->time_ms);
	if (!err)
		*ret_seq = sqlite3_last_insert_rowid(store->db);
	return err;
}

#define VIEWING                                                                                              \
	"SELECT seq, record, consult, view, what, participant, name, role, address, at_ms FROM "             \
	"main.viewings "

static int each_viewing(struct hz_store *store, sqlite3_stmt *stmt, hz_viewing_row_cb *cb, void *arg)
{
	int err, rows = 0;
	while ((err = hz_db_step(store, stmt)) == 1) {
		const struct hz_viewing_row row = {
		    .seq = sqlite3_column_int64(stmt, 0),
		    .record = hz_db_text(stmt, 1),
		    .consult = hz_db_text(stmt, 2),
		    .view = hz_db_text(stmt, 3),
		    .what = hz_db_text(stmt, 4),
		    .participant = hz_db_text(stmt, 5),
		    .name = hz_db_text(stmt, 6),
		    .role = hz_db_text(stmt, 7),
		    .address = hz_db_text(stmt, 8),
		    .time_ms = sqlite3_column_int64(stmt, 9),
		};
		rows++;
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : rows;
}

int hz_store_viewing_open(struct hz_store *store, const char *record, const char *view, hz_viewing_row_cb *cb,
                          void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, VIEWING "WHERE record=?1 AND view=?2 AND what='open'", "tt",
	                      record, view);
	if (!err)
		err = each_viewing(store, stmt, cb, arg);
	return err < 0 ? err : err == 0 ? -ENOENT : 0;
}

int hz_store_viewing_has(struct hz_store *store, const char *record, const char *view, const char *what,
                         bool *ret)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt, "SELECT 1 FROM main.viewings WHERE record=?1 AND view=?2 AND what=?3",
	                "ttt", record, view, what);
	return err ? err : any(store, stmt, ret);
}

int hz_store_viewing_list(struct hz_store *store, const char *record, int64_t after, unsigned limit,
                          hz_viewing_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, VIEWING "WHERE record=?1 AND seq>?2 ORDER BY seq LIMIT ?3", "tii",
	                      record, after, (int64_t)limit);
	if (!err)
		err = each_viewing(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

int hz_store_viewing_unhanded(struct hz_store *store, unsigned limit, hz_viewing_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt, VIEWING "WHERE handed=0 ORDER BY seq LIMIT ?1", "i", (int64_t)limit);
	if (!err)
		err = each_viewing(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

int hz_store_viewing_handed(struct hz_store *store, int64_t seq)
{
	return hz_db_write(store, "UPDATE main.viewings SET handed=1 WHERE seq=?1", "i", seq);
}

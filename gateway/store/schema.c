// The layout of both files, as a list of steps; PRAGMA user_version says how many a file has taken.
// A step that has been released is never edited: add another.
#include <errno.h>
#include <stdio.h>

#include "gateway/store/db.h"

static const char *const record_steps[] = {
    "CREATE TABLE main.consults(id TEXT PRIMARY KEY, title TEXT NOT NULL, status INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, closed_ms INTEGER NOT NULL);"
    "CREATE INDEX main.consults_by_time ON consults(created_ms, id);"
    "CREATE TABLE main.links(id TEXT PRIMARY KEY, consult TEXT NOT NULL, role TEXT NOT NULL, name TEXT NOT "
    "NULL,"
    " code_hash BLOB NOT NULL UNIQUE, single_use INTEGER NOT NULL, created_ms INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL, redeemed_ms INTEGER NOT NULL);"
    "CREATE INDEX main.links_by_consult ON links(consult, created_ms, id);"
    "CREATE TABLE main.redemptions(link TEXT NOT NULL, cookie_hash BLOB NOT NULL, participant TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, revoked INTEGER NOT NULL, PRIMARY KEY(link, cookie_hash)) WITHOUT ROWID;"
    "CREATE TABLE main.used_tokens(jti_hash BLOB PRIMARY KEY, exp_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE main.removed(consult TEXT NOT NULL, participant TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " PRIMARY KEY(consult, participant)) WITHOUT ROWID;"
    "CREATE TABLE main.idempotency(key_hash BLOB PRIMARY KEY, request_hash BLOB NOT NULL, status INTEGER NOT "
    "NULL,"
    " body TEXT NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX main.idempotency_by_time ON idempotency(at_ms);"
    "CREATE TABLE main.probe(x INTEGER);",
    // Recording: the wish of each consult, whom it is about, who consented, and which records were made.
    "ALTER TABLE main.consults ADD COLUMN record INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE main.subjects(consult TEXT PRIMARY KEY, subject TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE main.consents(seq INTEGER PRIMARY KEY AUTOINCREMENT, consult TEXT NOT NULL,"
    " participant TEXT NOT NULL, state INTEGER NOT NULL, at_ms INTEGER NOT NULL, wording TEXT NOT NULL,"
    " wording_hash TEXT NOT NULL, language TEXT NOT NULL, source TEXT NOT NULL);"
    "CREATE INDEX main.consents_by_consult ON consents(consult, participant, seq);"
    "CREATE TABLE main.records(id TEXT PRIMARY KEY, consult TEXT NOT NULL, started_ms INTEGER NOT NULL,"
    " started_by TEXT NOT NULL, ended_ms INTEGER NOT NULL, tracks INTEGER NOT NULL,"
    " stopped_by TEXT NOT NULL, closed INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX main.records_by_consult ON records(consult, started_ms);",
    // Replay: who was in the room of a record, and who looked at it.
    "CREATE INDEX main.records_by_time ON records(started_ms, id);"
    "CREATE TABLE main.record_people(record TEXT NOT NULL, participant TEXT NOT NULL,"
    " PRIMARY KEY(record, participant)) WITHOUT ROWID;"
    "CREATE TABLE main.viewings(seq INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL,"
    " consult TEXT NOT NULL, view TEXT NOT NULL, what TEXT NOT NULL, participant TEXT NOT NULL,"
    " name TEXT NOT NULL, role TEXT NOT NULL, address TEXT NOT NULL, at_ms INTEGER NOT NULL,"
    " handed INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX main.viewings_once ON viewings(record, view, what);"
    "CREATE INDEX main.viewings_unhanded ON viewings(seq) WHERE handed=0;",
    // Broadcasts, and what their directors did.
    "CREATE TABLE main.broadcasts(consult TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE main.broadcast_events(seq INTEGER PRIMARY KEY AUTOINCREMENT, consult TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL, participant TEXT NOT NULL, type TEXT NOT NULL, detail TEXT NOT NULL);"
    "CREATE INDEX main.broadcast_events_by_consult ON broadcast_events(consult, seq);",
    // How a consult's composed picture is laid out.
    "ALTER TABLE main.consults ADD COLUMN layout TEXT NOT NULL DEFAULT '';",
    // What lies on the tables of consults.
    "CREATE TABLE main.tables(consult TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE main.table_objects(consult TEXT NOT NULL, n INTEGER NOT NULL, object TEXT NOT NULL,"
    " PRIMARY KEY(consult, n)) WITHOUT ROWID;",
    // The audience of broadcasts: how it may take part, what it said, what it sees when there is no picture.
    "CREATE TABLE main.audience(consult TEXT PRIMARY KEY, settings TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE main.audience_messages(seq INTEGER PRIMARY KEY AUTOINCREMENT, consult TEXT NOT NULL,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, sender TEXT NOT NULL, name TEXT NOT NULL,"
    " text TEXT NOT NULL, at_ms INTEGER NOT NULL, answer TEXT NOT NULL, decided_by TEXT NOT NULL,"
    " role TEXT NOT NULL, decided_ms INTEGER NOT NULL);"
    "CREATE INDEX main.audience_messages_by_consult ON audience_messages(consult, seq);"
    "CREATE TABLE main.audience_posters(consult TEXT PRIMARY KEY, type TEXT NOT NULL, image BLOB NOT NULL);",
    // Theatre sources.
    ("CREATE TABLE main.sources(consult TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,"
     " PRIMARY KEY(consult, id)) WITHOUT ROWID;"),
    // Device profiles: what the pictures of a kind of machine have painted over in broadcasts.
    "CREATE TABLE main.profiles(id TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID;",
};

static const char *const runtime_steps[] = {
    "CREATE TABLE run.participants(consult TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, role TEXT "
    "NOT NULL,"
    " status INTEGER NOT NULL, arrival_ms INTEGER NOT NULL, admitted_ms INTEGER NOT NULL,"
    " left_ms INTEGER NOT NULL, admitted_by TEXT NOT NULL, PRIMARY KEY(consult, id)) WITHOUT ROWID;"
    "CREATE TABLE run.sessions(consult TEXT NOT NULL, participant TEXT NOT NULL, key_hash BLOB NOT NULL,"
    " expires_ms INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY(consult, participant));"
    "CREATE TABLE run.media(worker INTEGER NOT NULL, kind INTEGER NOT NULL, id INTEGER NOT NULL,"
    " consult TEXT NOT NULL, participant TEXT NOT NULL, cmd BLOB NOT NULL, meta TEXT NOT NULL,"
    " PRIMARY KEY(worker, kind, id));"
    "CREATE TABLE run.chat(seq INTEGER PRIMARY KEY AUTOINCREMENT, consult TEXT NOT NULL, sender TEXT NOT "
    "NULL,"
    " name TEXT NOT NULL, text TEXT NOT NULL, time_ms INTEGER NOT NULL);"
    "CREATE INDEX run.chat_by_consult ON chat(consult, seq);"
    "CREATE TABLE run.probe(x INTEGER);",
    "CREATE TABLE run.visit(consult TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " participant TEXT NOT NULL, type TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY(consult, seq))"
    " WITHOUT ROWID;",
    // Events of a record that are not known to be in its journal yet. number 0: not given out.
    ("CREATE TABLE run.record_events(seq INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL,"
     " number INTEGER NOT NULL, at_us INTEGER NOT NULL, event TEXT NOT NULL);"),
};

static int get_version(sqlite3 *db, const char *schema, int *ret)
{
	char sql[64];
	sqlite3_stmt *stmt = NULL;
	snprintf(sql, sizeof(sql), "PRAGMA %s.user_version", schema);
	int err = hz_db_errno(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
	if (!err) {
		int rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			*ret = sqlite3_column_int(stmt, 0);
		else
			err = hz_db_errno(rc) ? hz_db_errno(rc) : -EIO;
	}
	sqlite3_finalize(stmt);
	return err;
}

// One step and its version number in one transaction: a crash in between leaves either both or none.
static int take_step(sqlite3 *db, const char *schema, const char *step, int version)
{
	char sql[64];
	snprintf(sql, sizeof(sql), "PRAGMA %s.user_version=%d", schema, version);
	int err = hz_db_errno(sqlite3_exec(db, step, NULL, NULL, NULL));
	if (!err)
		err = hz_db_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
	return err;
}

static int migrate_file(sqlite3 *db, const char *schema, const char *const *steps, int count, char *error)
{
	int version = 0;
	int err = hz_db_errno(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL)); // two may start at once
	if (err)
		return err;
	err = get_version(db, schema, &version);
	if (!err && version > count) {
		snprintf(error, HZ_STORE_ERROR_BYTES,
		         "store: the database has layout %d, this build knows %d: start the newer build",
		         version, count);
		err = -ENOTSUP;
	}
	for (; !err && version < count; version++)
		err = take_step(db, schema, steps[version], version + 1);
	if (!err)
		err = hz_db_errno(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL));
	if (err && !sqlite3_get_autocommit(db))
		(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

int hz_db_migrate(sqlite3 *db, char error[HZ_STORE_ERROR_BYTES])
{
	int err = migrate_file(db, "main", record_steps, (int)(sizeof(record_steps) / sizeof(*record_steps)),
	                       error);
	if (!err)
		err = migrate_file(db, "run", runtime_steps,
		                   (int)(sizeof(runtime_steps) / sizeof(*runtime_steps)), error);
	return err;
}

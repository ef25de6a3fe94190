#include "gateway/store/links.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/store/db.h"
#include "gateway/store/participants.h"

#define COLUMNS                                                                                              \
	"SELECT id, consult, role, name, code_hash, single_use, created_ms, expires_ms, revoked_ms, "        \
	"redeemed_ms"                                                                                        \
	" FROM main.links "

int hz_store_link_put(struct hz_store *store, const struct hz_link_row *row)
{
	return hz_db_write(store, "INSERT INTO main.links VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
	                   "tttthiiiii", row->id, row->consult, row->role, row->name, row->code_hash,
	                   (int64_t)row->single_use, row->created_ms, row->expires_ms, row->revoked_ms,
	                   row->redeemed_ms);
}

static int each(struct hz_store *store, sqlite3_stmt *stmt, hz_link_row_cb *cb, void *arg)
{
	int rows = 0, err;
	while ((err = hz_db_step(store, stmt)) == 1) {
		struct hz_link_row row = {
		    .id = hz_db_text(stmt, 0),
		    .consult = hz_db_text(stmt, 1),
		    .role = hz_db_text(stmt, 2),
		    .name = hz_db_text(stmt, 3),
		    .single_use = sqlite3_column_int(stmt, 5) != 0,
		    .created_ms = sqlite3_column_int64(stmt, 6),
		    .expires_ms = sqlite3_column_int64(stmt, 7),
		    .revoked_ms = sqlite3_column_int64(stmt, 8),
		    .redeemed_ms = sqlite3_column_int64(stmt, 9),
		};
		if (!hz_db_hash(stmt, 4, row.code_hash))
			continue;
		rows++;
		if (!cb(arg, &row))
			break;
	}
	hz_db_done(stmt);
	return err < 0 ? err : rows;
}

int hz_store_link_by_code(struct hz_store *store, const uint8_t code_hash[HZ_STORE_HASH_BYTES],
                          hz_link_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt, COLUMNS "WHERE code_hash=?1", "h", code_hash);
	if (err)
		return err;
	err = each(store, stmt, cb, arg);
	return err < 0 ? err : err == 0 ? -ENOENT : 0;
}

int hz_store_link_list(struct hz_store *store, const char *consult, const char *after, unsigned limit,
                       hz_link_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      COLUMNS "WHERE consult=?1 AND (?2 IS NULL OR (created_ms, id) < "
	                              "(SELECT created_ms, id FROM main.links WHERE id=?2)) "
	                              "ORDER BY created_ms DESC, id DESC LIMIT ?3",
	                      "tti", consult, after, (int64_t)limit);
	if (err)
		return err;
	err = each(store, stmt, cb, arg);
	return err < 0 ? err : 0;
}

// The only column of the only row, as a number.
static int count(struct hz_store *store, sqlite3_stmt *stmt, int64_t *ret)
{
	int err = hz_db_step(store, stmt);
	if (err == 1)
		*ret = sqlite3_column_int64(stmt, 0);
	hz_db_done(stmt);
	return err < 0 ? err : err == 1 ? 0 : -ENOENT;
}

int hz_store_link_count(struct hz_store *store, const char *consult, unsigned *ret)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;
	int err = hz_db_query(store, &stmt, "SELECT count(*) FROM main.links WHERE consult=?1", "t", consult);
	if (!err)
		err = count(store, stmt, &n);
	if (!err)
		*ret = (unsigned)n;
	return err;
}

int hz_store_link_revoke(struct hz_store *store, const char *consult, const char *id, int64_t now_ms)
{
	int err =
	    hz_db_write(store,
	                "UPDATE main.links SET revoked_ms=CASE revoked_ms WHEN 0 THEN ?3 ELSE revoked_ms END"
	                " WHERE consult=?1 AND id=?2",
	                "tti", consult, id, now_ms);
	if (!err && hz_db_changes(store) == 0)
		err = -ENOENT;
	return err;
}

int hz_store_link_revoked(struct hz_store *store, const char *id, bool *ret)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;
	int err = hz_db_query(store, &stmt, "SELECT count(*) FROM main.links WHERE id=?1 AND revoked_ms<>0",
	                      "t", id);
	if (!err)
		err = count(store, stmt, &n);
	if (!err)
		*ret = n > 0;
	return err;
}

int hz_store_link_redeem(struct hz_store *store, const char *id,
                         const uint8_t cookie_hash[HZ_STORE_HASH_BYTES], const char *participant,
                         int64_t now_ms)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;
	// Mark first: it takes the write lock, so that two redeemers cannot both see the link unused.
	int err = hz_db_write(
	    store, "UPDATE main.links SET redeemed_ms=?2 WHERE id=?1 AND (single_use=0 OR redeemed_ms=0)",
	    "ti", id, now_ms);
	if (err)
		return err;
	if (hz_db_changes(store) == 0)
		return -EEXIST;
	err = hz_db_query(store, &stmt, "SELECT count(*) FROM main.redemptions WHERE link=?1", "t", id);
	if (!err)
		err = count(store, stmt, &n);
	if (!err && n >= HZ_LINK_REDEMPTIONS_MAX)
		err = -ENOSPC;
	if (!err)
		err = hz_db_write(store, "INSERT INTO main.redemptions VALUES(?1,?2,?3,?4,0)", "thti", id,
		                  cookie_hash, participant, now_ms);
	return err;
}

int hz_store_link_unseen(struct hz_store *store, const char *id, const char *consult,
                         char ret[HZ_LINK_REDEMPTIONS_MAX][HZ_STORE_ID_BYTES], unsigned *ret_count)
{
	sqlite3_stmt *stmt = NULL;
	unsigned count = 0;
	int err = hz_db_query(store, &stmt,
	                      "SELECT participant FROM main.redemptions AS r WHERE link=?1 AND revoked=0"
	                      " AND NOT EXISTS (SELECT 1 FROM run.participants AS p WHERE p.consult=?2"
	                      " AND p.id=r.participant AND (p.admitted_ms<>0 OR p.status=?3))"
	                      " ORDER BY at_ms",
	                      "tti", id, consult, (int64_t)HZ_STATUS_LOBBY);
	if (err)
		return err;
	while (count < HZ_LINK_REDEMPTIONS_MAX && (err = hz_db_step(store, stmt)) == 1)
		snprintf(ret[count++], HZ_STORE_ID_BYTES, "%s", hz_db_text(stmt, 0));
	hz_db_done(stmt);
	if (err < 0)
		return err;
	*ret_count = count;
	return 0;
}

int hz_store_link_forget(struct hz_store *store, const char *id, const char *participant)
{
	return hz_db_write(store, "DELETE FROM main.redemptions WHERE link=?1 AND participant=?2", "tt", id,
	                   participant);
}

int hz_store_link_redeemed(struct hz_store *store, const char *id,
                           const uint8_t cookie_hash[HZ_STORE_HASH_BYTES],
                           char ret_participant[HZ_STORE_ID_BYTES])
{
	sqlite3_stmt *stmt = NULL;
	int err =
	    hz_db_query(store, &stmt,
	                "SELECT participant, revoked FROM main.redemptions WHERE link=?1 AND cookie_hash=?2",
	                "th", id, cookie_hash);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	if (err == 0)
		err = -ENOENT;
	else if (err == 1 && sqlite3_column_int(stmt, 1) != 0)
		err = -EPERM;
	else if (err == 1)
		snprintf(ret_participant, HZ_STORE_ID_BYTES, "%s", hz_db_text(stmt, 0));
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_store_link_of(struct hz_store *store, const char *consult, const char *participant,
                     char ret_link[HZ_STORE_ID_BYTES])
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT l.id FROM main.links l JOIN main.redemptions r ON r.link=l.id"
	                      " WHERE l.consult IN (?1,'') AND r.participant=?2"
	                      " ORDER BY l.revoked_ms<>0 DESC LIMIT 1",
	                      "tt", consult, participant);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	snprintf(ret_link, HZ_STORE_ID_BYTES, "%s", err == 1 ? hz_db_text(stmt, 0) : "");
	hz_db_done(stmt);
	return err < 0 ? err : 0;
}

int hz_store_token_use(struct hz_store *store, const uint8_t jti_hash[HZ_STORE_HASH_BYTES], int64_t exp_ms)
{
	return hz_db_write(store, "INSERT INTO main.used_tokens VALUES(?1,?2)", "hi", jti_hash, exp_ms);
}

int hz_store_token_used(struct hz_store *store, const uint8_t jti_hash[HZ_STORE_HASH_BYTES], bool *ret)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n = 0;
	int err = hz_db_query(store, &stmt, "SELECT count(*) FROM main.used_tokens WHERE jti_hash=?1", "h",
	                      jti_hash);
	if (!err)
		err = count(store, stmt, &n);
	if (!err)
		*ret = n > 0;
	return err;
}

int hz_store_idempotency_get(struct hz_store *store, const uint8_t key_hash[HZ_STORE_HASH_BYTES],
                             hz_idempotency_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	uint8_t request_hash[HZ_STORE_HASH_BYTES];
	int err = hz_db_query(store, &stmt,
	                      "SELECT request_hash, status, body FROM main.idempotency WHERE key_hash=?1",
	                      "h", key_hash);
	if (err)
		return err;
	err = hz_db_step(store, stmt);
	bool found = err == 1 && hz_db_hash(stmt, 0, request_hash);
	if (found)
		cb(arg, request_hash, (unsigned)sqlite3_column_int(stmt, 1), hz_db_text(stmt, 2));
	hz_db_done(stmt);
	return err < 0 ? err : found ? 0 : -ENOENT;
}

int hz_store_idempotency_put(struct hz_store *store, const struct hz_idempotency_row *row)
{
	int err = hz_db_write(
	    store,
	    "DELETE FROM main.idempotency WHERE key_hash IN (SELECT key_hash FROM main.idempotency"
	    " ORDER BY at_ms DESC LIMIT -1 OFFSET ?1)",
	    "i", (int64_t)HZ_IDEMPOTENCY_MAX - 1);
	if (!err)
		err = hz_db_write(store, "INSERT OR REPLACE INTO main.idempotency VALUES(?1,?2,?3,?4,?5)",
		                  "hhiti", row->key_hash, row->request_hash, (int64_t)row->status, row->body,
		                  row->at_ms);
	return err;
}

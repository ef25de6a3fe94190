// Which objects go to which PACS, as rows beside them: with an object goes what was to become of it.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "media/studies/internal.h"

static sqlite3_stmt *prepare(struct hz_local *local, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	return sqlite3_prepare_v2(local->db, sql, -1, &stmt, NULL) == SQLITE_OK ? stmt : NULL;
}

static bool text(sqlite3_stmt *stmt, int at, const char *value)
{
	return stmt && sqlite3_bind_text(stmt, at, value, -1, SQLITE_TRANSIENT) == SQLITE_OK;
}

static bool number(sqlite3_stmt *stmt, int at, int64_t value)
{
	return stmt && sqlite3_bind_int64(stmt, at, value) == SQLITE_OK;
}

// How many rows it changed; -EIO.
static int change(struct hz_local *local, sqlite3_stmt *stmt, bool bound)
{
	int count = bound && sqlite3_step(stmt) == SQLITE_DONE ? sqlite3_changes(local->db) : -EIO;
	sqlite3_finalize(stmt);
	return count;
}

void hz_local_forward_to(struct hz_local *local, const char *pacs)
{
	snprintf(local->forward, sizeof(local->forward), "%s", pacs);
}

int hz_local_forward_put(struct hz_local *local, const char *instance, const char *study)
{
	sqlite3_stmt *stmt = prepare(local, "INSERT OR IGNORE INTO forwards VALUES(?1,?2,?3,0,0,0,0,?4)");
	bool bound = text(stmt, 1, instance) && text(stmt, 2, local->forward) && text(stmt, 3, study) &&
	             number(stmt, 4, hz_local_now_ms());
	int count = change(local, stmt, bound);
	return count < 0 ? count : 0;
}

int hz_local_forward_study(struct hz_local *local, const char *study, const char *pacs, int64_t now_ms)
{
	sqlite3_stmt *stmt =
	    prepare(local, "INSERT INTO forwards SELECT instance,?2,study,0,0,0,0,?3 FROM objects"
	                   " WHERE study=?1 ON CONFLICT(instance, pacs) DO UPDATE SET state=0,"
	                   " reason=0, tries=0, due_ms=0, since_ms=?3 WHERE state<>1");
	bool bound = text(stmt, 1, study) && text(stmt, 2, pacs) && number(stmt, 3, now_ms);
	int count = change(local, stmt, bound), there = 0;
	if (count) // something was done, or went wrong
		return count;
	stmt = prepare(local, "SELECT 1 FROM studies WHERE study=?1");
	there = text(stmt, 1, study) && sqlite3_step(stmt) == SQLITE_ROW;
	sqlite3_finalize(stmt);
	return there ? 0 : -ENOENT;
}

int hz_local_forward_next(struct hz_local *local, const char *pacs, int64_t now_ms,
                          struct hz_local_forward *ret, int *ret_fd)
{
	sqlite3_stmt *stmt =
	    prepare(local, "SELECT f.instance, f.study, f.tries, o.hash FROM forwards f JOIN objects o"
	                   " USING(instance) WHERE f.state=0 AND f.pacs=?1 AND f.due_ms<=?2"
	                   " ORDER BY f.due_ms LIMIT 1");
	int err = -ENOENT;
	if (text(stmt, 1, pacs) && number(stmt, 2, now_ms) && sqlite3_step(stmt) == SQLITE_ROW) {
		snprintf(ret->instance, sizeof(ret->instance), "%s",
		         (const char *)sqlite3_column_text(stmt, 0));
		snprintf(ret->study, sizeof(ret->study), "%s", (const char *)sqlite3_column_text(stmt, 1));
		ret->tries = (unsigned)sqlite3_column_int(stmt, 2);
		*ret_fd = openat(local->dir, (const char *)sqlite3_column_text(stmt, 3),
		                 O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		err = *ret_fd < 0 ? -ESTALE : 0;
	}
	sqlite3_finalize(stmt);
	if (err == -ESTALE) { // a disk that lost it: nobody can send it
		const struct hz_local_forward_news lost = {.instance = ret->instance,
		                                           .pacs = pacs,
		                                           .state = HZ_FORWARD_REFUSED,
		                                           .reason = HZ_DWEB_DISK};
		if (hz_local_forward_set(local, &lost))
			err = -EIO;
	}
	return err;
}

int hz_local_forward_set(struct hz_local *local, const struct hz_local_forward_news *n)
{
	sqlite3_stmt *stmt = prepare(local, "UPDATE forwards SET state=?3, reason=?4, tries=?5, due_ms=?6"
	                                    " WHERE instance=?1 AND pacs=?2");
	bool bound = text(stmt, 1, n->instance) && text(stmt, 2, n->pacs) && number(stmt, 3, n->state) &&
	             number(stmt, 4, n->reason) && number(stmt, 5, n->tries) && number(stmt, 6, n->due_ms);
	int count = change(local, stmt, bound);
	return count < 0 ? count : 0;
}

int hz_local_forward_pacs(struct hz_local *local, char (*ret)[HZ_DWEB_NAME_BYTES], unsigned most)
{
	sqlite3_stmt *stmt = prepare(local, "SELECT DISTINCT pacs FROM forwards WHERE state=0 LIMIT ?1");
	int count = 0;
	if (!number(stmt, 1, most))
		count = -EIO;
	while (count >= 0 && (unsigned)count < most && sqlite3_step(stmt) == SQLITE_ROW)
		snprintf(ret[count++], HZ_DWEB_NAME_BYTES, "%s", (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	return count;
}

int hz_local_forward_give_up(struct hz_local *local, int64_t before_ms)
{
	sqlite3_stmt *stmt = prepare(local, "UPDATE forwards SET state=2 WHERE state=0 AND since_ms<?1");
	return change(local, stmt, number(stmt, 1, before_ms));
}

int hz_local_forward_counts(struct hz_local *local, const char *study,
                            int (*cb)(void *ctx, const struct hz_local_forward_count *count), void *ctx)
{
#define SUMS                                                                                                 \
	"SUM(state=0), SUM(state=1), SUM(state=2), COALESCE(MAX(CASE state WHEN 1 THEN 0 ELSE reason "       \
	"END),0)"
	sqlite3_stmt *stmt =
	    prepare(local, study[0] ? "SELECT pacs, " SUMS " FROM forwards WHERE study=?1 GROUP BY pacs"
	                            : "SELECT '', " SUMS " FROM forwards HAVING COUNT(*)>0");
#undef SUMS
	int err = stmt && (!study[0] || text(stmt, 1, study)) ? 0 : -EIO, rc = SQLITE_DONE;
	while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct hz_local_forward_count count = {
		    .pacs = (const char *)sqlite3_column_text(stmt, 0),
		    .waiting = (unsigned)sqlite3_column_int(stmt, 1),
		    .forwarded = (unsigned)sqlite3_column_int(stmt, 2),
		    .refused = (unsigned)sqlite3_column_int(stmt, 3),
		    .reason = (enum hz_dweb_result)sqlite3_column_int(stmt, 4)};
		err = cb(ctx, &count);
	}
	sqlite3_finalize(stmt);
	return err ? err : rc == SQLITE_DONE ? 0 : -EIO;
}

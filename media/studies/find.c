// What is there: searches, headers, files.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "media/studies/internal.h"

#define USED_EVERY_MS 60000 // a use sooner than that is not written down

static bool text(sqlite3_stmt *stmt, int at, const char *value)
{
	return sqlite3_bind_text(stmt, at, value, -1, SQLITE_TRANSIENT) == SQLITE_OK;
}

static const char *column(sqlite3_stmt *stmt, int at)
{
	const char *value = (const char *)sqlite3_column_text(stmt, at);
	return value ? value : "";
}

void hz_local_used(struct hz_local *local, const char *study)
{
	sqlite3_stmt *stmt = NULL;
	int64_t now_ms = hz_local_now_ms();
	if (sqlite3_prepare_v2(local->db, "UPDATE studies SET used_ms=?2 WHERE study=?1 AND used_ms<?3", -1,
	                       &stmt, NULL) == SQLITE_OK &&
	    text(stmt, 1, study)) {
		sqlite3_bind_int64(stmt, 2, now_ms);
		sqlite3_bind_int64(stmt, 3, now_ms - USED_EVERY_MS);
		sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
}

int hz_local_name(struct hz_local *local, const struct hz_dweb_request *of, char ret[HZ_DWEB_HASH_BYTES])
{
	sqlite3_stmt *stmt = NULL;
	bool found = false;
	if (sqlite3_prepare_v2(local->db,
	                       "SELECT hash FROM objects WHERE instance=?1 AND study=?2 AND series=?3", -1,
	                       &stmt, NULL) == SQLITE_OK &&
	    text(stmt, 1, of->instance) && text(stmt, 2, of->study) && text(stmt, 3, of->series) &&
	    sqlite3_step(stmt) == SQLITE_ROW) {
		found = true;
		snprintf(ret, HZ_DWEB_HASH_BYTES, "%s", column(stmt, 0));
	}
	sqlite3_finalize(stmt);
	if (found)
		hz_local_used(local, of->study);
	return found ? 0 : -ENOENT;
}

int hz_local_file(struct hz_local *local, const struct hz_dweb_request *of, int *ret)
{
	char name[HZ_DWEB_HASH_BYTES];
	int fd =
	    hz_local_name(local, of, name) ? -1 : openat(local->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -ENOENT;
	*ret = fd;
	return 0;
}

int hz_local_metadata(struct hz_local *local, const struct hz_dweb_request *of,
                      int (*cb)(void *ctx, const void *json, size_t bytes), void *ctx)
{
	sqlite3_stmt *stmt = NULL;
	int count = 0, err = -EIO, rc = SQLITE_ERROR;
	if (sqlite3_prepare_v2(local->db,
	                       "SELECT metadata FROM objects WHERE study=?1 AND (?2='' OR series=?2)"
	                       " AND (?3='' OR instance=?3) ORDER BY series, number, instance",
	                       -1, &stmt, NULL) == SQLITE_OK &&
	    text(stmt, 1, of->study) && text(stmt, 2, of->series) && text(stmt, 3, of->instance)) {
		for (err = 0; !err && (rc = sqlite3_step(stmt)) == SQLITE_ROW; count++)
			err = cb(ctx, sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0));
		if (!err && rc != SQLITE_DONE)
			err = -EIO;
	}
	sqlite3_finalize(stmt);
	hz_local_used(local, of->study);
	return err ? err : count;
}

// '*' and '?' of DICOM's matching (PS3.4 C.2.2.2.4) are GLOB's; what else GLOB knows is taken as it is.
static void pattern(const char *from, char *ret, size_t room)
{
	size_t used_bytes = 0;
	for (; *from && used_bytes + 4 < room; from++) {
		if (*from == '[')
			used_bytes += (size_t)snprintf(ret + used_bytes, room - used_bytes, "[[]");
		else
			ret[used_bytes++] = *from;
	}
	ret[used_bytes] = '\0';
}

int hz_local_search(struct hz_local *local, const struct hz_local_match *m,
                    int (*cb)(void *ctx, const struct hz_local_study *study), void *ctx)
{
	static const char sql[] =
	    "SELECT s.study, s.date, s.time, s.accession, s.patient_name, s.patient_id, s.birth, s.sex, "
	    "s.text,"
	    " s.study_id, (SELECT GROUP_CONCAT(m, char(92)) FROM (SELECT DISTINCT modality m FROM objects o"
	    " WHERE o.study=s.study ORDER BY m)), (SELECT COUNT(DISTINCT series) FROM objects o WHERE "
	    "o.study=s.study),"
	    " (SELECT COUNT(*) FROM objects o WHERE o.study=s.study) FROM studies s"
	    " WHERE (?1='' OR s.study=?1) AND (?2='' OR s.patient_id GLOB ?2) AND (?3='' OR"
	    " UPPER(s.patient_name) GLOB UPPER(?3)) AND (?4='' OR s.accession GLOB ?4)"
	    " AND (?5='' OR s.date>=?5) AND (?6='' OR (s.date<=?6 AND s.date<>'')) AND (?7='' OR EXISTS"
	    " (SELECT 1 FROM objects o WHERE o.study=s.study AND o.modality=?7))"
	    " ORDER BY s.date DESC, s.time DESC, s.study LIMIT ?8 OFFSET ?9";
	sqlite3_stmt *stmt = NULL;
	char patient[512], name[1024], accession[256];
	int err = -EIO, rc = SQLITE_ERROR;
	pattern(m->patient_id, patient, sizeof(patient));
	pattern(m->name, name, sizeof(name));
	pattern(m->accession, accession, sizeof(accession));
	if (sqlite3_prepare_v2(local->db, sql, -1, &stmt, NULL) == SQLITE_OK && text(stmt, 1, m->study) &&
	    text(stmt, 2, patient) && text(stmt, 3, name) && text(stmt, 4, accession) &&
	    text(stmt, 5, m->from) && text(stmt, 6, m->to) && text(stmt, 7, m->modality) &&
	    sqlite3_bind_int64(stmt, 8, m->limit) == SQLITE_OK &&
	    sqlite3_bind_int64(stmt, 9, m->offset) == SQLITE_OK) {
		err = 0;
		while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
			const struct hz_local_study study = {
			    .study = column(stmt, 0),
			    .date = column(stmt, 1),
			    .time = column(stmt, 2),
			    .accession = column(stmt, 3),
			    .name = column(stmt, 4),
			    .patient_id = column(stmt, 5),
			    .birth = column(stmt, 6),
			    .sex = column(stmt, 7),
			    .text = column(stmt, 8),
			    .study_id = column(stmt, 9),
			    .modalities = column(stmt, 10),
			    .series = (unsigned)sqlite3_column_int(stmt, 11),
			    .objects = (unsigned)sqlite3_column_int(stmt, 12),
			};
			err = cb(ctx, &study);
		}
		if (!err && rc != SQLITE_DONE)
			err = -EIO;
	}
	sqlite3_finalize(stmt);
	return err;
}

int hz_local_series(struct hz_local *local, const char *study,
                    int (*cb)(void *ctx, const struct hz_local_series *series), void *ctx)
{
	sqlite3_stmt *stmt = NULL;
	int err = -EIO, rc = SQLITE_ERROR;
	if (sqlite3_prepare_v2(
	        local->db,
	        "SELECT series, MIN(modality), MIN(series_number), MIN(series_text), COUNT(*)"
	        " FROM objects WHERE study=?1 GROUP BY series ORDER BY CAST(MIN(series_number) AS"
	        " INTEGER), series",
	        -1, &stmt, NULL) == SQLITE_OK &&
	    text(stmt, 1, study)) {
		err = 0;
		while (!err && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
			const struct hz_local_series one = {.series = column(stmt, 0),
			                                    .modality = column(stmt, 1),
			                                    .number = column(stmt, 2),
			                                    .text = column(stmt, 3),
			                                    .objects = (unsigned)sqlite3_column_int(stmt, 4)};
			err = cb(ctx, &one);
		}
		if (!err && rc != SQLITE_DONE)
			err = -EIO;
	}
	sqlite3_finalize(stmt);
	return err;
}

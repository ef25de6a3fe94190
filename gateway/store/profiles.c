#include "gateway/store/profiles.h"

#include <errno.h>
#include <stddef.h>

#include "gateway/store/db.h"

static bool on_count(void *arg, const char *id, const char *json)
{
	unsigned *count = arg;
	(void)id;
	(void)json;
	++*count;
	return true;
}

int hz_store_profile_put(struct hz_store *store, const char *id, const char *json)
{
	unsigned all = 0, same = 0;
	if (!json)
		return hz_db_write(store, "DELETE FROM main.profiles WHERE id=?1", "t", id);
	int err = hz_store_profile_all(store, NULL, on_count, &all);
	if (!err)
		err = hz_store_profile_all(store, id, on_count, &same);
	if (err)
		return err;
	if (!same && all >= HZ_STORE_PROFILES)
		return -ENOSPC;
	return hz_db_write(store,
	                   "INSERT INTO main.profiles VALUES(?1,?2)"
	                   " ON CONFLICT(id) DO UPDATE SET profile=excluded.profile",
	                   "tt", id, json);
}

int hz_store_profile_all(struct hz_store *store, const char *id, hz_profile_row_cb *cb, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	int err = hz_db_query(store, &stmt,
	                      "SELECT id, profile FROM main.profiles WHERE id=?1 OR ?1='' ORDER BY id", "t",
	                      id ? id : "");
	return err ? err : hz_db_pairs(store, stmt, cb, arg);
}

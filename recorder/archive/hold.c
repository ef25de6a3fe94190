// Legal holds: a file for each.
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "recorder/archive/erase.h"
#include "recorder/archive/internal.h"
#include "recorder/record/erasure.h"
#include "recorder/record/files.h"

#define PATH_BYTES (HZ_RECORD_PATH_BYTES + 64)
#define HOLD_BYTES 65536

bool hz_hold_is(const char *store, const char *record)
{
	return hz_retention_is_held(store, record);
}

static int write_json(const char *path, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	int err = text ? hz_document_write(path, text, strlen(text), 0640) : -EINVAL; // not UTF-8
	free(text);
	json_decref(json);
	return err;
}

int hz_hold_set(const char *store, const char *record, const char *by, const char *why)
{
	char path[PATH_BYTES];
	if (!hz_record_id_good(record) || strlen(by) > HZ_ERASURE_TEXT || strlen(why) > HZ_ERASURE_TEXT)
		return -EINVAL;
	if (hz_hold_is(store, record))
		return -EEXIST;
	snprintf(path, sizeof(path), "%s/hold", store);
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return -errno;
	snprintf(path, sizeof(path), "%s/hold/%s", store, record);
	return write_json(path, json_pack("{s:s, s:s, s:s, s:I}", "record", record, "by", by, "why", why,
	                                  "set_ms", (json_int_t)(hz_wall_us() / 1000)));
}

int hz_hold_end(const char *store, const char *folder, const char *record, const char *by, const char *why)
{
	char path[PATH_BYTES], *text = NULL;
	if (!hz_record_id_good(record) || strlen(by) > HZ_ERASURE_TEXT || strlen(why) > HZ_ERASURE_TEXT)
		return -EINVAL;
	snprintf(path, sizeof(path), "%s/hold/%s", store, record);
	int err = hz_document_read(path, HOLD_BYTES, &text, NULL);
	if (err)
		return err;
	json_t *hold = json_loads(text, 0, NULL); // a file that somebody made by hand holds, too
	free(text);
	if (!json_is_object(hold)) {
		json_decref(hold);
		hold = json_pack("{s:s}", "record", record);
	}
	json_int_t now_ms = (json_int_t)(hz_wall_us() / 1000);
	json_int_t set_ms = json_integer_value(json_object_get(hold, "set_ms"));
	json_object_set_new(hold, "ended_by", json_string(by));
	json_object_set_new(hold, "ended_why", json_string(why));
	json_object_set_new(hold, "ended_ms", json_integer(now_ms));
	snprintf(path, sizeof(path), "%s/holds", folder);
	if (mkdir(path, 0750) < 0 && errno != EEXIST) {
		json_decref(hold);
		return -errno;
	}
	snprintf(path, sizeof(path), "%s/holds/%lld.json", folder, (long long)(set_ms ? set_ms : now_ms));
	err = write_json(path, hold);
	snprintf(path, sizeof(path), "%s/hold/%s", store, record);
	if (!err && unlink(path) < 0)
		err = -errno;
	return err ? err : hz_document_sync(path);
}

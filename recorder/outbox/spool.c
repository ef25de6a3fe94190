#include "recorder/outbox/spool.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/record/files.h"
#include "recorder/record/uid.h"

#define ITEM_BYTES 16384

static void path_of(const char *folder, const char *name, char ret[4096])
{
	snprintf(ret, 4096, "%s/%s", folder, name);
}

int hz_spool_write(const char *folder, const struct hz_spool_item *item)
{
	char path[4096];
	json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:b, s:b, s:s}",
	                         "version", 1, "record", item->record, "folder", item->folder, "path",
	                         item->path, "instance", item->instance, "sha256", item->sha256, "bytes",
	                         (json_int_t)item->bytes, "queued_ms", (json_int_t)item->queued_ms, "next_ms",
	                         (json_int_t)item->next_ms, "attempts", (int)item->attempts, "parked",
	                         item->parked, "stored", item->stored, "error", item->error);
	char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	path_of(folder, item->name, path);
	int err = text ? hz_document_write(path, text, strlen(text), 0640) : -ENOMEM;
	free(text);
	json_decref(json);
	return err;
}

int hz_spool_put(const char *folder, int64_t ended_ms, unsigned number, struct hz_spool_item *item)
{
	char path[4096];
	snprintf(item->name, sizeof(item->name), "%015lld-%s-%04u.json",
	         (long long)(ended_ms > 0 ? ended_ms : 0), item->record, number);
	path_of(folder, item->name, path);
	return access(path, F_OK) == 0 ? 0 : hz_spool_write(folder, item);
}

static bool copy(const json_t *from, const char *key, char *ret, size_t room)
{
	const char *text = json_string_value(json_object_get(from, key));
	return text && strlen(text) < room && snprintf(ret, room, "%s", text) >= 0;
}

static int64_t number(const json_t *from, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(from, key));
	return v > 0 ? v : 0;
}

int hz_spool_parse(const char *text, size_t bytes, struct hz_spool_item *ret)
{
	struct hz_spool_item item = {0};
	json_t *json = bytes <= ITEM_BYTES ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
	bool good = json_is_object(json) && copy(json, "record", item.record, sizeof(item.record)) &&
	            copy(json, "folder", item.folder, sizeof(item.folder)) &&
	            copy(json, "path", item.path, sizeof(item.path)) &&
	            copy(json, "instance", item.instance, sizeof(item.instance)) &&
	            copy(json, "sha256", item.sha256, sizeof(item.sha256)) &&
	            copy(json, "error", item.error, sizeof(item.error)) && hz_record_id_good(item.record) &&
	            hz_document_is_inside(item.folder) && hz_document_is_inside(item.path) &&
	            (!*item.instance || hz_uid_is_valid(item.instance));
	if (good) {
		item.bytes = (uint64_t)number(json, "bytes");
		item.queued_ms = number(json, "queued_ms");
		item.next_ms = number(json, "next_ms");
		item.attempts = (unsigned)(number(json, "attempts") & 0xffffff);
		item.parked = json_is_true(json_object_get(json, "parked"));
		item.stored = json_is_true(json_object_get(json, "stored"));
		*ret = item;
	}
	json_decref(json);
	return good ? 0 : -EBADMSG;
}

int hz_spool_read(const char *folder, const char *name, struct hz_spool_item *ret)
{
	char path[4096], *text;
	size_t bytes;
	path_of(folder, name, path);
	int err = hz_document_read(path, ITEM_BYTES, &text, &bytes);
	if (err)
		return err == -EFBIG ? -EBADMSG : err;
	err = hz_spool_parse(text, bytes, ret);
	if (!err)
		snprintf(ret->name, sizeof(ret->name), "%s", name);
	free(text);
	return err;
}

int hz_spool_done(const char *folder, const char *name)
{
	char path[4096];
	path_of(folder, name, path);
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return hz_document_sync(path);
}

bool hz_spool_is_there(const char *folder, const char *name)
{
	char path[4096];
	path_of(folder, name, path);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

typedef char item_name[HZ_SPOOL_NAME_BYTES];

static bool is_item(const char *name)
{
	size_t n = strlen(name);
	return n == 62 && strcmp(name + n - 5, ".json") == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

// The first `most` names behind `after`; names has room for twice as many.
static int read_page(const char *folder, const char *after, unsigned most, item_name *names, unsigned *ret)
{
	DIR *dir = opendir(folder);
	const struct dirent *e;
	unsigned count = 0;
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	for (errno = 0; (e = readdir(dir)); errno = 0) {
		if (!is_item(e->d_name) || strcmp(e->d_name, after) <= 0)
			continue;
		if (count == 2 * most) {
			qsort(names, count, sizeof(*names), by_name);
			count = most;
		}
		snprintf(names[count++], sizeof(*names), "%s", e->d_name);
	}
	int err = -errno;
	closedir(dir);
	if (err)
		return err;
	qsort(names, count, sizeof(*names), by_name);
	*ret = count < most ? count : most;
	return 0;
}

int hz_spool_each(const char *folder, unsigned page, hz_spool_each_cb *cb, void *arg)
{
	unsigned most = page ? page : HZ_SPOOL_PAGE, count = most;
	item_name *names = malloc(2 * (size_t)most * sizeof(*names)), after = "";
	bool on = names != NULL;
	int err = names ? 0 : -ENOMEM;
	while (!err && on && count == most) {
		count = 0;
		err = read_page(folder, after, most, names, &count);
		for (unsigned i = 0; !err && on && i < count; i++)
			on = cb(arg, names[i]);
		if (count)
			memcpy(after, names[count - 1], sizeof(after));
	}
	free(names);
	return err;
}

struct release {
	const char *folder, *record;
	int released, err;
};

static bool release_one(void *arg, const char *name)
{
	struct release *r = arg;
	struct hz_spool_item item;
	if (hz_spool_read(r->folder, name, &item) != 0 ||
	    (r->record && strcmp(r->record, item.record) != 0) || (!item.parked && item.next_ms == 0))
		return true;
	item.parked = false;
	item.next_ms = 0;
	item.error[0] = '\0';
	r->err = hz_spool_write(r->folder, &item);
	r->released += !r->err;
	return !r->err;
}

int hz_spool_release(const char *folder, const char *record)
{
	struct release r = {.folder = folder, .record = record};
	int err = hz_spool_each(folder, 0, release_one, &r);
	return err ? err : r.err ? r.err : r.released;
}

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
	json_t *json =
	    json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:b, s:s}", "version", 1, "record",
	              item->record, "folder", item->folder, "path", item->path, "instance", item->instance,
	              "sha256", item->sha256, "bytes", (json_int_t)item->bytes, "queued_ms",
	              (json_int_t)item->queued_ms, "next_ms", (json_int_t)item->next_ms, "attempts",
	              (int)item->attempts, "parked", item->parked, "error", item->error);
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

static int is_item(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return n == 62 && strcmp(e->d_name + n - 5, ".json") == 0;
}

int hz_spool_list(const char *folder, char ***ret, unsigned *ret_count)
{
	struct dirent **all = NULL;
	int n = scandir(folder, &all, is_item, alphasort);
	if (n < 0 && errno != ENOENT)
		return -errno;
	n = n < 0 ? 0 : n;
	char **names = calloc((size_t)n + 1, sizeof(*names));
	unsigned count = 0;
	for (int i = 0; i < n; i++) {
		if (names && count < HZ_SPOOL_ITEMS && (names[count] = strdup(all[i]->d_name)))
			count++;
		free(all[i]);
	}
	free(all);
	if (!names)
		return -ENOMEM;
	*ret = names;
	*ret_count = count;
	return 0;
}

void hz_spool_list_free(char **names, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

int hz_spool_release(const char *folder, const char *record)
{
	char **names;
	unsigned count;
	int released = 0, err = hz_spool_list(folder, &names, &count);
	for (unsigned i = 0; !err && i < count; i++) {
		struct hz_spool_item item;
		if (hz_spool_read(folder, names[i], &item) != 0 ||
		    (record && strcmp(record, item.record) != 0))
			continue;
		if (!item.parked && item.next_ms == 0)
			continue;
		item.parked = false;
		item.next_ms = 0;
		item.error[0] = '\0';
		err = hz_spool_write(folder, &item);
		released += !err;
	}
	if (err != -ENOENT && !err)
		hz_spool_list_free(names, count);
	return err ? err : released;
}

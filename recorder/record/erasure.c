#include "recorder/record/erasure.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "recorder/record/certificate.h"
#include "recorder/record/files.h"

#define PATH_BYTES 2048

static void path_of(const char *folder, unsigned number, const char *end, char ret[PATH_BYTES])
{
	snprintf(ret, PATH_BYTES, "%s/erasures/%04u%s", folder, number, end);
}

// The certificate in force is kept as it is: the next one names other files. *ret: its hash, "" there is none.
static int keep_certificate(const char *folder, unsigned number, char ret[65])
{
	char path[PATH_BYTES], *text = NULL;
	size_t bytes = 0;
	snprintf(path, sizeof(path), "%s/certificate.json", folder);
	int err = hz_document_read(path, HZ_CERTIFICATE_BYTES, &text, &bytes);
	ret[0] = '\0';
	if (err)
		return err == -ENOENT ? 0 : err;
	hz_hash_hex(text, bytes, ret);
	path_of(folder, number, ".certificate.json", path);
	err = hz_document_write(path, text, bytes, 0640);
	free(text);
	return err;
}

static int sign_note(const char *store, bool sm2, const json_t *erasure, char **ret)
{
	struct hz_sign_key *key = NULL;
	char *compact = NULL, *text = hz_sign_canonical(erasure);
	int err = text ? hz_sign_key_open(store, sm2, &key) : -EINVAL; // not UTF-8, or not text and integers
	if (!err)
		err = hz_sign_compact(key, text, strlen(text), &compact);
	json_t *all =
	    err ? NULL : json_pack("{s:s, s:O}", "note", compact, "erasure", (json_t *)(uintptr_t)erasure);
	char *out = all ? json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	json_decref(all);
	free(compact);
	free(text);
	hz_sign_key_free(key);
	if (!err && !out)
		err = -ENOMEM;
	if (!err)
		*ret = out;
	return err;
}

int hz_erasure_write(const char *store, const char *folder, bool sm2, void *erasure, unsigned *ret_number)
{
	char path[PATH_BYTES], hash[65], *text = NULL;
	unsigned number = 1;
	snprintf(path, sizeof(path), "%s/erasures", folder);
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		return -errno;
	for (path_of(folder, number, ".json", path); access(path, F_OK) == 0 && number <= HZ_ERASURES;)
		path_of(folder, ++number, ".json", path);
	if (number > HZ_ERASURES)
		return -ENOSPC;
	int err = keep_certificate(folder, number, hash);
	json_object_set_new(erasure, "version", json_integer(1));
	json_object_set_new(erasure, "number", json_integer(number));
	json_object_set_new(erasure, "certificate", json_string(hash));
	json_object_set_new(erasure, "erased_ms", json_integer((json_int_t)(hz_wall_us() / 1000)));
	if (!err)
		err = sign_note(store, sm2, erasure, &text);
	path_of(folder, number, ".json", path);
	if (!err)
		err = hz_document_write(path, text, strlen(text), 0640);
	free(text);
	if (!err)
		*ret_number = number;
	return err;
}

static json_t *read_note(const char *path, const char *wanted, const struct hz_sign_key *key)
{
	char *text = NULL, *payload = NULL;
	if (hz_document_read(path, HZ_ERASURE_BYTES, &text, NULL) != 0)
		return NULL;
	json_t *all = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *erasure = NULL;
	const char *compact = json_string_value(json_object_get(all, "note"));
	if (compact && hz_sign_compact_check(key, compact, &payload) == 0)
		erasure = json_loads(payload, 0, NULL);
	const char *record = json_string_value(json_object_get(erasure, "record"));
	bool good = record && (!wanted || strcmp(record, wanted) == 0) &&
	            json_equal(erasure, json_object_get(all, "erasure"));
	if (!good) {
		json_decref(erasure);
		erasure = NULL;
	}
	json_decref(all);
	free(payload);
	free(text);
	return erasure;
}

void *hz_erasures_load(const char *folder, const char *record, const struct hz_sign_key *key,
                       unsigned *ret_bad)
{
	json_t *list = json_array();
	char path[PATH_BYTES];
	*ret_bad = 0;
	for (unsigned number = 1; list && number <= HZ_ERASURES; number++) {
		path_of(folder, number, ".json", path);
		if (access(path, F_OK) < 0)
			break;
		json_t *erasure = read_note(path, record, key);
		if (erasure)
			json_array_append_new(list, erasure);
		else
			++*ret_bad;
	}
	return list;
}

static bool has_text(const json_t *list, const char *text)
{
	size_t i;
	const json_t *one;
	json_array_foreach(list, i, one) if (json_is_string(one) &&
	                                     strcmp(json_string_value(one), text) == 0) return true;
	return false;
}

bool hz_erasures_took(const void *erasures, const char *certificate, const char *path)
{
	size_t i;
	const json_t *one;
	json_array_foreach(erasures, i, one)
	{
		const char *named = json_string_value(json_object_get(one, "certificate"));
		if (named && strcmp(named, certificate) == 0 && has_text(json_object_get(one, "files"), path))
			return true;
	}
	return false;
}

int hz_erasure_mark(const char *store, bool sm2, const void *mark, char **ret)
{
	return sign_note(store, sm2, mark, ret);
}

bool hz_erasure_mark_good(const char *folder, const char *record, uint32_t track,
                          const struct hz_sign_key *key)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/keys/%04u.erased", folder, track);
	json_t *mark = read_note(path, record, key);
	const json_t *number = json_object_get(mark, "track");
	bool good = json_is_integer(number) && json_integer_value(number) == (json_int_t)track;
	json_decref(mark);
	return good;
}

bool hz_erasures_took_key(const void *erasures, uint32_t track)
{
	size_t i, k;
	const json_t *one, *number;
	json_array_foreach(erasures, i, one)
	{
		const char *who = json_string_value(json_object_get(one, "participant"));
		if (who && !*who)
			return true;
		json_array_foreach(json_object_get(one, "tracks"), k,
		                   number) if (json_integer_value(number) == (json_int_t)track) return true;
	}
	return false;
}

bool hz_erasures_sent(const void *erasures, const char *what)
{
	size_t i;
	const json_t *one;
	json_array_foreach(erasures, i, one)
	{
		const json_t *sent = json_object_get(one, "sent");
		if (json_is_true(json_object_get(one, "delivered")) &&
		    (!json_is_array(sent) || has_text(sent, what)))
			return true;
	}
	return false;
}

bool hz_erasures_delivered(const char *folder)
{
	unsigned bad;
	size_t i;
	const json_t *one;
	bool delivered = false;
	json_t *list = hz_erasures_load(folder, NULL, NULL, &bad);
	json_array_foreach(list, i, one) delivered =
	    delivered || json_is_true(json_object_get(one, "delivered"));
	json_decref(list);
	return delivered;
}

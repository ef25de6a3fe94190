#include "recorder/record/viewing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/record/files.h"

#define LAST_MS 253402300799999LL // 9999-12-31: what an instant can say

// What is too long ends between two characters. False: there is none.
static bool cut(const json_t *from, const char *key, char *ret, size_t room)
{
	const char *text = json_string_value(json_object_get(from, key));
	size_t n = text ? strlen(text) : 0;
	if (!text)
		return false;
	if (n >= room)
		for (n = room - 1; n && ((unsigned char)text[n] & 0xc0) == 0x80;)
			n--;
	memcpy(ret, text, n);
	ret[n] = '\0';
	return true;
}

static bool whole(const json_t *from, const char *key, char *ret, size_t room)
{
	const char *text = json_string_value(json_object_get(from, key));
	return text && *text && strlen(text) < room && cut(from, key, ret, room);
}

static bool number(const json_t *from, const char *key, int64_t most, int64_t *ret)
{
	const json_t *value = json_object_get(from, key);
	if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > most)
		return false;
	*ret = json_integer_value(value);
	return true;
}

static void address(const json_t *from, char ret[46])
{
	uint8_t raw[16];
	const char *text = json_string_value(json_object_get(from, "address"));
	bool good = text && strlen(text) < 46 &&
	            (inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1);
	snprintf(ret, 46, "%s", good ? text : "");
}

int hz_viewing_parse(const char *text, size_t bytes, struct hz_viewing *ret)
{
	struct hz_viewing v = {.number = 0};
	int64_t version = 0;
	json_t *json =
	    bytes <= HZ_VIEWING_BYTES ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL) : NULL;
	const json_t *who = json_object_get(json, "participant");
	bool good = json_is_object(json) && number(json, "version", 1, &version) &&
	            number(json, "number", HZ_VIEWING_NUMBERS, &v.number) &&
	            number(json, "time_ms", LAST_MS, &v.time_ms) &&
	            whole(json, "record", v.record, sizeof(v.record)) && hz_record_id_good(v.record) &&
	            whole(json, "view", v.view, sizeof(v.view)) &&
	            whole(who, "id", v.participant, sizeof(v.participant)) &&
	            cut(json, "what", v.what, sizeof(v.what)) && cut(who, "name", v.name, sizeof(v.name)) &&
	            cut(who, "role", v.role, sizeof(v.role));
	address(json, v.address);
	json_decref(json);
	if (good)
		*ret = v;
	return good ? 0 : -EBADMSG;
}

int hz_viewing_read(const char *folder, const char *record, int64_t number_of, struct hz_viewing *ret)
{
	struct hz_viewing v;
	char path[HZ_RECORD_PATH_BYTES + 64], *text = NULL;
	size_t bytes = 0;
	snprintf(path, sizeof(path), "%s/audit/%010lld.json", folder, (long long)number_of);
	int err = hz_document_read(path, HZ_VIEWING_BYTES, &text, &bytes);
	if (err)
		return err == -EFBIG || err == -EINVAL ? -EBADMSG : err;
	err = hz_viewing_parse(text, bytes, &v);
	free(text);
	if (!err && (v.number != number_of || strcmp(v.record, record) != 0))
		err = -EBADMSG;
	if (!err)
		*ret = v;
	return err;
}

void hz_viewing_note_name(int64_t number_of, const char *record, char ret[HZ_VIEWING_NOTE_BYTES])
{
	snprintf(ret, HZ_VIEWING_NOTE_BYTES, "%010lld-%.36s", (long long)number_of, record);
}

int hz_viewing_note_parse(const char *name, int64_t *ret_number, char ret_record[HZ_RECORD_ID_BYTES])
{
	size_t digits = strspn(name, "0123456789");
	long long n = strtoll(name, NULL, 10);
	if (digits != 10 || name[digits] != '-' || n < 1 || !hz_record_id_good(name + digits + 1))
		return -EINVAL;
	*ret_number = n;
	memcpy(ret_record, name + digits + 1, HZ_RECORD_ID_BYTES);
	return 0;
}

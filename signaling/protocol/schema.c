#include "signaling/protocol/schema.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/protocol/embedded.h"
#include "signaling/protocol/format.h"

#define MAX_DEPTH 32 // of schema and value; the schemas do not recurse

static json_t *files; // name -> $defs

struct walk {
	const char *file; // where a $ref without file name points
	char *path;       // HZ_FIELD_BYTES, the pointer to the value in hand
	size_t path_bytes;
	int depth;
};

static int check(struct walk *w, const json_t *schema, const json_t *value);

// Adds "/key" with ~ and / escaped (RFC 6901). What does not fit is left off whole.
static void push(struct walk *w, const char *key)
{
	char piece[HZ_FIELD_BYTES];
	size_t n = 0;
	piece[n++] = '/';
	for (; *key; key++) {
		if (n + 3 > sizeof(piece))
			return;
		if (*key == '~' || *key == '/') {
			piece[n++] = '~';
			piece[n++] = *key == '~' ? '0' : '1';
		} else {
			piece[n++] = *key;
		}
	}
	if (w->path_bytes + n >= HZ_FIELD_BYTES)
		return;
	memcpy(w->path + w->path_bytes, piece, n);
	w->path_bytes += n;
	w->path[w->path_bytes] = '\0';
}

static void pop(struct walk *w, size_t to)
{
	w->path_bytes = to;
	w->path[to] = '\0';
}

static int check_ref(struct walk *w, const char *ref, const json_t *value)
{
	char file[32];
	const char *hash = strchr(ref, '#');
	size_t n = hash ? (size_t)(hash - ref) : 0;
	if (!hash || strncmp(hash, "#/$defs/", 8) != 0 || n >= sizeof(file) || (n && n <= 5))
		return -EINVAL;
	const char *target = w->file;
	if (n) { // "types.json"
		memcpy(file, ref, n - 5);
		file[n - 5] = '\0';
		target = file;
	}
	const json_t *schema = hz_schema_find(target, hash + 8);
	if (!schema)
		return -EINVAL;
	const char *before = w->file;
	w->file = target;
	int err = check(w, schema, value);
	w->file = before;
	return err;
}

static bool type_is(const char *type, const json_t *value)
{
	if (!strcmp(type, "object"))
		return json_is_object(value);
	if (!strcmp(type, "array"))
		return json_is_array(value);
	if (!strcmp(type, "string"))
		return json_is_string(value);
	if (!strcmp(type, "integer"))
		return json_is_integer(value);
	if (!strcmp(type, "number"))
		return json_is_number(value);
	if (!strcmp(type, "boolean"))
		return json_is_boolean(value);
	return !strcmp(type, "null") && json_is_null(value);
}

static int check_string(const json_t *schema, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t n = json_string_length(value), points = hz_format_length(text, n);
	const json_t *min = json_object_get(schema, "minLength"), *max = json_object_get(schema, "maxLength");
	const char *format = json_string_value(json_object_get(schema, "format"));
	if ((min && points < (size_t)json_integer_value(min)) ||
	    (max && points > (size_t)json_integer_value(max)))
		return -EINVAL;
	return !format || hz_format_matches(format, text, n) ? 0 : -EINVAL;
}

static int check_number(const json_t *schema, const json_t *value)
{
	const json_t *min = json_object_get(schema, "minimum"), *max = json_object_get(schema, "maximum");
	double number = json_number_value(value);
	if ((min && number < json_number_value(min)) || (max && number > json_number_value(max)))
		return -EINVAL;
	return 0;
}

static int check_array(struct walk *w, const json_t *schema, const json_t *value)
{
	const json_t *items = json_object_get(schema, "items");
	const json_t *min = json_object_get(schema, "minItems"), *max = json_object_get(schema, "maxItems");
	size_t n = json_array_size(value), before = w->path_bytes;
	if ((min && n < (size_t)json_integer_value(min)) || (max && n > (size_t)json_integer_value(max)))
		return -EINVAL;
	for (size_t i = 0; items && i < n; i++) {
		char index[24];
		snprintf(index, sizeof(index), "%zu", i);
		push(w, index);
		if (check(w, items, json_array_get(value, i)) < 0)
			return -EINVAL;
		pop(w, before);
	}
	return 0;
}

static int check_object(struct walk *w, const json_t *schema, const json_t *value)
{
	json_t *properties = json_object_get(schema, "properties");
	const json_t *required = json_object_get(schema, "required");
	size_t before = w->path_bytes;
	const char *key;
	json_t *member;

	for (size_t i = 0; i < json_array_size(required); i++) {
		const char *name = json_string_value(json_array_get(required, i));
		if (!json_object_get(value, name)) {
			push(w, name);
			return -EINVAL;
		}
	}
	bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
	json_object_foreach((json_t *)(uintptr_t)value, key, member)
	{
		const json_t *sub = json_object_get(properties, key);
		push(w, key);
		if (sub ? check(w, sub, member) < 0 : closed)
			return -EINVAL;
		pop(w, before);
	}
	return 0;
}

// The failure told is that of the branch that got furthest: the one the sender meant.
static int check_any(struct walk *w, const json_t *branches, const json_t *value)
{
	char best[HZ_FIELD_BYTES] = "";
	size_t before = w->path_bytes, best_bytes = 0;
	bool failed = false;
	for (size_t i = 0; i < json_array_size(branches); i++) {
		if (check(w, json_array_get(branches, i), value) == 0)
			return 0;
		if (!failed || w->path_bytes > best_bytes) {
			memcpy(best, w->path, sizeof(best));
			best_bytes = w->path_bytes;
		}
		failed = true;
		pop(w, before);
	}
	memcpy(w->path, best, sizeof(best));
	w->path_bytes = best_bytes;
	return -EINVAL;
}

static bool listed(const json_t *values, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(values); i++)
		if (json_equal(json_array_get(values, i), value))
			return true;
	return false;
}

static int check_inner(struct walk *w, const json_t *schema, const json_t *value)
{
	const char *ref = json_string_value(json_object_get(schema, "$ref"));
	if (ref)
		return check_ref(w, ref, value);
	const json_t *any = json_object_get(schema, "anyOf");
	if (any)
		return check_any(w, any, value);
	const json_t *values = json_object_get(schema, "enum");
	if (values)
		return listed(values, value) ? 0 : -EINVAL;
	const json_t *constant = json_object_get(schema, "const");
	if (constant)
		return json_equal(constant, value) ? 0 : -EINVAL;
	const char *type = json_string_value(json_object_get(schema, "type"));
	if (!type || !type_is(type, value))
		return -EINVAL;
	if (json_is_string(value))
		return check_string(schema, value);
	if (json_is_number(value))
		return check_number(schema, value);
	if (json_is_array(value))
		return check_array(w, schema, value);
	return json_is_object(value) ? check_object(w, schema, value) : 0;
}

static int check(struct walk *w, const json_t *schema, const json_t *value)
{
	if (w->depth == MAX_DEPTH)
		return -EINVAL;
	w->depth++;
	int err = check_inner(w, schema, value);
	w->depth--;
	return err;
}

// Which file a schema came from, so that its own "#/$defs/x" can be followed.
static const char *file_of(const json_t *schema)
{
	const char *name, *key;
	json_t *defs, *def;
	json_object_foreach(files, name, defs)
	{
		json_object_foreach(defs, key, def)
		{
			if (def == schema)
				return name;
		}
	}
	return "types";
}

int hz_schema_check(const json_t *schema, const json_t *value, char ret_field[HZ_FIELD_BYTES])
{
	if (!schema || !value || hz_schema_init() < 0)
		return -EINVAL;
	struct walk w = {.file = file_of(schema), .path = ret_field};
	ret_field[0] = '\0';
	return check(&w, schema, value);
}

const json_t *hz_schema_find(const char *file, const char *name)
{
	if (hz_schema_init() < 0)
		return NULL;
	return json_object_get(json_object_get(files, file), name);
}

// --- loading

static bool keyword_known(const char *key)
{
	static const char *const known[] = {"$ref",        "additionalProperties",
	                                    "anyOf",       "const",
	                                    "description", "enum",
	                                    "format",      "items",
	                                    "maxItems",    "maxLength",
	                                    "maximum",     "minItems",
	                                    "minLength",   "minimum",
	                                    "properties",  "required",
	                                    "type"};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(key, known[i]))
			return true;
	return false;
}

// A keyword that the validator would pass over in silence is a mistake of ours: refuse to start with it.
static int lint(const json_t *schema)
{
	const char *key;
	json_t *sub;
	if (!json_is_object(schema))
		return -EINVAL;
	json_object_foreach((json_t *)(uintptr_t)schema, key, sub)
	{
		if (!keyword_known(key))
			return -EINVAL;
		if (!strcmp(key, "format") && !hz_format_known(json_string_value(sub)))
			return -EINVAL;
		if (!strcmp(key, "items") && lint(sub) < 0)
			return -EINVAL;
	}
	json_object_foreach(json_object_get(schema, "properties"), key,
	                    sub) if (lint(sub) < 0) return -EINVAL;
	const json_t *any = json_object_get(schema, "anyOf");
	for (size_t i = 0; i < json_array_size(any); i++)
		if (lint(json_array_get(any, i)) < 0)
			return -EINVAL;
	return 0;
}

static int load(const struct hz_embedded *e, json_t *into)
{
	const char *key;
	json_t *def, *whole = json_loadb(e->text, e->bytes, JSON_REJECT_DUPLICATES, NULL);
	json_t *defs = json_object_get(whole, "$defs");
	int err = json_is_object(defs) ? 0 : -EINVAL;
	if (!err) {
		json_object_foreach(defs, key, def) if (lint(def) < 0) err = -EINVAL;
	}
	if (!err && json_object_set(into, e->name, defs) < 0)
		err = -ENOMEM;
	json_decref(whole);
	return err;
}

int hz_schema_init(void)
{
	if (files)
		return 0;
	json_t *into = json_object();
	if (!into)
		return -ENOMEM;
	for (const struct hz_embedded *e = hz_embedded_schemas; e->name; e++) {
		int err = load(e, into);
		if (err) {
			json_decref(into);
			return err;
		}
	}
	files = into;
	return 0;
}

void hz_schema_done(void)
{
	json_decref(files);
	files = NULL;
}

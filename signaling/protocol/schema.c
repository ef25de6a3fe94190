#include "signaling/protocol/schema.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "signaling/protocol/format.h"

#define MAX_REFS 32 // nested $ref and anyOf: more is a loop in our own schemas

extern const unsigned char hz_schema_types[], hz_schema_requests[], hz_schema_pushes[], hz_schema_rest[];
extern const unsigned hz_schema_types_bytes, hz_schema_requests_bytes, hz_schema_pushes_bytes,
    hz_schema_rest_bytes;

static struct {
	const char *name;
	json_t *defs;
	json_t *document;
} files[] = {{"types", NULL, NULL}, {"requests", NULL, NULL}, {"pushes", NULL, NULL}, {"rest", NULL, NULL}};

enum { FILES = sizeof(files) / sizeof(files[0]) };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;

struct walk {
	const json_t *defs; // of the file at hand: "#/$defs/x" means these
	char *field;        // HZ_FIELD_BYTES, JSON Pointer so far
	size_t used;
	unsigned depth;
	bool weak; // the failure is a member that is missing or unknown, not one that is there and wrong
};

static int find_file(const char *name, size_t bytes)
{
	for (int i = 0; i < FILES; i++)
		if (strlen(files[i].name) == bytes && memcmp(files[i].name, name, bytes) == 0)
			return i;
	return -ENOENT;
}

// "#/$defs/name" or "file.json#/$defs/name".
static const json_t *resolve(const char *ref, const json_t *defs, const json_t **ret_defs)
{
	const char *hash = strstr(ref, "#/$defs/");
	if (!hash)
		return NULL;
	*ret_defs = defs;
	if (hash != ref) {
		int file = hash - ref > 5 ? find_file(ref, (size_t)(hash - ref) - 5) : -ENOENT;
		if (file < 0)
			return NULL;
		*ret_defs = files[file].defs;
	}
	return json_object_get(*ret_defs, hash + 8);
}

// --- are our schemas within what the validator knows?

static int check_keywords(const json_t *schema, const json_t *defs);

static int check_children(const char *key, json_t *value, const json_t *defs)
{
	size_t index;
	json_t *child;
	const char *name;
	if (strcmp(key, "properties") == 0) {
		json_object_foreach(value, name, child) if (check_keywords(child, defs) != 0) return -EINVAL;
	} else if (strcmp(key, "items") == 0) {
		return check_keywords(value, defs);
	} else if (strcmp(key, "anyOf") == 0) {
		json_array_foreach(value, index, child) if (check_keywords(child, defs) != 0) return -EINVAL;
	} else if (strcmp(key, "$ref") == 0) {
		const json_t *unused;
		return resolve(json_string_value(value), defs, &unused) ? 0 : -EINVAL;
	} else if (strcmp(key, "format") == 0) {
		return hz_format_known(json_string_value(value)) ? 0 : -EINVAL;
	}
	return 0;
}

static int check_keywords(const json_t *schema, const json_t *defs)
{
	static const char known[] =
	    " type properties required additionalProperties enum const minLength maxLength minimum"
	    " maximum items minItems maxItems anyOf $ref format description ";
	const char *key;
	json_t *value;
	char word[40];
	if (!json_is_object(schema))
		return -EINVAL;
	json_object_foreach((json_t *)schema, key, value)
	{
		snprintf(word, sizeof(word), " %s ", key);
		if (!strstr(known, word) || check_children(key, value, defs) != 0)
			return -EINVAL;
	}
	return 0;
}

static int load_all(void)
{
	const struct {
		const unsigned char *text;
		unsigned bytes;
	} embedded[FILES] = {{hz_schema_types, hz_schema_types_bytes},
	                     {hz_schema_requests, hz_schema_requests_bytes},
	                     {hz_schema_pushes, hz_schema_pushes_bytes},
	                     {hz_schema_rest, hz_schema_rest_bytes}};
	for (int i = 0; i < FILES; i++) {
		json_error_t error;
		files[i].document = json_loadb((const char *)embedded[i].text, embedded[i].bytes,
		                               JSON_REJECT_DUPLICATES, &error);
		files[i].defs = json_object_get(files[i].document, "$defs");
		if (!files[i].defs)
			return -EINVAL;
	}
	for (int i = 0; i < FILES; i++) {
		const char *name;
		json_t *def;
		json_object_foreach(files[i].defs, name,
		                    def) if (check_keywords(def, files[i].defs) != 0) return -EINVAL;
	}
	return 0;
}

static void unload(void)
{
	for (int i = 0; i < FILES; i++) {
		json_decref(files[i].document);
		files[i].document = files[i].defs = NULL;
	}
	loaded = false;
}

int hz_schema_init(void)
{
	int err = 0;
	pthread_mutex_lock(&lock);
	if (!loaded) {
		err = load_all();
		if (err == 0)
			loaded = true;
		else
			unload();
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void hz_schema_done(void)
{
	pthread_mutex_lock(&lock);
	unload();
	pthread_mutex_unlock(&lock);
}

const json_t *hz_schema_find(const char *file, const char *name)
{
	if (hz_schema_init() != 0)
		return NULL;
	int at = find_file(file, strlen(file));
	return at < 0 ? NULL : json_object_get(files[at].defs, name);
}

// --- checking a value

static int check(struct walk *walk, const json_t *schema, const json_t *value);

// Appends "/name" to the pointer, escaped (RFC 6901); a name that does not fit is left out. Returns the length to go
// back to.
static size_t enter(struct walk *walk, const char *name)
{
	char piece[HZ_FIELD_BYTES];
	size_t before = walk->used, bytes = 0;
	piece[bytes++] = '/';
	for (; *name; name++) {
		if (bytes + 3 > sizeof(piece))
			return before;
		if (*name == '~' || *name == '/') {
			piece[bytes++] = '~';
			piece[bytes++] = *name == '~' ? '0' : '1';
		} else {
			piece[bytes++] = *name;
		}
	}
	if (before + bytes + 1 <= HZ_FIELD_BYTES) {
		memcpy(walk->field + before, piece, bytes);
		walk->used += bytes;
		walk->field[walk->used] = '\0';
	}
	return before;
}

static void leave(struct walk *walk, size_t before)
{
	walk->used = before;
	walk->field[before] = '\0';
}

static bool is_type(const char *type, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return strcmp(type, "object") == 0;
	case JSON_ARRAY:
		return strcmp(type, "array") == 0;
	case JSON_STRING:
		return strcmp(type, "string") == 0;
	case JSON_INTEGER:
		return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
	case JSON_REAL:
		return strcmp(type, "number") == 0;
	case JSON_TRUE:
	case JSON_FALSE:
		return strcmp(type, "boolean") == 0;
	default:
		return strcmp(type, "null") == 0;
	}
}

static bool has_type(const json_t *type, const json_t *value)
{
	size_t index;
	json_t *one;
	if (json_is_string(type))
		return is_type(json_string_value(type), value);
	json_array_foreach((json_t *)type, index,
	                   one) if (is_type(json_string_value(one), value)) return true;
	return false;
}

static int check_object(struct walk *walk, const json_t *schema, const json_t *value)
{
	const json_t *properties = json_object_get(schema, "properties");
	json_t *required = json_object_get(schema, "required"), *item;
	bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
	const char *key;
	size_t index;
	json_array_foreach(required, index, item) if (!json_object_get(value, json_string_value(item)))
	{
		enter(walk, json_string_value(item));
		walk->weak = true;
		return -EINVAL;
	}
	json_object_foreach((json_t *)value, key, item)
	{
		const json_t *property = json_object_get(properties, key);
		size_t before = enter(walk, key);
		if (!property && closed)
			walk->weak = true;
		if ((!property && closed) || (property && check(walk, property, item) != 0))
			return -EINVAL;
		leave(walk, before);
	}
	return 0;
}

static bool within(const json_t *schema, const char *low, const char *high, double value)
{
	const json_t *min = json_object_get(schema, low), *max = json_object_get(schema, high);
	return (!min || value >= json_number_value(min)) && (!max || value <= json_number_value(max));
}

static int check_array(struct walk *walk, const json_t *schema, const json_t *value)
{
	const json_t *items = json_object_get(schema, "items");
	size_t index;
	json_t *item;
	char name[24];
	if (!within(schema, "minItems", "maxItems", (double)json_array_size(value)))
		return -EINVAL;
	json_array_foreach((json_t *)value, index, item)
	{
		snprintf(name, sizeof(name), "%zu", index);
		size_t before = enter(walk, name);
		if (items && check(walk, items, item) != 0)
			return -EINVAL;
		leave(walk, before);
	}
	return 0;
}

static int check_string(const json_t *schema, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t bytes = json_string_length(value);
	const json_t *format = json_object_get(schema, "format");
	if (!within(schema, "minLength", "maxLength", (double)hz_utf8_length(text, bytes)))
		return -EINVAL;
	return !format || hz_format_check(json_string_value(format), text, bytes) ? 0 : -EINVAL;
}

// How telling a failure is: deeper is better, and a wrong member better than one that is missing or unknown.
static unsigned telling(const struct walk *walk)
{
	unsigned segments = 0;
	for (size_t i = 0; i < walk->used; i++)
		segments += walk->field[i] == '/';
	return 2 * segments + !walk->weak;
}

static int check_any(struct walk *walk, json_t *options, const json_t *value)
{
	char best[HZ_FIELD_BYTES] = "";
	size_t before = walk->used, best_used = before, index;
	unsigned best_score = 0;
	bool weak = false;
	json_t *option;
	json_array_foreach(options, index, option)
	{
		walk->weak = false;
		if (check(walk, option, value) == 0)
			return 0;
		if (index == 0 || telling(walk) > best_score) {
			best_score = telling(walk);
			best_used = walk->used;
			weak = walk->weak;
			memcpy(best, walk->field, best_used + 1);
		}
		leave(walk, before);
	}
	memcpy(walk->field, best, best_used + 1);
	walk->used = best_used;
	walk->weak = weak;
	return -EINVAL;
}

static int check_enum(json_t *words, const json_t *value)
{
	size_t index;
	json_t *word;
	json_array_foreach(words, index, word) if (json_equal(word, value)) return 0;
	return -EINVAL;
}

static int check_ref(struct walk *walk, const char *ref, const json_t *value)
{
	const json_t *saved = walk->defs, *target = resolve(ref, walk->defs, &walk->defs);
	int err = target && ++walk->depth < MAX_REFS ? check(walk, target, value) : -EINVAL;
	walk->defs = saved;
	walk->depth--;
	return err;
}

static int check(struct walk *walk, const json_t *schema, const json_t *value)
{
	const json_t *type = json_object_get(schema, "type"), *ref = json_object_get(schema, "$ref");
	json_t *words = json_object_get(schema, "enum"), *any = json_object_get(schema, "anyOf");
	const json_t *constant = json_object_get(schema, "const");
	if ((type && !has_type(type, value)) || (constant && !json_equal(constant, value)) ||
	    (words && check_enum(words, value) != 0))
		return -EINVAL;
	if (ref && check_ref(walk, json_string_value(ref), value) != 0)
		return -EINVAL;
	if (any && check_any(walk, any, value) != 0)
		return -EINVAL;
	if (json_is_object(value))
		return check_object(walk, schema, value);
	if (json_is_array(value))
		return check_array(walk, schema, value);
	if (json_is_string(value))
		return check_string(schema, value);
	if (json_is_number(value) && !within(schema, "minimum", "maximum", json_number_value(value)))
		return -EINVAL;
	return 0;
}

// The file a schema came from, for its "#/$defs/" references.
static const json_t *defs_of(const json_t *schema)
{
	for (int i = 0; i < FILES; i++) {
		const char *name;
		json_t *def;
		json_object_foreach(files[i].defs, name, def) if (def == schema) return files[i].defs;
	}
	return files[0].defs;
}

int hz_schema_check(const json_t *schema, const json_t *value, char ret_field[HZ_FIELD_BYTES])
{
	ret_field[0] = '\0';
	if (!schema || !value)
		return -EINVAL;
	struct walk walk = {.defs = defs_of(schema), .field = ret_field};
	return check(&walk, schema, value);
}

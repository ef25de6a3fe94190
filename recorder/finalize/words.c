#include "recorder/finalize/words.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static bool is_of(const json_t *event, const char *type)
{
	return strcmp(text_of(event, "type"), type) == 0;
}

static bool has_drawing(const json_t *detail, const char *participant)
{
	const json_t *one;
	size_t i;
	json_array_foreach(json_object_get(detail, "put"), i, one)
	{
		if (strcmp(text_of(one, "by"), participant) == 0)
			return true;
	}
	return false;
}

bool hz_words_has(const json_t *event, const char *participant)
{
	const json_t *detail = json_object_get(event, "detail");
	if (!*participant)
		return false;
	if (is_of(event, "chat"))
		return strcmp(text_of(event, "participant"), participant) == 0 && *text_of(detail, "text");
	return is_of(event, "table") && has_drawing(detail, participant);
}

static bool is_erased(const json_t *erased, const json_t *from, const char *key)
{
	const char *who = text_of(from, key);
	return *who && json_is_true(json_object_get(erased, who));
}

static void no_text(json_t *event)
{
	json_t *detail = json_copy(json_object_get(event, "detail"));
	json_object_set_new(detail, "text", json_string(""));
	json_object_set_new(detail, "erased", json_true());
	json_object_set_new(event, "detail", detail);
}

// One drawing as it may be shown: a new reference; NULL: not at all. words: by drawing, what an erased one wrote on it last.
static json_t *drawing(json_t *one, const json_t *erased, json_t *words)
{
	const char *id = text_of(one, "id"), *text = text_of(one, "text");
	if (is_erased(erased, one, "by")) {
		json_object_set_new(words, id, json_string(text));
		return NULL;
	}
	if (*text && strcmp(text_of(words, id), text) == 0) {
		json_t *bare = json_copy(one);
		json_object_del(bare, "text");
		return bare;
	}
	return json_incref(one);
}

static void no_drawings(json_t *event, const json_t *erased, json_t *words)
{
	json_t *old = json_object_get(event, "detail"), *put = json_array(), *gone = json_array(), *one;
	bool changed = false;
	size_t i;
	json_array_foreach(json_object_get(old, "gone"), i, one)
	{
		json_array_append(gone, one);
		if (json_is_string(one))
			json_object_del(words, json_string_value(one));
	}
	json_array_foreach(json_object_get(old, "put"), i, one)
	{
		json_t *shown = drawing(one, erased, words);
		changed = changed || shown != one;
		if (shown)
			json_array_append_new(put, shown);
		else
			json_array_append(gone, json_object_get(one, "id"));
	}
	if (changed) {
		json_t *detail = json_copy(old);
		json_object_set(detail, "put", put);
		json_object_set(detail, "gone", gone);
		json_object_set_new(detail, "erased", json_true());
		json_object_set_new(event, "detail", detail);
	}
	json_decref(put);
	json_decref(gone);
}

void hz_words_leave_out(json_t *events, const json_t *erased)
{
	json_t *words = json_object(), *one;
	size_t i;
	json_array_foreach(events, i, one)
	{
		if (is_of(one, "chat") && is_erased(erased, one, "participant"))
			no_text(one);
		else if (is_of(one, "table"))
			no_drawings(one, erased, words);
	}
	json_decref(words);
}

// A patch of the table: everything is checked and made first, then put in place, so that it is done as a whole or not at all.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/table/reading_internal.h"
#include "signaling/protocol/rpc.h"

#define PUTS 64 // of one message, as the schema says

struct stage {
	struct hz_reading *reading;
	const char *by;
	struct hz_reading_refusal *refusal;
	json_t *studies; // NULL: as they are
	json_t *viewport[HZ_READING_VIEWPORTS];
	json_t *object[PUTS];
	const char *object_id[PUTS]; // of the patch
	unsigned objects;
	bool *remove; // by place of the reading
	bool clear;
};

static int refuse(struct stage *s, int code, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static int refuse(struct stage *s, int code, const char *key, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	s->refusal->code = code;
	s->refusal->key = key;
	vsnprintf(s->refusal->value, sizeof(s->refusal->value), fmt, ap);
	va_end(ap);
	return -EPERM;
}

const char *hz_reading_layout(const char *word)
{
	static const char *const words[] = {"one", "pair", "four", "mpr"};
	for (unsigned i = 0; word && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(words[i], word) == 0)
			return words[i];
	}
	return words[0];
}

size_t hz_reading_size(const json_t *json)
{
	return json_dumpb(json, NULL, 0, JSON_COMPACT | JSON_REAL_PRECISION(HZ_REAL_DIGITS));
}

// To what fits into messages: then everybody has the same number, however it came.
static int round_numbers(json_t *json)
{
	json_t *item;
	const char *key;
	size_t i;
	char text[40];
	if (json_is_real(json)) {
		snprintf(text, sizeof(text), "%.*g", HZ_REAL_DIGITS, json_real_value(json));
		return json_real_set(json, strtod(text, NULL));
	}
	if (json_is_array(json)) {
		json_array_foreach(json, i, item)
		{
			if (round_numbers(item))
				return -1;
		}
	} else if (json_is_object(json)) {
		json_object_foreach(json, key, item)
		{
			if (round_numbers(item))
				return -1;
		}
	}
	return 0;
}

static json_t *copy(const json_t *json)
{
	json_t *made = json_deep_copy(json);
	if (made && round_numbers(made)) {
		json_decref(made);
		return NULL;
	}
	return made;
}

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "";
}

static bool same_study(const json_t *a, const json_t *b)
{
	return strcmp(text_of(a, "study"), text_of(b, "study")) == 0 &&
	       strcmp(text_of(a, "pacs"), text_of(b, "pacs")) == 0;
}

static int find_study(const json_t *studies, const json_t *what)
{
	const json_t *item;
	size_t i;
	json_array_foreach(studies, i, item)
	{
		if (same_study(item, what))
			return (int)i;
	}
	return -ENOENT;
}

// --- making

static int stage_studies(struct stage *s, const json_t *change)
{
	const json_t *item;
	size_t i;
	if (!change)
		return 0;
	s->studies = json_copy(s->reading->studies);
	if (!s->studies)
		return -ENOMEM;
	json_array_foreach(json_object_get(change, "remove"), i, item)
	{
		int at = find_study(s->studies, item);
		if (at >= 0)
			json_array_remove(s->studies, (size_t)at);
	}
	json_array_foreach(json_object_get(change, "put"), i, item)
	{
		int at = find_study(s->studies, item);
		json_t *made = json_deep_copy(item);
		if (at < 0 && json_array_size(s->studies) >= HZ_READING_STUDIES) {
			json_decref(made);
			return refuse(s, HZ_RPC_LIMIT, "limit", "studies");
		}
		if (at < 0 ? json_array_append_new(s->studies, made)
		           : json_array_set_new(s->studies, (size_t)at, made))
			return -ENOMEM;
	}
	return 0;
}

static const json_t *studies_of(const struct stage *s)
{
	return s->studies ? s->studies : s->reading->studies;
}

static int stage_viewports(struct stage *s, const json_t *changes)
{
	const json_t *change;
	size_t i;
	json_array_foreach(changes, i, change)
	{
		size_t at = (size_t)json_integer_value(json_object_get(change, "at"));
		const json_t *image = json_object_get(change, "image"),
		             *marks = json_object_get(change, "marks");
		if (at >= HZ_READING_VIEWPORTS)
			return refuse(s, HZ_RPC_INVALID_PARAMS, "field", "/viewports/%zu/at", i);
		if (json_is_object(image) && find_study(studies_of(s), image) < 0)
			return refuse(s, HZ_RPC_NOT_FOUND, "field", "/viewports/%zu/image", i);
		if (json_is_object(marks) && find_study(studies_of(s), marks) < 0)
			return refuse(s, HZ_RPC_NOT_FOUND, "field", "/viewports/%zu/marks", i);
		json_t *fresh = copy(change);
		if (!s->viewport[at])
			s->viewport[at] = json_copy(s->reading->viewport[at]);
		int err = fresh && s->viewport[at] ? json_object_update(s->viewport[at], fresh) : -1;
		json_decref(fresh);
		if (err)
			return -ENOMEM;
	}
	return 0;
}

// Marks of a study that is taken away are not looked at any more.
static int drop_marks(struct stage *s, unsigned i)
{
	const json_t *now = s->viewport[i] ? s->viewport[i] : s->reading->viewport[i];
	const json_t *marks = json_object_get(now, "marks");
	if (!json_is_object(marks) || find_study(s->studies, marks) >= 0)
		return 0;
	if (!s->viewport[i])
		s->viewport[i] = json_copy(s->reading->viewport[i]);
	return s->viewport[i] && !json_object_set_new(s->viewport[i], "marks", json_null()) ? 0 : -ENOMEM;
}

// A viewport whose study is taken away shows nothing.
static int empty_viewports(struct stage *s)
{
	for (unsigned i = 0; s->studies && i < HZ_READING_VIEWPORTS; i++) {
		if (drop_marks(s, i))
			return -ENOMEM;
		const json_t *now = s->viewport[i] ? s->viewport[i] : s->reading->viewport[i];
		const json_t *image = json_object_get(now, "image");
		if (!json_is_object(image) || find_study(s->studies, image) >= 0)
			continue;
		json_decref(s->viewport[i]);
		s->viewport[i] = hz_reading_viewport_json(i);
		if (!s->viewport[i])
			return -ENOMEM;
	}
	return 0;
}

struct hz_reading_object *hz_reading_find(const struct hz_reading *reading, const char *id)
{
	for (unsigned i = 0; i < reading->places; i++) {
		if (reading->object[i].json && strcmp(reading->object[i].id, id) == 0)
			return &reading->object[i];
	}
	return NULL;
}

static bool on_removed_study(const struct stage *s, const json_t *object)
{
	const json_t *on = json_object_get(object, "on");
	return s->studies && json_object_get(on, "study") && find_study(s->studies, on) < 0;
}

// An id that is not there is gone as it should be.
static int stage_removals(struct stage *s, const json_t *patch)
{
	const json_t *item;
	size_t i;
	s->clear = json_is_true(json_object_get(patch, "clear"));
	if (!s->reading->places)
		return 0;
	s->remove = calloc(s->reading->places, sizeof(*s->remove));
	if (!s->remove)
		return -ENOMEM;
	for (unsigned k = 0; k < s->reading->places; k++) {
		const json_t *json = s->reading->object[k].json;
		s->remove[k] = json && (s->clear || on_removed_study(s, json));
	}
	json_array_foreach(json_object_get(patch, "remove"), i, item)
	{
		const struct hz_reading_object *object = hz_reading_find(s->reading, json_string_value(item));
		if (object)
			s->remove[object - s->reading->object] = true;
	}
	return 0;
}

// On a moving picture places are parts of it, and nothing has a size in mm.
static int check_picture(struct stage *s, const json_t *item, size_t i)
{
	const char *unit = text_of(item, "unit");
	const json_t *point;
	size_t k;
	if (!json_object_get(json_object_get(item, "on"), "participant"))
		return 0;
	if (*unit && strcmp(unit, "pct") != 0 && strcmp(unit, "deg") != 0)
		return refuse(s, HZ_RPC_INVALID_PARAMS, "field", "/put/%zu/unit", i);
	json_array_foreach(json_object_get(item, "points"), k, point)
	{
		for (size_t xy = 0; xy < 2; xy++) {
			double v = json_number_value(json_array_get(point, xy));
			if (v < 0 || v > 1)
				return refuse(s, HZ_RPC_INVALID_PARAMS, "field", "/put/%zu/points/%zu/%zu", i,
				              k, xy);
		}
	}
	return 0;
}

static int stage_object(struct stage *s, const json_t *item, size_t i)
{
	const json_t *on = json_object_get(item, "on");
	const char *id = text_of(item, "id");
	for (unsigned k = 0; k < s->objects; k++) {
		if (strcmp(s->object_id[k], id) == 0)
			return refuse(s, HZ_RPC_INVALID_PARAMS, "field", "/put/%zu/id", i);
	}
	if (json_object_get(on, "study") && find_study(studies_of(s), on) < 0)
		return refuse(s, HZ_RPC_NOT_FOUND, "field", "/put/%zu/on", i);
	int err = check_picture(s, item, i);
	if (err)
		return err;
	json_t *made = copy(item);
	if (!made || json_object_set_new(made, "by", json_string(s->by)) ||
	    json_object_set_new(made, "n", json_integer(s->reading->last_n + 1 + (int)s->objects))) {
		json_decref(made);
		return -ENOMEM;
	}
	s->object_id[s->objects] = id;
	s->object[s->objects++] = made;
	if (hz_reading_size(made) > HZ_READING_ONE_BYTES)
		return refuse(s, HZ_RPC_LIMIT, "limit", "object");
	return 0;
}

// What will be there, and in how many bytes and places.
static int check_room(struct stage *s)
{
	const struct hz_reading *r = s->reading;
	size_t bytes = r->bytes, count = r->count, places = r->places;
	for (unsigned i = 0; s->remove && i < r->places; i++) {
		bytes -= s->remove[i] ? r->object[i].bytes : 0;
		count -= s->remove[i];
	}
	for (unsigned i = 0; i < s->objects; i++) {
		const struct hz_reading_object *old = hz_reading_find(r, s->object_id[i]);
		bool stays = old && !s->remove[old - r->object];
		bytes += hz_reading_size(s->object[i]) - (stays ? old->bytes : 0);
		count += !stays;
		places += !stays;
	}
	if (count > HZ_READING_OBJECTS || bytes > HZ_READING_BYTES)
		return refuse(s, HZ_RPC_LIMIT, "limit", "objects");
	if (places > HZ_READING_PLACES) // more is removed and drawn than store and record take in
		return refuse(s, HZ_RPC_TOO_FAST, NULL, "%s", "");
	struct hz_reading_object *room = s->reading->object;
	if (places > r->room) {
		room = realloc(room, places * sizeof(*room));
		if (!room)
			return -ENOMEM;
		s->reading->object = room;
		s->reading->room = (unsigned)places;
	}
	return 0;
}

// --- putting in place

int hz_reading_place(struct hz_reading *r, const char *id, json_t *json, uint8_t due)
{
	struct hz_reading_object *object = hz_reading_find(r, id);
	if (!object) {
		if (r->places == r->room) {
			unsigned room = r->room + 16;
			void *more = room > HZ_READING_PLACES + 16
			                 ? NULL
			                 : realloc(r->object, room * sizeof(*r->object));
			if (!more) {
				json_decref(json);
				return -ENOMEM;
			}
			r->object = more;
			r->room = room;
		}
		object = &r->object[r->places++];
		memset(object, 0, sizeof(*object));
		snprintf(object->id, sizeof(object->id), "%s", id);
		object->n = json_integer_value(json_object_get(json, "n"));
		r->last_n = object->n > r->last_n ? object->n : r->last_n;
		r->count++;
	} else {
		(void)json_object_set_new(json, "n", json_integer(object->n)); // in its place
		r->bytes -= object->bytes;
		json_decref(object->json);
	}
	object->json = json;
	object->fades_us = 0; // a change begins its time anew
	object->bytes = hz_reading_size(json);
	object->due |= due;
	r->bytes += object->bytes;
	return 0;
}

void hz_reading_take_away(struct hz_reading *r, struct hz_reading_object *object)
{
	r->bytes -= object->bytes;
	r->count--;
	json_decref(object->json);
	object->json = NULL;
	object->bytes = 0;
	object->due = HZ_DUE_ALL;
}

static void commit_objects(struct stage *s)
{
	struct hz_reading *r = s->reading;
	for (unsigned i = 0; s->remove && i < r->places; i++) {
		struct hz_reading_object *object = &r->object[i];
		if (s->remove[i])
			hz_reading_take_away(r, object);
	}
	for (unsigned i = 0; i < s->objects; i++) {
		(void)hz_reading_place(r, s->object_id[i], s->object[i], HZ_DUE_ALL); // there is room
		s->object[i] = NULL;
	}
}

static void commit(struct stage *s, const json_t *patch)
{
	struct hz_reading *r = s->reading;
	const char *layout = json_string_value(json_object_get(patch, "layout"));
	const json_t *linked = json_object_get(patch, "linked");
	if (s->studies) {
		json_decref(r->studies);
		r->studies = s->studies;
		r->due_studies = HZ_DUE_ALL;
		s->studies = NULL;
	}
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++) {
		if (!s->viewport[i])
			continue;
		json_decref(r->viewport[i]);
		r->viewport[i] = s->viewport[i];
		r->due_viewport[i] = HZ_DUE_ALL;
		s->viewport[i] = NULL;
	}
	if (layout)
		r->layout = hz_reading_layout(layout);
	if (linked)
		r->linked = json_is_true(linked);
	if (layout || linked)
		r->due_layout = HZ_DUE_ALL;
	commit_objects(s);
	snprintf(r->by, sizeof(r->by), "%s", s->by);
}

// Without the images in hand: removals of one's own, and of what lies on moving pictures for who keeps order.
static bool only_wipes(const struct hz_reading *reading, const struct hz_participant *by, const json_t *patch)
{
	const json_t *item, *ids = json_object_get(patch, "remove");
	size_t i;
	if (json_object_size(patch) != 2 || !json_array_size(ids)) // base and remove
		return false;
	json_array_foreach(ids, i, item)
	{
		const struct hz_reading_object *object = hz_reading_find(reading, json_string_value(item));
		const json_t *json = object ? object->json : NULL;
		if (json && strcmp(text_of(json, "by"), by->id) != 0 &&
		    (!(by->grants & HZ_GRANT_ADMIT) ||
		     !json_object_get(json_object_get(json, "on"), "participant")))
			return false;
	}
	return true;
}

int hz_reading_patch(struct hz_reading *reading, const struct hz_participant *by, const json_t *patch,
                     struct hz_reading_refusal *ret)
{
	struct stage s = {.reading = reading, .by = by->id, .refusal = ret};
	const json_t *item;
	size_t i;
	uint64_t base = (uint64_t)json_integer_value(json_object_get(patch, "base"));
	bool holds = strcmp(reading->holder, by->id) == 0, wipes = !holds && only_wipes(reading, by, patch);
	if (!holds && !wipes)
		return refuse(&s, HZ_RPC_NO_FLOOR, reading->holder[0] ? "reason" : NULL, "%s",
		              reading->holder);
	if ((base < reading->floor_version && !wipes) || base > reading->version)
		return refuse(&s, HZ_RPC_CONFLICT, "field", "/base");
	int err = stage_studies(&s, json_object_get(patch, "studies"));
	if (!err)
		err = stage_viewports(&s, json_object_get(patch, "viewports"));
	if (!err)
		err = empty_viewports(&s);
	if (!err)
		err = stage_removals(&s, patch);
	json_array_foreach(json_object_get(patch, "put"), i, item)
	{
		if (!err)
			err = i < PUTS ? stage_object(&s, item, i) : refuse(&s, HZ_RPC_LIMIT, "limit", "put");
	}
	if (!err)
		err = check_room(&s);
	if (!err)
		commit(&s, patch);
	json_decref(s.studies);
	for (unsigned k = 0; k < HZ_READING_VIEWPORTS; k++)
		json_decref(s.viewport[k]);
	for (unsigned k = 0; k < s.objects; k++)
		json_decref(s.object[k]);
	free(s.remove);
	return err;
}

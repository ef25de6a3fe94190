#include "gateway/session/table/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/participant.h"
#include "gateway/session/table/reading_internal.h"
#include "signaling/protocol/rpc.h"

json_t *hz_reading_viewport_json(unsigned at)
{
	return json_pack("{s:i, s:n, s:i, s:n, s:n, s:f, s:f, s:f, s:f, s:b, s:b, s:f, s:n, s:n}", "at",
	                 (int)at, "image", "frame", 0, "center", "width", "zoom", 1.0, "pan_x", 0.0, "pan_y",
	                 0.0, "rotation", 0.0, "flip", 0, "invert", 0, "cine", 0.0, "offset_mm", "marks");
}

bool hz_reading_has_study(const struct hz_reading *reading, const char *pacs, const char *study)
{
	const json_t *item;
	size_t i;
	json_array_foreach(reading ? reading->studies : NULL, i, item)
	{
		if (strcmp(json_string_value(json_object_get(item, "pacs")), pacs) == 0 &&
		    strcmp(json_string_value(json_object_get(item, "study")), study) == 0)
			return true;
	}
	return false;
}

json_t *hz_reading_floor_json(const struct hz_reading *reading)
{
	json_t *asked = json_array();
	for (unsigned i = 0; reading && i < reading->asked_count; i++)
		json_array_append_new(asked, json_string(reading->asked[i]));
	return json_pack("{s:s?, s:o}", "holder", reading && reading->holder[0] ? reading->holder : NULL,
	                 "asked", asked);
}

// The objects behind `after`, until the page is full. *ret_next: of the last one, 0: these were all.
static json_t *objects_json(const struct hz_reading *reading, int64_t after, bool all, int64_t *ret_next)
{
	json_t *items = json_array();
	size_t bytes = 0;
	*ret_next = 0;
	for (unsigned i = 0; reading && i < reading->places; i++) {
		const struct hz_reading_object *object = &reading->object[i];
		if (!object->json || object->n <= after)
			continue;
		if (!all && bytes && bytes + object->bytes > HZ_READING_PAGE)
			return items;
		bytes += object->bytes;
		*ret_next = object->n;
		if (json_array_append(items, object->json)) {
			json_decref(items);
			return NULL;
		}
	}
	*ret_next = 0;
	return items;
}

json_t *hz_reading_json(const struct hz_reading *reading, int64_t after, bool all)
{
	int64_t next;
	json_t *viewports = json_array(), *objects = objects_json(reading, after, all, &next);
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++) {
		if (reading)
			json_array_append(viewports, reading->viewport[i]);
		else
			json_array_append_new(viewports, hz_reading_viewport_json(i));
	}
	json_t *studies = reading ? json_incref(reading->studies) : json_array();
	return json_pack("{s:I, s:o, s:o, s:s, s:b, s:o, s:o, s:o}", "version",
	                 reading ? (json_int_t)reading->version : 0, "floor", hz_reading_floor_json(reading),
	                 "studies", studies, "layout", reading ? reading->layout : "one", "linked",
	                 reading && reading->linked, "viewports", viewports, "objects", objects, "next",
	                 next ? json_integer(next) : json_null());
}

// --- the floor

static int refuse(struct hz_reading_refusal *ret, int code, const char *key, const char *value)
{
	ret->code = code;
	ret->key = key;
	snprintf(ret->value, sizeof(ret->value), "%s", value ? value : "");
	return -EPERM;
}

static bool unask(struct hz_reading *reading, const char *id)
{
	for (unsigned i = 0; i < reading->asked_count; i++) {
		if (strcmp(reading->asked[i], id) != 0)
			continue;
		memmove(reading->asked[i], reading->asked[i + 1],
		        (--reading->asked_count - i) * sizeof(reading->asked[0]));
		reading->due_floor = HZ_DUE_ALL;
		return true;
	}
	return false;
}

static void give(struct hz_reading *reading, const char *id)
{
	snprintf(reading->holder, sizeof(reading->holder), "%s", id);
	reading->floor_version = reading->version + 1;
	reading->due_floor = HZ_DUE_ALL;
	(void)unask(reading, id);
}

static unsigned rank(const struct hz_participant *p)
{
	switch (p->role) {
	case HZ_ROLE_ADMIN:
		return 3;
	case HZ_ROLE_EXPERT:
		return 2;
	default:
		return p->role == HZ_ROLE_CLINIC;
	}
}

// Somebody who can hold the floor now; NULL.
static const struct hz_participant *able(const struct hz_reading *reading, const char *id)
{
	const struct hz_participant *p = hz_participant_find(reading->consult, id);
	return p && p->status == HZ_STATUS_ADMITTED && (p->grants & HZ_GRANT_IMAGE) ? p : NULL;
}

static bool may_take(const struct hz_reading *reading, const struct hz_participant *p)
{
	const struct hz_participant *holder = able(reading, reading->holder);
	return !holder || holder == p || hz_participant_away(holder) || rank(p) > rank(holder);
}

static int ask(struct hz_reading *reading, const char *id, struct hz_reading_refusal *ret)
{
	if (strcmp(reading->holder, id) == 0)
		return 0;
	for (unsigned i = 0; i < reading->asked_count; i++) {
		if (strcmp(reading->asked[i], id) == 0)
			return 0;
	}
	if (reading->asked_count == HZ_READING_ASKED)
		return refuse(ret, HZ_RPC_LIMIT, "limit", "asked");
	snprintf(reading->asked[reading->asked_count++], sizeof(reading->asked[0]), "%s", id);
	reading->due_floor = HZ_DUE_ALL;
	return 0;
}

int hz_reading_floor(struct hz_reading *reading, const struct hz_participant *p, const json_t *params,
                     struct hz_reading_refusal *ret)
{
	const char *action = json_string_value(json_object_get(params, "action"));
	const char *other = json_string_value(json_object_get(params, "participant"));
	bool holds = strcmp(reading->holder, p->id) == 0;
	if (strcmp(action, "ask") == 0)
		return ask(reading, p->id, ret);
	if (strcmp(action, "take") == 0) {
		if (!may_take(reading, p))
			return refuse(ret, HZ_RPC_NO_FLOOR, "reason", reading->holder);
		if (!holds)
			give(reading, p->id);
		return 0;
	}
	if (strcmp(action, "dismiss") == 0 && (!other || strcmp(other, p->id) == 0)) {
		(void)unask(reading, p->id);
		return 0;
	}
	if (!holds)
		return refuse(ret, HZ_RPC_NO_FLOOR, reading->holder[0] ? "reason" : NULL, reading->holder);
	if (strcmp(action, "dismiss") == 0) {
		(void)unask(reading, other);
		return 0;
	}
	if (strcmp(action, "release") == 0) {
		give(reading, "");
		return 0;
	}
	if (!other || !able(reading, other))
		return refuse(ret, HZ_RPC_NOT_FOUND, "field", "/participant");
	if (strcmp(other, p->id) != 0)
		give(reading, other);
	return 0;
}

void hz_reading_fade(struct hz_brain *brain, struct hz_reading *reading, const char *who)
{
	bool gone = false;
	for (unsigned i = 0; i < reading->places; i++) {
		struct hz_reading_object *object = &reading->object[i];
		const char *whose =
		    json_string_value(json_object_get(json_object_get(object->json, "on"), "participant"));
		json_int_t fades_s = json_integer_value(json_object_get(object->json, "fades_s"));
		if (fades_s && !object->fades_us)
			object->fades_us = brain->now_us + fades_s * 1000000;
		if (!object->json || !((who && whose && strcmp(who, whose) == 0) ||
		                       (object->fades_us && object->fades_us <= brain->now_us)))
			continue;
		hz_reading_take_away(reading, object);
		gone = true;
	}
	if (gone)
		hz_reading_changed(brain, reading);
}

void hz_reading_left(struct hz_brain *brain, const struct hz_participant *p)
{
	struct hz_reading *reading = p->consult->reading;
	if (!reading)
		return;
	hz_reading_fade(brain, reading, p->id);
	bool told = unask(reading, p->id);
	if (strcmp(reading->holder, p->id) == 0)
		give(reading, "");
	else if (!told)
		return;
	hz_reading_changed(brain, reading);
}

// --- life

static struct hz_reading *reading_new(struct hz_consult *consult)
{
	struct hz_reading *reading = calloc(1, sizeof(*reading));
	if (!reading)
		return NULL;
	reading->consult = consult;
	reading->layout = "one";
	reading->studies = json_array();
	bool ok = reading->studies != NULL;
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++) {
		reading->viewport[i] = hz_reading_viewport_json(i);
		ok = ok && reading->viewport[i];
	}
	if (ok)
		return reading;
	hz_reading_free(reading);
	return NULL;
}

int hz_reading_of(struct hz_brain *brain, struct hz_consult *consult, bool make, struct hz_reading **ret)
{
	if (!consult->reading && (make || !consult->reading_looked)) {
		struct hz_reading *reading = reading_new(consult);
		bool found = false;
		int err = reading ? 0 : -ENOMEM;
		if (!err && !consult->reading_looked && brain->store)
			err = hz_reading_load(brain, reading, &found);
		if (err || (!found && !make)) {
			hz_reading_free(reading);
			reading = NULL;
		}
		if (err)
			return err;
		consult->reading_looked = true;
		consult->reading = reading;
	}
	*ret = consult->reading;
	return 0;
}

void hz_reading_compact(struct hz_reading *reading)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < reading->places; i++) {
		if (reading->object[i].json || reading->object[i].due)
			reading->object[kept++] = reading->object[i];
	}
	reading->places = kept;
}

void hz_reading_free(struct hz_reading *reading)
{
	if (!reading)
		return;
	for (unsigned i = 0; i < reading->places; i++)
		json_decref(reading->object[i].json);
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++)
		json_decref(reading->viewport[i]);
	json_decref(reading->studies);
	free(reading->object);
	free(reading);
}

void hz_reading_free_memory(struct hz_consult *consult)
{
	hz_reading_free(consult->reading);
	consult->reading = NULL;
}

// The table in the store and in the running record.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/rate.h"
#include "gateway/session/table/reading_internal.h"
#include "gateway/session/record/record_events.h"
#include "gateway/store/tables.h"
#include "signaling/protocol/rpc.h"

#define SAVE_US       500000 // with a tick each 250 ms: on disk within 1 s
#define STUDIES_US    100000 // not more often at once, but for a few
#define STUDIES_BURST 10
#define SAVE_BYTES    ((size_t)1 << 20) // in one tick, of all consults
#define LOG_US        250000
#define LOG_BYTES     (HZ_REC_TEXT_BYTES / 2) // of objects in an event; the rest is studies and viewports
#define LOST_MAX      100000                  // versions that a crash may have taken with it, and more

// --- to the store

static int write_state(struct hz_brain *brain, const struct hz_reading *r)
{
	json_t *viewports = json_array();
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++)
		json_array_append(viewports, r->viewport[i]);
	json_t *json =
	    json_pack("{s:I, s:o, s:O, s:s, s:b, s:o, s:I}", "version", (json_int_t)r->version, "floor",
	              hz_reading_floor_json(r), "studies", r->studies, "layout", r->layout, "linked",
	              r->linked, "viewports", viewports, "last_n", (json_int_t)r->last_n);
	char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(HZ_REAL_DIGITS)) : NULL;
	int err = text ? hz_store_table_put(brain->store, r->consult->id, text) : -ENOMEM;
	free(text);
	json_decref(json);
	return err;
}

static int write_object(struct hz_brain *brain, const struct hz_reading *r,
                        const struct hz_reading_object *object)
{
	if (!object->json)
		return hz_store_table_object_put(brain->store, r->consult->id, object->n, NULL);
	char *text = json_dumps(object->json, JSON_COMPACT | JSON_REAL_PRECISION(HZ_REAL_DIGITS));
	int err = text ? hz_store_table_object_put(brain->store, r->consult->id, object->n, text) : -ENOMEM;
	free(text);
	return err;
}

static int save(struct hz_brain *brain, struct hz_reading *r, size_t *bytes)
{
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	int err = write_state(brain, r);
	*bytes += 4096;
	for (unsigned i = 0; i < r->places && !err; i++) {
		if (!(r->object[i].due & HZ_DUE_SAVE))
			continue;
		err = write_object(brain, r, &r->object[i]);
		*bytes += r->object[i].bytes;
	}
	err = hz_persist_end(brain, err);
	if (err)
		return err;
	r->due_floor &= (uint8_t)~HZ_DUE_SAVE;
	r->due_studies &= (uint8_t)~HZ_DUE_SAVE;
	r->due_layout &= (uint8_t)~HZ_DUE_SAVE;
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++)
		r->due_viewport[i] &= (uint8_t)~HZ_DUE_SAVE;
	for (unsigned i = 0; i < r->places; i++)
		r->object[i].due &= (uint8_t)~HZ_DUE_SAVE;
	return 0;
}

// --- from the store

static bool on_state(void *arg, const char *text)
{
	json_t **ret = arg;
	*ret = json_loads(text, 0, NULL);
	return false;
}

static bool on_object(void *arg, const char *text)
{
	struct hz_reading *r = arg;
	json_t *json = json_loads(text, 0, NULL);
	const char *id = json_string_value(json_object_get(json, "id"));
	if (id && r->count < HZ_READING_OBJECTS && json_integer_value(json_object_get(json, "n")) > 0)
		(void)hz_reading_place(r, id, json, 0);
	else
		json_decref(json);
	return true;
}

static void load_floor(struct hz_reading *r, const json_t *floor)
{
	const char *holder = json_string_value(json_object_get(floor, "holder"));
	const json_t *asked = json_object_get(floor, "asked");
	if (holder && hz_participant_find(r->consult, holder))
		snprintf(r->holder, sizeof(r->holder), "%s", holder);
	for (size_t i = 0; i < json_array_size(asked) && r->asked_count < HZ_READING_ASKED; i++) {
		const char *id = json_string_value(json_array_get(asked, i));
		if (id && hz_participant_find(r->consult, id))
			snprintf(r->asked[r->asked_count++], sizeof(r->asked[0]), "%s", id);
	}
}

static void load_state(struct hz_reading *r, const json_t *json)
{
	json_t *studies = json_object_get(json, "studies");
	r->layout = hz_reading_layout(json_string_value(json_object_get(json, "layout")));
	r->linked = json_is_true(json_object_get(json, "linked"));
	r->last_n = json_integer_value(json_object_get(json, "last_n"));
	if (json_is_array(studies)) {
		json_decref(r->studies);
		r->studies = json_incref(studies);
	}
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++) {
		json_t *viewport = json_array_get(json_object_get(json, "viewports"), i);
		if (!json_is_object(viewport))
			continue;
		(void)json_object_update(r->viewport[i], viewport); // one of before may lack a member
	}
	load_floor(r, json_object_get(json, "floor"));
	// Whoever saw what the crash took with it has made its next patch on a state that never was.
	r->version = (uint64_t)json_integer_value(json_object_get(json, "version")) + LOST_MAX;
	r->floor_version = r->pushed = r->version;
}

int hz_reading_load(struct hz_brain *brain, struct hz_reading *reading, bool *ret_found)
{
	json_t *json = NULL;
	int err = hz_store_table_get(brain->store, reading->consult->id, on_state, &json);
	if (!err && json) {
		load_state(reading, json);
		err = hz_store_table_objects(brain->store, reading->consult->id, on_object, reading);
	}
	*ret_found = json != NULL;
	json_decref(json);
	return err;
}

void hz_reading_forget(struct hz_brain *brain, struct hz_consult *consult)
{
	for (struct hz_reading **at = &brain->reading_due; *at; at = &(*at)->next) {
		if (*at == consult->reading) {
			*at = consult->reading->next;
			break;
		}
	}
	if (!brain->store || (consult->reading_looked && !consult->reading))
		return;
	hz_persist_flush(brain);
	int err = hz_store_table_del(brain->store, consult->id);
	err = hz_persist_end(brain, err);
	if (err) // nobody can read it there: the consult is closed
		hz_warn("reading.forget", "consult=%s err=%d", consult->id, -err);
}

// --- to the record

// What somebody drew is recorded like what somebody wrote: only with consent.
static void leave_out(const struct hz_reading *r)
{
	for (unsigned i = 0; i < r->places; i++) {
		struct hz_reading_object *object = &r->object[i];
		const char *by = json_string_value(json_object_get(object->json, "by"));
		const struct hz_participant *p = by ? hz_participant_find(r->consult, by) : NULL;
		if (object->json && (!p || p->consent != HZ_CONSENT_GIVEN))
			object->due &= (uint8_t)~HZ_DUE_LOG;
	}
}

static void due_all(struct hz_reading *r)
{
	r->due_floor |= HZ_DUE_LOG;
	r->due_studies |= HZ_DUE_LOG;
	r->due_layout |= HZ_DUE_LOG;
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++)
		r->due_viewport[i] |= HZ_DUE_LOG;
	for (unsigned i = 0; i < r->places; i++)
		r->object[i].due |= r->object[i].json ? HZ_DUE_LOG : 0;
}

void hz_reading_log(struct hz_brain *brain, struct hz_reading *r)
{
	struct hz_record *record = r->consult->record;
	bool more = true;
	if (record && strcmp(r->record, record->id) != 0) {
		snprintf(r->record, sizeof(r->record), "%s", record->id);
		due_all(r);
	} else if (brain->now_us - r->logged_us < LOG_US) {
		return;
	}
	r->logged_us = brain->now_us;
	leave_out(r);
	while (more && hz_reading_is_due(r, HZ_DUE_LOG)) {
		json_t *part = hz_reading_part(r, HZ_DUE_LOG, LOG_BYTES, &more);
		hz_record_event(brain, record, "table", r->by, part); // no record: nothing
	}
}

void hz_reading_save(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	size_t bytes = 0;
	while (brain->store && (consult = hz_map_next(brain->consults, &at))) {
		if (consult->reading && hz_reading_is_due(consult->reading, HZ_DUE_SAVE))
			brain->count.store_errors += save(brain, consult->reading, &bytes) != 0;
	}
}

void hz_reading_save_studies(struct hz_brain *brain, struct hz_reading *r)
{
	size_t bytes = 0;
	if (!brain->store || !(r->due_studies & HZ_DUE_SAVE) ||
	    !hz_rate_allow(&r->studies_tokens_us, brain->now_us, STUDIES_US, STUDIES_BURST))
		return;
	brain->count.store_errors += save(brain, r, &bytes) != 0; // then the tick does it again
}

void hz_reading_tick(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	size_t bytes = 0;
	while ((consult = hz_map_next(brain->consults, &at))) {
		struct hz_reading *r = consult->reading;
		if (!r)
			continue;
		hz_reading_fade(brain, r, NULL);
		hz_reading_log(brain, r);
		if (brain->store && bytes < SAVE_BYTES && brain->now_us - r->saved_us >= SAVE_US &&
		    hz_reading_is_due(r, HZ_DUE_SAVE)) {
			int err = save(brain, r, &bytes);
			brain->count.store_errors += err != 0;
			r->saved_us = brain->now_us;
		}
		hz_reading_compact(r);
	}
}

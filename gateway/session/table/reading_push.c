// What everybody inside is told of the table: the whole of it when they come, then what has changed.
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/push.h"
#include "gateway/session/table/reading_internal.h"

#define EVERY_US      25000
#define SMALL_CONSULT 10
#define EACH_MORE_US  1000

bool hz_reading_is_due(const struct hz_reading *reading, uint8_t what)
{
	uint8_t due = reading->due_floor | reading->due_studies | reading->due_layout;
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++)
		due |= reading->due_viewport[i];
	for (unsigned i = 0; i < reading->places && !(due & what); i++)
		due |= reading->object[i].due;
	return due & what;
}

static bool take(uint8_t *due, uint8_t what)
{
	bool was = *due & what;
	*due &= (uint8_t)~what;
	return was;
}

static void part_objects(struct hz_reading *reading, json_t *ret, uint8_t what, size_t most, bool *ret_more)
{
	json_t *put = json_array(), *gone = json_array();
	size_t bytes = 0;
	for (unsigned i = 0; i < reading->places; i++) {
		struct hz_reading_object *object = &reading->object[i];
		if (!(object->due & what))
			continue;
		size_t its = object->json ? object->bytes : strlen(object->id) + 4;
		if (bytes && bytes + its > most) {
			*ret_more = true;
			break;
		}
		bytes += its;
		(void)take(&object->due, what);
		if (object->json)
			json_array_append(put, object->json);
		else if (!hz_reading_find(reading, object->id)) // else it is there anew
			json_array_append_new(gone, json_string(object->id));
	}
	if (json_array_size(gone))
		json_object_set(ret, "gone", gone);
	if (json_array_size(put))
		json_object_set(ret, "put", put);
	json_decref(gone);
	json_decref(put);
}

json_t *hz_reading_part(struct hz_reading *reading, uint8_t what, size_t bytes, bool *ret_more)
{
	json_t *json = json_object(), *viewports = json_array();
	*ret_more = false;
	if (take(&reading->due_floor, what))
		json_object_set_new(json, "floor", hz_reading_floor_json(reading));
	if (take(&reading->due_studies, what))
		json_object_set_new(json, "studies", json_deep_copy(reading->studies));
	if (take(&reading->due_layout, what)) {
		json_object_set_new(json, "layout", json_string(reading->layout));
		json_object_set_new(json, "linked", json_boolean(reading->linked));
	}
	for (unsigned i = 0; i < HZ_READING_VIEWPORTS; i++) {
		if (take(&reading->due_viewport[i], what))
			json_array_append(viewports, reading->viewport[i]);
	}
	if (json_array_size(viewports))
		json_object_set(json, "viewports", viewports);
	json_decref(viewports);
	part_objects(reading, json, what, bytes, ret_more);
	return json;
}

void hz_reading_changed(struct hz_brain *brain, struct hz_reading *reading)
{
	reading->version++;
	hz_air_table(brain, reading->consult);
	hz_easel_table(brain, reading->consult);
	if (reading->queued)
		return;
	reading->queued = true;
	reading->next = brain->reading_due;
	brain->reading_due = reading;
}

// The first part of a long one tells no new version: who has only that has not seen all of it.
static bool push(struct hz_brain *brain, struct hz_reading *reading)
{
	bool more;
	json_t *json = hz_reading_part(reading, HZ_DUE_PUSH, HZ_READING_PAGE, &more);
	uint64_t version = more ? reading->pushed : reading->version;
	json_object_set_new(json, "base", json_integer((json_int_t)reading->pushed));
	json_object_set_new(json, "version", json_integer((json_int_t)version));
	reading->pushed = version;
	reading->pushed_us = brain->now_us;
	hz_push_admitted(brain, reading->consult, HZ_GRANT_SUBSCRIBE, HZ_PUSH_TABLE_PATCH, json);
	hz_reading_compact(reading);
	return more;
}

static int64_t interval_us(const struct hz_consult *consult)
{
	unsigned n = consult->participant_count;
	return EVERY_US + (n > SMALL_CONSULT ? (int64_t)(n - SMALL_CONSULT) * EACH_MORE_US : 0);
}

int64_t hz_reading_due(struct hz_brain *brain)
{
	int64_t next = INT64_MAX;
	struct hz_reading **at = &brain->reading_due;
	while (*at) {
		struct hz_reading *reading = *at;
		int64_t every = interval_us(reading->consult), due = reading->pushed_us + every;
		bool waits = reading->pushed_us && due > brain->now_us;
		if (waits || push(brain, reading)) {
			due = waits ? due : brain->now_us + every;
			next = due < next ? due : next;
			at = &reading->next;
			continue;
		}
		*at = reading->next;
		reading->queued = false;
	}
	return next;
}

void hz_reading_tell(struct hz_brain *brain, const struct hz_participant *p)
{
	struct hz_reading *reading = NULL;
	if (!p->conn || !(p->grants & HZ_GRANT_SUBSCRIBE) || p->status != HZ_STATUS_ADMITTED)
		return;
	if (hz_reading_of(brain, p->consult, false, &reading) == 0 && reading)
		hz_push_one(brain, p, HZ_PUSH_TABLE, hz_reading_json(reading, 0, false));
}

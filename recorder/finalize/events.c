#include "recorder/finalize/events.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS 12 // quality: of 11 hours one

static const struct kind {
	const char *type;
	int64_t apart_us;    // level 0
	bool by_participant; // of each, or of all together
} kinds[] = {{"quality", 10000000, true}, {"speaker", 500000, false}, {"layer", 5000000, true}};

int hz_events_init(struct hz_events *events)
{
	*events = (struct hz_events){.list = json_array()};
	return events->list ? 0 : -ENOMEM;
}

void hz_events_done(struct hz_events *events)
{
	json_decref(events->list);
	events->list = NULL;
}

// Indented by two it is never shorter than within the list, indented by one.
static size_t size_of(const json_t *event)
{
	return json_dumpb(event, NULL, 0, JSON_SORT_KEYS | JSON_INDENT(2) | JSON_REAL_PRECISION(8)) + 32;
}

static const struct kind *kind_of(const json_t *event)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	for (unsigned i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return &kinds[i];
	return NULL;
}

static const char *text_of(const json_t *in, const char *key)
{
	const char *text = json_string_value(json_object_get(in, key));
	return text ? text : "";
}

// Whether a later event of the same kind lies in the same stretch. newest: name -> stretch of the one that came behind.
static bool is_outlived(const json_t *event, unsigned level, json_t *newest)
{
	const struct kind *kind = kind_of(event);
	char name[400];
	if (!kind)
		return false;
	const json_t *detail = json_object_get(event, "detail");
	snprintf(name, sizeof(name), "%s/%.128s/%.128s", kind->type,
	         kind->by_participant ? text_of(event, "participant") : "", text_of(detail, "source"));
	json_int_t stretch =
	    json_integer_value(json_object_get(event, "us")) / (kind->apart_us * ((int64_t)1 << level));
	const json_t *behind = json_object_get(newest, name);
	if (behind && json_integer_value(behind) == stretch)
		return true;
	json_object_set_new(newest, name, json_integer(stretch));
	return false;
}

static void thin(struct hz_events *e)
{
	size_t count = json_array_size(e->list), i;
	bool *drop = calloc(count + 1, sizeof(*drop));
	json_t *kept = json_array(), *newest = json_object(), *one;
	for (i = count; drop && i-- > 0;)
		drop[i] = is_outlived(json_array_get(e->list, i), e->level, newest);
	json_array_foreach(e->list, i, one)
	{
		if (!drop || !drop[i]) {
			json_array_append(kept, one);
		} else {
			e->bytes -= size_of(one);
			e->thinned++;
		}
	}
	if (kept) {
		json_decref(e->list);
		e->list = kept;
	}
	json_decref(newest);
	free(drop);
}

static bool fits(const struct hz_events *e, size_t count, size_t bytes)
{
	return json_array_size(e->list) < count && e->bytes <= bytes;
}

void hz_events_add(struct hz_events *e, json_t *event)
{
	size_t bytes = event ? size_of(event) : 0;
	bool full = !fits(e, HZ_EVENTS_COUNT, HZ_EVENTS_BYTES - bytes);
	while (full && e->level < LEVELS && !fits(e, HZ_EVENTS_COUNT * 3 / 4, HZ_EVENTS_BYTES * 3 / 4)) {
		e->level++;
		thin(e);
	}
	if (!event || bytes > HZ_EVENTS_BYTES / 4 || !fits(e, HZ_EVENTS_COUNT, HZ_EVENTS_BYTES - bytes)) {
		json_decref(event);
		e->left_out++;
		return;
	}
	if (json_array_append_new(e->list, event) == 0)
		e->bytes += bytes;
}

void hz_events_end(struct hz_events *e)
{
	if (e->level)
		thin(e);
}

json_t *hz_events_thinned(const struct hz_events *e)
{
	json_t *json;
	char name[32];
	if (!e->level || !(json = json_pack("{s:I}", "events", (json_int_t)e->thinned)))
		return NULL;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(name, sizeof(name), "%s_ms", kinds[i].type);
		json_object_set_new(json, name,
		                    json_integer((kinds[i].apart_us * ((int64_t)1 << e->level)) / 1000));
	}
	return json;
}

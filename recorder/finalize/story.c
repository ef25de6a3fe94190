#include "recorder/finalize/story.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/finalize/events.h"

struct hz_story {
	json_t *record; // newest META
	json_t *people; // id -> {"id", "name", "role", "periods", "consent"}, in order of appearance
	struct hz_events events;
	json_t *gaps;
	int64_t first_us, last_us;
	unsigned entries; // periods and consents of all people
	uint64_t left_out;
};

int hz_story_new(struct hz_story **ret)
{
	struct hz_story *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->people = json_object();
	s->gaps = json_array();
	if (hz_events_init(&s->events) || !s->people || !s->gaps) {
		hz_story_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void hz_story_free(struct hz_story *story)
{
	if (!story)
		return;
	json_decref(story->record);
	json_decref(story->people);
	hz_events_done(&story->events);
	json_decref(story->gaps);
	free(story);
}

static json_t *person(struct hz_story *s, const char *id)
{
	json_t *p = json_object_get(s->people, id);
	if (p || !id[0])
		return p;
	if (json_object_size(s->people) >= HZ_STORY_PEOPLE) {
		s->left_out++;
		return NULL;
	}
	p = json_pack("{s:s, s:s, s:s, s:[], s:[]}", "id", id, "name", "", "role", "", "periods", "consent");
	if (!p || json_object_set_new(s->people, id, p) != 0)
		return NULL;
	return p;
}

static void copy_text(json_t *to, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);
	if (json_is_string(value))
		json_object_set(to, key, value);
}

static void on_meta(struct hz_story *s, json_t *root)
{
	const json_t *p;
	size_t i;
	json_array_foreach(json_object_get(root, "participants"), i, p)
	{
		const char *id = json_string_value(json_object_get(p, "id"));
		json_t *known = person(s, id ? id : "");
		if (!known)
			continue;
		copy_text(known, p, "name");
		copy_text(known, p, "role");
	}
	json_decref(s->record);
	s->record = json_incref(root);
}

static void add_entry(struct hz_story *s, json_t *list, json_t *entry)
{
	size_t count = json_array_size(list);
	bool full = count >= HZ_STORY_LIST || (s->entries >= HZ_STORY_ENTRIES && count >= 2);
	if (full) {
		json_array_remove(list, count / 2);
		s->left_out++;
	}
	s->entries += !full;
	json_array_append_new(list, entry);
}

static json_t *last_period(const json_t *p)
{
	const json_t *list = json_object_get(p, "periods");
	size_t n = json_array_size(list);
	return n ? json_array_get(list, n - 1) : NULL;
}

static void on_person_event(struct hz_story *s, json_t *p, const char *type, const json_t *detail, int64_t ms)
{
	json_t *period = last_period(p);
	bool open = period && !json_object_get(period, "to_ms");
	if (strcmp(type, "join") == 0) {
		copy_text(p, detail, "name");
		copy_text(p, detail, "role");
		if (!open)
			add_entry(s, json_object_get(p, "periods"),
			          json_pack("{s:I}", "from_ms", (json_int_t)ms));
	} else if (strcmp(type, "leave") == 0 && open) {
		json_object_set_new(period, "to_ms", json_integer(ms));
	} else if (strcmp(type, "name") == 0) {
		copy_text(p, detail, "name");
	} else if (strcmp(type, "consent") == 0) {
		json_t *c = json_pack("{s:I}", "time_ms", (json_int_t)ms);
		copy_text(c, detail, "state");
		copy_text(c, detail, "wording");
		copy_text(c, detail, "language");
		add_entry(s, json_object_get(p, "consent"), c);
	}
}

static void on_event(struct hz_story *s, const json_t *root, int64_t us)
{
	const char *type = json_string_value(json_object_get(root, "type"));
	const char *id = json_string_value(json_object_get(root, "participant"));
	json_t *detail = json_object_get(root, "detail"), *time = json_object_get(root, "time_ms");
	json_t *p = type && id ? person(s, id) : NULL;
	if (p) // whatever else happened so often that it is left out
		on_person_event(s, p, type, detail,
		                json_is_integer(time) ? json_integer_value(time) : us / 1000);
	if (!type) {
		s->left_out++;
		return;
	}
	json_t *event = json_pack("{s:I, s:s}", "us", (json_int_t)us, "type", type);
	if (id)
		json_object_set_new(event, "participant", json_string(id));
	if (detail)
		json_object_set(event, "detail", detail);
	hz_events_add(&s->events, event);
}

static void on_gap(struct hz_story *s, const json_t *root, int64_t us)
{
	if (json_array_size(s->gaps) >= HZ_STORY_GAPS) {
		s->left_out++;
		return;
	}
	json_array_append_new(s->gaps,
	                      json_pack("{s:I, s:I, s:I}", "us", (json_int_t)us, "track",
	                                json_integer_value(json_object_get(root, "track")), "packets",
	                                json_integer_value(json_object_get(root, "packets"))));
}

int hz_story_item(struct hz_story *story, const struct hz_journal_item *item, int64_t us)
{
	if (!story->first_us || us < story->first_us)
		story->first_us = us;
	if (us > story->last_us)
		story->last_us = us;
	if (item->kind != HZ_RECORD_META && item->kind != HZ_RECORD_EVENT && item->kind != HZ_RECORD_GAP)
		return 0;
	json_t *root = json_loadb((const char *)item->data, item->bytes, 0, NULL);
	if (!json_is_object(root)) {
		story->left_out++;
		json_decref(root);
		return 0;
	}
	if (item->kind == HZ_RECORD_META)
		on_meta(story, root);
	else if (item->kind == HZ_RECORD_EVENT)
		on_event(story, root, us);
	else
		on_gap(story, root, us);
	json_decref(root);
	return 0;
}

int64_t hz_story_first_us(const struct hz_story *story)
{
	return story->first_us;
}

int64_t hz_story_last_us(const struct hz_story *story)
{
	return story->last_us;
}

json_t *hz_story_record(const struct hz_story *story)
{
	return story->record ? json_incref(story->record) : json_object();
}

json_t *hz_story_participants(const struct hz_story *story)
{
	json_t *list = json_array(), *p;
	const char *id;
	json_object_foreach(story->people, id, p)
	{
		json_t *copy = json_deep_copy(p), *period = copy ? last_period(copy) : NULL;
		if (period && !json_object_get(period, "to_ms")) // was there until the end
			json_object_set_new(period, "to_ms", json_integer(story->last_us / 1000));
		json_array_append_new(list, copy);
	}
	return list;
}

// "us" of a list's objects becomes "at_ms".
static json_t *placed(const json_t *from, int64_t zero_us)
{
	json_t *list = json_array();
	const json_t *e;
	size_t i;
	json_array_foreach(from, i, e)
	{
		json_t *copy = json_copy((json_t *)(uintptr_t)e);
		int64_t us = json_integer_value(json_object_get(e, "us")) - zero_us;
		json_object_set_new(copy, "at_ms", json_integer(us / 1000));
		json_object_del(copy, "us");
		json_array_append_new(list, copy);
	}
	return list;
}

void hz_story_end(struct hz_story *story)
{
	hz_events_end(&story->events);
}

json_t *hz_story_events(const struct hz_story *story, int64_t zero_us)
{
	return placed(story->events.list, zero_us);
}

json_t *hz_story_thinned(const struct hz_story *story)
{
	return hz_events_thinned(&story->events);
}

json_t *hz_story_gaps(const struct hz_story *story, int64_t zero_us)
{
	return placed(story->gaps, zero_us);
}

uint64_t hz_story_left_out(const struct hz_story *story)
{
	return story->left_out + story->events.left_out;
}

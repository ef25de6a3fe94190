#include "gateway/session/record/record_events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/persist.h"
#include "gateway/session/quality.h"
#include "gateway/store/viewings.h"

#define EVENTS_MAX      65536 // of all records: a recorder that is away for hours
#define EVENT_BYTES_MAX ((size_t)32 << 20)
#define RESERVE         8 // one of so many is for events that a record may not lack
#define QUALITY_US      10000000

struct hz_record_event {
	struct hz_record_event *next;
	int64_t seq;     // in the store, 0: not there
	uint64_t number; // 0: not given out
	int64_t at_us;
	size_t bytes;
	bool sent;
	char text[];
};

// Somebody who writes and mutes without end pushes out no consent, nor who came and went.
static bool is_vital(const char *type)
{
	static const char *const types[] = {"consent", "recording", "join", "leave"};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

static struct hz_record_event *append(struct hz_brain *brain, struct hz_record *record, const char *text,
                                      bool vital)
{
	size_t bytes = strlen(text), most = EVENTS_MAX, most_bytes = EVENT_BYTES_MAX;
	if (!vital) {
		most -= most / RESERVE;
		most_bytes -= most_bytes / RESERVE;
	}
	if (bytes > HZ_REC_TEXT_BYTES || brain->record_events >= most ||
	    brain->record_event_bytes + bytes > most_bytes)
		return NULL;
	struct hz_record_event *event = calloc(1, sizeof(*event) + bytes + 1);
	if (!event)
		return NULL;
	memcpy(event->text, text, bytes + 1);
	event->bytes = bytes;
	event->at_us = brain->now_us;
	*record->last_event = event;
	record->last_event = &event->next;
	brain->record_events++;
	brain->record_event_bytes += bytes;
	hz_record_wake(brain, record, false);
	return event;
}

static void put(struct hz_brain *brain, const struct hz_record *record, struct hz_record_event *event)
{
	const struct hz_record_event_row row = {
	    .record = record->id, .event = event->text, .number = event->number, .at_us = event->at_us};
	if (!brain->store || brain->store_sick)
		return; // written anew with everything else
	int err = hz_store_record_event_add(brain->store, &row, &event->seq);
	if (err) {
		brain->count.store_errors++;
		hz_warn("record.event", "record=%s err=%d", record->id, -err);
	}
}

void hz_record_event(struct hz_brain *brain, struct hz_record *record, const char *type,
                     const char *participant, json_t *detail)
{
	if (!record || record->ending) {
		json_decref(detail);
		return;
	}
	if (brain->store && !brain->store_sick && participant[0] && strcmp(type, "join") == 0)
		(void)hz_store_record_person_add(brain->store, record->id, participant); // may see it later
	json_t *json = json_pack("{s:s, s:s, s:o, s:I}", "type", type, "participant", participant, "detail",
	                         detail ? detail : json_object(), "time_ms", (json_int_t)brain->wall_ms);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	struct hz_record_event *event = text ? append(brain, record, text, is_vital(type)) : NULL;
	free(text);
	if (!event) {
		if (brain->count.record_events_lost++ == 0)
			hz_error("record.event_lost", "record=%s type=%s waiting=%u", record->id, type,
			         brain->record_events);
		return;
	}
	if (record->opened)
		event->number = ++record->number;
	put(brain, record, event);
}

void hz_record_event_of(struct hz_brain *brain, const struct hz_participant *p, const char *type,
                        json_t *detail)
{
	if (hz_is_viewers(p))
		json_decref(detail);
	else
		hz_record_event(brain, p->consult->record, type, p->id, detail);
}

static void drop(struct hz_brain *brain, struct hz_record_event *event, bool forget)
{
	if (forget && event->seq && brain->store && !brain->store_sick)
		(void)hz_store_record_event_del(brain->store, event->seq);
	brain->record_events--;
	brain->record_event_bytes -= event->bytes;
	free(event);
}

void hz_record_events_number(struct hz_brain *brain, struct hz_record *record, uint64_t newest)
{
	struct hz_record_event **at = &record->events;
	if (record->number < newest)
		record->number = newest;
	while (*at) {
		struct hz_record_event *event = *at;
		if (event->number && event->number <= newest) { // its ACK was for somebody who died
			*at = event->next;
			drop(brain, event, true);
			continue;
		}
		if (!event->number) {
			event->number = ++record->number;
			if (event->seq && brain->store && !brain->store_sick)
				(void)hz_store_record_event_number(brain->store, event->seq, event->number);
		}
		at = &event->next;
	}
	record->last_event = at;
}

void hz_record_events_unsent(struct hz_record *record)
{
	for (struct hz_record_event *event = record->events; event; event = event->next)
		event->sent = false;
}

bool hz_record_events_send(struct hz_brain *brain, struct hz_record *record)
{
	for (struct hz_record_event *event = record->events; event; event = event->next) {
		if (event->sent)
			continue;
		int err = hz_record_link_event(brain->recorder, record->id, event->number, event->text,
		                               event->at_us);
		if (err)
			return false; // again when others are on disk
		event->sent = true;
	}
	return true;
}

void hz_record_event_done(struct hz_brain *brain, struct hz_record *record, uint64_t number)
{
	while (record->events && record->events->number && record->events->number <= number) {
		struct hz_record_event *event = record->events;
		record->events = event->next;
		drop(brain, event, true);
	}
	if (!record->events)
		record->last_event = &record->events;
	if (record->due)
		brain->record_due = true; // there is room again
}

void hz_record_events_free(struct hz_brain *brain, struct hz_record *record, bool forget)
{
	while (record->events) {
		struct hz_record_event *event = record->events;
		record->events = event->next;
		drop(brain, event, forget);
	}
	record->last_event = &record->events;
}

// --- the store

static bool on_row(void *arg, const struct hz_record_event_row *row)
{
	struct hz_brain *brain = arg;
	struct hz_record *record = hz_map_get(brain->records, row->record);
	struct hz_record_event *event = record ? append(brain, record, row->event, true) : NULL;
	if (!event)
		return true;
	event->seq = row->seq;
	event->number = row->number;
	event->at_us = row->at_us < brain->now_us ? row->at_us : brain->now_us; // not of another boot
	if (record->number < row->number)
		record->number = row->number;
	return true;
}

int hz_record_events_load(struct hz_brain *brain)
{
	return hz_store_record_event_all(brain->store, on_row, brain);
}

void hz_record_events_rewrite(struct hz_brain *brain)
{
	uint32_t at = 0;
	struct hz_record *record;
	while ((record = hz_map_next(brain->records, &at))) {
		for (struct hz_record_event *event = record->events; event && !brain->store_sick;
		     event = event->next) {
			if (!event->seq)
				put(brain, record, event);
		}
	}
}

// --- kinds with more to them

void hz_record_quality(struct hz_brain *brain, struct hz_record *record)
{
	if (brain->now_us - record->quality_us < QUALITY_US)
		return;
	record->quality_us = brain->now_us;
	for (const struct hz_participant *p = record->consult->participants; p; p = p->next) {
		if (p->status == HZ_STATUS_ADMITTED)
			hz_record_event_of(brain, p, "quality", hz_stats_json(p));
	}
}

void hz_record_speakers(struct hz_brain *brain, struct hz_consult *consult,
                        const struct hz_participant *const *who, unsigned count)
{
	struct hz_record *record = consult->record;
	uint32_t sum = 2166136261u;
	json_t *ids = record ? json_array() : NULL;
	for (unsigned i = 0; record && i < count; i++) {
		if (who[i]->consent != HZ_CONSENT_GIVEN)
			continue;
		for (const char *c = who[i]->id; *c; c++)
			sum = (sum ^ (uint8_t)*c) * 16777619u;
		sum = (sum ^ 0xffu) * 16777619u;
		json_array_append_new(ids, json_string(who[i]->id));
	}
	if (!record || sum == record->speakers) {
		json_decref(ids);
		return;
	}
	record->speakers = sum;
	hz_record_event(brain, record, "speaker",
	                json_array_size(ids) ? json_string_value(json_array_get(ids, 0)) : "",
	                json_pack("{s:o}", "ids", ids));
}

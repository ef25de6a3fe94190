// What the recorder is told of a record (recorder/api.h, schema "record"), and what is found again at control's start.
#include "gateway/session/record/record_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/record/consent.h"
#include "gateway/session/persist.h"
#include "gateway/session/record/record_events.h"
#include "gateway/store/records.h"

#define PEOPLE_BYTES 8192 // of the text; who does not fit is in the events all the same

static json_t *subject_json(struct hz_brain *brain, const char *consult)
{
	char *text = NULL;
	if (!brain->store || hz_store_subject_get(brain->store, consult, &text))
		return NULL;
	json_t *subject = json_loads(text, 0, NULL);
	hz_wipe(text, strlen(text));
	free(text);
	return subject;
}

static json_t *people_json(const struct hz_consult *consult)
{
	json_t *people = json_array();
	size_t bytes = 0;
	for (const struct hz_participant *p = consult ? consult->participants : NULL; p; p = p->next) {
		bytes += strlen(p->id) + 2 * strlen(p->name) + 64;
		if (p->status != HZ_STATUS_ADMITTED || bytes > PEOPLE_BYTES)
			continue;
		json_array_append_new(people, json_pack("{s:s, s:s, s:s}", "id", p->id, "name", p->name,
		                                        "role", hz_role_name(p->role)));
	}
	return people;
}

int hz_record_tell_open(struct hz_brain *brain, struct hz_record *record, const struct hz_consult *consult)
{
	json_t *json =
	    json_pack("{s:s, s:s, s:s, s:I, s:s, s:o}", "id", record->id, "consult", record->consult_id,
	              "title", consult ? consult->title : "", "started_ms", (json_int_t)record->started_ms,
	              "started_by", record->started_by, "participants", people_json(consult));
	json_t *subject = subject_json(brain, record->consult_id);
	if (json && subject)
		json_object_set(json, "subject", subject);
	json_decref(subject);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	int err = text ? hz_record_link_open(brain->recorder, record->id, text) : -ENOMEM;
	if (text)
		hz_wipe(text, strlen(text));
	free(text);
	return err;
}

// --- control's start

struct load {
	struct hz_brain *brain;
	int err;
};

static bool on_row(void *arg, const struct hz_record_row *row)
{
	struct load *load = arg;
	struct hz_consult *consult = hz_map_get(load->brain->consults, row->consult);
	if (strlen(row->id) >= HZ_REC_ID_BYTES || hz_map_get(load->brain->records, row->id))
		return true;
	struct hz_record *record = hz_record_new(load->brain, row->id, row->consult);
	if (!record) {
		load->err = -ENOMEM;
		return false;
	}
	record->started_ms = row->started_ms;
	record->ended_ms = row->ended_ms;
	record->tracks = row->tracks;
	record->was_opened = row->tracks > 0;
	snprintf(record->started_by, sizeof(record->started_by), "%s", row->started_by);
	snprintf(record->stopped_by, sizeof(record->stopped_by), "%s", row->stopped_by);
	if (row->ended_ms || !consult || consult->record) {
		record->ending = true;
	} else {
		record->consult = consult;
		consult->record = record;
	}
	return true;
}

static bool on_newest(void *arg, const struct hz_record_row *row)
{
	struct hz_consult *consult = arg;
	for (const struct hz_participant *p = consult->participants; p && row->ended_ms && row->stopped_by[0];
	     p = p->next)
		consult->record_held = consult->record_held || p->joined_ms <= row->ended_ms;
	return false;
}

static void load_people(struct hz_brain *brain, struct hz_consult *consult)
{
	for (struct hz_participant *p = consult->participants; p; p = p->next) {
		int err = hz_consent_load(brain, p);
		if (err) // asked anew, and not recorded until then
			hz_warn("consent.load", "consult=%s err=%d", consult->id, -err);
	}
	if (!consult->record && consult->participants)
		(void)hz_store_record_list(brain->store, consult->id, 1, on_newest, consult);
	for (struct hz_participant *p = consult->participants; p; p = p->next)
		hz_record_resume(brain, p);
}

int hz_record_load(struct hz_brain *brain)
{
	struct load load = {.brain = brain};
	struct hz_consult *consult;
	struct hz_record *record;
	uint32_t at = 0;
	if (!brain->store)
		return 0;
	int err = brain->recorder ? hz_store_record_open(brain->store, on_row, &load) : 0;
	if (!err)
		err = load.err;
	if (!err && brain->recorder)
		err = hz_record_events_load(brain);
	if (err)
		return err;
	while ((record = hz_map_next(brain->records, &at))) {
		(void)hz_record_tell_open(brain, record, record->consult);
		hz_record_wake(brain, record, true);
	}
	for (at = 0; (consult = hz_map_next(brain->consults, &at));) {
		load_people(brain, consult);
		hz_record_consider(brain, consult);
	}
	if (brain->recorder)
		hz_record_link_start(brain->recorder);
	return 0;
}

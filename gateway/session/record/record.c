#include "gateway/session/record/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/record/consent.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record_events.h"
#include "gateway/session/record/record_open.h"
#include "gateway/store/records.h"

#define RETRY_US 5000000

int hz_record_write(struct hz_brain *brain, const struct hz_record *record)
{
	const struct hz_record_row row = {
	    .id = record->id,
	    .consult = record->consult_id,
	    .started_by = record->started_by,
	    .stopped_by = record->stopped_by,
	    .started_ms = record->started_ms,
	    .ended_ms = record->ended_ms,
	    .tracks = record->tracks,
	    .closed = record->state == HZ_REC_CLOSED,
	};
	if (!brain->store)
		return 0;
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	int err = hz_store_record_put(brain->store, &row);
	if (err)
		hz_store_rollback(brain->store);
	else
		err = hz_persist_commit(brain);
	if (err)
		hz_warn("record.store", "record=%s err=%d", record->id, -err);
	return err;
}

struct hz_record *hz_record_new(struct hz_brain *brain, const char *id, const char *consult_id)
{
	struct hz_record *record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	snprintf(record->id, sizeof(record->id), "%s", id);
	snprintf(record->consult_id, sizeof(record->consult_id), "%s", consult_id);
	record->last_event = &record->events;
	record->quality_us = brain->now_us;
	if (hz_map_set(brain->records, record->id, record)) {
		free(record);
		return NULL;
	}
	return record;
}

void hz_record_drop(struct hz_brain *brain, struct hz_record *record)
{
	if (record->consult)
		record->consult->record = NULL;
	hz_map_del(brain->records, record->id);
	hz_record_events_free(brain, record, true);
	free(record);
}

// RFC 9562 section 5.4.
static void make_uuid(char ret[HZ_REC_ID_BYTES])
{
	uint8_t b[16];
	hz_random(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(ret, HZ_REC_ID_BYTES, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	         b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
	         b[14], b[15]);
}

// Who is there when it begins: from the journal alone it must be known who was in the room.
static void name_present(struct hz_brain *brain, struct hz_record *record)
{
	for (const struct hz_participant *p = record->consult->participants; p; p = p->next) {
		if (p->status != HZ_STATUS_ADMITTED)
			continue;
		hz_record_event(brain, record, "join", p->id,
		                json_pack("{s:s, s:s, s:b}", "name", p->name, "role", hz_role_name(p->role),
		                          "before", 1));
		if (p->consent != HZ_CONSENT_NONE)
			hz_record_event(brain, record, "consent", p->id, hz_consent_detail(brain, p));
	}
}

int hz_record_start(struct hz_brain *brain, struct hz_consult *consult, const char *started_by)
{
	char id[HZ_REC_ID_BYTES];
	if (consult->record)
		return 0;
	if (!brain->recorder)
		return -ENOTCONN;
	make_uuid(id);
	struct hz_record *record = hz_record_new(brain, id, consult->id);
	if (!record)
		return -ENOMEM;
	record->started_ms = brain->wall_ms;
	snprintf(record->started_by, sizeof(record->started_by), "%s", started_by);
	int err = hz_record_write(brain, record);
	if (!err)
		err = hz_record_tell_open(brain, record, consult);
	if (err) {
		brain->count.record_failures++;
		hz_record_drop(brain, record);
		return err;
	}
	record->consult = consult;
	consult->record = record;
	consult->record_held = false;
	consult->recount = true; // pictures as a PACS takes them
	brain->count.records++;
	hz_record_wake(brain, record, true);
	hz_info("record.start", "consult=%s record=%s by=%s", consult->id, id, started_by);
	hz_record_event(brain, record, "recording", started_by, json_pack("{s:s}", "state", "on"));
	name_present(brain, record);
	for (struct hz_participant *p = consult->participants; p; p = p->next)
		hz_record_follow(brain, p);
	hz_push_state(brain, consult);
	return 0;
}

int hz_record_stop(struct hz_brain *brain, struct hz_consult *consult, const char *stopped_by)
{
	struct hz_record *record = consult->record;
	if (!record)
		return 0;
	record->ended_ms = brain->wall_ms;
	snprintf(record->stopped_by, sizeof(record->stopped_by), "%s", stopped_by);
	hz_record_event(brain, record, "recording", stopped_by, json_pack("{s:s}", "state", "off"));
	record->ending = true;
	record->consult = NULL;
	consult->record = NULL;
	consult->record_held = stopped_by[0] != '\0';
	hz_record_untap(brain, consult);
	hz_info("record.stop", "consult=%s record=%s by=%s", consult->id, record->id, stopped_by);
	hz_record_wake(brain, record, false);
	hz_push_state(brain, consult);
	return hz_record_write(brain, record);
}

void hz_record_retell(struct hz_brain *brain, struct hz_consult *consult)
{
	if (consult->record && hz_record_tell_open(brain, consult->record, consult))
		hz_warn("record.open", "record=%s", consult->record->id);
}

enum hz_record_wish hz_record_wish_of(const struct hz_brain *brain, const struct hz_consult *consult)
{
	enum hz_record_wish wish = consult->wish ? (enum hz_record_wish)consult->wish : brain->record_wish;
	return wish ? wish : HZ_RECORD_OFF;
}

void hz_record_consider(struct hz_brain *brain, struct hz_consult *consult)
{
	unsigned here = 0, willing = 0;
	for (const struct hz_participant *p = consult->participants; p; p = p->next) {
		here += p->status == HZ_STATUS_ADMITTED;
		willing += p->status == HZ_STATUS_ADMITTED && p->consent == HZ_CONSENT_GIVEN;
	}
	enum hz_record_wish wish = hz_record_wish_of(brain, consult);
	if (here == 0) {
		consult->record_held = false;
		(void)hz_record_stop(brain, consult, "");
	} else if (!consult->record && !consult->record_held && willing > 0 &&
	           here >= (wish == HZ_RECORD_AUTOMATIC ? 2u : 1u) && wish != HZ_RECORD_OFF) {
		int err = hz_record_start(brain, consult, "");
		if (err && err != -ENOTCONN)
			hz_warn("record.start", "consult=%s err=%d", consult->id, -err);
	}
}

void hz_record_wake(struct hz_brain *brain, struct hz_record *record, bool tracks)
{
	brain->record_due = true;
	record->due = true;
	record->tracks_due = record->tracks_due || tracks;
}

static void say(struct hz_brain *brain, struct hz_record *record)
{
	if (!hz_record_events_send(brain, record))
		return; // on_event wakes it when there is room again
	if (record->ending && !record->closed)
		record->closed = hz_record_link_close(brain->recorder, record->id) == 0;
	else if (record->consult && record->tracks_due)
		hz_record_open_tracks(brain, record);
	record->due = record->tracks_due = false;
}

void hz_record_turn(struct hz_brain *brain)
{
	uint32_t at = 0;
	struct hz_record *record;
	if (!brain->recorder)
		return;
	bool due = brain->record_due;
	brain->record_due = false;
	while (due && (record = hz_map_next(brain->records, &at))) {
		if (record->due && record->opened)
			say(brain, record);
	}
	hz_record_link_flush(brain->recorder);
}

static void retry(struct hz_brain *brain, struct hz_record *record)
{
	if (!record->opened && record->open_err)
		(void)hz_record_tell_open(brain, record, record->consult);
	for (struct hz_participant *p = record->consult ? record->consult->participants : NULL; p;
	     p = p->next) {
		for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			for (struct hz_track *track = peer->tracks; track; track = track->next)
				track->tap = track->tap == HZ_TAP_FAILED ? HZ_TAP_WANTED : track->tap;
		}
	}
	hz_record_wake(brain, record, true);
}

// Its journal will have no number left for a track: the consult goes on in another one.
static void renew(struct hz_brain *brain, struct hz_consult *consult)
{
	char started_by[HZ_ID_TEXT_BYTES];
	const struct hz_record *record = consult->record;
	if (!record || record->tracks < HZ_REC_MAX_KEYS)
		return;
	hz_warn("record.another", "record=%s tracks=%u", record->id, record->tracks);
	memcpy(started_by, record->started_by, sizeof(started_by));
	(void)hz_record_stop(brain, consult, "");
	(void)hz_record_start(brain, consult, started_by);
}

void hz_record_tick(struct hz_brain *brain)
{
	uint32_t at = 0;
	struct hz_record *record;
	struct hz_consult *consult;
	if (!brain->recorder)
		return;
	bool again = brain->now_us >= brain->record_retry_us;
	while ((record = hz_map_next(brain->records, &at))) {
		if (record->consult)
			hz_record_quality(brain, record);
		if (again)
			retry(brain, record);
	}
	for (at = 0; (consult = hz_map_next(brain->consults, &at));) {
		renew(brain, consult);
		for (struct hz_participant *p = again ? consult->participants : NULL; p; p = p->next)
			hz_consent_retry(brain, p);
		if (again)
			hz_record_consider(brain, consult);
	}
	if (again)
		brain->record_retry_us = brain->now_us + RETRY_US;
}

void hz_record_free_all(struct hz_brain *brain)
{
	uint32_t at = 0;
	struct hz_record *record;
	while (brain->records && (record = hz_map_next(brain->records, &at))) {
		hz_record_events_free(brain, record, false);
		free(record);
	}
	hz_map_free(brain->records);
	hz_record_link_free(brain->recorder);
}

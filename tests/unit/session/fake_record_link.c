#include "tests/unit/session/fake_record_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_recorder fake_recorder;

struct answer { // an ACK on its way
	struct answer *next;
	enum hz_rec_type type;
	char record[HZ_REC_ID_BYTES];
	unsigned worker;
	hz_id track;
	uint64_t number;
	int err;
};

struct hz_record_link {
	const struct hz_record_link_ops *ops;
	void *ctx;
	bool started;
	char named[8][HZ_REC_ID_BYTES]; // before start()
	unsigned names;
	struct answer *first, **last;
	unsigned waiting;
};

static struct fake_record *find(const char *id)
{
	for (unsigned i = 0; i < fake_recorder.records; i++) {
		if (strcmp(fake_recorder.record[i].id, id) == 0)
			return &fake_recorder.record[i];
	}
	return NULL;
}

void fake_recorder_reset(void)
{
	for (unsigned i = 0; i < fake_recorder.records; i++) {
		struct fake_record *record = &fake_recorder.record[i];
		json_decref(record->text);
		for (unsigned k = 0; k < record->tracks; k++)
			json_decref(record->track[k].text);
		for (unsigned k = 0; k < FAKE_EVENTS; k++)
			json_decref(record->event[k]);
	}
	memset(&fake_recorder, 0, sizeof(fake_recorder));
}

struct fake_record *fake_record_newest(void)
{
	return fake_recorder.records ? &fake_recorder.record[fake_recorder.records - 1] : NULL;
}

struct fake_track *fake_track_of(struct fake_record *record, const char *participant, const char *source)
{
	struct fake_track *found = NULL;
	for (unsigned i = 0; record && i < record->tracks; i++) {
		const json_t *text = record->track[i].text;
		if (strcmp(json_string_value(json_object_get(text, "participant")), participant) == 0 &&
		    strcmp(json_string_value(json_object_get(text, "source")), source) == 0)
			found = &record->track[i];
	}
	return found;
}

unsigned fake_events(const struct fake_record *record, const char *type, const char *participant,
                     json_t **ret)
{
	unsigned count = 0;
	for (uint64_t i = 0; record && i < record->newest; i++) {
		json_t *event = record->event[i];
		if (strcmp(json_string_value(json_object_get(event, "type")), type) != 0 ||
		    (participant &&
		     strcmp(json_string_value(json_object_get(event, "participant")), participant) != 0))
			continue;
		count++;
		if (ret)
			*ret = event;
	}
	return count;
}

static void answer(struct hz_record_link *link, struct answer with)
{
	struct answer *one = malloc(sizeof(*one));
	*one = with;
	one->next = NULL;
	*link->last = one;
	link->last = &one->next;
	link->waiting += with.type == HZ_REC_EVENT;
}

static void answer_for(struct hz_record_link *link, const char *id, struct answer with)
{
	snprintf(with.record, sizeof(with.record), "%s", id);
	answer(link, with);
}

// --- the interface

int hz_record_link_new(int fd, const struct hz_record_link_ops *ops, void *ctx, struct hz_record_link **ret)
{
	struct hz_record_link *link = calloc(1, sizeof(*link));
	(void)fd;
	link->ops = ops;
	link->ctx = ctx;
	link->last = &link->first;
	*ret = link;
	return 0;
}

void hz_record_link_free(struct hz_record_link *link)
{
	while (link && link->first) {
		struct answer *one = link->first;
		link->first = one->next;
		free(one);
	}
	free(link);
}

void hz_record_link_start(struct hz_record_link *link)
{
	link->started = true;
	for (unsigned i = 0; i < fake_recorder.records; i++) { // END of the repetition
		bool named = false;
		for (unsigned k = 0; k < link->names; k++)
			named = named || strcmp(link->named[k], fake_recorder.record[i].id) == 0;
		fake_recorder.record[i].closed = fake_recorder.record[i].closed || !named;
	}
	if (!fake_recorder.absent)
		link->ops->on_ready(link->ctx, true);
}

int hz_record_link_open(struct hz_record_link *link, const char *id, const char *json)
{
	struct fake_record *record = find(id);
	int err = fake_recorder.open_err;
	if (!link->started)
		snprintf(link->named[link->names++], HZ_REC_ID_BYTES, "%s", id);
	fake_recorder.opens++;
	if (!record && !err) {
		record = &fake_recorder.record[fake_recorder.records++];
		snprintf(record->id, sizeof(record->id), "%s", id);
	}
	if (record && record->closed)
		err = -EEXIST;
	if (!err) {
		json_decref(record->text);
		record->text = json_loads(json, 0, NULL);
	}
	answer_for(link, id,
	           (struct answer){.type = HZ_REC_OPEN, .err = err, .number = record ? record->newest : 0});
	return 0;
}

int hz_record_link_close(struct hz_record_link *link, const char *id)
{
	struct fake_record *record = find(id);
	if (!record)
		return -ENOENT;
	record->closed = true;
	for (unsigned i = 0; i < record->tracks; i++)
		record->track[i].open = false;
	answer_for(link, id, (struct answer){.type = HZ_REC_CLOSE});
	return 0;
}

int hz_record_link_track_open(struct hz_record_link *link, const char *id, unsigned worker, hz_id track,
                              const char *json, int64_t since_us)
{
	struct fake_record *record = find(id);
	if (!record)
		return -ENOENT;
	json_t *text = json_loads(json, 0, NULL);
	const char *key = json_string_value(json_object_get(text, "key"));
	struct fake_track *to = NULL;
	for (unsigned i = 0; i < record->tracks; i++) {
		if (strcmp(json_string_value(json_object_get(record->track[i].text, "key")), key) == 0)
			to = &record->track[i];
	}
	if (!to)
		to = &record->track[record->tracks++];
	json_decref(to->text);
	*to = (struct fake_track){
	    .worker = worker, .id = track, .open = true, .since_us = since_us, .text = text};
	fake_recorder.track_opens++;
	answer_for(link, id, (struct answer){.type = HZ_REC_TRACK_OPEN, .worker = worker, .track = track});
	return 0;
}

int hz_record_link_track_close(struct hz_record_link *link, const char *id, unsigned worker, hz_id track,
                               bool discard)
{
	struct fake_record *record = find(id);
	for (unsigned i = 0; record && i < record->tracks; i++) {
		struct fake_track *one = &record->track[i];
		if (!one->open || one->worker != worker || one->id != track)
			continue;
		one->open = false;
		one->discarded = discard;
		answer_for(link, id,
		           (struct answer){.type = HZ_REC_TRACK_CLOSE, .worker = worker, .track = track});
		return 0;
	}
	return -ENOENT;
}

int hz_record_link_event(struct hz_record_link *link, const char *id, uint64_t number, const char *json,
                         int64_t at_us)
{
	struct fake_record *record = find(id);
	(void)at_us;
	if (!record)
		return -ENOENT;
	if (fake_recorder.room && link->waiting >= fake_recorder.room)
		return -ENOBUFS;
	fake_recorder.gaps += number > record->newest + 1;
	if (number == record->newest + 1) {
		record->event[record->newest++] = json_loads(json, 0, NULL);
	}
	answer_for(link, id, (struct answer){.type = HZ_REC_EVENT, .number = number});
	return 0;
}

static void give(struct hz_record_link *link, const struct answer *one)
{
	if (one->type == HZ_REC_OPEN)
		link->ops->on_open(link->ctx, one->record, one->number, one->err);
	else if (one->type == HZ_REC_TRACK_OPEN)
		link->ops->on_track(link->ctx, one->record, one->worker, one->track, one->err);
	else if (one->type == HZ_REC_TRACK_CLOSE)
		link->ops->on_track_closed(link->ctx, one->record, one->worker, one->track, one->err);
	else if (one->type == HZ_REC_EVENT)
		link->ops->on_event(link->ctx, one->record, one->number, one->err);
	else
		link->ops->on_state(link->ctx, one->record, HZ_REC_CLOSED, "{}");
}

void hz_record_link_flush(struct hz_record_link *link)
{
	(void)link;
}

int hz_record_link_read(struct hz_record_link *link)
{
	if (fake_recorder.silent || fake_recorder.absent || !link->started)
		return 0;
	struct answer *one = link->first; // those that are here now
	link->first = NULL;
	link->last = &link->first;
	while (one) {
		struct answer *next = one->next;
		link->waiting -= one->type == HZ_REC_EVENT;
		give(link, one);
		free(one);
		one = next;
	}
	return 0;
}

bool hz_record_link_blocked(const struct hz_record_link *link)
{
	(void)link;
	return false;
}

bool hz_record_link_ready(const struct hz_record_link *link)
{
	return link->started && !fake_recorder.absent;
}

void hz_record_link_counters(const struct hz_record_link *link, struct hz_record_link_counters *ret)
{
	(void)link;
	memset(ret, 0, sizeof(*ret));
}

// --- what a recorder says by itself

void fake_say_state(struct hz_record_link *link, const char *record, enum hz_rec_state state)
{
	link->ops->on_state(link->ctx, record, state, "{}");
}

void fake_say_tracks(struct hz_record_link *link, struct fake_record *record)
{
	for (unsigned i = 0; i < record->tracks; i++)
		if (record->track[i].open)
			link->ops->on_track(link->ctx, record->id, record->track[i].worker,
			                    record->track[i].id, 0);
}

void fake_say_disk(struct hz_record_link *link, enum hz_rec_disk disk)
{
	link->ops->on_disk(link->ctx, disk, "{}");
}

void fake_say_ready(struct hz_record_link *link, bool ready)
{
	link->ops->on_ready(link->ctx, ready);
}

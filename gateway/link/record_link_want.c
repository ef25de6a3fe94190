// What is wanted of the recorder: records, tracks, and events that are not on disk yet.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/link/record_link_internal.h"

struct hz_rl_record *hz_rl_find(const struct hz_record_link *link, const char *record)
{
	return hz_map_get(link->records, record);
}

struct hz_rl_track *hz_rl_track(const struct hz_rl_record *r, unsigned worker, hz_id track)
{
	for (struct hz_rl_track *t = r->tracks; t; t = t->next)
		if (t->worker == worker && t->id == track)
			return t;
	return NULL;
}

struct hz_rl_event *hz_rl_event(const struct hz_rl_record *r, uint64_t number)
{
	for (struct hz_rl_event *e = r->events; e; e = e->next)
		if (e->number == number)
			return e;
	return NULL;
}

// --- lines of operations

int hz_rl_push(struct hz_rl_record *r, const struct hz_rl_op *op)
{
	struct hz_rl_op *copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *op;
	copy->next = NULL;
	*r->ops.tail = copy;
	r->ops.tail = &copy->next;
	return 0;
}

struct hz_rl_op *hz_rl_pop(struct hz_rl_line *line)
{
	return line->head ? hz_rl_take(line, line->head->seq) : NULL;
}

struct hz_rl_op *hz_rl_take(struct hz_rl_line *line, uint32_t seq)
{
	for (struct hz_rl_op **at = &line->head; *at; at = &(*at)->next) {
		struct hz_rl_op *op = *at;
		if (op->seq != seq)
			continue;
		*at = op->next;
		if (line->tail == &op->next)
			line->tail = at;
		op->next = NULL;
		return op;
	}
	return NULL;
}

void hz_rl_move(struct hz_rl_line *from, struct hz_rl_line *to)
{
	struct hz_rl_op *op = from->head;
	from->head = op->next;
	if (!from->head)
		from->tail = &from->head;
	op->next = NULL;
	*to->tail = op;
	to->tail = &op->next;
}

static void clear(struct hz_rl_line *line)
{
	while (line->head) {
		struct hz_rl_op *op = line->head;
		line->head = op->next;
		free(op);
	}
	line->tail = &line->head;
}

// --- ends

static void track_forget(struct hz_rl_record *r, struct hz_rl_track *track)
{
	for (struct hz_rl_track **at = &r->tracks; *at; at = &(*at)->next) {
		if (*at != track)
			continue;
		*at = track->next;
		r->track_count--;
		free(track->json);
		free(track);
		return;
	}
}

void hz_rl_track_done(struct hz_record_link *link, struct hz_rl_record *r, const struct hz_rl_op *op, int err)
{
	struct hz_rl_track *t = hz_rl_track(r, op->worker, op->track);
	if (op->type == HZ_REC_TRACK_OPEN) {
		if (t && !t->closing)
			link->ops->on_track(link->ctx, r->id, op->worker, op->track, err);
		return;
	}
	if (t && t->closing) // else it was opened again meanwhile
		track_forget(r, t);
	if (link->ops->on_track_closed)
		link->ops->on_track_closed(link->ctx, r->id, op->worker, op->track, err);
}

void hz_rl_event_done(struct hz_record_link *link, struct hz_rl_record *r, uint64_t number, int err)
{
	for (struct hz_rl_event **at = &r->events; *at; at = &(*at)->next) {
		struct hz_rl_event *e = *at;
		if (e->number != number)
			continue;
		*at = e->next;
		if (r->events_tail == &e->next)
			r->events_tail = at;
		link->event_bytes -= e->bytes;
		link->counters.waiting--;
		free(e);
		if (link->ops->on_event)
			link->ops->on_event(link->ctx, r->id, number, err);
		return;
	}
}

void hz_rl_events_upto(struct hz_record_link *link, struct hz_rl_record *r, uint64_t number)
{
	while (r->events && r->events->number <= number)
		hz_rl_event_done(link, r, r->events->number, 0);
	for (struct hz_rl_event *e = r->events; e; e = e->next)
		e->sent = false; // not in the journal
}

void hz_rl_forget(struct hz_record_link *link, struct hz_rl_record *r)
{
	hz_map_del(link->records, r->id);
	clear(&r->ops);
	clear(&r->sent);
	while (r->tracks)
		track_forget(r, r->tracks);
	while (r->events) {
		struct hz_rl_event *e = r->events;
		r->events = e->next;
		link->event_bytes -= e->bytes;
		link->counters.waiting--;
		free(e);
	}
	free(r->json);
	free(r);
}

static struct hz_rl_track *a_closing_track(const struct hz_rl_record *r)
{
	for (struct hz_rl_track *t = r->tracks; t; t = t->next)
		if (t->closing)
			return t;
	return NULL;
}

// Closed tracks need not be named: whatever was not on disk of them went with the recorder that had it.
static void tracks_again(struct hz_record_link *link, struct hz_rl_record *r)
{
	const struct hz_rl_track *t;
	for (t = r->tracks; t; t = t->next) {
		const struct hz_rl_op op = {.type = HZ_REC_TRACK_OPEN, .worker = t->worker, .track = t->id};
		if (!t->closing)
			(void)hz_rl_push(r, &op);
	}
	while ((t = a_closing_track(r))) {
		const struct hz_rl_op op = {.type = HZ_REC_TRACK_CLOSE, .worker = t->worker, .track = t->id};
		hz_rl_track_done(link, r, &op, 0);
	}
}

void hz_rl_again(struct hz_record_link *link, struct hz_rl_record *r)
{
	clear(&r->ops);
	clear(&r->sent);
	r->open = HZ_RL_UNSENT;
	r->close_sent = false;
	for (const struct hz_rl_event *e = r->events; e; e = e->next) {
		const struct hz_rl_op op = {.type = HZ_REC_EVENT, .number = e->number};
		(void)hz_rl_push(r, &op);
	}
	tracks_again(link, r);
	const struct hz_rl_op close = {.type = HZ_REC_CLOSE};
	if (r->closing)
		(void)hz_rl_push(r, &close);
}

// --- wishes

static int check_text(const char *json)
{
	size_t n = strlen(json);
	return !n ? -EINVAL : n > HZ_REC_TEXT_BYTES ? -EMSGSIZE : 0;
}

static int new_record(struct hz_record_link *link, const char *record, char *json)
{
	struct hz_rl_record *r =
	    hz_map_count(link->records) < HZ_REC_MAX_RECORDS ? calloc(1, sizeof(*r)) : NULL;
	if (!r)
		return hz_map_count(link->records) < HZ_REC_MAX_RECORDS ? -ENOMEM : -ENOSPC;
	memcpy(r->id, record, strlen(record) + 1);
	r->ops.tail = &r->ops.head;
	r->sent.tail = &r->sent.head;
	r->events_tail = &r->events;
	int err = hz_map_set(link->records, r->id, r);
	if (err)
		free(r);
	else
		r->json = json;
	return err;
}

int hz_record_link_open(struct hz_record_link *link, const char *record, const char *json)
{
	int err = check_text(json);
	if (!err && (!*record || strlen(record) >= HZ_REC_ID_BYTES))
		err = -EINVAL;
	char *copy = err ? NULL : strdup(json);
	if (!err && !copy)
		err = -ENOMEM;
	if (err)
		return err;
	struct hz_rl_record *r = hz_rl_find(link, record);
	if (!r) {
		err = new_record(link, record, copy);
		if (err)
			free(copy);
		return err;
	}
	const struct hz_rl_op op = {.type = HZ_REC_OPEN};
	free(r->json);
	r->json = copy;
	return r->closing ? -EINVAL : r->open == HZ_RL_UNSENT ? 0 : hz_rl_push(r, &op);
}

int hz_record_link_close(struct hz_record_link *link, const char *record)
{
	struct hz_rl_record *r = hz_rl_find(link, record);
	const struct hz_rl_op op = {.type = HZ_REC_CLOSE};
	if (!r)
		return -ENOENT;
	if (r->closing)
		return 0;
	int err = hz_rl_push(r, &op);
	r->closing = !err;
	return err;
}

int hz_record_link_track_open(struct hz_record_link *link, const char *record, unsigned worker, hz_id track,
                              const char *json, int64_t since_us)
{
	struct hz_rl_record *r = hz_rl_find(link, record);
	int err = !r ? -ENOENT : r->closing || !track ? -EINVAL : check_text(json);
	if (err)
		return err;
	struct hz_rl_track *t = hz_rl_track(r, worker, track);
	if (!t && r->track_count == HZ_REC_MAX_TRACKS)
		return -ENOSPC;
	char *copy = strdup(json);
	const struct hz_rl_op op = {.type = HZ_REC_TRACK_OPEN, .worker = worker, .track = track};
	struct hz_rl_track *fresh = t || !copy ? NULL : calloc(1, sizeof(*fresh));
	if (!copy || (!t && !fresh) || hz_rl_push(r, &op)) {
		free(copy);
		free(fresh);
		return -ENOMEM;
	}
	if (fresh) {
		*fresh = (struct hz_rl_track){.next = r->tracks, .worker = worker, .id = track};
		r->tracks = t = fresh;
		r->track_count++;
	}
	free(t->json);
	t->json = copy;
	t->since_us = since_us;
	t->closing = false;
	return 0;
}

int hz_record_link_track_close(struct hz_record_link *link, const char *record, unsigned worker, hz_id track,
                               bool discard)
{
	struct hz_rl_record *r = hz_rl_find(link, record);
	struct hz_rl_track *t = r ? hz_rl_track(r, worker, track) : NULL;
	const struct hz_rl_op op = {.type = HZ_REC_TRACK_CLOSE,
	                            .flags = discard ? HZ_REC_DISCARD : 0,
	                            .worker = worker,
	                            .track = track};
	if (!t || (t->closing && !discard))
		return t ? 0 : -ENOENT;
	int err = r->closing && r->close_sent ? 0 : hz_rl_push(r, &op);
	t->closing = !err;
	return err;
}

int hz_record_link_event(struct hz_record_link *link, const char *record, uint64_t number, const char *json,
                         int64_t at_us)
{
	struct hz_rl_record *r = hz_rl_find(link, record);
	int err = !r ? -ENOENT : r->closing ? -EINVAL : check_text(json);
	size_t n = err ? 0 : strlen(json);
	if (!err &&
	    (link->counters.waiting == HZ_RECORD_LINK_EVENTS || link->event_bytes + n > HZ_RECORD_LINK_BYTES))
		err = -ENOBUFS;
	struct hz_rl_event *e = err ? NULL : malloc(sizeof(*e) + n + 1);
	struct hz_rl_op op = {.type = HZ_REC_EVENT, .number = number};
	if (!err && (!e || hz_rl_push(r, &op)))
		err = -ENOMEM;
	if (err) {
		free(e);
		return err;
	}
	*e = (struct hz_rl_event){.number = number, .at_us = at_us, .bytes = n};
	memcpy(e->json, json, n + 1);
	*r->events_tail = e;
	r->events_tail = &e->next;
	link->event_bytes += n;
	link->counters.waiting++;
	return 0;
}

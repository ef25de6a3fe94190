#include "gateway/link/record_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "gateway/link/record_link_internal.h"

#define MESSAGES_A_CALL 256

int hz_record_link_new(int fd, const struct hz_record_link_ops *ops, void *ctx, struct hz_record_link **ret)
{
	struct hz_record_link *link = calloc(1, sizeof(*link));
	int err = link ? hz_map_new(HZ_REC_MAX_RECORDS, &link->records) : -ENOMEM;
	if (err) {
		free(link);
		return err;
	}
	link->fd = fd;
	link->ops = ops;
	link->ctx = ctx;
	hz_random(&link->seq, sizeof(link->seq)); // answers to an earlier control are not taken for ours
	*ret = link;
	return 0;
}

void hz_record_link_free(struct hz_record_link *link)
{
	struct hz_rl_record *r;
	uint32_t at = 0;
	if (!link)
		return;
	while (at = 0, (r = hz_map_next(link->records, &at)))
		hz_rl_forget(link, r);
	hz_map_free(link->records);
	free(link);
}

static void set_ready(struct hz_record_link *link, bool ready)
{
	if (link->ready == ready)
		return;
	link->ready = ready;
	if (link->ops->on_ready)
		link->ops->on_ready(link->ctx, ready);
}

// Records by a copy of the list: callbacks may open and close.
static unsigned list(const struct hz_record_link *link, struct hz_rl_record ***ret)
{
	uint32_t at = 0, n = 0, count = hz_map_count(link->records);
	struct hz_rl_record **all = calloc(count + 1, sizeof(*all));
	for (; all && n < count; n++)
		all[n] = hz_map_next(link->records, &at);
	*ret = all;
	return n;
}

static void repeat(struct hz_record_link *link)
{
	struct hz_rl_record **all;
	if (link->phase == HZ_RL_STOPPED)
		return;
	unsigned count = list(link, &all);
	link->phase = HZ_RL_BEGIN;
	link->end_seq = 0;
	link->counters.repetitions++;
	for (unsigned i = 0; i < count; i++)
		hz_rl_again(link, all[i]);
	free(all);
	set_ready(link, false);
}

void hz_record_link_start(struct hz_record_link *link)
{
	if (link->phase != HZ_RL_STOPPED)
		return;
	link->phase = HZ_RL_BEGIN;
	repeat(link);
}

// --- out

static int say(struct hz_record_link *link, struct hz_rec_msg *head, const char *record, const char *text)
{
	union {
		struct hz_rec_msg head;
		uint8_t raw[HZ_REC_MESSAGE_BYTES];
	} m;
	size_t n = text ? strlen(text) : 0;
	if (!++link->seq)
		link->seq = 1;
	head->version = HZ_REC_API_VERSION;
	head->seq = link->seq;
	head->bytes = (uint32_t)(sizeof(*head) + n);
	memcpy(head->record, record, strlen(record) + 1);
	m.head = *head;
	if (n)
		memcpy(m.raw + sizeof(*head), text, n);
	int err = hz_seqpacket_send(link->fd, &m, head->bytes);
	link->counters.sent += !err;
	return err;
}

static int say_open(struct hz_record_link *link, struct hz_rl_record *r)
{
	struct hz_rec_msg head = {.type = HZ_REC_OPEN};
	int err = say(link, &head, r->id, r->json);
	if (err)
		return err;
	r->open = HZ_RL_SENT;
	r->open_seq = link->seq;
	return 0;
}

// 0; -ENOENT: nothing is left to say.
static int say_op(struct hz_record_link *link, struct hz_rl_record *r, struct hz_rl_op *op)
{
	struct hz_rec_msg head = {
	    .type = op->type, .flags = op->flags, .worker = op->worker, .track = op->track};
	const struct hz_rl_track *t = op->track ? hz_rl_track(r, op->worker, op->track) : NULL;
	struct hz_rl_event *e = op->type == HZ_REC_EVENT ? hz_rl_event(r, op->number) : NULL;
	const char *text = op->type == HZ_REC_OPEN ? r->json : NULL;
	if (op->type == HZ_REC_TRACK_OPEN) {
		if (!t || t->closing)
			return -ENOENT;
		head.at_us = t->since_us;
		text = t->json;
	} else if (op->type == HZ_REC_EVENT) {
		if (!e)
			return -ENOENT;
		head.at_us = e->at_us;
		head.number = e->number;
		text = e->json;
	}
	int err = say(link, &head, r->id, text);
	if (err)
		return err;
	op->seq = link->seq;
	if (e)
		e->sent = true;
	return 0;
}

static int send_record(struct hz_record_link *link, struct hz_rl_record *r)
{
	int err = r->open == HZ_RL_UNSENT ? say_open(link, r) : 0;
	while (!err && r->open == HZ_RL_OPEN && r->ops.head && !r->close_sent) {
		struct hz_rl_op *op = r->ops.head;
		if (op->type == HZ_REC_CLOSE && r->events && r->events->sent)
			return 0; // after its last event is on disk
		err = say_op(link, r, op);
		if (err == -ENOENT) {
			op->seq = 0;
			free(hz_rl_pop(&r->ops));
			err = 0;
		} else if (!err) {
			r->close_sent = op->type == HZ_REC_CLOSE;
			hz_rl_move(&r->ops, &r->sent);
		}
	}
	return err;
}

static int send_mark(struct hz_record_link *link, enum hz_rec_type type)
{
	struct hz_rec_msg head = {.type = type, .value = link->hello};
	return say(link, &head, "", NULL);
}

void hz_record_link_flush(struct hz_record_link *link)
{
	struct hz_rl_record *r;
	uint32_t at = 0;
	int err = 0;
	bool named = true;
	if (link->phase == HZ_RL_STOPPED)
		return;
	if (link->phase == HZ_RL_BEGIN) {
		err = send_mark(link, HZ_REC_BEGIN);
		if (!err)
			link->phase = HZ_RL_NAMING;
	}
	while (!err && (r = hz_map_next(link->records, &at))) {
		err = send_record(link, r);
		named = named && r->open == HZ_RL_OPEN;
	}
	if (!err && named && link->phase == HZ_RL_NAMING) {
		err = send_mark(link, HZ_REC_END);
		if (!err) {
			link->end_seq = link->seq;
			link->phase = HZ_RL_IDLE;
		}
	}
	link->blocked = err == -EAGAIN;
}

bool hz_record_link_blocked(const struct hz_record_link *link)
{
	return link->blocked;
}

// --- in

static void closed(struct hz_record_link *link, struct hz_rl_record *r, const char *text)
{
	char id[HZ_REC_ID_BYTES];
	memcpy(id, r->id, sizeof(id));
	hz_rl_forget(link, r);
	if (link->ops->on_state)
		link->ops->on_state(link->ctx, id, HZ_REC_CLOSED, text);
}

static void on_open_ack(struct hz_record_link *link, struct hz_rl_record *r, const struct hz_rec_msg *m)
{
	char id[HZ_REC_ID_BYTES];
	memcpy(id, r->id, sizeof(id));
	bool was_closing = r->closing;
	uint64_t newest = m->number;
	if (m->value == 0) {
		r->open = HZ_RL_OPEN;
		hz_rl_events_upto(link, r, newest);
	} else {
		link->counters.refused++;
		hz_rl_forget(link, r); // nothing of it can be written
	}
	if (link->ops->on_open && !was_closing)
		link->ops->on_open(link->ctx, id, newest, m->value);
	if (m->value && was_closing && link->ops->on_state)
		link->ops->on_state(link->ctx, id, HZ_REC_CLOSED, "{}");
}

static void on_ack(struct hz_record_link *link, const struct hz_rec_msg *m)
{
	struct hz_rl_record *r = m->record[0] ? hz_rl_find(link, m->record) : NULL;
	link->counters.acked++;
	if (!m->record[0]) {
		if (link->end_seq && m->seq == link->end_seq && link->phase == HZ_RL_IDLE && !m->value)
			set_ready(link, true);
		return;
	}
	if (r && r->open == HZ_RL_SENT && m->seq == r->open_seq) {
		on_open_ack(link, r, m);
		return;
	}
	struct hz_rl_op *op = r ? hz_rl_take(&r->sent, m->seq) : NULL;
	if (!op)
		return; // to an earlier control, or before a repetition
	link->counters.refused += m->value != 0;
	if (op->type == HZ_REC_EVENT)
		hz_rl_event_done(link, r, op->number, m->value);
	else if (op->type == HZ_REC_CLOSE)
		closed(link, r, "{}");
	else if (op->type != HZ_REC_OPEN)
		hz_rl_track_done(link, r, op, m->value);
	free(op);
}

static void on_state(struct hz_record_link *link, const struct hz_rec_msg *m, const char *text)
{
	struct hz_rl_record *r = hz_rl_find(link, m->record);
	if (m->value == HZ_REC_CLOSED) {
		if (r && r->closing)
			closed(link, r, text);
	} else if (r && link->ops->on_state) {
		link->ops->on_state(link->ctx, m->record, (enum hz_rec_state)m->value, text);
	}
}

static void on_message(struct hz_record_link *link, const struct hz_rec_msg *m, const char *text,
                       size_t bytes)
{
	switch (m->type) {
	case HZ_REC_HELLO:
		link->hello = m->value;
		link->counters.hellos++;
		repeat(link);
		break;
	case HZ_REC_ACK:
		on_ack(link, m);
		break;
	case HZ_REC_STATE:
		on_state(link, m, text);
		break;
	case HZ_REC_DISK:
		if (link->ops->on_disk)
			link->ops->on_disk(link->ctx, (enum hz_rec_disk)m->value, text);
		break;
	case HZ_REC_HEAD:
		if (link->ops->on_head && hz_rl_find(link, m->record))
			link->ops->on_head(link->ctx, m->record, text);
		break;
	case HZ_REC_STATS:
		if (bytes == sizeof(link->counters.recorder))
			memcpy(&link->counters.recorder, text, bytes);
		break;
	default:
		link->counters.bad_messages++;
	}
}

int hz_record_link_read(struct hz_record_link *link)
{
	union {
		struct hz_rec_msg head;
		char raw[HZ_REC_MESSAGE_BYTES + 1];
	} m;
	for (int i = 0; i < MESSAGES_A_CALL; i++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(link->fd, &m, HZ_REC_MESSAGE_BYTES, &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err && err != -EMSGSIZE) {
			set_ready(link, false);
			return err;
		}
		if (err || bytes < sizeof(m.head) || m.head.version != HZ_REC_API_VERSION ||
		    m.head.bytes != bytes || m.head.record[HZ_REC_ID_BYTES - 1]) {
			link->counters.bad_messages++;
			continue;
		}
		m.raw[bytes] = '\0';
		on_message(link, &m.head, m.raw + sizeof(m.head), bytes - sizeof(m.head));
	}
	return 0;
}

bool hz_record_link_ready(const struct hz_record_link *link)
{
	return link->ready;
}

void hz_record_link_counters(const struct hz_record_link *link, struct hz_record_link_counters *ret)
{
	struct hz_rl_record *r;
	uint32_t at = 0;
	*ret = link->counters;
	ret->records = hz_map_count(link->records);
	ret->tracks = 0;
	while ((r = hz_map_next(link->records, &at)))
		ret->tracks += r->track_count;
}

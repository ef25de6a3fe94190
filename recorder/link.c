// Control's messages, and what it is told.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "recorder/state.h"

#define MESSAGES_A_CALL 1024

// --- out

void hz_rec_tell(struct hz_recorder *r, const struct hz_rec_msg *msg, const void *text, size_t bytes)
{
	union {
		struct hz_rec_msg head;
		uint8_t raw[HZ_REC_MESSAGE_BYTES];
	} m;
	if (bytes > HZ_REC_TEXT_BYTES)
		return;
	memset(&m.head, 0, sizeof(m.head));
	m.head = *msg;
	m.head.version = HZ_REC_API_VERSION;
	m.head.bytes = (uint32_t)(sizeof(m.head) + bytes);
	if (bytes)
		memcpy(m.raw + sizeof(m.head), text, bytes);
	int err = hz_seqpacket_send(r->options->api, &m, m.head.bytes);
	// An answer that found no room may not be lost: control is asked to begin anew.
	if (err && msg->type == HZ_REC_ACK)
		r->rehello = true;
}

void hz_rec_hello(struct hz_recorder *r)
{
	struct hz_rec_msg m = {
	    .version = HZ_REC_API_VERSION, .type = HZ_REC_HELLO, .bytes = sizeof(m), .value = r->hello};
	r->rehello = hz_seqpacket_send(r->options->api, &m, sizeof(m)) == -EAGAIN;
}

static void ack(struct hz_recorder *r, const char *record, uint32_t seq, int err, uint64_t number)
{
	struct hz_rec_msg m = {.type = HZ_REC_ACK, .seq = seq, .value = err, .number = number};
	memcpy(m.record, record, strlen(record) + 1);
	if (seq)
		hz_rec_tell(r, &m, NULL, 0);
}

static void tell_closed(struct hz_recorder *r, const struct hz_rec *rec)
{
	struct hz_rec_msg m = {.type = HZ_REC_STATE, .value = HZ_REC_CLOSED};
	memcpy(m.record, rec->id, sizeof(m.record));
	hz_rec_tell(r, &m, "{}", 2);
}

static void track_done(struct hz_recorder *r, const struct hz_done *d)
{
	struct hz_rec_track *t = d->track;
	if (d->kind != HZ_ITEM_TRACK || hz_map_get_u64(r->tracks, t->key) != t)
		return;
	if (d->err)
		hz_map_del_u64(r->tracks, t->key);
}

void hz_rec_done(struct hz_recorder *r)
{
	pthread_mutex_lock(&r->done_lock);
	struct hz_done *d = r->done;
	r->done = NULL;
	r->done_tail = &r->done;
	pthread_mutex_unlock(&r->done_lock);
	while (d) {
		struct hz_done *next = d->next;
		bool over = d->kind == HZ_ITEM_CLOSE || (d->kind == HZ_ITEM_OPEN && d->err);
		if (d->track)
			track_done(r, d);
		ack(r, d->rec->id, d->seq, d->err, d->number);
		if (d->kind == HZ_ITEM_CLOSE)
			tell_closed(r, d->rec);
		if (over)
			hz_rec_forget(r, d->rec);
		free(d);
		d = next;
	}
}

// --- in

static void on_open(struct hz_recorder *r, struct hz_rec *rec, const struct hz_rec_msg *m, const char *text)
{
	const struct hz_item item = {
	    .kind = HZ_ITEM_OPEN, .seq = m->seq, .bytes = (uint32_t)(m->bytes - sizeof(*m))};
	int err = rec && rec->closing ? -EEXIST : hz_record_id_good(m->record) ? 0 : -EINVAL;
	if (!err && !rec)
		rec = hz_rec_new(r, m->record, false);
	if (!err && !rec)
		err = -ENOSPC;
	if (!err)
		err = hz_rec_command(rec, &item, text);
	if (err) {
		ack(r, m->record, m->seq, err, 0);
		return;
	}
	rec->marked = true;
	rec->told = HZ_REC_RUNNING; // whoever opens it may not know
}

static struct hz_rec_track *new_track(struct hz_recorder *r, struct hz_rec *rec, const struct hz_rec_msg *m)
{
	struct hz_rec_track *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->rec = rec;
	t->key = (uint64_t)m->worker << 32 | m->track;
	if (hz_map_set_u64(r->tracks, t->key, t)) {
		free(t);
		return NULL;
	}
	t->next = rec->tracks;
	rec->tracks = t;
	return t;
}

static void on_track_open(struct hz_recorder *r, struct hz_rec *rec, const struct hz_rec_msg *m,
                          const char *text)
{
	struct hz_rec_track *t = hz_map_get_u64(r->tracks, (uint64_t)m->worker << 32 | m->track);
	struct hz_item item = {
	    .kind = HZ_ITEM_TRACK, .seq = m->seq, .bytes = (uint32_t)(m->bytes - sizeof(*m))};
	int err = !m->track || m->worker >= r->options->workers ? -EINVAL : 0;
	if (!err && t && t->rec != rec) { // it was another record's: that one gets no more of it
		hz_track_close(r, t, 0, 0);
		t = NULL;
	}
	if (!err && !t)
		t = new_track(r, rec, m);
	if (!err && !t)
		err = -ENOMEM;
	if (!err) {
		t->since_us = m->at_us;
		t->marked = true;
		item.track = t;
		err = hz_rec_command(rec, &item, text);
	}
	if (err)
		ack(r, m->record, m->seq, err, 0);
}

static void on_track_close(struct hz_recorder *r, struct hz_rec *rec, const struct hz_rec_msg *m)
{
	struct hz_rec_track *t = hz_map_get_u64(r->tracks, (uint64_t)m->worker << 32 | m->track);
	if (!t || t->rec != rec) {
		ack(r, m->record, m->seq, 0, 0); // it is closed
		return;
	}
	if (!(m->flags & HZ_REC_DISCARD)) // what it said until now
		hz_rec_drain(r);
	hz_track_close(r, t, m->seq, m->flags);
}

static void on_event(struct hz_recorder *r, struct hz_rec *rec, const struct hz_rec_msg *m, const char *text)
{
	const struct hz_item item = {.kind = HZ_ITEM_EVENT,
	                             .seq = m->seq,
	                             .number = m->number,
	                             .at_us = m->at_us,
	                             .bytes = (uint32_t)(m->bytes - sizeof(*m))};
	int err = m->number ? hz_rec_command(rec, &item, text) : -EINVAL;
	if (err)
		ack(r, m->record, m->seq, err, 0);
}

static void begin(struct hz_recorder *r, const struct hz_rec_msg *m)
{
	if (m->value && m->value != r->hello)
		return; // to the one before us
	r->naming = true;
	for (struct hz_rec *rec = r->records; rec; rec = rec->next) {
		rec->marked = false;
		for (struct hz_rec_track *t = rec->tracks; t; t = t->next)
			t->marked = false;
	}
}

// What was not named: a record is over; of a track nothing may be written any more, as far as we know.
static void end(struct hz_recorder *r, const struct hz_rec_msg *m)
{
	struct hz_rec *next;
	if (!r->naming)
		return;
	r->naming = false;
	for (struct hz_rec *rec = r->records; rec; rec = next) {
		next = rec->next;
		if (!rec->marked)
			hz_rec_close(r, rec, 0);
		for (struct hz_rec_track *t = rec->tracks; t; t = t->next)
			if (rec->marked && !t->marked && hz_map_get_u64(r->tracks, t->key) == t)
				hz_track_close(r, t, 0, HZ_REC_DISCARD);
	}
	if (!r->named) {
		r->named = true;
		hz_info("recorder.named", "records=%u tracks=%u", r->record_count, hz_map_count(r->tracks));
		hz_rec_orphans(r);
	}
	r->disk_told_us = 0;
	ack(r, "", m->seq, 0, 0);
}

static void on_message(struct hz_recorder *r, const struct hz_rec_msg *m, const char *text)
{
	struct hz_rec *rec = m->record[0] ? hz_map_get(r->by_id, m->record) : NULL;
	if (m->type == HZ_REC_BEGIN) {
		begin(r, m);
		return;
	}
	if (m->type == HZ_REC_END) {
		end(r, m);
		return;
	}
	if (!r->named && !r->naming)
		return; // meant for the one before us: control will say it again
	if (m->type == HZ_REC_OPEN) {
		on_open(r, rec, m, text);
	} else if (!rec || rec->closing) {
		ack(r, m->record, m->seq, -ENOENT, 0);
	} else if (m->type == HZ_REC_CLOSE) {
		hz_rec_close(r, rec, m->seq);
	} else if (m->type == HZ_REC_TRACK_OPEN) {
		on_track_open(r, rec, m, text);
	} else if (m->type == HZ_REC_TRACK_CLOSE) {
		on_track_close(r, rec, m);
	} else if (m->type == HZ_REC_EVENT) {
		on_event(r, rec, m, text);
	} else {
		ack(r, m->record, m->seq, -EINVAL, 0);
	}
}

int hz_rec_read(struct hz_recorder *r)
{
	union {
		struct hz_rec_msg head;
		char raw[HZ_REC_MESSAGE_BYTES + 1];
	} m;
	for (int i = 0; i < MESSAGES_A_CALL; i++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(r->options->api, &m, HZ_REC_MESSAGE_BYTES, &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err && err != -EMSGSIZE)
			return err;
		if (err || bytes < sizeof(m.head) || m.head.version != HZ_REC_API_VERSION ||
		    m.head.bytes != bytes || memchr(m.head.record, '\0', sizeof(m.head.record)) == NULL) {
			hz_warn("control.message", "bytes=%zu err=%d", bytes, -err);
			continue;
		}
		m.raw[bytes] = '\0';
		on_message(r, &m.head, m.raw + sizeof(m.head));
	}
	return 0;
}

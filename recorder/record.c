// One record, in its writer thread: items into the journal, the journal onto the disk, answers after that.
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "recorder/journal/reader.h"
#include "recorder/state.h"

#define RETRY_US 250000

bool hz_rec_disk_error(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EIO || err == -EROFS || err == -EMFILE ||
	       err == -ENFILE || err == -ENOMEM || err == -ENOBUFS || err == -EINTR || err == -EAGAIN;
}

// --- answers

static struct hz_done *answer(struct hz_rec *rec, const struct hz_item *item, int err)
{
	struct hz_done *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	*d = (struct hz_done){
	    .rec = rec, .track = item->track, .seq = item->seq, .err = err, .kind = item->kind};
	return d;
}

// To be given once what was put until now is on disk.
static int answer_later(struct hz_rec *rec, const struct hz_item *item)
{
	struct hz_done *d = answer(rec, item, 0);
	if (!d)
		return -ENOMEM;
	*rec->waiting_tail = d;
	rec->waiting_tail = &d->next;
	return 0;
}

static int answer_now(struct hz_rec *rec, const struct hz_item *item, int err)
{
	struct hz_done *d = answer(rec, item, err);
	if (!d)
		return -ENOMEM;
	hz_done_post(rec->recorder, d);
	return 0;
}

static void give_answers(struct hz_rec *rec)
{
	for (struct hz_done *d = rec->waiting; d; d = d->next)
		if (d->kind == HZ_ITEM_OPEN)
			d->number = hz_journal_last_event(rec->journal);
	if (rec->waiting)
		hz_done_post(rec->recorder, rec->waiting);
	rec->waiting = NULL;
	rec->waiting_tail = &rec->waiting;
}

// The record is over; its thread tells the reader with this one.
static int finish(struct hz_rec *rec, const struct hz_item *item, int err)
{
	struct hz_done *d = answer(rec, item, err);
	if (!d)
		return -ENOMEM;
	if (rec->journal)
		give_answers(rec);
	rec->waiting = d;
	rec->finished = true;
	return 0;
}

// --- the record's state

// What the disk refuses now is written later: hz_rec_work().
static int write_state(struct hz_rec *rec, enum hz_record_phase phase, int64_t wall_us)
{
	rec->state.phase = phase;
	rec->state.changed_ms = wall_us / 1000;
	if (phase == HZ_RECORD_ENDED)
		rec->state.ended_ms = rec->state.changed_ms;
	int err = hz_record_state_write(rec->folder, &rec->state);
	if (err && !rec->state_due)
		hz_error("record.state", "record=%s err=%d", rec->id, -err);
	rec->state_due = hz_rec_disk_error(err);
	return rec->state_due ? err : 0;
}

// For whoever watches the store.
static void ring_bell(struct hz_rec *rec)
{
	char path[HZ_RECORD_PATH_BYTES];
	snprintf(path, sizeof(path), "%s/" HZ_RECORD_WAKE, rec->recorder->options->dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, rec->id, strlen(rec->id)) < 0)
		hz_warn("record.wake", "record=%s err=%d", rec->id, errno);
	if (fd >= 0)
		close(fd);
}

static int ended(struct hz_rec *rec, int64_t wall_us)
{
	struct hz_journal_stats stats = {0};
	if (rec->journal)
		hz_journal_stats(rec->journal, &stats);
	rec->state.lost = rec->state.lost || stats.lost_packets;
	int err = write_state(rec, HZ_RECORD_ENDED, wall_us);
	if (err)
		return err;
	ring_bell(rec);
	hz_info("record.ended", "record=%s chunks=%llu packets=%llu lost=%llu", rec->id,
	        (unsigned long long)stats.chunks, (unsigned long long)stats.packets,
	        (unsigned long long)stats.lost_packets);
	return 0;
}

// --- opening

// The description that an earlier recorder wrote: the caller frees it. NULL: none.
static char *old_meta(struct hz_rec *rec)
{
	struct hz_journal_reader *reader;
	struct hz_journal_item item;
	char *meta = NULL;
	if (hz_journal_reader_new(rec->folder, rec->recorder->master, &reader))
		return NULL;
	for (unsigned i = 0; i < 64 && !meta && hz_journal_next(reader, &item) == 1; i++)
		if (item.kind == HZ_RECORD_META)
			meta = strndup((const char *)item.data, item.bytes);
	hz_journal_reader_free(reader);
	return meta;
}

static int read_meta(struct hz_rec *rec, const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);
	const char *consult = json_string_value(json_object_get(json, "consult"));
	json_int_t started_ms = json_integer_value(json_object_get(json, "started_ms"));
	int err = json_is_object(json) && consult && started_ms > 0 ? 0 : -EINVAL;
	if (!err)
		err = hz_record_folder(rec->recorder->options->dir, rec->id, started_ms, rec->folder);
	if (!err) {
		rec->state.started_ms = started_ms;
		snprintf(rec->state.consult, sizeof(rec->state.consult), "%s", consult);
	}
	json_decref(json);
	return err;
}

static int open_journal(struct hz_rec *rec, const char *meta, int64_t now_us, int64_t wall_us)
{
	struct hz_journal_open with = {.folder = rec->folder,
	                               .master = rec->recorder->master,
	                               .meta = meta,
	                               .limit_bytes = rec->recorder->options->memory_bytes,
	                               .monotonic_us = now_us,
	                               .wall_us = wall_us};
	struct hz_record_state before;
	int err = hz_record_id_bytes(rec->id, with.record);
	if (!err)
		err = hz_journal_open(&with, &rec->journal);
	snprintf(rec->state.id, sizeof(rec->state.id), "%s", rec->id);
	bool known = hz_record_state_read(rec->folder, &before) == 0;
	if (known)
		rec->state = before;
	if (err == -EEXIST && known && before.phase == HZ_RECORD_RECORDING) { // it died between the two
		int state = ended(rec, wall_us);
		err = state ? state : err;
	}
	if (err)
		return err;
	rec->state.torn = known && (before.torn || !rec->recorder->was_clean);
	(void)write_state(rec, HZ_RECORD_RECORDING, wall_us); // media does not wait for it
	hz_info("record.opened", "record=%s resumed=%d orphan=%d", rec->id, known, rec->orphan);
	return 0;
}

static int on_open(struct hz_rec *rec, const struct hz_item *item, const char *text, int64_t now_us,
                   int64_t wall_us)
{
	char *old = NULL;
	if (rec->journal) // repeated: the journal's description is the first one
		return answer_later(rec, item);
	int err = 0;
	if (rec->orphan)
		err = hz_record_find(rec->recorder->options->dir, rec->id, rec->folder);
	if (!err && rec->orphan)
		old = old_meta(rec);
	if (!err)
		err = !rec->orphan ? read_meta(rec, text) : old ? 0 : -EBADMSG;
	if (!err)
		err = open_journal(rec, old ? old : text, now_us, wall_us);
	free(old);
	if (!err)
		return answer_later(rec, item);
	if (hz_rec_disk_error(err))
		return err;
	hz_error("record.open", "record=%s err=%d", rec->id, -err);
	return finish(rec, item, err);
}

// --- items

static int on_track(struct hz_rec *rec, const struct hz_item *item, const char *text, int64_t now_us)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);
	const char *key = json_string_value(json_object_get(json, "key"));
	uint32_t number = 0;
	int err = key && *key ? hz_journal_track(rec->journal, key, text, now_us, &number) : -EINVAL;
	json_decref(json);
	if (hz_rec_disk_error(err))
		return err;
	if (!err)
		item->track->number = number;
	else
		hz_error("record.track", "record=%s err=%d", rec->id, -err);
	return answer_now(rec, item, err);
}

void hz_rec_media(struct hz_rec *rec, const struct hz_item *item, const void *data)
{
	const struct hz_rec_track *t = item->track;
	if (!t) {
		hz_journal_lost(rec->journal, 0, item->number, 0, "tap");
		return;
	}
	if (!t->number || atomic_load(&t->discarded))
		return;
	// What finds no room is counted by the journal.
	if (item->kind == HZ_ITEM_RTP)
		(void)hz_journal_rtp(rec->journal, t->number, item->flags, data, item->bytes, item->at_us);
	else if (item->kind == HZ_ITEM_SENDER_REPORT)
		(void)hz_journal_sender_report(rec->journal, t->number, data, item->at_us);
	else if (item->kind == HZ_ITEM_LOST)
		hz_journal_lost(rec->journal, t->number, item->number, (uint64_t)item->at_us, "memory");
}

// An error means: not now. What comes behind it waits too.
static int take_item(struct hz_rec *rec, const struct hz_item *item, const char *text, int64_t now_us,
                     int64_t wall_us)
{
	int err = 0;
	if (item->kind == HZ_ITEM_OPEN)
		return on_open(rec, item, text, now_us, wall_us);
	switch (item->kind) {
	case HZ_ITEM_TRACK:
		return on_track(rec, item, text, now_us);
	case HZ_ITEM_TRACK_CLOSE:
		if (item->flags & HZ_REC_DISCARD && item->track->number)
			hz_journal_discard(rec->journal, item->track->number);
		return answer_later(rec, item);
	case HZ_ITEM_EVENT:
		err = hz_journal_event(rec->journal, item->number, text, item->bytes, item->at_us);
		if (hz_rec_disk_error(err))
			return err;
		return err ? answer_now(rec, item, err) : answer_later(rec, item);
	case HZ_ITEM_CLOSE:
		err = hz_journal_end(rec->journal, now_us, wall_us);
		if (!err)
			err = ended(rec, wall_us);
		if (err)
			return err;
		return finish(rec, item, 0);
	default:
		hz_rec_media(rec, item, text);
		return 0;
	}
}

static void discard_ahead(struct hz_rec *rec, const struct hz_items *items, size_t at)
{
	const struct hz_item *item;
	while (items->wipe && (item = hz_items_walk(items, &at)))
		if (item->kind == HZ_ITEM_TRACK_CLOSE && item->flags & HZ_REC_DISCARD)
			hz_journal_discard(rec->journal, item->track->number);
}

// Consent that is taken back waits for nothing before it: a TRACK writes all that is put, also what the disk refused until now.
static void take_back(struct hz_rec *rec)
{
	if (!rec->journal)
		return;
	discard_ahead(rec, &rec->work, rec->work_at);
	pthread_mutex_lock(&rec->lock);
	discard_ahead(rec, &rec->in, 0);
	pthread_mutex_unlock(&rec->lock);
}

static int take_items(struct hz_rec *rec, int64_t now_us, int64_t wall_us)
{
	const struct hz_item *item;
	const char *text;
	int err = 0;
	hz_items_take(rec);
	take_back(rec);
	while (!err && !rec->finished && (item = hz_items_next(rec, &text))) {
		err = take_item(rec, item, text, now_us, wall_us);
		if (!err)
			hz_items_drop(rec);
	}
	return err;
}

static void show(struct hz_rec *rec, int err)
{
	struct hz_rec_view view = {.err = err};
	pthread_mutex_lock(&rec->lock);
	if (rec->journal)
		hz_journal_stats(rec->journal, &view.stats);
	atomic_fetch_add(&rec->recorder->waiting, view.stats.waiting_bytes - rec->waiting_bytes);
	rec->waiting_bytes = view.stats.waiting_bytes;
	view.taken_us = view.stats.oldest_us;
	if (rec->work_at < rec->work.bytes && !view.taken_us)
		view.taken_us = rec->view.taken_us;
	rec->view = view;
	pthread_mutex_unlock(&rec->lock);
}

// Nothing is sealed before the next turn: until then the reader may put media itself.
static void lend(struct hz_rec *rec)
{
	pthread_mutex_lock(&rec->lock);
	rec->direct = !rec->finished && rec->work_at >= rec->work.bytes;
	pthread_mutex_unlock(&rec->lock);
}

bool hz_rec_work(struct hz_rec *rec, int64_t now_us, int64_t wall_us)
{
	if (rec->err && now_us < rec->retry_us)
		return false;
	if (rec->journal && rec->state_due)
		(void)write_state(rec, rec->state.phase, wall_us);
	rec->turn_err = take_items(rec, now_us, wall_us);
	rec->disk_err = 0;
	if (!rec->journal || rec->finished)
		return true;
	rec->disk_err = hz_journal_sync(rec->journal); // what an error left sealed
	if (!rec->disk_err)
		rec->disk_err = hz_journal_seal(rec->journal, now_us, wall_us);
	if (!rec->disk_err)
		lend(rec);
	if (!rec->disk_err)
		rec->disk_err = hz_journal_write(rec->journal);
	return true;
}

void hz_rec_settle(struct hz_rec *rec, int64_t now_us)
{
	if (rec->journal && !rec->finished) {
		if (!rec->disk_err)
			rec->disk_err = hz_journal_sync(rec->journal);
		if (!rec->disk_err)
			give_answers(rec);
	}
	int err = rec->disk_err ? rec->disk_err : rec->turn_err;
	if (err && err != rec->err)
		hz_error("record.disk", "record=%s err=%d", rec->id, -err);
	rec->err = err;
	rec->retry_us = now_us + RETRY_US;
	show(rec, err);
}

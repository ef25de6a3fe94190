// Records and tracks as the reader thread knows them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "recorder/state.h"

struct hz_rec *hz_rec_new(struct hz_recorder *r, const char *id, bool orphan)
{
	struct hz_rec *rec = r->record_count < 2 * HZ_REC_MAX_RECORDS ? calloc(1, sizeof(*rec)) : NULL;
	if (!rec)
		return NULL;
	memcpy(rec->id, id, strlen(id) + 1);
	rec->recorder = r;
	rec->orphan = orphan;
	rec->waiting_tail = &rec->waiting;
	rec->told = HZ_REC_RUNNING;
	if (hz_map_set(r->by_id, rec->id, rec)) {
		free(rec);
		return NULL;
	}
	pthread_mutex_init(&rec->lock, NULL);
	rec->next = r->records;
	r->records = rec;
	r->record_count++;
	hz_threads_add(r, rec);
	return rec;
}

static void items_done(struct hz_recorder *r, struct hz_items *items, size_t at)
{
	atomic_fetch_sub(&r->waiting, items->bytes - at);
	if (items->at)
		hz_wipe(items->at, items->capacity);
	free(items->at);
}

static void add_up(struct hz_rec_stats *sum, const struct hz_journal_stats *s)
{
	sum->packets += s->packets;
	sum->bytes += s->bytes;
	sum->chunks += s->chunks;
	sum->events += s->events;
	sum->lost_packets += s->lost_packets;
	sum->lost_bytes += s->lost_bytes;
}

void hz_rec_forget(struct hz_recorder *r, struct hz_rec *rec)
{
	for (struct hz_rec **at = &r->records; *at; at = &(*at)->next) {
		if (*at != rec)
			continue;
		*at = rec->next;
		r->record_count--;
		break;
	}
	if (hz_map_get(r->by_id, rec->id) == rec)
		hz_map_del(r->by_id, rec->id);
	for (struct hz_rec_track *t = rec->tracks; t; t = rec->tracks) {
		rec->tracks = t->next;
		if (hz_map_get_u64(r->tracks, t->key) == t)
			hz_map_del_u64(r->tracks, t->key);
		free(t);
	}
	add_up(&r->stats, &rec->view.stats);
	atomic_fetch_sub(&r->waiting, rec->waiting_bytes);
	items_done(r, &rec->in, 0);
	items_done(r, &rec->work, rec->work_at);
	while (rec->waiting) {
		struct hz_done *d = rec->waiting;
		rec->waiting = d->next;
		free(d);
	}
	hz_journal_free(rec->journal);
	pthread_mutex_destroy(&rec->lock);
	free(rec);
}

// Nobody waits for an event (what a consent allows comes with its TRACK), and there are many: it goes with the media.
int hz_rec_command(struct hz_rec *rec, const struct hz_item *item, const char *text)
{
	int err = hz_items_put(rec, item, text);
	if (err)
		hz_error("record.command", "record=%s kind=%u err=%d", rec->id, item->kind, -err);
	if (item->kind != HZ_ITEM_EVENT)
		hz_threads_kick(rec);
	return err;
}

void hz_track_close(struct hz_recorder *r, struct hz_rec_track *track, uint32_t seq, uint8_t flags)
{
	const struct hz_item item = {.kind = HZ_ITEM_TRACK_CLOSE, .track = track, .seq = seq, .flags = flags};
	if (flags & HZ_REC_DISCARD)
		atomic_store(&track->discarded, true); // also what the writer has not taken yet
	if (hz_map_get_u64(r->tracks, track->key) == track)
		hz_map_del_u64(r->tracks, track->key);
	(void)hz_rec_command(track->rec, &item, NULL);
}

void hz_rec_close(struct hz_recorder *r, struct hz_rec *rec, uint32_t seq)
{
	const struct hz_item item = {.kind = HZ_ITEM_CLOSE, .seq = seq};
	if (rec->closing)
		return;
	hz_rec_drain(r);
	hz_rec_drain_lost(r);
	rec->closing = true;
	for (struct hz_rec_track *t = rec->tracks; t; t = t->next)
		if (hz_map_get_u64(r->tracks, t->key) == t)
			hz_track_close(r, t, 0, 0);
	(void)hz_rec_command(rec, &item, NULL);
}

// Control has named what goes on: whatever else was being recorded when its recorder died is over.
static bool end_orphan(void *arg, const char *folder, const struct hz_record_state *state)
{
	struct hz_recorder *r = arg;
	const struct hz_item open = {.kind = HZ_ITEM_OPEN};
	if (state->phase != HZ_RECORD_RECORDING || hz_map_get(r->by_id, state->id))
		return true;
	struct hz_rec *rec = hz_rec_new(r, state->id, true);
	if (!rec)
		return false;
	hz_info("record.orphan", "record=%s", rec->id);
	(void)hz_rec_command(rec, &open, NULL);
	hz_rec_close(r, rec, 0);
	return true;
}

void hz_rec_orphans(struct hz_recorder *r)
{
	int err = hz_record_each(r->options->dir, end_orphan, r);
	if (err)
		hz_error("record.orphans", "err=%d", -err);
}

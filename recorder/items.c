#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "recorder/state.h"

#define ALIGN       16
#define START_BYTES 16384
#define SHRINK      64 // an emptied buffer that was used to a fourth at most so often in a row is given back

static size_t whole(size_t bytes)
{
	return (sizeof(struct hz_item) + bytes + 1 + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static bool is_media(const struct hz_item *item)
{
	return item->kind == HZ_ITEM_RTP || item->kind == HZ_ITEM_SENDER_REPORT;
}

// The old memory held plain media.
static int grow(struct hz_items *items, size_t need)
{
	size_t capacity = items->capacity ? items->capacity : START_BYTES;
	while (capacity < need)
		capacity *= 2;
	if (capacity == items->capacity)
		return 0;
	uint8_t *at = malloc(capacity);
	if (!at)
		return -ENOMEM;
	if (items->bytes)
		memcpy(at, items->at, items->bytes);
	if (items->at)
		hz_wipe(items->at, items->bytes);
	free(items->at);
	items->at = at;
	items->capacity = capacity;
	return 0;
}

static int append(struct hz_rec *rec, const struct hz_item *item, const void *data, size_t bytes)
{
	int err = grow(&rec->in, rec->in.bytes + bytes);
	if (err)
		return err;
	uint8_t *at = rec->in.at + rec->in.bytes;
	memcpy(at, item, sizeof(*item));
	if (item->bytes)
		memcpy(at + sizeof(*item), data, item->bytes);
	at[sizeof(*item) + item->bytes] = '\0';
	rec->in.bytes += bytes;
	rec->in.wipe = rec->in.wipe || (item->kind == HZ_ITEM_TRACK_CLOSE && item->flags & HZ_REC_DISCARD);
	atomic_fetch_add_explicit(&rec->recorder->waiting, bytes, memory_order_relaxed);
	return 0;
}

// What it counts is put right by the writer: the journal may refuse.
static void put_direct(struct hz_rec *rec, const struct hz_item *item, const void *data, size_t bytes)
{
	hz_rec_media(rec, item, data);
	rec->waiting_bytes += bytes;
	atomic_fetch_add_explicit(&rec->recorder->waiting, bytes, memory_order_relaxed);
}

int hz_items_put(struct hz_rec *rec, const struct hz_item *item, const void *data)
{
	size_t bytes = whole(item->bytes);
	struct hz_recorder *r = rec->recorder;
	bool media = is_media(item);
	int err = 0;
	if (media &&
	    atomic_load_explicit(&r->waiting, memory_order_relaxed) + bytes > r->options->memory_bytes)
		return -ENOBUFS;
	pthread_mutex_lock(&rec->lock);
	if (media && rec->direct && !rec->in.bytes)
		put_direct(rec, item, data, bytes);
	else
		err = append(rec, item, data, bytes);
	if (!err && media && !rec->in.oldest_us)
		rec->in.oldest_us = item->at_us;
	pthread_mutex_unlock(&rec->lock);
	return err;
}

void hz_items_take(struct hz_rec *rec)
{
	if (rec->work_at < rec->work.bytes)
		return;
	struct hz_items *w = &rec->work;
	w->idle = w->bytes > w->capacity / 4 ? 0 : w->idle + 1;
	if (w->wipe || w->idle == SHRINK) // else it is written over soon
		hz_wipe(w->at, w->capacity);
	if (w->idle == SHRINK) {
		free(w->at);
		*w = (struct hz_items){0};
	}
	w->wipe = false;
	rec->work.bytes = 0;
	rec->work.oldest_us = 0;
	rec->work_at = 0;
	pthread_mutex_lock(&rec->lock);
	rec->direct = false;
	struct hz_items empty = rec->work;
	rec->work = rec->in;
	rec->in = empty;
	if (!rec->view.taken_us)
		rec->view.taken_us = rec->work.oldest_us;
	pthread_mutex_unlock(&rec->lock);
}

const struct hz_item *hz_items_next(struct hz_rec *rec, const char **ret_text)
{
	if (rec->work_at >= rec->work.bytes)
		return NULL;
	const struct hz_item *item = (const void *)(rec->work.at + rec->work_at);
	*ret_text = (const char *)(item + 1);
	return item;
}

const struct hz_item *hz_items_walk(const struct hz_items *items, size_t *at)
{
	if (*at >= items->bytes)
		return NULL;
	const struct hz_item *item = (const void *)(items->at + *at);
	*at += whole(item->bytes);
	return item;
}

void hz_items_drop(struct hz_rec *rec)
{
	const char *text;
	const struct hz_item *item = hz_items_next(rec, &text);
	size_t bytes = whole(item->bytes);
	rec->work_at += bytes;
	atomic_fetch_sub_explicit(&rec->recorder->waiting, bytes, memory_order_relaxed);
}

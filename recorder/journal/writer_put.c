// Taking records into open blocks.
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/journal/writer_internal.h"

static bool takes(const struct hz_block *b, const struct hz_put *put)
{
	int64_t behind;
	if (b->bytes + HZ_JOURNAL_RECORD_HEAD + put->bytes > HZ_JOURNAL_CHUNK_BYTES)
		return false;
	// first_us is that of the first record: one that is earlier goes behind it in its own chunk
	return !__builtin_sub_overflow(put->at_us, b->first_us, &behind) && behind >= 0 &&
	       behind <= HZ_JOURNAL_CHUNK_US;
}

static struct hz_block *begin_block(struct hz_journal_writer *w, struct hz_writer_track *t,
                                    const struct hz_put *put)
{
	struct hz_block *b = hz_block_new(w, t, HZ_JOURNAL_RECORD_HEAD + put->bytes);
	if (!b)
		return NULL;
	b->kind = t->number ? HZ_CHUNK_MEDIA : HZ_CHUNK_EVENTS;
	b->first_us = b->last_us = put->at_us;
	hz_blocks_add(&w->plain, b);
	t->open = b;
	return b;
}

int hz_writer_put(struct hz_journal_writer *w, const struct hz_put *put)
{
	struct hz_writer_track *t = w->tracks[put->track];
	struct hz_block *b = t->open;
	if (put->bytes > HZ_JOURNAL_RECORD_BYTES)
		return -EMSGSIZE;
	if (b && !takes(b, put))
		b = NULL;
	if (b && hz_block_room(w, b, b->bytes + HZ_JOURNAL_RECORD_HEAD + put->bytes) < 0)
		return -ENOMEM;
	if (!b && !(b = begin_block(w, t, put)))
		return -ENOMEM;
	uint8_t *p = b->data + HZ_JOURNAL_CHUNK_HEAD + b->bytes;
	hz_put_u16(p, (uint16_t)put->bytes);
	p[2] = put->kind;
	p[3] = put->flags;
	hz_put_u32(p + 4, (uint32_t)(int32_t)(put->at_us - b->first_us));
	memcpy(p + HZ_JOURNAL_RECORD_HEAD, put->data, put->bytes);
	b->bytes += HZ_JOURNAL_RECORD_HEAD + put->bytes;
	b->records++;
	if (put->at_us > b->last_us)
		b->last_us = put->at_us;
	if (put->at_us > w->newest_us)
		w->newest_us = put->at_us;
	atomic_fetch_add_explicit(&w->waiting, HZ_JOURNAL_RECORD_HEAD + put->bytes, memory_order_relaxed);
	return 0;
}

int hz_writer_put_text(struct hz_journal_writer *w, uint8_t kind, const char *text, int64_t at_us)
{
	struct hz_put put = {.kind = kind, .data = text, .bytes = strlen(text), .at_us = at_us};
	return hz_writer_put(w, &put);
}

static bool full(const struct hz_journal_writer *w, size_t bytes, size_t limit)
{
	size_t waiting = atomic_load_explicit(&w->waiting, memory_order_relaxed);
	return waiting + HZ_JOURNAL_RECORD_HEAD + bytes > limit;
}

static void lose(struct hz_journal_writer *w, const struct hz_gap *gap)
{
	struct hz_gap *g = NULL;
	w->lost_packets += gap->packets;
	w->lost_bytes += gap->bytes;
	for (unsigned i = 0; i < w->gaps_count && !g; i++)
		if (w->gaps[i].track == gap->track && strcmp(w->gaps[i].why, gap->why) == 0)
			g = &w->gaps[i];
	if (!g && w->gaps_count < HZ_JOURNAL_GAPS) {
		w->gaps[w->gaps_count++] = *gap;
		return;
	}
	if (!g) { // of several tracks, for several reasons
		g = &w->gaps[HZ_JOURNAL_GAPS - 1];
		g->track = 0;
		snprintf(g->why, sizeof(g->why), "several");
	}
	g->packets += gap->packets;
	g->bytes += gap->bytes;
}

void hz_journal_lost(struct hz_journal_writer *writer, uint32_t track, uint64_t packets, uint64_t bytes,
                     const char *why)
{
	struct hz_gap gap = {.track = track, .packets = packets, .bytes = bytes, .at_us = writer->newest_us};
	for (size_t i = 0; i < sizeof(gap.why) - 1 && why[i]; i++)
		gap.why[i] = why[i] >= ' ' && why[i] <= '~' ? why[i] : '?'; // it becomes JSON
	lose(writer, &gap);
}

static int put_media(struct hz_journal_writer *w, const struct hz_put *put)
{
	if (put->track == 0 || put->track >= HZ_JOURNAL_TRACKS || !w->tracks[put->track] ||
	    !w->tracks[put->track]->cipher)
		return -EINVAL;
	if (w->ending)
		return -ESHUTDOWN;
	if (put->bytes > HZ_JOURNAL_RECORD_BYTES)
		return -EMSGSIZE;
	int err = full(w, put->bytes, w->limit_bytes) ? -ENOBUFS : hz_writer_put(w, put);
	if (err == -ENOBUFS || err == -ENOMEM) {
		struct hz_gap gap = {.track = put->track,
		                     .why = "memory",
		                     .packets = 1,
		                     .bytes = put->bytes,
		                     .at_us = put->at_us};
		lose(w, &gap);
		return -ENOBUFS;
	}
	w->packets += !err && put->kind == HZ_RECORD_RTP;
	return err;
}

int hz_journal_rtp(struct hz_journal_writer *writer, uint32_t track, uint8_t flags, const void *data,
                   size_t bytes, int64_t at_us)
{
	struct hz_put put = {track, HZ_RECORD_RTP, flags, data, bytes, at_us};
	return put_media(writer, &put);
}

int hz_journal_sender_report(struct hz_journal_writer *writer, uint32_t track, const uint8_t block[24],
                             int64_t at_us)
{
	struct hz_put put = {track, HZ_RECORD_SR, 0, block, 24, at_us};
	return put_media(writer, &put);
}

int hz_journal_event(struct hz_journal_writer *writer, uint64_t number, const char *json, size_t bytes,
                     int64_t at_us)
{
	json_error_t error;
	if (writer->ending)
		return -ESHUTDOWN;
	if (number == 0 || number > INT64_MAX)
		return -EINVAL;
	if (number <= writer->last_event)
		return 0;
	if (full(writer, bytes, writer->limit_bytes + writer->limit_bytes / 8))
		return -ENOBUFS;
	json_t *object = json_loadb(json, bytes, 0, &error);
	if (!json_is_object(object) ||
	    json_object_set_new(object, "number", json_integer((json_int_t)number)) < 0) {
		json_decref(object);
		return -EINVAL;
	}
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!text)
		return -ENOMEM;
	int err = hz_writer_put_text(writer, HZ_RECORD_EVENT, text, at_us);
	free(text);
	if (err)
		return err;
	writer->last_event = number;
	writer->events++;
	return 0;
}

uint64_t hz_journal_last_event(const struct hz_journal_writer *writer)
{
	return writer->last_event;
}

void hz_journal_discard(struct hz_journal_writer *writer, uint32_t track)
{
	struct hz_block **at = &writer->plain.first;
	if (track == 0 || track >= HZ_JOURNAL_TRACKS || !writer->tracks[track])
		return;
	while (*at) {
		struct hz_block *b = *at;
		if (b->track != writer->tracks[track]) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		atomic_fetch_sub_explicit(&writer->waiting, b->bytes, memory_order_relaxed);
		hz_block_free(writer, b);
	}
	writer->plain.end = at;
	writer->tracks[track]->open = NULL;
}

// From open blocks to sealed ones, in the order of the chain; and the state that each segment begins with.
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/journal/writer_internal.h"

#define CLOCK_US 10000000

static void enqueue(struct hz_journal_writer *w, struct hz_block *b)
{
	b->segment = w->segment;
	b->offset = w->segment_bytes;
	w->segment_bytes += b->bytes;
	atomic_fetch_add(&w->sealed, b->bytes);
	pthread_mutex_lock(&w->lock);
	hz_blocks_add(&w->queue, b);
	pthread_mutex_unlock(&w->lock);
}

static int seal_block(struct hz_journal_writer *w, struct hz_block *b)
{
	struct hz_chunk_head head = {.kind = b->kind,
	                             .track = b->track->number,
	                             .number = w->number + 1,
	                             .first_us = b->first_us,
	                             .last_us = b->last_us,
	                             .bytes = (uint32_t)b->bytes,
	                             .records = b->records,
	                             .segment = w->segment};
	uint8_t aad[HZ_JOURNAL_AAD_BYTES], *tag = b->data + HZ_JOURNAL_CHUNK_HEAD + b->bytes;
	size_t plain = b->bytes, chained = HZ_JOURNAL_CHUNK_HEAD + plain + HZ_GCM256_TAG_BYTES;
	hz_chunk_head_put(w->hasher, &head, b->data);
	hz_chunk_aad(w->record, b->data, aad);
	int err =
	    hz_cipher_seal(b->track->cipher, &(struct hz_sealing){.nonce = hz_chunk_nonce(b->data),
	                                                          .aad = aad,
	                                                          .aad_bytes = sizeof(aad),
	                                                          .data = b->data + HZ_JOURNAL_CHUNK_HEAD,
	                                                          .bytes = plain,
	                                                          .tag = tag});
	if (err)
		return err;
	hz_hash(w->hasher, w->before, b->data, chained, b->hash);
	memcpy(b->data + chained, b->hash, sizeof(b->hash));
	memcpy(w->before, b->hash, sizeof(w->before));
	memcpy(w->chain, b->hash, sizeof(w->chain));
	b->sealed = true;
	b->track->usual_bytes = plain;
	b->number = ++w->number;
	b->bytes = chained + sizeof(b->hash);
	// from now on its bytes on disk are counted, not those that were put
	atomic_fetch_add(&w->waiting, b->bytes - plain);
	if (b->track->open == b)
		b->track->open = NULL;
	return 0;
}

static int seal_all(struct hz_journal_writer *w, struct hz_blocks *list)
{
	while (list->first) {
		struct hz_block *b = list->first;
		int err = seal_block(w, b);
		if (err)
			return err;
		list->first = b->next;
		if (!list->first)
			list->end = &list->first;
		enqueue(w, b);
	}
	return 0;
}

static int put_json(struct hz_journal_writer *w, uint8_t kind, json_t *json, int64_t at_us)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text)
		return -ENOMEM;
	int err = hz_writer_put_text(w, kind, text, at_us);
	free(text);
	return err;
}

static int put_clock(struct hz_journal_writer *w, int64_t now_us, int64_t wall_us)
{
	int err = put_json(w, HZ_RECORD_CLOCK,
	                   json_pack("{sIsIsI}", "monotonic_us", (json_int_t)now_us, "wall_us",
	                             (json_int_t)wall_us, "events", (json_int_t)w->last_event),
	                   now_us);
	if (!err)
		w->clock_us = now_us;
	return err;
}

static int put_gaps(struct hz_journal_writer *w)
{
	while (w->gaps_count) {
		const struct hz_gap *g = &w->gaps[w->gaps_count - 1];
		int err =
		    put_json(w, HZ_RECORD_GAP,
		             json_pack("{sIsIsIss}", "track", (json_int_t)g->track, "packets",
		                       (json_int_t)g->packets, "bytes", (json_int_t)g->bytes, "why", g->why),
		             g->at_us);
		if (err)
			return err;
		w->gaps_count--;
	}
	return 0;
}

static int put_state(struct hz_journal_writer *w, int64_t now_us, int64_t wall_us)
{
	int err = hz_writer_put_text(w, HZ_RECORD_META, w->meta, now_us);
	for (uint32_t i = 1; !err && i <= w->tracks_count; i++)
		err = hz_writer_put_text(w, HZ_RECORD_TRACK, w->tracks[i]->json, now_us);
	return err ? err : put_clock(w, now_us, wall_us);
}

static struct hz_block *segment_block(struct hz_journal_writer *w, const struct hz_segment_head *head)
{
	struct hz_block *b = hz_block_new(w, w->tracks[0], HZ_JOURNAL_SEGMENT_HEAD);
	if (!b)
		return NULL;
	b->bytes = HZ_JOURNAL_SEGMENT_HEAD;
	b->sealed = true;
	b->number = w->number;
	hz_segment_head_put(w->hasher, head, b->data);
	memcpy(b->hash, w->chain, sizeof(b->hash));
	return b;
}

// The state is put and sealed before what waits already: that is set aside meanwhile. What fails half-way is taken back, but
// for sealed chunks, which are good wherever they are.
int hz_writer_begin_segment(struct hz_journal_writer *w, uint64_t cut, int64_t now_us, int64_t wall_us)
{
	struct hz_segment_head head = {
	    .number = w->segment + 1, .monotonic_us = now_us, .wall_us = wall_us, .cut = cut};
	struct hz_blocks waiting = w->plain;
	struct hz_block *open = w->tracks[0]->open;
	if (head.number > HZ_JOURNAL_SEGMENTS)
		return -EFBIG;
	memcpy(head.record, w->record, 16);
	memcpy(head.chain, w->chain, sizeof(head.chain));
	struct hz_block *b = segment_block(w, &head);
	if (!b)
		return -ENOMEM;
	hz_blocks_init(&w->plain);
	w->tracks[0]->open = NULL;
	int err = put_state(w, now_us, wall_us);
	if (!err) {
		w->segment = head.number;
		w->segment_bytes = 0;
		memcpy(w->before, b->data + 88, sizeof(w->before));
		atomic_fetch_add(&w->waiting, b->bytes);
		enqueue(w, b);
		err = seal_all(w, &w->plain);
	} else {
		hz_block_free(w, b);
	}
	for (b = w->plain.first; b; b = b->next)
		atomic_fetch_sub(&w->waiting, b->bytes);
	hz_blocks_free(w, &w->plain);
	w->plain = waiting;
	if (!waiting.first)
		w->plain.end = &w->plain.first;
	w->tracks[0]->open = open;
	w->roll = err != 0;
	return err;
}

int hz_journal_seal(struct hz_journal_writer *writer, int64_t now_us, int64_t wall_us)
{
	int err = 0;
	if (atomic_load(&writer->sealed) || writer->ended)
		return 0;
	writer->wall_us = wall_us - now_us;
	if (now_us - writer->clock_us >= CLOCK_US)
		err = put_clock(writer, now_us, wall_us);
	if (!err)
		err = put_gaps(writer);
	// The last one grows: a record of days is worth more than the speed of going on with it after a crash.
	bool more = writer->segment < HZ_JOURNAL_SEGMENTS;
	if (!err && more && writer->plain.first &&
	    (writer->roll || writer->segment_bytes >= writer->segment_most))
		err = hz_writer_begin_segment(writer, 0, now_us, wall_us);
	if (!err)
		err = seal_all(writer, &writer->plain);
	return err;
}

static int seal_end(struct hz_journal_writer *w, int64_t now_us)
{
	struct hz_block *b = hz_block_new(w, w->tracks[0], 0);
	if (!b)
		return -ENOMEM;
	b->kind = HZ_CHUNK_END;
	b->first_us = b->last_us = now_us;
	int err = seal_block(w, b);
	if (err) {
		hz_block_free(w, b);
		return err;
	}
	enqueue(w, b);
	w->ended = true;
	return 0;
}

int hz_writer_flush(struct hz_journal_writer *w, int64_t now_us, int64_t wall_us)
{
	int err = hz_journal_sync(w); // else what was sealed before keeps seal from sealing
	if (!err)
		err = hz_journal_seal(w, now_us, wall_us);
	return err ? err : hz_journal_sync(w);
}

int hz_journal_end(struct hz_journal_writer *writer, int64_t now_us, int64_t wall_us)
{
	writer->ending = true;
	int err = hz_writer_flush(writer, now_us, wall_us);
	if (!err && !writer->ended)
		err = seal_end(writer, now_us);
	return err ? err : hz_journal_sync(writer);
}

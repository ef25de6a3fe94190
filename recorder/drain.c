// From the workers' rings into the records' items. The second half of the write barrier: what is not of an open track, or
// came before its consent, goes nowhere.
#include <errno.h>

#include "gateway/base/log.h"
#include "recorder/state.h"

#define RECORDS_A_TURN 16384 // of a ring: control is not kept waiting

static void take(struct hz_recorder *r, struct hz_rec_track *t, const struct hz_ring_record *record,
                 const uint8_t *data, size_t bytes)
{
	bool rtp = record->kind == HZ_RING_RTP;
	struct hz_item item = {.track = t,
	                       .at_us = record->arrival_us,
	                       .bytes = (uint32_t)bytes,
	                       .kind = rtp ? HZ_ITEM_RTP : HZ_ITEM_SENDER_REPORT,
	                       .flags = (uint8_t)(record->flags & (HZ_TAP_LAYER | HZ_TAP_REPAIRED))};
	if (!rtp && (record->kind != HZ_RING_RTCP || bytes != HZ_TAP_SR_BYTES))
		return; // of a kind that is not known here
	if (!t || record->arrival_us < t->since_us) {
		r->stats.refused++;
		return;
	}
	if (!hz_items_put(t->rec, &item, data) || !rtp)
		return;
	t->lost_packets++;
	t->lost_bytes += bytes;
	r->stats.lost_packets++;
	r->stats.lost_bytes += bytes;
}

static void drain(struct hz_recorder *r, unsigned worker)
{
	struct hz_ring *ring = &r->ring[worker];
	struct hz_ring_record record;
	const uint8_t *data;
	struct hz_rec_track *t = NULL;
	uint64_t key = UINT64_MAX;
	size_t bytes = 0;
	for (unsigned n = 0; n < RECORDS_A_TURN && hz_ring_peek(ring, &record, &data, &bytes) == 1; n++) {
		uint64_t at = (uint64_t)worker << 32 | record.source;
		if (at != key)
			t = hz_map_get_u64(r->tracks, key = at);
		take(r, t, &record, data, bytes);
		hz_ring_drop(ring);
	}
}

// After a start the rings hold what came while there was no recorder: it is left there until control has said what may be
// written.
void hz_rec_drain(struct hz_recorder *r)
{
	for (unsigned i = 0; r->named && i < r->options->workers; i++)
		drain(r, i);
}

// A ring was full: nobody knows what of. Every record that has a track there may miss something.
static void note_dropped(struct hz_recorder *r, unsigned worker)
{
	uint64_t lost = hz_ring_lost(&r->ring[worker]);
	if (!lost)
		return;
	hz_error("tap.lost", "worker=%u packets=%llu", worker, (unsigned long long)lost);
	for (struct hz_rec *rec = r->records; rec; rec = rec->next) {
		const struct hz_rec_track *t = rec->tracks;
		while (t && (t->key >> 32 != worker || hz_map_get_u64(r->tracks, t->key) != t))
			t = t->next;
		const struct hz_item item = {.kind = HZ_ITEM_LOST, .number = lost};
		if (!t || hz_items_put(rec, &item, NULL))
			continue;
		rec->tap_lost += lost;
	}
}

void hz_rec_drain_lost(struct hz_recorder *r)
{
	for (unsigned i = 0; r->named && i < r->options->workers; i++)
		note_dropped(r, i);
	for (struct hz_rec *rec = r->records; rec; rec = rec->next) {
		for (struct hz_rec_track *t = rec->tracks; t; t = t->next) {
			// at_us carries the bytes
			const struct hz_item item = {.kind = HZ_ITEM_LOST,
			                             .track = t,
			                             .number = t->lost_packets,
			                             .at_us = (int64_t)t->lost_bytes};
			if (t->lost_packets && !hz_items_put(rec, &item, NULL))
				t->lost_packets = t->lost_bytes = 0;
		}
	}
}

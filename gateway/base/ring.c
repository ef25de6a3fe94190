#include "gateway/base/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define LINE 64

// In the memory. Each side writes its own lines only.
struct hz_ring_shared {
	_Alignas(LINE) uint64_t head; // producer's: bytes ever written
	uint64_t records, bytes, dropped;
	uint64_t base;                // all before it was read, whatever tail says: rewind_to_begin()
	_Alignas(LINE) uint64_t tail; // consumer's: bytes ever read
	uint64_t corrupt, told;
	_Alignas(LINE) uint8_t data[];
};

struct header {
	uint32_t bytes; // that follow, without padding
	uint16_t kind;  // 0: filler up to the end of the data
	uint16_t flags;
	uint32_t source;
	uint32_t reserved;
	int64_t arrival_us;
};

static_assert(sizeof(struct header) <= HZ_RING_ALIGN, "a filler fits wherever a record ends");

// Counters have one writer; a reader may look at any time.
static void count(uint64_t *at, uint64_t n)
{
	__atomic_store_n(at, __atomic_load_n(at, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

static uint64_t padded(uint64_t bytes)
{
	return (bytes + HZ_RING_ALIGN - 1) & ~(uint64_t)(HZ_RING_ALIGN - 1);
}

// The later one of two positions. What is more than a ring apart makes no sense: then the first.
static uint64_t later(const struct hz_ring *ring, uint64_t a, uint64_t b)
{
	return b - a - 1 < ring->size ? b : a;
}

static int attach(struct hz_ring *ring, void *memory, size_t bytes)
{
	if (!memory || bytes < HZ_RING_MIN_BYTES || bytes % HZ_RING_ALIGN || (uintptr_t)memory % LINE)
		return -EINVAL;
	ring->shared = memory;
	ring->size = bytes - sizeof(struct hz_ring_shared);
	ring->skip = ring->base = ring->end = 0;
	return 0;
}

int hz_ring_produce(struct hz_ring *ring, void *memory, size_t bytes)
{
	int err = attach(ring, memory, bytes);
	if (err)
		return err;
	ring->at = padded(__atomic_load_n(&ring->shared->head, __ATOMIC_RELAXED));
	ring->base = __atomic_load_n(&ring->shared->base, __ATOMIC_RELAXED);
	if (ring->at - ring->base > ring->size) // the one before us died before it came to use it
		ring->base = ring->at - ring->size;
	return 0;
}

int hz_ring_consume(struct hz_ring *ring, void *memory, size_t bytes)
{
	int err = attach(ring, memory, bytes);
	if (!err)
		ring->at = padded(__atomic_load_n(&ring->shared->tail, __ATOMIC_RELAXED));
	return err;
}

// --- producer

static void write_header(struct hz_ring *ring, uint64_t place, const struct header *header)
{
	memcpy(ring->shared->data + place, header, sizeof(*header));
}

// Everything was read: on with the begin of the memory, which is in both sides' caches, instead of walking through all of
// it. The rest of the lap is free at once: `base` says so to a consumer that looks only after all was written anew.
static void rewind_to_begin(struct hz_ring *ring, uint64_t place)
{
	struct hz_ring_shared *s = ring->shared;
	uint64_t to_end = ring->size - place;
	struct header filler = {.bytes = (uint32_t)(to_end - sizeof(filler))};
	write_header(ring, place, &filler); // for a consumer that does not know of it
	ring->at += to_end;
	ring->base = ring->at;
	__atomic_store_n(&s->base, ring->at, __ATOMIC_RELAXED); // seen with the next head at the latest
}

uint8_t *hz_ring_reserve(struct hz_ring *ring)
{
	struct hz_ring_shared *s = ring->shared;
	uint64_t want = padded(sizeof(struct header) + HZ_RING_RECORD_BYTES);
	uint64_t tail = __atomic_load_n(&s->tail, __ATOMIC_ACQUIRE);
	uint64_t place = ring->at % ring->size;
	if (tail == ring->at && place >= HZ_RING_WARM_BYTES) {
		rewind_to_begin(ring, place);
		place = 0;
	}
	uint64_t used = ring->at - later(ring, tail, ring->base);
	uint64_t to_end = ring->size - place;
	ring->skip = to_end < want ? to_end : 0;
	// A tail that makes no sense is the consumer's to repair; until then there is no room.
	if (used > ring->size || ring->size - used < ring->skip + want) {
		count(&s->dropped, 1);
		if (__atomic_load_n(&s->head, __ATOMIC_RELAXED) != ring->at) // somebody else wrote it
			__atomic_store_n(&s->head, ring->at, __ATOMIC_RELEASE);
		return NULL;
	}
	place = ring->skip ? 0 : place;
	return s->data + place + sizeof(struct header);
}

void hz_ring_commit(struct hz_ring *ring, const struct hz_ring_record *record, size_t bytes)
{
	struct hz_ring_shared *s = ring->shared;
	uint64_t place = ring->at % ring->size;
	struct header header = {.bytes = (uint32_t)bytes,
	                        .kind = record->kind,
	                        .flags = record->flags,
	                        .source = record->source,
	                        .arrival_us = record->arrival_us};
	if (ring->skip) {
		struct header filler = {.bytes = (uint32_t)(ring->skip - sizeof(filler))};
		write_header(ring, place, &filler);
		place = 0;
	}
	write_header(ring, place, &header);
	ring->at += ring->skip + padded(sizeof(header) + bytes);
	ring->skip = 0;
	count(&s->records, 1);
	count(&s->bytes, bytes);
	__atomic_store_n(&s->head, ring->at, __ATOMIC_RELEASE);
}

int hz_ring_put(struct hz_ring *ring, const struct hz_ring_record *record, const void *data, size_t bytes)
{
	if (bytes > HZ_RING_RECORD_BYTES)
		return -EMSGSIZE;
	uint8_t *room = hz_ring_reserve(ring);
	if (!room)
		return -ENOBUFS;
	if (bytes)
		memcpy(room, data, bytes);
	hz_ring_commit(ring, record, bytes);
	return 0;
}

// --- consumer

static void move_tail(struct hz_ring *ring, uint64_t to)
{
	ring->at = to;
	__atomic_store_n(&ring->shared->tail, to, __ATOMIC_RELEASE);
}

// Everything up to head is given up: records have no marks by which one could find the next.
static int give_up(struct hz_ring *ring, uint64_t head)
{
	count(&ring->shared->corrupt, 1);
	move_tail(ring, padded(head));
	return 0;
}

int hz_ring_peek(struct hz_ring *ring, struct hz_ring_record *ret, const uint8_t **ret_data,
                 size_t *ret_bytes)
{
	struct hz_ring_shared *s = ring->shared;
	uint64_t head = __atomic_load_n(&s->head, __ATOMIC_ACQUIRE);
	for (unsigned fillers = 0;; fillers++) {
		struct header header;
		uint64_t base = __atomic_load_n(&s->base, __ATOMIC_RELAXED);
		if (head - base <= ring->size && later(ring, ring->at, base) != ring->at)
			move_tail(ring, padded(base));
		uint64_t used = head - ring->at;
		if (!used) {
			if (__atomic_load_n(&s->tail, __ATOMIC_RELAXED) != ring->at)
				move_tail(ring,
				          ring->at); // somebody else wrote it: the producer must not starve
			return 0;
		}
		uint64_t place = ring->at % ring->size;
		if (used > ring->size || used % HZ_RING_ALIGN || fillers > 1)
			return give_up(ring, head);
		memcpy(&header, s->data + place, sizeof(header));
		uint64_t whole = padded(sizeof(header) + (uint64_t)header.bytes);
		if (whole > used || whole > ring->size - place)
			return give_up(ring, head);
		if (header.kind == 0) {
			if (whole != ring->size - place)
				return give_up(ring, head);
			move_tail(ring, ring->at + whole);
			continue;
		}
		if (header.bytes > HZ_RING_RECORD_BYTES)
			return give_up(ring, head);
		*ret = (struct hz_ring_record){header.kind, header.flags, header.source, header.arrival_us};
		*ret_data = s->data + place + sizeof(header);
		*ret_bytes = header.bytes;
		ring->end = ring->at + whole;
		return 1;
	}
}

void hz_ring_drop(struct hz_ring *ring)
{
	move_tail(ring, ring->end);
}

int hz_ring_take(struct hz_ring *ring, struct hz_ring_record *ret, uint8_t buf[HZ_RING_RECORD_BYTES],
                 size_t *ret_bytes)
{
	const uint8_t *data;
	if (!hz_ring_peek(ring, ret, &data, ret_bytes))
		return 0;
	memcpy(buf, data, *ret_bytes);
	hz_ring_drop(ring);
	return 1;
}

bool hz_ring_empty(const struct hz_ring *ring)
{
	return __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE) == ring->at;
}

void hz_ring_counters(const struct hz_ring *ring, struct hz_ring_counters *ret)
{
	const struct hz_ring_shared *s = ring->shared;
	*ret = (struct hz_ring_counters){.records = __atomic_load_n(&s->records, __ATOMIC_RELAXED),
	                                 .bytes = __atomic_load_n(&s->bytes, __ATOMIC_RELAXED),
	                                 .dropped = __atomic_load_n(&s->dropped, __ATOMIC_RELAXED),
	                                 .corrupt = __atomic_load_n(&s->corrupt, __ATOMIC_RELAXED)};
}

uint64_t hz_ring_lost(struct hz_ring *ring)
{
	struct hz_ring_shared *s = ring->shared;
	uint64_t lost = __atomic_load_n(&s->dropped, __ATOMIC_RELAXED) + s->corrupt;
	uint64_t fresh = lost - s->told;
	s->told = lost;
	return fresh > INT64_MAX ? 1 : fresh; // somebody else wrote it
}

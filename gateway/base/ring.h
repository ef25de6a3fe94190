// A single-producer single-consumer ring of records in shared memory: packets on their way to another process of this
// installation (another worker; later the recorder's tap and pipes). Full: the record is dropped and counted, nobody
// ever waits. All zero is an empty ring, so a fresh memfd needs no setting up.
//
// Kill-proof: a record counts once `head` was moved behind it, and stays until `tail` was: whoever is killed in between
// leaves a whole ring. Its successor attaches and goes on with the next whole record; a consumer that was killed before
// it moved `tail` sees that one record again. Nothing read from the memory is trusted: positions and lengths are checked
// once and copied, what makes no sense empties the ring and is counted.
//
// Thread: one producer and one consumer at a time, anywhere. Times are CLOCK_MONOTONIC microseconds. No system calls:
// waking the consumer is the caller's (an eventfd, once per flush).
//
// Whenever the consumer has read all, the producer begins again at the front of the memory: a ring that is emptied often
// stays in the caches and touches few pages, however large it is for worse times.
#ifndef HZ_BASE_RING_H
#define HZ_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_RING_RECORD_BYTES 2048 // the most that one record carries
#define HZ_RING_MIN_BYTES    16384
#define HZ_RING_ALIGN        32
#define HZ_RING_WARM_BYTES   (512u * 1024) // so far the producer goes before it begins again

enum hz_ring_kind {
	HZ_RING_RTP = 1,
	HZ_RING_RTCP = 2,
};

struct hz_ring_record {
	uint16_t kind;      // enum hz_ring_kind; others may come, readers pass over what they do not know
	uint16_t flags;     // none yet: 0
	uint32_t source;    // whose it is: between workers the consult's number
	int64_t arrival_us; // when it reached this installation
};

struct hz_ring_counters { // of the ring's life, kept in it
	uint64_t records, bytes;
	uint64_t dropped; // the ring was full
	uint64_t corrupt; // times that it made no sense and was emptied
};

struct hz_ring_shared;

// One side's handle; no resources of its own.
struct hz_ring {
	struct hz_ring_shared *shared;
	uint64_t size; // of the data
	uint64_t at;   // producer: head. Consumer: tail
	uint64_t skip; // producer: bytes of the filler before the reserved record
	uint64_t base; // producer: all before it was read, even if tail is behind
	uint64_t end;  // consumer: of the record that was peeked at
};

// Memory of `bytes` (a multiple of HZ_RING_ALIGN, at least HZ_RING_MIN_BYTES), zeroed or left behind by an earlier
// process. The caller keeps it mapped. 0; -EINVAL.
int hz_ring_produce(struct hz_ring *ring, void *memory, size_t bytes);
int hz_ring_consume(struct hz_ring *ring, void *memory, size_t bytes);

// Producer: room for a record of up to HZ_RING_RECORD_BYTES, to be written in place; NULL: full, counted as dropped.
// Without a commit the room is simply given out again.
uint8_t *hz_ring_reserve(struct hz_ring *ring);
void hz_ring_commit(struct hz_ring *ring, const struct hz_ring_record *record, size_t bytes);

// The same with a copy. 0; -ENOBUFS full; -EMSGSIZE.
int hz_ring_put(struct hz_ring *ring, const struct hz_ring_record *record, const void *data, size_t bytes);

// Consumer: the next record where it lies; the producer (if it is hostile) may change its bytes while they are looked at. 1; 0:
// there is none. drop removes it: once after each peek that returned 1.
int hz_ring_peek(struct hz_ring *ring, struct hz_ring_record *ret, const uint8_t **ret_data,
                 size_t *ret_bytes);
void hz_ring_drop(struct hz_ring *ring);

// The same with a copy, removed at once. 1; 0: there is none.
int hz_ring_take(struct hz_ring *ring, struct hz_ring_record *ret, uint8_t buf[HZ_RING_RECORD_BYTES],
                 size_t *ret_bytes);

bool hz_ring_empty(const struct hz_ring *ring); // consumer's view

// Consumer: how often something was dropped, or the ring emptied, since this was last asked; whoever asked, it is kept in the
// ring.
uint64_t hz_ring_lost(struct hz_ring *ring);

// Either side, a snapshot.
void hz_ring_counters(const struct hz_ring *ring, struct hz_ring_counters *ret);

#endif

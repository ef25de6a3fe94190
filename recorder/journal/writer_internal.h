// What the writer is inside. A block is a chunk in the making: it grows in memory, is sealed in place and waits for the disk.
//
//   put ──► open blocks (plain; by first arrival) ──seal──► queue (sealed; by number) ──sync──► file, then freed
//           the caller's lock                               `lock`                      `io`
//
// A sealed block is never sealed again, so that no nonce is used for two texts: what could not be written is written again,
// the same bytes at the same place. Order of locks: io, lock.
#ifndef HZ_RECORDER_JOURNAL_WRITER_INTERNAL_H
#define HZ_RECORDER_JOURNAL_WRITER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "recorder/journal/wire.h"
#include "recorder/journal/writer.h"

#define HZ_JOURNAL_GAPS 64 // kinds of loss that wait to be told; more are told as one

struct hz_block {
	struct hz_block *next;
	struct hz_writer_track *track; // of a segment's header: the events'
	uint32_t kind, segment;        // kind 0: a segment's header
	uint64_t number, offset;       // sealed: of the chunk, in the file
	int64_t first_us, last_us;
	uint32_t records;
	size_t bytes;   // plain: behind the head. Sealed: the whole
	unsigned class; // of the size of data
	bool sealed;
	uint8_t *data;
	uint8_t hash[HZ_JOURNAL_HASH_BYTES];
};

struct hz_spare { // a buffer that waits to be used again
	struct hz_spare *next;
};
#define HZ_BLOCK_CLASSES 8

struct hz_blocks {
	struct hz_block *first, **end;
};

struct hz_writer_track {
	uint32_t number;
	char *key, *json;
	struct hz_cipher *cipher; // NULL: not asked for since the writer was opened
	struct hz_block *open;    // that takes more
	bool described;           // json is on disk, or on its way
	size_t usual_bytes;       // of its last chunk: the next one begins with as much room
};

struct hz_gap {
	uint32_t track;
	char why[32];
	uint64_t packets, bytes;
	int64_t at_us;
};

struct hz_journal_writer {
	uint8_t record[16], key[HZ_JOURNAL_KEY_BYTES];
	char *meta;
	int keys_fd, journal_fd;
	size_t limit_bytes;
	struct hz_hasher *hasher;
	atomic_size_t waiting, sealed; // bytes: put and not on disk; of these sealed
	bool ending, ended;            // nothing may be put; END is sealed

	struct hz_writer_track *tracks[HZ_JOURNAL_TRACKS]; // [0]: events
	uint32_t tracks_count;
	struct hz_blocks plain;
	uint64_t last_event;
	int64_t clock_us, newest_us,
	    wall_us; // when CLOCK was written; of what was put; wall clock less monotonic
	struct hz_gap gaps[HZ_JOURNAL_GAPS];
	unsigned gaps_count;
	uint64_t packets, events, lost_packets, lost_bytes;

	uint32_t segment; // the chain, as sealed
	uint64_t segment_bytes, segment_most, number;
	bool roll; // a segment is to be begun, however long this one is
	uint8_t chain[HZ_JOURNAL_HASH_BYTES],
	    before[HZ_JOURNAL_HASH_BYTES]; // of the newest chunk; of that or the header

	pthread_mutex_t lock; // of the queue and what the disk has
	struct hz_blocks queue;
	struct hz_spare *spare[HZ_BLOCK_CLASSES]; // at most a quarter of limit_bytes
	size_t spare_bytes;
	uint64_t disk_chunks, disk_bytes;
	uint8_t disk_hash[HZ_JOURNAL_HASH_BYTES];

	pthread_mutex_t io; // of the file
	int fd;
	uint32_t fd_segment;
	bool fd_new;              // its name is not durable yet
	struct hz_block *written; // the newest block of the queue whose bytes the kernel has; NULL: none
};

void hz_blocks_init(struct hz_blocks *list);
void hz_blocks_add(struct hz_blocks *list, struct hz_block *block);
// With room for that many plain bytes at least; NULL: no memory.
struct hz_block *hz_block_new(struct hz_journal_writer *w, struct hz_writer_track *track, size_t plain);
int hz_block_room(struct hz_journal_writer *w, struct hz_block *block, size_t plain); // makes it: -ENOMEM
void hz_block_free(struct hz_journal_writer *w, struct hz_block *block); // wipes what is not sealed
void hz_blocks_free(struct hz_journal_writer *w, struct hz_blocks *list);
void hz_spares_free(struct hz_journal_writer *w);

// One record, with room for it whatever the limit is. -EMSGSIZE, -ENOMEM.
struct hz_put {
	uint32_t track;
	uint8_t kind, flags;
	const void *data;
	size_t bytes;
	int64_t at_us;
};
int hz_writer_put(struct hz_journal_writer *w, const struct hz_put *put);
int hz_writer_put_text(struct hz_journal_writer *w, uint8_t kind, const char *text, int64_t at_us);
struct hz_writer_track *hz_writer_track_new(struct hz_journal_writer *w, uint32_t number, const char *key,
                                            const char *json); // NULL: no memory

// Queues the header of the next segment and its state; `cut`: see format.h.
int hz_writer_begin_segment(struct hz_journal_writer *w, uint64_t cut, int64_t now_us, int64_t wall_us);
int hz_writer_flush(struct hz_journal_writer *w, int64_t now_us, int64_t wall_us); // sync, seal, sync
// Reads what is there and cuts the torn tail. *ret_cut: its bytes.
int hz_writer_resume(struct hz_journal_writer *w, uint64_t *ret_cut);

#endif

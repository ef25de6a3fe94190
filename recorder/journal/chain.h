// Walks the segments of a record chunk by chunk and checks everything that needs no key: heads, numbers, lengths, hashes.
// What it returns as a chunk is chained, not yet authentic. Thread: one.
#ifndef HZ_RECORDER_JOURNAL_CHAIN_H
#define HZ_RECORDER_JOURNAL_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/journal/reader.h"
#include "recorder/journal/wire.h"

struct hz_chain {
	int dir_fd, fd; // of journal/; of the segment that is being read, -1: none
	struct hz_hasher *hasher;
	uint32_t from, last; // segments: where it began, and the newest there is
	struct hz_segment_head
	    segment;           // that is being read; its number is that of the file, also with a torn header
	uint64_t size, offset; // of the file: bytes, and begin of what is read next
	uint64_t number;       // of the newest chunk; 0: none so far
	uint8_t hash[HZ_JOURNAL_HASH_BYTES];  // of the newest chunk, else of the header
	uint8_t chain[HZ_JOURNAL_HASH_BYTES]; // of the newest chunk only: what the next segment names
	bool record_known, chain_known, ended;
	uint8_t record[16];
	struct hz_chunk_head chunk;
	uint8_t *data; // of the chunk: head | sealed | tag | hash. Until the next call
	uint64_t chunk_offset;
	bool reading; // the chunk at chunk_offset is not checked yet: it is the one behind `number`
	uint64_t chunks, bytes, torn_bytes, cut_bytes;
	bool torn_head; // the last segment lacks its header
	uint32_t segments;
	int64_t first_us, last_us, first_wall_us, last_wall_us; // of chunks
	struct hz_journal_fault fault;
};

// from: the segment to begin with; behind the first one its `chain` and the number of its first chunk are taken as they are.
int hz_chain_open(int dir_fd, uint32_t from, struct hz_chain *ret); // takes dir_fd over, also with an error
void hz_chain_close(struct hz_chain *chain);
// 1 a chunk; 0 the end; -EBADMSG: see fault; -errno.
int hz_chain_next(struct hz_chain *chain);
// The number of the newest segment in journal/; 0: none. -errno.
int hz_chain_newest(int dir_fd, uint32_t *ret);
// Notes the first fault at the chunk that is being read; returns -EBADMSG.
int hz_chain_fault(struct hz_chain *chain, const char *what);
void hz_segment_name(uint32_t number, char ret[16]);

#endif

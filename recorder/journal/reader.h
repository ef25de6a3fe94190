// Reads and checks a record's journal. Streams: memory is one chunk. Thread: one at a time a reader.
#ifndef HZ_RECORDER_JOURNAL_READER_H
#define HZ_RECORDER_JOURNAL_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/journal/format.h"

struct hz_journal_reader;

// folder: of the record. master: NULL: check the chain only, nothing is opened. 0; -errno; -EKEYREJECTED.
int hz_journal_reader_new(const char *folder, const uint8_t *master, struct hz_journal_reader **ret);
void hz_journal_reader_free(struct hz_journal_reader *reader); // NULL allowed

struct hz_journal_item {
	uint32_t track;      // 0: events
	uint8_t kind, flags; // enum hz_record_kind, HZ_RECORD_*
	uint32_t segment;
	int64_t at_us, wall_us; // monotonic, and by the segment's clock
	const uint8_t *data;    // valid until the next call
	size_t bytes;
};

// The next record in the file's order (tracks interleave by chunk; within a track by arrival).
// 1; 0: the end (see hz_journal_summary); -EBADMSG: altered, hz_journal_fault() says where; -errno.
// Records of a track whose key was erased are passed over.
int hz_journal_next(struct hz_journal_reader *reader, struct hz_journal_item *ret);

struct hz_journal_fault { // the first one
	char file[64];    // "0001.hzj", "keys/0003", ...
	uint64_t offset;  // of the chunk's begin
	uint64_t chunk;   // its number, 0: the header
	char what[96];    // "hash does not match", "number 17 follows 15", ...
};
void hz_journal_fault(const struct hz_journal_reader *reader, struct hz_journal_fault *ret);

struct hz_journal_summary {
	uint8_t record[16];                // its id, once a header was whole
	uint32_t segments, tracks, erased; // erased: tracks
	uint64_t chunks, records, bytes;
	uint64_t torn_bytes;    // at the end of the last segment: a crash cut it; not an error by itself
	uint64_t cut_bytes;     // of tails that the writer cut off when it went on after a crash
	uint64_t erased_chunks; // passed over: their key was erased
	bool ended;             // END was seen
	int64_t first_us, last_us, first_wall_us, last_wall_us;
	uint8_t hash[HZ_JOURNAL_HASH_BYTES]; // of the last chunk
};
void hz_journal_summary(const struct hz_journal_reader *reader,
                        struct hz_journal_summary *ret); // after next() gave 0

// The journal's text key and newest description of a track, as read so far; NULL: not seen. Owned by the reader.
const char *hz_journal_track_json(const struct hz_journal_reader *reader, uint32_t track);

#endif

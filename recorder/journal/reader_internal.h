// What the reader is inside; the writer uses it to go on after a crash.
#ifndef HZ_RECORDER_JOURNAL_READER_INTERNAL_H
#define HZ_RECORDER_JOURNAL_READER_INTERNAL_H

#include "recorder/journal/chain.h"
#include "recorder/journal/reader.h"

enum key_state { KEY_UNTRIED, KEY_GOOD, KEY_ERASED };

struct reader_track {
	char *key, *json; // NULL: not seen
	struct hz_cipher *cipher;
	enum key_state state;
};

struct hz_journal_reader {
	struct hz_chain chain;
	int keys_fd;
	bool opens;       // has the record's key
	bool gone;        // that key was erased: no chunk can be opened
	bool events_only; // media is chained but not opened
	uint8_t key[HZ_JOURNAL_KEY_BYTES];
	struct reader_track tracks[HZ_JOURNAL_TRACKS];
	const uint8_t *at, *end; // records of the chunk
	uint32_t records_left;
	uint64_t records, erased_chunks;
	uint64_t last_event;
	bool state_seen; // a CLOCK in the segment that it began with
	int32_t failed;
};

struct reader_from {
	int journal_fd, keys_fd; // taken over, also with an error
	const uint8_t *key;      // of the record; NULL: nothing is opened
	uint32_t segment;
	bool events_only;
};
int hz_reader_from(const struct reader_from *from, struct hz_journal_reader **ret);

#endif

// Is a record what was written? Checks the journal (heads, hashes, chain, numbers, end), its keys, and that it is the journal
// of this record in this state. Reads everything once: about a second a gigabyte. Thread: any; blocks.
#ifndef HZ_RECORDER_VERIFY_H
#define HZ_RECORDER_VERIFY_H

#include <stdint.h>

#include "recorder/journal/reader.h"
#include "recorder/store.h"

enum hz_verify {
	HZ_VERIFY_WHOLE = 1, // from its first byte to its END nothing is missing or altered
	HZ_VERIFY_OPEN,      // as far as it goes: it is being recorded, or will be gone on with
	HZ_VERIFY_TORN,      // a crash cut its last chunk; everything before it is good
	HZ_VERIFY_DELETED,   // after its retention: there is a note, and no journal
	HZ_VERIFY_ALTERED,   // `fault` says where and what
	HZ_VERIFY_UNREADABLE // the disk or the master key: `error` (-errno), `fault.file` and `fault.what`
};

struct hz_verify_result {
	enum hz_verify verdict;
	int error;
	struct hz_journal_fault fault;
	struct hz_journal_summary summary; // with WHOLE, OPEN and TORN
};

// master: NULL: the chain only. Never fails: what cannot be checked is a verdict.
void hz_record_verify(const char *folder, const uint8_t *master, struct hz_verify_result *ret);
const char *hz_verify_name(enum hz_verify verdict); // "whole", ...

#endif

// A record's journal -> playable files, manifest.json and timeline.json in its folder. The same journal gives the same bytes,
// whatever was there before; a run that was killed is simply run again (files are written beside and renamed, the manifest
// last). Memory: what waits for missing packets, and about 100 bytes a second of each stream. Thread: any, one a folder.
#ifndef HZ_RECORDER_FINALIZE_FINALIZE_H
#define HZ_RECORDER_FINALIZE_FINALIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/journal/reader.h"

#define HZ_FINALIZE_ERROR_BYTES 256

// Items in the journal's order, twice.
struct hz_items {
	int (*next)(void *arg, struct hz_journal_item *ret); // as hz_journal_next()
	int (*rewind)(void *arg);                            // 0; -errno
	void *arg;
};

// From any source of items.
struct hz_finalize_source {
	struct hz_items items;
	const char *record; // UUID; "" unknown
	// After the items were read: the manifest's "journal" without its gaps, and a warning or "". NULL allowed.
	const char *(*journal_json)(void *arg);
	const char *(*warning)(void *arg);
};
// 0; -EBADMSG: the items ended with a fault, files are made of what is before; -errno.
int hz_finalize_items(const struct hz_finalize_source *source, const char *folder);

// A record of the store, under its lock. Sets FINALISING before and, when done, FINALISED (and DELIVERED stays to others).
// -EBUSY: it is locked, or still recorded (force: its recorder is known to be gone). -EBADMSG: the journal is altered:
// files are made of what is before, the state is FAILED. error: one line for the state and the log, "" when 0.
struct hz_finalize_with {
	const char *folder;
	const uint8_t *master;
	bool force;
};
int hz_finalize_record(const struct hz_finalize_with *with, char error[HZ_FINALIZE_ERROR_BYTES]);

#endif

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

// Items in the journal's order, twice; at most HZ_JOURNAL_RECORD_BYTES each. Called in a thread of its own (ahead.h).
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
	bool (*erased)(void *arg, uint32_t track); // its key is gone. NULL allowed
	// Who was erased: {participant: true}, jansson's json_t *, the caller's. NULL allowed.
	void *(*noted)(void *arg);
};
// 0; -EBADMSG: the items ended with a fault, files are made of what is before; -errno.
int hz_finalize_items(const struct hz_finalize_source *source, const char *folder);

// --- a record of the store: what `huizhen record finalize` and the archive do, in this order

// Takes the record's lock and sets FINALISING, one attempt more. -EBUSY: somebody else works on it, or its recorder still
// writes; -ENODATA: it is deleted; -errno. *ret: a descriptor that holds the lock.
int hz_finalize_begin(const char *folder, int *ret);
// Journal -> tracks, timeline.json, manifest.json. -EBADMSG: the journal is altered (files are made of what is before).
// error: one line for people, written when it fails.
int hz_finalize_tracks(const char *folder, const uint8_t *master, char error[HZ_FINALIZE_ERROR_BYTES]);
// Sets what became of it and gives the lock back. err 0: FINALISED; what needs a hand (altered, no key): FAILED; else it
// stays FINALISING with the error, to be tried again.
int hz_finalize_end(const char *folder, int lock, int err, const char *error);

#endif

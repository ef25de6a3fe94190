// Erasing what was recorded because somebody asked: of one participant, or a whole record. The keys of their tracks are destroyed
// and all files with them in it are removed; the journal stays, its chain stays good, everybody else's tracks stay readable.
// A signed note says what went (recorder/record/erasure.h). The archive then makes the files anew without them, and a new
// certificate. Killed anywhere, it can be repeated; what the archive makes meanwhile is whole, with or without them.
//
// What stays: names, times, answers to the consent question, and in the journal's events, which are sealed under the record's
// key, what they wrote and drew, which nothing shows any more: only erasing the whole record takes those. What PACS and EMR have is
// theirs.
//
// Legal holds: a file <store>/hold/<record id> keeps a record from every deletion and erasure.
// What is being sent to PACS or EMR goes to its end first, and is said to be theirs; nothing more is begun meanwhile.
// Thread: any. Errors: -errno; -EPERM: a legal hold; -EBUSY: recorded, worked on or, after wait_ms, still being sent; -ENODATA: deleted before (what was left
// of it when that was killed is gone then).
#ifndef HZ_RECORDER_ARCHIVE_ERASE_H
#define HZ_RECORDER_ARCHIVE_ERASE_H

#include <stdbool.h>
#include <stdint.h>

struct hz_erase {
	const char *store, *folder; // of the record
	const uint8_t *master;      // needed with a participant; NULL: none
	const char *participant;    // NULL: the whole record
	const char *by, *why;       // who does it and for which reason; UTF-8, at most HZ_ERASURE_TEXT bytes
	bool sm2;                   // kind of a signing key that is made now
	unsigned wait_ms;           // most, for what is being sent
};

struct hz_erased {
	unsigned number;        // of the note
	unsigned tracks, files; // whose keys are gone; that were removed
	bool delivered;         // PACS or EMR may have something of it
};

// Besides the above: -ENOENT: this record has neither a track nor a word nor a drawing of that participant; -EALREADY: nothing is
// left of them; -EBADMSG: the journal is altered, so that not all their tracks are known.
int hz_erase(const struct hz_erase *what, struct hz_erased *ret);

// Sets or ends a legal hold. Ending it writes holds/<when it was set>.json into the record's folder: who, when, why.
int hz_hold_set(const char *store, const char *record, const char *by, const char *why); // -EEXIST
int hz_hold_end(const char *store, const char *folder, const char *record, const char *by,
                const char *why); // -ENOENT
bool hz_hold_is(const char *store, const char *record);

#endif

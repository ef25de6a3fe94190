// Writes one record's journal. Protocol only: the caller says the time; files are the one thing it touches.
//
// Thread: one at a time a writer (the recorder's reader thread puts, its writer thread seals: the caller locks between).
// Memory: what was put and not sealed, bounded by `limit_bytes`; full: the packet is refused (-ENOBUFS), counted, and a GAP is
// written with the next chunk. After an error of the disk what was put stays, and the next seal tries again at the same place.
#ifndef HZ_RECORDER_JOURNAL_WRITER_H
#define HZ_RECORDER_JOURNAL_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/journal/format.h"

struct hz_journal_writer;

struct hz_journal_open {
	const char *folder; // of the record; made when missing, with journal/ and keys/
	uint8_t record[16];
	const uint8_t *master; // HZ_JOURNAL_KEY_BYTES, not kept
	const char *meta;      // JSON
	size_t limit_bytes;    // of what waits
	int64_t monotonic_us, wall_us;
};

// Begins the record, or goes on with it after a crash: cuts a torn tail, begins the next segment, loads tracks and event
// numbers from what is there. Durable when it returns. -EEXIST: it was closed by END; -EBADMSG: altered (not torn).
int hz_journal_open(const struct hz_journal_open *with, struct hz_journal_writer **ret);
void hz_journal_free(struct hz_journal_writer *writer); // without sealing; keys are wiped. NULL allowed

// A journal track by its text key (JSON schema "track"): made, or found. Its key file and description are durable when it
// returns. -ENOSPC: HZ_JOURNAL_TRACKS.
int hz_journal_track(struct hz_journal_writer *writer, const char *key, const char *json, int64_t now_us,
                     uint32_t *ret);

// Takes a copy. -ENOBUFS full; -EMSGSIZE.
int hz_journal_rtp(struct hz_journal_writer *writer, uint32_t track, uint8_t flags, const void *data,
                   size_t bytes, int64_t at_us);
int hz_journal_sender_report(struct hz_journal_writer *writer, uint32_t track, const uint8_t block[24],
                             int64_t at_us);
int hz_journal_event(struct hz_journal_writer *writer, uint64_t number, const char *json, size_t bytes,
                     int64_t at_us);
void hz_journal_lost(struct hz_journal_writer *writer, uint32_t track, uint64_t packets, uint64_t bytes,
                     const char *why);
uint64_t
hz_journal_last_event(const struct hz_journal_writer *writer); // 0: none. What is put counts, durable or not

// What waits of a track is wiped and never written (consent was withdrawn).
void hz_journal_discard(struct hz_journal_writer *writer, uint32_t track);

// Seals what waits and is older than `older_us` (0: everything) and writes it with one writev. sync: fdatasync as well; all
// that was sealed before is then on disk. -errno of the disk: nothing is forgotten.
int hz_journal_seal(struct hz_journal_writer *writer, int64_t now_us, int64_t wall_us);
int hz_journal_sync(
    struct hz_journal_writer *writer); // may run in another thread beside hz_journal_rtp and _event
int hz_journal_end(struct hz_journal_writer *writer, int64_t now_us, int64_t wall_us); // seal, END, sync

struct hz_journal_stats {
	uint64_t chunks, bytes, packets, events, lost_packets, lost_bytes;
	size_t waiting_bytes;
	int64_t oldest_us;                   // arrival of the oldest that is not on disk; 0: none
	uint8_t hash[HZ_JOURNAL_HASH_BYTES]; // of the last chunk on disk
};
void hz_journal_stats(const struct hz_journal_writer *writer, struct hz_journal_stats *ret);

#endif

// Writes one record's journal. Protocol only: the caller says the time; files are the one thing it touches.
//
// Thread: one at a time a writer (the recorder's reader thread puts, its writer thread seals: the caller locks between), but
// hz_journal_write and _sync, which is where the disk is waited for, may run in another thread beside all but _free.
// Memory: what was put and is not on disk, bounded by `limit_bytes`; full: the packet is refused (-ENOBUFS), counted, and a GAP is
// written with the next chunk. Events have an eighth more. After an error of the disk what was put stays, and the next sync
// tries again at the same place.
#ifndef HZ_RECORDER_JOURNAL_WRITER_H
#define HZ_RECORDER_JOURNAL_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/journal/format.h"

struct hz_journal_writer;

struct hz_journal_open {
	const char *folder; // of the record; made when missing, with journal/ and keys/
	uint8_t record[16];
	const uint8_t *master;  // HZ_JOURNAL_KEY_BYTES, not kept
	const char *meta;       // JSON
	size_t limit_bytes;     // of what waits
	uint64_t segment_bytes; // a new segment is begun then; 0: HZ_JOURNAL_SEGMENT_BYTES
	int64_t monotonic_us, wall_us;
};

// Begins the record, or goes on with it after a crash: cuts a torn tail, begins the next segment, loads tracks and event
// numbers from what is there. Durable when it returns. -EEXIST: it was closed by END; -EBADMSG: altered (not torn); -EBUSY:
// another process writes it; -EKEYREJECTED, -ENOKEY, -ENOENT: its key, as in keys.h; -EINVAL: meta is no JSON object.
int hz_journal_open(const struct hz_journal_open *with, struct hz_journal_writer **ret);
void hz_journal_free(struct hz_journal_writer *writer); // without sealing; keys are wiped. NULL allowed

// A journal track by its text key (JSON schema "track"): made, or found. Its key file and description are durable when it
// returns; waits for the disk. -E2BIG: HZ_JOURNAL_TRACKS; -EINVAL: json is no object; -ENOKEY: its key was erased.
// After a restart a track takes media again when it was asked for here.
int hz_journal_track(struct hz_journal_writer *writer, const char *key, const char *json, int64_t now_us,
                     uint32_t *ret);

// Takes a copy. -ENOBUFS full; -EMSGSIZE; -EINVAL: no such track, or no JSON object. An event whose number was put before is
// 0 and is not written again.
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

// What is not sealed yet of a track is wiped and never written (consent was withdrawn).
void hz_journal_discard(struct hz_journal_writer *writer, uint32_t track);

// Seals what waits, in memory only. While something that was sealed before is not on disk it does nothing: what waits can
// still be discarded. -EIO, -ENOMEM: nothing is forgotten.
int hz_journal_seal(struct hz_journal_writer *writer, int64_t now_us, int64_t wall_us);
// Gives what is sealed to the kernel (one pwritev) and has it begin to write, without waiting; a sync has to follow. Of several
// journals: all of these first, then the syncs, and the disk is busy with all at once. Thread: as _sync. -errno as there.
int hz_journal_write(struct hz_journal_writer *writer);
// Writes what is sealed (one pwritev) and fdatasyncs it: all that was sealed before the call is then on disk. Beginning a
// segment makes its file here. -errno of the disk: nothing is forgotten, nothing is out of order.
int hz_journal_sync(struct hz_journal_writer *writer);
// Seal, END, sync. -errno: again, later; nothing can be put any more (-ESHUTDOWN) but discarded.
int hz_journal_end(struct hz_journal_writer *writer, int64_t now_us, int64_t wall_us);

struct hz_journal_stats {
	uint64_t chunks;                                           // of the record, on disk
	uint64_t bytes, packets, events, lost_packets, lost_bytes; // since it was opened; bytes: on disk
	size_t waiting_bytes;                                      // put and not on disk
	int64_t oldest_us;                   // arrival of the oldest that is not on disk; 0: none
	uint8_t hash[HZ_JOURNAL_HASH_BYTES]; // of the last chunk on disk
};
void hz_journal_stats(const struct hz_journal_writer *writer, struct hz_journal_stats *ret);

#endif

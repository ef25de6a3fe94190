// What control and the recorder say to each other, over a SOCK_SEQPACKET pair, one message a datagram: a fixed head and,
// for those that have one, a JSON text behind it (no NUL). Both ends live in the same installation.
//
// Control's messages describe a whole wanted state, or an event with a number, so that repeating one is harmless. After the
// recorder's HELLO (it restarted), after control restarted, and when the queue was full, control sends BEGIN, every record
// that is running with its open tracks and the events that were not acknowledged, and END; a record that was not named is
// closed by the recorder. So nothing depends on either side's memory.
//
// Order is the write barrier: the ACK of a message says that what it asked for is on disk (fdatasync), and media of a track
// is written only behind its TRACK_OPEN, once that is on disk. Control marks the track at the worker (HZ_TRACK_TAP) after that.
#ifndef HZ_RECORDER_API_H
#define HZ_RECORDER_API_H

#include <stdint.h>

#include "media/api.h"

#define HZ_REC_API_VERSION   1u
#define HZ_REC_MAX_RECORDS   1024 // running at once
#define HZ_REC_MAX_TRACKS    256  // of one record, open at once
#define HZ_REC_MAX_KEYS      4000 // of one record in its life, then control begins another: a journal takes 4095
#define HZ_REC_ID_BYTES      37    // a UUID as text, with NUL
#define HZ_REC_MESSAGE_BYTES 16384 // head and text
#define HZ_REC_TEXT_BYTES    (HZ_REC_MESSAGE_BYTES - 128)

enum hz_rec_type {
	HZ_REC_BEGIN = 1, // of a reconciliation
	HZ_REC_END,
	HZ_REC_OPEN,        // a record begins, or goes on. Text: schema "record" below
	HZ_REC_CLOSE,       // it is over: seal, END, hand over to the archive
	HZ_REC_TRACK_OPEN,  // text: schema "track"; also when codecs or labels changed
	HZ_REC_TRACK_CLOSE, // what was not sealed yet is sealed. With HZ_REC_DISCARD it is wiped instead
	HZ_REC_EVENT,       // text: schema "event"

	HZ_REC_HELLO = 64, // recorder's first message; value: its start, counted up
	HZ_REC_ACK,        // seq, value: 0 or -errno. Of OPEN: number: newest event that the journal has
	HZ_REC_STATE,      // of a record, on change: value: enum hz_rec_state; text: see there
	HZ_REC_DISK, // of the store, on change and every 10 s: value: enum hz_rec_disk; text {"free_bytes", "behind_ms"}
	HZ_REC_HEAD, // of a record, every 10 s: text {"chunks", "hash"}: the chain so far, an anchor outside the file
	HZ_REC_STATS, // of the whole recorder, every 2 s: struct hz_rec_stats behind the head, instead of a text
};

enum hz_rec_state {
	HZ_REC_RUNNING = 1, // what is tapped reaches the disk
	HZ_REC_LOSING,      // something was lost: text {"lost_bytes", "lost_packets", "why"}
	HZ_REC_STOPPED,     // cannot write (disk full or broken): text {"why"}; tries again by itself
	HZ_REC_CLOSED,      // END is on disk
};

enum hz_rec_disk {
	HZ_REC_DISK_GOOD = 1,
	HZ_REC_DISK_SLOW, // writing takes long, buffers fill: said before anything is lost
	HZ_REC_DISK_LOW,  // less than record.min_free left: said before it is full
	HZ_REC_DISK_FULL,
};

#define HZ_REC_DISCARD 1u // TRACK_CLOSE: consent was withdrawn, nothing unsealed may be written any more

struct hz_rec_msg {
	uint32_t version;             // HZ_REC_API_VERSION
	uint32_t type;                // enum hz_rec_type
	uint32_t bytes;               // head and text
	uint32_t seq;                 // control's, counted up, repeated in the ACK
	char record[HZ_REC_ID_BYTES]; // "" where the whole recorder is meant
	uint8_t flags;                // HZ_REC_DISCARD
	uint8_t reserved[2];
	uint32_t worker; // TRACK_*: which worker's ring
	hz_id track;     // TRACK_*: source of the ring's records; valid until TRACK_CLOSE
	int32_t value;
	uint64_t
	    number; // EVENT: its number within the record, from 1, without gaps: one that was seen already is only ACKed
	int64_t at_us; // EVENT, TRACK_*: CLOCK_MONOTONIC. TRACK_OPEN: media that arrived before is not taken
};

// Counters since this recorder's start.
struct hz_rec_stats {
	uint64_t packets, bytes; // of media that is on disk
	uint64_t chunks, events;
	uint64_t dropped; // by full rings, since the rings were made
	uint64_t refused; // media of tracks that were not open: some follow each end of a consent, else 0
	uint64_t
	    lost_packets; // that did not fit the buffers or were lost by an error: in the journals as gaps
	uint64_t lost_bytes;
	uint64_t free_bytes; // of the store's disk
	uint32_t behind_ms;  // age of the oldest packet that is not on disk
	uint32_t disk;       // enum hz_rec_disk
	uint32_t records, tracks;
};

// Text, JSON objects (UTF-8). Times are wall-clock milliseconds where they end in _ms.
//   record: {"id", "consult", "title", "started_ms", "started_by": participant id,
//            "subject": {...} (patient, study, accession as configured for the consult; may be absent),
//            "participants": [{"id", "name", "role"}]}
//   track:  {"key": text (stable name of the journal track, see below), "participant", "source": "camera", "kind":
//            "audio"|"video", "label", "layers": n, "pts": [{"pt", "codec": "opus"|"h264"|"vp8"|"vp9"|"av1"|"red", "clock_hz",
//            "fmtp"}]}
//   event:  {"type": "join"|"leave"|"mute"|"unmute"|"consent"|"layer"|"step"|"speaker"|"chat"|"layout"|"name"|"quality"|
//            "recording"|"image"|..., "participant", "detail": {...}, "time_ms"}
// A journal track lives as long as its track is the same (participant, source, hz_id); a publisher who comes back makes a new
// one, and so does one who took consent back and gave it again. Its key is "<participant>.<source>.<n>", n counted up within the
// record. The events' details: docs/recording.md.

#endif

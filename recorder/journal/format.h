// The journal's bytes on disk (docs/decisions/009-the-record.md). All integers are little-endian; structures below are
// written field by field, never as memory. Bounds are checked by every reader: a journal is hostile until verified.
//
//   segment = header chunk*
//   header  = magic "HZJSEG1\n" (8) | u32 version | u32 segment number, from 1 | record id (16, the UUID's bytes)
//             | i64 monotonic_us | i64 wall_us, taken together | chain (32): hash of the last chunk of the segment before, zeros
//             in the first | u64 cut: bytes of a torn tail that were cut off that segment | hash (32): SHA-256 of all before it
//   chunk   = magic "HZC1" (4) | u32 kind | u32 track | u32 flags | u64 number (of the record, from 1) | i64 first_us | i64
//             last_us | u32 plain bytes | u32 records | nonce (12) | check (4) | sealed (plain bytes) | tag (16)
//             | hash (32) = SHA-256(hash of the chunk before, or of the segment's header | this chunk up to and with the tag)
//   check   = first 4 bytes of SHA-256 over the 60 before it: a length that was altered is told from a tail that was torn.
//   sealed under the track's key, AES-256-GCM, with the record id and the chunk's head as additional data.
//   plain   = record*;  record = u16 bytes | u8 kind | u8 flags | i32 at_us behind first_us | bytes
//
// The nonce is the chunk's number (u64) and the segment (u32): unique under every key of the record, also when a torn chunk is
// written again, because that is in another segment. A segment whose own header was torn off is left empty (0 bytes) and keeps
// its number. Each segment begins with its state, so that going on after a crash reads no other: META, TRACK of every track so
// far, CLOCK; a segment whose first CLOCK is missing was cut within its state. Everything else: docs/journal-format.md.
#ifndef HZ_RECORDER_JOURNAL_FORMAT_H
#define HZ_RECORDER_JOURNAL_FORMAT_H

#include <stdint.h>

#define HZ_JOURNAL_VERSION       1u
#define HZ_JOURNAL_SEGMENT_HEAD  120           // bytes of a segment's header
#define HZ_JOURNAL_CHUNK_HEAD    64            // bytes of a chunk's head; tag and hash come behind
#define HZ_JOURNAL_CHUNK_BYTES   (256 * 1024)  // most plain bytes of a chunk
#define HZ_JOURNAL_CHUNK_US      500000        // most time in a chunk
#define HZ_JOURNAL_SEGMENT_BYTES (32ull << 20) // then a new one; going on after a crash reads one
#define HZ_JOURNAL_RECORD_BYTES  16384         // most bytes of one record
#define HZ_JOURNAL_HASH_BYTES    32
#define HZ_JOURNAL_KEY_BYTES     32
#define HZ_JOURNAL_TRACKS        4096 // of one record in its life; number 0 is the events'

enum hz_chunk_kind {
	HZ_CHUNK_EVENTS = 1, // track 0: JSON events, sealed under the record's key
	HZ_CHUNK_MEDIA,      // of a track, sealed under the track's key
	HZ_CHUNK_END,        // the record is complete: nothing follows
};

enum hz_record_kind {
	HZ_RECORD_RTP = 1, // as received, RTX and RED of video unwrapped. flags: HZ_RECORD_*
	HZ_RECORD_SR,      // a sender report's block: ssrc, NTP, RTP, counts (RFC 3550 6.4.1), 24 bytes
	HZ_RECORD_EVENT,   // JSON: schema "event" of recorder/api.h with "number"
	HZ_RECORD_TRACK, // JSON: schema "track" of recorder/api.h with "track": number; before its first chunk, and on change
	HZ_RECORD_META, // JSON: schema "record" of recorder/api.h; first record of each segment
	HZ_RECORD_CLOCK, // JSON: {"monotonic_us", "wall_us", "events": number of the last one so far}, every 10 s
	HZ_RECORD_GAP, // JSON: {"track", "packets", "bytes", "why"}: what was lost before it reached the disk
};

#define HZ_RECORD_LAYER    0x03u // RTP: simulcast layer
#define HZ_RECORD_REPAIRED 0x04u // RTP: came by retransmission or was made from FEC

#endif

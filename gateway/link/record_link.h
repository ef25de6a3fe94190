// The way to the recorder (recorder/api.h): a bounded queue over its SOCK_SEQPACKET, acknowledgements, and the full
// repetition (BEGIN ... END) after the recorder's HELLO and at control's start. It knows nothing of consent or rooms.
//
// The link remembers what is wanted: the records that run, their open tracks, and the events that are not on disk yet. So a
// recorder that died, or was not there, is told everything again by itself; whoever calls says each thing once. After
// control's own start the caller says again what runs (open, track_open, from its store), then calls start().
//
// Events are numbered by the caller, who keeps them until they are on disk (also over control's restart): on_open tells the
// newest number that the journal has; numbering goes on behind it.
//
// Texts are JSON as in recorder/api.h and are copied. Callbacks come from within hz_record_link_read(); they may call every
// function here but free(). Thread: one.
#ifndef HZ_GATEWAY_LINK_RECORD_LINK_H
#define HZ_GATEWAY_LINK_RECORD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/api.h"

#define HZ_RECORD_LINK_EVENTS 4096       // that are not on disk yet, of all records
#define HZ_RECORD_LINK_BYTES  (8u << 20) // of their texts

struct hz_record_link;

// `record` and `text` are valid during the call. All may be NULL but on_track. err: 0 or -errno.
struct hz_record_link_ops {
	// The record's folder, key and description are on disk. Again after each repetition.
	// -EEXIST: it was closed before: begin another one. newest: number of the last event in the journal, 0: none.
	void (*on_open)(void *ctx, const char *record, uint64_t newest, int err);
	// Key and description of the track are on disk: it may be marked at its worker (HZ_TRACK_TAP). Again after each
	// repetition and each change. With an error it must not be marked.
	void (*on_track)(void *ctx, const char *record, unsigned worker, hz_id track, int err);
	// Nothing of the track is written any more. With HZ_REC_DISCARD: what was not on disk was wiped.
	void (*on_track_closed)(void *ctx, const char *record, unsigned worker, hz_id track, int err);
	// The event with this number is on disk.
	void (*on_event)(void *ctx, const char *record, uint64_t number, int err);
	// On change. CLOSED is the last that is heard of a record: END is on disk.
	void (*on_state)(void *ctx, const char *record, enum hz_rec_state state, const char *text);
	// On change and every 10 s.
	void (*on_disk)(void *ctx, enum hz_rec_disk disk, const char *text);
	// The newest anchor of a record's chain, every 10 s: {"chunks", "hash"}.
	void (*on_head)(void *ctx, const char *record, const char *text);
	// False: nobody reads at the other end, or there has been no HELLO; true: everything was repeated and confirmed.
	void (*on_ready)(void *ctx, bool ready);
};

// fd: HZ_FD_CONTROL_RECORDER, borrowed. -ENOMEM.
int hz_record_link_new(int fd, const struct hz_record_link_ops *ops, void *ctx, struct hz_record_link **ret);
void hz_record_link_free(struct hz_record_link *link); // NULL allowed

// Everything that runs has been said: until then nothing is sent. What is not named is closed by the recorder.
void hz_record_link_start(struct hz_record_link *link);

// Queued; hz_record_link_flush() sends. -ENOSPC: HZ_REC_MAX_RECORDS or HZ_REC_MAX_TRACKS; -EMSGSIZE: text too long;
// -ENOENT: no such record or track; -EINVAL; -ENOMEM.
// Repeating open() or track_open() replaces the text.
int hz_record_link_open(struct hz_record_link *link, const char *record, const char *json);
int hz_record_link_close(struct hz_record_link *link, const char *record); // its tracks are closed with it
// since_us (CLOCK_MONOTONIC): media that arrived before is not written, even if it was tapped.
int hz_record_link_track_open(struct hz_record_link *link, const char *record, unsigned worker, hz_id track,
                              const char *json, int64_t since_us);
// discard: consent was withdrawn. Clear the mark at the worker first; this does not wait for it.
int hz_record_link_track_close(struct hz_record_link *link, const char *record, unsigned worker, hz_id track,
                               bool discard);
// number: the one behind the newest that was given (or the first behind what on_open told). -ENOBUFS: too many are not on
// disk yet: say it again after the next on_event.
int hz_record_link_event(struct hz_record_link *link, const char *record, uint64_t number, const char *json,
                         int64_t at_us);

// Sends as much as the socket takes. At the end of each turn of the loop.
void hz_record_link_flush(struct hz_record_link *link);
// The socket was full at the last flush: flush again when it is writable.
bool hz_record_link_blocked(const struct hz_record_link *link);
// Reads what is there (at most a few hundred messages a call). -EPIPE: the other end is gone for ever.
int hz_record_link_read(struct hz_record_link *link);

// The recorder is there and has confirmed everything since its HELLO or control's start.
bool hz_record_link_ready(const struct hz_record_link *link);

// The recorder's counters as it said last (every 2 s), and the link's own; for /metrics.
struct hz_record_link_counters {
	struct hz_rec_stats recorder;
	uint64_t sent, acked, refused, repetitions, hellos, bad_messages;
	unsigned records, tracks, waiting; // waiting: events that are not on disk yet
};
void hz_record_link_counters(const struct hz_record_link *link, struct hz_record_link_counters *ret);

#endif

// The record of a consult, as control sees it: when it runs, whose tracks may go into it, and what everybody is told.
//
// The write barrier. A track is marked at its worker (HZ_TRACK_TAP) only while all of this holds: a record runs, its
// participant is admitted and has given consent, which is in the store; the recorder has confirmed that the consent's
// event, the track's key and its description are on disk; it is not muted. Everything that may change one of these ends in
// hz_record_follow(). What is taken back is taken back at the worker first, within the same call.
//
// A record begins by hand (record.start) or by itself (the consult's wish), and ends by hand, when the last admitted
// participant leaves, or with the consult. All of it is in the store and goes on after control's restart.
// Thread: control's.
#ifndef HZ_GATEWAY_SESSION_RECORD_RECORD_H
#define HZ_GATEWAY_SESSION_RECORD_RECORD_H

#include <jansson.h>

#include "gateway/session/model.h"
#include "gateway/link/record_link.h"

struct hz_record_event; // record_events.c

struct hz_record {
	char id[HZ_REC_ID_BYTES];
	char consult_id[HZ_ID_TEXT_BYTES];
	struct hz_consult *consult; // NULL: it has ended, and waits for the recorder's word
	char started_by[HZ_ID_TEXT_BYTES], stopped_by[HZ_ID_TEXT_BYTES]; // "": by itself
	int64_t started_ms, ended_ms;                                    // ended_ms 0: it runs
	uint32_t tracks;                                                 // journal tracks named so far
	bool was_opened;     // at any time: what stands still now is interrupted
	bool opened;         // the recorder has confirmed it to this process
	bool ending, closed; // no more events come; the link was told to close it
	int open_err;
	bool due, tracks_due; // hz_record_wake()
	uint8_t state;        // enum hz_rec_state of the recorder; 0: not told
	uint64_t number;      // of the last event that has one
	struct hz_record_event *events, **last_event;
	int64_t quality_us; // of the last event `quality`
	uint32_t speakers;  // checksum of the last event `speaker`
};

// started_by: "" by itself. 0, also when it runs already; -ENOTCONN no recorder; -errno of the store.
int hz_record_start(struct hz_brain *brain, struct hz_consult *consult, const char *started_by);
// Marks are cleared before it returns. stopped_by: "" by itself. -errno of the store: it stopped all the same.
int hz_record_stop(struct hz_brain *brain, struct hz_consult *consult, const char *stopped_by);

// After people came, went or changed their mind: begins or ends it as the wish says.
void hz_record_consider(struct hz_brain *brain, struct hz_consult *consult);
// Its subject or title changed while it runs.
void hz_record_retell(struct hz_brain *brain, struct hz_consult *consult);
enum hz_record_wish hz_record_wish_of(const struct hz_brain *brain, const struct hz_consult *consult);

// --- record_tracks.c: the barrier

// Everything of p is as the barrier allows it now.
void hz_record_follow(struct hz_brain *brain, struct hz_participant *p);
// For hz_track_set(): the flag that the track's command must have; and the same as hz_record_follow() without sending.
uint8_t hz_record_flag(struct hz_brain *brain, struct hz_track *track);
// p said no: marks cleared and sent, what is not on disk is wiped.
void hz_record_withdraw(struct hz_brain *brain, struct hz_participant *p);
// The track is about to go.
void hz_record_forget(struct hz_brain *brain, struct hz_track *track);
// Marks of all of the consult's tracks are cleared, which are then as if never told.
void hz_record_untap(struct hz_brain *brain, struct hz_consult *consult);
// Says to the recorder what is HZ_TAP_WANTED.
void hz_record_open_tracks(struct hz_brain *brain, struct hz_record *record);
// The recorder does not have the record any more: nothing is marked, and all is told again when it takes it.
void hz_record_close_tracks(struct hz_brain *brain, struct hz_record *record);

// At the end of the turn there is something to say: events; with tracks, also of those.
void hz_record_wake(struct hz_brain *brain, struct hz_record *record, bool tracks);

// --- for those who look

enum hz_record_sign { HZ_SIGN_OFF, HZ_SIGN_STARTING, HZ_SIGN_ON, HZ_SIGN_INTERRUPTED };
enum hz_record_sign hz_record_sign(const struct hz_brain *brain, const struct hz_consult *consult);
// Schema `record`. whole: with id, since_ms and problem; for those in the lobby without.
json_t *hz_record_json(const struct hz_brain *brain, const struct hz_consult *consult, bool whole);
bool hz_record_host(const struct hz_participant *p); // is told who is not recorded, and of problems

// --- process

extern const struct hz_record_link_ops hz_record_link_brain_ops; // ctx: the brain
// At the start, behind hz_persist_load() and with brain->recorder set: what ran goes on. -errno of the store.
int hz_record_load(struct hz_brain *brain);
// At the end of each turn, behind the commit: says what is due to the recorder. Returns true if it changed media objects.
void hz_record_turn(struct hz_brain *brain);
void hz_record_tick(struct hz_brain *brain); // four times a second
void hz_record_free_all(struct hz_brain *brain);

#endif

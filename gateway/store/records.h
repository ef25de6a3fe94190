// What the store keeps about recording: whom a consult is about, who consented to what and when, which records were made
// (huizhen.db: before anything is tapped, and survives power loss), and the events that are on their way into a journal
// (runtime.db). Errors as in store.h. Strings given out are valid during the callback only.
#ifndef HZ_GATEWAY_STORE_RECORDS_H
#define HZ_GATEWAY_STORE_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/store/store.h"

#define HZ_STORE_CONSENTS_MAX  1000 // of one participant in one consult; refusals always find room behind them
#define HZ_STORE_CONSENT_GIVEN 1    // state

// --- the subject: a JSON object (schema "subject"); medical content, never logged

int hz_store_subject_put(struct hz_store *store, const char *consult, const char *json); // NULL: forgets it
// *ret is the caller's: hz_wipe() and free(). -ENOENT.
int hz_store_subject_get(struct hz_store *store, const char *consult, char **ret);

// --- consents: a log, never changed

struct hz_consent_row {
	const char *consult, *participant;
	uint8_t state; // enum hz_consent of gateway/session/model.h
	int64_t seq, time_ms;
	const char *wording, *wording_hash, *language;
	const char *source; // who said it: "person" or "token"
};
typedef bool hz_consent_row_cb(void *arg, const struct hz_consent_row *row);        // false: stop
int hz_store_consent_add(struct hz_store *store, const struct hz_consent_row *row); // -ENOSPC
// The newest of a participant. -ENOENT: was never asked.
int hz_store_consent_get(struct hz_store *store, const char *consult, const char *participant,
                         hz_consent_row_cb *cb, void *arg);
// Oldest first, behind seq `after`, at most `limit`.
int hz_store_consent_list(struct hz_store *store, const char *consult, int64_t after, unsigned limit,
                          hz_consent_row_cb *cb, void *arg);

// --- records

struct hz_record_row {
	const char *id, *consult, *started_by, *stopped_by; // "": by itself
	int64_t started_ms, ended_ms;                       // ended_ms 0: it runs
	uint32_t tracks;                                    // journal tracks named so far
	bool closed;                                        // the recorder has confirmed its end
};
typedef bool hz_record_row_cb(void *arg, const struct hz_record_row *row);        // false: stop
int hz_store_record_put(struct hz_store *store, const struct hz_record_row *row); // inserts or updates
// Those that are not closed.
int hz_store_record_open(struct hz_store *store, hz_record_row_cb *cb, void *arg);
// Newest first.
int hz_store_record_list(struct hz_store *store, const char *consult, unsigned limit, hz_record_row_cb *cb,
                         void *arg);

// --- events on their way

struct hz_record_event_row {
	const char *record, *event;
	int64_t seq;
	uint64_t number; // 0: not given out yet
	int64_t at_us;
};
typedef bool hz_record_event_row_cb(void *arg, const struct hz_record_event_row *row); // false: stop
int hz_store_record_event_add(struct hz_store *store, const struct hz_record_event_row *row,
                              int64_t *ret_seq);
int hz_store_record_event_number(struct hz_store *store, int64_t seq, uint64_t number);
int hz_store_record_event_del(struct hz_store *store, int64_t seq);
int hz_store_record_event_all(struct hz_store *store, hz_record_event_row_cb *cb, void *arg); // oldest first

#endif

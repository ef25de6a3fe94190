// Empties a spool folder: oldest consult first, each item until it is stored. Several of one record may be under way at once
// (`parallel`), never of two. A destination that is away is tried again
// with pauses that double; then everything waits. An item that fails by itself makes only its record wait. A refused item is parked
// and the rest goes on. What was sent and not yet noted when the process died is sent again: destinations tell by its ids.
// Of a record that is erased or finalised nothing is begun: its items wait. While something of one is sent nobody erases it
// (hz_record_lock_sending()). An item that was taken out of the spool meanwhile stays out.
//
// Thread: its own (hz_delivery_start), or the caller's (hz_delivery_pass) in tests; stats from any.
#ifndef HZ_RECORDER_OUTBOX_DELIVERY_H
#define HZ_RECORDER_OUTBOX_DELIVERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "recorder/outbox/spool.h"

struct hz_delivery;

#define HZ_DELIVERY_PARALLEL 4

// folder: of the record. May take long; runs in the delivery's thread and, of one record, in up to parallel - 1 others.
typedef enum hz_outcome hz_delivery_send(void *arg, const char *folder, const struct hz_spool_item *item,
                                         struct hz_outcome_text *ret);

// It is stored: what was kept for it alone may go. Called before the item leaves the spool, and once more by the next process when
// this one dies in between.
typedef void hz_delivery_done(void *arg, const char *folder, const struct hz_spool_item *item);

struct hz_delivery_settings {
	const char *store; // <data>/record
	const char *name;  // "pacs", "emr": the spool's folder
	hz_delivery_send *send;
	hz_delivery_done *done; // NULL: none
	void *arg;
	int64_t first_ms, most_ms; // pauses
	unsigned parallel;         // items of a record at once, at most HZ_DELIVERY_PARALLEL; 0 is 1
};

struct hz_delivery_stats {
	unsigned waiting, parked;
	int64_t oldest_ms; // queued; 0: nothing waits
	uint64_t delivered, failed;
	int64_t away_since_ms;            // 0: not away
	char error[HZ_OUTCOME_WHY_BYTES]; // the last; "" since the last success
};

int hz_delivery_new(const struct hz_delivery_settings *settings,
                    struct hz_delivery **ret);       // texts are copied; makes the folder
void hz_delivery_free(struct hz_delivery *delivery); // stops the thread. NULL allowed
int hz_delivery_start(struct hz_delivery *delivery);
void hz_delivery_wake(struct hz_delivery *delivery);                    // something was put
const _Atomic int *hz_delivery_stop_flag(struct hz_delivery *delivery); // for hz_http_target.stop

// Tries what is due; returns the wall time when something is due again (at most a minute ahead).
int64_t hz_delivery_pass(struct hz_delivery *delivery, int64_t now_ms);
void hz_delivery_stats(struct hz_delivery *delivery, struct hz_delivery_stats *ret);

#endif

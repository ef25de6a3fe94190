// A spool folder: what is still to be delivered to one destination, a small file each, whose names sort in the order of
// delivery. Durable: an item is there from hz_spool_put() until hz_spool_done(); both can be repeated. Two processes use it:
// the archive, and `huizhen retry`.
#ifndef HZ_RECORDER_OUTBOX_SPOOL_H
#define HZ_RECORDER_OUTBOX_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/outbox/outcome.h"
#include "recorder/store.h"

#define HZ_SPOOL_NAME_BYTES 72
#define HZ_SPOOL_PAGE       50000

struct hz_spool_item {
	char name[HZ_SPOOL_NAME_BYTES]; // of the file
	char record[HZ_RECORD_ID_BYTES];
	char folder[64];   // of the record, within the store: "2026/11/<id>"
	char path[32];     // of what is sent, within the folder
	char instance[65]; // SOP Instance UID; "" none
	char sha256[65];
	uint64_t bytes;
	int64_t queued_ms, next_ms;
	unsigned attempts;
	bool parked;
	bool stored; // at the destination; what was kept for it alone may still lie here
	char error[HZ_OUTCOME_WHY_BYTES];
};

// folder: <store>/outbox/pacs. number: the item's within its record. The name is made of ended_ms, record and number; an item of that
// name that waits already is left as it is.
int hz_spool_put(const char *folder, int64_t ended_ms, unsigned number, struct hz_spool_item *item);
int hz_spool_write(const char *folder, const struct hz_spool_item *item);           // after an attempt
int hz_spool_read(const char *folder, const char *name, struct hz_spool_item *ret); // -ENOENT; -EBADMSG
int hz_spool_parse(const char *text, size_t bytes, struct hz_spool_item *ret);      // -EBADMSG
int hz_spool_done(const char *folder, const char *name);
bool hz_spool_is_there(const char *folder, const char *name);

// Every name that was there at the begin, in order; false of the callback ends it. What it holds in memory is `page` names, however
// many wait (0: HZ_SPOOL_PAGE); the folder is read once for each page.
typedef bool hz_spool_each_cb(void *arg, const char *name);
int hz_spool_each(const char *folder, unsigned page, hz_spool_each_cb *cb, void *arg);

// Releases what is parked of a record (NULL: of all), to be tried at once. Returns how many, or -errno.
int hz_spool_release(const char *folder, const char *record);

#endif

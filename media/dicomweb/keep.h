// What is kept of a table: presentation states and key objects, made of its state and of what the PACS says of its objects, and stored in
// the PACS that holds the study (STOW-RS). First it is in a folder, durably; from there it is tried until the PACS has it, one at
// a time, 5 s to 1 h apart. UIDs come from what is kept: the same state again is the same objects, and what the PACS has is not sent again.
// Bounded: HZ_KEEP_ENTRIES wait; what the PACS did not take in HZ_KEEP_DAYS stays as a file and is not tried any more. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_KEEP_H
#define HZ_MEDIA_DICOMWEB_KEEP_H

#include "media/dicomweb/fetch.h"

#define HZ_KEEP_ENTRIES 256
#define HZ_KEEP_DAYS    30
#define HZ_KEEP_WAITER  UINT64_MAX // of requests; control's numbers never get there

struct hz_keep;

struct hz_keep_news {
	const char *consult, *pacs, *study;
	enum hz_dweb_result result; // HZ_DWEB_OK: the PACS has it; else why not yet
};
typedef void hz_keep_cb(void *ctx, const struct hz_keep_news *news);

// dir is made when missing; what waits there is tried at once. fetch is borrowed. -errno.
int hz_keep_new(const char *dir, struct hz_dweb_fetch *fetch, hz_keep_cb *cb, void *ctx,
                struct hz_keep **ret);
void hz_keep_free(struct hz_keep *keep); // NULL allowed

// A part of the table: {consult, pacs, study, time_s, viewports, objects}. 0: it is on the disk, or in the PACS already, which
// news say. -EINVAL: nothing to keep in it; -ENOSPC: too much waits; -errno of the disk.
int hz_keep_put(struct hz_keep *keep, const char *json, size_t bytes);
// An answer to a request of HZ_KEEP_WAITER; data is what is in its only part.
void hz_keep_answer(struct hz_keep *keep, enum hz_dweb_result result, const char *data, size_t bytes);
void hz_keep_tick(struct hz_keep *keep, int64_t now_ms); // each second or so
unsigned hz_keep_waiting(const struct hz_keep *keep);

#endif

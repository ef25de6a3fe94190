// The archive: a process that looks at the record store, finalises what has ended, makes objects, Bundle and certificate of it,
// delivers them, and deletes what is beyond its retention. Everything it does can be done again: it may be killed anywhere.
//
// Two rounds: tracks to files, objects, Bundle, certificate and queue, at once; then, beside the next record's tracks, the composed
// picture, and the same again with it. That the second fails never holds back the first.
//
// What strangers sent is read by children only (`huizhen record finalize`, `huizhen package`, huizhen-compose), one of a kind at a
// time, with limits; the archive itself holds the signing key and the credentials. Thread: one for the store, one for each destination.
#ifndef HZ_RECORDER_ARCHIVE_ARCHIVE_H
#define HZ_RECORDER_ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/outbox/fhir_post.h"
#include "recorder/outbox/http.h"
#include "recorder/record/fhir.h"

#define HZ_ARCHIVE_ATTEMPTS 6 // then a record is FAILED

struct hz_archive_settings {
	const char *store; // record.dir
	const char *self;  // path of this program, for children
	const char
	    *config; // path of the configuration that children read, may be /proc/self/fd/N; NULL: none
	bool wait;   // for another archive that has this store, until it ends (at a takeover)
	const char *composer;  // path of huizhen-compose
	bool compose;          // a composed picture of each record
	bool without_captions; // no names in it
	bool sm2;              // kind of a signing key that is made now
	struct hz_fhir_settings fhir;
	struct hz_http_target pacs; // url "": none
	struct hz_fhir_access emr;  // target.url "": none
	int64_t retry_first_ms, retry_most_ms;
	unsigned media_days, record_days; // retention; 0: for ever
	unsigned abandoned_s; // a record whose recorder is gone and which was not written so long has ended
};

// Runs until stop_fd (an eventfd or pipe) can be read. 0; -EBUSY: another archive has this store (never with wait); -errno.
int hz_archive_run(const struct hz_archive_settings *settings, int stop_fd);

// Releases what is parked, and a FAILED record to be finalised (or composed) again. record NULL: all. Returns how many; -errno.
int hz_archive_retry(const char *store, const char *record);

#endif

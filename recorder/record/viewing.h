// A viewing of a record as control writes it down: <record>/audit/<number>.json (gateway/session/record/replay.c).
//
//   {"version": 1, "number", "record", "consult", "time_ms", "view": its session, "what": "open", or what was fetched,
//    "participant": {"id", "name", "role"}, "address"}
//
// <store>/viewings/<number>-<record> is empty and says that this one has not been taken to the EMR yet: control writes it after the
// file above, the archive removes it when the viewing lies in a Bundle. Both may be repeated. Thread: any, no state.
#ifndef HZ_RECORDER_RECORD_VIEWING_H
#define HZ_RECORDER_RECORD_VIEWING_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/store.h"

#define HZ_VIEWING_BYTES      16384        // of a file
#define HZ_VIEWING_NUMBERS    9999999999LL // the highest
#define HZ_VIEWING_NOTES      "viewings"   // folder of the store
#define HZ_VIEWING_NOTE_BYTES 64           // of a name there

struct hz_viewing { // texts are UTF-8; name, role and what are cut to their room, between characters
	int64_t number, time_ms;
	char record[HZ_RECORD_ID_BYTES];
	char view[65], participant[65];
	char what[256], name[321], role[33];
	char address[46]; // IPv4 or IPv6; "" not known
};

// -EBADMSG: not a viewing, or an id that is missing or longer than its room.
int hz_viewing_parse(const char *text, size_t bytes, struct hz_viewing *ret);
// audit/<number>.json of that record. -ENOENT; -EBADMSG: also another's; other errors of reading.
int hz_viewing_read(const char *folder, const char *record, int64_t number, struct hz_viewing *ret);

void hz_viewing_note_name(int64_t number, const char *record, char ret[HZ_VIEWING_NOTE_BYTES]);
int hz_viewing_note_parse(const char *name, int64_t *ret_number,
                          char ret_record[HZ_RECORD_ID_BYTES]); // -EINVAL

#endif

// Notes of erasures: what was destroyed before its time because somebody asked, and who did it. Signed with the installation's key,
// so that an erasure is told from a loss; what they say is in force as soon as they are written.
//
//   <record>/erasures/NNNN.json              {"note": compact JWS of the erasure, "erasure": the same to be read}
//   <record>/erasures/NNNN.certificate.json  the certificate that was in force, byte for byte; not there: there was none
//   erasure: {"version": 1, "record", "number", "erased_ms", "by", "why", "participant": "" the whole record,
//             "tracks": [journal's numbers], "files": [paths], "certificate": SHA-256 of the one in force or "",
//             "delivered": PACS or EMR have had something of it, or may have had: it must be erased there, too;
//             "sent": of a record that was not delivered wholly, what they are known to have had: SOP Instance UIDs, and "emr" for a
//             Bundle; not there: everything}
//   <record>/keys/NNNN.erased                {"note": compact JWS of the mark, "erasure": the same}: at each key that was destroyed
//   mark: {"record", "track": NNNN, "erasure": number of the note that says more, "erased_ms", "by", "why", "participant"}
// Thread: any, no state but files. Errors: -errno.
#ifndef HZ_RECORDER_RECORD_ERASURE_H
#define HZ_RECORDER_RECORD_ERASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/record/sign.h"

#define HZ_ERASURES      999
#define HZ_ERASURE_TEXT  500 // most bytes of `by` and `why`
#define HZ_ERASURE_BYTES (1u << 20)

// Signs and writes the next note. erasure: jansson's json_t * with what is not known here (record, by, why, participant, tracks,
// files, delivered, sent); the rest is put into it; stays the caller's. *ret_number: the note's. -EINVAL: not UTF-8.
int hz_erasure_write(const char *store, const char *folder, bool sm2, void *erasure, unsigned *ret_number);

// All notes with a good signature, as a list of erasures (jansson's json_t *, the caller's; empty when there are none).
// record NULL: of whichever record; key NULL: signed by whoever. *ret_bad: how many are no good notes.
void *hz_erasures_load(const char *folder, const char *record, const struct hz_sign_key *key,
                       unsigned *ret_bad);

// Whether one of them, made when the certificate of this hash was in force, took this path away.
bool hz_erasures_took(const void *erasures, const char *certificate, const char *path);
bool hz_erasures_took_key(const void *erasures, uint32_t track); // of the journal

// The text of a mark, signed. mark: jansson's json_t *; stays the caller's. *ret: free(). -EINVAL: not UTF-8.
int hz_erasure_mark(const char *store, bool sm2, const void *mark, char **ret);
// Whether keys/NNNN.erased is a mark of this record and track with a good signature. key NULL: signed by whoever.
bool hz_erasure_mark_good(const char *folder, const char *record, uint32_t track,
                          const struct hz_sign_key *key);

// Whether PACS or EMR had something of the record before it was erased.
bool hz_erasures_delivered(const char *folder);
// Whether one of them says so of this, a SOP Instance UID or "emr": it is not sent again.
bool hz_erasures_sent(const void *erasures, const char *what);

#endif

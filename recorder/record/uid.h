// DICOM UIDs and UUIDs that follow from what they name, so that making them again gives the same (PS3.5 Annex B.2: 2.25
// and the decimal of a UUID). Thread: any, no state.
#ifndef HZ_RECORDER_RECORD_UID_H
#define HZ_RECORDER_RECORD_UID_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_UID_BYTES 65 // 64 characters and NUL

// A version 8 UUID (RFC 9562) of SHA-256 over the record's id, what it is ("study", "series", "instance") and its name.
void hz_uuid_named(const char *record, const char *what, const char *name, uint8_t ret[16]);
void hz_uuid_text(const uint8_t uuid[16], char ret[37]);
void hz_uid_of_uuid(const uint8_t uuid[16], char ret[HZ_UID_BYTES]);
void hz_uid_named(const char *record, const char *what, const char *name, char ret[HZ_UID_BYTES]);
bool hz_uid_is_valid(const char *text); // PS3.5 section 9.1

#endif

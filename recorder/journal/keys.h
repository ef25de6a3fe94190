// Keys of the record store. The master key is a file of the installation (record.master_key; made at first start, 0600).
// Each record has a key, wrapped under the master key (`keys/record`), each journal track one wrapped under the record's key
// (`keys/NNNN`, its number in decimal). Wrapping: AES-256-GCM, additional data: record id and track number. Files are written
// whole, fdatasynced with their folder, and made once.
//
// Erasing a track's key overwrites and unlinks the file, and leaves `keys/NNNN.erased` (signed JSON: when, why, by whom;
// recorder/record/erasure.h).
// Errors: -errno; -EKEYREJECTED: cannot be unwrapped (altered, or another master key); -ENOKEY: erased; -ENOENT: never made,
// or taken away; -EEXIST: made before. A key whose mark of erasure is there counts as erased, whatever a crash left of it.
// Thread: any, no state. Keys are wiped by whoever asked for them (hz_wipe of gateway/base/secret.h).
#ifndef HZ_RECORDER_JOURNAL_KEYS_H
#define HZ_RECORDER_JOURNAL_KEYS_H

#include <stdint.h>

#include "recorder/journal/format.h"

int hz_record_key_master(const char *path, uint8_t ret[HZ_JOURNAL_KEY_BYTES]);      // reads, or makes it
int hz_record_key_master_load(const char *path, uint8_t ret[HZ_JOURNAL_KEY_BYTES]); // never makes one
int hz_record_key_make(
    int dir_fd, const uint8_t wrapping[HZ_JOURNAL_KEY_BYTES], const uint8_t record[16], uint32_t track,
    uint8_t ret[HZ_JOURNAL_KEY_BYTES]); // dir_fd: the record's keys/. track 0: the record's own
int hz_record_key_load(int dir_fd, const uint8_t wrapping[HZ_JOURNAL_KEY_BYTES], const uint8_t record[16],
                       uint32_t track, uint8_t ret[HZ_JOURNAL_KEY_BYTES]);
int hz_record_key_erase(int dir_fd, uint32_t track, const char *why_json);

#endif

// What a file is known by. Thread: any, no state.
#ifndef HZ_RECORDER_JOURNAL_HASH_H
#define HZ_RECORDER_JOURNAL_HASH_H

#include <stdint.h>

enum hz_hash_of {
	HZ_SHA256, // what is signed
	HZ_SHA1,   // Attachment.hash of FHIR R4, and nothing else
};

struct hz_file_hash {
	uint64_t bytes;
	char hex[65]; // lower-case
};

// Reads the whole file, a piece at a time. Errors: -errno of opening and reading, -ENOMEM, -EIO.
int hz_hash_file(const char *path, enum hz_hash_of which, struct hz_file_hash *ret);

#endif

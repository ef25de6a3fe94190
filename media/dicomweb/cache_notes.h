// Rows of the cache's index that are not in it yet: each is one write behind the other into a file of its own ("notes"), and they
// go into the index together, which costs a tenth. What a crash left is there again when it is opened: up to the first one that is
// not whole. Bounded: HZ_CACHE_NOTES. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_CACHE_NOTES_H
#define HZ_MEDIA_DICOMWEB_CACHE_NOTES_H

#include "media/dicomweb/api.h"
#include "media/dicomweb/tag.h"

#define HZ_CACHE_NOTES 64

struct hz_cache_note {
	uint64_t at, bytes;
	uint64_t grown; // its file, by it
	int64_t put_ms;
	char key[HZ_DWEB_HASH_BYTES], type[HZ_DWEB_TYPE_BYTES], hash[HZ_DWEB_HASH_BYTES];
	char file[HZ_DWEB_HASH_BYTES]; // key: alone in its own
};

struct hz_cache_notes;

// In the folder dir; tags: borrowed. What is there is read. -errno, -ENOMEM.
int hz_cache_notes_open(int dir, struct hz_dweb_tags *tags, struct hz_cache_notes **ret);
void hz_cache_notes_close(struct hz_cache_notes *notes); // NULL allowed; what is there stays

// -ENOSPC: full; -errno: it could not be written, and is not there.
int hz_cache_notes_add(struct hz_cache_notes *notes, const struct hz_cache_note *note);
const struct hz_cache_note *hz_cache_notes_find(const struct hz_cache_notes *notes, const char *key); // NULL
const struct hz_cache_note *hz_cache_notes_at(const struct hz_cache_notes *notes, unsigned index);
unsigned hz_cache_notes_count(const struct hz_cache_notes *notes);
// They are in the index. Where the file cannot be made empty, nothing is added any more (-EIO).
void hz_cache_notes_clear(struct hz_cache_notes *notes);

#endif

// Answers of PACS on the disk: a file each, named by its request's hash, or one for many of a group (cache_segment.h), and an SQLite index
// beside them with place, size, type, tag (tag.h) and last use. Bounded: the least recently used files go first, each with all that is in
// it. An index that cannot be read, or is of an earlier version, is thrown away with the files: it is a cache. What is not what was
// written (size, tag, looked at once a run) is removed with its file and counts as missing. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_CACHE_H
#define HZ_MEDIA_DICOMWEB_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "media/dicomweb/api.h"

struct hz_dweb_cache;

#define HZ_DWEB_GROUP_BYTES 256

struct hz_dweb_entry {
	int fd;      // the caller's
	uint64_t at; // where in fd it begins: what is before and behind it is others' of its group
	uint64_t bytes;
	const char *group; // of a put: it may lie in a file with others of this group; NULL: alone
	int64_t age_ms;    // since it was put
	char type[HZ_DWEB_TYPE_BYTES];
	char hash[HZ_DWEB_HASH_BYTES];
};

// dir is made when missing (0700). -errno.
int hz_dweb_cache_open(const char *dir, uint64_t max_bytes, struct hz_dweb_cache **ret);
void hz_dweb_cache_close(struct hz_dweb_cache *cache); // NULL allowed

// What goes into an entry's hash. Without a cache: SHA-256.
void hz_dweb_cache_tag(const struct hz_dweb_cache *cache, const void *data, size_t bytes,
                       char ret[HZ_DWEB_HASH_BYTES]);
// -ENOENT.
int hz_dweb_cache_get(struct hz_dweb_cache *cache, const char *key, struct hz_dweb_entry *ret);
// Replaces, with all that lies in the same file; ret is what get would say, NULL allowed. -EFBIG: larger than a quarter of the cache; -ENOSPC and so on: nothing is there
// under this key now.
int hz_dweb_cache_put(struct hz_dweb_cache *cache, const char *key, const struct hz_dweb_entry *what,
                      const void *data, struct hz_dweb_entry *ret);
// Now and then: what was put is in the index a second or two later. What comes sooner, an end by a signal too, loses nothing
// (cache_notes.h).
void hz_dweb_cache_tick(struct hz_dweb_cache *cache, int64_t now_us);
// All whose keys begin so, and what lies in the same files; "": all.
void hz_dweb_cache_drop(struct hz_dweb_cache *cache, const char *prefix);
uint64_t hz_dweb_cache_bytes(const struct hz_dweb_cache *cache);

#endif

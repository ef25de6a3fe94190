// Files of the cache: written, and looked at again. Thread: any.
#ifndef HZ_MEDIA_DICOMWEB_CACHE_FILE_H
#define HZ_MEDIA_DICOMWEB_CACHE_FILE_H

#include <stdbool.h>

#include "media/dicomweb/cache_notes.h"

#define HZ_CACHE_NAME_CHARS 64

// As a file of the cache is called: the SHA-256 of its request.
bool hz_cache_file_named(const char *name);
// Closes it. -errno.
int hz_cache_file_write(int fd, const void *data, uint64_t bytes);
// It is a file with room for the entry, and holds nothing else where the entry is alone.
bool hz_cache_file_whole(int fd, const struct hz_cache_note *row);
// It has its tag.
bool hz_cache_file_as_written(struct hz_dweb_tags *tags, int fd, const struct hz_cache_note *row);

#endif

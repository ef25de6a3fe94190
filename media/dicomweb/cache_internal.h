// The cache between its files: what is opened (cache_open.c) and what is used (cache.c). For this folder only.
#ifndef HZ_MEDIA_DICOMWEB_CACHE_INTERNAL_H
#define HZ_MEDIA_DICOMWEB_CACHE_INTERNAL_H

#include <sqlite3.h>

#include "media/dicomweb/cache.h"
#include "media/dicomweb/cache_file.h"
#include "media/dicomweb/cache_notes.h"
#include "media/dicomweb/cache_segment.h"

#define HZ_CACHE_MISSED 64

struct hz_dweb_cache {
	sqlite3 *db;
	struct hz_dweb_tags *tags;
	struct hz_cache_notes *notes; // rows that are not in db yet
	struct hz_cache_segments segments;
	int64_t noted_us; // since when, as far as somebody looked; 0: none
	char missed[HZ_CACHE_MISSED]
	           [HZ_CACHE_NAME_CHARS +
	            1]; // of these there was no row when they were looked for, and none was made since
	int dir;
	uint64_t bytes; // of all files, as far as something is kept in them
	uint64_t max_bytes;
	int64_t opened_ms;
	sqlite3_stmt *get, *put, *grow, *file, *gone, *gone_file, *use, *use_file, *oldest;
};

int64_t hz_cache_wall_ms(void);
bool hz_cache_run(struct hz_dweb_cache *cache, const char *sql);
// Its row into the index; its file's, which grows by so much. SQLITE_DONE, or why not. Counts nothing.
int hz_cache_insert(struct hz_dweb_cache *cache, const struct hz_cache_note *note);
int hz_cache_grow(struct hz_dweb_cache *cache, const struct hz_cache_note *note, uint64_t bytes);
uint64_t hz_cache_file_bytes(struct hz_dweb_cache *cache, const char *file); // 0: no row
// All that are noted into the index. Where it does not take them they are not had.
void hz_cache_settle(struct hz_dweb_cache *cache);

#endif

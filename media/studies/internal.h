// Inside of the store: store.c opens, puts and drops, find.c reads.
#ifndef HZ_MEDIA_STUDIES_INTERNAL_H
#define HZ_MEDIA_STUDIES_INTERNAL_H

#include <dirent.h>
#include <sqlite3.h>

#include "media/studies/store.h"

struct hz_local {
	sqlite3 *db;
	int dir;
	DIR *listing; // until all strays were seen
	struct hz_local_bounds bounds;
	uint64_t bytes;
	uint32_t studies;
	uint64_t drops; // of studies
};

int64_t hz_local_now_ms(void);                                 // since 1970
void hz_local_used(struct hz_local *local, const char *study); // now

#endif

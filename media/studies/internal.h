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
	uint64_t drops;            // of studies
	hz_local_drop_cb *on_drop; // NULL: nobody asks
	void *on_drop_ctx;
	char forward[HZ_DWEB_NAME_BYTES]; // the PACS that what is put now goes to; ""
};

int64_t hz_local_now_ms(void); // since 1970
// An object to its PACS, within the transaction that put it; one that is on its way, there or refused already stays that. -EIO
int hz_local_forward_put(struct hz_local *local, const char *instance, const char *study);
// How long a study that is not used must stay: shorter where every object of it is in a PACS.
#define HZ_LOCAL_SAFE_PART 12
void hz_local_used(struct hz_local *local, const char *study); // now

#endif

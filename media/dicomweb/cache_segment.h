// Segments of the cache: files that hold one frame behind the other, each at a page's beginning, all of one group (a series). To make a
// file costs more than to write a frame. Nothing is written twice at a place, and no segment of an earlier run is written to: who has
// one open to read keeps what he had. Bounded: HZ_CACHE_OPEN are open, the one that was opened first gives way. From its second frame
// on a segment has room on the disk before it writes, of which it gives back what it did not need: HZ_CACHE_AHEAD each at most, which
// nobody counts. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_CACHE_SEGMENT_H
#define HZ_MEDIA_DICOMWEB_CACHE_SEGMENT_H

#include <stdint.h>
#include <sys/stat.h>

#include "media/dicomweb/cache.h"

#define HZ_CACHE_OPEN  8
#define HZ_CACHE_PAGE  4096u
#define HZ_CACHE_AHEAD 4194304u // or a quarter of a segment

struct hz_cache_segment {
	char name[HZ_DWEB_HASH_BYTES]; // of its file, by chance; "": this place is free
	char group[HZ_DWEB_GROUP_BYTES];
	int fd, read_fd;
	uint64_t bytes;    // to the end of the last one that is kept
	uint64_t reserved; // to the end of what the disk has room for; UINT64_MAX: it is not asked
	uint64_t ahead;    // so much at a time
};

struct hz_cache_segments {
	struct hz_cache_segment open[HZ_CACHE_OPEN];
	unsigned turn;
	uint64_t most; // bytes of one
};

// One of this group with room for so many bytes more. -errno.
int hz_cache_segment_for(struct hz_cache_segments *s, int dir, const struct hz_dweb_entry *what,
                         struct hz_cache_segment **ret);
// Behind what is kept, which it is not itself before hz_cache_segment_keep. Where it is. -errno.
int hz_cache_segment_write(struct hz_cache_segment *segment, const void *data, uint64_t bytes,
                           uint64_t *ret_at);
static inline void hz_cache_segment_keep(struct hz_cache_segment *segment, uint64_t end)
{
	segment->bytes = end;
}
// Nothing goes into it any more. What was written and not kept goes.
void hz_cache_segment_close(int dir, struct hz_cache_segment *segment);
// The one of this name, where it is open.
void hz_cache_segments_close(struct hz_cache_segments *s, int dir, const char *name);
void hz_cache_segments_done(struct hz_cache_segments *s, int dir);
// Of a run that was killed: so long is the file of this name, and what it has on the disk beyond that goes.
void hz_cache_segment_trim(int dir, const char *name, const struct stat *st);

#endif

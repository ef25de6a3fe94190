#include "media/dicomweb/cache_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/secret.h"

static uint64_t place_behind(const struct hz_cache_segment *segment)
{
	return (segment->bytes + HZ_CACHE_PAGE - 1) / HZ_CACHE_PAGE * HZ_CACHE_PAGE;
}

void hz_cache_segment_close(int dir, struct hz_cache_segment *segment)
{
	if (!segment->name[0])
		return;
	if (!segment->bytes)
		unlinkat(dir, segment->name, 0);
	else
		(void)!ftruncate(segment->fd, (off_t)segment->bytes);
	close(segment->fd);
	close(segment->read_fd);
	*segment = (struct hz_cache_segment){.name = ""};
}

// Its name says nothing of what is in it.
static int open_one(struct hz_cache_segment *segment, int dir, const char *group)
{
	uint8_t random[(HZ_DWEB_HASH_BYTES - 1) / 2];
	struct hz_cache_segment one = {.name = ""};
	hz_random(random, sizeof(random));
	for (unsigned i = 0; i < sizeof(random); i++)
		snprintf(one.name + 2 * (size_t)i, 3, "%02x", random[i]);
	snprintf(one.group, sizeof(one.group), "%s", group);
	one.fd = openat(dir, one.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (one.fd < 0)
		return -errno;
	// Others get it to read, and can do nothing else with it.
	one.read_fd = openat(dir, one.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (one.read_fd < 0) {
		int err = -errno;
		close(one.fd);
		unlinkat(dir, one.name, 0);
		return err;
	}
	*segment = one;
	return 0;
}

int hz_cache_segment_for(struct hz_cache_segments *s, int dir, const struct hz_dweb_entry *what,
                         struct hz_cache_segment **ret)
{
	struct hz_cache_segment *place = NULL;
	for (unsigned i = 0; i < HZ_CACHE_OPEN; i++) {
		struct hz_cache_segment *at = &s->open[i];
		bool its = at->name[0] && strcmp(at->group, what->group) == 0;
		if (its && place_behind(at) + what->bytes <= s->most) {
			*ret = at;
			return 0;
		}
		if (its || (!place && !at->name[0]))
			place = at;
	}
	if (!place)
		place = &s->open[s->turn++ % HZ_CACHE_OPEN];
	hz_cache_segment_close(dir, place);
	int err = open_one(place, dir, what->group);
	if (err)
		return err;
	place->ahead = s->most / 4 < HZ_CACHE_AHEAD ? s->most / 4 : HZ_CACHE_AHEAD;
	*ret = place;
	return 0;
}

// Blocks for many frames at once: to find and to note some for each page that is written costs a fifth of writing it. A first frame
// may be the only one. A disk that cannot, or is full, is not asked again: the write itself says what is wrong.
static void reserve(struct hz_cache_segment *segment, uint64_t end)
{
	if (!segment->bytes || segment->reserved >= end)
		return;
	uint64_t from = segment->reserved > segment->bytes ? segment->reserved : segment->bytes;
	uint64_t to = from + segment->ahead > end ? from + segment->ahead : end;
	bool good = fallocate(segment->fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)) == 0;
	segment->reserved = good ? to : UINT64_MAX;
}

int hz_cache_segment_write(struct hz_cache_segment *segment, const void *data, uint64_t bytes,
                           uint64_t *ret_at)
{
	uint64_t from = place_behind(segment);
	reserve(segment, from + bytes);
	for (uint64_t at = 0; at < bytes;) {
		ssize_t n = pwrite(segment->fd, (const char *)data + at, bytes - at, (off_t)(from + at));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (uint64_t)n;
	}
	*ret_at = from;
	return 0;
}

void hz_cache_segments_close(struct hz_cache_segments *s, int dir, const char *name)
{
	for (unsigned i = 0; i < HZ_CACHE_OPEN; i++) {
		if (strcmp(s->open[i].name, name) == 0)
			hz_cache_segment_close(dir, &s->open[i]);
	}
}

void hz_cache_segment_trim(int dir, const char *name, const struct stat *st)
{
	static const uint64_t its_own = 65536; // of the file system, for this file
	if ((uint64_t)st->st_blocks * 512 <= (uint64_t)st->st_size + its_own)
		return;
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	(void)!ftruncate(fd, st->st_size);
	close(fd);
}

void hz_cache_segments_done(struct hz_cache_segments *s, int dir)
{
	for (unsigned i = 0; i < HZ_CACHE_OPEN; i++)
		hz_cache_segment_close(dir, &s->open[i]);
}

#include "media/dicomweb/cache_file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool hz_cache_file_named(const char *name)
{
	return strlen(name) == HZ_CACHE_NAME_CHARS && strspn(name, "0123456789abcdef") == HZ_CACHE_NAME_CHARS;
}

int hz_cache_file_write(int fd, const void *data, uint64_t bytes)
{
	int err = 0;
	for (uint64_t at = 0; !err && at < bytes;) {
		ssize_t n = write(fd, (const char *)data + at, bytes - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			err = n < 0 ? -errno : -EIO;
		else
			at += (uint64_t)n;
	}
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

bool hz_cache_file_whole(int fd, const struct hz_cache_note *row)
{
	struct stat st;
	bool alone = strcmp(row->file, row->key) == 0;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	uint64_t bytes = (uint64_t)st.st_size;
	return alone ? row->at == 0 && bytes == row->bytes
	             : row->bytes <= bytes && row->at <= bytes - row->bytes;
}

// From the file's beginning: no more of it is read than is looked at.
bool hz_cache_file_as_written(struct hz_dweb_tags *tags, int fd, const struct hz_cache_note *row)
{
	char hash[HZ_DWEB_HASH_BYTES];
	uint64_t end = row->at + row->bytes;
	char *map = mmap(NULL, end, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	hz_dweb_tag(tags, map + row->at, row->bytes, hash);
	munmap(map, end);
	return strcmp(hash, row->hash) == 0;
}

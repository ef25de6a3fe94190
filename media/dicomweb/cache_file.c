#include "media/dicomweb/cache_file.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/dicomweb/request.h"

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

bool hz_cache_file_whole(int fd, uint64_t bytes)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes;
}

bool hz_cache_file_as_written(struct hz_dweb_tags *tags, int fd, const struct hz_dweb_entry *entry)
{
	char hash[HZ_DWEB_HASH_BYTES];
	void *map = mmap(NULL, entry->bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	if (strlen(entry->hash) == 64) // of an earlier version
		hz_dweb_sha256(map, entry->bytes, hash);
	else
		hz_dweb_tag(tags, map, entry->bytes, hash);
	munmap(map, entry->bytes);
	return strcmp(hash, entry->hash) == 0;
}

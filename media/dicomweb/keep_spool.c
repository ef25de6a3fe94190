#include "media/dicomweb/keep_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define KEY_CHARS 64
#define DONE_S    (90L * 24 * 3600) // as long a second press finds that it is there

static void name_of(const char *key, const char *suffix, char ret[KEY_CHARS + 16])
{
	snprintf(ret, KEY_CHARS + 16, "%.64s.%s", key, suffix);
}

static bool is_key(const char *name, const char *suffix)
{
	return strspn(name, "0123456789abcdef") == KEY_CHARS && strcmp(name + KEY_CHARS, suffix) == 0;
}

int hz_keep_spool_open(const char *path, unsigned most, hz_keep_name_cb *cb, void *ctx)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int again = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;
	unsigned count = 0;
	struct stat st;
	if (!dir) {
		int err = -errno;
		if (again >= 0)
			close(again);
		if (fd >= 0)
			close(fd);
		return err;
	}
	while ((entry = readdir(dir))) {
		char key[KEY_CHARS + 1];
		if (strncmp(entry->d_name, "tmp-", 4) == 0 ||
		    (is_key(entry->d_name, ".done") && fstatat(fd, entry->d_name, &st, 0) == 0 &&
		     time(NULL) - st.st_mtime > DONE_S))
			unlinkat(fd, entry->d_name, 0);
		if (!is_key(entry->d_name, ".json") || count == most)
			continue;
		snprintf(key, sizeof(key), "%s", entry->d_name);
		cb(ctx, key);
		count++;
	}
	closedir(dir);
	return fd;
}

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, data, bytes);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			bytes -= (size_t)n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

int hz_keep_spool_write(int dir, const char *key, const char *data, size_t bytes)
{
	char name[KEY_CHARS + 16];
	int fd = openat(dir, "tmp-keep", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = write_all(fd, data, bytes);
	close(fd);
	name_of(key, "json", name);
	if (!err && renameat(dir, "tmp-keep", dir, name))
		err = -errno;
	if (!err && fsync(dir))
		err = -errno;
	if (err)
		unlinkat(dir, "tmp-keep", 0);
	return err;
}

int hz_keep_spool_read(int dir, const char *key, char **ret, size_t *ret_bytes)
{
	char name[KEY_CHARS + 16];
	struct stat st;
	name_of(key, "json", name);
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (size_t)st.st_size > HZ_KEEP_FILE_BYTES)
		err = -EFBIG;
	char *data = err ? NULL : malloc((size_t)st.st_size);
	if (!err && !data)
		err = -ENOMEM;
	if (!err && read(fd, data, (size_t)st.st_size) != st.st_size)
		err = -EIO;
	close(fd);
	if (err) {
		free(data);
		return err;
	}
	*ret = data;
	*ret_bytes = (size_t)st.st_size;
	return 0;
}

bool hz_keep_spool_done(int dir, const char *key)
{
	char name[KEY_CHARS + 16];
	name_of(key, "done", name);
	return faccessat(dir, name, F_OK, 0) == 0;
}

void hz_keep_spool_end(int dir, const char *key, bool done)
{
	char name[KEY_CHARS + 16], end[KEY_CHARS + 16];
	name_of(key, "json", name);
	name_of(key, done ? "done" : "failed", end);
	if (renameat(dir, name, dir, end) == 0 && done) {
		int fd =
		    openat(dir, end, O_WRONLY | O_TRUNC | O_CLOEXEC); // what was drawn is not needed any more
		if (fd >= 0)
			close(fd);
	}
	(void)fsync(dir); // else it is sent once more: the same objects
}

#include "recorder/journal/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t hz_file_read(int fd, void *buf, size_t bytes, uint64_t offset)
{
	size_t done = 0;
	while (done < bytes) {
		ssize_t n = pread(fd, (uint8_t *)buf + done, bytes - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int hz_file_write(int fd, const void *buf, size_t bytes, uint64_t offset)
{
	size_t done = 0;
	while (done < bytes) {
		ssize_t n = pwrite(fd, (const uint8_t *)buf + done, bytes - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

// Under another name, durable.
static int make_beside(int dir_fd, const char *temporary, const void *data, size_t bytes)
{
	unlinkat(dir_fd, temporary, 0);
	int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = hz_file_write(fd, data, bytes, 0);
	if (!err && fdatasync(fd) < 0)
		err = -errno;
	close(fd);
	return err;
}

static void beside(const char *name, char ret[300])
{
	snprintf(ret, 300, ".%.200s.%d.tmp", name, (int)getpid());
}

// link(2) refuses to replace, rename(2) would not.
int hz_file_make(int dir_fd, const char *name, const void *data, size_t bytes)
{
	char temporary[300];
	beside(name, temporary);
	int err = make_beside(dir_fd, temporary, data, bytes);
	if (!err && linkat(dir_fd, temporary, dir_fd, name, 0) < 0)
		err = -errno;
	unlinkat(dir_fd, temporary, 0);
	if (!err && fsync(dir_fd) < 0)
		err = -errno;
	return err;
}

int hz_file_replace(int dir_fd, const char *name, const void *data, size_t bytes)
{
	char temporary[300];
	beside(name, temporary);
	int err = make_beside(dir_fd, temporary, data, bytes);
	if (!err && renameat(dir_fd, temporary, dir_fd, name) < 0)
		err = -errno;
	if (err)
		unlinkat(dir_fd, temporary, 0);
	else if (fsync(dir_fd) < 0)
		err = -errno;
	return err;
}

static int make_one(const char *path, const char *above)
{
	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? 0 : -errno;
	int fd = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return err;
}

int hz_file_folder(const char *path)
{
	char part[4096], above[4096];
	size_t n = strlen(path);
	if (n == 0 || n >= sizeof(part))
		return n ? -ENAMETOOLONG : -EINVAL;
	snprintf(above, sizeof(above), "%s", path[0] == '/' ? "/" : ".");
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		if (path[i - 1] == '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		int err = make_one(part, above);
		if (err)
			return err;
		memcpy(above, part, i + 1);
	}
	return 0;
}

#include "gateway/base/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int hz_memfd_new(const char *name, size_t bytes, int *ret_fd)
{
	if (bytes == 0 || bytes > INT64_MAX)
		return -EINVAL;
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int write_all(int fd, const void *data, size_t bytes)
{
	size_t done = 0;
	while (done < bytes) {
		ssize_t n = pwrite(fd, (const char *)data + done, bytes - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

int hz_memfd_from(const char *name, const void *data, size_t bytes, int *ret_fd)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	int err = write_all(fd, data, bytes);
	if (!err && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int hz_memfd_board(const char *name, size_t bytes, int *ret_fd, void **ret_map)
{
	int fd;
	void *map;
	int err = hz_memfd_new(name, bytes, &fd);
	if (err)
		return err;
	err = hz_memfd_map(fd, bytes, &map);
	if (!err && fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
		err = -errno;
		hz_memfd_unmap(map, bytes);
	}
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	*ret_map = map;
	return 0;
}

int hz_memfd_read(int fd, size_t max_bytes, char **ret, size_t *ret_bytes)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uintmax_t)st.st_size > max_bytes)
		return -EFBIG;
	size_t size = (size_t)st.st_size, done = 0;
	char *buf = malloc(size + 1);
	if (!buf)
		return -ENOMEM;
	while (done < size) {
		ssize_t n = pread(fd, buf + done, size - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;
			free(buf);
			return err;
		}
		if (n == 0) // shrunk meanwhile
			break;
		done += (size_t)n;
	}
	buf[done] = '\0';
	*ret = buf;
	*ret_bytes = done;
	return 0;
}

int hz_memfd_map(int fd, size_t bytes, void **ret)
{
	struct stat st;
	if (bytes == 0)
		return -EINVAL;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 0 || (uintmax_t)st.st_size < bytes)
		return -EINVAL;
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*ret = map;
	return 0;
}

void hz_memfd_unmap(void *map, size_t bytes)
{
	if (map)
		munmap(map, bytes);
}

// flock(2) belongs to the open file, which all who inherited fd share: so it is opened anew.
int hz_memfd_claim(int fd, int *ret_lock)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int lock = open(path, O_RDWR | O_CLOEXEC);
	if (lock < 0)
		return -errno;
	while (flock(lock, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		int err = -errno;
		close(lock);
		return err;
	}
	*ret_lock = lock;
	return 0;
}

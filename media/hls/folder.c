#include "media/hls/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 128

struct folder {
	int fd;
};

static int write_all(int fd, const uint8_t *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

// The name itself must be on the disk too.
static int sync_parent(const struct folder *f, const char *name)
{
	char parent[NAME_BYTES];
	const char *slash = strrchr(name, '/');
	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
	int fd = openat(f->fd, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int write_file(const struct folder *f, const char *name, const uint8_t *data, size_t bytes,
                      bool durable)
{
	char beside[NAME_BYTES];
	int n = snprintf(beside, sizeof(beside), "%s.new", name);
	if (n < 0 || (size_t)n >= sizeof(beside))
		return -ENAMETOOLONG;
	int fd = openat(f->fd, beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	int err = write_all(fd, data, bytes);
	if (!err && durable && fdatasync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (!err && renameat(f->fd, beside, f->fd, name) < 0)
		err = -errno;
	if (!err && durable)
		err = sync_parent(f, name);
	if (err) {
		(void)unlinkat(f->fd, beside, 0);
		if (durable)
			(void)unlinkat(f->fd, name, 0);
	}
	return err;
}

static int put(void *ctx, const char *name, const uint8_t *data, size_t bytes)
{
	return write_file(ctx, name, data, bytes, true);
}

static int replace(void *ctx, const char *name, const uint8_t *data, size_t bytes)
{
	return write_file(ctx, name, data, bytes, false); // a new one follows soon
}

static int remove_file(void *ctx, const char *name)
{
	const struct folder *f = ctx;
	return unlinkat(f->fd, name, 0) < 0 ? -errno : 0;
}

static bool ours(const char *name)
{
	static const char *const end[] = {".m4s", ".mp4", ".m3u8", ".new"};
	size_t n = strlen(name);
	for (unsigned i = 0; i < sizeof(end) / sizeof(end[0]); i++)
		if (n > strlen(end[i]) && strcmp(name + n - strlen(end[i]), end[i]) == 0)
			return true;
	return false;
}

static int make_empty(int at, const char *track)
{
	if (!*track || strpbrk(track, "/.")) // a folder of ours, not one elsewhere
		return -EINVAL;
	if (mkdirat(at, track, 0755) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(at, track, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	const struct dirent *entry;
	int err = 0;
	while (!err && (entry = readdir(dir)))
		if (ours(entry->d_name) && unlinkat(fd, entry->d_name, 0) < 0)
			err = -errno;
	closedir(dir);
	return err;
}

int hz_hls_folder_open(const char *path, const char *const *track, unsigned count, struct hz_hls_store *ret)
{
	struct folder *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = f->fd < 0 ? -errno : 0;
	if (!err && unlinkat(f->fd, "master.m3u8", 0) < 0 &&
	    errno != ENOENT) // first: nobody is led to what goes
		err = -errno;
	for (unsigned i = 0; i < count && !err; i++)
		err = make_empty(f->fd, track[i]);
	if (err) {
		if (f->fd >= 0)
			close(f->fd);
		free(f);
		return err;
	}
	*ret = (struct hz_hls_store){.ctx = f, .put = put, .replace = replace, .remove = remove_file};
	return 0;
}

void hz_hls_folder_close(struct hz_hls_store *store)
{
	struct folder *f = store->ctx;
	if (f)
		close(f->fd);
	free(f);
	*store = (struct hz_hls_store){0};
}

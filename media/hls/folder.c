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
	struct hz_hls_disk *disk; // of a live programme; NULL: as durable as the disk allows
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
	const struct folder *f = ctx;
	if (!f->disk)
		return write_file(f, name, data, bytes, true);
	if (f->disk->used_bytes + bytes > f->disk->room_bytes)
		return -ENOSPC;
	int err = write_file(f, name, data, bytes,
	                     false); // who saw it live has seen it: nothing to keep over a power cut
	if (!err)
		f->disk->used_bytes += bytes;
	return err;
}

static int replace(void *ctx, const char *name, const uint8_t *data, size_t bytes)
{
	return write_file(ctx, name, data, bytes, false); // a new one follows soon
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int remove_file(void *ctx, const char *name)
{
	const struct folder *f = ctx;
	struct stat about = {.st_size = 0};
	if (f->disk && fstatat(f->fd, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (unlinkat(f->fd, name, 0) < 0)
		return -errno;
	if (f->disk)
		f->disk->used_bytes -= less(f->disk->used_bytes, (uint64_t)about.st_size);
	return 0;
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

static int open_here(int fd, const char *const *track, unsigned count, struct hz_hls_disk *disk,
                     struct hz_hls_store *ret)
{
	struct folder *f = calloc(1, sizeof(*f));
	int err = f ? 0 : -ENOMEM;
	if (!err && unlinkat(fd, "master.m3u8", 0) < 0 &&
	    errno != ENOENT) // first: nobody is led to what goes
		err = -errno;
	for (unsigned i = 0; i < count && !err; i++)
		err = make_empty(fd, track[i]);
	if (err) {
		free(f);
		return err;
	}
	f->fd = fd;
	f->disk = disk;
	*ret = (struct hz_hls_store){.ctx = f, .put = put, .replace = replace, .remove = remove_file};
	return 0;
}

int hz_hls_folder_open(const char *path, const char *const *track, unsigned count, struct hz_hls_store *ret)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = open_here(fd, track, count, NULL, ret);
	if (err)
		close(fd);
	return err;
}

int hz_hls_folder_live(int at, const char *id, const struct hz_hls_names *tracks, struct hz_hls_disk *disk,
                       struct hz_hls_store *ret)
{
	if (!*id || strpbrk(id, "/."))
		return -EINVAL;
	if (mkdirat(at, id, 0755) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(at, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int err = open_here(fd, tracks->name, tracks->count, disk, ret);
	if (err)
		close(fd);
	return err;
}

int hz_hls_folder_drop(int at, const char *id, const struct hz_hls_names *tracks)
{
	if (!*id || strpbrk(id, "/."))
		return -EINVAL;
	int fd = openat(at, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int err = unlinkat(fd, "master.m3u8", 0) < 0 && errno != ENOENT ? -errno : 0;
	(void)unlinkat(fd, "master.m3u8.new", 0);
	for (unsigned i = 0; i < tracks->count && !err; i++) {
		err = make_empty(fd, tracks->name[i]);
		if (!err && unlinkat(fd, tracks->name[i], AT_REMOVEDIR) < 0)
			err = -errno;
	}
	close(fd);
	if (!err && unlinkat(at, id, AT_REMOVEDIR) < 0)
		err = -errno;
	return err;
}

void hz_hls_folder_close(struct hz_hls_store *store)
{
	struct folder *f = store->ctx;
	if (f)
		close(f->fd);
	free(f);
	*store = (struct hz_hls_store){0};
}

#include "gateway/session/record/replay_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/record/manifest_read.h"

struct list {
	char folder[HZ_RECORD_PATH_BYTES]; // "": free
	struct timespec changed;           // of the manifest that it was made of
	uint64_t inode, bytes, used;
	struct hz_replay_file *file; // sorted by path
	unsigned count;
};

struct hz_replay_lists {
	uint64_t clock;
	struct list list[HZ_REPLAY_LISTS];
};

static void clear(struct list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->file[i].path);
	free(list->file);
	memset(list, 0, sizeof(*list));
}

int hz_replay_lists_new(struct hz_replay_lists **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void hz_replay_lists_free(struct hz_replay_lists *lists)
{
	if (!lists)
		return;
	for (unsigned i = 0; i < HZ_REPLAY_LISTS; i++)
		clear(&lists->list[i]);
	free(lists);
}

static const char *type_of(const struct hz_manifest_file *file)
{
	bool sound = strcmp(file->kind, "audio") == 0;
	if (strcmp(file->container, "mp4") == 0)
		return sound ? "audio/mp4" : "video/mp4";
	if (strcmp(file->container, "webm") == 0)
		return sound ? "audio/webm" : "video/webm";
	return strcmp(file->container, "jpeg") == 0 ? "image/jpeg" : "application/octet-stream";
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct hz_replay_file *)a)->path, ((const struct hz_replay_file *)b)->path);
}

static int fill(struct list *list, const char *folder, const struct stat *st)
{
	struct hz_manifest *manifest = NULL;
	int err = hz_manifest_load(folder, NULL, &manifest);
	if (err)
		return err;
	list->file = calloc(manifest->files_count + 1, sizeof(*list->file));
	if (!list->file)
		err = -ENOMEM;
	for (unsigned i = 0; i < manifest->files_count && !err; i++) {
		const struct hz_manifest_file *from = &manifest->files[i];
		struct hz_replay_file *to = &list->file[list->count];
		to->path = strdup(from->path);
		to->type = type_of(from);
		to->bytes = from->bytes;
		snprintf(to->sha256, sizeof(to->sha256), "%s", from->sha256);
		if (to->path)
			list->count++;
		else
			err = -ENOMEM;
	}
	hz_manifest_free(manifest);
	if (err) {
		clear(list);
		return err;
	}
	qsort(list->file, list->count, sizeof(*list->file), by_path);
	snprintf(list->folder, sizeof(list->folder), "%s", folder);
	list->changed = st->st_mtim;
	list->inode = st->st_ino;
	list->bytes = (uint64_t)st->st_size;
	return 0;
}

static bool fresh(const struct list *list, const struct stat *st)
{
	return list->inode == st->st_ino && list->bytes == (uint64_t)st->st_size &&
	       list->changed.tv_sec == st->st_mtim.tv_sec && list->changed.tv_nsec == st->st_mtim.tv_nsec;
}

static int get(struct hz_replay_lists *lists, const char *folder, struct list **ret)
{
	char path[HZ_RECORD_PATH_BYTES + 16];
	struct stat st;
	struct list *oldest = &lists->list[0];
	int n = snprintf(path, sizeof(path), "%s/manifest.json", folder);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	if (stat(path, &st) < 0)
		return -errno;
	for (unsigned i = 0; i < HZ_REPLAY_LISTS; i++) {
		struct list *list = &lists->list[i];
		if (strcmp(list->folder, folder) == 0) {
			oldest = list;
			break;
		}
		if (list->used < oldest->used)
			oldest = list;
	}
	if (strcmp(oldest->folder, folder) != 0 || !fresh(oldest, &st)) {
		clear(oldest);
		int err = fill(oldest, folder, &st);
		if (err)
			return err;
	}
	oldest->used = ++lists->clock;
	*ret = oldest;
	return 0;
}

int hz_replay_find(struct hz_replay_lists *lists, const char *folder, const char *path,
                   const struct hz_replay_file **ret)
{
	struct list *list = NULL;
	const struct hz_replay_file key = {.path = (char *)(uintptr_t)path};
	int err = get(lists, folder, &list);
	if (err)
		return err;
	*ret = bsearch(&key, list->file, list->count, sizeof(*list->file), by_path);
	return *ret ? 0 : -ENOENT;
}

int hz_replay_open(const char *folder, const char *path, uint64_t *ret_bytes)
{
	char part[256];
	struct stat st;
	int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return -errno;
	for (;;) {
		size_t n = strcspn(path, "/");
		bool last = !path[n];
		if (n == 0 || n >= sizeof(part) || (path[0] == '.' && n <= 2 && path[n - 1] == '.')) {
			close(at);
			return -EINVAL;
		}
		memcpy(part, path, n);
		part[n] = '\0';
		int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (last ? O_NONBLOCK : O_DIRECTORY);
		int fd = openat(at, part, flags), err = fd < 0 ? -errno : 0;
		close(at);
		if (err)
			return err;
		at = fd;
		if (last)
			break;
		path += n + 1;
	}
	if (fstat(at, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(at);
		return -EINVAL;
	}
	*ret_bytes = (uint64_t)st.st_size;
	return at;
}

// Where the packager's files go. Names are relative, one folder a track: "720p/12.m4s". Thread: the packager's.
#ifndef HZ_MEDIA_HLS_STORE_H
#define HZ_MEDIA_HLS_STORE_H

#include <stddef.h>
#include <stdint.h>

struct hz_hls_store {
	void *ctx;
	// A media file: under its name and durable when this returns, else not there at all. 0 or -errno (-ENOSPC).
	int (*put)(void *ctx, const char *name, const uint8_t *data, size_t bytes);
	// A playlist: a reader sees the old one or the new one, whole.
	int (*replace)(void *ctx, const char *name, const uint8_t *data, size_t bytes);
	int (*remove)(void *ctx, const char *name); // -ENOENT: was not there
};

// A folder that exists. `track` are folders made in it; what an earlier packager left in them is removed. Written beside
// (".new"), synced, renamed. -errno.
int hz_hls_folder_open(const char *path, const char *const *track, unsigned count, struct hz_hls_store *ret);
void hz_hls_folder_close(struct hz_hls_store *store);

#endif

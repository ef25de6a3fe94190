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

// Folders of live programmes, below a folder that was opened. What all of them hold is counted, and a file that does not fit is
// -ENOSPC; nothing is synced. The counts are the caller's and outlive the store.
struct hz_hls_disk {
	uint64_t used_bytes, room_bytes;
};
struct hz_hls_names {
	const char *const *name;
	unsigned count;
};
int hz_hls_folder_live(int at, const char *id, const struct hz_hls_names *tracks, struct hz_hls_disk *disk,
                       struct hz_hls_store *ret);
// Removes such a folder with all of ours that is in it; uncounted. -ENOENT; -ENOTEMPTY: it holds something else.
int hz_hls_folder_drop(int at, const char *id, const struct hz_hls_names *tracks);

void hz_hls_folder_close(struct hz_hls_store *store);

#endif

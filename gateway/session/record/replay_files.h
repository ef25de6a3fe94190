// What may be fetched of a record: the files that its manifest lists, and nothing else, whatever lies in the folder. The lists of
// the records that were asked for last are kept. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_RECORD_REPLAY_FILES_H
#define HZ_GATEWAY_SESSION_RECORD_REPLAY_FILES_H

#include <stdint.h>

#include "recorder/store.h"

#define HZ_REPLAY_LISTS 16

struct hz_replay_file {
	char *path;       // within the record's folder
	const char *type; // static
	uint64_t bytes;
	char sha256[65];
};

struct hz_replay_lists; // opaque

int hz_replay_lists_new(struct hz_replay_lists **ret); // -ENOMEM
void hz_replay_lists_free(struct hz_replay_lists *lists);

// folder: the record's. *ret is valid until the next call. -ENOENT: no manifest yet, or not in it; -EBADMSG: the manifest is broken.
int hz_replay_find(struct hz_replay_lists *lists, const char *folder, const char *path,
                   const struct hz_replay_file **ret);

// Opens path (relative, checked by the manifest's reader) within folder; no part of it may be a symbolic link. A regular file: its
// descriptor and length. -errno.
int hz_replay_open(const char *folder, const char *path, uint64_t *ret_bytes);

#endif

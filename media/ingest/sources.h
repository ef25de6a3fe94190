// The sources of huizhen-ingest, and the targets of huizhen-push, each with a process of its own: wanted states, restarts, and a watchdog. What a child says is
// believed of its own source alone, and passed on no faster than somebody can read it. Opens and reads the children's sockets;
// starts and kills by the ops. Thread: one.
#ifndef HZ_MEDIA_INGEST_SOURCES_H
#define HZ_MEDIA_INGEST_SOURCES_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "media/ingest/api.h"

#define HZ_SOURCES_BOOT_US                                                                                   \
	30000000 // until the first word of a child: its libraries are loaded, perhaps indexed
#define HZ_SOURCES_HANG_US  15000000 // without a word: it is stuck
#define HZ_SOURCES_LEAVE_US 5000000  // so long it may take to go
#define HZ_SOURCES_AGAIN_US 500000   // after it died; doubled up to
#define HZ_SOURCES_LATE_US  10000000

struct hz_sources_ops { // none is NULL
	void *ctx;
	// Starts a child with `theirs` as its descriptor 3 (it stays the caller's). 0 or -errno.
	int (*start)(void *ctx, int theirs, pid_t *ret_pid);
	void (*kill)(void *ctx, pid_t pid);
	// STATUS and PICTURE for control; may drop it.
	void (*say)(void *ctx, struct hz_msg_header *h, unsigned type, size_t bytes);
};

struct hz_sources;

int hz_sources_new(const struct hz_sources_ops *ops, struct hz_sources **ret); // -ENOMEM
void hz_sources_free(struct hz_sources *sources);                              // kills; NULL allowed

// A descriptor that comes with the next command: taken over. A SOURCE_SET with a feed hands it on to its child.
void hz_sources_hand(struct hz_sources *sources, int fd);
// One message of control's. 0, or -errno for its ACK: -EINVAL, -ENOENT, -ENOSPC.
int hz_sources_command(struct hz_sources *sources, const void *message, size_t bytes, int64_t now_us);

// The children's sockets; at most HZ_INGEST_SOURCES. Which of them are ready: hand the same array back.
unsigned hz_sources_fds(struct hz_sources *sources, struct pollfd *fds);
void hz_sources_read(struct hz_sources *sources, const struct pollfd *fds, unsigned count, int64_t now_us);

// A child has ended.
void hz_sources_ended(struct hz_sources *sources, pid_t pid, int64_t now_us);

// Starts, kills and tells what is due; when to call again at the latest.
int64_t hz_sources_tick(struct hz_sources *sources, int64_t now_us);

#endif

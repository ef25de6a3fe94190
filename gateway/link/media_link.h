// The way to one media worker: a bounded queue of commands over its SOCK_SEQPACKET, sequence numbers, and the full
// repetition (RECONCILE) after the worker's HELLO, at control's start and after the queue was full. Thread: one.
#ifndef HZ_GATEWAY_LINK_MEDIA_LINK_H
#define HZ_GATEWAY_LINK_MEDIA_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

// Commands, one for every slot of a worker; when full all are dropped and a RECONCILE takes their place.
#define HZ_MEDIA_QUEUE HZ_MAX_SUBS

struct hz_media_link;

struct hz_media_link_ops {
	// Every event but ACK.
	void (*on_event)(void *ctx, unsigned worker, const union hz_msg *msg);
	// The command of the next object at or after *at, which is moved behind it; peers first, then tracks, then
	// subs. NULL: that was the last.
	const struct hz_msg_header *(*next)(void *ctx, unsigned worker, uint32_t *at);
	// A command was refused.
	void (*on_refused)(void *ctx, unsigned worker, uint16_t type, int err);
};

// fd is borrowed. Begins with a RECONCILE. -ENOMEM.
int hz_media_link_new(int fd, unsigned worker, const struct hz_media_link_ops *ops, void *ctx,
                      struct hz_media_link **ret);
void hz_media_link_free(struct hz_media_link *link); // NULL is allowed

// Fills the header of a command and queues a copy. Sent by flush.
void hz_media_link_send(struct hz_media_link *link, struct hz_msg_header *command, uint16_t type,
                        size_t bytes);

// The same at once or nearly so, with a copy of a descriptor. Waits for a reconcile under way, at most a few of them:
// -ENOSPC then. -errno: no copy could be made. After the command of the peer it names, if that was sent before it.
int hz_media_link_send_fd(struct hz_media_link *link, struct hz_cmd_tcp_accept *command, int fd);

// Sends as much as the socket takes.
void hz_media_link_flush(struct hz_media_link *link);

// Reads what is there (at most a few hundred events a call). -EPIPE: the other end is gone.
int hz_media_link_read(struct hz_media_link *link);

// The worker has confirmed a whole RECONCILE since it said HELLO or control started.
bool hz_media_link_ready(const struct hz_media_link *link);

// The worker has answered everything that was sent, or waited to be, when mark was taken; what was dropped for a
// RECONCILE counts as answered with its END. Where a SUB_SET was refused the worker may still do what control no longer
// wants: hz_media_link_doubtful() until everything is repeated, because a RECONCILE removes what it does not name.
uint64_t hz_media_link_mark(const struct hz_media_link *link);
bool hz_media_link_reached(const struct hz_media_link *link, uint64_t mark);
bool hz_media_link_doubtful(const struct hz_media_link *link);
void hz_media_link_repeat(struct hz_media_link *link); // a RECONCILE, from the next flush on

// The socket was full at the last flush: flush again when it is writable.
bool hz_media_link_blocked(const struct hz_media_link *link);

struct hz_media_link_counters {
	uint64_t sent, acked, refused, overflows, reconciles, bad_events;
};
const struct hz_media_link_counters *hz_media_link_counters(const struct hz_media_link *link);

#endif

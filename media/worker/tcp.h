// Media over TCP: passive candidates on the HTTPS port (RFC 6544) with RFC 4571 frames. Control accepts a connection,
// looks at its first check and hands the descriptor over (HZ_CMD_TCP_ACCEPT); from then on it is a path like any other.
//
// Bounds: HZ_ARENA_CONNS a worker, HZ_TCP_PER_PEER a peer (a further one takes the place of one that is not
// authenticated, else of the one unheard for the longest time), HZ_TCP_QUEUE frames to write a connection: video finds
// no room beyond HZ_TCP_QUEUE_VIDEO, and what got too old is left out, whole frames only. 5 s to authenticate.
//
// After a kill the next worker finds the descriptors on the shelf and how far the writes got in the arena, and goes on;
// incoming bytes are taken from the kernel in whole frames, so nothing is torn. Thread: the worker's.
#ifndef HZ_MEDIA_WORKER_TCP_H
#define HZ_MEDIA_WORKER_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"
#include "media/transport/udp.h"

#define HZ_TCP_PER_PEER    4
#define HZ_TCP_QUEUE       96
#define HZ_TCP_QUEUE_VIDEO 72
#define HZ_TCP_VIDEO_US    500000  // older video is not written any more
#define HZ_TCP_AUDIO_US    1000000 // older audio
#define HZ_TCP_AUTH_US     5000000
#define HZ_TCP_QUIET_US    60000000 // without an authenticated check: closed
#define HZ_TCP_BAD         16       // checks that fail before the connection is closed

struct hz_worker;
struct hz_tcp;

enum hz_tcp_class { HZ_TCP_CONTROL, HZ_TCP_AUDIO, HZ_TCP_VIDEO }; // STUN, DTLS and RTCP are CONTROL

int hz_tcp_new(struct hz_worker *w, struct hz_tcp **ret); // 0; -ENOMEM; -errno
void hz_tcp_free(struct hz_tcp *tcp); // closes our copies: the connections live on; NULL allowed

// Once, with the arena open: the connections of the worker before.
void hz_tcp_restore(struct hz_worker *w);

// Readable when there is something to do for hz_tcp_ready(); -1 before new.
int hz_tcp_poll_fd(const struct hz_tcp *tcp);
// True: more waits, or so much has waited that a sender has more that found no room in our socket.
bool hz_tcp_ready(struct hz_worker *w);

// fd is taken in any case. 0; -ENOENT unknown peer; -ENOSPC; -EINVAL not a connected socket.
int hz_tcp_accept(struct hz_worker *w, const struct hz_cmd_tcp_accept *cmd, int fd);

// Queues a copy for the connection of `conn` (struct hz_path); written at the next flush.
// 0; -ENOTCONN it is gone; -ENOBUFS no room; -EMSGSIZE.
int hz_tcp_send(struct hz_worker *w, uint32_t conn, const void *data, size_t bytes, enum hz_tcp_class class);

// Audio and video that waits for this peer is not written any more, but for the rest of a frame that was begun.
void hz_tcp_leave_out(struct hz_worker *w, uint32_t slot);

// Writes what is queued, as far as the kernel takes it.
void hz_tcp_flush(struct hz_worker *w);

// About twice a second: deadlines, and the shelf is cleared of what is closed.
void hz_tcp_tick(struct hz_worker *w);

// The peer's slot of an authenticated connection, else HZ_ADDRESS_NONE; and of any.
uint32_t hz_tcp_slot(const struct hz_worker *w, uint32_t conn);
uint32_t hz_tcp_owner(const struct hz_worker *w, uint32_t conn);

// A check on it was authenticated; was not (after too many it is closed).
void hz_tcp_good(struct hz_worker *w, uint32_t conn);
void hz_tcp_bad(struct hz_worker *w, uint32_t conn);

bool hz_tcp_alive(const struct hz_worker *w, uint32_t conn);
void hz_tcp_drop_peer(struct hz_worker *w, uint32_t slot);
uint32_t hz_tcp_count(const struct hz_tcp *tcp);

#endif

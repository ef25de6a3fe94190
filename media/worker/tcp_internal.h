// What tcp*.c share.
#ifndef HZ_MEDIA_WORKER_TCP_INTERNAL_H
#define HZ_MEDIA_WORKER_TCP_INTERNAL_H

#include "media/transport/tcpframe.h"
#include "media/worker/state.h"
#include "media/worker/tcp.h"

#define HZ_TCP_READ_BYTES 65536
#define HZ_TCP_MUCH       16384 // read at once: it has waited. (A receive window may be smaller than a read.)

struct hz_tcp_frame {
	int64_t queued_us;
	uint16_t bytes; // header included; 0: left out
	uint8_t class;  // enum hz_tcp_class
	uint8_t data[HZ_ARENA_TAIL_BYTES];
};

struct hz_tcp_conn {
	int fd;         // -1: free
	uint32_t slot;  // of the peer
	uint32_t lowat; // SO_RCVLOWAT as set
	bool dirty;     // in the list of those to flush
	bool blocked;   // the kernel takes nothing: EPOLLOUT is asked for
	bool shelved;   // a copy is on the shelf
	unsigned bad;
	int64_t since_us, good_us;
	uint64_t position;           // as struct hz_arena_conn counts
	struct hz_tcp_frame *queue;  // HZ_TCP_QUEUE, a ring
	uint32_t head, count, video; // video: of them
};

struct hz_tcp {
	int epoll;
	uint32_t count;
	uint32_t unshelved; // closed ones whose copies may be on the shelf
	uint32_t dirty_count;
	int64_t shelf_us;
	uint16_t dirty[HZ_ARENA_CONNS];
	struct hz_tcp_conn conn[HZ_ARENA_CONNS];
	uint8_t in[HZ_TCP_READ_BYTES];
	_Alignas(16) uint8_t packet[HZ_UDP_MAX_BYTES];
};

// The connection of that id, or NULL.
struct hz_tcp_conn *hz_tcp_find(const struct hz_worker *w, uint32_t conn);
uint32_t hz_tcp_index(const struct hz_worker *w, const struct hz_tcp_conn *c);
uint32_t hz_tcp_id(const struct hz_worker *w, const struct hz_tcp_conn *c);

void hz_tcp_close(struct hz_worker *w, struct hz_tcp_conn *c, const char *why);
void hz_tcp_watch(struct hz_worker *w, struct hz_tcp_conn *c, int operation); // EPOLL_CTL_*

// tcp_rx.c: reads once. closing: the other end said goodbye. Returns how many bytes were there.
size_t hz_tcp_read(struct hz_worker *w, struct hz_tcp_conn *c, bool closing);

// tcp_tx.c
void hz_tcp_write(struct hz_worker *w, struct hz_tcp_conn *c);

// tcp_restore.c: how many bytes the kernel took since the connection was made. 0; -EPIPE not established; -errno.
int hz_tcp_position(int fd, uint64_t *ret);
void hz_tcp_clear_shelf(struct hz_worker *w);

#endif

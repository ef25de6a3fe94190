// After a crash: which connections go on. linux/tcp.h, because glibc's struct tcp_info ends before the byte counters.
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "media/worker/shelf.h"
#include "media/worker/tcp_internal.h"

#define ESTABLISHED 1 // include/net/tcp_states.h
#define TRIES       64
#define CLEAR_MANY  16
#define CLEAR_US    10000000
#define MOST        (2u * HZ_ARENA_CONNS) // ever looked at on a shelf in one go

int hz_tcp_position(int fd, uint64_t *ret)
{
	for (int i = 0; i < TRIES; i++) {
		struct tcp_info info = {0};
		socklen_t bytes = sizeof(info);
		int before = 0, after = 0;
		if (ioctl(fd, SIOCOUTQ, &before) < 0)
			return -EINVAL;
		if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) < 0)
			return -EINVAL;
		if (ioctl(fd, SIOCOUTQ, &after) < 0)
			return -EINVAL;
		if (info.tcpi_state != ESTABLISHED)
			return -EPIPE;
		if (before != after) // acknowledged meanwhile
			continue;
		*ret = info.tcpi_bytes_acked + (uint64_t)after;
		return 0;
	}
	return -EAGAIN;
}

// Where in the stream of frames did the last write of the worker before end?
static bool can_go_on(struct hz_arena_conn *ac, uint64_t position)
{
	if (ac->tail_bytes && position >= ac->tail_at && position < ac->tail_at + ac->tail_bytes)
		return true;
	if (ac->tail_bytes && position == ac->tail_at + ac->tail_bytes) {
		ac->tail_bytes = 0;
		return true;
	}
	if (position != ac->intent && (ac->tail_bytes || position != ac->whole))
		return false;
	ac->whole = position;
	HZ_ARENA_BARRIER();
	ac->tail_bytes = 0;
	return true;
}

static bool restore(struct hz_worker *w, uint32_t id, int fd)
{
	uint32_t index = HZ_ID_SLOT(id);
	uint64_t position = 0;
	if (index >= HZ_ARENA_CONNS)
		return false;
	struct hz_arena_conn *ac = &w->arena->conn[index];
	struct hz_tcp_conn *c = &w->tcp->conn[index];
	if (!ac->peer || ac->generation != id >> 16 || c->fd >= 0 || !hz_arena_peer(w->arena, ac->peer))
		return false;
	if (hz_tcp_position(fd, &position) || !can_go_on(ac, position - ac->base))
		return false;
	struct hz_tcp_frame *queue = malloc(HZ_TCP_QUEUE * sizeof(*queue));
	if (!queue)
		return false;
	*c = (struct hz_tcp_conn){.fd = fd,
	                          .slot = HZ_ID_SLOT(ac->peer),
	                          .lowat = 0,
	                          .queue = queue,
	                          .since_us = w->now_us,
	                          .good_us = w->now_us,
	                          .position = position - ac->base};
	// SO_RCVLOWAT may be left at a frame's size: lowat 0 makes the first read set it.
	c->blocked = ac->tail_bytes > 0;
	w->tcp->count++;
	hz_tcp_watch(w, c, EPOLL_CTL_ADD);
	return true;
}

static void drop(int fd)
{
	shutdown(fd, SHUT_RDWR);
	close(fd);
}

void hz_tcp_restore(struct hz_worker *w)
{
	uint32_t id = 0, lost = 0;
	int fd = -1;
	for (unsigned i = 0; i < MOST && w->fds.shelf_out >= 0; i++) {
		int err = hz_shelf_take(w->fds.shelf_out, &id, &fd);
		if (err == -EBADMSG)
			continue;
		if (err)
			break;
		if (!restore(w, id, fd)) {
			drop(fd);
			lost++;
		}
	}
	for (uint32_t i = 0; i < HZ_ARENA_CONNS; i++) {
		struct hz_tcp_conn *c = &w->tcp->conn[i];
		if (c->fd >= 0)
			c->shelved = hz_shelf_put(w->fds.shelf_in, hz_tcp_id(w, c), c->fd) == 0;
		else if (w->arena->conn[i].peer)
			w->arena->conn[i].peer = 0;
	}
	if (w->tcp->count || lost)
		hz_info("tcp.restored", "connections=%u lost=%u", w->tcp->count, lost);
}

void hz_tcp_clear_shelf(struct hz_worker *w)
{
	struct hz_tcp *tcp = w->tcp;
	uint32_t id = 0;
	int fd = -1;
	if (!tcp->unshelved || (tcp->unshelved < CLEAR_MANY && w->now_us - tcp->shelf_us < CLEAR_US))
		return;
	tcp->shelf_us = w->now_us;
	tcp->unshelved = 0;
	for (unsigned i = 0; i < MOST; i++) {
		int err = hz_shelf_take(w->fds.shelf_out, &id, &fd);
		if (!err)
			close(fd); // those that are open have their own descriptor here
		else if (err != -EBADMSG)
			break;
	}
	for (uint32_t i = 0; i < HZ_ARENA_CONNS; i++) {
		struct hz_tcp_conn *c = &tcp->conn[i];
		if (c->fd >= 0)
			c->shelved = hz_shelf_put(w->fds.shelf_in, hz_tcp_id(w, c), c->fd) == 0;
	}
}

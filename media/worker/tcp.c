#include "media/worker/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/worker/shelf.h"
#include "media/worker/tcp_internal.h"

#define EVENTS_A_TURN    64
#define NOTSENT_BYTES    16384 // more waits in our queue, where it can still be left out
#define GENERATION_MASK  0xffffu
#define KEEPALIVE_IDLE_S 20

int hz_tcp_new(struct hz_worker *w, struct hz_tcp **ret)
{
	struct hz_tcp *tcp = calloc(1, sizeof(*tcp));
	(void)w;
	if (!tcp)
		return -ENOMEM;
	for (unsigned i = 0; i < HZ_ARENA_CONNS; i++)
		tcp->conn[i].fd = -1;
	tcp->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (tcp->epoll < 0) {
		free(tcp);
		return -errno;
	}
	*ret = tcp;
	return 0;
}

void hz_tcp_free(struct hz_tcp *tcp)
{
	if (!tcp)
		return;
	for (unsigned i = 0; i < HZ_ARENA_CONNS; i++) {
		if (tcp->conn[i].fd >= 0)
			close(tcp->conn[i].fd);
		free(tcp->conn[i].queue);
	}
	close(tcp->epoll);
	free(tcp);
}

int hz_tcp_poll_fd(const struct hz_tcp *tcp)
{
	return tcp ? tcp->epoll : -1;
}

uint32_t hz_tcp_count(const struct hz_tcp *tcp)
{
	return tcp->count;
}

// --- ids

uint32_t hz_tcp_index(const struct hz_worker *w, const struct hz_tcp_conn *c)
{
	return (uint32_t)(c - w->tcp->conn);
}

uint32_t hz_tcp_id(const struct hz_worker *w, const struct hz_tcp_conn *c)
{
	uint32_t index = hz_tcp_index(w, c);
	return HZ_ID(index, w->arena->conn[index].generation);
}

struct hz_tcp_conn *hz_tcp_find(const struct hz_worker *w, uint32_t conn)
{
	uint32_t index = HZ_ID_SLOT(conn);
	if (!conn || index >= HZ_ARENA_CONNS || w->tcp->conn[index].fd < 0 ||
	    w->arena->conn[index].generation != conn >> 16)
		return NULL;
	return &w->tcp->conn[index];
}

bool hz_tcp_alive(const struct hz_worker *w, uint32_t conn)
{
	return hz_tcp_find(w, conn) != NULL;
}

uint32_t hz_tcp_owner(const struct hz_worker *w, uint32_t conn)
{
	const struct hz_tcp_conn *c = hz_tcp_find(w, conn);
	return c ? c->slot : HZ_ADDRESS_NONE;
}

uint32_t hz_tcp_slot(const struct hz_worker *w, uint32_t conn)
{
	const struct hz_tcp_conn *c = hz_tcp_find(w, conn);
	return c && w->arena->conn[HZ_ID_SLOT(conn)].authenticated ? c->slot : HZ_ADDRESS_NONE;
}

// --- life

void hz_tcp_watch(struct hz_worker *w, struct hz_tcp_conn *c, int operation)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | (c->blocked ? EPOLLOUT : 0u)};
	e.data.u32 = hz_tcp_index(w, c);
	if (epoll_ctl(w->tcp->epoll, operation, c->fd, &e))
		hz_error("tcp.epoll", "operation=%d err=%d", operation, errno);
}

void hz_tcp_close(struct hz_worker *w, struct hz_tcp_conn *c, const char *why)
{
	struct hz_arena_conn *ac = &w->arena->conn[hz_tcp_index(w, c)];
	hz_debug("tcp.closed", "peer=%08x why=%s", ac->peer, why);
	hz_tcp_watch(w, c, EPOLL_CTL_DEL); // closing alone would not: the shelf has a copy
	shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
	w->tcp->unshelved += c->shelved;
	w->tcp->count--;
	ac->peer = 0;
	HZ_ARENA_BARRIER();
	ac->tail_bytes = 0;
	ac->authenticated = 0;
	free(c->queue);
	*c = (struct hz_tcp_conn){.fd = -1, .dirty = c->dirty};
}

void hz_tcp_drop_peer(struct hz_worker *w, uint32_t slot)
{
	for (uint32_t i = 0; w->tcp->count && i < HZ_ARENA_CONNS; i++)
		if (w->tcp->conn[i].fd >= 0 && w->tcp->conn[i].slot == slot)
			hz_tcp_close(w, &w->tcp->conn[i], "peer");
}

// Of a peer that has enough of them, the one to go: not authenticated, else unheard for the longest time.
static void make_room(struct hz_worker *w, uint32_t slot)
{
	struct hz_tcp_conn *worst = NULL;
	unsigned count = 0;
	bool worst_auth = true;
	for (uint32_t i = 0; i < HZ_ARENA_CONNS; i++) {
		struct hz_tcp_conn *c = &w->tcp->conn[i];
		if (c->fd < 0 || c->slot != slot)
			continue;
		bool auth = w->arena->conn[i].authenticated;
		count++;
		if (!worst || (worst_auth && !auth) || (worst_auth == auth && c->good_us < worst->good_us)) {
			worst = c;
			worst_auth = auth;
		}
	}
	if (count >= HZ_TCP_PER_PEER)
		hz_tcp_close(w, worst, "crowded");
}

static void prepare(int fd)
{
	int on = 1, notsent = NOTSENT_BYTES, idle = KEEPALIVE_IDLE_S;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent, sizeof(notsent));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
}

static struct hz_tcp_conn *free_conn(struct hz_worker *w)
{
	for (uint32_t i = 0; i < HZ_ARENA_CONNS; i++)
		if (w->tcp->conn[i].fd < 0)
			return &w->tcp->conn[i];
	return NULL;
}

static int take(struct hz_worker *w, struct hz_tcp_conn *c, const struct hz_cmd_tcp_accept *cmd, int fd)
{
	struct hz_arena_conn *ac = &w->arena->conn[hz_tcp_index(w, c)];
	uint64_t base = 0;
	int flags = fcntl(fd, F_GETFL);
	int err = hz_tcp_position(fd, &base);
	if (!err && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		err = -errno;
	if (err)
		return err;
	// Not cleared: a page that was never touched costs nothing.
	struct hz_tcp_frame *queue = malloc(HZ_TCP_QUEUE * sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	prepare(fd);
	ac->generation = (ac->generation + 1) & GENERATION_MASK;
	if (!ac->generation)
		ac->generation = 1;
	ac->remote = cmd->remote;
	ac->local = cmd->local;
	ac->base = base;
	ac->whole = ac->intent = ac->tail_at = 0;
	ac->tail_bytes = 0;
	ac->authenticated = 0;
	HZ_ARENA_BARRIER();
	ac->peer = cmd->peer;
	*c = (struct hz_tcp_conn){.fd = fd,
	                          .slot = HZ_ID_SLOT(cmd->peer),
	                          .lowat = 1,
	                          .dirty = c->dirty,
	                          .since_us = w->now_us,
	                          .good_us = w->now_us,
	                          .queue = queue};
	w->tcp->count++;
	c->shelved = w->fds.shelf_in >= 0 && hz_shelf_put(w->fds.shelf_in, hz_tcp_id(w, c), fd) == 0;
	hz_tcp_watch(w, c, EPOLL_CTL_ADD);
	return 0;
}

int hz_tcp_accept(struct hz_worker *w, const struct hz_cmd_tcp_accept *cmd, int fd)
{
	int err = hz_arena_peer(w->arena, cmd->peer) ? 0 : -ENOENT;
	if (!err)
		make_room(w, HZ_ID_SLOT(cmd->peer));
	struct hz_tcp_conn *c = err ? NULL : free_conn(w);
	if (!err)
		err = c ? take(w, c, cmd, fd) : -ENOSPC;
	if (err) {
		w->arena->counters.tcp_refused++;
		close(fd);
		return err;
	}
	w->arena->counters.tcp_accepted++;
	(void)hz_tcp_read(w, c, false); // its first check is there: control saw it
	return 0;
}

void hz_tcp_good(struct hz_worker *w, uint32_t conn)
{
	struct hz_tcp_conn *c = hz_tcp_find(w, conn);
	if (!c)
		return;
	c->good_us = w->now_us;
	c->bad = 0;
	w->arena->conn[HZ_ID_SLOT(conn)].authenticated = 1;
}

void hz_tcp_bad(struct hz_worker *w, uint32_t conn)
{
	struct hz_tcp_conn *c = hz_tcp_find(w, conn);
	if (c && ++c->bad >= HZ_TCP_BAD)
		hz_tcp_close(w, c, "unauthentic");
}

// --- what is due

bool hz_tcp_ready(struct hz_worker *w)
{
	struct epoll_event events[EVENTS_A_TURN];
	int count = epoll_wait(w->tcp->epoll, events, EVENTS_A_TURN, 0);
	bool more = count == EVENTS_A_TURN;
	for (int i = 0; i < count; i++) {
		uint32_t id;
		struct hz_tcp_conn *c = &w->tcp->conn[events[i].data.u32];
		if (c->fd < 0) // closed by an earlier event of this turn
			continue;
		id = hz_tcp_id(w, c);
		if (events[i].events & EPOLLOUT)
			hz_tcp_write(w, c);
		if ((events[i].events & ~(uint32_t)EPOLLOUT) && hz_tcp_find(w, id) &&
		    hz_tcp_read(w, c, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) >= HZ_TCP_MUCH)
			more = true;
	}
	return more;
}

void hz_tcp_tick(struct hz_worker *w)
{
	for (uint32_t i = 0; w->tcp->count && i < HZ_ARENA_CONNS; i++) {
		struct hz_tcp_conn *c = &w->tcp->conn[i];
		if (c->fd < 0)
			continue;
		if (!w->arena->conn[i].authenticated && w->now_us - c->since_us > HZ_TCP_AUTH_US)
			hz_tcp_close(w, c, "silent");
		else if (w->now_us - c->good_us > HZ_TCP_QUIET_US)
			hz_tcp_close(w, c, "consent");
	}
	hz_tcp_clear_shelf(w);
}

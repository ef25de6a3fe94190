// The HTTPS port is for TLS and for ICE over TCP: a fresh connection waits here until its first bytes tell which.
// They are only looked at (MSG_PEEK). Most often they are there within the handshake's round trip; a wait is bounded
// by a deadline, and counts as an unfinished TLS handshake until then.
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "signaling/server/internal.h"
#include "signaling/server/sniff.h"

#define WAIT_US     5000000
#define WAKES       64 // more for one frame: somebody sends it byte by byte
#define EVENTS_MOST 64

static void set_lowat(int fd, size_t bytes)
{
	int value = (int)bytes;
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &value,
	           sizeof(value)); // without it: more wakes, which are bounded
}

static void as_v6(const struct sockaddr_storage *from, struct sockaddr_in6 *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (from->ss_family == AF_INET6) {
		memcpy(ret, from, sizeof(*ret));
		ret->sin6_flowinfo = 0;
		return;
	}
	struct sockaddr_in in;
	memcpy(&in, from, sizeof(in));
	ret->sin6_family = AF_INET6;
	ret->sin6_port = in.sin_port;
	ret->sin6_addr.s6_addr[10] = ret->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&ret->sin6_addr.s6_addr[12], &in.sin_addr, sizeof(in.sin_addr));
}

// Takes the descriptor out of the door's care; the caller has it now.
static int leave(struct hz_conn *conn)
{
	int fd = conn->door_fd;
	if (conn->waiting)
		epoll_ctl(conn->server->door_epoll, EPOLL_CTL_DEL, fd, NULL);
	conn->waiting = false;
	conn->door_fd = -1;
	set_lowat(fd, 1);
	return fd;
}

void hz_door_put_out(struct hz_conn *conn)
{
	close(leave(conn));
	hz_conn_free(conn); // counted as a failed TLS handshake while conn->handshaking
}

static void hand_over(struct hz_conn *conn, const char *ufrag)
{
	struct hz_server *server = conn->server;
	struct sockaddr_storage remote = {0}, local = {0};
	socklen_t remote_bytes = sizeof(remote), local_bytes = sizeof(local);
	struct hz_ice_tcp ice = {.fd = conn->door_fd, .local_ufrag = ufrag};
	int err = 0;
	if (getpeername(ice.fd, (struct sockaddr *)&remote, &remote_bytes) < 0 ||
	    getsockname(ice.fd, (struct sockaddr *)&local, &local_bytes) < 0)
		err = -errno;
	as_v6(&remote, &ice.remote);
	as_v6(&local, &ice.local);
	conn->handshaking = false;
	int fd = leave(conn);
	if (!err)
		err = server->ops.on_ice_tcp(server->ctx, &ice);
	if (err)
		server->counters.ice_tcp_refused++;
	else
		server->counters.ice_tcp_accepted++;
	close(fd); // the other process has its own
	hz_conn_free(conn);
}

// -EAGAIN: wait for conn->door_need bytes. 0: it is TLS's. -ECANCELED: done with it, conn is gone.
static int look(struct hz_conn *conn, bool closing)
{
	uint8_t bytes[HZ_SNIFF_BYTES];
	struct hz_sniff seen;
	ssize_t n = recv(conn->door_fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	bool nothing = n < 0 && (errno == EAGAIN || errno == EINTR);
	if (n == 0 || (n < 0 && !nothing)) {
		hz_door_put_out(conn);
		return -ECANCELED;
	}
	hz_sniff(bytes, nothing ? 0 : (size_t)n, &seen);
	if (seen.kind == HZ_SNIFF_TLS)
		return 0;
	if (seen.kind == HZ_SNIFF_MORE && !closing && conn->door_wakes++ < WAKES) {
		set_lowat(conn->door_fd, seen.need);
		return -EAGAIN;
	}
	if (seen.kind == HZ_SNIFF_ICE) {
		hand_over(conn, seen.ufrag);
		return -ECANCELED;
	}
	conn->server->counters.ice_tcp_junk++;
	conn->handshaking = false;
	hz_door_put_out(conn);
	return -ECANCELED;
}

static void on_door(void *ctx, int fd)
{
	struct hz_server *server = ctx;
	struct epoll_event events[EVENTS_MOST];
	(void)fd;
	int count = epoll_wait(server->door_epoll, events, EVENTS_MOST, 0);
	// Each event is of another connection, and handling one ends no other: the pointers stay good.
	for (int i = 0; i < count; i++) {
		struct hz_conn *conn = events[i].data.ptr;
		if (look(conn, events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0)
			hz_accept_adopt(conn, leave(conn));
	}
}

void hz_door_enter(struct hz_conn *conn, int fd)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = conn};
	conn->door_fd = fd;
	int err = look(conn, false);
	if (err == 0)
		hz_accept_adopt(conn, leave(conn));
	if (err != -EAGAIN)
		return;
	if (epoll_ctl(conn->server->door_epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		hz_door_put_out(conn);
		return;
	}
	conn->waiting = true;
	conn->door_us = hz_now_us();
	int64_t most = (int64_t)conn->server->limits.timeout_ms * 1000;
	hz_conn_deadline(conn, most < WAIT_US ? most : WAIT_US);
}

bool hz_door_make_room(struct hz_server *server)
{
	struct hz_conn *oldest = NULL;
	for (struct hz_conn *conn = server->conns; conn; conn = conn->next)
		if (conn->waiting && (!oldest || conn->door_us < oldest->door_us))
			oldest = conn;
	if (!oldest)
		return false;
	server->counters.ice_tcp_junk++;
	oldest->handshaking = false;
	hz_door_put_out(oldest);
	return true;
}

int hz_door_start(struct hz_server *server)
{
	if (!server->ops.on_ice_tcp)
		return 0;
	server->door_epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->door_epoll < 0)
		return -errno;
	return hz_server_add_fd(server, server->door_epoll, on_door, NULL, server, &server->door);
}

void hz_door_stop(struct hz_server *server)
{
	struct hz_conn *next;
	for (struct hz_conn *conn = server->conns; conn; conn = next) {
		next = conn->next;
		if (conn->waiting)
			hz_door_put_out(conn);
	}
	hz_server_remove_fd(server->door);
	server->door = NULL;
}

// Takes connections from the listening sockets, which belong to the supervisor, and hands them to libwebsockets.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "signaling/server/internal.h"

#define ACCEPTS_A_TURN 64 // so that a flood of connections does not starve those that are open

static bool is_loopback(const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET)
		return (ntohl(((const struct sockaddr_in *)addr)->sin_addr.s_addr) >> 24) == 127;
	struct sockaddr_in6 v6;
	memcpy(&v6, addr, sizeof(v6));
	const struct in6_addr *a = &v6.sin6_addr;
	if (IN6_IS_ADDR_V4MAPPED(a))
		return a->s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(a);
}

static void address_text(const struct sockaddr_storage *addr, char ret[HZ_ADDRESS_BYTES])
{
	const void *at = &((const struct sockaddr_in *)addr)->sin_addr;
	int family = AF_INET;
	if (addr->ss_family == AF_INET6) {
		const struct in6_addr *a = &((const struct sockaddr_in6 *)addr)->sin6_addr;
		bool mapped = IN6_IS_ADDR_V4MAPPED(a);
		family = mapped ? AF_INET : AF_INET6;
		at = mapped ? (const void *)&a->s6_addr[12] : (const void *)a;
	}
	if (!inet_ntop(family, at, ret, HZ_ADDRESS_BYTES))
		snprintf(ret, HZ_ADDRESS_BYTES, "::");
}

unsigned hz_accept_handshakes(struct hz_server *server)
{
	unsigned count = 0;
	for (struct hz_conn *conn = server->conns; conn; conn = conn->next) {
		if (!conn->handshaking)
			continue;
		SSL *ssl = conn->wsi ? lws_get_ssl(conn->wsi) : NULL;
		if (ssl && SSL_is_init_finished(ssl))
			conn->handshaking = false;
		else
			count++;
	}
	server->counters.handshakes = count;
	return count;
}

// true: there is room for one more.
static bool has_room(struct hz_server *server, bool tls)
{
	if (server->counters.connections >= server->limits.connections) {
		server->counters.refused_total++;
		return false;
	}
	// The gauge is brought up to date only when it seems full: lws does not tell when a handshake is over.
	if (tls && server->counters.handshakes >= server->limits.tls_handshakes &&
	    hz_accept_handshakes(server) >= server->limits.tls_handshakes && !hz_door_make_room(server)) {
		server->counters.refused_handshakes++;
		return false;
	}
	return true;
}

static void refuse_address(struct hz_server *server, int fd, bool tls)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\n"
	                             "Content-Length: 0\r\nConnection: close\r\n\r\n";
	server->counters.refused_address++;
	if (!tls && send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return; // it hears nothing, then
	shutdown(fd, SHUT_WR);
}

static struct hz_conn *conn_new(struct hz_server *server, const struct sockaddr_storage *addr, bool tls)
{
	struct hz_conn *conn = calloc(1, sizeof(*conn));
	if (!conn)
		return NULL;
	conn->kind = HZ_WSI_CONN;
	conn->server = server;
	conn->door_fd = -1;
	conn->tls = conn->handshaking = tls;
	conn->peer_loopback = is_loopback(addr);
	address_text(addr, conn->peer);
	conn->next = server->conns;
	if (server->conns)
		server->conns->prev = conn;
	server->conns = conn;
	server->counters.connections++;
	return conn;
}

void hz_accept_adopt(struct hz_conn *conn, int fd)
{
	struct hz_server *server = conn->server;
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	lws_adopt_desc_t info = {
	    .vh = server->vhost,
	    .type = LWS_ADOPT_SOCKET | (conn->tls ? LWS_ADOPT_ALLOW_SSL : 0),
	    .fd.sockfd = fd,
	    .vh_prot_name = HZ_PROTOCOL_SOCKET,
	    .opaque = conn,
	};
	conn->adopting = true;
	struct lws *wsi = lws_adopt_descriptor_vhost_via_info(&info); // closes fd when it fails
	conn->adopting = false;
	if (!wsi) {
		conn->wsi = NULL;
		hz_conn_free(conn);
		return;
	}
	conn->wsi = wsi;
	hz_conn_deadline(conn, (int64_t)server->limits.timeout_ms * 1000);
	server->counters.accepted++;
	server->counters.accepted_tls += conn->tls;
}

static void take(struct hz_server *server, int fd, const struct sockaddr_storage *addr, bool tls)
{
	if (!has_room(server, tls)) {
		close(fd);
		return;
	}
	struct hz_conn *conn = conn_new(server, addr, tls);
	if (!conn) {
		close(fd);
		return;
	}
	if (hz_conn_account(conn, conn->peer) < 0) {
		refuse_address(server, fd, tls);
		close(fd);
		conn->handshaking = false;
		hz_conn_free(conn);
		return;
	}
	server->counters.handshakes += tls;
	if (tls && server->ops.on_ice_tcp)
		hz_door_enter(conn, fd);
	else
		hz_accept_adopt(conn, fd);
}

// Out of descriptors: without this the waiting connection would keep poll() awake for ever.
static void refuse_one(struct hz_server *server, int listen_fd)
{
	close(server->spare_fd);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	server->counters.refused_total++;
}

static void accept_some(struct hz_server *server, int listen_fd, bool tls)
{
	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		struct sockaddr_storage addr = {0};
		socklen_t addr_bytes = sizeof(addr);
		int fd =
		    accept4(listen_fd, (struct sockaddr *)&addr, &addr_bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			refuse_one(server, listen_fd);
		if (fd < 0)
			return;
		take(server, fd, &addr, tls);
	}
}

static void on_http(void *ctx, int fd)
{
	accept_some(ctx, fd, false);
}

static void on_https(void *ctx, int fd)
{
	accept_some(ctx, fd, true);
}

int hz_accept_start(struct hz_server *server, int http_fd, int https_fd)
{
	int err = 0;
	server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (https_fd >= 0)
		err = hz_door_start(server);
	if (!err && http_fd >= 0)
		err = hz_server_add_fd(server, http_fd, on_http, NULL, server, &server->listen_http);
	if (!err && https_fd >= 0)
		err = hz_server_add_fd(server, https_fd, on_https, NULL, server, &server->listen_https);
	return err;
}

void hz_accept_stop(struct hz_server *server)
{
	hz_server_remove_fd(server->listen_http);
	hz_server_remove_fd(server->listen_https);
	server->listen_http = server->listen_https = NULL;
	hz_door_stop(server);
}

#include "tests/peer/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/transport/tcpframe.h"

#define BUFFER 65536

struct peer_tcp {
	int fd, epoll;
	size_t in_bytes, out_bytes;
	uint8_t in[BUFFER], out[BUFFER];
	_Alignas(16) uint8_t packet[HZ_TCPFRAME_MAX_BYTES];
};

int peer_tcp_new(struct peer_tcp **ret)
{
	struct peer_tcp *tcp = calloc(1, sizeof(*tcp));
	if (!tcp)
		return -ENOMEM;
	tcp->fd = -1;
	tcp->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (tcp->epoll < 0) {
		free(tcp);
		return -errno;
	}
	*ret = tcp;
	return 0;
}

static void hang_up(struct peer_tcp *tcp)
{
	if (tcp->fd >= 0)
		close(tcp->fd);
	tcp->fd = -1;
	tcp->in_bytes = tcp->out_bytes = 0;
}

void peer_tcp_free(struct peer_tcp *tcp)
{
	if (!tcp)
		return;
	hang_up(tcp);
	close(tcp->epoll);
	free(tcp);
}

static int connect_to(int fd, const struct sockaddr_in6 *to)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = to->sin6_port};
	if (!IN6_IS_ADDR_V4MAPPED(&to->sin6_addr))
		return connect(fd, (const struct sockaddr *)to, sizeof(*to));
	memcpy(&in.sin_addr, &to->sin6_addr.s6_addr[12], 4);
	return connect(fd, (const struct sockaddr *)&in, sizeof(in));
}

int peer_tcp_connect(struct peer_tcp *tcp, const struct sockaddr_in6 *to)
{
	struct epoll_event event = {.events = EPOLLIN};
	int on = 1;
	hang_up(tcp);
	int fd =
	    socket(IN6_IS_ADDR_V4MAPPED(&to->sin6_addr) ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect_to(fd, to) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    epoll_ctl(tcp->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		int err = -errno;
		close(fd);
		return err;
	}
	tcp->fd = fd;
	return 0;
}

bool peer_tcp_alive(const struct peer_tcp *tcp)
{
	return tcp->fd >= 0;
}

int peer_tcp_fd(const struct peer_tcp *tcp)
{
	return tcp->epoll;
}

static void push(struct peer_tcp *tcp)
{
	ssize_t n = send(tcp->fd, tcp->out, tcp->out_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		hang_up(tcp);
		return;
	}
	if (n > 0) {
		tcp->out_bytes -= (size_t)n;
		memmove(tcp->out, tcp->out + n, tcp->out_bytes);
	}
}

void peer_tcp_send(struct peer_tcp *tcp, const uint8_t *data, size_t bytes)
{
	if (tcp->fd < 0 || tcp->out_bytes + HZ_TCPFRAME_HEADER + bytes > BUFFER)
		return;
	hz_tcpframe_head(tcp->out + tcp->out_bytes, bytes);
	memcpy(tcp->out + tcp->out_bytes + HZ_TCPFRAME_HEADER, data, bytes);
	tcp->out_bytes += HZ_TCPFRAME_HEADER + bytes;
	push(tcp);
}

static bool take(struct peer_tcp *tcp, size_t *ret_bytes)
{
	if (hz_tcpframe_next(tcp->in, tcp->in_bytes, ret_bytes))
		return false;
	size_t whole = HZ_TCPFRAME_HEADER + *ret_bytes;
	memcpy(tcp->packet, tcp->in + HZ_TCPFRAME_HEADER, *ret_bytes);
	tcp->in_bytes -= whole;
	memmove(tcp->in, tcp->in + whole, tcp->in_bytes);
	return true;
}

int peer_tcp_receive(struct peer_tcp *tcp, uint8_t **ret, size_t *ret_bytes)
{
	*ret = tcp->packet;
	if (take(tcp, ret_bytes))
		return 1;
	if (tcp->fd < 0)
		return 0;
	ssize_t n = recv(tcp->fd, tcp->in + tcp->in_bytes, BUFFER - tcp->in_bytes, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		hang_up(tcp);
	if (n <= 0)
		return 0;
	tcp->in_bytes += (size_t)n;
	return take(tcp, ret_bytes) ? 1 : 0;
}

// Paths, and opening the socket of a media port.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/transport/udp.h"

#define SOCKET_BUFFER_BYTES (4 << 20)

bool hz_path_equal(const struct hz_path *a, const struct hz_path *b)
{
	return a->remote.sin6_port == b->remote.sin6_port &&
	       memcmp(&a->remote.sin6_addr, &b->remote.sin6_addr, sizeof(struct in6_addr)) == 0 &&
	       memcmp(&a->local, &b->local, sizeof(struct in6_addr)) == 0 &&
	       a->remote.sin6_scope_id == b->remote.sin6_scope_id && a->ifindex == b->ifindex &&
	       a->conn == b->conn;
}

static int parse(const char *address, struct in6_addr *ret)
{
	struct in_addr in;
	if (!address[0]) {
		*ret = in6addr_any;
		return 0;
	}
	if (inet_pton(AF_INET, address, &in) == 1) {
		memset(ret, 0, sizeof(*ret));
		ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
		memcpy(&ret->s6_addr[12], &in, 4);
		return 0;
	}
	return inet_pton(AF_INET6, address, ret) == 1 ? 0 : -EINVAL;
}

static int bind_to(int fd, int family, const struct in6_addr *address, uint16_t port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = *address};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (family == AF_INET) {
		if (IN6_IS_ADDR_V4MAPPED(address))
			memcpy(&in.sin_addr, &address->s6_addr[12], 4);
		else if (!IN6_IS_ADDR_UNSPECIFIED(address))
			return -EAFNOSUPPORT;
		return bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 ? -errno : 0;
	}
	return bind(fd, (struct sockaddr *)&in6, sizeof(in6)) < 0 ? -errno : 0;
}

static void ask_for_buffers(int fd)
{
	int bytes = SOCKET_BUFFER_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int hz_udp_prepare(int fd)
{
	int family, on = 1;
	socklen_t bytes = sizeof(family);
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &bytes) < 0)
		return -errno;
	int err = family == AF_INET6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on))
	                             : setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	int flags = fcntl(fd, F_GETFL);
	if (err < 0 || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	ask_for_buffers(fd);
	return 0;
}

// A kernel booted without IPv6 has no AF_INET6 sockets at all; everywhere else one such socket serves both.
static int make_socket(int *ret_family)
{
	int off = 0;
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*ret_family = AF_INET6;
	if (fd >= 0) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		return fd;
	}
	if (errno != EAFNOSUPPORT)
		return -errno;
	*ret_family = AF_INET;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int hz_udp_open(const char *address, uint16_t port, int *ret_fd)
{
	struct in6_addr in6;
	int family;
	int err = parse(address, &in6);
	if (err)
		return err;
	int fd = make_socket(&family);
	if (fd < 0)
		return fd;
	err = hz_udp_prepare(fd);
	if (!err)
		err = bind_to(fd, family, &in6, port);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int hz_udp_local(int fd, struct sockaddr_in6 *ret)
{
	struct sockaddr_storage name = {0};
	socklen_t bytes = sizeof(name);
	if (getsockname(fd, (struct sockaddr *)&name, &bytes) < 0)
		return -errno;
	memset(ret, 0, sizeof(*ret));
	if (name.ss_family == AF_INET6) {
		memcpy(ret, &name, sizeof(*ret));
		return 0;
	}
	if (name.ss_family != AF_INET)
		return -EAFNOSUPPORT;
	const struct sockaddr_in *in = (const struct sockaddr_in *)&name;
	ret->sin6_family = AF_INET6;
	ret->sin6_port = in->sin_port;
	ret->sin6_addr.s6_addr[10] = ret->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&ret->sin6_addr.s6_addr[12], &in->sin_addr, 4);
	return 0;
}

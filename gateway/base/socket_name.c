#include "gateway/base/socket_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

int hz_socket_name(int fd, char ret_address[INET6_ADDRSTRLEN], uint16_t *ret_port)
{
	struct sockaddr_storage at = {.ss_family = AF_UNSPEC};
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&at;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&at;
	socklen_t bytes = sizeof(at);
	if (getsockname(fd, (struct sockaddr *)&at, &bytes) < 0)
		return -errno;
	if (at.ss_family != AF_INET && at.ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	const void *address = at.ss_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr;
	inet_ntop(at.ss_family, address, ret_address, INET6_ADDRSTRLEN);
	*ret_port = ntohs(at.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
	return 0;
}

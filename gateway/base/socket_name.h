// Where a socket is bound: what was configured may say something else by now. Thread: any.
#ifndef HZ_GATEWAY_BASE_SOCKET_NAME_H
#define HZ_GATEWAY_BASE_SOCKET_NAME_H

#include <netinet/in.h>
#include <stdint.h>

// 0; -EBADF (also of -1: there is none), -EAFNOSUPPORT (not IP), -errno. ret_address: as text, IPv6 without brackets.
int hz_socket_name(int fd, char ret_address[INET6_ADDRSTRLEN], uint16_t *ret_port);

#endif

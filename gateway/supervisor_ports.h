// Opens the TCP sockets that outside speaks to. (UDP: media/transport/udp.h.)
#ifndef HZ_GATEWAY_SUPERVISOR_PORTS_H
#define HZ_GATEWAY_SUPERVISOR_PORTS_H

#include <stdint.h>

// A listening socket, non-blocking and close-on-exec, the caller's to close. "::" takes IPv4 as well; without IPv6 in the kernel it means 0.0.0.0.
// 0; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES ...
int hz_tcp_listen(const char *address, uint16_t port, int *ret_fd);

#endif

// What a strict firewall lets through: of IPv4 and IPv6, everything, or only TCP from or to one port. Pure.
#ifndef TESTS_NET_LINK_FILTER_H
#define TESTS_NET_LINK_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// `packet` begins with its IP header. `only_tcp_port` 0: everything passes. Anything that cannot be read does not pass
// when a port is given: later fragments, IPv6 extension headers, truncated headers.
bool hz_filter_passes(const uint8_t *packet, size_t bytes, uint16_t only_tcp_port);

#endif

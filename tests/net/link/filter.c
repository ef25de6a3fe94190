#include "tests/net/link/filter.h"

#define TCP 6

bool hz_filter_passes(const uint8_t *packet, size_t bytes, uint16_t only_tcp_port)
{
	size_t header;
	if (only_tcp_port == 0)
		return true;
	if (bytes < 20)
		return false;
	if (packet[0] >> 4 == 4) {
		header = (packet[0] & 15) * 4U;
		if (header < 20 || packet[9] != TCP || (packet[6] & 0x1f) != 0 || packet[7] != 0)
			return false;
	} else if (packet[0] >> 4 == 6) {
		header = 40;
		if (packet[6] != TCP)
			return false;
	} else {
		return false;
	}
	if (bytes < header + 4)
		return false;
	unsigned from = packet[header] << 8 | packet[header + 1];
	unsigned to = packet[header + 2] << 8 | packet[header + 3];
	return from == only_tcp_port || to == only_tcp_port;
}

#include "media/transport/demux.h"

enum hz_demux hz_demux(const uint8_t *data, size_t bytes)
{
	if (bytes < 8)
		return HZ_DEMUX_JUNK;
	uint8_t first = data[0];
	if (first <= 3)
		return bytes >= 20 ? HZ_DEMUX_STUN : HZ_DEMUX_JUNK;
	if (first >= 20 && first <= 63)
		return bytes >= 13 ? HZ_DEMUX_DTLS : HZ_DEMUX_JUNK;
	if (first < 128 || first > 191)
		return HZ_DEMUX_JUNK;
	if (data[1] >= 192 && data[1] <= 223)
		return HZ_DEMUX_RTCP;
	return bytes >= 12 ? HZ_DEMUX_RTP : HZ_DEMUX_JUNK;
}

#include "media/transport/tcpframe.h"

#include <assert.h>
#include <errno.h>

int hz_tcpframe_next(const uint8_t *data, size_t bytes, size_t *ret)
{
	if (bytes < HZ_TCPFRAME_HEADER) {
		*ret = HZ_TCPFRAME_HEADER;
		return -EAGAIN;
	}
	size_t payload = (size_t)data[0] << 8 | data[1];
	if (payload > HZ_TCPFRAME_MAX_BYTES)
		return -EMSGSIZE;
	if (bytes - HZ_TCPFRAME_HEADER < payload) {
		*ret = HZ_TCPFRAME_HEADER + payload;
		return -EAGAIN;
	}
	*ret = payload;
	return 0;
}

void hz_tcpframe_head(uint8_t head[HZ_TCPFRAME_HEADER], size_t payload_bytes)
{
	assert(payload_bytes <= HZ_TCPFRAME_MAX_BYTES);
	head[0] = (uint8_t)(payload_bytes >> 8);
	head[1] = (uint8_t)payload_bytes;
}

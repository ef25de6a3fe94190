#include "media/rtp/rtx.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/packet.h"

int hz_rtx_unwrap(uint8_t *data, size_t bytes, uint8_t pt, uint32_t ssrc, uint8_t **ret_data,
                  size_t *ret_bytes)
{
	struct hz_rtp_packet p;
	if (hz_rtp_parse(data, bytes, &p) < 0)
		return -EBADMSG;
	if (p.payload_bytes == 0)
		return -ENODATA;
	if (p.payload_bytes < 2)
		return -EBADMSG;
	uint16_t osn = hz_get16(p.payload);
	// Moving the header up by two bytes is cheaper than moving the payload down.
	uint8_t *out = data + 2;
	memmove(out, data, p.header_bytes);
	out[1] = (uint8_t)((out[1] & 0x80) | (pt & 0x7f));
	hz_put16(out + 2, osn);
	hz_put32(out + 8, ssrc);
	*ret_data = out;
	*ret_bytes = bytes - 2;
	return 0;
}

int hz_rtx_wrap(uint8_t *data, size_t bytes, size_t room, const struct hz_rtx *rtx, size_t *ret_bytes)
{
	struct hz_rtp_packet p;
	if (hz_rtp_parse(data, bytes, &p) < 0)
		return -EBADMSG;
	if (room < 2 || bytes > room - 2)
		return -ENOBUFS;
	memmove(data + p.header_bytes + 2, data + p.header_bytes, bytes - p.header_bytes);
	hz_put16(data + p.header_bytes, p.seq);
	data[1] = (uint8_t)((data[1] & 0x80) | (rtx->pt & 0x7f));
	hz_put16(data + 2, rtx->seq);
	hz_put32(data + 8, rtx->ssrc);
	*ret_bytes = bytes + 2;
	return 0;
}

#include "media/rtp/xr.h"

#include <errno.h>

#include "media/rtp/bytes.h"

#define RRTR 4
#define DLRR 5

int hz_xr_parse_time(const struct hz_rtcp_packet *packet, struct hz_xr_time *ret)
{
	if (packet->type != HZ_RTCP_XR || packet->body_bytes < 4)
		return -EBADMSG;
	const uint8_t *at = packet->body + 4;
	size_t left = packet->body_bytes - 4;
	while (left > 0) {
		if (left < 4)
			return -EBADMSG;
		size_t bytes = 4 + 4 * (size_t)hz_get16(at + 2);
		if (bytes > left)
			return -EBADMSG;
		if (at[0] == RRTR && bytes == 12) {
			ret->ssrc = hz_get32(packet->body);
			ret->compact = hz_ntp_compact(hz_get64(at + 4));
			return 0;
		}
		at += bytes;
		left -= bytes;
	}
	return -ENOENT;
}

int hz_xr_write_delay(struct hz_rtcp_writer *w, uint32_t sender_ssrc, const struct hz_xr_time *time,
                      uint32_t delay)
{
	uint8_t *p = hz_rtcp_reserve(w, HZ_RTCP_XR, 0, 24);
	if (!p)
		return -ENOBUFS;
	hz_put32(p + 4, sender_ssrc);
	p[8] = DLRR;
	p[9] = 0;
	hz_put16(p + 10, 3);
	hz_put32(p + 12, time->ssrc);
	hz_put32(p + 16, time->compact);
	hz_put32(p + 20, delay);
	return 0;
}

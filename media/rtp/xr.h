// RTCP extended reports, as far as a receiver needs them to know its round trip: it sends its time (RRTR), we say how long
// we have had it (DLRR). Without that libwebrtc's jitter buffer does not wait for retransmissions on a link with loss.
// RFC 3611 sections 2, 4.4, 4.5. Pure; thread: any.
#ifndef HZ_MEDIA_RTP_XR_H
#define HZ_MEDIA_RTP_XR_H

#include "media/rtp/rtcp.h"

struct hz_xr_time {
	uint32_t ssrc;    // who asks
	uint32_t compact; // the middle 32 bits of its NTP time
};

// The first receiver reference time of an XR packet. -ENOENT: it holds none; -EBADMSG: not an XR packet, or its blocks do
// not add up.
int hz_xr_parse_time(const struct hz_rtcp_packet *packet, struct hz_xr_time *ret);

// Answers it: an XR packet with one DLRR block. delay: 1/65536 s since the question came. -ENOBUFS: the buffer is unchanged.
int hz_xr_write_delay(struct hz_rtcp_writer *w, uint32_t sender_ssrc, const struct hz_xr_time *time,
                      uint32_t delay);

#endif

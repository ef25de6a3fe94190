// Parity packets of generic forward error correction (RFC 5109, "ULPFEC"), level 0 only: what browsers send in RED beside
// VP8 and VP9. Each is the exclusive-or of some media packets of the same stream; with all but one of them at hand, that
// one is made from it. Pure; no allocation; thread: any.
//
// The sum is of the packets as they were before RED, and libwebrtc takes the extensions that are written on the way out
// (transport-wide number, abs-send-time) as zeros: so it is done here, and they are zeros in the packet that is made.
#ifndef HZ_MEDIA_RTP_ULPFEC_H
#define HZ_MEDIA_RTP_ULPFEC_H

#include "media/rtp/packet.h"

#define HZ_ULPFEC_MAX_SPAN  48   // numbers that a mask may reach over
#define HZ_ULPFEC_MAX_BYTES 2048 // of a packet that can be made

struct hz_ulpfec {
	uint64_t mask; // bit i: number base + i is protected; never 0
	uint16_t base;
	uint8_t span;        // highest bit of the mask and one
	uint8_t flags, type; // sums of P, X, CC and of M, PT
	uint32_t ts;         // sums of timestamps and of lengths behind the fixed header
	uint16_t length;     //
	const uint8_t *data; // sum of what is behind the fixed header; lives as long as the payload
	uint16_t bytes;      // of data: what is longer cannot be made
};

// -EBADMSG: cut short, nothing protected, or a header extension (E), which RFC 5109 has not.
int hz_ulpfec_parse(const uint8_t *payload, size_t bytes, struct hz_ulpfec *ret);

struct hz_ulpfec_sum { // a packet in the making
	struct hz_ulpfec fec;
	uint8_t data[HZ_ULPFEC_MAX_BYTES];
};

// One begin, one add for each of the protected packets that are there (all but one), one end.
void hz_ulpfec_begin(struct hz_ulpfec_sum *sum, const struct hz_ulpfec *fec);
// packet: as it was sent, without RED. ids: how its sender numbers extensions.
void hz_ulpfec_add(struct hz_ulpfec_sum *sum, const struct hz_rtp_packet *packet,
                   const struct hz_ext_ids *ids);
// *ret points into sum->data. -EBADMSG: what comes out is no RTP packet, or longer than what is protected.
int hz_ulpfec_end(struct hz_ulpfec_sum *sum, uint16_t seq, uint32_t ssrc, struct hz_rtp_packet *ret);

#endif

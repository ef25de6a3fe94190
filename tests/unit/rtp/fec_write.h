// Parity packets as libwebrtc makes them: over packets before RED, with the extensions that change on the way as zeros.
#ifndef HZ_TESTS_UNIT_RTP_FEC_WRITE_H
#define HZ_TESTS_UNIT_RTP_FEC_WRITE_H

#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/packet.h"

// Overwrites the data of one extension of the packet.
static inline void fec_zero(uint8_t *packet, size_t bytes, uint8_t id)
{
	struct hz_rtp_packet p;
	const uint8_t *data;
	size_t n;
	if (!hz_rtp_parse(packet, bytes, &p) && hz_rtp_ext_find(&p, id, &data, &n))
		memset(packet + (data - packet), 0, n);
}

// A level 0 payload for `count` packets, sequence numbers as in them. Returns its length.
static inline size_t fec_write(uint8_t *out, const uint8_t *const packet[], const size_t bytes[],
                               unsigned count, const struct hz_ext_ids *ids, bool is_long)
{
	uint16_t base = hz_get16(packet[0] + 2), longest = 0;
	size_t at = is_long ? 18 : 14;
	memset(out, 0, 2048);
	for (unsigned i = 0; i < count; i++) {
		uint8_t copy[2048] = {0};
		unsigned bit = (uint16_t)(hz_get16(packet[i] + 2) - base);
		memcpy(copy, packet[i], bytes[i]);
		fec_zero(copy, bytes[i], ids->twcc);
		fec_zero(copy, bytes[i], ids->abs_send_time);
		out[0] ^= copy[0] & 0x3f;
		out[1] ^= copy[1];
		for (unsigned k = 0; k < 4; k++)
			out[4 + k] ^= copy[4 + k];
		hz_put16(out + 8, (uint16_t)(hz_get16(out + 8) ^ (bytes[i] - 12)));
		out[12 + bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		for (size_t k = 12; k < bytes[i]; k++)
			out[at + k - 12] ^= copy[k];
		if (bytes[i] - 12 > longest)
			longest = (uint16_t)(bytes[i] - 12);
	}
	out[0] |= is_long ? 0x40 : 0;
	hz_put16(out + 2, base);
	hz_put16(out + 10, longest);
	return at + longest;
}

#endif

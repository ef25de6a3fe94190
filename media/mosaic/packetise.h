// Encoded pictures -> RTP payloads: H.264 of Annex B (RFC 6184, packetization mode 1: single NAL units, STAP-A for parameter sets,
// FU-A), VP8 (RFC 7741 with a 15-bit picture id). Pure; thread: one.
#ifndef HZ_MEDIA_MOSAIC_PACKETISE_H
#define HZ_MEDIA_MOSAIC_PACKETISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_PACKETISE_BYTES 1160u // of a payload: leaves room for header extensions, SRTP and RTX

typedef void hz_packetise_fn(void *ctx, const uint8_t *payload, size_t bytes, bool last);
struct hz_packetise_sink {
	void *ctx;
	hz_packetise_fn *emit; // last: of the picture
};

void hz_packetise_h264(const uint8_t *annexb, size_t bytes, const struct hz_packetise_sink *sink);
void hz_packetise_vp8(const uint8_t *frame, size_t bytes, uint16_t picture_id,
                      const struct hz_packetise_sink *sink);

#endif

// RFC 4571 framing of what ICE-TCP carries (RFC 6544 section 10.1): a 16-bit length before each STUN, DTLS, SRTP or SRTCP
// packet. Pure: bytes in, borders out. Thread: any.
#ifndef HZ_MEDIA_TRANSPORT_TCPFRAME_H
#define HZ_MEDIA_TRANSPORT_TCPFRAME_H

#include <stddef.h>
#include <stdint.h>

#define HZ_TCPFRAME_HEADER    2
#define HZ_TCPFRAME_MAX_BYTES 2048 // of a payload: no WebRTC endpoint sends longer ones

// The frame at the front of a stream.
// 0        it is whole: *ret is its payload's length (0: a null frame, to be ignored), which follows the header
// -EAGAIN  *ret bytes are needed from the same place before more can be said (2, then the whole frame)
// -EMSGSIZE longer than HZ_TCPFRAME_MAX_BYTES: the stream cannot be followed any more
int hz_tcpframe_next(const uint8_t *data, size_t bytes, size_t *ret);

// Writes the header of a payload of at most HZ_TCPFRAME_MAX_BYTES.
void hz_tcpframe_head(uint8_t head[HZ_TCPFRAME_HEADER], size_t payload_bytes);

#endif

// Retransmission payload format (RFC 4588), session-multiplexed by SSRC: wrap and unwrap in place. Thread: any.
#ifndef HZ_MEDIA_RTP_RTX_H
#define HZ_MEDIA_RTP_RTX_H

#include <stddef.h>
#include <stdint.h>

// Turns the RTX packet at data into the original one, which begins 2 bytes later (*ret_data = data + 2): payload
// type and SSRC as given, sequence number from the OSN. Its header extensions are those of the RTX packet.
// -ENODATA: nothing but padding (a bandwidth probe). -EBADMSG: not RTP, or 1 byte of payload.
int hz_rtx_unwrap(uint8_t *data, size_t bytes, uint8_t pt, uint32_t ssrc, uint8_t **ret_data,
                  size_t *ret_bytes);

struct hz_rtx {
	uint32_t ssrc; // of the RTX stream
	uint16_t seq;  // of the RTX stream
	uint8_t pt;
};

// Turns the complete outgoing packet at data into an RTX packet, 2 bytes longer; its own sequence number becomes the
// OSN. -ENOBUFS: room (of the buffer at data) is under bytes + 2. -EBADMSG: not RTP.
int hz_rtx_wrap(uint8_t *data, size_t bytes, size_t room, const struct hz_rtx *rtx, size_t *ret_bytes);

#endif

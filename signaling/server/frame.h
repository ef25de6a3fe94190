// WebSocket frames as a server reads and writes them (RFC 6455, 5.2). Pure. Thread: any.
#ifndef HZ_SIGNALING_SERVER_FRAME_H
#define HZ_SIGNALING_SERVER_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_FRAME_CONTROL_BYTES 125

enum hz_frame_op {
	HZ_FRAME_CONTINUATION = 0,
	HZ_FRAME_TEXT = 1,
	HZ_FRAME_BINARY = 2,
	HZ_FRAME_CLOSE = 8,
	HZ_FRAME_PING = 9,
	HZ_FRAME_PONG = 10,
};

struct hz_frame {
	uint8_t op; // enum hz_frame_op
	bool final;
	uint8_t mask[4];
	uint64_t bytes; // of payload
};

// Reads the head of a frame. Its bytes, 0: more are needed, -EBADMSG: against the protocol (1002): reserved bits,
// unknown opcode, no mask, length not minimal or over 2^63, a control frame that is long or a fragment.
long hz_frame_read_head(const uint8_t *data, size_t n, struct hz_frame *ret);

// Removes the mask in place; `at` is the offset of data within the payload.
void hz_frame_unmask(uint8_t *data, size_t n, const uint8_t mask[4], uint64_t at);

// Writes the head of an unfragmented, unmasked frame into ret[10]. Its bytes.
size_t hz_frame_write_head(enum hz_frame_op op, size_t bytes, uint8_t ret[10]);

// The code of a close frame's payload: HZ 1005 when empty; -EBADMSG for one byte or a code nobody may send (7.4).
int hz_frame_close_code(const uint8_t *data, size_t n);

#endif

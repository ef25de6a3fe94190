#include "signaling/server/frame.h"

#include <errno.h>
#include <string.h>

static bool op_known(uint8_t op)
{
	return op <= HZ_FRAME_BINARY || (op >= HZ_FRAME_CLOSE && op <= HZ_FRAME_PONG);
}

long hz_frame_read_head(const uint8_t *data, size_t n, struct hz_frame *ret)
{
	if (n < 2)
		return 0;
	uint8_t op = data[0] & 0x0f;
	bool final = data[0] & 0x80;
	uint64_t bytes = data[1] & 0x7f;
	size_t at = 2, extended = bytes == 126 ? 2 : bytes == 127 ? 8 : 0;
	if ((data[0] & 0x70) || !op_known(op) || !(data[1] & 0x80))
		return -EBADMSG;
	if (op >= HZ_FRAME_CLOSE && (!final || bytes > HZ_FRAME_CONTROL_BYTES))
		return -EBADMSG;
	if (n < at + extended + 4)
		return 0;
	if (extended) {
		bytes = 0;
		for (size_t i = 0; i < extended; i++)
			bytes = bytes << 8 | data[at++];
		if (bytes < (extended == 2 ? 126u : 65536u) || bytes >> 63)
			return -EBADMSG;
	}
	memcpy(ret->mask, data + at, 4);
	ret->op = op;
	ret->final = final;
	ret->bytes = bytes;
	return (long)at + 4;
}

void hz_frame_unmask(uint8_t *data, size_t n, const uint8_t mask[4], uint64_t at)
{
	for (size_t i = 0; i < n; i++)
		data[i] ^= mask[(at + i) & 3];
}

size_t hz_frame_write_head(enum hz_frame_op op, size_t bytes, uint8_t ret[10])
{
	size_t at = 2, extended = bytes < 126 ? 0 : bytes < 65536 ? 2 : 8;
	ret[0] = (uint8_t)(0x80 | op);
	ret[1] = (uint8_t)(extended == 0 ? bytes : extended == 2 ? 126 : 127);
	for (size_t i = extended; i > 0; i--)
		ret[at++] = (uint8_t)((uint64_t)bytes >> (8 * (i - 1)));
	return at;
}

int hz_frame_close_code(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 1005;
	if (n == 1)
		return -EBADMSG;
	int code = data[0] << 8 | data[1];
	bool standard = code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
	return standard || (code >= 3000 && code <= 4999) ? code : -EBADMSG;
}

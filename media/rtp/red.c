#include "media/rtp/red.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"

int hz_red_parse(const uint8_t *payload, size_t bytes, struct hz_red *ret)
{
	struct hz_red red;
	size_t at = 0, data = 0, passed = 0;
	memset(&red, 0, sizeof(red));
	for (;; at += 4) {
		if (at >= bytes)
			return -EBADMSG;
		if (!(payload[at] & 0x80)) // F: the primary block's header, one byte
			break;
		if (bytes - at < 4)
			return -EBADMSG;
		if (red.count == HZ_RED_MAX_BLOCKS) { // the oldest is not kept
			passed += red.block[0].bytes;
			memmove(&red.block[0], &red.block[1], --red.count * sizeof(red.block[0]));
		}
		uint32_t word = hz_get24(payload + at + 1);
		red.block[red.count++] = (struct hz_red_block){
		    .bytes = word & 0x3ff, .ts_offset = (uint16_t)(word >> 10), .pt = payload[at] & 0x7f};
		data += word & 0x3ff;
	}
	red.primary.pt = payload[at++];
	if (bytes - at < data || bytes - at - data > UINT16_MAX)
		return -EBADMSG;
	at += passed;
	for (unsigned i = 0; i < red.count; i++) {
		red.block[i].data = payload + at;
		at += red.block[i].bytes;
	}
	red.primary.data = payload + at;
	red.primary.bytes = (uint16_t)(bytes - at);
	*ret = red;
	return 0;
}

void hz_red_retarget(uint8_t *payload, size_t bytes, uint8_t pt)
{
	size_t at = 0;
	for (; at < bytes && payload[at] & 0x80; at += 4)
		payload[at] = 0x80 | pt;
	if (at < bytes)
		payload[at] = pt;
}

// Redundant audio (RFC 2198): earlier frames once more in front of the newest one. Pure; thread: any.
#ifndef HZ_MEDIA_RTP_RED_H
#define HZ_MEDIA_RTP_RED_H

#include <stddef.h>
#include <stdint.h>

#define HZ_RED_MAX_BLOCKS 8 // newest redundant ones of a packet; older ones are passed over

struct hz_red_block {
	const uint8_t *data; // into the payload
	uint16_t bytes;      // may be 0
	uint16_t ts_offset;  // before the packet's timestamp, 14 bits
	uint8_t pt;
};

struct hz_red {
	uint8_t count;                                // redundant blocks, oldest first
	struct hz_red_block block[HZ_RED_MAX_BLOCKS]; // data: pointers live as long as the payload
	struct hz_red_block primary;                  // ts_offset 0
};

// -EBADMSG: blocks that run past the end, or nothing at all.
int hz_red_parse(const uint8_t *payload, size_t bytes, struct hz_red *ret);

// Writes another payload type into every block of a sound payload: receivers number Opus themselves.
void hz_red_retarget(uint8_t *payload, size_t bytes, uint8_t pt);

#endif

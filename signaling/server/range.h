// The Range header (RFC 9110, section 14): one range of bytes of a representation whose length is known. Pure. Thread: any.
#ifndef HZ_SIGNALING_SERVER_RANGE_H
#define HZ_SIGNALING_SERVER_RANGE_H

#include <stdbool.h>
#include <stdint.h>

enum hz_range_kind {
	HZ_RANGE_WHOLE, // none was asked for, or one that may be ignored: another unit, malformed, several
	HZ_RANGE_PART,
	HZ_RANGE_OUTSIDE, // 416: nothing of it is in the representation
};

struct hz_range {
	enum hz_range_kind kind;
	uint64_t first, bytes; // PART: bytes is at least 1, first + bytes at most the length
	bool open;             // PART: asked for up to the end, whatever that is ("bytes=500-")
};

// value: of the header, or NULL; length: of the representation.
void hz_range_parse(const char *value, uint64_t length, struct hz_range *ret);

#endif

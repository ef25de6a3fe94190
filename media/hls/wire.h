// What huizhen-hls reads: records of a fixed head (big-endian) and bytes.
//   u8 kind, u8 track, u16 0, u32 bytes, i64 pts, i64 dts, i64 mark
// Kinds: 'U' a unit of the track, 'S' one of its slate, 'T' tick (mark: now), 'C' cut, 'R' resume, 'E' end. Pure. Thread: any.
#ifndef HZ_MEDIA_HLS_WIRE_H
#define HZ_MEDIA_HLS_WIRE_H

#include "media/hls/hls.h"

#define HZ_HLS_WIRE_BYTES 32

struct hz_hls_wire {
	char kind;
	unsigned track;
	uint32_t bytes;
	int64_t pts, dts, mark_us;
};
int hz_hls_wire_parse(const uint8_t head[HZ_HLS_WIRE_BYTES], struct hz_hls_wire *ret); // -EBADMSG
// Does it. What the packager answers.
int hz_hls_wire_do(struct hz_hls *h, const struct hz_hls_wire *w, const uint8_t *data);

#endif

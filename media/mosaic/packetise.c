#include "media/mosaic/packetise.h"

#include <string.h>

#include "media/rtp/bytes.h"
#include "media/rtp/keyframe.h"

#define UNITS 64u // of a picture; an encoder of ours makes four

struct nal {
	const uint8_t *data;
	size_t bytes;
};

// Behind the next start code; the end without one.
static const uint8_t *next_nal(const uint8_t *p, const uint8_t *end)
{
	for (; p + 3 <= end; p++)
		if (p[0] == 0 && p[1] == 0 && p[2] == 1)
			return p + 3;
	return end;
}

// Only what receivers need: no delimiters, no text of the encoder's.
static unsigned split(const uint8_t *data, size_t bytes, struct nal nal[UNITS])
{
	const uint8_t *end = data + bytes, *at = next_nal(data, end);
	unsigned n = 0;
	while (at < end && n < UNITS) {
		const uint8_t *next = next_nal(at, end), *stop = next == end ? end : next - 3;
		while (stop > at && stop[-1] == 0 && next != end)
			stop--;
		unsigned type = at[0] & 0x1f;
		if (stop > at && type != HZ_H264_AUD && type != HZ_H264_SEI)
			nal[n++] = (struct nal){at, (size_t)(stop - at)};
		at = next;
	}
	return n;
}

static void fragment(const struct nal *nal, bool last, const struct hz_packetise_sink *sink)
{
	uint8_t buf[HZ_PACKETISE_BYTES];
	const uint8_t *at = nal->data + 1, *end = nal->data + nal->bytes;
	buf[0] = (uint8_t)((nal->data[0] & 0xe0) | HZ_H264_FU_A);
	for (bool first = true; at < end; first = false) {
		size_t left = (size_t)(end - at), n = left < sizeof(buf) - 2 ? left : sizeof(buf) - 2;
		buf[1] = (uint8_t)((nal->data[0] & 0x1f) | (first ? 0x80 : 0) | (n == left ? 0x40 : 0));
		memcpy(buf + 2, at, n);
		at += n;
		sink->emit(sink->ctx, buf, n + 2, last && at == end);
	}
}

static bool is_set(const struct nal *nal)
{
	unsigned type = nal->data[0] & 0x1f;
	return type == HZ_H264_SPS || type == HZ_H264_PPS;
}

// The parameter sets in front, in one packet. Returns how many units that were.
static unsigned aggregate(const struct nal *nal, unsigned count, const struct hz_packetise_sink *sink)
{
	uint8_t buf[HZ_PACKETISE_BYTES] = {0x60 | HZ_H264_STAP_A};
	size_t bytes = 1;
	unsigned n = 0;
	for (; n < count && is_set(&nal[n]) && bytes + 2 + nal[n].bytes <= sizeof(buf); n++) {
		hz_put16(buf + bytes, (uint16_t)nal[n].bytes);
		memcpy(buf + bytes + 2, nal[n].data, nal[n].bytes);
		bytes += 2 + nal[n].bytes;
	}
	if (n < 2)
		return 0;
	sink->emit(sink->ctx, buf, bytes, n == count);
	return n;
}

void hz_packetise_h264(const uint8_t *annexb, size_t bytes, const struct hz_packetise_sink *sink)
{
	struct nal nal[UNITS];
	unsigned count = split(annexb, bytes, nal);
	for (unsigned i = aggregate(nal, count, sink); i < count; i++) {
		if (nal[i].bytes > HZ_PACKETISE_BYTES)
			fragment(&nal[i], i + 1 == count, sink);
		else
			sink->emit(sink->ctx, nal[i].data, nal[i].bytes, i + 1 == count);
	}
}

void hz_packetise_vp8(const uint8_t *frame, size_t bytes, uint16_t picture_id,
                      const struct hz_packetise_sink *sink)
{
	uint8_t buf[HZ_PACKETISE_BYTES];
	for (size_t at = 0; at < bytes;) {
		size_t left = bytes - at, n = left < sizeof(buf) - 4 ? left : sizeof(buf) - 4;
		buf[0] = (uint8_t)(0x80 | (at == 0 ? 0x10 : 0)); // X; S, partition 0
		buf[1] = 0x80;                                   // I
		hz_put16(buf + 2, (uint16_t)(0x8000 | (picture_id & 0x7fff)));
		memcpy(buf + 4, frame + at, n);
		at += n;
		sink->emit(sink->ctx, buf, n + 4, at == bytes);
	}
}

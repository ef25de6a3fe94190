// VP8 of keyframe.h (RFC 7741 section 4.2 and 4.3).
#include "media/rtp/keyframe.h"

#include <errno.h>

#include "media/rtp/bytes.h"

// The extension fields; *at is moved behind them.
static int parse_extension(const uint8_t *p, size_t bytes, size_t *at, struct hz_vp8_descriptor *d)
{
	if (bytes < 2)
		return -EBADMSG;
	uint8_t x = p[1];
	*at = 2;
	if (x & 0x80) { // I
		if (bytes < *at + 1)
			return -EBADMSG;
		d->picture_id_at = (uint8_t)*at;
		d->picture_id_bits = p[*at] & 0x80 ? 15 : 7;
		if (d->picture_id_bits == 15 && bytes < *at + 2)
			return -EBADMSG;
		d->picture_id = d->picture_id_bits == 15 ? hz_get16(p + *at) & 0x7fff : p[*at];
		*at += d->picture_id_bits == 15 ? 2 : 1;
	}
	if (x & 0x40) { // L
		if (bytes < *at + 1)
			return -EBADMSG;
		d->tl0_at = (uint8_t)*at;
		d->tl0_pic_idx = p[(*at)++];
	}
	if (x & 0x30) { // T, K
		if (bytes < *at + 1)
			return -EBADMSG;
		d->key_at = (uint8_t)*at;
		d->has_tid = x & 0x20;
		d->has_keyidx = x & 0x10;
		d->temporal_id = d->has_tid ? p[*at] >> 6 : 0;
		d->layer_sync = d->has_tid && (p[*at] & 0x20);
		d->key_idx = d->has_keyidx ? p[*at] & 0x1f : 0;
		(*at)++;
	}
	return 0;
}

int hz_vp8_parse(const uint8_t *payload, size_t bytes, struct hz_vp8_descriptor *ret)
{
	struct hz_vp8_descriptor d = {0};
	size_t at = 1;
	if (bytes < 2)
		return -EBADMSG;
	if (payload[0] & 0x80) { // X
		int err = parse_extension(payload, bytes, &at, &d);
		if (err)
			return err;
	}
	if (bytes <= at)
		return -EBADMSG;
	d.header_bytes = (uint8_t)at;
	d.non_reference = payload[0] & 0x20;
	d.start = (payload[0] & 0x10) && (payload[0] & 0x07) == 0;
	d.keyframe = d.start && !(payload[at] & 0x01);
	const uint8_t *frame = payload + at;
	// RFC 6386 9.1: tag (3), start code (3), width and height little-endian with 2 bits of scale each
	if (d.keyframe && bytes - at >= 10 && frame[3] == 0x9d && frame[4] == 0x01 && frame[5] == 0x2a) {
		d.width = (uint16_t)((frame[7] << 8 | frame[6]) & 0x3fff);
		d.height = (uint16_t)((frame[9] << 8 | frame[8]) & 0x3fff);
	}
	*ret = d;
	return 0;
}

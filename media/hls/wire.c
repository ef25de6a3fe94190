#include "media/hls/wire.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"

int hz_hls_wire_parse(const uint8_t head[HZ_HLS_WIRE_BYTES], struct hz_hls_wire *ret)
{
	struct hz_hls_wire w = {.kind = (char)head[0],
	                        .track = head[1],
	                        .bytes = hz_get32(head + 4),
	                        .pts = (int64_t)hz_get64(head + 8),
	                        .dts = (int64_t)hz_get64(head + 16),
	                        .mark_us = (int64_t)hz_get64(head + 24)};
	bool unit = w.kind == 'U' || w.kind == 'S';
	if (!w.kind || !strchr("USTCRE", w.kind) || hz_get16(head + 2) || w.bytes > HZ_HLS_UNIT_BYTES ||
	    (!unit && w.bytes))
		return -EBADMSG;
	*ret = w;
	return 0;
}

int hz_hls_wire_do(struct hz_hls *h, const struct hz_hls_wire *w, const uint8_t *data)
{
	struct hz_hls_unit unit = {
	    .data = data, .bytes = w->bytes, .pts = w->pts, .dts = w->dts, .mark_us = w->mark_us};
	switch (w->kind) {
	case 'U':
		return hz_hls_push(h, w->track, &unit);
	case 'S':
		return hz_hls_slate(h, w->track, &unit);
	case 'T':
		return hz_hls_tick(h, w->mark_us);
	case 'C':
		return hz_hls_cut(h, w->mark_us);
	case 'R':
		return hz_hls_resume(h, w->mark_us);
	default:
		return hz_hls_end(h);
	}
}

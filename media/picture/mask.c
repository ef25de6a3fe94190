#include "media/picture/mask.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <libavutil/pixdesc.h>

static int down(unsigned part, int whole)
{
	int at = (int)((long)part * whole / HZ_MASK_UNIT) - HZ_MASK_MARGIN;
	return at < 0 ? 0 : at & ~1;
}

static int up(unsigned part, int whole)
{
	int at = (int)(((long)part * whole + HZ_MASK_UNIT - 1) / HZ_MASK_UNIT) + HZ_MASK_MARGIN;
	at = (at + 1) & ~1;
	return at > whole ? whole : at;
}

struct hz_rect hz_mask_rect(const uint16_t part[4], int width, int height)
{
	int x = down(part[0], width), y = down(part[1], height);
	return (struct hz_rect){x, y, up(part[0] + part[2], width) - x, up(part[1] + part[3], height) - y};
}

static void fill(uint8_t *row, int from, int count, const AVComponentDescriptor *c, unsigned value)
{
	for (int i = from; i < from + count; i++) {
		uint8_t *at = row + (long)i * c->step + c->offset;
		at[0] = (uint8_t)value;
		if (c->depth > 8)
			at[1] = (uint8_t)(value >> 8);
	}
}

static bool is_taken(const AVPixFmtDescriptor *d)
{
	const uint64_t strange = AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
	                         AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_BAYER |
	                         AV_PIX_FMT_FLAG_FLOAT;
	for (int i = 0; d && i < d->nb_components; i++) {
		if (d->comp[i].shift || d->comp[i].depth < 8 || d->comp[i].depth > 16)
			return false;
	}
	return d && !(d->flags & strange) && (d->nb_components == 1 || d->nb_components == 3);
}

int hz_mask_paint(AVFrame *frame, struct hz_rect rect, uint8_t luma)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(frame->format);
	if (!is_taken(d))
		return -ENOTSUP;
	for (int i = 0; i < d->nb_components; i++) {
		const AVComponentDescriptor *c = &d->comp[i];
		int across = i ? d->log2_chroma_w : 0, along = i ? d->log2_chroma_h : 0;
		int right = AV_CEIL_RSHIFT(rect.x + rect.w, across),
		    bottom = AV_CEIL_RSHIFT(rect.y + rect.h, along);
		unsigned value = (i ? 128u : luma) << (c->depth - 8);
		for (int y = rect.y >> along; y < bottom; y++)
			fill(frame->data[c->plane] + (long)y * frame->linesize[c->plane], rect.x >> across,
			     right - (rect.x >> across), c, value);
	}
	return 0;
}

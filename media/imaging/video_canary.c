#include "media/imaging/video_canary.h"

#include <libavutil/pixdesc.h>
#include <string.h>

#define BLOCK  16
#define FIRST  4 // filters of neighbours reach three samples into a block
#define LENGTH 8

// As likely as nothing: 64 bits and more.
static const uint8_t mark[2 * LENGTH] = {0xc3, 0x1e, 0x96, 0x02, 0x58, 0xf1, 0x2d, 0xa7,
                                         0x4b, 0x00, 0xe9, 0x03, 0x7d, 0x01, 0x34, 0x02};

static size_t cell_of(const AVFrame *f)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	return d && !(d->flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_PAL)) && d->comp[0].depth > 8 ? 2
	                                                                                                  : 1;
}

// The rows 7 and 8 of a block: one of each field.
static uint8_t *place(const AVFrame *f, int x, int row, size_t cell)
{
	return f->data[0] + (ptrdiff_t)row * f->linesize[0] + (size_t)(x + FIRST) * cell;
}

int hz_video_canary_buffer(AVCodecContext *context, AVFrame *frame, int flags)
{
	int err = avcodec_default_get_buffer2(context, frame, flags);
	if (err < 0)
		return err;
	size_t cell = cell_of(frame);
	for (int y = 0; y + 8 < frame->height; y += BLOCK) {
		for (int x = 0; x + FIRST + LENGTH <= frame->width; x += BLOCK) {
			memcpy(place(frame, x, y + 7, cell), mark, LENGTH * cell);
			memcpy(place(frame, x, y + 8, cell), mark, LENGTH * cell);
		}
	}
	++*(unsigned *)context->opaque;
	return 0;
}

bool hz_video_canary_alive(const AVFrame *frame)
{
	size_t cell = cell_of(frame);
	for (int y = 0; y + 8 < frame->height; y += BLOCK) {
		for (int x = 0; x + FIRST + LENGTH <= frame->width; x += BLOCK) {
			if (memcmp(place(frame, x, y + 7, cell), mark, LENGTH * cell) == 0 ||
			    memcmp(place(frame, x, y + 8, cell), mark, LENGTH * cell) == 0)
				return true;
		}
	}
	return false;
}

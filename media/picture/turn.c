#include "media/picture/turn.h"

#include <errno.h>
#include <stdbool.h>

#define BLOCK 32 // rows and columns that stay in the cache

struct plane {
	const uint8_t *from;
	uint8_t *to;
	int width, height; // of from
	int from_stride, to_stride;
};

static void turn_half(const struct plane *p)
{
	for (int y = 0; y < p->height; y++) {
		const uint8_t *in = p->from + (long)y * p->from_stride;
		uint8_t *out = p->to + (long)(p->height - 1 - y) * p->to_stride + p->width - 1;
		for (int x = 0; x < p->width; x++)
			*out-- = in[x];
	}
}

// A column of what comes becomes a row: downwards (clockwise: its last pixel first), or upwards.
static void turn_block(const struct plane *p, int x, int y, bool clockwise)
{
	int right = x + BLOCK < p->width ? x + BLOCK : p->width;
	int bottom = y + BLOCK < p->height ? y + BLOCK : p->height;
	for (int column = x; column < right; column++) {
		int row = clockwise ? column : p->width - 1 - column;
		uint8_t *out = p->to + (long)row * p->to_stride;
		const uint8_t *in = p->from + (long)y * p->from_stride + column;
		for (int i = y; i < bottom; i++, in += p->from_stride)
			out[clockwise ? p->height - 1 - i : i] = *in;
	}
}

static void turn_plane(const struct plane *p, unsigned quarters)
{
	if (quarters == 2) {
		turn_half(p);
		return;
	}
	for (int y = 0; y < p->height; y += BLOCK)
		for (int x = 0; x < p->width; x += BLOCK)
			turn_block(p, x, y, quarters == 1);
}

int hz_turn_frame(const AVFrame *from, unsigned quarters, AVFrame *to)
{
	bool side = quarters & 1;
	int width = side ? from->height : from->width, height = side ? from->width : from->height;
	if (from->format != AV_PIX_FMT_YUV420P && from->format != AV_PIX_FMT_YUVJ420P)
		return -ENOTSUP;
	if (to->width != width || to->height != height || to->format != from->format) {
		av_frame_unref(to);
		to->width = width;
		to->height = height;
		to->format = from->format;
		if (av_frame_get_buffer(to, 0) < 0) {
			av_frame_unref(to);
			return -ENOMEM;
		}
	}
	for (int i = 0; i < 3; i++) {
		int round = i ? 1 : 0;
		const struct plane p = {.from = from->data[i],
		                        .to = to->data[i],
		                        .width = (from->width + round) >> round,
		                        .height = (from->height + round) >> round,
		                        .from_stride = from->linesize[i],
		                        .to_stride = to->linesize[i]};
		turn_plane(&p, quarters);
	}
	return 0;
}

#include "media/picture/canvas.h"

#include <string.h>

static struct hz_rect clip(const struct hz_canvas *c, struct hz_rect r)
{
	int right = r.x + r.w < c->width ? r.x + r.w : c->width;
	int bottom = r.y + r.h < c->height ? r.y + r.h : c->height;
	r.x = r.x > 0 ? r.x : 0;
	r.y = r.y > 0 ? r.y : 0;
	r.w = right > r.x ? right - r.x : 0;
	r.h = bottom > r.y ? bottom - r.y : 0;
	return r;
}

void hz_canvas_fill(struct hz_canvas *canvas, struct hz_rect rect, struct hz_colour colour)
{
	const uint8_t value[3] = {colour.y, colour.cb, colour.cr};
	struct hz_rect r = clip(canvas, rect);
	for (int p = 0; p < 3; p++) {
		int shift = p > 0;
		for (int y = r.y >> shift; y < (r.y + r.h) >> shift; y++)
			memset(canvas->plane[p] + (long)y * canvas->stride[p] + (r.x >> shift), value[p],
			       (size_t)(r.w >> shift));
	}
}

void hz_canvas_frame(struct hz_canvas *canvas, struct hz_rect r, int width, struct hz_colour colour)
{
	hz_canvas_fill(canvas, (struct hz_rect){r.x, r.y, r.w, width}, colour);
	hz_canvas_fill(canvas, (struct hz_rect){r.x, r.y + r.h - width, r.w, width}, colour);
	hz_canvas_fill(canvas, (struct hz_rect){r.x, r.y, width, r.h}, colour);
	hz_canvas_fill(canvas, (struct hz_rect){r.x + r.w - width, r.y, width, r.h}, colour);
}

static uint8_t mixed(uint8_t below, uint8_t above, unsigned coverage)
{
	return (uint8_t)((below * (255 - coverage) + above * coverage + 127) / 255);
}

void hz_canvas_blend(struct hz_canvas *canvas, int x, int y, uint8_t coverage, struct hz_colour colour)
{
	if (x < 0 || y < 0 || x >= canvas->width || y >= canvas->height || coverage == 0)
		return;
	uint8_t *luma = canvas->plane[0] + (long)y * canvas->stride[0] + x;
	*luma = mixed(*luma, colour.y, coverage);
	for (int p = 1; p < 3; p++) {
		uint8_t *chroma = canvas->plane[p] + (long)(y / 2) * canvas->stride[p] + x / 2;
		*chroma = mixed(*chroma, p == 1 ? colour.cb : colour.cr, coverage / 4u);
	}
}

// Coverage from the distance to the edge, in sixteenths of a pixel.
void hz_canvas_disc(struct hz_canvas *canvas, int x, int y, int radius, struct hz_colour colour)
{
	long long outer = (long long)radius * radius;
	for (int dy = -radius; dy <= radius; dy++) {
		for (int dx = -radius; dx <= radius; dx++) {
			int inside = 0;
			for (int k = 0; k < 16; k++) {
				long long sx = 8 * dx + 2 * (k % 4) - 3, sy = 8 * dy + 2 * (k / 4) - 3;
				inside += sx * sx + sy * sy <= 64 * outer;
			}
			if (inside)
				hz_canvas_blend(canvas, x + dx, y + dy, (uint8_t)(inside * 255 / 16), colour);
		}
	}
}

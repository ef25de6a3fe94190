#include "media/live/view.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHIFT  16  // of coordinates
#define FAR    1e9 // pixels: beyond any image, within the arithmetic
#define REDUCE 64u // pixels on one that are averaged, each way

static double bounded(double v, double low, double high)
{
	return v >= low ? v <= high ? v : high : low; // and no NaN
}

void hz_live_map_make(const struct hz_live_view *view, const struct hz_live_plane *plane, struct hz_rect pane,
                      struct hz_live_map *ret)
{
	double sx = plane->spacing[0] > 0 ? plane->spacing[0] : 1,
	       sy = plane->spacing[1] > 0 ? plane->spacing[1] : 1;
	double angle = bounded(view->rotation, 0, 360) * M_PI / 180, s = sin(angle), c = cos(angle);
	double x = view->flip ? -1 : 1, zoom = bounded(view->zoom, 0.01, 1000);
	double right[2] = {c * x, -s}, up[2] = {-s * x, -c};
	bool quarter = fabs(s) > 0.5 && fabs(c) < 0.9;
	double w = plane->columns * sx, h = plane->rows * sy, pw = pane.w > 1 ? pane.w : 1,
	       ph = pane.h > 1 ? pane.h : 1;
	double seen_w = quarter ? h : w, seen_h = quarter ? w : h;
	double unit = fmax(seen_h, seen_w * ph / pw) / zoom / ph;
	double dx = -bounded(view->pan_x, -1000, 1000) * pw * unit,
	       dy = bounded(view->pan_y, -1000, 1000) * ph * unit;
	double focus[2] = {(plane->columns - 1) / 2.0 * sx + right[0] * dx + up[0] * dy,
	                   (plane->rows - 1) / 2.0 * sy + right[1] * dx + up[1] * dy};
	double px = pane.x + pw / 2 - 0.5, py = pane.y + ph / 2 - 0.5;
	double *m = ret->image, *b = ret->pane;
	m[0] = right[0] * unit / sx;
	m[1] = -up[0] * unit / sx;
	m[2] = focus[0] / sx - m[0] * px - m[1] * py;
	m[3] = right[1] * unit / sy;
	m[4] = -up[1] * unit / sy;
	m[5] = focus[1] / sy - m[3] * px - m[4] * py;
	b[0] = right[0] * sx / unit;
	b[1] = right[1] * sy / unit;
	b[2] = px - (focus[0] * right[0] + focus[1] * right[1]) / unit;
	b[3] = -up[0] * sx / unit;
	b[4] = -up[1] * sy / unit;
	b[5] = py + (focus[0] * up[0] + focus[1] * up[1]) / unit;
}

void hz_live_map_to_pane(const struct hz_live_map *map, const double image[2], double ret[2])
{
	const double *b = map->pane;
	ret[0] = b[0] * image[0] + b[1] * image[1] + b[2];
	ret[1] = b[3] * image[0] + b[4] * image[1] + b[5];
}

// --- many pixels on one

// Means of blocks of n x n; the last ones may be smaller.
static uint8_t *reduce(const struct hz_live_pixels *p, unsigned n, struct hz_live_pixels *ret)
{
	uint32_t columns = (p->columns + n - 1) / n, rows = (p->rows + n - 1) / n;
	uint8_t *out = malloc((size_t)columns * rows * p->channels);
	uint32_t *sum = calloc((size_t)columns * p->channels, sizeof(*sum));
	for (uint32_t r = 0; out && sum && r < rows; r++) {
		uint32_t last = (r + 1) * n < p->rows ? (r + 1) * n : p->rows, high = last - r * n;
		memset(sum, 0, (size_t)columns * p->channels * sizeof(*sum));
		for (uint32_t y = r * n; y < last; y++) {
			const uint8_t *at = p->data + (size_t)y * p->columns * p->channels;
			for (uint32_t c = 0, x = 0; c < columns; c++)
				for (unsigned k = 0; k < n && x < p->columns; k++, x++)
					for (unsigned i = 0; i < p->channels; i++)
						sum[c * p->channels + i] += *at++;
		}
		for (uint32_t c = 0; c < columns; c++) {
			uint32_t wide = (c + 1) * n <= p->columns ? n : p->columns - c * n,
			         count = wide * high;
			for (unsigned i = 0; i < p->channels; i++)
				out[((size_t)r * columns + c) * p->channels + i] =
				    (uint8_t)((sum[c * p->channels + i] + count / 2) / count);
		}
	}
	free(sum);
	*ret = (struct hz_live_pixels){columns, rows, p->channels, out};
	return out;
}

// --- sampling

struct walk {
	const struct hz_live_pixels *p;
	int64_t x, y, dx, dy; // fixed point
};

// The four neighbours and how far between them; false: outside. Half a pixel around the outermost is theirs.
static bool at(const struct walk *w, const uint8_t *ret[4], unsigned *fx, unsigned *fy)
{
	const int64_t half = 1 << (SHIFT - 1), right = ((int64_t)w->p->columns << SHIFT) - half,
	              bottom = ((int64_t)w->p->rows << SHIFT) - half;
	if (w->x < -half || w->y < -half || w->x >= right || w->y >= bottom)
		return false;
	int64_t x = w->x < 0 ? 0 : w->x, y = w->y < 0 ? 0 : w->y;
	int64_t c = x >> SHIFT, r = y >> SHIFT;
	size_t step = c + 1 < w->p->columns ? w->p->channels : 0;
	size_t line = r + 1 < w->p->rows ? (size_t)w->p->columns * w->p->channels : 0;
	ret[0] = w->p->data + ((size_t)r * w->p->columns + (size_t)c) * w->p->channels;
	ret[1] = ret[0] + step;
	ret[2] = ret[0] + line;
	ret[3] = ret[2] + step;
	*fx = (unsigned)(x >> (SHIFT - 8)) & 0xff;
	*fy = (unsigned)(y >> (SHIFT - 8)) & 0xff;
	return true;
}

static unsigned between(const uint8_t *const n[4], unsigned i, unsigned fx, unsigned fy)
{
	unsigned top = n[0][i] * (256 - fx) + n[1][i] * fx, bottom = n[2][i] * (256 - fx) + n[3][i] * fx;
	return (top * (256 - fy) + bottom * fy + 32768) >> 16;
}

static void begin(struct walk *w, const struct hz_live_pixels *p, const double m[6], int x, int y)
{
	const double one = 1 << SHIFT;
	w->p = p;
	w->x = (int64_t)(bounded(m[0] * x + m[1] * y + m[2], -FAR, FAR) * one);
	w->y = (int64_t)(bounded(m[3] * x + m[4] * y + m[5], -FAR, FAR) * one);
	w->dx = (int64_t)(bounded(m[0], -FAR / 65536, FAR / 65536) * one);
	w->dy = (int64_t)(bounded(m[3], -FAR / 65536, FAR / 65536) * one);
}

static void luma_table(uint8_t ret[256])
{
	for (unsigned i = 0; i < 256; i++)
		ret[i] = (uint8_t)(16 + (i * 219 + 127) / 255);
}

static void paint_grey(struct hz_canvas *canvas, struct hz_rect pane, const struct hz_live_pixels *p,
                       const double m[6])
{
	const uint8_t *n[4];
	uint8_t luma[256];
	unsigned fx, fy;
	struct walk w;
	luma_table(luma);
	for (int y = pane.y; y < pane.y + pane.h; y++) {
		uint8_t *to = canvas->plane[0] + (long)y * canvas->stride[0] + pane.x;
		begin(&w, p, m, pane.x, y);
		for (int i = 0; i < pane.w; i++, w.x += w.dx, w.y += w.dy)
			to[i] = at(&w, n, &fx, &fy) ? luma[between(n, 0, fx, fy)] : luma[0];
	}
}

// --- not turned: what is the same in all rows, and in all columns, is worked out once

struct column {
	uint32_t at; // of its left neighbour
	uint16_t f;
	bool inside;
};

static struct column *columns_of(const struct hz_live_pixels *p, struct hz_rect pane, const double m[6])
{
	struct column *column = calloc((size_t)pane.w, sizeof(*column));
	const uint8_t *n[4];
	unsigned fx, fy;
	struct walk w;
	const double flat[6] = {m[0], 0, m[2], 0, 0, 0};
	begin(&w, p, flat, pane.x, pane.y);
	for (int i = 0; column && i < pane.w; i++, w.x += w.dx) {
		if (!at(&w, n, &fx, &fy))
			continue;
		column[i] =
		    (struct column){.at = (uint32_t)(n[0] - p->data), .f = (uint16_t)fx, .inside = true};
	}
	return column;
}

static int paint_straight(struct hz_canvas *canvas, struct hz_rect pane, const struct hz_live_pixels *p,
                          const double m[6])
{
	struct column *column = columns_of(p, pane, m);
	uint16_t *line = malloc((p->columns + 1) * sizeof(*line)); // between two rows
	const double flat[6] = {0, 0, 0, 0, m[4], m[5]};
	const uint8_t *n[4];
	uint8_t luma[256];
	unsigned fx, fy;
	struct walk w;
	luma_table(luma);
	for (int y = pane.y; column && line && y < pane.y + pane.h; y++) {
		uint8_t *to = canvas->plane[0] + (long)y * canvas->stride[0] + pane.x;
		begin(&w, p, flat, pane.x, y);
		if (!at(&w, n, &fx, &fy))
			continue; // it is black
		for (uint32_t c = 0; c < p->columns; c++)
			line[c] = (uint16_t)(n[0][c] * (256 - fy) + n[2][c] * fy);
		line[p->columns] = line[p->columns - 1];
		for (int i = 0; i < pane.w; i++) {
			const uint16_t *l = line + column[i].at;
			unsigned v =
			    (l[0] * (256u - column[i].f) + l[1] * (unsigned)column[i].f + 32768) >> 16;
			to[i] = luma[column[i].inside ? v : 0];
		}
	}
	bool short_of = !column || !line;
	free(column);
	free(line);
	return short_of ? -ENOMEM : 0;
}

// BT.601, limited range; in 1/65536.
static uint8_t luma_of(const unsigned c[3])
{
	return (uint8_t)((16 * 65536 + 16829 * c[0] + 33039 * c[1] + 6416 * c[2] + 32768) >> 16);
}

static void chroma(struct hz_canvas *canvas, int x, int y, const int sum[3]) // of four pixels
{
	long long r = sum[0], g = sum[1], b = sum[2];
	canvas->plane[1][(long)(y / 2) * canvas->stride[1] + x / 2] =
	    (uint8_t)((4 * 128 * 65536 - 9714 * r - 19070 * g + 28784 * b + 2 * 65536) >> 18);
	canvas->plane[2][(long)(y / 2) * canvas->stride[2] + x / 2] =
	    (uint8_t)((4 * 128 * 65536 + 28784 * r - 24103 * g - 4681 * b + 2 * 65536) >> 18);
}

static void paint_rgb(struct hz_canvas *canvas, struct hz_rect pane, const struct hz_live_pixels *p,
                      const double m[6])
{
	const uint8_t *n[4];
	unsigned fx, fy;
	struct walk w[2];
	for (int y = pane.y; y < pane.y + pane.h; y += 2) {
		begin(&w[0], p, m, pane.x, y);
		begin(&w[1], p, m, pane.x, y + 1);
		for (int x = pane.x; x < pane.x + pane.w; x += 2) {
			int sum[3] = {0};
			for (int k = 0; k < 4; k++) {
				struct walk *at_row = &w[k / 2];
				unsigned c[3] = {0};
				bool inside = at(at_row, n, &fx, &fy);
				for (unsigned i = 0; inside && i < 3; i++)
					c[i] = between(n, i, fx, fy);
				for (unsigned i = 0; i < 3; i++)
					sum[i] += (int)c[i];
				canvas->plane[0][(long)(y + k / 2) * canvas->stride[0] + x + k % 2] =
				    luma_of(c);
				at_row->x += at_row->dx;
				at_row->y += at_row->dy;
			}
			chroma(canvas, x, y, sum);
		}
	}
}

int hz_live_paint(struct hz_canvas *canvas, struct hz_rect pane, const struct hz_live_pixels *pixels,
                  const struct hz_live_map *map)
{
	struct hz_live_pixels p = *pixels;
	uint8_t *made = NULL;
	double m[6];
	memcpy(m, map->image, sizeof(m));
	double step = fmax(hypot(m[0], m[3]), hypot(m[1], m[4]));
	unsigned n = step >= 2 ? (unsigned)bounded(step, 2, REDUCE) : 1;
	hz_canvas_fill(canvas, pane, (struct hz_colour){16, 128, 128});
	if (n > 1) {
		made = reduce(pixels, n, &p);
		if (!made)
			return -ENOMEM;
		for (unsigned i = 0; i < 6; i++)
			m[i] /= n;
		m[2] -= (n - 1) / (2.0 * n); // the middle of the first block
		m[5] -= (n - 1) / (2.0 * n);
	}
	int err = 0;
	if (p.channels == 3)
		paint_rgb(canvas, pane, &p, m);
	else if (fabs(m[1]) < 1e-9 && fabs(m[3]) < 1e-9)
		err = paint_straight(canvas, pane, &p, m);
	else
		paint_grey(canvas, pane, &p, m);
	free(made);
	return err;
}

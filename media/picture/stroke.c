#include "media/picture/stroke.h"

#include <math.h>
#include <stdbool.h>

#define ROUND 48 // lines that an ellipse is made of
#define FAR   1e7

struct point {
	double x, y;
};

static struct hz_colour colour_of(uint32_t rgb)
{
	double r = rgb >> 16 & 0xff, g = rgb >> 8 & 0xff, b = rgb & 0xff;
	return (struct hz_colour){.y = (uint8_t)(16.5 + 0.2568 * r + 0.5041 * g + 0.0979 * b),
	                          .cb = (uint8_t)(128.5 - 0.1482 * r - 0.2910 * g + 0.4392 * b),
	                          .cr = (uint8_t)(128.5 + 0.4392 * r - 0.3678 * g - 0.0714 * b)};
}

static struct point point_of(const struct hz_stroke_paper *p, const struct hz_stroke *mark, unsigned i)
{
	const double image[2] = {mark->point[i][0], mark->point[i][1]};
	double pane[2];
	p->to_pane(p->map, image, pane);
	for (unsigned k = 0; k < 2; k++)
		pane[k] = pane[k] > -FAR ? pane[k] < FAR ? pane[k] : FAR : -FAR;
	return (struct point){pane[0], pane[1]};
}

// Liang-Barsky: the part of t in *from..*to where start + t * delta lies in low..high; false: none.
static bool clip(double start, double delta, double low, double high, double *from, double *to)
{
	if (fabs(delta) < 1e-9)
		return start >= low && start <= high;
	double a = (low - start) / delta, b = (high - start) / delta;
	*from = fmax(*from, fmin(a, b));
	*to = fmin(*to, fmax(a, b));
	return *from <= *to;
}

// Along its longer direction, as wide as it is across that; ends are blunt.
static void line(const struct hz_stroke_paper *p, struct point a, struct point b, struct hz_colour colour)
{
	const struct hz_rect r = p->pane;
	double from = 0, to = 1, half = p->width / 2;
	if (!clip(a.x, b.x - a.x, r.x, r.x + r.w - 1, &from, &to) ||
	    !clip(a.y, b.y - a.y, r.y, r.y + r.h - 1, &from, &to))
		return;
	struct point s = {a.x + (b.x - a.x) * from, a.y + (b.y - a.y) * from},
	             e = {a.x + (b.x - a.x) * to, a.y + (b.y - a.y) * to};
	bool steep = fabs(e.y - s.y) > fabs(e.x - s.x);
	double length = steep ? e.y - s.y : e.x - s.x,
	       slope = length ? (steep ? e.x - s.x : e.y - s.y) / length : 0;
	double across = sqrt(1 + slope * slope), reach = half * across + 1;
	int count = (int)(fabs(length) + 1.5), sign = length < 0 ? -1 : 1;
	for (int i = 0; i < count; i++) {
		double middle = (steep ? s.x : s.y) + slope * i * sign;
		int major = (int)floor((steep ? s.y : s.x) + i * sign + 0.5);
		for (int minor = (int)ceil(middle - reach); minor <= (int)floor(middle + reach); minor++) {
			double covered = half + 0.5 - fabs(minor - middle) / across;
			int x = steep ? minor : major, y = steep ? major : minor;
			if (covered <= 0 || x < r.x || y < r.y || x >= r.x + r.w || y >= r.y + r.h)
				continue;
			hz_canvas_blend(p->canvas, x, y, (uint8_t)(255 * fmin(covered, 1)), colour);
		}
	}
}

static void arrow(const struct hz_stroke_paper *p, struct point tip, struct point tail,
                  struct hz_colour colour)
{
	double dx = tail.x - tip.x, dy = tail.y - tip.y, length = hypot(dx, dy), head = p->width * 6;
	line(p, tip, tail, colour);
	if (length < 1)
		return;
	dx *= head / length;
	dy *= head / length;
	for (int side = -1; side <= 1; side += 2) {
		const double c = cos(0.45), s = sin(0.45) * side;
		line(p, tip, (struct point){tip.x + dx * c - dy * s, tip.y + dx * s + dy * c}, colour);
	}
}

// Upright in the image: turned with it.
static void round_or_not(const struct hz_stroke_paper *p, const struct hz_stroke *mark,
                         struct hz_colour colour)
{
	double x0 = mark->point[0][0], y0 = mark->point[0][1], x1 = mark->point[1][0], y1 = mark->point[1][1];
	bool box = mark->kind == HZ_STROKE_RECTANGLE;
	const double corner[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
	unsigned n = box ? 4 : ROUND;
	struct point before = {0, 0};
	for (unsigned i = 0; i <= n; i++) {
		double angle = 2 * M_PI * i / ROUND, u = box ? corner[i % 4][0] : cos(angle),
		       v = box ? corner[i % 4][1] : sin(angle);
		const double image[2] = {(x0 + x1) / 2 + u * (x1 - x0) / 2,
		                         (y0 + y1) / 2 + v * (y1 - y0) / 2};
		double pane[2];
		p->to_pane(p->map, image, pane);
		struct point now = {fmax(-FAR, fmin(FAR, pane[0])), fmax(-FAR, fmin(FAR, pane[1]))};
		if (i)
			line(p, before, now, colour);
		before = now;
	}
}

static void cross(const struct hz_stroke_paper *p, struct point at, struct hz_colour colour)
{
	double arm = p->width * 4;
	line(p, (struct point){at.x - arm, at.y}, (struct point){at.x + arm, at.y}, colour);
	line(p, (struct point){at.x, at.y - arm}, (struct point){at.x, at.y + arm}, colour);
}

static void words(const struct hz_stroke_paper *p, const char *text, struct point at, struct hz_colour colour)
{
	const struct hz_rect r = p->pane;
	int size = (int)(p->width * 8), x = (int)at.x + size / 2, y = (int)at.y - size / 2;
	if (!p->text || !text[0] || at.x < r.x || at.y < r.y || at.x >= r.x + r.w || at.y >= r.y + r.h)
		return;
	int wide = r.x + r.w - x, high = size * 3 / 2;
	y = y < r.y ? r.y : y + high > r.y + r.h ? r.y + r.h - high : y;
	if (wide < size) { // at the right edge: to its left
		x = r.x;
		wide = (int)at.x - r.x - size / 2;
	}
	const struct hz_text_line with = {.utf8 = text,
	                                  .box = {x & ~1, y & ~1, wide & ~1, high & ~1},
	                                  .size = size,
	                                  .align = HZ_TEXT_LEFT,
	                                  .colour = colour};
	if (wide >= size)
		(void)hz_text_draw(p->text, p->canvas, &with);
}

void hz_stroke_draw(const struct hz_stroke_paper *paper, const struct hz_stroke *mark)
{
	struct hz_colour colour = colour_of(mark->rgb);
	unsigned n = mark->points < HZ_STROKE_POINTS ? mark->points : HZ_STROKE_POINTS;
	if (n == 0)
		return;
	struct point first = point_of(paper, mark, 0), second = n > 1 ? point_of(paper, mark, 1) : first;
	if (mark->kind == HZ_STROKE_POINT || (n == 1 && mark->kind != HZ_STROKE_TEXT))
		cross(paper, first, colour);
	else if (mark->kind == HZ_STROKE_ARROW)
		arrow(paper, second, first, colour); // its head is at its end
	else if (mark->kind == HZ_STROKE_RECTANGLE || mark->kind == HZ_STROKE_ELLIPSE)
		round_or_not(paper, mark, colour);
	else if (mark->kind != HZ_STROKE_TEXT) {
		struct point before = first;
		for (unsigned i = 1; i < n; i++) {
			struct point now = point_of(paper, mark, i);
			line(paper, before, now, colour);
			before = now;
		}
		if (mark->kind == HZ_STROKE_POLYGON)
			line(paper, before, first, colour);
	}
	words(paper, mark->text, mark->kind == HZ_STROKE_TEXT ? first : point_of(paper, mark, n - 1), colour);
}

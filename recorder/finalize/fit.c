#include "recorder/finalize/fit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE      240      // points that the slope is taken from: so many pairs are affordable
#define SLOPE_US    20000000 // the points must span that much for a slope
#define SLOPE_COUNT 6
#define SLOPE_MOST  1e-3
#define KNOTS       100000

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

// Theil and Sen: the median of the slopes of all pairs, of a sample.
static int slope_of(const struct hz_fit_point *p, size_t count, double *ret)
{
	size_t n = count < SAMPLE ? count : SAMPLE, pairs = 0;
	double slope = 0;
	if (count < SLOPE_COUNT || p[count - 1].x - p[0].x < SLOPE_US) {
		*ret = 0;
		return 0;
	}
	double *list = malloc(n * (n - 1) / 2 * sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct hz_fit_point *a = &p[i * (count - 1) / (n - 1)];
		for (size_t k = i + 1; k < n; k++) {
			const struct hz_fit_point *b = &p[k * (count - 1) / (n - 1)];
			if (b->x - a->x >= SLOPE_US / 4)
				list[pairs++] = (double)(b->y - a->y) / (double)(b->x - a->x);
		}
	}
	if (pairs) {
		qsort(list, pairs, sizeof(*list), by_double);
		slope = list[pairs / 2];
	}
	free(list);
	*ret = fabs(slope) <= SLOPE_MOST ? slope : 0;
	return 0;
}

static int64_t part_of_slope(const struct hz_fit *fit, int64_t x)
{
	return llround(fit->slope * (double)(x - fit->origin));
}

static int64_t pick(enum hz_fit_kind kind, int64_t *list, size_t n)
{
	if (kind == HZ_FIT_MIDDLE) {
		qsort(list, n, sizeof(*list), by_value);
		return n % 2 ? list[n / 2] : list[n / 2 - 1] + (list[n / 2] - list[n / 2 - 1]) / 2;
	}
	int64_t least = list[0];
	for (size_t i = 1; i < n; i++)
		least = list[i] < least ? list[i] : least;
	return least;
}

static int make_knots(enum hz_fit_kind kind, const struct hz_fit_point *p, size_t count, int64_t step_us,
                      int64_t reach_us, struct hz_fit *fit)
{
	int64_t span = p[count - 1].x - p[0].x;
	if (span / step_us > KNOTS)
		step_us = span / KNOTS + 1;
	size_t most = (size_t)(span / step_us) + 2, first = 0;
	int64_t *list = malloc(count * sizeof(*list));
	fit->knot = calloc(most, sizeof(*fit->knot));
	if (!list || !fit->knot) {
		free(list);
		return -ENOMEM;
	}
	for (size_t k = 0; k < most; k++) {
		int64_t x = p[0].x + (int64_t)k * step_us;
		size_t n = 0;
		while (first < count && p[first].x < x - reach_us)
			first++;
		for (size_t i = first; i < count && p[i].x <= x + reach_us; i++)
			list[n++] = p[i].y - part_of_slope(fit, p[i].x);
		if (n)
			fit->knot[fit->count++] = (struct hz_fit_point){x, pick(kind, list, n)};
	}
	free(list);
	return 0;
}

int hz_fit_make(enum hz_fit_kind kind, const struct hz_fit_point *points, size_t count, int64_t step_us,
                int64_t reach_us, struct hz_fit *ret)
{
	struct hz_fit fit = {0};
	int err = 0;
	if (count) {
		fit.origin = points[0].x;
		err = slope_of(points, count, &fit.slope);
		if (!err)
			err = make_knots(kind, points, count, step_us, reach_us, &fit);
	}
	if (err)
		hz_fit_done(&fit);
	else
		*ret = fit;
	return err;
}

int64_t hz_fit_at(const struct hz_fit *fit, int64_t x)
{
	int64_t base = part_of_slope(fit, x);
	const struct hz_fit_point *k = fit->knot;
	size_t low = 0, high = fit->count;
	if (!fit->count)
		return base;
	if (x <= k[0].x)
		return base + k[0].y;
	if (x >= k[fit->count - 1].x)
		return base + k[fit->count - 1].y;
	while (high - low > 1) { // k[low].x <= x < k[high].x
		size_t mid = (low + high) / 2;
		if (k[mid].x <= x)
			low = mid;
		else
			high = mid;
	}
	double part = (double)(x - k[low].x) / (double)(k[high].x - k[low].x);
	return base + k[low].y + llround(part * (double)(k[high].y - k[low].y));
}

void hz_fit_done(struct hz_fit *fit)
{
	free(fit->knot);
	*fit = (struct hz_fit){0};
}

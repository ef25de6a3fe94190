// Robust fits of clocks: a slope, and what is left as a polygon. Values are microseconds, x ascending. Pure but for memory.
#ifndef HZ_RECORDER_FINALIZE_FIT_H
#define HZ_RECORDER_FINALIZE_FIT_H

#include <stddef.h>
#include <stdint.h>

struct hz_fit_point {
	int64_t x, y;
};

struct hz_fit {
	double slope;              // of y over x
	int64_t origin;            // x where the slope's part is 0
	struct hz_fit_point *knot; // owned: what is left, x ascending
	size_t count;
};

enum hz_fit_kind {
	HZ_FIT_MIDDLE, // through the middle of the points: noise on both sides
	HZ_FIT_LOWER,  // along their lower edge: noise only adds
};

// Knots every `step_us`, each from the points within `reach_us`. The slope is taken where there is enough for it, and no
// more than 1,000 ppm. Points may be none: then y is 0. -ENOMEM.
int hz_fit_make(enum hz_fit_kind kind, const struct hz_fit_point *points, size_t count, int64_t step_us,
                int64_t reach_us, struct hz_fit *ret);
int64_t hz_fit_at(const struct hz_fit *fit, int64_t x);
void hz_fit_done(struct hz_fit *fit);

#endif

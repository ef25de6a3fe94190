#include "media/cc/trend.h"

#include <math.h>
#include <string.h>

#define GROUP_US     5000
#define LEAP_US      3000000 // of either clock between groups: begins anew
#define GAIN         4.0
#define MAX_POINTS   60
#define SMOOTH       0.9
#define THRESHOLD_MS 12.5
#define LEAST_MS     6.0
#define MOST_MS      600.0
#define UP           0.0087
#define DOWN         0.039
#define OVER_MS      10.0

void hz_trend_init(struct hz_trend *t)
{
	memset(t, 0, sizeof(*t));
	t->threshold_ms = THRESHOLD_MS;
}

static double slope_of(const struct hz_trend *t, unsigned count)
{
	double x = 0, y = 0, over = 0, under = 0;
	for (unsigned i = 0; i < count; i++) {
		x += (double)t->point[i].at_ms;
		y += (double)t->point[i].delay_ms;
	}
	x /= count;
	y /= count;
	for (unsigned i = 0; i < count; i++) {
		double dx = (double)t->point[i].at_ms - x;
		over += dx * ((double)t->point[i].delay_ms - y);
		under += dx * dx;
	}
	return under > 0 ? over / under : t->slope;
}

static void adapt(struct hz_trend *t, double value, int64_t now_us)
{
	double gap = fabs(value) - t->threshold_ms;
	double ms = t->updated_us ? (double)(now_us - t->updated_us) / 1000.0 : 0;
	t->updated_us = now_us;
	if (gap > 15.0) // a leap of the path says nothing about how noisy it is
		return;
	if (ms > 100)
		ms = 100;
	t->threshold_ms += (gap < 0 ? DOWN : UP) * gap * ms;
	t->threshold_ms = fmin(fmax(t->threshold_ms, LEAST_MS), MOST_MS);
}

static void judge(struct hz_trend *t, double slope, double gap_ms, int64_t now_us)
{
	double points = t->points < MAX_POINTS ? t->points : MAX_POINTS;
	double value = slope * points * GAIN;
	if (value > t->threshold_ms) {
		t->over_ms += t->over_count ? gap_ms : gap_ms / 2;
		if (t->over_count < UINT8_MAX)
			t->over_count++;
		if (t->over_ms > OVER_MS && t->over_count > 1 && slope >= t->slope)
			t->usage = HZ_CC_OVER;
	} else {
		t->over_ms = 0;
		t->over_count = 0;
		t->usage = value < -t->threshold_ms ? HZ_CC_UNDER : HZ_CC_NORMAL;
	}
	t->slope = slope;
	adapt(t, value, now_us);
}

static void on_groups(struct hz_trend *t)
{
	double sent_ms = (double)(t->now.last_sent_us - t->before.last_sent_us) / 1000.0;
	double came_ms = (double)(t->now.arrival_us - t->before.arrival_us) / 1000.0;
	if (!t->zero_us)
		t->zero_us = t->before.arrival_us - 1;
	t->delay_ms += came_ms - sent_ms;
	t->smooth_ms = SMOOTH * t->smooth_ms + (1 - SMOOTH) * t->delay_ms;
	unsigned at = t->points % HZ_TREND_POINTS;
	t->point[at].at_ms = (float)((double)(t->now.arrival_us - t->zero_us) / 1000.0);
	t->point[at].delay_ms = (float)t->smooth_ms;
	t->points++;
	unsigned count = t->points < HZ_TREND_POINTS ? t->points : HZ_TREND_POINTS;
	// A line through a few points of 25 pictures a second tells enough; all twenty would be most of a second.
	if (count >= 4)
		judge(t, slope_of(t, count), sent_ms, t->now.last_sent_us);
	if (t->points >= 1000000)
		t->points = MAX_POINTS / HZ_TREND_POINTS * HZ_TREND_POINTS + at + 1;
}

static void begin(struct hz_trend *t, int64_t sent_us, int64_t arrival_us)
{
	t->now = (struct hz_trend_group){sent_us, sent_us, arrival_us, 1};
}

// The network handed over in one go what was sent apart (radio links do): still one group.
static bool burst(const struct hz_trend *t, int64_t sent_us, int64_t arrival_us)
{
	int64_t sent = sent_us - t->now.last_sent_us, came = arrival_us - t->now.arrival_us;
	return came - sent < 0 && came <= 5000 && arrival_us - t->now.arrival_us >= 0 &&
	       sent_us - t->now.first_sent_us < 100000;
}

void hz_trend_add(struct hz_trend *t, int64_t sent_us, int64_t arrival_us)
{
	if (!t->now.valid) {
		begin(t, sent_us, arrival_us);
		return;
	}
	int64_t sent = sent_us - t->now.last_sent_us, came = arrival_us - t->now.arrival_us;
	if (sent > LEAP_US || sent < -LEAP_US || came > LEAP_US || came < -LEAP_US) {
		double threshold = t->threshold_ms;
		hz_trend_init(t);
		t->threshold_ms = threshold;
		begin(t, sent_us, arrival_us);
		return;
	}
	if (sent_us < t->now.first_sent_us)
		return; // reordered
	if (sent_us - t->now.first_sent_us <= GROUP_US || burst(t, sent_us, arrival_us)) {
		if (sent_us > t->now.last_sent_us)
			t->now.last_sent_us = sent_us;
		if (arrival_us > t->now.arrival_us)
			t->now.arrival_us = arrival_us;
		return;
	}
	if (t->before.valid)
		on_groups(t);
	t->before = t->now;
	begin(t, sent_us, arrival_us);
}

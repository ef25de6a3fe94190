#include "media/cc/aimd.h"

#include <math.h>
#include <string.h>

#include "media/cc/cc.h"

#define DOWN       0.85
#define DOWN_A_BIT 0.93
#define UP_A_SEC   1.08
#define UNPROVEN   1.03 // a second, against what is known
#define PACKET_BIT 9600.0
#define QUIET_US   40000

void hz_aimd_init(struct hz_aimd *a, double bps)
{
	memset(a, 0, sizeof(*a));
	a->bps = bps;
}

void hz_aimd_set(struct hz_aimd *a, double bps)
{
	a->bps = fmin(fmax(bps, HZ_CC_MIN_BPS), HZ_CC_MAX_BPS);
}

void hz_aimd_lower(struct hz_aimd *a, double factor, int64_t now_us)
{
	hz_aimd_set(a, a->bps * factor);
	a->lowered_us = now_us;
}

static void learn_link(struct hz_aimd *a, double arrived)
{
	if (!(a->link_bps > 0)) {
		a->link_bps = arrived;
		a->link_dev = 0.1;
		return;
	}
	double off = (arrived - a->link_bps) / a->link_bps;
	if (fabs(off) > 3 * a->link_dev) { // another link, so to say
		a->link_bps = arrived;
		a->link_dev = 0.1;
		return;
	}
	a->link_bps += 0.05 * (arrived - a->link_bps);
	a->link_dev = fmin(fmax(sqrt(0.95 * a->link_dev * a->link_dev + 0.05 * off * off), 0.05), 0.2);
}

static void decrease(struct hz_aimd *a, const struct hz_aimd_in *in)
{
	double arrived = in->arrived_bps;
	// All that is sent arrives: the queue is not, or hardly, of our making, and what we send is not what it carries.
	bool all = arrived >= 0.85 * in->sent_bps;
	int64_t since = in->now_us - a->lowered_us;
	int64_t wait = in->rtt_us < 100000 ? 100000 : in->rtt_us;
	if (a->lowered_us && since < wait && (all || arrived > a->bps / 2))
		return;
	if (arrived <= 0) {
		hz_aimd_lower(a, DOWN, in->now_us);
		return;
	}
	double bps = all ? DOWN * fmin(a->bps, 1.5 * arrived + 10000) : DOWN * arrived;
	// A burst of ours went through a link that carries all of it on average.
	if (all && in->queue_us < 2 * QUIET_US)
		bps = fmax(bps, DOWN_A_BIT * fmax(a->bps, arrived));
	if (!all)
		learn_link(a, arrived);
	// Whatever the guess before: that much got through just now.
	if (bps < a->bps || a->bps < DOWN * arrived)
		hz_aimd_set(a, fmax(bps, DOWN * arrived));
	a->lowered_us = in->now_us;
}

static void increase(struct hz_aimd *a, const struct hz_aimd_in *in)
{
	double dt = a->at_us ? (double)(in->now_us - a->at_us) / 1e6 : 0;
	double arrived = in->arrived_bps;
	double most = arrived > 0 ? 1.2 * arrived + 8000 : a->bps; // the rest is for probes to find
	dt = fmin(fmax(dt, 0), 1);
	// What arrives is carried, unless it comes out of a queue.
	if (arrived > a->bps && in->queue_us < QUIET_US)
		hz_aimd_set(a, arrived);
	if (a->link_bps > 0 && arrived > a->link_bps * (1 + 3 * a->link_dev))
		a->link_bps = 0;
	if (in->now_us - a->lowered_us < in->rtt_us || in->queue_us > 2 * QUIET_US)
		return;
	if (a->bps >= most) {
		// On nothing but hope; slowly where the link was found full, which is no hope.
		double up = a->link_bps > 0 ? UNPROVEN : UP_A_SEC;
		if (a->bps < in->unproven_bps)
			hz_aimd_set(a, fmin(a->bps * pow(up, dt), in->unproven_bps));
		return;
	}
	bool near = a->link_bps > 0 && a->bps > a->link_bps * (1 - 3 * a->link_dev);
	double bps = a->bps;
	if (near)
		bps += fmax(4000, PACKET_BIT / fmax((double)in->rtt_us / 1e6, 0.1) / 2) * dt;
	else
		bps *= pow(UP_A_SEC, dt);
	hz_aimd_set(a, fmin(bps, most));
}

void hz_aimd_update(struct hz_aimd *a, const struct hz_aimd_in *in)
{
	if (in->usage == HZ_CC_OVER)
		decrease(a, in);
	else if (in->usage == HZ_CC_NORMAL)
		increase(a, in);
	a->at_us = in->now_us;
}

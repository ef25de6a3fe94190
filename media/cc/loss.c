#include "media/cc/loss.h"

#include <math.h>
#include <string.h>

#define WINDOW_US      400000
#define WINDOW_MAX_US  2000000
#define WINDOW_PACKETS 30u
#define LEAST_PACKETS  10u
#define TAIL_LOSS      0.04
#define TAIL_US        4000
#define TRIES          3 // windows that a lower rate has to show an effect

void hz_loss_init(struct hz_loss *l)
{
	memset(l, 0, sizeof(*l));
}

void hz_loss_add(struct hz_loss *l, bool lost, int64_t now_us)
{
	if (!l->began_us)
		l->began_us = now_us;
	l->sent++;
	l->lost += lost;
	if (lost)
		l->ahead_us += l->last_us;
}

void hz_loss_wait(struct hz_loss *l, int64_t wait_us)
{
	l->last_us = wait_us;
	l->wait_us += wait_us;
}

void hz_loss_late(struct hz_loss *l)
{
	if (l->lost)
		l->lost--;
}

// Grew beyond what chance gives a window of this size.
static bool grew(double now, double than, double packets)
{
	double p = fmax(than, 0.01);
	return now > than + 0.02 + 2.0 * sqrt(p * (1 - p) / packets);
}

static void learn(struct hz_loss *l)
{
	// Down at once when several windows say so, up slowly.
	if (l->now >= l->borne) {
		l->borne += 0.1 * (l->now - l->borne);
		l->calm = 0;
	} else if (++l->calm >= 3) {
		l->borne += 0.3 * (l->now - l->borne);
	}
}

double hz_loss_judge(struct hz_loss *l, bool queue, int64_t now_us)
{
	int64_t age = l->began_us ? now_us - l->began_us : 0;
	bool full = age >= WINDOW_US && l->sent >= WINDOW_PACKETS;
	if (!full && !(age >= WINDOW_MAX_US && l->sent >= LEAST_PACKETS))
		return 1;
	double packets = l->sent;
	l->now = l->lost / packets;
	int64_t came = l->sent > l->lost ? l->sent - l->lost : 1;
	l->tail = l->lost >= 3 && l->ahead_us / l->lost > l->wait_us / came * 13 / 10 + TAIL_US;
	l->sent = l->lost = 0;
	l->wait_us = l->ahead_us = 0;
	l->began_us = now_us;
	if (l->tail && l->now > TAIL_LOSS) { // ours, whatever was taken for the path's own before
		l->borne *= 0.8;
		return 1 - 0.5 * fmin(l->now, 0.5);
	}
	if (!grew(l->now, l->borne, packets)) {
		l->trying = 0;
		if (!queue)
			learn(l);
		return 1;
	}
	if (queue) // the delay's business already; more loss means a shorter queue than ours
		return 1 - 0.3 * (l->now - l->borne);
	if (!l->trying) {
		l->trying = 1;
		l->before = l->now;
		return 1 - 0.5 * fmin(l->now - l->borne, 0.5);
	}
	if (l->now < 0.6 * l->before) { // it helped, and not enough
		l->before = l->now;
		l->trying = 1;
		return 1 - 0.5 * (l->now - l->borne);
	}
	if (++l->trying > TRIES && l->now < 0.5) {
		// The same loss at a lower rate: the path's own. Above a half nothing useful gets through anyway.
		l->borne = fmin(l->now, l->before);
		l->trying = 0;
		return 1;
	}
	return l->now >= 0.5 ? 0.7 : 1;
}

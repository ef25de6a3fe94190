#include "signaling/server/pace.h"

#include <stdlib.h>

#define PIECE_BYTES  1400 // of a packet
#define PIECE_US     4000 // or so long, where it is more
#define MEASURE_US   20000
#define TARGET_US    8000 // of queue that is ours
#define PROXY_RTT_US 300   // shorter: this machine, or a cable; nothing to be learned from it
#define MOST_BPS     4000000000u
#define REST_US      60000 // after less, for it to show

struct hz_pace {
	unsigned refs;
	uint32_t bound_bps, bps; // bps: the rate; 0: none of both
	int64_t tokens;          // bytes
	int64_t filled_us, measured_us, rest_us;
	bool measurable;
};

struct hz_pace *hz_pace_new(void)
{
	struct hz_pace *pace = calloc(1, sizeof(*pace));
	if (pace)
		pace->refs = 1;
	return pace;
}

struct hz_pace *hz_pace_ref(struct hz_pace *pace)
{
	pace->refs++;
	return pace;
}

void hz_pace_unref(struct hz_pace *pace)
{
	if (pace && --pace->refs == 0)
		free(pace);
}

uint32_t hz_pace_bps(const struct hz_pace *pace)
{
	return pace->bps;
}

static void set_rate(struct hz_pace *pace, double bps)
{
	pace->bps = bps < HZ_PACE_LEAST_BPS ? HZ_PACE_LEAST_BPS : bps > MOST_BPS ? MOST_BPS : (uint32_t)bps;
}

void hz_pace_bound(struct hz_pace *pace, uint32_t bps)
{
	uint32_t before = pace->bound_bps;
	pace->bound_bps = bps;
	if (bps == 0)
		pace->bps = 0;
	else if (pace->bps == 0 || !pace->measurable || bps < before / 2)
		set_rate(pace, bps);
}

void hz_pace_lost(struct hz_pace *pace)
{
	if (pace->bps)
		set_rate(pace, pace->bps * 0.7);
}

static int64_t piece(const struct hz_pace *pace)
{
	int64_t bytes = (int64_t)pace->bps / 8 * PIECE_US / 1000000;
	return bytes > PIECE_BYTES ? bytes : PIECE_BYTES;
}

size_t hz_pace_take(struct hz_pace *pace, int64_t now_us, size_t wanted)
{
	if (pace->bps == 0)
		return wanted;
	int64_t most = piece(pace), past = now_us - pace->filled_us;
	if (past > 1000000 || past < 0)
		past = 1000000;
	pace->tokens += (int64_t)((uint64_t)past * pace->bps / 8000000);
	if (pace->tokens > most)
		pace->tokens = most;
	pace->filled_us = now_us;
	int64_t least = wanted < PIECE_BYTES ? (int64_t)wanted : PIECE_BYTES;
	if (pace->tokens < least)
		return 0;
	size_t take = (int64_t)wanted < pace->tokens ? wanted : (size_t)pace->tokens;
	pace->tokens -= (int64_t)take;
	return take;
}

int64_t hz_pace_wait_us(const struct hz_pace *pace)
{
	int64_t missing = PIECE_BYTES - pace->tokens;
	if (pace->bps == 0 || missing <= 0)
		return 1000;
	int64_t wait = missing * 8000000 / pace->bps;
	return wait < 1000 ? 1000 : wait;
}

bool hz_pace_curious(const struct hz_pace *pace, int64_t now_us)
{
	return pace->bps && now_us - pace->measured_us >= MEASURE_US;
}

void hz_pace_measured(struct hz_pace *pace, int64_t now_us, uint32_t rtt_us, uint32_t least_rtt_us, bool lost)
{
	pace->measured_us = now_us;
	if (pace->bps == 0)
		return;
	pace->measurable = least_rtt_us >= PROXY_RTT_US;
	if (!pace->measurable) {
		set_rate(pace, pace->bound_bps);
		return;
	}
	// A packet of ours takes its time on the link, too: that is no queue.
	double own_us = PIECE_BYTES * 8e6 / pace->bps;
	double queue_us =
	    (rtt_us > least_rtt_us ? rtt_us - least_rtt_us : 0) - (own_us < TARGET_US ? own_us : TARGET_US);
	if (now_us < pace->rest_us)
		return;
	if (lost || queue_us > TARGET_US) {
		set_rate(pace, pace->bps * (lost || queue_us > 3 * TARGET_US ? 0.6 : 0.85));
		pace->rest_us = now_us + REST_US + (int64_t)least_rtt_us;
	} else if (queue_us < TARGET_US / 2.0) {
		set_rate(pace, pace->bps * 1.1);
	}
}

#include "signaling/server/pace.h"

#include <stdlib.h>

#define PIECE_BYTES  1400  // of a packet
#define PIECE_US     4000  // or so long, where it is more
#define TARGET_US    8000  // of queue that is ours
#define LONG_US      40000 // of queue: no share is kept against that
#define LATE_US      45000 // so late a receiver may acknowledge (RFC 1122, 4.2.3.2: 40 ms in practice)
#define PROXY_RTT_US 300   // shorter: this machine, or a cable; nothing to be learned from it
#define MOST_BPS     4000000000u
#define FIRST_BPS    64000
#define WINDOW_US    5000000 // the shortest of late: of two of these
#define OWNER_US     300000
#define HOLD_MOST_US 2000000 // a clock that went back holds nobody
#define OTHERS_US    20000   // who is not the one asks again after this

struct hz_pace {
	unsigned refs;
	uint32_t bound_bps, bps; // bps: the rate; 0: none of both
	int64_t tokens;          // bytes
	int64_t filled_us, next_us, window_us;
	int64_t held_us, asked_us; // until when it is held; when there was something to send last
	uint32_t share_bps;        // 0: none
	uint32_t least_us[2];      // this window's, the last one's; 0: none
	const void *owner;
	int64_t owner_us;
	bool known, measurable; // known: it was measured at all
	bool fresh;             // no queue was seen yet
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

// Of a way that nobody has looked at yet: carefully, and soon more.
static void begin(struct hz_pace *pace, uint32_t bps)
{
	pace->fresh = true;
	set_rate(pace, pace->known && !pace->measurable ? bps : bps < FIRST_BPS ? bps : FIRST_BPS);
}

void hz_pace_bound(struct hz_pace *pace, uint32_t bps)
{
	uint32_t before = pace->bound_bps;
	pace->bound_bps = bps;
	if (bps == 0)
		pace->bps = 0;
	else if (pace->bps == 0)
		begin(pace, bps);
	else if (!pace->measurable || (bps < before / 2 && bps < pace->bps))
		set_rate(pace, bps);
}

void hz_pace_hold(struct hz_pace *pace, int64_t until_us)
{
	pace->held_us = until_us;
}

void hz_pace_share(struct hz_pace *pace, uint32_t bps)
{
	pace->share_bps = bps;
	if (pace->bps && bps)
		set_rate(pace, pace->bps < bps / 8 * 7 ? bps / 8 * 7 : pace->bps);
}

int64_t hz_pace_asked_us(const struct hz_pace *pace)
{
	return pace->asked_us;
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

static bool is_turn(const struct hz_pace *pace, const void *who, int64_t now_us)
{
	int64_t past = now_us - pace->owner_us;
	return !pace->owner || pace->owner == who || past > OWNER_US || past < 0;
}

size_t hz_pace_take(struct hz_pace *pace, const void *who, int64_t now_us, size_t wanted)
{
	if (pace->bps == 0)
		return wanted;
	pace->asked_us = now_us;
	if (now_us < pace->held_us && pace->held_us - now_us < HOLD_MOST_US) {
		pace->filled_us = now_us;
		return 0;
	}
	if (!is_turn(pace, who, now_us))
		return 0;
	pace->owner = who;
	pace->owner_us = now_us;
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

int64_t hz_pace_wait_us(const struct hz_pace *pace, const void *who)
{
	int64_t missing = PIECE_BYTES - pace->tokens;
	if (pace->owner != who)
		return OTHERS_US;
	if (pace->bps == 0 || missing <= 0)
		return 1000;
	int64_t wait = missing * 8000000 / pace->bps;
	return wait < 1000 ? 1000 : wait;
}

void hz_pace_leave(struct hz_pace *pace, const void *who)
{
	if (pace->owner == who)
		pace->owner = NULL;
}

uint32_t hz_pace_newest_us(uint32_t before_us, uint32_t now_us, uint32_t count)
{
	double kept = 1;
	for (uint32_t i = 0; i < count && i < 40; i++)
		kept *= 7.0 / 8;
	if (count == 0 || before_us == 0)
		return now_us;
	double newest = before_us + ((double)now_us - before_us) / (1 - kept);
	return newest < 0 ? 0 : newest > 1e7 ? 10000000 : (uint32_t)newest;
}

// The shortest of late, and never more above the shortest of ever than an acknowledgement may be late.
static uint32_t base_of(struct hz_pace *pace, int64_t now_us, uint32_t rtt_us, uint32_t least_rtt_us)
{
	if (now_us - pace->window_us > WINDOW_US || now_us < pace->window_us) {
		pace->window_us = now_us;
		pace->least_us[1] = pace->least_us[0];
		pace->least_us[0] = 0;
	}
	if (!pace->least_us[0] || rtt_us < pace->least_us[0])
		pace->least_us[0] = rtt_us;
	uint32_t least = pace->least_us[0];
	if (pace->least_us[1] && pace->least_us[1] < least)
		least = pace->least_us[1];
	return least < least_rtt_us + LATE_US ? least : least_rtt_us + LATE_US;
}

// What was set free stays in use where pictures of the call alone make the queue: they come in bursts.
static void slower(struct hz_pace *pace, double factor, bool much)
{
	double bps = pace->bps * factor, least = pace->share_bps / 8 * 7;
	set_rate(pace, !much && bps < least ? least : bps);
}

void hz_pace_measured(struct hz_pace *pace, int64_t now_us, uint32_t rtt_us, uint32_t least_rtt_us, bool lost)
{
	if (pace->bps == 0)
		return;
	pace->known = true;
	pace->measurable = least_rtt_us >= PROXY_RTT_US;
	if (!pace->measurable) {
		set_rate(pace, pace->bound_bps);
		return;
	}
	uint32_t base_us = base_of(pace, now_us, rtt_us, least_rtt_us);
	double queue_us = rtt_us > base_us ? rtt_us - base_us : 0;
	pace->fresh = pace->fresh && !lost && queue_us < TARGET_US / 2.0;
	if (lost || queue_us > TARGET_US) {
		if (now_us < pace->next_us && queue_us < 4 * TARGET_US)
			return; // the last step has not shown yet
		slower(pace, lost || queue_us > 3 * TARGET_US ? 0.5 : 0.85, lost || queue_us > LONG_US);
		pace->next_us = now_us + rtt_us + TARGET_US;
	} else if (now_us >= pace->next_us && queue_us < TARGET_US / 2.0) {
		set_rate(pace, pace->bps * (pace->fresh ? 1.1 : 1.06));
		pace->next_us = now_us + (rtt_us > 40000 ? rtt_us : 40000);
	}
}

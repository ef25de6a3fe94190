#include "media/rtp/brake.h"

#include <string.h>

#include "media/rtp/seq.h"

#define WAITS_MAX_US 2000000

// From one abs-send-time to another one, at most 32 s away on either side. 6.18 fixed-point seconds.
static int64_t between_us(uint32_t from, uint32_t to)
{
	return (int64_t)hz_diff24(to, from) * 1000000 / (1 << 18);
}

static int64_t base_of(const struct hz_brake *b)
{
	return b->base_us < b->base_before_us ? b->base_us : b->base_before_us;
}

static void begin(struct hz_brake *b, const struct hz_brake_in *in)
{
	uint32_t bps = b->bps;
	int64_t since_us = b->since_us;
	*b = (struct hz_brake){.started = 1, .bps = bps, .since_us = since_us};
	b->stamp = in->abs_send_time;
	b->sent_us = b->part_us = b->base_since_us = in->now_us;
	b->base_us = b->base_before_us = b->now.least_us = INT64_MAX;
	b->highest = b->highest_before = 65536 + in->twcc_seq - 1;
}

static void close_part(struct hz_brake *b)
{
	b->now.expected = b->highest > b->highest_before ? (uint32_t)(b->highest - b->highest_before) : 0;
	b->highest_before = b->highest;
	memmove(b->past + 1, b->past, sizeof(b->past) - sizeof(b->past[0]));
	b->past[0] = b->now;
	if (b->parts < HZ_BRAKE_PARTS)
		b->parts++;
	bool waits = b->now.least_us - base_of(b) >= HZ_BRAKE_CALM_US;
	b->calm = waits ? 0 : (uint8_t)(b->calm + (b->calm < HZ_BRAKE_CALM));
	b->now = (struct hz_brake_part){.least_us = INT64_MAX};
	b->part_us += HZ_BRAKE_PART_US;
}

// What comes through the queue that is full; 0: none is.
static uint32_t carries_bps(const struct hz_brake *b)
{
	uint32_t bytes = 0, expected = 0, lost = 0;
	for (unsigned i = 0; i < b->parts; i++) {
		const struct hz_brake_part *p = &b->past[i];
		if (p->least_us - base_of(b) < HZ_BRAKE_WAIT_US)
			return 0;
		bytes += p->bytes;
		expected += p->expected;
		lost += p->expected > p->got ? p->expected - p->got : 0;
		if (i > 0 && lost >= HZ_BRAKE_LOST && lost * 4 >= expected)
			return (uint32_t)((uint64_t)bytes * 8 * 1000000 / ((i + 1) * HZ_BRAKE_PART_US));
	}
	return 0;
}

static bool judge(struct hz_brake *b, int64_t now_us)
{
	if (!b->bps) {
		b->bps = carries_bps(b);
		b->since_us = now_us;
		return b->bps != 0;
	}
	if (now_us - b->since_us < HZ_BRAKE_LEAST_US || b->calm < HZ_BRAKE_CALM)
		return false;
	b->bps = 0;
	return true;
}

static void count(struct hz_brake *b, const struct hz_brake_in *in)
{
	int64_t ext = hz_seq_extend(b->highest, in->twcc_seq);
	int64_t sent_us = b->sent_us + between_us(b->stamp, in->abs_send_time);
	int64_t way_us = in->now_us - sent_us;
	if (ext > b->highest) {
		b->highest = ext;
		b->sent_us = sent_us;
		b->stamp = in->abs_send_time;
	}
	b->now.got++;
	b->now.bytes += in->bytes;
	if (way_us < b->now.least_us)
		b->now.least_us = way_us;
	if (way_us < b->base_us)
		b->base_us = way_us;
	if (in->now_us - b->base_since_us < HZ_BRAKE_BASE_US)
		return;
	b->base_before_us = b->base_us;
	b->base_us = way_us;
	b->base_since_us = in->now_us;
}

// Nothing came for a part or more: what waited tells of that, and what was lost meanwhile says nothing of a queue.
static void resume(struct hz_brake *b, const struct hz_brake_in *in)
{
	int64_t ext = hz_seq_extend(b->highest, in->twcc_seq);
	if (ext > b->highest)
		b->highest = ext - 1;
	b->highest_before = b->highest;
	b->part_us = in->now_us;
	b->parts = b->calm = 0;
}

bool hz_brake_on_packet(struct hz_brake *b, const struct hz_brake_in *in)
{
	bool news = false;
	if (!b->started || in->now_us - b->part_us >= HZ_BRAKE_SILENT_US || in->now_us < b->part_us)
		begin(b, in);
	while (in->now_us - b->part_us >= HZ_BRAKE_PART_US && b->now.got) {
		close_part(b);
		news = judge(b, in->now_us) || news;
	}
	if (in->now_us - b->part_us >= HZ_BRAKE_PART_US)
		resume(b, in);
	count(b, in);
	return news;
}

bool hz_brake_poll(struct hz_brake *b, int64_t now_us)
{
	if (!b->bps || now_us - b->since_us < HZ_BRAKE_MOST_US)
		return false;
	b->bps = 0;
	if (!b->parts)
		return true;
	b->base_us = b->past[0].least_us; // it did not help: that is the way, not a queue
	b->base_before_us = INT64_MAX;
	return true;
}

void hz_brake_forget(struct hz_brake *b)
{
	b->started = b->parts = 0;
}

uint32_t hz_brake_waits_us(const struct hz_brake *b)
{
	int64_t waits_us = b->parts ? b->past[0].least_us - base_of(b) : 0;
	return waits_us > 0 && waits_us <= WAITS_MAX_US ? (uint32_t)waits_us : 0;
}

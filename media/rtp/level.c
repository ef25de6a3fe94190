#include "media/rtp/level.h"

#include <string.h>

#define ONE               65536
#define TAU_US            450000
#define STEP_US           20000
#define MAX_STEPS         100    // 2 s: nothing is left of any activity
#define GAP_US            120000 // no packet for longer: silence (DTX, mute)
#define ON                (ONE * 11 / 20)
#define OFF               (ONE / 5)
#define VOICE_DBOV        60 // speech if the sender's detector says so and it is at least that loud
#define LOUD_DBOV         45 // speech without a detector
#define LOUDNESS_SHIFT    5  // smoothing of loudness: 1/32 a packet
#define MAX_SELECT        64
#define INCUMBENT_PERCENT 6 // a place of rank r counts (9 - r) times this more

void hz_level_init(struct hz_level *level)
{
	memset(level, 0, sizeof(*level));
}

// Exponential smoothing towards target (0 or ONE) over elapsed_us.
static uint32_t smooth(uint32_t activity, uint32_t target, int64_t elapsed_us)
{
	int64_t value = activity;
	for (int i = 0; i < MAX_STEPS && elapsed_us > 0; i++) {
		int64_t step = elapsed_us < STEP_US ? elapsed_us : STEP_US;
		value += ((int64_t)target - value) * step / (TAU_US + step);
		elapsed_us -= step;
	}
	return (uint32_t)value;
}

// Activity as it is now, with the silence since the last packet.
static uint32_t activity_at(const struct hz_level *level, int64_t now_us)
{
	int64_t gap = now_us - level->at_us;
	if (gap <= GAP_US)
		return level->activity;
	return smooth(level->activity, 0, gap - STEP_US);
}

void hz_level_update(struct hz_level *level, uint8_t dbov, bool voice, int64_t now_us)
{
	int64_t elapsed = level->at_us ? now_us - level->at_us : STEP_US;
	if (dbov > 127)
		dbov = 127;
	bool speech = dbov <= (voice ? VOICE_DBOV : LOUD_DBOV);
	if (elapsed < 0)
		elapsed = 0;
	if (level->at_us && elapsed > GAP_US) {
		level->activity = activity_at(level, now_us);
		elapsed = STEP_US;
	}
	if (level->activity < OFF)
		level->speaking = 0;
	level->activity = smooth(level->activity, speech ? ONE : 0, elapsed);
	level->at_us = now_us;
	if (speech) {
		uint32_t loudness = (127u - dbov) << 8;
		if (level->loudness_q8 == 0 || level->activity < OFF)
			level->loudness_q8 = loudness; // a new utterance
		else
			level->loudness_q8 =
			    (uint32_t)((int64_t)level->loudness_q8 +
			               ((int64_t)loudness - level->loudness_q8) / (1 << LOUDNESS_SHIFT));
	}
	if (level->activity >= ON)
		level->speaking = 1;
	else if (level->activity < OFF)
		level->speaking = 0;
}

uint32_t hz_level_score(const struct hz_level *level, int64_t now_us)
{
	uint32_t activity = activity_at(level, now_us);
	if (!level->speaking || activity < OFF)
		return 0;
	return 1 + (uint32_t)((uint64_t)level->loudness_q8 * activity / ONE);
}

static uint32_t with_bonus(const struct hz_level *level, uint32_t score)
{
	if (level->rank == 0 || level->rank > 8)
		return score;
	return score + score * (9u - level->rank) * INCUMBENT_PERCENT / 100;
}

size_t hz_level_select(struct hz_level *const *levels, size_t count, int64_t now_us, uint32_t *ret_index,
                       size_t max)
{
	uint32_t score[MAX_SELECT] = {0};
	size_t chosen = 0;
	if (max > MAX_SELECT)
		max = MAX_SELECT;
	for (size_t i = 0; i < count && max > 0; i++) {
		uint32_t s = hz_level_score(levels[i], now_us);
		if (s == 0)
			continue;
		s = with_bonus(levels[i], s);
		if (chosen == max && s <= score[max - 1])
			continue;
		size_t at = chosen < max ? chosen++ : max - 1;
		for (; at > 0 && score[at - 1] < s; at--) {
			score[at] = score[at - 1];
			ret_index[at] = ret_index[at - 1];
		}
		score[at] = s;
		ret_index[at] = (uint32_t)i;
	}
	for (size_t i = 0; i < count; i++)
		levels[i]->rank = 0;
	for (size_t i = 0; i < chosen; i++)
		levels[ret_index[i]]->rank = (uint8_t)(i + 1);
	return chosen;
}

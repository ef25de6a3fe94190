#include "media/cc/ladder.h"

#include <errno.h>
#include <string.h>

// Where a slot could stand: 0 off, 1 still, 2 + i option i.
#define OFF   0u
#define STILL 1u
#define VIDEO 2u

static unsigned place_of(const struct hz_ladder_slot *s)
{
	if (s->step == HZ_STEP_OFF)
		return OFF;
	return s->step == HZ_STEP_STILL ? STILL : VIDEO + s->choice;
}

static uint64_t cost(const struct hz_ladder_wish *w, unsigned place)
{
	if (place == OFF)
		return 0;
	return place == STILL ? HZ_LADDER_STILL_BPS : w->option[place - VIDEO].bps;
}

// The place above, without those that cost more than a better liked one.
static unsigned above(const struct hz_ladder_wish *w, unsigned place)
{
	unsigned next = place + 1;
	for (unsigned i = next + 1; i < VIDEO + w->options && next >= VIDEO; i++)
		if (cost(w, i) && cost(w, i) < cost(w, next))
			next = i;
	return next;
}

struct state {
	struct hz_ladder_wish *w;
	uint64_t left;
	const struct hz_ladder_round *round;
	unsigned place[HZ_LADDER_MAX_SLOTS];
	uint8_t order[HZ_LADDER_MAX_SLOTS]; // by priority, highest first
	bool stuck[HZ_LADDER_MAX_SLOTS];
	size_t count;
};

static void sort(struct state *st)
{
	for (size_t i = 0; i < st->count; i++) {
		size_t at = i;
		for (; at > 0 && st->w[st->order[at - 1]].priority < st->w[i].priority; at--)
			st->order[at] = st->order[at - 1];
		st->order[at] = (uint8_t)i;
	}
}

// What a rise has to leave room for: of a larger picture an eighth of all of it; of more pictures a second of the same, which begin without a
// keyframe and end as easily, an eighth of those.
static uint64_t margin(const struct hz_ladder_wish *w, unsigned from, unsigned to)
{
	uint64_t all = cost(w, to), had = cost(w, from);
	if (from < VIDEO || to < VIDEO || from - VIDEO >= w->options)
		return all / 8;
	const struct hz_ladder_option *a = &w->option[from - VIDEO], *b = &w->option[to - VIDEO];
	bool same = a->layer == b->layer && a->spatial == b->spatial;
	return (same && had <= all ? all - had : all) / 8;
}

// To stand above where it stands now, a slot must wait and needs a margin.
static bool may_stand(const struct state *st, size_t i, unsigned place, uint64_t more)
{
	const struct hz_ladder_slot *s = st->w[i].slot;
	bool rises = s->known && place > place_of(s);
	if (!rises)
		return more <= st->left;
	// What did not last was more than the smallest picture: where there is twice as much as that takes, it is not waited for.
	bool ample = place == VIDEO && more <= st->left / 2 && !s->least_fell;
	int64_t wait_us = ample ? HZ_LADDER_WAIT_US : s->wait_us;
	// One at its best follows when there is better; it did not fall.
	if (!st->round->urgent && s->step != HZ_STEP_FULL && st->round->now_us - s->since_us < wait_us)
		return false;
	return more + margin(&st->w[i], place_of(s), place) <= st->left;
}

// One step up for slot i, if it fits.
static bool raise(struct state *st, size_t i)
{
	const struct hz_ladder_wish *w = &st->w[i];
	unsigned from = st->place[i];
	if (st->stuck[i] || from + 1 >= VIDEO + w->options)
		return false;
	// Over a step that does not fit there may be none that does: costs rise.
	unsigned to = above(w, from);
	uint64_t was = cost(w, from), is = cost(w, to);
	uint64_t more = is > was ? is - was : 0;
	if (!may_stand(st, i, to, more)) {
		st->stuck[i] = true;
		return false;
	}
	st->left -= more;
	st->place[i] = to;
	return true;
}

// Everybody's least, in the order of priority: first the lowest layer, then stills for those it was too much for.
static void least(struct state *st)
{
	for (size_t n = 0; n < st->count; n++) {
		size_t i = st->order[n];
		uint64_t bps = st->w[i].options ? cost(&st->w[i], VIDEO) : 0;
		bool fits = may_stand(st, i, VIDEO, bps);
		if (!st->w[i].options || st->round->floor || fits) {
			st->place[i] = VIDEO;
			st->left -= bps < st->left ? bps : st->left;
			continue;
		}
		st->stuck[i] = true; // nothing above: a lower one's leftovers are not its
	}
	for (size_t n = 0; n < st->count; n++) {
		size_t i = st->order[n];
		if (st->place[i] != OFF || !may_stand(st, i, STILL, HZ_LADDER_STILL_BPS))
			continue;
		st->place[i] = STILL;
		st->left -= HZ_LADDER_STILL_BPS;
	}
}

// Those of one priority rise in turn until nobody can.
static void rise(struct state *st)
{
	for (size_t first = 0; first < st->count;) {
		size_t end = first;
		bool any = true;
		while (end < st->count && st->w[st->order[end]].priority == st->w[st->order[first]].priority)
			end++;
		while (any) {
			any = false;
			for (size_t n = first; n < end; n++)
				any = raise(st, st->order[n]) || any;
		}
		first = end;
	}
}

static void settle(struct hz_ladder_wish *w, unsigned place, int64_t now_us)
{
	struct hz_ladder_slot *s = w->slot;
	unsigned was = place_of(s);
	uint8_t top = w->options ? (uint8_t)(w->options - 1) : 0;
	if (s->known && now_us - s->since_us > HZ_LADDER_STABLE_US) {
		s->wait_us = HZ_LADDER_WAIT_US;
		s->least_fell = 0;
	}
	if (!s->known) {
		s->wait_us = HZ_LADDER_WAIT_US;
		s->since_us = now_us;
	} else if (place != was) {
		bool fell = place < was;
		// A rise that did not last: the next one waits twice as long.
		if (fell && s->rose_us && now_us - s->rose_us < 2 * s->wait_us + 2000000)
			s->wait_us =
			    2 * s->wait_us < HZ_LADDER_MAX_WAIT_US ? 2 * s->wait_us : HZ_LADDER_MAX_WAIT_US;
		if (fell && was == VIDEO && s->rose_us > s->fell_us) // not on its way down from more
			s->least_fell = 1;
		*(fell ? &s->fell_us : &s->rose_us) = now_us;
		s->since_us = now_us;
	}
	s->known = 1;
	s->choice = place >= VIDEO ? (uint8_t)(place - VIDEO) : 0;
	if (place < VIDEO)
		s->step = place == STILL ? HZ_STEP_STILL : HZ_STEP_OFF;
	else
		s->step = s->choice >= top ? HZ_STEP_FULL : HZ_STEP_LOWER;
}

// What there is to give: what is in force, as long as it is not much more than that.
static uint64_t bear(const struct hz_ladder_wish *wishes, size_t count, const struct hz_ladder_round *round)
{
	uint64_t sum = 0;
	bool lowest = true;
	for (size_t i = 0; i < count && round->short_us; i++) {
		unsigned place = wishes[i].slot->known ? place_of(wishes[i].slot) : OFF;
		if (!wishes[i].options)
			continue;
		sum += cost(&wishes[i], place);
		lowest = lowest && place <= VIDEO;
	}
	if (!round->short_us || sum <= round->bps) {
		if (round->short_us)
			*round->short_us = 0;
		return round->bps;
	}
	if (!*round->short_us)
		*round->short_us = round->now_us;
	bool little = lowest ? sum / 3 * 2 <= round->bps : sum / 4 * 3 <= round->bps;
	int64_t patience_us = little ? HZ_LADDER_PATIENCE_US : round->calm ? HZ_LADDER_PATIENCE_US / 2 : 0;
	return round->now_us - *round->short_us < patience_us ? sum : round->bps;
}

int hz_ladder_run(struct hz_ladder_wish *wishes, size_t count, const struct hz_ladder_round *round)
{
	struct state st = {.w = wishes, .left = round->bps, .round = round, .count = count};
	if (count > HZ_LADDER_MAX_SLOTS)
		return -E2BIG;
	for (size_t i = 0; i < count; i++)
		// Fewer options than before (a layer stopped): it stands at the best that is left.
		if (wishes[i].options && wishes[i].slot->choice >= wishes[i].options)
			wishes[i].slot->choice = (uint8_t)(wishes[i].options - 1);
	st.left = bear(wishes, count, round);
	sort(&st);
	least(&st);
	rise(&st);
	for (size_t i = 0; i < count; i++)
		settle(&wishes[i], st.place[i], round->now_us);
	return 0;
}

uint64_t hz_ladder_demand(const struct hz_ladder_wish *wishes, size_t count)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t most = 0;
		for (unsigned o = 0; o < wishes[i].options; o++)
			most = wishes[i].option[o].bps > most ? wishes[i].option[o].bps : most;
		sum += most;
	}
	return sum;
}

// Who watches the delayed leg: plain files tell nobody who fetches them, so viewers' pages say with each question for news which leg they
// play. One token is one viewer, whatever it says and from however many pages.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/map.h"
#include "gateway/session/broadcast/audience_internal.h"
#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast.h"

#define GONE_US       (INT64_C(40) * 1000000) // pages in the background ask each 15 s
#define SWEEP_US      3000000
#define SWEEP_AT_ONCE 512

struct watcher {
	char id[HZ_ID_TEXT_BYTES];
	int64_t seen_us;
};

static void forget(struct hz_audience *a, struct watcher *w)
{
	hz_map_del(a->watchers, w->id);
	free(w);
}

// Full: who comes is not counted.
static bool add(struct hz_audience *a, const char *sub, int64_t now_us)
{
	if (!a->watchers && hz_map_new(HZ_AUDIENCE_WATCHERS, &a->watchers))
		return false;
	struct watcher *w = calloc(1, sizeof(*w));
	if (!w)
		return false;
	snprintf(w->id, sizeof(w->id), "%s", sub);
	w->seen_us = now_us;
	if (!hz_map_set(a->watchers, w->id, w))
		return true;
	free(w);
	return false;
}

void hz_audience_watches(struct hz_brain *brain, struct hz_consult *consult, const char *sub, bool files)
{
	struct hz_audience *a = consult->audience;
	const struct hz_broadcast *b = consult->broadcast;
	if (!a || !b || !b->hls[0])
		return;
	struct watcher *w = a->watchers ? hz_map_get(a->watchers, sub) : NULL;
	if (w && files) {
		w->seen_us = brain->now_us;
		return;
	}
	if (w)
		forget(a, w);
	if (w || (files && add(a, sub, brain->now_us)))
		consult->viewers_changed = true;
}

bool hz_audience_plays(const struct hz_consult *consult, const char *sub)
{
	return consult->audience && consult->audience->watchers &&
	       hz_map_get(consult->audience->watchers, sub);
}

unsigned hz_audience_watching(const struct hz_consult *consult)
{
	const struct hz_audience *a = consult->audience;
	return a && a->watchers && consult->broadcast ? hz_map_count(a->watchers) : 0;
}

unsigned hz_audience_viewers(const struct hz_consult *consult)
{
	return hz_viewers_count(consult) + hz_audience_watching(consult);
}

void hz_audience_sweep_watchers(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_audience *a = consult->audience;
	struct watcher *idle[SWEEP_AT_ONCE], *w;
	unsigned count = 0;
	uint32_t at = 0;
	if (!a->watchers || brain->now_us - a->swept_us < SWEEP_US)
		return;
	a->swept_us = brain->now_us;
	while (count < SWEEP_AT_ONCE && (w = hz_map_next(a->watchers, &at))) {
		if (brain->now_us - w->seen_us > GONE_US)
			idle[count++] = w;
	}
	consult->viewers_changed |= count > 0;
	while (count--)
		forget(a, idle[count]);
}

void hz_audience_free_watchers(struct hz_audience *a)
{
	struct watcher *w;
	uint32_t at = 0;
	while (a->watchers && (w = hz_map_next(a->watchers, &at)))
		free(w);
	hz_map_free(a->watchers);
	a->watchers = NULL;
}

// What the delayed leg of a broadcast may still hold, and how it is made to forget it: masks that hide more than before.
#include <string.h>

#include "gateway/session/broadcast/broadcast_internal.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/link/pipe_link.h"

#define SEGMENT_US 6000000   // what is public in parts becomes a file once more when its segment ends
#define LONGEST_US 310000000 // the longest delay, and that

static int64_t until(const struct hz_hls_leg *leg, int64_t left_us)
{
	return left_us + leg->delay_ms * 1000ll + SEGMENT_US;
}

static void left(struct hz_brain *brain, struct hz_hls_leg *leg, const struct hz_broadcast_source *of)
{
	struct hz_hls_past *at = &leg->past[0];
	for (unsigned i = 0; i < HZ_BROADCAST_SOURCES; i++) {
		struct hz_hls_past *p = &leg->past[i];
		if (p->left_us && hz_broadcast_same(&p->of, of)) {
			at = p;
			break;
		}
		if (p->left_us < at->left_us)
			at = p;
	}
	bool same = hz_broadcast_same(&at->of, of);
	if (at->left_us && !same && until(leg, at->left_us) > leg->unknown_us)
		leg->unknown_us = until(leg, at->left_us); // no place to remember it by its name
	*at = (struct hz_hls_past){*of, brain->now_us};
}

static bool shows(const struct hz_hls_leg *leg, const struct hz_broadcast_source *source)
{
	for (unsigned i = 0; i < leg->shows; i++) {
		if (hz_broadcast_same(&leg->shown[i], source))
			return true;
	}
	return false;
}

void hz_hls_note_air(struct hz_brain *brain, struct hz_hls_leg *leg)
{
	const struct hz_broadcast *b = leg->consult->broadcast;
	if (leg->said.delay_ms > leg->delay_ms)
		leg->delay_ms = leg->said.delay_ms; // the packager keeps the one it began with
	for (unsigned i = 0; i < leg->shows; i++) {
		if (!hz_air_has(b, &leg->shown[i]))
			left(brain, leg, &leg->shown[i]);
	}
	leg->shows = hz_air_parts(b);
	for (unsigned i = 0; i < leg->shows; i++)
		leg->shown[i] = *hz_air_part(b, i);
}

void hz_hls_loaded(struct hz_brain *brain, struct hz_consult *consult)
{
	hz_hls_recount(brain, consult);
	if (consult->hls)
		consult->hls->unknown_us = brain->now_us + LONGEST_US;
}

bool hz_hls_may_hold(const struct hz_brain *brain, const struct hz_consult *consult,
                     const struct hz_broadcast_source *source)
{
	const struct hz_hls_leg *leg = consult->hls;
	if (!brain->hls || !leg || !leg->said.consult)
		return false;
	bool may = brain->now_us < leg->unknown_us || shows(leg, source);
	for (unsigned i = 0; i < HZ_BROADCAST_SOURCES && !may; i++) {
		const struct hz_hls_past *p = &leg->past[i];
		may =
		    p->left_us && hz_broadcast_same(&p->of, source) && brain->now_us < until(leg, p->left_us);
	}
	return may;
}

void hz_hls_clean(struct hz_brain *brain, struct hz_consult *consult, uint32_t version)
{
	struct hz_hls_leg *leg = consult->hls;
	if (!brain->hls || !leg || !leg->said.consult)
		return;
	struct hz_hls_broadcast_set wish = leg->said;
	wish.clean = version;
	wish.video = (struct hz_hls_source){.ssrc = 0}; // it comes with the next recount, painted
	hz_hls_leg_say(brain, leg, &wish);
	hz_pipe_link_flush(hz_hls_link_pipe(brain->hls));
}

bool hz_hls_clean_holds(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_hls_leg *leg = consult->hls;
	if (!brain->hls || !leg || !leg->said.consult)
		return true;
	return leg->said.clean == consult->broadcast->clean &&
	       hz_hls_link_holds(brain->hls, leg->said.consult, brain->now_us);
}

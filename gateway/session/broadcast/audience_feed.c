// Viewers who asked for news when there were none: their answers wait until there are, for a few seconds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast/audience.h"
#include "signaling/protocol/problem.h"

#define HOLD_US 4000000 // the server gives up an answer after 5 s
#define WAKE_US 300000  // what changes in between is told together

struct hz_feed_wait {
	struct hz_feed_wait *prev, *next; // of the audience
	struct hz_brain *brain;
	struct hz_consult *consult;
	struct hz_response *res;
	int64_t until_us;
	char cursor[HZ_ID_TEXT_BYTES];
};

static void forget(struct hz_feed_wait *w)
{
	*(w->prev ? &w->prev->next : &w->consult->audience->waits) = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->brain->feed_waits--;
	free(w);
}

static void gone(void *ctx)
{
	forget(ctx);
}

bool hz_audience_hold(struct hz_brain *brain, struct hz_consult *consult, struct hz_response *res,
                      const char *cursor)
{
	struct hz_audience *a = consult->audience;
	struct hz_feed_wait *w =
	    a && brain->feed_waits < HZ_AUDIENCE_HELD && !a->wake ? calloc(1, sizeof(*w)) : NULL;
	if (!w)
		return false;
	w->brain = brain;
	w->consult = consult;
	w->res = res;
	w->until_us = brain->now_us + HOLD_US;
	snprintf(w->cursor, sizeof(w->cursor), "%s", cursor);
	w->next = a->waits;
	if (w->next)
		w->next->prev = w;
	a->waits = w;
	brain->feed_waits++;
	hz_response_hold(res, gone, w);
	return true;
}

void hz_audience_touch(struct hz_brain *brain, struct hz_consult *consult, bool now)
{
	struct hz_audience *a = consult->audience;
	if (!a)
		return;
	a->head++;
	a->wake = true;
	a->wake_now |= now;
	brain->feeds_due = true;
}

// Most of them know the same and are told the same: it is made once.
static void wake(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_audience *a = consult->audience;
	char etag[80], cursor[HZ_ID_TEXT_BYTES] = "", *text = NULL;
	hz_audience_etag(consult, etag, sizeof(etag));
	while (a->waits) {
		struct hz_feed_wait *w = a->waits;
		struct hz_response *res = w->res;
		if (!text || strcmp(cursor, w->cursor) != 0) {
			json_t *json = hz_audience_feed_json(brain, consult, w->cursor);
			free(text);
			text = json ? json_dumps(json, JSON_COMPACT) : NULL;
			json_decref(json);
			snprintf(cursor, sizeof(cursor), "%s", w->cursor);
		}
		forget(w);
		hz_response_header(res, "ETag", etag);
		if (text)
			hz_response_copy(res, "application/json", text, strlen(text));
		else
			hz_response_status(res, 503);
		hz_response_release(res);
	}
	free(text);
	a->wake = a->wake_now = false;
	a->woke_us = brain->now_us;
}

int64_t hz_audience_due(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	int64_t next = INT64_MAX;
	if (!brain->feeds_due)
		return next;
	while ((consult = hz_map_next(brain->consults, &at))) {
		struct hz_audience *a = consult->audience;
		if (!a || !a->wake)
			continue;
		int64_t due = a->wake_now || !a->woke_us ? brain->now_us : a->woke_us + WAKE_US;
		if (due <= brain->now_us)
			wake(brain, consult);
		else
			next = due < next ? due : next;
	}
	brain->feeds_due = next != INT64_MAX;
	return next;
}

void hz_audience_feed_tick(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_audience *a = consult->audience;
	struct hz_feed_wait *after;
	for (struct hz_feed_wait *w = a ? a->waits : NULL; w; w = after) {
		struct hz_response *res = w->res;
		after = w->next;
		if (w->until_us > brain->now_us)
			continue;
		forget(w);
		hz_response_status(res, 304);
		hz_response_release(res);
	}
}

void hz_audience_feed_end(struct hz_consult *consult)
{
	struct hz_audience *a = consult->audience;
	while (a && a->waits) {
		struct hz_response *res = a->waits->res;
		forget(a->waits);
		hz_problem_answer(res, 404, NULL, NULL);
		hz_response_release(res);
	}
}

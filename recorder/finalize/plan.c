#include "recorder/finalize/plan.h"

#include <errno.h>
#include <stdlib.h>

#define WORTH_US 3000000 // a better layer must last so long
#define BACK_US  1500000 // ... and the present one may be away so long
#define HOLE_US  1000000 // between two groups of pictures that follow each other
#define LAST_US  33333   // how long a last picture is shown

struct event {
	const struct hz_stream *stream;
	const struct hz_gop *gop;
	int64_t from_us, to_us;
	int64_t run_us;  // until when the stream goes on without a hole
	int64_t next_us; // when its next group begins; INT64_MAX: never
};

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;
	if (x->from_us != y->from_us)
		return x->from_us < y->from_us ? -1 : 1;
	if (x->stream->index != y->stream->index)
		return x->stream->index < y->stream->index ? -1 : 1;
	return (x->gop > y->gop) - (x->gop < y->gop);
}

static void add_stream(const struct hz_stream *s, struct event *list)
{
	int64_t before = INT64_MIN;
	for (size_t i = 0; i < s->gops; i++) {
		const struct hz_gop *g = &s->gop[i];
		struct event *e = &list[i];
		int64_t from = hz_stream_us(s, g->seq, g->ts), to = hz_stream_us(s, g->last_seq, g->last_ts);
		*e = (struct event){.stream = s, .gop = g, .from_us = from > before ? from : before + 1};
		e->to_us = to > e->from_us ? to : e->from_us;
		before = e->to_us;
	}
	for (size_t i = s->gops; i-- > 0;) {
		struct event *e = &list[i], *next = i + 1 < s->gops ? e + 1 : NULL;
		e->next_us = next ? next->from_us : INT64_MAX;
		e->run_us = next && next->from_us - e->to_us < HOLE_US ? next->run_us : e->to_us;
	}
}

static int quality(const struct event *e)
{
	return e->stream->layer;
}

static bool take(const struct event *now, const struct event *e)
{
	if (!now || now->stream == e->stream)
		return true;
	bool ended = now->to_us < e->from_us;
	if (quality(e) == quality(now)) // another SSRC of the same layer: the publisher began anew
		return ended;
	if (quality(e) > quality(now))
		return e->run_us - e->from_us >= WORTH_US || ended;
	return ended && now->next_us - e->from_us > BACK_US;
}

static bool same_part(const struct hz_config *a, const struct hz_config *b)
{
	return a->identity == b->identity;
}

static bool add_cut(struct hz_plan *p, const struct event *e)
{
	struct hz_cut *last = p->cuts ? &p->cut[p->cuts - 1] : NULL;
	if (last && last->until_us > e->from_us)
		last->until_us = e->from_us;
	if (!p->parts || !same_part(p->part[p->parts - 1].config, e->gop->config)) {
		if (p->parts == HZ_PLAN_PARTS)
			return false;
		if (p->parts && p->part[p->parts - 1].end_us > e->from_us)
			p->part[p->parts - 1].end_us = e->from_us;
		p->part[p->parts++] = (struct hz_part){.config = e->gop->config, .start_us = e->from_us};
	}
	p->cut[p->cuts++] = (struct hz_cut){.stream = e->stream,
	                                    .from_seq = e->gop->seq,
	                                    .to_seq = e->gop->last_seq,
	                                    .from_us = e->from_us,
	                                    .until_us = INT64_MAX,
	                                    .part = (unsigned)p->parts - 1};
	p->part[p->parts - 1].end_us = e->to_us + LAST_US;
	return true;
}

// A part lasts until the next one: the last picture is held.
static void join_parts(struct hz_plan *p)
{
	for (size_t i = 0; i + 1 < p->parts; i++)
		p->part[i].end_us = p->part[i + 1].start_us;
}

int hz_plan_make(const struct hz_track *track, struct hz_plan **ret)
{
	struct hz_plan *p = calloc(1, sizeof(*p));
	size_t count = 0, at = 0;
	for (unsigned i = 0; i < track->streams; i++)
		count += track->stream[i]->gops;
	struct event *list = calloc(count + 1, sizeof(*list));
	const struct event *now = NULL;
	if (p) {
		p->cut = calloc(count + 1, sizeof(*p->cut));
		p->part = calloc(HZ_PLAN_PARTS, sizeof(*p->part));
	}
	if (!p || !list || !p->cut || !p->part) {
		free(list);
		hz_plan_free(p);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < track->streams; i++) {
		add_stream(track->stream[i], list + at);
		at += track->stream[i]->gops;
	}
	qsort(list, count, sizeof(*list), by_time);
	for (size_t i = 0; i < count; i++) {
		if (!take(now, &list[i]))
			continue;
		if (!add_cut(p, &list[i]))
			break;
		now = &list[i];
	}
	join_parts(p);
	free(list);
	*ret = p;
	return 0;
}

void hz_plan_free(struct hz_plan *plan)
{
	if (!plan)
		return;
	free(plan->cut);
	free(plan->part);
	free(plan);
}

void hz_plan_shorten(struct hz_plan *plan, size_t parts)
{
	if (plan->parts <= parts)
		return;
	plan->parts = parts;
	while (plan->cuts && plan->cut[plan->cuts - 1].part >= parts)
		plan->cuts--;
}

const struct hz_cut *hz_plan_find(const struct hz_plan *plan, const struct hz_stream *stream, size_t *at,
                                  int64_t seq, int64_t us)
{
	size_t i = *at;
	while (i < plan->cuts && (plan->cut[i].stream != stream || plan->cut[i].to_seq < seq))
		i++;
	*at = i;
	if (i == plan->cuts)
		return NULL;
	const struct hz_cut *c = &plan->cut[i];
	return seq >= c->from_seq && us < c->until_us ? c : NULL;
}

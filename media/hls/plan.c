#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/hls/internal.h"

#define SAME_US     10000   // units of different tracks this near are of one moment
#define BREAK_US    1000000 // discontinuities are not nearer to each other
#define NO_VIDEO_US 2000000 // a programme begins without its pictures after this

struct next { // the unit that comes next
	struct hz_hls_track *t;
	struct hz_hls_au *au;
	int64_t at_us; // programme time
	int64_t offset;
	bool jumped;
};

static int64_t longest(const struct hz_hls *h)
{
	return h->with.segment_us + HZ_HLS_SLACK_US;
}

static struct next look(const struct hz_hls *h, struct hz_hls_track *t)
{
	struct next n = {.t = t, .au = t->held.head};
	n.jumped = !hz_hls_locate(h, t, n.au, &n.offset);
	n.at_us = hz_hls_us(t, n.au->dts + n.offset);
	return n;
}

// A new programme's clock begins with its first unit.
static void set_origin(struct hz_hls *h, int64_t until_us)
{
	const struct hz_hls_au *first = NULL;
	for (unsigned i = 0; i < h->tracks; i++) {
		const struct hz_hls_au *au = h->track[i].held.head;
		if (au && au->mark_us <= until_us && (!first || au->mark_us < first->mark_us))
			first = au;
	}
	if (!first)
		return;
	h->seen = true;
	h->first_us = first->mark_us;
	h->origin_us = first->mark_us - 1000000; // room for pictures that are decoded before they are shown
}

static bool due(const struct hz_hls *h, const struct hz_hls_track *t, int64_t until_us)
{
	const struct hz_hls_au *au = t->held.head;
	return au && au->mark_us <= until_us && !(h->cut && au->mark_us >= h->cut_us);
}

static bool pick(struct hz_hls *h, int64_t until_us, struct next *ret)
{
	bool any = false;
	for (unsigned i = 0; i < h->tracks; i++) {
		struct hz_hls_track *t = &h->track[i];
		if (!due(h, t, until_us))
			continue;
		struct next n = look(h, t);
		if (!any || n.at_us < ret->at_us)
			*ret = n;
		any = true;
	}
	return any;
}

static struct hz_hls_au *take(struct hz_hls *h, struct hz_hls_track *t)
{
	struct hz_hls_au *au = hz_hls_list_take(&t->held);
	h->held_bytes -= au->bytes;
	h->stats.held_units--;
	return au;
}

static void drop(struct hz_hls *h, struct hz_hls_track *t)
{
	free(take(h, t));
	h->stats.dropped_units++;
}

static bool has_config(const struct hz_hls_track *t, const struct hz_hls_au *au)
{
	for (unsigned i = 0; i < t->maps; i++)
		if (t->map[i].id == t->map_id)
			return t->map[i].config_bytes == au->config_bytes &&
			       memcmp(t->map[i].config, au->data + au->bytes, au->config_bytes) == 0;
	return false;
}

// A keyframe that does not go on from what was before it.
static bool breaks(const struct next *n)
{
	if (!n->t->video || !n->au->key)
		return false;
	return n->jumped || (n->t->used && n->au->config_bytes && !has_config(n->t, n->au));
}

// One of this moment breaks: then the moment does, for all tracks.
static bool moment_breaks(const struct hz_hls *h, const struct next *n)
{
	bool any = breaks(n);
	for (unsigned i = 0; i < h->tracks && !any && !h->on_slate; i++) {
		struct hz_hls_track *t = (struct hz_hls_track *)&h->track[i];
		if (t == n->t || !t->held.head)
			continue;
		struct next other = look(h, t);
		any = llabs(other.at_us - n->at_us) <= SAME_US && breaks(&other);
	}
	return any;
}

static bool no_pictures(const struct hz_hls *h)
{
	for (unsigned i = 0; i < h->with.videos; i++)
		if (!h->track[i].waiting)
			return false;
	return true;
}

static bool at_begin(const struct hz_hls *h, int64_t at_us)
{
	return llabs(at_us - h->segment_at) <= 2 * SAME_US && hz_hls_output_fresh(h);
}

static void break_here(struct hz_hls *h, int64_t at_us)
{
	if (!at_begin(h, at_us)) {
		hz_hls_boundary(h, at_us, true);
	} else if (!h->broken[h->current % HZ_HLS_SEGMENTS] && h->current > h->with.first_sequence) {
		h->broken[h->current % HZ_HLS_SEGMENTS] = true;
		h->last_break_us = at_us;
		h->stats.discontinuities++;
	}
}

// Decides at a keyframe. False: the unit cannot be taken.
static bool at_key(struct hz_hls *h, const struct next *n)
{
	int64_t since = n->at_us - h->segment_at, key = n->at_us - h->last_key_us;
	bool anew = moment_breaks(h, n);
	if (anew && !at_begin(h, n->at_us) && n->at_us - h->last_break_us < BREAK_US)
		return false;
	if (key > 2 * SAME_US && key < h->with.segment_us * 2)
		h->gop_us = key;
	h->last_key_us = n->at_us;
	if (anew)
		break_here(h, n->at_us);
	else if (since > 2 * SAME_US &&
	         (since + h->gop_us > longest(h) || (no_pictures(h) && h->with.videos)))
		hz_hls_boundary(h, n->at_us, false);
	return true;
}

static bool begin(struct hz_hls *h, const struct next *n)
{
	bool late = n->au->mark_us - h->first_us > NO_VIDEO_US;
	if (n->t->video ? !n->au->key : h->with.videos && !late)
		return false;
	h->last_key_us = n->at_us;
	h->last_break_us = n->at_us - BREAK_US;
	hz_hls_boundary(h, n->at_us, false);
	return true;
}

// True: the unit may go into the running segment.
static bool admit_video(struct hz_hls *h, const struct next *n)
{
	struct hz_hls_track *t = n->t;
	const struct hz_hls_au *au = n->au;
	if (n->jumped && !au->key)
		t->waiting = true;
	if (au->key && !at_key(h, n))
		t->waiting = true;
	else if (au->key)
		t->waiting = false;
	if (!t->waiting && n->at_us - h->segment_at > longest(h))
		hz_hls_boundary(h, n->at_us, false); // without a keyframe: all wait for one
	if (t->waiting)
		return false;
	if (!au->key)
		return true;
	if (!au->config_bytes ? !t->writer
	                      : hz_hls_output_config(h, t, au->data + au->bytes, au->config_bytes) != 0)
		t->waiting = true;
	return !t->waiting;
}

static bool admit_sound(struct hz_hls *h, const struct next *n)
{
	int64_t since = n->at_us - h->segment_at;
	if (since > longest(h) || (!h->with.videos && since + n->au->duration * 125 / 6 > h->with.segment_us))
		hz_hls_boundary(h, n->at_us, false);
	return n->t->writer || hz_hls_output_config(h, n->t, NULL, 0) == 0;
}

static void step(struct hz_hls *h, const struct next *n)
{
	struct hz_hls_track *t = n->t;
	bool ok = h->begun ? n->at_us + HZ_HLS_HOLE_US >= h->segment_at : begin(h, n);
	if (ok)
		ok = t->video ? admit_video(h, n) : admit_sound(h, n);
	if (!ok) {
		drop(h, t);
		return;
	}
	if (!t->anchored || n->jumped || t->offset != n->offset)
		hz_hls_anchor(h, t, n->au, n->offset);
	struct hz_hls_au *au = take(h, t);
	au->pts += n->offset;
	au->dts += n->offset;
	hz_hls_output_add(h, t, au);
}

// --- the slate -----------------------------------------------------------------------------------------------------

static void begin_slate(struct hz_hls *h, int64_t until_us)
{
	h->on_slate = true;
	if (!h->seen) {
		h->seen = true;
		h->origin_us = until_us - 1000000;
	}
	int64_t at_us = h->cut_us - h->origin_us;
	if (at_us < h->shown_us - h->origin_us)
		at_us = h->shown_us - h->origin_us; // the cut came after its mark had been shown
	if (!h->begun)
		at_us = until_us - h->origin_us;
	else if (at_us < h->segment_at)
		at_us = h->segment_at;
	if (!h->begun)
		hz_hls_boundary(h, at_us, false);
	else
		break_here(h, at_us);
	h->last_key_us = at_us;
	hz_hls_slate_begin(h, at_us);
}

static void add_slate(struct hz_hls *h, struct hz_hls_track *t, int64_t at_us)
{
	struct next n = {.t = t, .at_us = at_us};
	if (hz_hls_slate_next(t, &n.au) != 0)
		return; // no memory: the next tick tries again
	n.offset = 0;
	bool ok = t->video ? admit_video(h, &n) : admit_sound(h, &n);
	if (ok)
		hz_hls_output_add(h, t, n.au);
	else
		free(n.au);
}

// The first moment at which live media can begin; drops what is before it. INT64_MAX: not yet.
static int64_t live_from(struct hz_hls *h, int64_t until_us)
{
	int64_t from_us = INT64_MAX;
	for (unsigned i = 0; h->resuming && i < h->tracks; i++) {
		struct hz_hls_track *t = &h->track[i];
		while (t->video && t->held.head && t->held.head->mark_us <= until_us && !t->held.head->key)
			drop(h, t);
		if ((!t->video && h->with.videos) || !t->held.head || t->held.head->mark_us > until_us)
			continue;
		struct next n = look(h, t);
		if (n.at_us < from_us)
			from_us = n.at_us;
	}
	return from_us > h->segment_at || from_us == INT64_MAX ? from_us : h->segment_at;
}

static void end_slate(struct hz_hls *h, int64_t at_us)
{
	h->on_slate = h->cut = h->resuming = false;
	break_here(h, at_us);
	h->last_key_us = at_us;
	for (unsigned i = 0; i < h->tracks; i++) {
		struct hz_hls_track *t = &h->track[i];
		t->anchored = false;
		while (!t->video && t->held.head && look(h, t).at_us < at_us)
			drop(h, t);
	}
}

// True: something was done.
static bool step_slate(struct hz_hls *h, int64_t until_us)
{
	int64_t live_us = live_from(h, until_us), at_us = INT64_MAX;
	struct hz_hls_track *t = NULL;
	for (unsigned i = 0; i < h->tracks; i++) {
		int64_t time = hz_hls_slate_time(&h->track[i]);
		if (time < at_us) {
			at_us = time;
			t = &h->track[i];
		}
	}
	if (t && at_us < live_us && at_us + h->origin_us <= until_us) {
		add_slate(h, t, at_us);
		return true;
	}
	if (live_us == INT64_MAX)
		return false;
	end_slate(h, live_us);
	return true;
}

static bool step_live(struct hz_hls *h, int64_t until_us)
{
	struct next n;
	if (!h->seen)
		set_origin(h, until_us);
	if (h->seen && pick(h, until_us, &n)) {
		step(h, &n);
		return true;
	}
	if (!h->cut || until_us < h->cut_us)
		return false;
	begin_slate(h, until_us);
	return true;
}

void hz_hls_plan(struct hz_hls *h, int64_t until_us)
{
	while (h->on_slate ? step_slate(h, until_us) : step_live(h, until_us))
		;
	h->shown_us = until_us;
	// nobody sends: players are told so, a segment at a time
	while (h->begun && until_us - h->origin_us - h->segment_at > longest(h) + HZ_HLS_FIT_US)
		hz_hls_boundary(h, h->segment_at + h->with.segment_us, false);
}

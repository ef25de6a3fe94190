// What must go again: files that left the window, and what a cut came too late for.
#include "media/hls/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// True: the file is not there any more.
static bool gone(struct hz_hls *h, const char *name)
{
	int err = h->with.store.remove(h->with.store.ctx, name);
	if (!err || err == -ENOENT)
		return true;
	hz_hls_failed(h, err);
	return false;
}

static void forget_file(struct hz_hls *h, struct hz_hls_track *t, uint64_t sequence)
{
	char name[96];
	struct hz_hls_seg *s = hz_hls_seg(t, sequence);
	snprintf(name, sizeof(name), "%s/%llu.m4s", t->name, (unsigned long long)sequence);
	if (s->on_disk && gone(h, name))
		s->on_disk = false;
}

static void forget_part_files(struct hz_hls *h, struct hz_hls_track *t, uint64_t sequence)
{
	char name[96];
	struct hz_hls_seg *s = hz_hls_seg(t, sequence);
	for (unsigned i = 0; s->part && i < s->parts; i++) {
		snprintf(name, sizeof(name), "%s/%llu.%u.m4s", t->name, (unsigned long long)sequence, i);
		if (s->part[i].on_disk && gone(h, name))
			s->part[i].on_disk = false;
		s->part[i].gap = true;
	}
}

void hz_hls_output_forget_parts(struct hz_hls *h, struct hz_hls_track *t, uint64_t sequence)
{
	struct hz_hls_seg *s = hz_hls_seg(t, sequence);
	forget_part_files(h, t, sequence);
	free(s->part);
	s->part = NULL;
	s->parts = 0;
}

void hz_hls_output_forget(struct hz_hls *h, struct hz_hls_track *t, uint64_t sequence)
{
	forget_file(h, t, sequence);
	if (hz_hls_seg(t, sequence)->part)
		hz_hls_output_forget_parts(h, t, sequence);
}

static void make_gap(struct hz_hls *h, struct hz_hls_track *t, uint64_t sequence)
{
	struct hz_hls_seg *s = hz_hls_seg(t, sequence);
	h->stats.gaps += !s->gap && sequence != h->current;
	forget_file(h, t, sequence);
	forget_part_files(h, t, sequence);
	s->gap = true;
	t->dirty = true;
	if (sequence == h->current) {
		t->bytes = 0;
		s->samples = 0;
	}
}

static void cut_unpublished(struct hz_hls *h, struct hz_hls_track *t, int64_t mark_us)
{
	if (t->pending && (t->pending->end_us > mark_us)) {
		free(t->pending);
		t->pending = NULL;
		h->stats.cut_units++;
	}
	h->stats.cut_units += hz_hls_list_cut(&t->part, mark_us);
	if (t->part.tail)
		t->at = t->part.tail->dts + t->part.tail->duration;
	else
		t->at = t->part_at;
}

void hz_hls_output_cut(struct hz_hls *h, struct hz_hls_track *t, int64_t mark_us)
{
	if (!h->begun)
		return;
	cut_unpublished(h, t, mark_us);
	for (uint64_t q = h->first_kept; q <= h->current; q++) {
		const struct hz_hls_seg *s = hz_hls_seg(t, q);
		if (s->end_us > mark_us && (!s->gap || s->on_disk || s->part))
			make_gap(h, t, q);
	}
}

void hz_hls_output_clear(struct hz_hls *h, struct hz_hls_track *t)
{
	if (!h->begun)
		return;
	cut_unpublished(h, t, INT64_MIN);
	if (hz_hls_seg(t, h->current)->end_us > INT64_MIN)
		make_gap(h, t, h->current);
}

#include "media/hls/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t part_ticks(const struct hz_hls *h, const struct hz_hls_track *t)
{
	return h->with.part_us * t->hz / 1000000;
}

// Where the running segment will end, if keyframes come as they did.
static int64_t expected_end(const struct hz_hls *h, const struct hz_hls_track *t)
{
	int64_t whole = h->with.segment_us;
	if (h->with.videos && h->gop_us > 0 && h->gop_us <= whole + HZ_HLS_SLACK_US)
		whole = (whole + HZ_HLS_SLACK_US) / h->gop_us * h->gop_us;
	return hz_hls_ticks(t, h->segment_at + whole);
}

// How long the running part may be: what is left of the segment goes into parts of the same number of units, so that the last one
// is no scrap. hls.js takes what lacks less than 250 ms of its segment for whole, and that piece would never be heard or seen.
static int64_t part_limit(const struct hz_hls *h, const struct hz_hls_track *t, int64_t unit)
{
	int64_t most = part_ticks(h, t), left = expected_end(h, t) - t->part_at;
	int64_t fit = most / unit, units = (left + unit / 2) / unit;
	if (fit < 1 || units <= fit)
		return most;
	int64_t parts = (units + fit - 1) / fit, each = (units + parts - 1) / parts * unit;
	bool allowed = each * 100 >= most * 86; // 4.4.4.9: not shorter than 85 % of the target
	return allowed && each + unit / 4 < most ? each + unit / 4 : most;
}

static int64_t hole_ticks(const struct hz_hls_track *t)
{
	return (int64_t)HZ_HLS_HOLE_US * t->hz / 1000000;
}

static struct hz_hls_part *next_part(struct hz_hls *h, struct hz_hls_track *t, int64_t end)
{
	struct hz_hls_seg *s = hz_hls_seg(t, h->current);
	if (s->parts >= HZ_HLS_PARTS)
		return NULL; // hostile: the segment goes on without parts
	struct hz_hls_part *p = &s->part[s->parts++];
	*p = (struct hz_hls_part){.ticks = end - t->part_at, .end_us = INT64_MIN, .gap = true};
	t->dirty = true;
	return p;
}

static bool append(struct hz_hls_track *t, const uint8_t *data, size_t bytes)
{
	size_t need = t->bytes + bytes;
	if (need > t->room) {
		size_t room = t->room ? t->room : 1 << 18;
		while (room < need)
			room *= 2;
		uint8_t *grown = room <= 2 * HZ_HLS_SEGMENT_BYTES ? realloc(t->data, room) : NULL;
		if (!grown)
			return false;
		t->data = grown;
		t->room = room;
	}
	memcpy(t->data + t->bytes, data, bytes);
	t->bytes += bytes;
	return true;
}

static int put_part(struct hz_hls *h, struct hz_hls_track *t, const uint8_t *data, size_t bytes)
{
	char name[96];
	struct hz_hls_seg *s = hz_hls_seg(t, h->current);
	snprintf(name, sizeof(name), "%s/%llu.%u.m4s", t->name, (unsigned long long)h->current, s->parts - 1);
	int err = h->with.store.put(h->with.store.ctx, name, data, bytes);
	if (err)
		hz_hls_failed(h, err);
	else
		h->stats.parts++;
	return err;
}

static int fragment(struct hz_hls_track *t, const uint8_t **ret, size_t *ret_bytes)
{
	unsigned n = 0;
	struct hz_fmp4_sample *sample = t->writer ? calloc(t->part.count, sizeof(*sample)) : NULL;
	if (!sample)
		return -ENOMEM;
	for (const struct hz_hls_au *au = t->part.head; au; au = au->next)
		sample[n++] = (struct hz_fmp4_sample){.data = au->data,
		                                      .bytes = au->bytes,
		                                      .pts = au->pts,
		                                      .dts = au->dts,
		                                      .duration = au->duration,
		                                      .key = au->key};
	int err = hz_fmp4_fragment(t->writer, sample, n, ret, ret_bytes);
	free(sample);
	return err;
}

// What is in the part becomes a file.
static void flush(struct hz_hls *h, struct hz_hls_track *t)
{
	struct hz_hls_seg *s = hz_hls_seg(t, h->current);
	struct hz_hls_au *au;
	const uint8_t *data = NULL;
	size_t bytes = 0;
	if (!t->part.head)
		return;
	struct hz_hls_part *p = next_part(h, t, t->at);
	bool ok = fragment(t, &data, &bytes) == 0;
	if (!ok) { // the next keyframe brings a new one
		hz_fmp4_free(t->writer);
		t->writer = NULL;
		t->waiting = t->video;
	}
	ok = ok && append(t, data, bytes);
	bool key = false;
	while ((au = hz_hls_list_take(&t->part))) {
		key |= au->key;
		if (p && au->end_us > p->end_us)
			p->end_us = au->end_us;
		s->end_us = au->end_us > s->end_us ? au->end_us : s->end_us;
		s->samples++;
		free(au);
	}
	s->gap |= !ok; // no memory, or not to be packaged: a hole would be in the segment
	if (p && ok && !s->gap && put_part(h, t, data, bytes) == 0) {
		p->gap = false;
		p->on_disk = true;
		p->independent = key;
	}
	t->part_at = t->at;
	t->used = true;
}

static void fill_gap(struct hz_hls *h, struct hz_hls_track *t, int64_t until)
{
	flush(h, t);
	while (t->at < until) {
		int64_t left = until - t->at, most = part_ticks(h, t);
		t->at += left < most ? left : most;
		(void)next_part(h, t, t->at);
		t->part_at = t->at;
	}
}

static void put(struct hz_hls *h, struct hz_hls_track *t, struct hz_hls_au *au, int64_t duration)
{
	int64_t most = part_ticks(h, t), late = t->at - au->dts;
	if (late >= duration || t->bytes + t->part.bytes + au->bytes > HZ_HLS_SEGMENT_BYTES) {
		t->waiting = t->video;
		h->stats.dropped_units++;
		free(au);
		return;
	}
	if (late > 0) { // begins before the one before has ended
		duration -= late;
		au->dts = t->at;
		au->pts = au->pts > au->dts ? au->pts : au->dts;
	}
	if (late < -hole_ticks(t) || -late + duration > most)
		fill_gap(h, t, au->dts);
	if (au->dts + duration - t->part_at >
	    part_limit(h, t, t->video && t->typical ? t->typical : duration))
		flush(h, t);
	au->duration = (uint32_t)duration;
	t->at = au->dts + duration;
	hz_hls_list_add(&t->part, au);
}

// The unit before lasts until `next`, if that is not a hole.
static void finish(struct hz_hls *h, struct hz_hls_track *t, int64_t next)
{
	struct hz_hls_au *au = t->pending;
	int64_t lasts = next - au->dts, most = part_ticks(h, t);
	if (t->video && lasts > 0 && lasts <= most)
		t->typical = (uint32_t)lasts;
	else if (t->video)
		lasts = t->typical ? t->typical : t->hz / 25;
	else if (lasts <= 0 || lasts > au->duration + hole_ticks(t))
		lasts = au->duration;
	t->pending = NULL;
	put(h, t, au, lasts < most ? lasts : most);
}

static void hand_out(const struct hz_hls *h, const struct hz_hls_track *t, const struct hz_hls_au *au)
{
	const struct hz_hls_out unit = {.track = t->index,
	                                .key = au->key,
	                                .data = au->data,
	                                .bytes = au->bytes,
	                                .config_bytes = au->config_bytes,
	                                .pts_us = hz_hls_us(t, au->pts) + h->origin_us,
	                                .dts_us = hz_hls_us(t, au->dts) + h->origin_us};
	if (h->with.out)
		h->with.out(h->with.ctx, &unit);
}

void hz_hls_output_add(struct hz_hls *h, struct hz_hls_track *t, struct hz_hls_au *au)
{
	if (t->pending && au->dts <= t->pending->dts) {
		h->stats.dropped_units++;
		t->waiting = t->video;
		free(au);
		return;
	}
	if (t->pending)
		finish(h, t, au->dts);
	t->pending = au;
	hand_out(h, t, au);
}

static void measure(const struct hz_hls *h, struct hz_hls_track *t, const struct hz_hls_seg *s)
{
	int64_t us = hz_hls_us(t, s->ticks);
	t->sum_bits += s->bytes * 8;
	t->sum_ticks += s->ticks;
	if (us < h->with.segment_us / 2)
		return;
	uint64_t bps = s->bytes * 8 * 1000000 / (uint64_t)us;
	uint32_t rate = (uint32_t)((uint64_t)s->samples * t->hz * 1000 / (uint64_t)s->ticks);
	for (unsigned i = 0; i < s->parts; i++)
		rate = s->part[i].gap ? 0 : rate; // with a hole it says nothing
	t->peak_bps = bps > t->peak_bps ? bps : t->peak_bps;
	if (t->video && rate > t->frame_rate_milli && (!h->on_slate || !t->frame_rate_milli))
		t->frame_rate_milli = rate;
}

void hz_hls_output_close(struct hz_hls *h, struct hz_hls_track *t, int64_t at)
{
	struct hz_hls_seg *s = hz_hls_seg(t, h->current);
	char name[96];
	if (t->pending) {
		int64_t lasts = at - t->pending->dts;
		bool near = t->video && lasts > 0 && lasts <= 2 * (int64_t)t->typical;
		finish(h, t, near ? at : INT64_MAX / 2);
	}
	flush(h, t);
	if (at - t->at > hole_ticks(t))
		fill_gap(h, t, at);
	if (t->at <= s->start)
		fill_gap(h, t, s->start + 1 > at ? s->start + 1 : at);
	s->ticks = t->at - s->start;
	s->bytes = t->bytes;
	s->map = t->map_id;
	if (!s->gap && s->samples) {
		snprintf(name, sizeof(name), "%s/%llu.m4s", t->name, (unsigned long long)h->current);
		int err = h->with.store.put(h->with.store.ctx, name, t->data, t->bytes);
		if (err)
			hz_hls_failed(h, err);
		s->on_disk = err == 0;
	}
	s->gap = !s->on_disk;
	h->stats.segments += s->on_disk;
	h->stats.gaps += s->gap;
	if (s->on_disk)
		measure(h, t, s);
	t->bytes = 0;
	t->dirty = true;
}

void hz_hls_output_open(struct hz_hls *h, struct hz_hls_track *t)
{
	struct hz_hls_seg *s = hz_hls_seg(t, h->current);
	struct hz_hls_part *part = calloc(HZ_HLS_PARTS, sizeof(*part));
	if (h->current == h->with.first_sequence)
		t->at = hz_hls_ticks(t, h->segment_at);
	*s = (struct hz_hls_seg){.start = t->at, .end_us = INT64_MIN, .part = part};
	s->parts = part ? 0 : HZ_HLS_PARTS; // without memory the segment has no parts to show
	t->part_at = t->at;
	t->waiting = t->video;
}

bool hz_hls_output_fresh(const struct hz_hls *h)
{
	for (unsigned i = 0; i < h->tracks; i++)
		if (hz_hls_seg(&h->track[i], h->current)->parts)
			return false;
	return true;
}

#include <errno.h>
#include <stdlib.h>

#include "media/hls/internal.h"

void hz_hls_slate_begin(struct hz_hls *h, int64_t at_us)
{
	for (unsigned i = 0; i < h->tracks; i++) {
		struct hz_hls_track *t = &h->track[i];
		t->slate_at = t->slate.head;
		t->slate_base = hz_hls_ticks(t, at_us);
	}
}

int64_t hz_hls_slate_time(const struct hz_hls_track *t)
{
	if (!t->slate_at)
		return INT64_MAX;
	return hz_hls_us(t, t->slate_base + t->slate_at->dts - t->slate.head->dts);
}

int hz_hls_slate_next(struct hz_hls_track *t, struct hz_hls_au **ret)
{
	struct hz_hls_au *au;
	int err = hz_hls_au_copy(t->slate_at, &au);
	if (err)
		return err;
	int64_t shift = t->slate_base - t->slate.head->dts;
	au->pts += shift;
	au->dts += shift;
	au->end_us = INT64_MIN;
	t->slate_at = t->slate_at->next;
	if (!t->slate_at) {
		t->slate_at = t->slate.head;
		t->slate_base += t->slate_period;
	}
	*ret = au;
	return 0;
}

// The next unit follows the last one as that follows the one before it.
static void measure(struct hz_hls_track *t)
{
	const struct hz_hls_au *last = t->slate.tail, *before = t->slate.head;
	int64_t step = last->duration ? last->duration : t->hz / 25;
	while (before->next && before->next != last)
		before = before->next;
	if (t->video && before != last)
		step = last->dts - before->dts;
	t->slate_period = last->dts - t->slate.head->dts + step;
}

int hz_hls_slate(struct hz_hls *h, unsigned track, const struct hz_hls_unit *unit)
{
	struct hz_hls_track *t = track < h->tracks ? &h->track[track] : NULL;
	struct hz_hls_au *au;
	if (!t || unit->dts > unit->pts || unit->pts > 1ll << 32 || unit->dts < -(1ll << 32))
		return -EINVAL;
	if (h->on_slate || t->slate.count >= HZ_HLS_SLATE_UNITS)
		return -ENOBUFS;
	uint32_t ticks = t->codec == HZ_HLS_AAC ? 1024 : hz_hls_opus_ticks(unit->data, unit->bytes);
	int err = t->video ? hz_hls_au_video(unit, t->framing, &au) : hz_hls_au_sound(unit, ticks, &au);
	if (err)
		return err;
	if (t->slate.tail && !t->video) // sound follows without holes, whatever its pts
		au->dts = au->pts = t->slate.tail->dts + t->slate.tail->duration;
	bool bad = t->slate.tail ? au->dts <= t->slate.tail->dts : t->video && !(au->key && au->config_bytes);
	if (bad) {
		free(au);
		return -EINVAL;
	}
	hz_hls_list_add(&t->slate, au);
	measure(t);
	return 0;
}

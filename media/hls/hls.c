#include "media/hls/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WINDOW_US 3600000000ll
#define MAX_DELAY_US  300000000ll
#define MAX_JUMP_US   3600000000ll // of the caller's clock between two ticks
#define AHEAD_US      5000000      // that a unit may be captured after the newest tick
#define MAX_PTS       (1ll << 53)
#define MAX_REORDER   900000 // ticks from dts to pts

static bool good_name(const char *name)
{
	size_t n = name ? strlen(name) : 0;
	return n > 0 && n < 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static bool good_text(const char *text, size_t room)
{
	if (!text || strlen(text) >= room)
		return false;
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == '"' || *p == 0x7f)
			return false;
	return true;
}

// ISO/IEC 14496-3 1.6.2.1: object type 2, index 3 (48 kHz).
static bool good_aac(const struct hz_hls_sound_open *s)
{
	return s->config_bytes >= 2 && s->config_bytes <= 16 && s->config[0] >> 3 == 2 &&
	       ((s->config[0] & 7) << 1 | s->config[1] >> 7) == 3 && (s->config[1] >> 3 & 15) == s->channels;
}

static int open_video(struct hz_hls_track *t, const struct hz_hls_video_open *with)
{
	if (!good_name(with->name) || (with->framing != HZ_HLS_ANNEXB && with->framing != HZ_HLS_AVCC))
		return -EINVAL;
	t->video = true;
	t->hz = 90000;
	t->framing = with->framing;
	snprintf(t->name, sizeof(t->name), "%s", with->name);
	return 0;
}

static int open_sound(struct hz_hls_track *t, const struct hz_hls_sound_open *with)
{
	const char *title = with->title ? with->title : with->name,
	           *language = with->language ? with->language : "";
	if (!good_name(with->name) || !good_text(title, sizeof(t->title)) ||
	    !good_text(language, sizeof(t->language)))
		return -EINVAL;
	if ((with->codec == HZ_HLS_AAC && !good_aac(with)) || with->channels < 1 || with->channels > 2 ||
	    (with->codec != HZ_HLS_AAC && with->codec != HZ_HLS_OPUS))
		return -EINVAL;
	t->hz = 48000;
	t->codec = with->codec;
	t->channels = with->channels;
	snprintf(t->name, sizeof(t->name), "%s", with->name);
	snprintf(t->title, sizeof(t->title), "%s", title);
	snprintf(t->language, sizeof(t->language), "%s", language);
	snprintf(t->codecs, sizeof(t->codecs), "%s", with->codec == HZ_HLS_AAC ? "mp4a.40.2" : "opus");
	if (with->codec == HZ_HLS_AAC) {
		memcpy(t->sound_config, with->config, with->config_bytes);
		t->sound_config_bytes = with->config_bytes;
	}
	return 0;
}

static void set_defaults(struct hz_hls_open *w)
{
	w->delay_us = w->delay_us ? w->delay_us : 10000000;
	w->window_us = w->window_us ? w->window_us : 1800000000;
	w->segment_us = w->segment_us ? w->segment_us : 4000000;
	w->part_us = w->part_us ? w->part_us : 360000;
	w->hold_bytes = w->hold_bytes ? w->hold_bytes : 256u << 20;
}

static bool good_times(const struct hz_hls_open *w)
{
	return w->delay_us >= HZ_HLS_MIN_DELAY_US && w->delay_us <= MAX_DELAY_US &&
	       w->segment_us >= 2000000 && w->segment_us <= 10000000 && w->segment_us % 1000000 == 0 &&
	       w->part_us >= 100000 && w->part_us <= w->segment_us / 2 && w->window_us >= 3 * w->segment_us &&
	       w->window_us <= MAX_WINDOW_US;
}

static int open_tracks(struct hz_hls *h)
{
	for (unsigned i = 0; i < h->tracks; i++) {
		struct hz_hls_track *t = &h->track[i];
		t->index = i;
		t->next_map = (uint32_t)h->with.first_sequence | 1;
		int err = i < h->with.videos ? open_video(t, &h->with.video[i])
		                             : open_sound(t, &h->with.sound[i - h->with.videos]);
		for (unsigned k = 0; k < i && !err; k++)
			err = strcmp(t->name, h->track[k].name) == 0 ? -EINVAL : 0;
		if (err)
			return err;
		t->seg = calloc(HZ_HLS_SEGMENTS, sizeof(*t->seg));
		if (!t->seg)
			return -ENOMEM;
	}
	return 0;
}

int hz_hls_new(const struct hz_hls_open *with, struct hz_hls **ret)
{
	if (with->videos > HZ_HLS_VIDEOS || with->sounds > HZ_HLS_SOUNDS || with->videos + with->sounds == 0)
		return -EINVAL;
	struct hz_hls *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->with = *with;
	set_defaults(&h->with);
	h->tracks = with->videos + with->sounds;
	h->first_kept = h->first_listed = h->parts_from = h->current = h->breaks_before =
	    with->first_sequence;
	h->gop_us = h->with.segment_us / 2;
	int err = good_times(&h->with) ? open_tracks(h) : -EINVAL;
	if (err) {
		hz_hls_free(h);
		return err;
	}
	*ret = h;
	return 0;
}

static void free_list(struct hz_hls_list *list)
{
	struct hz_hls_au *au;
	while ((au = hz_hls_list_take(list)))
		free(au);
}

void hz_hls_free(struct hz_hls *h)
{
	for (unsigned i = 0; h && i < h->tracks; i++) {
		struct hz_hls_track *t = &h->track[i];
		free_list(&t->held);
		free_list(&t->slate);
		free_list(&t->part);
		free(t->pending);
		hz_fmp4_free(t->writer);
		free(t->data);
		for (unsigned k = 0; t->seg && k < HZ_HLS_SEGMENTS; k++)
			free(t->seg[k].part);
		free(t->seg);
	}
	if (h)
		free(h->master);
	free(h);
}

void hz_hls_failed(struct hz_hls *h, int err)
{
	h->stats.store_errors++;
	h->error = h->error ? h->error : err;
}

static int finish_call(struct hz_hls *h)
{
	hz_hls_publish(h);
	int err = h->error;
	h->error = 0;
	return err;
}

// pts and dts may have wrapped at different units.
static int check_times(const struct hz_hls *h, const struct hz_hls_track *t, struct hz_hls_unit *unit)
{
	if (unit->pts < -MAX_PTS || unit->pts > MAX_PTS || unit->dts < -MAX_PTS || unit->dts > MAX_PTS ||
	    unit->mark_us < 0 || unit->mark_us > HZ_HLS_MAX_MARK_US)
		return -EINVAL;
	if (h->now_us && unit->mark_us > h->now_us + AHEAD_US)
		return -EINVAL;
	int64_t reorder = unit->pts - unit->dts;
	if (reorder < 0)
		reorder += reorder + (1ll << 32) >= 0 ? 1ll << 32 : 1ll << 33;
	if (!t->video)
		reorder = 0;
	if (reorder < 0 || reorder > MAX_REORDER)
		return -EINVAL;
	unit->dts = unit->pts - reorder;
	return 0;
}

static int hold(struct hz_hls *h, struct hz_hls_track *t, struct hz_hls_au *au)
{
	if ((t->refused && !au->key) || h->held_bytes + au->bytes > h->with.hold_bytes) {
		t->refused = t->video;
		free(au);
		return -ENOBUFS;
	}
	t->refused = false;
	hz_hls_list_add(&t->held, au);
	h->held_bytes += au->bytes;
	h->stats.held_units++;
	return 0;
}

int hz_hls_push(struct hz_hls *h, unsigned track, const struct hz_hls_unit *unit)
{
	struct hz_hls_track *t = track < h->tracks ? &h->track[track] : NULL;
	struct hz_hls_unit u = *unit;
	struct hz_hls_au *au = NULL;
	if (!t || h->ended)
		return -EINVAL;
	int err = check_times(h, t, &u);
	uint32_t ticks = t->codec == HZ_HLS_AAC ? 1024 : hz_hls_opus_ticks(u.data, u.bytes);
	if (!err)
		err = t->video ? hz_hls_au_video(&u, t->framing, &au) : hz_hls_au_sound(&u, ticks, &au);
	if (!err && h->cut && au->end_us > h->cut_us && !(h->resuming && au->mark_us >= h->resume_us)) {
		h->stats.cut_units++;
		free(au);
		return 0;
	}
	if (!err)
		err = hold(h, t, au);
	h->stats.refused_units += err != 0;
	return err;
}

int hz_hls_tick(struct hz_hls *h, int64_t now_us)
{
	if (now_us < 0 || now_us > HZ_HLS_MAX_MARK_US || h->ended ||
	    (h->now_us && now_us > h->now_us + MAX_JUMP_US))
		return -EINVAL;
	if (now_us > h->now_us)
		h->now_us = now_us;
	hz_hls_plan(h, h->now_us - h->with.delay_us);
	return finish_call(h);
}

static void cut_held(struct hz_hls *h, struct hz_hls_track *t, int64_t mark_us)
{
	size_t before = t->held.bytes;
	unsigned dropped = hz_hls_list_cut(&t->held, mark_us);
	h->held_bytes -= before - t->held.bytes;
	h->stats.held_units -= dropped;
	h->stats.cut_units += dropped;
}

int hz_hls_cut(struct hz_hls *h, int64_t mark_us)
{
	if (mark_us < 0 || mark_us > HZ_HLS_MAX_MARK_US || h->ended)
		return -EINVAL;
	if (h->cut && mark_us > h->cut_us)
		mark_us = h->cut_us; // also what was to come back is dropped
	h->cut = true;
	h->resuming = false;
	h->cut_us = mark_us;
	for (unsigned i = 0; i < h->tracks; i++) {
		cut_held(h, &h->track[i], mark_us);
		hz_hls_output_cut(h, &h->track[i], mark_us);
	}
	return finish_call(h);
}

int hz_hls_clear(struct hz_hls *h)
{
	if (h->ended)
		return -EINVAL;
	for (unsigned i = 0; i < h->tracks; i++) {
		cut_held(h, &h->track[i], INT64_MIN);
		hz_hls_output_clear(h, &h->track[i]);
	}
	if (!h->cut || h->cut_us > h->shown_us)
		h->cut_us = h->shown_us; // what is out until here stays
	h->cut = true;
	h->resuming = false;
	return finish_call(h);
}

int hz_hls_resume(struct hz_hls *h, int64_t mark_us)
{
	if (!h->cut)
		return -EALREADY;
	if (mark_us < h->cut_us || mark_us > HZ_HLS_MAX_MARK_US || h->ended)
		return -EINVAL;
	h->resuming = true;
	h->resume_us = mark_us;
	return 0;
}

int hz_hls_end(struct hz_hls *h)
{
	if (h->ended)
		return -EINVAL;
	if (h->begun) {
		int64_t end_us = h->segment_at;
		for (unsigned i = 0; i < h->tracks; i++) {
			struct hz_hls_track *t = &h->track[i];
			int64_t at = t->pending
			                 ? t->pending->dts + (t->video ? t->typical : t->pending->duration)
			                 : t->at;
			end_us = hz_hls_us(t, at) > end_us ? hz_hls_us(t, at) : end_us;
		}
		if (end_us > h->segment_at)
			hz_hls_boundary(h, end_us, false);
	}
	h->ended = true;
	for (unsigned i = 0; i < h->tracks; i++) {
		h->held_bytes -= h->track[i].held.bytes;
		free_list(&h->track[i].held);
		h->track[i].dirty = true;
	}
	h->stats.held_units = 0;
	return finish_call(h);
}

void hz_hls_window(struct hz_hls *h, int64_t window_us)
{
	int64_t least_us = 3 * h->with.segment_us;
	if (window_us < h->with.window_us)
		h->with.window_us = window_us > least_us ? window_us : least_us;
}

void hz_hls_stats(const struct hz_hls *h, struct hz_hls_stats *ret)
{
	*ret = h->stats;
	ret->held_bytes = h->held_bytes;
	ret->cut = h->cut;
	ret->slate = h->on_slate;
}

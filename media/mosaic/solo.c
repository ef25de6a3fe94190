#include "media/mosaic/solo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/mosaic/stage.h"
#include "media/picture/blit.h"
#include "media/picture/mask.h"

struct hz_solo {
	struct hz_canvas canvas;
	struct hz_blit *blit;
	AVFrame *painted;
	uint32_t ssrc;
	uint64_t serial; // that was drawn, or was there before
	bool drawn;
	int64_t begin_us, encoded_us, age_us, asked_us;
};

bool hz_solo_good(const struct hz_mosaic_rendition_set *set)
{
	if (!set->member)
		return !set->mask_count;
	for (unsigned i = 0; i < set->mask_count && i < HZ_MOSAIC_MASKS; i++) {
		const struct hz_mosaic_mask *m = &set->mask[i];
		if (!m->w || !m->h || m->x + m->w > (int)HZ_MOSAIC_UNIT || m->y + m->h > (int)HZ_MOSAIC_UNIT)
			return false;
	}
	return set->height == HZ_STAGE_HEIGHT && set->mask_count && set->mask_count <= HZ_MOSAIC_MASKS;
}

bool hz_solo_same(const struct hz_mosaic_rendition_set *a, const struct hz_mosaic_rendition_set *b)
{
	return a->member == b->member && a->mask_count == b->mask_count && a->fill == b->fill &&
	       memcmp(a->mask, b->mask, a->mask_count * sizeof(a->mask[0])) == 0;
}

int hz_solo_new(struct hz_solo **ret)
{
	struct hz_solo *s = calloc(1, sizeof(*s));
	int err = s ? hz_canvas_new(HZ_STAGE_WIDTH, HZ_STAGE_HEIGHT, &s->canvas) : -ENOMEM;
	if (!err && (!(s->blit = hz_blit_new_fast()) || !(s->painted = av_frame_alloc())))
		err = -ENOMEM;
	if (err)
		hz_solo_free(s);
	else
		*ret = s;
	return err;
}

void hz_solo_free(struct hz_solo *solo)
{
	if (!solo)
		return;
	hz_canvas_free(&solo->canvas);
	hz_blit_free(solo->blit);
	av_frame_free(&solo->painted);
	free(solo);
}

const struct hz_canvas *hz_solo_canvas(const struct hz_solo *solo)
{
	return &solo->canvas;
}

int64_t hz_solo_age_us(const struct hz_solo *solo)
{
	return solo->age_us;
}

bool hz_solo_asks(struct hz_solo *solo, int64_t now_us)
{
	if (solo->drawn || now_us - solo->asked_us < HZ_SOURCE_ASK_US)
		return false;
	solo->asked_us = now_us;
	return true;
}

// The decoder keeps its frame, and the composed picture shows it as it is.
static int copy(AVFrame *to, const AVFrame *from)
{
	bool fits = to->data[0] && to->width == from->width && to->height == from->height &&
	            to->format == from->format;
	if (!fits) {
		av_frame_unref(to);
		to->width = from->width;
		to->height = from->height;
		to->format = from->format;
		if (av_frame_get_buffer(to, 0) < 0) {
			av_frame_unref(to);
			return -ENOMEM;
		}
	}
	return av_frame_copy(to, from) < 0 ? -ENOTSUP : 0;
}

static int paint(struct hz_solo *s, const struct hz_mosaic_rendition_set *set, const AVFrame *frame)
{
	const struct hz_rect all = {0, 0, HZ_STAGE_WIDTH, HZ_STAGE_HEIGHT};
	int err = copy(s->painted, frame);
	for (unsigned i = 0; i < set->mask_count && !err; i++) {
		const uint16_t part[4] = {set->mask[i].x, set->mask[i].y, set->mask[i].w, set->mask[i].h};
		err = hz_mask_paint(s->painted, hz_mask_rect(part, frame->width, frame->height), set->fill);
	}
	return err ? err : hz_blit_frame(s->blit, &s->canvas, all, s->painted);
}

bool hz_solo_draw(struct hz_solo *solo, const struct hz_mosaic_rendition_set *set,
                  const struct hz_source_picture *picture, int64_t now_us)
{
	struct hz_solo *s = solo;
	if (s->ssrc != set->ssrc) {
		s->ssrc = set->ssrc;
		s->begin_us = s->asked_us = now_us; // most sources send a picture soon
		s->drawn = false;
	}
	if (!picture->frame) {
		s->drawn = false;
		return false;
	}
	bool fresh = picture->arrived_us > s->begin_us && (!s->drawn || picture->serial != s->serial);
	if (fresh && paint(s, set, picture->frame)) {
		s->drawn = false; // not even the one of before: somebody might take it for now
		return false;
	}
	if (fresh) {
		s->drawn = true;
		s->serial = picture->serial;
		s->age_us = now_us - picture->captured_us;
	}
	bool due = s->drawn && (fresh || now_us - s->encoded_us >= HZ_SOLO_STILL_US);
	if (due)
		s->encoded_us = now_us;
	return due;
}

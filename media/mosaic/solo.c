#include "media/mosaic/solo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/mosaic/sheet.h"
#include "media/mosaic/stage.h"
#include "media/picture/blit.h"
#include "media/picture/mask.h"

struct part {
	struct hz_blit *blit;
	AVFrame *painted;
	uint64_t serial; // that was drawn, or was there before
	bool drawn;
	int64_t age_us, asked_us;
};

struct hz_solo {
	struct hz_canvas canvas;
	struct part part[HZ_MOSAIC_PARTS];
	struct hz_rect rect[HZ_MOSAIC_PARTS];
	uint32_t ssrc;
	bool shown;                             // what is drawn goes out
	int64_t begin_us, first_us, encoded_us; // first_us: any was drawn; 0: none yet
};

struct masks { // of a part
	const struct hz_mosaic_mask *mask;
	unsigned count;
	uint8_t fill;
};

// --- what a rendition says

unsigned hz_solo_parts(const struct hz_mosaic_rendition_set *set)
{
	return set->member ? 1u + set->beside_count : 0;
}

uint32_t hz_solo_member(const struct hz_mosaic_rendition_set *set, unsigned part)
{
	return part ? set->beside[part - 1].member : set->member;
}

static struct masks masks_of(const struct hz_mosaic_rendition_set *set, unsigned part)
{
	const struct hz_mosaic_beside *beside = part ? &set->beside[part - 1] : NULL;
	return beside ? (struct masks){beside->mask, beside->mask_count, beside->fill}
	              : (struct masks){set->mask, set->mask_count, set->fill};
}

static bool good_masks(struct masks masks)
{
	for (unsigned i = 0; i < masks.count && i < HZ_MOSAIC_MASKS; i++) {
		const struct hz_mosaic_mask *m = &masks.mask[i];
		if (!m->w || !m->h || m->x + m->w > (int)HZ_MOSAIC_UNIT || m->y + m->h > (int)HZ_MOSAIC_UNIT)
			return false;
	}
	return masks.count <= HZ_MOSAIC_MASKS;
}

bool hz_solo_good(const struct hz_mosaic_rendition_set *set)
{
	bool several = set->beside_count > 0;
	if (!set->member)
		return !set->mask_count && !several && !set->air;
	if (set->beside_count >= HZ_MOSAIC_PARTS || set->air >= HZ_MOSAIC_AIRS ||
	    several != (set->air != HZ_MOSAIC_AIR_ALONE) || (!several && !set->mask_count))
		return false;
	for (unsigned i = 0; i < hz_solo_parts(set); i++) {
		if (!hz_solo_member(set, i) || !good_masks(masks_of(set, i)))
			return false;
		for (unsigned k = 0; k < i; k++)
			if (hz_solo_member(set, k) == hz_solo_member(set, i))
				return false;
	}
	return set->height == HZ_STAGE_HEIGHT;
}

static bool same_masks(struct masks a, struct masks b)
{
	return a.count == b.count && a.fill == b.fill &&
	       memcmp(a.mask, b.mask, a.count * sizeof(a.mask[0])) == 0;
}

bool hz_solo_same(const struct hz_mosaic_rendition_set *a, const struct hz_mosaic_rendition_set *b)
{
	bool same = a->air == b->air && hz_solo_parts(a) == hz_solo_parts(b) && a->member == b->member &&
	            same_masks(masks_of(a, 0), masks_of(b, 0));
	for (unsigned i = 1; same && i < hz_solo_parts(a); i++)
		same = hz_solo_member(a, i) == hz_solo_member(b, i) &&
		       same_masks(masks_of(a, i), masks_of(b, i));
	return same;
}

// --- life

int hz_solo_new(struct hz_solo **ret)
{
	struct hz_solo *s = calloc(1, sizeof(*s));
	int err = s ? hz_canvas_new(HZ_STAGE_WIDTH, HZ_STAGE_HEIGHT, &s->canvas) : -ENOMEM;
	for (unsigned i = 0; !err && i < HZ_MOSAIC_PARTS; i++) {
		struct part *p = &s->part[i];
		if (!(p->blit = hz_blit_new_fast()) || !(p->painted = av_frame_alloc()))
			err = -ENOMEM;
	}
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
	for (unsigned i = 0; i < HZ_MOSAIC_PARTS; i++) {
		hz_blit_free(solo->part[i].blit);
		av_frame_free(&solo->part[i].painted);
	}
	hz_canvas_free(&solo->canvas);
	free(solo);
}

const struct hz_canvas *hz_solo_canvas(const struct hz_solo *solo)
{
	return &solo->canvas;
}

int64_t hz_solo_age_us(const struct hz_solo *solo)
{
	for (unsigned i = 0; i < HZ_MOSAIC_PARTS; i++)
		if (solo->part[i].drawn)
			return solo->part[i].age_us;
	return 0;
}

bool hz_solo_asks(struct hz_solo *solo, unsigned part, int64_t now_us)
{
	struct part *p = &solo->part[part];
	if (p->drawn || now_us - p->asked_us < HZ_SOURCE_ASK_US)
		return false;
	p->asked_us = now_us;
	return true;
}

// --- drawing

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

static int paint(struct hz_solo *s, unsigned part, struct masks masks, const AVFrame *frame)
{
	struct part *p = &s->part[part];
	int err = masks.count ? copy(p->painted, frame) : 0;
	for (unsigned i = 0; i < masks.count && !err; i++) {
		const struct hz_mosaic_mask *m = &masks.mask[i];
		const uint16_t region[4] = {m->x, m->y, m->w, m->h};
		err =
		    hz_mask_paint(p->painted, hz_mask_rect(region, frame->width, frame->height), masks.fill);
	}
	return err ? err
	           : hz_blit_frame(p->blit, &s->canvas, s->rect[part], masks.count ? p->painted : frame);
}

static void begin(struct hz_solo *s, const struct hz_mosaic_rendition_set *set, int64_t now_us)
{
	const struct hz_rect all = {0, 0, HZ_STAGE_WIDTH, HZ_STAGE_HEIGHT};
	s->ssrc = set->ssrc;
	s->begin_us = now_us;
	s->first_us = 0;
	s->shown = false;
	for (unsigned i = 0; i < HZ_MOSAIC_PARTS; i++) {
		s->part[i].drawn = false;
		s->part[i].asked_us = now_us; // most sources send a picture soon
	}
	hz_sheet_make(set->air, hz_solo_parts(set), s->rect);
	hz_canvas_fill(&s->canvas, all, HZ_COLOUR_BACK);
}

// Not even the picture of before: somebody might take it for now. True: it was there.
static bool blank(struct hz_solo *s, unsigned part)
{
	bool was = s->part[part].drawn;
	s->part[part].drawn = false;
	if (was)
		hz_canvas_fill(&s->canvas, s->rect[part], HZ_COLOUR_BACK);
	return was;
}

// True: its place looks otherwise than before.
static bool draw_part(struct hz_solo *s, const struct hz_mosaic_rendition_set *set, unsigned part,
                      const struct hz_source_picture *picture, int64_t now_us)
{
	struct part *p = &s->part[part];
	if (!picture->frame)
		return blank(s, part);
	if (picture->arrived_us <= s->begin_us || (p->drawn && picture->serial == p->serial))
		return false;
	if (paint(s, part, masks_of(set, part), picture->frame)) {
		p->drawn = true; // half of it, perhaps
		return blank(s, part);
	}
	p->drawn = true;
	p->serial = picture->serial;
	p->age_us = now_us - picture->captured_us;
	return true;
}

bool hz_solo_draw(struct hz_solo *solo, const struct hz_mosaic_rendition_set *set,
                  const struct hz_source_picture *picture, int64_t now_us)
{
	struct hz_solo *s = solo;
	unsigned count = hz_solo_parts(set), drawn = 0;
	bool fresh = false;
	if (s->ssrc != set->ssrc)
		begin(s, set, now_us);
	for (unsigned i = 0; i < count; i++) {
		fresh |= draw_part(s, set, i, &picture[i], now_us);
		drawn += s->part[i].drawn;
	}
	if (!drawn)
		return false;
	if (!s->first_us)
		s->first_us = now_us;
	s->shown |= drawn == count || now_us - s->first_us >= HZ_SOLO_WAIT_US;
	bool due = s->shown && (fresh || now_us - s->encoded_us >= HZ_SOLO_STILL_US);
	if (due)
		s->encoded_us = now_us;
	return due;
}

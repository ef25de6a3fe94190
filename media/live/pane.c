#include "media/live/pane.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define AGAIN_US   500000
#define AHEAD      6u // objects to each side of the one that is shown
#define CINE_MOST  25.0
#define CINE_LEAST 0.001 // what is slower stands: its next frame is beyond all time

void hz_live_shown_done(struct hz_live_shown *shown)
{
	hz_rendered_done(&shown->pixels);
	hz_rendered_done(&shown->bare);
	memset(shown, 0, sizeof(*shown));
}

static bool same_series(const struct hz_live_ref *a, const struct hz_live_ref *b)
{
	return strcmp(a->pacs, b->pacs) == 0 && strcmp(a->study, b->study) == 0 &&
	       strcmp(a->series, b->series) == 0;
}

static bool same_object(const struct hz_live_ref *a, const struct hz_live_ref *b)
{
	return same_series(a, b) && strcmp(a->instance, b->instance) == 0;
}

bool hz_live_shown_set(struct hz_live_shown *shown, const struct hz_live_pane *want, int64_t now_us)
{
	if (memcmp(&shown->want, want, sizeof(*want)) == 0)
		return false;
	bool cine = shown->want.frame != want->frame || shown->want.cine != want->cine ||
	            !same_object(&shown->want.image, &want->image);
	if (!same_series(&shown->want.image, &want->image)) { // never another patient's for a moment longer
		hz_rendered_done(&shown->pixels);
		shown->there = false;
		shown->serial = 0;
	}
	if (cine) {
		shown->since_us = now_us;
		shown->counted = 0;
	}
	shown->want = *want;
	shown->next_us = 0;
	return true;
}

static uint32_t frame_now(struct hz_live_shown *s, uint32_t frames, int64_t now_us)
{
	double rate = s->want.cine > 0 ? fmin(s->want.cine, CINE_MOST) : 0;
	uint32_t at = s->want.frame < frames ? s->want.frame : frames - 1;
	if (rate < CINE_LEAST || frames < 2)
		return at;
	s->counted = (uint32_t)((double)(now_us - s->since_us) / 1e6 * rate);
	s->next_us = s->since_us + (int64_t)((s->counted + 1) / rate * 1e6) + 1;
	return (at + s->counted) % frames;
}

// The neighbours in the stack are asked for when what is shown is there.
static void look_ahead(struct hz_live_library *library, uint32_t consult, const struct hz_live_ref *series,
                       uint32_t at, int64_t now_us)
{
	const struct hz_live_stack *stack;
	for (uint32_t i = 1; i <= AHEAD; i++) {
		for (int side = 0; side < 2; side++) {
			struct hz_live_ref object = *series;
			if (hz_live_library_stack(library, consult, series, now_us, &stack) ||
			    (side ? at < i : at + i >= stack->frames))
				continue;
			memcpy(object.instance, stack->instance[stack->frame[side ? at - i : at + i].object],
			       sizeof(object.instance));
			(void)hz_live_library_hint(library, consult, &object, now_us);
		}
	}
}

struct found {
	struct hz_live_ref object;
	uint32_t frame, place;
	bool stack;
};

static int find(struct hz_live_shown *s, struct hz_live_library *library, uint32_t consult, int64_t now_us,
                struct found *ret)
{
	const struct hz_live_stack *stack = NULL;
	struct hz_live_image image;
	*ret = (struct found){.object = s->want.image, .frame = s->want.frame};
	if (s->want.image.instance[0]) {
		if (hz_live_library_is_slide(library, &s->want.image))
			return HZ_LIVE_SLIDE;
		if (s->want.cine <= 0)
			return 0;
		int err = hz_live_library_image(library, consult, &ret->object, s->frame, now_us, &image);
		if (!err)
			ret->frame = frame_now(s, hz_dicom_image(image.dicom)->frames, now_us);
		return err == -ENODATA ? 0 : err;
	}
	int err = hz_live_library_stack(library, consult, &s->want.image, now_us, &stack);
	if (err)
		return err;
	ret->stack = true;
	ret->place = frame_now(s, stack->frames, now_us);
	ret->frame = stack->frame[ret->place].frame;
	memcpy(ret->object.instance, stack->instance[stack->frame[ret->place].object],
	       sizeof(ret->object.instance));
	return 0;
}

static void plane_of(const struct hz_dicom *dicom, const struct hz_live_image *image, uint32_t frame,
                     struct hz_live_plane *ret)
{
	const struct hz_dicom_image *i = hz_dicom_image(dicom);
	const struct hz_dicom_plane *p = hz_dicom_plane(dicom, frame);
	const double *spacing = p->has_spacing          ? p->spacing
	                        : i->has_spacing        ? i->spacing
	                        : i->has_imager_spacing ? i->imager_spacing
	                                                : NULL;
	*ret = (struct hz_live_plane){
	    .columns = image->frame->columns, .rows = image->frame->rows, .spacing = {1, 1}};
	if (spacing && spacing[0] > 0 && spacing[1] > 0) {
		ret->spacing[0] = spacing[1]; // DICOM: between rows, between columns
		ret->spacing[1] = spacing[0];
	} else if (i->aspect[0] && i->aspect[1]) {
		ret->spacing[1] = (double)i->aspect[0] / i->aspect[1];
	}
}

static bool same_look(const struct hz_live_pane *a, const struct hz_live_pane *b)
{
	return a->windowed == b->windowed && a->center == b->center && a->width == b->width &&
	       a->invert == b->invert;
}

// The same without overlays, which may be words.
static int render_bare(struct hz_live_shown *s, const struct hz_live_image *image, uint32_t frame,
                       struct hz_look look)
{
	struct hz_rendered pixels = {0};
	look.overlays = false;
	hz_rendered_done(&s->bare);
	s->bare_there = false;
	s->burned = hz_dicom_image(image->dicom)->burned_in_annotation;
	s->overlaid = hz_dicom_image(image->dicom)->overlays > 0;
	int err =
	    s->bare_wanted && s->overlaid ? hz_render(image->dicom, frame, image->frame, &look, &pixels) : 0;
	if (err)
		return err;
	s->bare = pixels;
	s->bare_there = s->bare_wanted;
	return 0;
}

static int render(struct hz_live_shown *s, const struct hz_live_image *image, uint32_t frame)
{
	struct hz_rendered pixels = {0};
	const struct hz_look look = {.voi = s->want.windowed ? HZ_VOI_WINDOW : HZ_VOI_DEFAULT,
	                             .center = s->want.center,
	                             .width = s->want.width,
	                             .function = hz_voi_of(image->dicom, frame),
	                             .invert = s->want.invert,
	                             .overlays = true};
	if (s->there && s->serial == image->serial && same_look(&s->rendered, &s->want) &&
	    (s->bare_there || !s->bare_wanted))
		return 0;
	int err = hz_render(image->dicom, frame, image->frame, &look, &pixels);
	if (err)
		return err;
	hz_rendered_done(&s->pixels);
	s->pixels = pixels;
	s->rendered = s->want;
	return render_bare(s, image, frame, look);
}

static int look(struct hz_live_shown *s, struct hz_live_library *library, uint32_t consult, int64_t now_us)
{
	struct hz_live_image image;
	struct found found;
	int err = find(s, library, consult, now_us, &found);
	if (!err)
		err = hz_live_library_image(library, consult, &found.object, found.frame, now_us, &image);
	if (err == -EFBIG && !found.stack) { // a slide, perhaps: its series tells
		const struct hz_live_stack *stack;
		(void)hz_live_library_stack(library, consult, &s->want.image, now_us, &stack);
	}
	if (!err)
		err = render(s, &image, found.frame);
	if (err)
		return err;
	plane_of(image.dicom, &image, found.frame, &s->plane);
	s->object = found.object;
	s->frame = found.frame;
	s->serial = image.serial;
	s->there = true;
	if (found.stack)
		look_ahead(library, consult, &s->want.image, found.place, now_us);
	return 0;
}

bool hz_live_shown_look(struct hz_live_shown *shown, struct hz_live_library *library, uint32_t consult,
                        int64_t now_us)
{
	struct hz_live_shown *s = shown;
	int was = s->err;
	uint64_t serial = s->serial;
	s->next_us = INT64_MAX;
	s->err = s->want.image.study[0] ? look(s, library, consult, now_us) : 0;
	if (s->err) // an answer, or time, brings it
		s->next_us = now_us + AGAIN_US;
	bool other =
	    memcmp(&s->drawn, &s->want, sizeof(s->want)) != 0 || was != s->err || serial != s->serial;
	s->drawn = s->want;
	return other;
}

// --- on the canvas

static void say(struct hz_text *text, struct hz_canvas *canvas, struct hz_rect pane, const char *words)
{
	int size = pane.w / 24 & ~1;
	const struct hz_text_line line = {
	    .utf8 = words,
	    .box = {pane.x, (pane.y + pane.h / 2 - size) & ~1, pane.w, 2 * size},
	    .size = size,
	    .align = HZ_TEXT_CENTRE,
	    .colour = HZ_COLOUR_FAINT};
	if (text)
		(void)hz_text_draw(text, canvas, &line);
}

static void draw_marks(const struct hz_live_shown *s, const struct hz_live_paper *paper,
                       const struct hz_live_marks *marks)
{
	for (unsigned i = 0; i < marks->count; i++) {
		const struct hz_live_mark_set *m = marks->mark[i];
		if (m->frame == s->frame && same_object(&m->on, &s->object))
			hz_live_mark_draw(paper, m);
	}
}

// NULL: its pixels are shown.
static const char *words_of(const struct hz_live_shown *s, bool bare)
{
	bool waits = s->err == -EAGAIN || s->err == -EBUSY;
	if (s->err == HZ_LIVE_SLIDE)
		return "数字切片请在阅片窗口看 · a slide: open the viewer";
	if (!s->there || (s->err && !waits))
		return waits ? "正在取图像… · loading" : "图像无法显示 · this image cannot be shown";
	if (bare && s->burned)
		return "图像自带身份标注，不播出 · not shown: it has annotations burned in";
	return bare && !s->bare_there ? "正在取图像… · loading" : NULL;
}

void hz_live_shown_draw(const struct hz_live_shown *shown, struct hz_canvas *canvas,
                        const struct hz_live_drawn *how, const struct hz_live_marks *marks)
{
	const struct hz_live_shown *s = shown;
	const struct hz_rect pane = how->pane;
	const struct hz_live_view view = {.zoom = s->want.zoom,
	                                  .pan_x = s->want.pan_x,
	                                  .pan_y = s->want.pan_y,
	                                  .rotation = s->want.rotation,
	                                  .flip = s->want.flip};
	struct hz_live_paper paper = {.canvas = canvas,
	                              .pane = pane,
	                              .text = how->bare ? NULL : how->text,
	                              .width = fmax(1.5, pane.h / 320.0)};
	const struct hz_rendered *from = how->bare && s->overlaid ? &s->bare : &s->pixels;
	const struct hz_live_pixels pixels = {from->columns, from->rows, from->channels, from->data};
	const char *words = words_of(s, how->bare);
	hz_canvas_fill(canvas, pane, (struct hz_colour){16, 128, 128});
	if (!s->want.image.study[0])
		return;
	if (words) {
		say(how->text, canvas, pane, words);
		return;
	}
	hz_live_map_make(&view, &s->plane, pane, &paper.map);
	(void)hz_live_paint(canvas, pane, &pixels, &paper.map); // no memory: it is black
	draw_marks(s, &paper, marks);
}

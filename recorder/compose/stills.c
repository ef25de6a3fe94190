#include "recorder/compose/stills.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT   (HZ_STILLS_COLUMNS * HZ_STILLS_ROWS)
#define GAP     8
#define LABEL   24
#define QUALITY 3

struct hz_stills {
	struct hz_canvas poster, strip;
	struct hz_blit *blit;
	struct hz_text *text;
	uint64_t frames, at;
	unsigned taken, best; // best: live tiles of the poster + 1
	int rate, height;
};

int hz_stills_new(const struct hz_canvas *shape, uint64_t frames, int rate, struct hz_text *text,
                  struct hz_stills **ret)
{
	struct hz_stills *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->height = (HZ_STILLS_WIDTH * shape->height / shape->width) & ~1;
	s->frames = frames;
	s->rate = rate;
	s->text = text;
	s->blit = hz_blit_new();
	int err = s->blit ? hz_canvas_new(shape->width, shape->height, &s->poster) : -ENOMEM;
	if (!err)
		err = hz_canvas_new(HZ_STILLS_COLUMNS * (HZ_STILLS_WIDTH + GAP) + GAP,
		                    HZ_STILLS_ROWS * (s->height + LABEL + GAP) + GAP, &s->strip);
	if (err) {
		hz_stills_free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void hz_stills_free(struct hz_stills *stills)
{
	if (!stills)
		return;
	hz_canvas_free(&stills->poster);
	hz_canvas_free(&stills->strip);
	hz_blit_free(stills->blit);
	free(stills);
}

static int take(struct hz_stills *s, const struct hz_canvas *canvas)
{
	int column = (int)s->taken % HZ_STILLS_COLUMNS, row = (int)s->taken / HZ_STILLS_COLUMNS;
	struct hz_rect box = {GAP + column * (HZ_STILLS_WIDTH + GAP), GAP + row * (s->height + LABEL + GAP),
	                      HZ_STILLS_WIDTH, s->height};
	struct hz_rect label = {box.x, box.y + box.h, box.w, LABEL};
	unsigned long long second = s->at / (uint64_t)s->rate;
	char text[32];
	int err = hz_blit_canvas(s->blit, &s->strip, box, canvas);
	snprintf(text, sizeof(text), "%llu:%02llu:%02llu", second / 3600, second / 60 % 60, second % 60);
	hz_text_draw(s->text, &s->strip,
	             &(struct hz_text_line){text, label, 15, HZ_TEXT_CENTRE, HZ_COLOUR_TEXT});
	s->taken++;
	return err;
}

int hz_stills_frame(struct hz_stills *stills, const struct hz_canvas *canvas, unsigned live)
{
	struct hz_stills *s = stills;
	int err = 0;
	bool due = false;
	// in the middle of each twelfth; a short record has some twice
	while (!err && s->taken < COUNT && s->at >= (2 * s->taken + 1) * s->frames / (2 * COUNT)) {
		err = take(s, canvas);
		due = true;
	}
	if (due && live + 1 > s->best) {
		hz_canvas_copy(&s->poster, canvas);
		s->best = live + 1;
	}
	s->at++;
	return err;
}

int hz_stills_write(struct hz_stills *stills, const char *poster, const char *strip)
{
	int err = hz_blit_jpeg(stills->blit, &stills->poster, QUALITY, poster);
	return err ? err : hz_blit_jpeg(stills->blit, &stills->strip, QUALITY, strip);
}

void hz_stills_sizes(const struct hz_stills *stills, int ret_poster[2], int ret_strip[2])
{
	ret_poster[0] = stills->poster.width;
	ret_poster[1] = stills->poster.height;
	ret_strip[0] = stills->strip.width;
	ret_strip[1] = stills->strip.height;
}

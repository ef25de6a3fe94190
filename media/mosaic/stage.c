#include "media/mosaic/stage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/mosaic/words.h"
#include "media/picture/card.h"

#define HOLD_US         5000000  // a picture that stands still is shown so long
#define HOLD_CONTENT_US 30000000 // screens and images that stand still send little
#define MARGIN          6
#define SIGN            ((struct hz_colour){100, 100, 200}) // red

enum drawn { NOTHING, LIVE, CARD };

struct tile {
	struct hz_mosaic_member_set set;
	bool speaks, marked; // marked: its caption has to be drawn
	struct hz_layout_tile from, to;
	enum drawn drawn;
	const char *status; // of the card that is drawn
	uint64_t serial;    // of the picture that is
};

struct hz_mosaic_stage {
	struct hz_text *text;
	struct hz_canvas canvas;
	struct hz_mosaic_room_set room;
	struct hz_mosaic_scene scene;
	struct hz_layout layout;
	struct tile tile[HZ_MOSAIC_MEMBERS];
	struct hz_blit *blit[HZ_MOSAIC_MEMBERS]; // one a place: sizes stay
	unsigned count;
	int64_t eased_us; // when the last move ends
	int64_t clock_s;  // that is drawn
	bool moving, bar, made;
	int64_t age_us, ages;
};

int hz_mosaic_stage_new(struct hz_text *text, struct hz_mosaic_stage **ret)
{
	struct hz_mosaic_stage *s = calloc(1, sizeof(*s));
	int err = s ? hz_canvas_new(HZ_STAGE_WIDTH, HZ_STAGE_HEIGHT, &s->canvas) : -ENOMEM;
	for (unsigned i = 0; !err && i < HZ_MOSAIC_MEMBERS; i++)
		err = (s->blit[i] = hz_blit_new_fast()) ? 0 : -ENOMEM;
	if (err) {
		hz_mosaic_stage_free(s);
		return err;
	}
	s->text = text;
	s->bar = true;
	*ret = s;
	return 0;
}

void hz_mosaic_stage_free(struct hz_mosaic_stage *stage)
{
	if (!stage)
		return;
	for (unsigned i = 0; i < HZ_MOSAIC_MEMBERS; i++)
		hz_blit_free(stage->blit[i]);
	hz_canvas_free(&stage->canvas);
	free(stage);
}

const struct hz_canvas *hz_mosaic_stage_canvas(const struct hz_mosaic_stage *stage)
{
	return &stage->canvas;
}

// --- the bar

static int write_text(struct hz_mosaic_stage *s, const struct hz_text_line *line)
{
	return s->text && *line->utf8 ? hz_text_draw(s->text, &s->canvas, line) : 0;
}

static void draw_sign(struct hz_mosaic_stage *s, struct hz_rect box)
{
	const struct hz_text_line line = {hz_mosaic_word(s->room.language, HZ_WORD_RECORDING), box,
	                                  box.h * 55 / 100, HZ_TEXT_RIGHT, HZ_COLOUR_TEXT};
	int width = s->text ? hz_text_width(s->text, line.utf8, line.size) : 0;
	write_text(s, &line);
	hz_canvas_disc(&s->canvas, box.x + box.w - width - 14, box.y + box.h / 2, 6, SIGN);
}

static void draw_bar(struct hz_mosaic_stage *s, int64_t wall_us)
{
	struct hz_rect bar = s->layout.bar, box = {10, bar.y, bar.w / 2 - 10, bar.h};
	bool clock = s->room.flags & HZ_MOSAIC_ROOM_CLOCK;
	char text[40];
	if (!s->bar && (!clock || wall_us / 1000000 == s->clock_s))
		return;
	s->bar = false;
	s->clock_s = wall_us / 1000000;
	hz_canvas_fill(&s->canvas, bar, HZ_COLOUR_BACK);
	struct hz_text_line line = {s->room.title, box, bar.h * 55 / 100, HZ_TEXT_LEFT, HZ_COLOUR_TEXT};
	write_text(s, &line);
	box.w = 310;
	box.x = bar.w - box.w - 10;
	if (clock) {
		hz_card_clock(wall_us / 1000, s->room.utc_offset_min, text);
		line.utf8 = text;
		line.box = box;
		line.align = HZ_TEXT_RIGHT;
		write_text(s, &line);
		box.x -= 180;
		box.w = 160;
	}
	if (s->room.flags & HZ_MOSAIC_ROOM_RECORDING)
		draw_sign(s, box);
}

void hz_mosaic_stage_room(struct hz_mosaic_stage *stage, const struct hz_mosaic_room_set *room)
{
	stage->room = *room;
	stage->room.title[sizeof(room->title) - 1] = '\0';
	stage->bar = true;
	for (unsigned i = 0; i < stage->count; i++) // another language
		stage->tile[i].drawn = NOTHING, stage->tile[i].marked = true;
}

// --- moving

static struct hz_rect between(struct hz_rect a, struct hz_rect b, int64_t t, int64_t of)
{
	int64_t u = of * of, v = t * t * (3 * of - 2 * t) / of; // smoothstep: begins and ends at rest
#define MIX(m) ((int)(a.m + (b.m - a.m) * v / u) & ~1)
	return (struct hz_rect){MIX(x), MIX(y), MIX(w), MIX(h)};
#undef MIX
}

static struct hz_layout_tile place_of(const struct hz_mosaic_stage *s, const struct tile *t, int64_t now_us)
{
	struct hz_layout_tile at = t->to;
	int64_t left_us = s->eased_us - now_us, ms = left_us > 0 ? (HZ_STAGE_EASE_US - left_us) / 1000 : 0;
	if (left_us <= 0)
		return at;
	if (ms < 0)
		ms = 0;
	at.picture = between(t->from.picture, t->to.picture, ms, HZ_STAGE_EASE_US / 1000);
	if (at.caption.w)
		at.caption = (struct hz_rect){at.picture.x, at.picture.y + at.picture.h, at.picture.w,
		                              t->to.caption.h};
	return at;
}

// Who is new grows from the middle of its place.
static struct hz_layout_tile small_at(const struct hz_layout_tile *to)
{
	struct hz_layout_tile from = *to;
	struct hz_rect *r = &from.picture;
	*r = (struct hz_rect){(r->x + r->w / 4) & ~1, (r->y + r->h / 4) & ~1, (r->w / 2) & ~1,
	                      (r->h / 2) & ~1};
	return from;
}

static const struct tile *find(const struct tile *tile, unsigned count, uint32_t member)
{
	for (unsigned i = 0; i < count; i++)
		if (tile[i].set.member == member)
			return &tile[i];
	return NULL;
}

static bool same_layout(const struct hz_layout *a, const struct hz_layout *b)
{
	return a->count == b->count && memcmp(a->tile, b->tile, a->count * sizeof(a->tile[0])) == 0;
}

static bool same_members(const struct hz_mosaic_stage *s, const struct hz_layout *layout,
                         const struct hz_stage_tile *tile)
{
	for (unsigned i = 0; i < layout->count; i++)
		if (s->tile[i].set.member != tile[layout->tile[i].index].set->member)
			return false;
	return true;
}

static void mark(struct tile *t, const struct hz_stage_tile *now)
{
	bool named = strcmp(t->set.name, now->set->name) != 0;
	t->marked |= named || t->speaks != now->speaks || t->set.flags != now->set->flags;
	if (named && t->drawn == CARD)
		t->drawn = NOTHING;
	t->set = *now->set;
	t->speaks = now->speaks;
}

static void move(struct hz_mosaic_stage *s, const struct hz_layout *layout, const struct hz_stage_tile *tile,
                 int64_t now_us)
{
	struct tile before[HZ_MOSAIC_MEMBERS];
	unsigned count = s->count;
	memcpy(before, s->tile, sizeof(before));
	for (unsigned i = 0; i < count; i++)
		before[i].from = place_of(s, &before[i], now_us);
	for (unsigned i = 0; i < layout->count; i++) {
		const struct hz_stage_tile *want = &tile[layout->tile[i].index];
		const struct tile *was = find(before, count, want->set->member);
		s->tile[i] = (struct tile){.set = *want->set, .speaks = want->speaks};
		s->tile[i].to = layout->tile[i];
		s->tile[i].from = was ? was->from : small_at(&layout->tile[i]);
	}
	s->count = layout->count;
	s->layout = *layout;
	s->eased_us = s->made ? now_us + HZ_STAGE_EASE_US : now_us;
	s->moving = s->made = true;
}

bool hz_mosaic_stage_arrange(struct hz_mosaic_stage *stage, const struct hz_mosaic_scene *scene,
                             const struct hz_stage_tile *tile, int64_t now_us)
{
	struct hz_layout layout;
	const struct hz_layout_want want = {.width = HZ_STAGE_WIDTH,
	                                    .height = HZ_STAGE_HEIGHT,
	                                    .count = scene->count,
	                                    .large = scene->large,
	                                    .captions = stage->room.flags & HZ_MOSAIC_ROOM_CAPTIONS,
	                                    .strip = scene->strip,
	                                    .corner = scene->corner};
	hz_layout_make(&want, &layout);
	bool same = stage->made && same_layout(&layout, &stage->layout) && same_members(stage, &layout, tile);
	bool told = same && scene->layout == stage->scene.layout;
	stage->scene = *scene;
	if (!same)
		move(stage, &layout, tile, now_us);
	for (unsigned i = 0; same && i < layout.count; i++)
		mark(&stage->tile[i], &tile[layout.tile[i].index]);
	return !told;
}

// --- tiles

static void draw_caption(struct hz_mosaic_stage *s, const struct tile *t, const struct hz_layout_tile *at)
{
	struct hz_rect all = at->picture, box = at->caption;
	bool muted = t->set.flags & HZ_MOSAIC_MEMBER_MUTED && t->set.kind == HZ_MOSAIC_CAMERA;
	const char *word = hz_mosaic_word(s->room.language, HZ_WORD_MUTED);
	all.h += box.w ? box.h : 0;
	struct hz_rect around = {all.x - 2, all.y - 2, all.w + 4, all.h + 4};
	hz_canvas_frame(&s->canvas, around, 2, t->speaks ? HZ_COLOUR_ACCENT : HZ_COLOUR_BACK);
	if (!box.w)
		return;
	hz_canvas_fill(&s->canvas, box, HZ_COLOUR_TILE);
	int size = box.h * (box.h >= 26 ? 62 : 66) / 100;
	box.x += MARGIN;
	box.w -= 2 * MARGIN;
	if (muted && s->text && box.w >= 150) {
		const struct hz_text_line line = {word, box, size, HZ_TEXT_RIGHT, HZ_COLOUR_FAINT};
		box.w -= write_text(s, &line) + MARGIN;
	}
	const struct hz_text_line line = {t->set.name, box, size, HZ_TEXT_LEFT,
	                                  t->speaks ? HZ_COLOUR_ACCENT : HZ_COLOUR_TEXT};
	write_text(s, &line);
}

static void draw_card(struct hz_mosaic_stage *s, const struct tile *t, const struct hz_layout_tile *at,
                      const char *status)
{
	const struct hz_card card = {
	    .rect = at->picture, .name = t->set.name, .status = status, .named = !at->caption.w};
	if (s->text)
		hz_card_draw(s->text, &s->canvas, &card);
	else
		hz_canvas_fill(&s->canvas, at->picture, HZ_COLOUR_TILE);
}

// NULL: a picture is shown.
static const char *status_of(const struct hz_mosaic_stage *s, const struct tile *t,
                             const struct hz_source_picture *picture, int64_t now_us)
{
	int64_t hold_us = t->set.kind == HZ_MOSAIC_CAMERA ? HOLD_US : HOLD_CONTENT_US;
	if (!t->set.ssrc)
		return "";
	if (t->set.flags & HZ_MOSAIC_MEMBER_OFF)
		return hz_mosaic_word(s->room.language, HZ_WORD_OFF);
	if (!picture->frame)
		return "";
	return now_us - picture->shown_us < hold_us ? NULL : hz_mosaic_word(s->room.language, HZ_WORD_NONE);
}

static void draw_tile(struct hz_mosaic_stage *s, unsigned i, const struct hz_stage_now *now)
{
	struct tile *t = &s->tile[i];
	struct hz_source_picture picture = {0};
	const struct hz_layout_tile at = place_of(s, t, now->now_us);
	now->picture(now->ctx, t->set.member, &picture);
	const char *status = status_of(s, t, &picture, now->now_us);
	bool fresh = !status && (t->drawn != LIVE || t->serial != picture.serial);
	if (t->marked)
		draw_caption(s, t, &at);
	t->marked = false;
	if (fresh && hz_blit_frame(s->blit[i], &s->canvas, at.picture, picture.frame))
		status = hz_mosaic_word(s->room.language, HZ_WORD_NONE);
	if (fresh && t->serial != picture.serial) {
		s->age_us += now->now_us - picture.captured_us;
		s->ages++;
	}
	if (status && (t->drawn != CARD || t->status != status))
		draw_card(s, t, &at, status);
	t->serial = picture.serial;
	t->status = status;
	t->drawn = status ? CARD : LIVE;
}

void hz_mosaic_stage_draw(struct hz_mosaic_stage *stage, const struct hz_stage_now *now, int64_t *ret_age_us)
{
	struct hz_mosaic_stage *s = stage;
	int top = s->layout.bar.h;
	s->age_us = s->ages = 0;
	if (s->moving) {
		s->moving = now->now_us < s->eased_us;
		hz_canvas_fill(&s->canvas, (struct hz_rect){0, top, HZ_STAGE_WIDTH, HZ_STAGE_HEIGHT - top},
		               HZ_COLOUR_BACK);
		for (unsigned i = 0; i < s->count; i++)
			s->tile[i].drawn = NOTHING, s->tile[i].marked = true;
	}
	for (unsigned i = 0; i < s->count; i++)
		draw_tile(s, i, now);
	draw_bar(s, now->wall_us);
	if (s->ages)
		*ret_age_us = s->age_us / s->ages;
}

bool hz_mosaic_stage_shows(const struct hz_mosaic_stage *stage, uint32_t member)
{
	const struct tile *t = find(stage->tile, stage->count, member);
	return t && t->set.ssrc && !(t->set.flags & HZ_MOSAIC_MEMBER_OFF);
}

void hz_mosaic_stage_tiles(const struct hz_mosaic_stage *stage, struct hz_mosaic_tiles *ret)
{
	ret->layout = stage->scene.layout;
	ret->count = (uint8_t)stage->count;
	ret->hidden = (uint8_t)stage->layout.hidden;
	for (unsigned i = 0; i < stage->count; i++)
		ret->tile[i] = (struct hz_mosaic_tile){.member = stage->tile[i].set.member,
		                                       .width = (uint16_t)stage->tile[i].to.picture.w,
		                                       .height = (uint16_t)stage->tile[i].to.picture.h};
}

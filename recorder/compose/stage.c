#include "recorder/compose/stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/picture/card.h"

enum drawn { NOTHING, LIVE, PLACEHOLDER };

struct tile {
	struct hz_scene_tile scene;
	enum drawn drawn;
	const char *status; // of the placeholder that is drawn
	uint64_t serial;    // of the picture that is drawn
	uint32_t over;      // and of what is drawn over it
};

struct hz_stage {
	struct hz_stage_with with;
	struct hz_blit *blit;
	struct hz_blit *scalers[HZ_LAYOUT_TILES]; // one a tile: sizes stay
	struct hz_scene_at scene;
	struct hz_layout layout;
	struct tile tile[HZ_LAYOUT_TILES];
	int64_t clock_s; // what is drawn
	bool drawn;
};

int hz_stage_new(const struct hz_stage_with *with, struct hz_stage **ret)
{
	struct hz_stage *s = calloc(1, sizeof(*s));
	bool good = s != NULL;
	for (unsigned i = 0; good && i < HZ_LAYOUT_TILES; i++)
		good = (s->scalers[i] = hz_blit_new()) != NULL;
	if (!good) {
		hz_stage_free(s);
		return -ENOMEM;
	}
	s->with = *with;
	*ret = s;
	return 0;
}

void hz_stage_free(struct hz_stage *stage)
{
	for (unsigned i = 0; stage && i < HZ_LAYOUT_TILES; i++)
		hz_blit_free(stage->scalers[i]);
	free(stage);
}

// --- words: Chinese, English

static const char *role_word(const char *role)
{
	static const char *const words[][2] = {
	    {"patient", "患者 Patient"},         {"companion", "陪同 Companion"},
	    {"interpreter", "翻译 Interpreter"}, {"clinic", "基层医生 Clinic"},
	    {"expert", "专家 Expert"},           {"theatre", "手术室 Theatre"},
	    {"observer", "旁听 Observer"},       {"student", "学员 Student"},
	    {"auditor", "审计 Auditor"},         {"admin", "管理员 Administrator"}};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], role) == 0)
			return words[i][1];
	return "";
}

static const char *source_word(uint8_t source)
{
	static const char *const words[HZ_INPUT_SOURCES] = {
	    [HZ_INPUT_SCREEN] = "屏幕 Screen",           [HZ_INPUT_IMAGE] = "影像 Images",
	    [HZ_INPUT_ULTRASOUND] = "超声 Ultrasound",   [HZ_INPUT_ENDOSCOPE] = "内镜 Endoscope",
	    [HZ_INPUT_MICROSCOPE] = "显微镜 Microscope", [HZ_INPUT_CAMERA2] = "摄像头 2 Camera 2"};
	return source < HZ_INPUT_SOURCES && words[source] ? words[source] : NULL;
}

static const char *name_of(const struct hz_stage *s, const struct hz_scene_tile *t)
{
	const struct hz_input_person *p = &s->with.input->people[t->person];
	return p->name[0] ? p->name : p->id;
}

// --- parts of the picture

static int size_of(const struct hz_stage *s, int v)
{
	return v * s->with.canvas->height / 720;
}

static void write_text(struct hz_stage *s, struct hz_rect box, const char *text, int size,
                       enum hz_text_align align, struct hz_colour colour)
{
	struct hz_text_line line = {text, box, size, align, colour};
	hz_text_draw(s->with.text, s->with.canvas, &line);
}

static void draw_bar(struct hz_stage *s)
{
	struct hz_rect bar = s->layout.bar, half = bar;
	half.x = size_of(s, 10);
	half.w = bar.w / 2 - half.x;
	hz_canvas_fill(s->with.canvas, bar, HZ_COLOUR_BACK);
	write_text(s, half, s->with.input->title, bar.h * 55 / 100, HZ_TEXT_LEFT, HZ_COLOUR_TEXT);
	if (s->layout.hidden) {
		char more[32];
		struct hz_rect box = {bar.w / 2, bar.y, bar.w / 2 - size_of(s, 330), bar.h};
		snprintf(more, sizeof(more), "+%u", s->layout.hidden);
		write_text(s, box, more, bar.h * 55 / 100, HZ_TEXT_RIGHT, HZ_COLOUR_FAINT);
	}
	s->clock_s = INT64_MIN;
}

static void draw_clock(struct hz_stage *s, int64_t us)
{
	int64_t wall_ms = s->with.input->wall_zero_ms + us / 1000;
	struct hz_rect box = s->layout.bar;
	char text[40];
	if (wall_ms / 1000 == s->clock_s)
		return;
	s->clock_s = wall_ms / 1000;
	hz_card_clock(wall_ms, s->with.utc_offset_min, text);
	box.w = size_of(s, 310) & ~1;
	box.x = (s->layout.bar.w - box.w - size_of(s, 10)) & ~1;
	hz_canvas_fill(s->with.canvas, box, HZ_COLOUR_BACK);
	write_text(s, box, text, box.h * 55 / 100, HZ_TEXT_RIGHT, HZ_COLOUR_TEXT);
}

static void draw_caption(struct hz_stage *s, unsigned i)
{
	const struct hz_layout_tile *at = &s->layout.tile[i];
	const struct hz_scene_tile *t = &s->tile[i].scene;
	const char *role = role_word(s->with.input->people[t->person].role);
	const char *source = source_word(t->source);
	bool silent = t->muted && !source && t->state != HZ_SCENE_UNRECORDED;
	const char *muted = !silent ? "" : at->picture.w >= size_of(s, 240) ? "静音 muted" : "静音";
	struct hz_rect all = at->picture, box = at->caption;
	int size = at->large || box.h >= size_of(s, 26) ? box.h * 62 / 100 : box.h * 66 / 100, ring = 2;
	char text[400];
	all.h += at->caption.h;
	struct hz_rect around = {all.x - ring, all.y - ring, all.w + 2 * ring, all.h + 2 * ring};
	hz_canvas_frame(s->with.canvas, around, ring, t->speaking ? HZ_COLOUR_ACCENT : HZ_COLOUR_BACK);
	if (box.w == 0)
		return;
	bool wide = box.w >= size_of(s, 180);
	hz_canvas_fill(s->with.canvas, box, HZ_COLOUR_TILE);
	box.x += size_of(s, 6);
	box.w -= 2 * size_of(s, 6);
	if (wide && *muted) {
		write_text(s, box, muted, size, HZ_TEXT_RIGHT, HZ_COLOUR_FAINT);
		box.w -= hz_text_width(s->with.text, muted, size) + size_of(s, 8);
	}
	snprintf(text, sizeof(text), "%.200s%s%s", name_of(s, t), wide && (source || *role) ? " · " : "",
	         !wide    ? ""
	         : source ? source
	                  : role);
	write_text(s, box, text, size, HZ_TEXT_LEFT, t->speaking ? HZ_COLOUR_ACCENT : HZ_COLOUR_TEXT);
}

static void draw_placeholder(struct hz_stage *s, unsigned i, const char *status)
{
	const struct hz_card card = {.rect = s->layout.tile[i].picture,
	                             .name = name_of(s, &s->tile[i].scene),
	                             .status = status,
	                             .named = s->layout.tile[i].caption.w == 0};
	hz_card_draw(s->with.text, s->with.canvas, &card);
}

// --- the scene

static bool same_tile(const struct hz_scene_tile *a, const struct hz_scene_tile *b)
{
	return a->person == b->person && a->source == b->source && a->state == b->state;
}

static bool same_scene(const struct hz_stage *s, const struct hz_scene_at *scene)
{
	if (!s->drawn || scene->count != s->scene.count || scene->large != s->scene.large)
		return false;
	for (unsigned i = 0; i < scene->count; i++)
		if (!same_tile(&scene->tile[i], &s->scene.tile[i]))
			return false;
	return true;
}

static void change_marks(struct hz_stage *s)
{
	for (unsigned i = 0; i < s->layout.count; i++) {
		const struct hz_scene_tile *now = &s->scene.tile[s->layout.tile[i].index];
		bool same =
		    now->speaking == s->tile[i].scene.speaking && now->muted == s->tile[i].scene.muted;
		s->tile[i].scene = *now;
		if (!same)
			draw_caption(s, i);
	}
}

void hz_stage_set(struct hz_stage *stage, const struct hz_scene_at *scene)
{
	struct hz_stage *s = stage;
	struct hz_canvas *c = s->with.canvas;
	bool same = same_scene(s, scene);
	s->scene = *scene;
	if (same) {
		change_marks(s);
		return;
	}
	hz_layout_make(&(struct hz_layout_want){.width = c->width,
	                                        .height = c->height,
	                                        .count = scene->count,
	                                        .large = scene->large,
	                                        .captions = s->with.captions},
	               &s->layout);
	hz_canvas_fill(c, (struct hz_rect){0, 0, c->width, c->height}, HZ_COLOUR_BACK);
	draw_bar(s);
	for (unsigned i = 0; i < s->layout.count; i++) {
		s->tile[i] = (struct tile){.scene = scene->tile[s->layout.tile[i].index]};
		draw_caption(s, i);
	}
	s->drawn = true;
}

bool hz_stage_shows(const struct hz_stage *stage, unsigned person, uint8_t source)
{
	for (unsigned i = 0; i < stage->layout.count; i++)
		if (stage->tile[i].scene.person == person && stage->tile[i].scene.source == source &&
		    stage->tile[i].scene.state == HZ_SCENE_PICTURE)
			return true;
	return false;
}

static const char *status_of(enum hz_scene_state state)
{
	return state == HZ_SCENE_OFF          ? "摄像头已关 Camera off"
	       : state == HZ_SCENE_UNRECORDED ? "未同意录制 Not recorded"
	       : state == HZ_SCENE_SOUND      ? ""
	                                      : "画面中断 No picture";
}

// The picture, and what people drew over it.
static int draw_picture(struct hz_stage *s, unsigned i, const AVFrame *frame)
{
	const struct hz_scene_tile *scene = &s->tile[i].scene;
	struct hz_rect box = s->layout.tile[i].picture, at = hz_layout_fit(box, frame->width, frame->height);
	int err = hz_blit_frame(s->scalers[i], s->with.canvas, box, frame);
	if (!err && s->with.drawn)
		hz_drawn_draw(s->with.drawn, scene->person, scene->source, s->with.canvas, at, s->with.text);
	return err;
}

static bool draw_tile(struct hz_stage *s, unsigned i, int64_t us, const struct hz_stage_picture *picture)
{
	struct tile *t = &s->tile[i];
	int64_t hold_ms = source_word(t->scene.source) ? HZ_STAGE_HOLD_CONTENT_MS : HZ_SCENE_HOLD_MS;
	if (picture->frame && us - picture->us < hold_ms * 1000) {
		uint32_t over =
		    s->with.drawn ? hz_drawn_serial(s->with.drawn, t->scene.person, t->scene.source) : 0;
		if (t->drawn == LIVE && t->serial == picture->serial && t->over == over)
			return true;
		t->serial = picture->serial;
		t->over = over;
		t->drawn = LIVE;
		if (draw_picture(s, i, picture->frame) == 0)
			return true;
		t->drawn = NOTHING;
	}
	const char *status = picture->frame                       ? status_of(t->scene.state)
	                     : t->scene.state == HZ_SCENE_PICTURE ? ""
	                                                          : status_of(t->scene.state);
	if (t->drawn != PLACEHOLDER || t->status != status)
		draw_placeholder(s, i, status);
	t->drawn = PLACEHOLDER;
	t->status = status;
	return false;
}

unsigned hz_stage_draw(struct hz_stage *stage, int64_t us, hz_stage_picture_cb *of, void *arg)
{
	unsigned live = 0;
	for (unsigned i = 0; i < stage->layout.count; i++) {
		const struct hz_scene_tile *t = &stage->tile[i].scene;
		struct hz_stage_picture picture = {0};
		if (t->state == HZ_SCENE_PICTURE)
			picture = of(arg, t->person, t->source);
		live += draw_tile(stage, i, us, &picture);
	}
	draw_clock(stage, us);
	return live;
}

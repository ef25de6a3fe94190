// What huizhen-live is told of a table, and which images it gets: those of studies that lie on it, and no others.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/session/consult.h"
#include "gateway/session/composed/easel_internal.h"
#include "gateway/session/table/images.h"
#include "gateway/session/composed/picture_internal.h"
#include "gateway/session/push.h"
#include "gateway/session/table/reading.h"
#include "gateway/session/table/studies.h"

#define YELLOW 0xffe14du // as the pages draw

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "";
}

static double number_of(const json_t *json, const char *key)
{
	double value = json_number_value(json_object_get(json, key));
	return isfinite(value) ? value : 0;
}

static void ref_of(const json_t *json, struct hz_live_ref *ret)
{
	snprintf(ret->pacs, sizeof(ret->pacs), "%.64s", text_of(json, "pacs"));
	snprintf(ret->study, sizeof(ret->study), "%.64s", text_of(json, "study"));
	snprintf(ret->series, sizeof(ret->series), "%.64s", text_of(json, "series"));
	snprintf(ret->instance, sizeof(ret->instance), "%.64s", text_of(json, "instance"));
}

static void pane_of(const json_t *viewport, struct hz_live_pane *ret)
{
	const json_t *image = json_object_get(viewport, "image");
	if (!json_is_object(image))
		return;
	ref_of(image, &ret->image);
	ret->frame = (uint32_t)json_integer_value(json_object_get(viewport, "frame"));
	ret->windowed = json_is_number(json_object_get(viewport, "center")) &&
	                json_is_number(json_object_get(viewport, "width"));
	ret->center = number_of(viewport, "center");
	ret->width = number_of(viewport, "width");
	ret->zoom = number_of(viewport, "zoom");
	ret->pan_x = number_of(viewport, "pan_x");
	ret->pan_y = number_of(viewport, "pan_y");
	ret->rotation = number_of(viewport, "rotation");
	ret->cine = number_of(viewport, "cine");
	ret->flip = json_is_true(json_object_get(viewport, "flip"));
	ret->invert = json_is_true(json_object_get(viewport, "invert"));
}

static uint8_t kind_of(const char *word)
{
	static const char *const words[HZ_LIVE_MARK_KINDS] = {
	    "point", "arrow", "line", "angle", "rectangle", "ellipse", "polygon", "freehand", "text"};
	uint8_t kind = 0;
	while (kind < HZ_LIVE_MARK_KINDS && strcmp(words[kind], word) != 0)
		kind++;
	return kind;
}

// "12.3 mm", as it was measured; what was written stands in front.
static void caption_of(const json_t *object, char ret[HZ_LIVE_TEXT_BYTES])
{
	const json_t *value = json_object_get(object, "value");
	const char *text = text_of(object, "text"), *unit = text_of(object, "unit");
	const char *shown = strcmp(unit, "mm2") == 0   ? "mm²"
	                    : strcmp(unit, "px2") == 0 ? "px²"
	                    : strcmp(unit, "deg") == 0 ? "°"
	                                               : unit;
	size_t n = strlen(text);
	while (n > HZ_LIVE_TEXT_BYTES - 48 || (n && n < strlen(text) && (text[n] & 0xc0) == 0x80))
		n--; // whole characters
	if (json_is_number(value))
		snprintf(ret, HZ_LIVE_TEXT_BYTES, "%.*s%s%.1f %s", (int)n, text, n ? " " : "",
		         json_number_value(value), shown);
	else
		snprintf(ret, HZ_LIVE_TEXT_BYTES, "%.*s", (int)n, text);
}

static bool mark_of(const struct hz_easel_room *room, const json_t *object, struct hz_live_mark_set *ret)
{
	const json_t *on = json_object_get(object, "on"), *points = json_object_get(object, "points"), *point;
	const json_t *colour = json_object_get(object, "color");
	size_t i;
	*ret = (struct hz_live_mark_set){
	    .consult = room->consult->number,
	    .mark = (uint32_t)json_integer_value(json_object_get(object, "n")),
	    .kind = kind_of(text_of(object, "kind")),
	    .frame = (uint32_t)json_integer_value(json_object_get(on, "frame")),
	    .colour = json_is_integer(colour) ? (uint32_t)json_integer_value(colour) : YELLOW};
	if (!json_object_get(on, "instance") || ret->kind == HZ_LIVE_MARK_KINDS)
		return false; // on somebody's camera
	ref_of(on, &ret->on);
	json_array_foreach((json_t *)points, i, point)
	{
		if (ret->points == HZ_LIVE_POINTS)
			break;
		ret->point[ret->points][0] = (float)json_number_value(json_array_get(point, 0));
		ret->point[ret->points++][1] = (float)json_number_value(json_array_get(point, 1));
	}
	caption_of(object, ret->text);
	return true;
}

static bool still_there(void *ctx, uint32_t mark)
{
	const struct hz_reading *reading = ctx;
	for (unsigned i = 0; i < reading->places; i++) {
		if (reading->object[i].json && (uint32_t)reading->object[i].n == mark)
			return true;
	}
	return false;
}

static void say_marks(struct hz_brain *brain, const struct hz_easel_room *room, struct hz_reading *reading)
{
	struct hz_live_mark_set *mark = malloc(sizeof(*mark));
	unsigned said = 0;
	hz_easel_link_sweep_marks(brain->easel, room->consult->number, still_there, reading);
	for (unsigned i = reading->places;
	     mark && i-- > 0 && said < HZ_LIVE_MARKS;) { // the newest, where there are too many
		if (reading->object[i].json && mark_of(room, reading->object[i].json, mark))
			said += hz_easel_link_set(brain->easel, &mark->h, HZ_LIVE_MARK_SET) == 0;
	}
	free(mark);
}

void hz_easel_say_table(struct hz_brain *brain, struct hz_easel_room *room)
{
	struct hz_live_room_set set = {.consult = room->consult->number, .panes = 1};
	struct hz_reading *reading = NULL;
	if (hz_reading_of(brain, room->consult, false, &reading) || !reading)
		return;
	set.version = reading->version;
	set.panes = strcmp(reading->layout, "four") == 0 ? 4 : strcmp(reading->layout, "pair") == 0 ? 2 : 1;
	for (unsigned i = 0; i < set.panes; i++)
		pane_of(reading->viewport[i], &set.pane[i]);
	int err = hz_easel_link_set(brain->easel, &set.h, HZ_LIVE_ROOM_SET);
	if (err)
		hz_warn("easel.room", "consult=%s err=%d", room->consult->id, -err);
	say_marks(brain, room, reading);
}

// --- images

_Static_assert(HZ_LIVE_TOO_LARGE == HZ_DWEB_TOO_LARGE, "the numbers stay");

static void on_file(void *ctx, uint64_t tag, uint32_t result, int fd)
{
	struct hz_brain *brain = ctx;
	(void)hz_easel_link_give(brain->easel, tag, result,
	                         fd); // lost where its socket is full: it asks again
}

static void on_want(void *ctx, const struct hz_live_want *want)
{
	struct hz_brain *brain = ctx;
	struct hz_consult *consult = hz_consult_by_number(brain, want->consult);
	struct hz_reading *reading = NULL;
	struct hz_dweb_request what = {.kind =
	                                   want->kind == HZ_LIVE_SERIES ? HZ_DWEB_SERIES : HZ_DWEB_OBJECT};
	const struct hz_images_asker asker = {on_file, brain, want->id};
	uint32_t result = HZ_DWEB_MISSING;
	memcpy(what.pacs, want->what.pacs, sizeof(what.pacs));
	memcpy(what.study, want->what.study, sizeof(what.study));
	memcpy(what.series, want->what.series, sizeof(what.series));
	if (what.kind == HZ_DWEB_OBJECT)
		memcpy(what.instance, want->what.instance, sizeof(what.instance));
	bool here = consult && consult->easel && brain->images &&
	            hz_reading_of(brain, consult, false, &reading) == 0 &&
	            hz_reading_has_study(reading, what.pacs, what.study) &&
	            !hz_easel_link_deadly(brain->easel, &want->what);
	if (here) {
		if (hz_images_fetch(hz_studies_images_of(brain, what.pacs), brain->now_us, &what, &asker) ==
		    0)
			return;
		result = HZ_DWEB_FULL;
	}
	on_file(brain, want->id, result, -1);
}

// --- life

static void again(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	while ((consult = hz_map_next(brain->consults, &at))) {
		if (consult->easel || consult->easel_told != hz_easel_available(brain, consult)) {
			hz_push_recount(brain, consult);
		}
	}
}

static void on_hello(void *ctx)
{
	struct hz_brain *brain = ctx;
	for (struct hz_easel_room *room = brain->easels; room; room = room->next) {
		for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++)
			room->rendition[i].ssrc = hz_picture_fresh_ssrc();
	}
	brain->easel_heard_us = brain->now_us;
	hz_info("easel.hello", "%s", "images are drawn");
	again(brain);
}

static void on_status(void *ctx)
{
	struct hz_brain *brain = ctx;
	bool news = !brain->easel_heard_us;
	brain->easel_heard_us = brain->now_us;
	if (news)
		again(brain);
}

const struct hz_easel_link_ops hz_easel_brain_ops = {
    .on_hello = on_hello, .on_want = on_want, .on_status = on_status};

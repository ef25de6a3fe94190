#include "recorder/compose/drawn.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YELLOW     0xffe14du
#define TEXT_BYTES 256

struct change {
	int64_t at_ms;
	size_t order; // in the file
	const json_t *detail;
};

struct mark {
	const char *id;
	const json_t *json;
	unsigned person;
	uint8_t source;
};

struct hz_drawn {
	const struct hz_input *input;
	struct change *change; // by at_ms
	size_t changes, next;
	uint32_t *serial, last; // of person * HZ_INPUT_SOURCES + source
	struct mark mark[HZ_DRAWN_MARKS];
	unsigned marks;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static int by_time(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static bool is_over(const json_t *change)
{
	const json_t *detail = json_object_get(change, "detail");
	return strcmp(text_of(change, "type"), "table") == 0 &&
	       (json_array_size(json_object_get(detail, "put")) ||
	        json_array_size(json_object_get(detail, "gone")));
}

int hz_drawn_new(const struct hz_input *input, struct hz_drawn **ret)
{
	const json_t *list = input->timeline, *one;
	size_t i, most = 0;
	struct hz_drawn *d = calloc(1, sizeof(*d));
	json_array_foreach(list, i, one)
	{
		most += is_over(one);
	}
	if (d) {
		d->input = input;
		d->change = calloc(most + 1, sizeof(*d->change));
		d->serial = calloc((size_t)input->people_count * HZ_INPUT_SOURCES + 1, sizeof(*d->serial));
	}
	if (!d || !d->change || !d->serial) {
		hz_drawn_free(d);
		return -ENOMEM;
	}
	json_array_foreach(list, i, one)
	{
		if (is_over(one))
			d->change[d->changes++] =
			    (struct change){json_integer_value(json_object_get(one, "at_ms")), i,
			                    json_object_get(one, "detail")};
	}
	qsort(d->change, d->changes, sizeof(*d->change), by_time);
	*ret = d;
	return 0;
}

void hz_drawn_free(struct hz_drawn *drawn)
{
	if (drawn) {
		free(drawn->change);
		free(drawn->serial);
	}
	free(drawn);
}

// --- what lies there

static void touch(struct hz_drawn *d, const struct mark *mark)
{
	d->serial[mark->person * HZ_INPUT_SOURCES + mark->source] = ++d->last;
}

static void take_away(struct hz_drawn *d, const char *id)
{
	for (unsigned i = 0; i < d->marks; i++) {
		if (strcmp(d->mark[i].id, id) != 0)
			continue;
		touch(d, &d->mark[i]);
		memmove(&d->mark[i], &d->mark[i + 1], (--d->marks - i) * sizeof(d->mark[0]));
		return;
	}
}

static bool makes_sense(const json_t *points)
{
	const json_t *point;
	size_t i;
	json_array_foreach(points, i, point)
	{
		double x = json_number_value(json_array_get(point, 0)),
		       y = json_number_value(json_array_get(point, 1));
		if (json_array_size(point) != 2 || !(x >= 0 && x <= 1 && y >= 0 && y <= 1))
			return false;
	}
	return json_array_size(points) && json_array_size(points) <= HZ_STROKE_POINTS;
}

static void put(struct hz_drawn *d, const json_t *json)
{
	const json_t *on = json_object_get(json, "on");
	const char *id = text_of(json, "id"), *whose = text_of(on, "participant");
	int person = *whose ? hz_input_person_of(d->input, whose) : -1;
	if (!*id || person < 0 || !makes_sense(json_object_get(json, "points")))
		return;
	take_away(d, id); // a new state of it
	if (d->marks == HZ_DRAWN_MARKS)
		return;
	struct mark *mark = &d->mark[d->marks++];
	*mark = (struct mark){id, json, (unsigned)person, hz_input_source_of(text_of(on, "source"))};
	touch(d, mark);
}

void hz_drawn_at(struct hz_drawn *drawn, int64_t at_ms)
{
	const json_t *one;
	size_t i;
	for (; drawn->next < drawn->changes && drawn->change[drawn->next].at_ms <= at_ms; drawn->next++) {
		const json_t *detail = drawn->change[drawn->next].detail;
		json_array_foreach(json_object_get(detail, "gone"), i, one)
		{
			if (json_is_string(one))
				take_away(drawn, json_string_value(one));
		}
		json_array_foreach(json_object_get(detail, "put"), i, one)
		{
			put(drawn, one);
		}
	}
}

uint32_t hz_drawn_serial(const struct hz_drawn *drawn, unsigned person, uint8_t source)
{
	return drawn->serial[person * HZ_INPUT_SOURCES + source];
}

// --- drawing

static void to_pane(const void *map, const double at[2], double ret[2])
{
	const struct hz_rect *picture = map;
	ret[0] = picture->x + at[0] * (picture->w - 1);
	ret[1] = picture->y + at[1] * (picture->h - 1);
}

static enum hz_stroke_kind kind_of(const char *word)
{
	static const char *const words[HZ_STROKE_KINDS] = {
	    "point", "arrow", "line", "angle", "rectangle", "ellipse", "polygon", "freehand", "text"};
	unsigned kind = 0;
	while (kind < HZ_STROKE_KINDS && strcmp(words[kind], word) != 0)
		kind++;
	return kind;
}

// What was written, and what was measured: nothing in a moving picture has a size that is known.
static void caption_of(const json_t *json, char ret[TEXT_BYTES])
{
	const char *unit = text_of(json, "unit"), *text = text_of(json, "text");
	double value = json_number_value(json_object_get(json, "value"));
	if (strcmp(unit, "pct") == 0)
		snprintf(ret, TEXT_BYTES, "%.160s%s%.1f %% · 无比例尺 no scale", text, *text ? " " : "",
		         value);
	else if (strcmp(unit, "deg") == 0)
		snprintf(ret, TEXT_BYTES, "%.160s%s%.1f°", text, *text ? " " : "", value);
	else
		snprintf(ret, TEXT_BYTES, "%.160s", text);
}

static void draw_mark(const struct mark *mark, const struct hz_stroke_paper *paper)
{
	float point[HZ_STROKE_POINTS][2];
	char text[TEXT_BYTES];
	const json_t *points = json_object_get(mark->json, "points"), *one,
	             *color = json_object_get(mark->json, "color");
	size_t i;
	json_array_foreach(points, i, one)
	{
		for (unsigned k = 0; k < 2; k++)
			point[i][k] = (float)json_number_value(json_array_get(one, k));
	}
	caption_of(mark->json, text);
	const struct hz_stroke stroke = {
	    .kind = kind_of(text_of(mark->json, "kind")),
	    .rgb = json_is_integer(color) ? (uint32_t)json_integer_value(color) & 0xffffff : YELLOW,
	    .points = (unsigned)json_array_size(points),
	    .point = (const float(*)[2])point,
	    .text = text};
	if (stroke.kind < HZ_STROKE_KINDS)
		hz_stroke_draw(paper, &stroke);
}

unsigned hz_drawn_draw(const struct hz_drawn *drawn, unsigned person, uint8_t source,
                       struct hz_canvas *canvas, struct hz_rect picture, struct hz_text *text)
{
	const struct hz_stroke_paper paper = {.canvas = canvas,
	                                      .pane = picture,
	                                      .text = text,
	                                      .width = fmax(1.5, canvas->height / 360.0),
	                                      .to_pane = to_pane,
	                                      .map = &picture};
	unsigned count = 0;
	for (unsigned i = 0; i < drawn->marks; i++) {
		if (drawn->mark[i].person != person || drawn->mark[i].source != source)
			continue;
		draw_mark(&drawn->mark[i], &paper);
		count++;
	}
	return count;
}

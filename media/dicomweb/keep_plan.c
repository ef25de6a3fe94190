#include "media/dicomweb/keep_plan.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "media/dicomweb/keep_json.h"
#include "media/dicomweb/request.h"

#define HEAD 0.4 // half the angle of an arrow's head

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "";
}

#define MOST 1e7 // as the schema of the table has it

static double within(double value, double most)
{
	return fmax(-most, fmin(most, value));
}

static double number_of(const json_t *json, const char *key, double otherwise)
{
	const json_t *value = json_object_get(json, key);
	return json_is_number(value) ? within(json_number_value(value), MOST) : otherwise;
}

static unsigned add_series(const json_t *on, const char *list[HZ_KEEP_SERIES], unsigned count)
{
	const char *series = text_of(on, "series");
	if (!hz_dweb_uid_valid(series) || !hz_dweb_uid_valid(text_of(on, "instance")))
		return count;
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(list[i], series) == 0)
			return count;
	}
	if (count < HZ_KEEP_SERIES)
		list[count++] = series;
	return count;
}

unsigned hz_keep_plan_series(const json_t *state, const char *ret[HZ_KEEP_SERIES])
{
	const json_t *item;
	unsigned count = 0;
	size_t i;
	json_array_foreach(json_object_get(state, "viewports"), i, item) count =
	    add_series(json_object_get(item, "image"), ret, count);
	json_array_foreach(json_object_get(state, "objects"), i, item) count =
	    add_series(json_object_get(item, "on"), ret, count);
	return count;
}

static const json_t *find_set(const json_t *sets, const char *instance)
{
	const json_t *set;
	char uid[HZ_SHOWN_UID_BYTES];
	size_t i;
	json_array_foreach(sets, i, set)
	{
		hz_dj_text(set, "00080018", uid, sizeof(uid));
		if (strcmp(uid, instance) == 0)
			return set;
	}
	return NULL;
}

// The place of a frame among the images, added where it is new; -ENOENT: the PACS does not have it, or there are too many.
static int image_at(struct hz_keep_plan *plan, const json_t *sets, const json_t *on, double frame)
{
	struct hz_shown_image made = {.zoom = 1};
	const char *series = text_of(on, "series"), *instance = text_of(on, "instance");
	if (!(frame >= 0 && frame <= 1e6) || !hz_dweb_uid_valid(series) || !hz_dweb_uid_valid(instance))
		return -ENOENT;
	const json_t *set = find_set(sets, instance);
	if (!set || !hz_dj_image(set, (unsigned)frame, &made))
		return -ENOENT;
	snprintf(made.series, sizeof(made.series), "%s", series);
	snprintf(made.instance, sizeof(made.instance), "%s", instance);
	for (unsigned i = 0; i < plan->shown.images; i++) {
		if (strcmp(plan->image[i].instance, instance) == 0 && plan->image[i].frame == made.frame)
			return (int)i;
	}
	if (plan->shown.images == HZ_SHOWN_IMAGES)
		return -ENOENT;
	plan->image[plan->shown.images] = made;
	return (int)plan->shown.images++;
}

static void look(struct hz_shown_image *image, const json_t *viewport)
{
	double width = number_of(viewport, "width", 0), zoom = number_of(viewport, "zoom", 1);
	if (width >= 1 && json_is_number(json_object_get(viewport, "center"))) {
		image->width = width;
		image->center = number_of(viewport, "center", 0);
	}
	image->zoom = zoom > 0.001 ? zoom : 1;
	image->pan_x = number_of(viewport, "pan_x", 0);
	image->pan_y = number_of(viewport, "pan_y", 0);
	image->turn = (unsigned)lround(number_of(viewport, "rotation", 0) / 90) % 4;
	image->flip = json_is_true(json_object_get(viewport, "flip"));
	image->inverse = image->inverse != json_is_true(json_object_get(viewport, "invert"));
}

// --- drawings

static void caption(const json_t *object, char *ret, size_t room)
{
	static const char *const unit[][2] = {{"mm", " mm"},   {"mm2", " mm²"}, {"deg", "°"},  {"px", " px"},
	                                      {"px2", " px²"}, {"HU", " HU"},   {"ms", " ms"}, {"mV", " mV"}};
	const json_t *value = json_object_get(object, "value");
	const char *text = text_of(object, "text"), *is = text_of(object, "unit"), *said = "";
	for (size_t i = 0; i < sizeof(unit) / sizeof(*unit); i++)
		said = strcmp(unit[i][0], is) == 0 ? unit[i][1] : said;
	int n = snprintf(ret, room, "%s", text);
	if (json_is_number(value) && n >= 0 && (size_t)n < room)
		snprintf(ret + n, room - (size_t)n, "%s%.9g%s", n ? " " : "", json_number_value(value), said);
}

// An arrow with its head; a rectangle by its corners. p has room for 5.
static unsigned complete(const char *kind, float (*p)[2], unsigned count)
{
	if (strcmp(kind, "rectangle") == 0 && count == 2) {
		const float a[2] = {p[0][0], p[0][1]}, b[2] = {p[1][0], p[1][1]};
		const float all[4][2] = {{a[0], a[1]}, {b[0], a[1]}, {b[0], b[1]}, {a[0], b[1]}};
		memcpy(p, all, sizeof(all));
		return 4;
	}
	if (strcmp(kind, "arrow") != 0 || count != 2)
		return count;
	double x = p[1][0] - p[0][0], y = p[1][1] - p[0][1], length = hypot(x, y), angle = atan2(y, x);
	double size = fmin(length / 3, 12);
	for (int side = -1; side <= 1; side += 2) {
		unsigned at = side < 0 ? 2 : 4;
		p[at][0] = (float)(p[1][0] - size * cos(angle + side * HEAD));
		p[at][1] = (float)(p[1][1] - size * sin(angle + side * HEAD));
	}
	p[3][0] = p[1][0];
	p[3][1] = p[1][1];
	return 5;
}

static enum hz_shown_kind kind_of(const char *kind)
{
	if (strcmp(kind, "ellipse") == 0)
		return HZ_SHOWN_ELLIPSE;
	if (strcmp(kind, "rectangle") == 0 || strcmp(kind, "polygon") == 0)
		return HZ_SHOWN_CLOSED;
	if (strcmp(kind, "text") == 0)
		return HZ_SHOWN_WORDS;
	return strcmp(kind, "point") == 0 ? HZ_SHOWN_POINT : HZ_SHOWN_LINES;
}

static int add_mark(struct hz_keep_plan *plan, const json_t *object, unsigned image)
{
	const json_t *points = json_object_get(object, "points"), *at;
	float(*p)[2] = calloc(HZ_SHOWN_POINTS, sizeof(*p));
	unsigned count = 0;
	size_t i;
	if (!p)
		return -ENOMEM;
	json_array_foreach(points, i, at)
	{
		if (count == HZ_SHOWN_POINTS)
			break;
		p[count][0] = (float)within(json_number_value(json_array_get(at, 0)), MOST);
		p[count++][1] = (float)within(json_number_value(json_array_get(at, 1)), MOST);
	}
	if (!count || plan->shown.marks == HZ_SHOWN_MARKS) {
		free(p);
		return 0;
	}
	struct hz_shown_mark *mark = &plan->mark[plan->shown.marks];
	char *words = plan->words[plan->shown.marks++];
	caption(object, words, sizeof(plan->words[0]));
	*mark = (struct hz_shown_mark){
	    .image = image, .kind = kind_of(text_of(object, "kind")), .point = p, .text = words};
	mark->points = complete(text_of(object, "kind"), p, count);
	return 0;
}

// --- all of it

static void describe(struct hz_shown *s, const json_t *set, int64_t time_s)
{
	time_t now = (time_t)time_s;
	struct tm tm;
	localtime_r(&now, &tm);
	strftime(s->date, sizeof(s->date), "%Y%m%d", &tm);
	strftime(s->time, sizeof(s->time), "%H%M%S", &tm);
	hz_dj_text(set, "00100010", s->name, sizeof(s->name));
	hz_dj_text(set, "00100020", s->patient, sizeof(s->patient));
	hz_dj_text(set, "00100030", s->birth, sizeof(s->birth));
	hz_dj_text(set, "00100040", s->sex, sizeof(s->sex));
	hz_dj_text(set, "00080020", s->study_date, sizeof(s->study_date));
	hz_dj_text(set, "00080030", s->study_time, sizeof(s->study_time));
	hz_dj_text(set, "00200010", s->study_id, sizeof(s->study_id));
	hz_dj_text(set, "00080050", s->accession, sizeof(s->accession));
	hz_dj_text(set, "00080090", s->referring, sizeof(s->referring));
}

int hz_keep_plan_make(const json_t *state, const json_t *sets, int64_t time_s, struct hz_keep_plan **ret)
{
	struct hz_keep_plan *plan = calloc(1, sizeof(*plan));
	const json_t *item;
	size_t i;
	int err = 0;
	if (!plan || !(plan->words = calloc(HZ_SHOWN_MARKS, sizeof(*plan->words)))) {
		free(plan);
		return -ENOMEM;
	}
	json_array_foreach(json_object_get(state, "viewports"), i, item)
	{
		unsigned before = plan->shown.images;
		int at = image_at(plan, sets, json_object_get(item, "image"), number_of(item, "frame", 0));
		if (at >= 0 && (unsigned)at == before) // what is shown twice is kept as it was first
			look(&plan->image[at], item);
	}
	json_array_foreach(json_object_get(state, "objects"), i, item)
	{
		const json_t *on = json_object_get(item, "on");
		int at = err ? -ENOENT : image_at(plan, sets, on, number_of(on, "frame", 0));
		if (at >= 0)
			err = add_mark(plan, item, (unsigned)at);
	}
	if (!err && !plan->shown.images)
		err = -ENOENT;
	if (err) {
		hz_keep_plan_free(plan);
		return err;
	}
	snprintf(plan->shown.study, sizeof(plan->shown.study), "%s", text_of(state, "study"));
	describe(&plan->shown, find_set(sets, plan->image[0].instance), time_s);
	plan->shown.image = plan->image;
	plan->shown.mark = plan->mark;
	*ret = plan;
	return 0;
}

void hz_keep_plan_free(struct hz_keep_plan *plan)
{
	if (!plan)
		return;
	for (unsigned i = 0; i < plan->shown.marks; i++)
		free(plan->mark[i].point);
	free(plan->words);
	free(plan);
}

#include "media/live/stack.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct place { // of a frame
	struct hz_live_stack_frame frame;
	double number, depth, position[3];
	bool placed;
	uint32_t order; // as it came
};

struct reading {
	struct place *place;
	struct hz_live_stack stack;
	uint32_t room;
	bool oriented;
	double orientation[6];
};

static const json_t *value(const json_t *set, const char *tag, size_t i)
{
	return json_array_get(json_object_get(json_object_get(set, tag), "Value"), i);
}

static double number(const json_t *set, const char *tag, double otherwise)
{
	const json_t *v = value(set, tag, 0);
	return json_is_number(v)   ? json_number_value(v)
	       : json_is_string(v) ? strtod(json_string_value(v), NULL)
	                           : otherwise;
}

static bool vector(const json_t *set, const char *tag, unsigned count, double *ret)
{
	if (json_array_size(json_object_get(json_object_get(set, tag), "Value")) != count)
		return false;
	for (unsigned i = 0; i < count; i++) {
		const json_t *v = value(set, tag, i);
		ret[i] = json_is_string(v) ? strtod(json_string_value(v), NULL) : json_number_value(v);
		if (!isfinite(ret[i]))
			return false;
	}
	return true;
}

// The frame's own functional group, the shared one, or the object.
static const json_t *group(const json_t *set, uint32_t frame, const char *tag)
{
	const json_t *own = value(value(set, "52009230", frame), tag, 0),
	             *shared = value(value(set, "52009229", 0), tag, 0);
	return json_is_object(own) ? own : json_is_object(shared) ? shared : set;
}

// Float and Double Float Pixel Data, and what only they have.
static bool floats(const json_t *set)
{
	static const char *const tags[] = {"7FE00008", "7FE00009", "00280122",
	                                   "00280123", "00280124", "00280125"};
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++)
		if (json_object_get(set, tags[i]))
			return true;
	return false;
}

static bool shown_colour(const json_t *set, double samples)
{
	static const char *const all[] = {"MONOCHROME1",    "MONOCHROME2",  "PALETTE COLOR", "RGB",
	                                  "YBR_FULL",       "YBR_FULL_422", "YBR_ICT",       "YBR_RCT",
	                                  "YBR_PARTIAL_420"}; // the last of videos
	const char *name = json_string_value(value(set, "00280004", 0));
	size_t n = name ? strcspn(name, " ") : 0, i = samples == 3 ? 3 : 0, end = samples == 3 ? 9 : 3;
	if (!name || !*name)
		return samples == 1;
	n = strncmp(name, "PALETTE COLOR", 13) == 0 ? 13 : n;
	while (i < end && (strlen(all[i]) != n || strncmp(all[i], name, n) != 0))
		i++;
	return i < end;
}

// What the viewer has in its stack (web/imaging/series.ts).
static bool is_image(const json_t *set)
{
	double rows = number(set, "00280010", 0), columns = number(set, "00280011", 0),
	       samples = number(set, "00280002", 1), allocated = number(set, "00280100", 0),
	       stored = number(set, "00280101", allocated);
	bool bits = allocated == 1 || allocated == 8 || allocated == 16 || (allocated == 32 && !floats(set));
	return rows >= 1 && rows <= 65535 && columns >= 1 && columns <= 65535 && bits && stored >= 1 &&
	       stored <= allocated && (samples == 1 || (samples == 3 && allocated == 8)) &&
	       shown_colour(set, samples) && number(set, "00280102", stored - 1) == stored - 1;
}

static bool uid_of(const json_t *set, char ret[65])
{
	const char *uid = json_string_value(value(set, "00080018", 0));
	size_t n = uid ? strspn(uid, "0123456789.") : 0;
	if (n == 0 || n > 64 || uid[n])
		return false;
	memcpy(ret, uid, n + 1);
	return true;
}

static int grow(struct reading *r, uint32_t more)
{
	uint32_t need = r->stack.frames + more, room = r->room * 2 > need ? r->room * 2 : need;
	if (need <= r->room)
		return 0;
	struct place *place = realloc(r->place, room * sizeof(*place));
	if (!place)
		return -ENOMEM;
	r->place = place;
	r->room = room;
	return 0;
}

static int take(struct reading *r, const json_t *set)
{
	const char *kind = json_string_value(value(set, "00080016", 0));
	if (kind && strcmp(kind, HZ_LIVE_SLIDE_SOP) == 0)
		return HZ_LIVE_SLIDE;
	double frames = number(set, "00280008", 1);
	char *uid = r->stack.instance[r->stack.objects];
	if (!is_image(set) || !uid_of(set, uid))
		return 0;
	frames = frames >= 1 ? floor(frames) : 1;
	size_t groups = json_array_size(json_object_get(json_object_get(set, "52009230"), "Value"));
	if (frames + r->stack.frames > HZ_LIVE_STACK_FRAMES || (groups > 0 && (double)groups < frames))
		return 0;
	uint32_t count = (uint32_t)frames;
	int err = grow(r, count);
	for (uint32_t i = 0; !err && i < count; i++) {
		struct place *p = &r->place[r->stack.frames];
		*p = (struct place){.frame = {r->stack.objects, i},
		                    .order = r->stack.frames,
		                    .number = number(set, "00200013", 0)};
		p->placed = vector(group(set, i, "00209113"), "00200032", 3, p->position);
		if (!r->stack.frames)
			r->oriented = vector(group(set, i, "00209116"), "00200037", 6, r->orientation);
		r->stack.frames++;
	}
	r->stack.objects++;
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct place *p = a, *q = b;
	if (p->depth != q->depth)
		return p->depth < q->depth ? -1 : 1;
	if (p->number != q->number)
		return p->number < q->number ? -1 : 1;
	if (p->frame.frame != q->frame.frame)
		return p->frame.frame < q->frame.frame ? -1 : 1;
	return p->order < q->order ? -1 : 1;
}

// Along the normal of the first frame; by number where geometry does not say.
static int sort(struct reading *r)
{
	const double *o = r->orientation;
	const double normal[3] = {o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5],
	                          o[0] * o[4] - o[1] * o[3]};
	bool placed = r->oriented;
	for (uint32_t i = 0; i < r->stack.frames; i++)
		placed = placed && r->place[i].placed;
	for (uint32_t i = 0; placed && i < r->stack.frames; i++)
		for (unsigned k = 0; k < 3; k++)
			r->place[i].depth += r->place[i].position[k] * normal[k];
	qsort(r->place, r->stack.frames, sizeof(*r->place), compare);
	r->stack.frame = calloc(r->stack.frames, sizeof(*r->stack.frame));
	for (uint32_t i = 0; r->stack.frame && i < r->stack.frames; i++)
		r->stack.frame[i] = r->place[i].frame;
	return r->stack.frame ? 0 : -ENOMEM;
}

int hz_live_stack_read(const char *json, size_t bytes, struct hz_live_stack *ret)
{
	struct reading r = {0};
	const json_t *set;
	size_t i;
	if (bytes > HZ_LIVE_STACK_BYTES)
		return -E2BIG;
	json_t *list = json_loadb(json, bytes, 0, NULL);
	int err = json_is_array(list) ? 0 : -EBADMSG;
	size_t count = err ? 0 : json_array_size(list);
	if (count > HZ_LIVE_STACK_FRAMES)
		err = -E2BIG;
	if (!err && !(r.stack.instance = calloc(count + 1, sizeof(*r.stack.instance))))
		err = -ENOMEM;
	json_array_foreach(err ? NULL : list, i, set)
	{
		err = take(&r, set);
		if (err)
			break;
	}
	if (!err)
		err = r.stack.frames ? sort(&r) : -ENODATA;
	json_decref(list);
	free(r.place);
	if (err)
		hz_live_stack_done(&r.stack);
	else
		*ret = r.stack;
	return err;
}

void hz_live_stack_done(struct hz_live_stack *stack)
{
	free(stack->instance);
	free(stack->frame);
	memset(stack, 0, sizeof(*stack));
}

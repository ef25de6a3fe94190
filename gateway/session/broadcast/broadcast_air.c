// What is on the air: one source, or several that the mosaic puts side by side. docs/decisions/016-the-broadcast.md.
#include <errno.h>
#include <string.h>

#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast_internal.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/table/reading.h"

static const char *const layouts[HZ_MOSAIC_AIRS] = {"alone", "side", "pip"};

unsigned hz_air_parts(const struct hz_broadcast *b)
{
	return b->on_air ? 1 + b->beside.count : 0;
}

const struct hz_broadcast_source *hz_air_part(const struct hz_broadcast *b, unsigned part)
{
	return part ? &b->beside.source[part - 1] : &b->air;
}

bool hz_air_has(const struct hz_broadcast *b, const struct hz_broadcast_source *source)
{
	for (unsigned i = 0; i < hz_air_parts(b); i++) {
		if (hz_broadcast_same(hz_air_part(b, i), source))
			return true;
	}
	return false;
}

bool hz_air_painted(const struct hz_broadcast *b)
{
	return hz_air_parts(b) > 1 || (b->on_air && hz_mask_need(b, &b->air, NULL) != HZ_MASK_FREE);
}

struct hz_programme hz_air_of(const struct hz_broadcast *b)
{
	return (struct hz_programme){.first = b->air, .beside = b->beside};
}

static bool same_beside(const struct hz_beside *a, const struct hz_beside *b)
{
	bool same = a->layout == b->layout && a->count == b->count;
	for (unsigned i = 0; same && i < a->count; i++)
		same = hz_broadcast_same(&a->source[i], &b->source[i]);
	return same;
}

// What is composed otherwise is another version: nothing that was made of it before is shown for it. The same again changes nothing.
void hz_air_set(struct hz_broadcast *b, const struct hz_programme *what)
{
	bool same = what && b->on_air && hz_broadcast_same(&b->air, &what->first) &&
	            same_beside(&b->beside, &what->beside);
	if (same)
		return;
	b->on_air = what != NULL;
	if (what)
		b->air = what->first;
	b->beside = what ? what->beside : (struct hz_beside){.count = 0};
	if (b->beside.count)
		hz_masks_renew(b);
}

bool hz_air_good(const struct hz_broadcast *b)
{
	for (unsigned i = 0; i < hz_air_parts(b); i++) {
		if (!hz_broadcast_showable(b, hz_air_part(b, i)))
			return false;
	}
	return b->on_air;
}

static int may_show(const struct hz_brain *brain, const struct hz_broadcast *b,
                    const struct hz_broadcast_source *source)
{
	if (!hz_broadcast_allowed(b, source))
		return -EACCES;
	switch (hz_mask_need(b, source, NULL)) {
	case HZ_MASK_MISSING:
		return -EPERM;
	case HZ_MASK_MASKED:
		return brain->picture ? 0 : -ENOTSUP;
	default:
		return 0;
	}
}

int hz_broadcast_may_air(const struct hz_brain *brain, const struct hz_broadcast *b,
                         const struct hz_programme *what)
{
	int err = may_show(brain, b, &what->first);
	for (unsigned i = 0; !err && i < what->beside.count; i++) {
		err = may_show(brain, b, &what->beside.source[i]);
		if (!err && hz_broadcast_same(&what->first, &what->beside.source[i]))
			err = -EEXIST;
		for (unsigned k = 0; !err && k < i; k++)
			err =
			    hz_broadcast_same(&what->beside.source[k], &what->beside.source[i]) ? -EEXIST : 0;
	}
	return !err && what->beside.count && !brain->picture ? -ENOTSUP : err;
}

// --- JSON

int hz_beside_parse(const json_t *json, struct hz_beside *ret)
{
	const char *layout = json_string_value(json_object_get(json, "layout"));
	const json_t *list = json_object_get(json, "beside"), *item;
	struct hz_beside beside = {.layout = HZ_MOSAIC_AIR_ALONE};
	size_t i;
	while (layout && beside.layout < HZ_MOSAIC_AIRS && strcmp(layouts[beside.layout], layout) != 0)
		beside.layout++;
	if (beside.layout == HZ_MOSAIC_AIRS || json_array_size(list) >= HZ_MOSAIC_PARTS ||
	    (json_array_size(list) > 0) != (beside.layout != HZ_MOSAIC_AIR_ALONE))
		return -EINVAL;
	json_array_foreach(list, i, item)
	{
		if (hz_broadcast_source_parse(item, &beside.source[beside.count]))
			return -EINVAL;
		beside.count++;
	}
	*ret = beside;
	return 0;
}

int hz_beside_json(const struct hz_beside *beside, json_t *to)
{
	json_t *list = json_array();
	if (!beside->count) {
		json_decref(list);
		return 0;
	}
	for (unsigned i = 0; i < beside->count; i++)
		json_array_append_new(list, hz_broadcast_source_json(&beside->source[i]));
	bool failed = json_array_size(list) != beside->count;
	failed |= json_object_set_new(to, "beside", list) != 0;
	failed |= json_object_set_new(to, "layout", json_string(layouts[beside->layout])) != 0;
	return failed ? -ENOMEM : 0;
}

json_t *hz_programme_json(const struct hz_programme *what)
{
	json_t *json = hz_broadcast_source_json(&what->first);
	if (json && hz_beside_json(&what->beside, json)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

// --- the track that shows it

static bool is_table(const struct hz_broadcast_source *source)
{
	return strcmp(source->participant, HZ_TABLE) == 0;
}

struct there { // of what is on the air, what there is
	bool any;
	struct hz_track *track; // of the first one that somebody publishes; its worker is in use already
};

// Switched off: a worker sends nothing of it, and a painter shows nothing.
static struct there look(const struct hz_consult *consult, bool switched_on)
{
	const struct hz_broadcast *b = consult->broadcast;
	struct there there = {.any = false};
	for (unsigned i = 0; b && !there.track && i < hz_air_parts(b); i++) {
		const struct hz_broadcast_source *source = hz_air_part(b, i);
		const struct hz_participant *p = hz_participant_find(consult, source->participant);
		bool inside = p && p->status == HZ_STATUS_ADMITTED;
		struct hz_track *track = inside ? hz_track_of_source(p, HZ_KIND_VIDEO, source->source) : NULL;
		there.track = track && switched_on && track->muted ? NULL : track;
		there.any |= there.track || is_table(source);
	}
	return there;
}

static struct hz_track *shown(struct hz_brain *brain, struct hz_consult *consult, const struct there *there,
                              unsigned worker)
{
	if (there->any && hz_air_painted(consult->broadcast))
		return hz_picture_air_track(brain, consult, worker);
	return there->any && !there->track ? hz_easel_track(brain, consult, worker, true) : there->track;
}

struct hz_track *hz_air_track_on(struct hz_brain *brain, struct hz_consult *consult, unsigned worker)
{
	const struct there there = look(consult, false);
	return shown(brain, consult, &there, worker);
}

struct hz_track *hz_air_track(struct hz_brain *brain, struct hz_consult *consult)
{
	const struct there there = look(consult, true);
	return shown(brain, consult, &there, there.track ? there.track->peer->worker : consult->worker);
}

// --- the table

uint32_t hz_air_studies(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_reading *reading = NULL;
	uint32_t hash = 2166136261u; // FNV-1a
	const json_t *study;
	size_t i;
	if (hz_reading_of(brain, consult, false, &reading) || !reading)
		return 0;
	json_array_foreach(reading->studies, i, study)
	{
		const char *text[] = {json_string_value(json_object_get(study, "pacs")),
		                      json_string_value(json_object_get(study, "study"))};
		for (unsigned k = 0; k < 2; k++) {
			for (const char *at = text[k] ? text[k] : ""; *at; at++)
				hash = (hash ^ (uint8_t)*at) * 16777619u;
			hash = (hash ^ 0xff) * 16777619u;
		}
	}
	return json_array_size(reading->studies) ? hash : 0;
}

void hz_air_table(struct hz_brain *brain, struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	struct hz_masks said = {.of = {.participant = HZ_TABLE, .source = HZ_SOURCE_IMAGE},
	                        .identified = true};
	if (!b || hz_mask_need(b, &said.of, NULL) == HZ_MASK_MISSING ||
	    b->table == hz_air_studies(brain, consult))
		return;
	int err = hz_masks_set(brain, consult, &said, "");
	if (err && hz_air_has(consult->broadcast, &said.of)) // it may be somebody else's
		(void)hz_broadcast_cut(brain, consult, "", "images");
}

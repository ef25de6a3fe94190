// What is painted over in a broadcast, and which sources may not be shown without. docs/decisions/023-masks.md.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/session/broadcast/broadcast_internal.h"
#include "gateway/session/brain.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/broadcast/profiles.h"
#include "signaling/auth/names.h"

#define BLACK        16
#define GREY         126
#define VERSION_BITS 24 // of ids that follow from it (picture_air.c)

static struct hz_masks *find(struct hz_broadcast *b, const struct hz_broadcast_source *source)
{
	for (unsigned i = 0; i < b->mask_count; i++) {
		if (hz_broadcast_same(&b->masks[i].of, source))
			return &b->masks[i];
	}
	return NULL;
}

// Machines and screens write the patient's name into their pictures; who knows better says so.
static bool identified_by_kind(uint8_t source)
{
	return source == HZ_SOURCE_ULTRASOUND || source == HZ_SOURCE_SCREEN || source == HZ_SOURCE_IMAGE;
}

enum hz_mask_need hz_mask_need(const struct hz_broadcast *b, const struct hz_broadcast_source *source,
                               const struct hz_masks **ret_masks)
{
	const struct hz_masks *m = find((struct hz_broadcast *)b, source);
	if (m && m->count) {
		if (ret_masks)
			*ret_masks = m;
		return HZ_MASK_MASKED;
	}
	bool identified = m ? m->identified : identified_by_kind(source->source);
	return identified ? HZ_MASK_MISSING : HZ_MASK_FREE;
}

const char *hz_masks_state(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	bool masked = false;
	if (!b || !hz_air_painted(b))
		return "open";
	for (unsigned i = 0; i < hz_air_parts(b); i++)
		masked |= hz_mask_need(b, hz_air_part(b, i), NULL) != HZ_MASK_FREE;
	return !hz_picture_available(brain, consult) ? "slate" : masked ? "masked" : "open";
}

// --- JSON

// Outwards to whole units, and inside of the picture. False: no region of a picture.
static bool region(const json_t *json, struct hz_mosaic_mask *ret)
{
	const double unit = HZ_MOSAIC_UNIT, slip = 1e-6;
	double x = json_number_value(json_object_get(json, "x")),
	       y = json_number_value(json_object_get(json, "y")),
	       w = json_number_value(json_object_get(json, "w")),
	       h = json_number_value(json_object_get(json, "h"));
	bool good =
	    isfinite(x) && isfinite(y) && isfinite(w) && isfinite(h) && x >= 0 && y >= 0 && w > 0 && h > 0;
	if (!good || x + w > 1 + slip || y + h > 1 + slip)
		return false;
	double left = floor(x * unit + slip), top = floor(y * unit + slip),
	       right = ceil((x + w) * unit - slip), bottom = ceil((y + h) * unit - slip);
	right = right > unit ? unit : right;
	bottom = bottom > unit ? unit : bottom;
	if (right <= left || bottom <= top)
		return false;
	*ret = (struct hz_mosaic_mask){(uint16_t)left, (uint16_t)top, (uint16_t)(right - left),
	                               (uint16_t)(bottom - top)};
	return true;
}

int hz_masks_regions(const json_t *list, unsigned room, struct hz_mosaic_mask *ret, unsigned *ret_count)
{
	const json_t *item;
	size_t i;
	*ret_count = 0;
	if (json_array_size(list) > room)
		return -ENOSPC;
	json_array_foreach(list, i, item)
	{
		if (!region(item, &ret[i]))
			return -EINVAL;
		++*ret_count;
	}
	return 0;
}

int hz_masks_fill(const json_t *fill, uint8_t *ret)
{
	const char *name = json_string_value(fill);
	*ret = name && strcmp(name, "grey") == 0 ? GREY : BLACK;
	return !fill || *ret == GREY || (name && strcmp(name, "black") == 0) ? 0 : -EINVAL;
}

static json_t *regions_json(const struct hz_mosaic_mask *mask, unsigned count)
{
	const double unit = HZ_MOSAIC_UNIT;
	json_t *list = json_array();
	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:f, s:f, s:f, s:f}", "x", mask[i].x / unit, "y",
		                                      mask[i].y / unit, "w", mask[i].w / unit, "h",
		                                      mask[i].h / unit));
	return list;
}

static json_t *one_json(const struct hz_masks *m)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:i, s:o, s:o}", "participant", m->of.participant,
	                 "source", hz_source_name(m->of.source), "identified", m->identified, "fill",
	                 m->fill == GREY ? "grey" : "black", "profile", m->profile, "version",
	                 (int)m->version, "masks", regions_json(m->mask, m->own), "device",
	                 regions_json(m->mask + m->own, m->count - m->own));
}

json_t *hz_masks_json(const struct hz_broadcast *b)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < b->mask_count; i++) {
		if (json_array_append_new(list, one_json(&b->masks[i]))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static int parse_own(const json_t *body, struct hz_masks *m, const char **ret_field)
{
	*ret_field = "/source";
	if (hz_broadcast_source_parse(body, &m->of))
		return -EINVAL;
	*ret_field = "/fill";
	if (hz_masks_fill(json_object_get(body, "fill"), &m->fill))
		return -EINVAL;
	const json_t *identified = json_object_get(body, "identified");
	m->identified = identified ? json_is_true(identified) : identified_by_kind(m->of.source);
	*ret_field = "/masks";
	int err = hz_masks_regions(json_object_get(body, "masks"), HZ_MOSAIC_MASKS, m->mask, &m->own);
	m->count = m->own;
	return err;
}

int hz_masks_parse(struct hz_brain *brain, const json_t *body, struct hz_masks *ret, const char **ret_field)
{
	struct hz_masks m = {.version = 0};
	struct hz_profile profile;
	int err = parse_own(body, &m, ret_field);
	const char *name = json_string_value(json_object_get(body, "profile"));
	if (!err && name && name[0]) {
		*ret_field = "/profile";
		err = hz_profile_get(brain, name, &profile);
		if (!err && m.own + profile.count > HZ_MOSAIC_MASKS)
			err = -ENOSPC;
		for (unsigned i = 0; !err && i < profile.count; i++)
			m.mask[m.count++] = profile.mask[i];
		if (!err && !json_object_get(body, "fill"))
			m.fill = profile.fill;
		snprintf(m.profile, sizeof(m.profile), "%s", name);
		m.identified = true; // a device that has a profile has it for this
	}
	if (!err)
		*ret = m;
	return err;
}

// Masks that make no sense any more show nothing rather than everything. False: it is not even known of whom they are.
static bool load_one(const json_t *item, struct hz_masks *ret)
{
	const char *field, *profile = json_string_value(json_object_get(item, "profile"));
	unsigned more = 0;
	if (hz_broadcast_source_parse(item, &ret->of))
		return false;
	ret->version = (uint32_t)json_integer_value(json_object_get(item, "version"));
	if (parse_own(item, ret, &field) ||
	    hz_masks_regions(json_object_get(item, "device"), HZ_MOSAIC_MASKS - ret->own,
	                     ret->mask + ret->own, &more)) {
		ret->own = ret->count = 0;
		ret->identified = true;
		return true;
	}
	ret->count += more;
	snprintf(ret->profile, sizeof(ret->profile), "%s", profile ? profile : "");
	return true;
}

int hz_masks_load(const json_t *json, struct hz_broadcast *ret)
{
	const json_t *item;
	size_t i;
	ret->mask_version = (uint32_t)json_integer_value(json_object_get(json, "mask_version"));
	ret->clean = (uint32_t)json_integer_value(json_object_get(json, "clean"));
	json_array_foreach(json_object_get(json, "masks"), i, item)
	{
		struct hz_masks *m = &ret->masks[ret->mask_count];
		if (ret->mask_count >= HZ_BROADCAST_SOURCES || !load_one(item, m))
			return -EINVAL;
		ret->mask_count++;
		if (m->version > ret->mask_version)
			ret->mask_version = m->version;
	}
	return 0;
}

// --- changes

static uint32_t next_version(struct hz_broadcast *b)
{
	const uint32_t most = (1u << VERSION_BITS) - 1;
	if (!b->mask_version) { // of another broadcast of this consult something may still be on its way
		hz_random(&b->mask_version, sizeof(b->mask_version));
		b->mask_version &= most >> 2;
	}
	b->mask_version = b->mask_version < most ? b->mask_version + 1 : 1;
	return b->mask_version;
}

void hz_masks_renew(struct hz_broadcast *b)
{
	struct hz_masks *m = b->on_air ? find(b, &b->air) : NULL;
	uint32_t version = next_version(b);
	if (m)
		m->version = version;
	b->air_version = version;
}

void hz_masks_number(struct hz_broadcast *b, struct hz_masks *m)
{
	m->version = next_version(b);
}

// One that says what its kind says anyway.
static struct hz_masks *idle(struct hz_broadcast *b)
{
	for (unsigned i = 0; i < b->mask_count; i++) {
		struct hz_masks *m = &b->masks[i];
		if (!m->count && m->identified == identified_by_kind(m->of.source))
			return m;
	}
	return NULL;
}

static int put(struct hz_broadcast *b, const struct hz_masks *wish)
{
	struct hz_masks *m = find(b, &wish->of);
	if (!m && b->mask_count < HZ_BROADCAST_SOURCES)
		m = &b->masks[b->mask_count++];
	if (!m)
		m = idle(b);
	if (!m)
		return -ENOSPC;
	*m = *wish;
	hz_masks_number(b, m);
	return 0;
}

static bool inside(const struct hz_mosaic_mask *m, const struct hz_mosaic_mask *of)
{
	return m->x >= of->x && m->y >= of->y && m->x + m->w <= of->x + of->w && m->y + m->h <= of->y + of->h;
}

// True: something of the picture that could be seen until now cannot be seen with these.
static bool hides(const struct hz_broadcast *b, const struct hz_masks *wish)
{
	const struct hz_masks *was = NULL;
	switch (hz_mask_need(b, &wish->of, &was)) {
	case HZ_MASK_MISSING:
		return false; // nothing of it was shown
	case HZ_MASK_FREE:
		return wish->count || wish->identified;
	default:
		break;
	}
	for (unsigned i = 0; i < wish->count; i++) {
		bool covered = false;
		for (unsigned k = 0; k < was->count && !covered; k++)
			covered = inside(&wish->mask[i], &was->mask[k]);
		if (!covered)
			return true;
	}
	return !wish->count && wish->identified;
}

int hz_masks_set(struct hz_brain *brain, struct hz_consult *consult, const struct hz_masks *wish,
                 const char *by)
{
	if (!consult->broadcast)
		return -ENOENT;
	struct hz_broadcast next = *consult->broadcast;
	bool aired = hz_air_has(&next, &wish->of);
	bool held = hides(&next, wish) && hz_hls_may_hold(brain, consult, &wish->of);
	const struct hz_programme air = hz_air_of(&next);
	int err = put(&next, wish);
	if (err)
		return err;
	if (strcmp(wish->of.participant, HZ_TABLE) == 0)
		next.table = hz_air_studies(brain, consult);
	if (aired && hz_broadcast_may_air(brain, &next, &air))
		hz_air_set(&next, NULL);
	else if (aired && next.beside.count)
		next.air_version = next_version(&next);
	if (held)
		next.clean = next.mask_version;
	if (aired) // first nothing of it, then the rest
		hz_viewers_close(brain, consult);
	if (held)
		hz_hls_clean(brain, consult, next.clean);
	const struct hz_masks *now = find(&next, &wish->of);
	next.masked_ms = 0;
	err = hz_broadcast_note(brain, consult, &next, by, "masks", one_json(now));
	if (!err) {
		*consult->broadcast = next;
		hz_broadcast_ask(brain, consult->broadcast);
	}
	hz_broadcast_changed(brain, consult); // also opens again what was closed
	return err;
}

// Around both.
static void cover(struct hz_mosaic_mask *m, const struct hz_mosaic_mask *more)
{
	unsigned right = m->x + m->w > more->x + more->w ? m->x + m->w : more->x + more->w,
	         bottom = m->y + m->h > more->y + more->h ? m->y + m->h : more->y + more->h;
	m->x = m->x < more->x ? m->x : more->x;
	m->y = m->y < more->y ? m->y : more->y;
	m->w = (uint16_t)(right - m->x);
	m->h = (uint16_t)(bottom - m->y);
}

// Own regions stay. Those of the device that find no room beside them are painted over with the last one: rather too much than a name.
bool hz_masks_adopt(struct hz_masks *m, const struct hz_profile *profile)
{
	const struct hz_masks was = *m;
	m->count = m->own;
	for (unsigned k = 0; k < profile->count; k++) {
		if (m->count < HZ_MOSAIC_MASKS)
			m->mask[m->count++] = profile->mask[k];
		else
			cover(&m->mask[HZ_MOSAIC_MASKS - 1], &profile->mask[k]);
	}
	return m->count != was.count || memcmp(m->mask, was.mask, m->count * sizeof(m->mask[0])) != 0;
}

static int follow(struct hz_brain *brain, struct hz_consult *consult, const struct hz_profile *profile,
                  const char *by)
{
	int err = 0;
	for (unsigned i = 0; consult->broadcast && i < consult->broadcast->mask_count && !err; i++) {
		struct hz_masks m = consult->broadcast->masks[i];
		if (strcmp(m.profile, profile->id) != 0)
			continue;
		(void)hz_masks_adopt(&m, profile);
		err = hz_masks_set(brain, consult, &m, by);
	}
	return err;
}

int hz_masks_profile(struct hz_brain *brain, const struct hz_profile *profile, const char *by)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	int err = 0;
	while ((consult = hz_map_next(brain->consults, &at))) {
		int failed = follow(brain, consult, profile, by);
		err = err ? err : failed;
	}
	brain->profiles_due |= err != 0; // tried on: it is what the profile says
	return err;
}

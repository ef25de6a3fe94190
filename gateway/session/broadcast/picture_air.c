// What a broadcast shows of a source that has masks, or of several sources: a rendition of these alone, which the mosaic paints over. Its
// id follows from the version of masks and programme, which never change: whoever shows its track shows nothing that was painted otherwise.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/picture_internal.h"

#define LARGEST (HZ_PICTURE_HEIGHTS - 1)

bool hz_picture_airs(const struct hz_picture_rendition *r)
{
	return r->person[0] != '\0';
}

struct air { // what is to be painted
	const struct hz_broadcast *b;
	const struct hz_masks *masks[HZ_MOSAIC_PARTS]; // of each part; NULL: it has none
	unsigned count;                                // of parts; 0: nothing is
	uint32_t version;
};

static struct air air_of(const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	struct air air = {.b = b};
	if (!b || b->cut || !hz_air_painted(b))
		return air;
	for (unsigned i = 0; i < hz_air_parts(b); i++) {
		if (hz_mask_need(b, hz_air_part(b, i), &air.masks[i]) == HZ_MASK_MISSING)
			return (struct air){.b = b};
	}
	air.count = hz_air_parts(b);
	air.version = air.count > 1 ? b->air_version : air.masks[0]->version;
	return air;
}

bool hz_picture_air_any(const struct hz_consult *consult)
{
	return air_of(consult).count > 0;
}

unsigned hz_picture_air_height(const struct hz_consult *consult, const char *person, uint8_t source)
{
	const struct air air = air_of(consult);
	for (unsigned i = 0; i < air.count; i++) {
		const struct hz_broadcast_source *of = hz_air_part(air.b, i);
		if (of->source != source || strcmp(of->participant, person) != 0)
			continue;
		bool large = air.count == 1 || (i == 0 && air.b->beside.layout == HZ_MOSAIC_AIR_PIP);
		return hz_picture_height[large ? LARGEST : 0];
	}
	return 0;
}

static bool is_of(const struct hz_picture_rendition *r, const struct air *air)
{
	return air->count && r->version == air->version && r->air == air->b->beside.layout &&
	       r->source == air->b->air.source && strcmp(r->person, air->b->air.participant) == 0;
}

bool hz_picture_air_holds(const struct hz_picture_room *room, const struct hz_picture_rendition *r)
{
	const struct air air = air_of(room->consult);
	return is_of(r, &air);
}

// Different for each version and source of somebody: hz_picture_number() loses nothing of its last argument.
static uint32_t id_of(const struct hz_consult *consult, const struct air *air)
{
	const struct hz_broadcast_source *of = &air->b->air;
	char text[HZ_ID_TEXT_BYTES + 8];
	snprintf(text, sizeof(text), air->count > 1 ? "airs:%s" : "air:%s", of->participant);
	return hz_picture_number(consult, text, air->version << 8 | of->source);
}

static void paint(const struct hz_consult *consult, const struct air *air, struct hz_picture_rendition *r)
{
	const struct hz_masks *masks = air->masks[0];
	r->air = air->b->beside.layout;
	r->fill = masks ? masks->fill : 0;
	r->mask_count = masks ? (uint8_t)masks->count : 0;
	for (unsigned k = 0; k < r->mask_count; k++)
		r->mask[k] = masks->mask[k];
	r->beside_count = (uint8_t)(air->count - 1);
	for (unsigned i = 1; i < air->count; i++) {
		const struct hz_broadcast_source *of = hz_air_part(air->b, i);
		struct hz_mosaic_beside *beside = &r->beside[i - 1];
		masks = air->masks[i];
		beside->member = hz_picture_number(consult, of->participant, of->source);
		beside->fill = masks ? masks->fill : 0;
		beside->mask_count = masks ? (uint8_t)masks->count : 0;
		for (unsigned k = 0; k < beside->mask_count; k++)
			beside->mask[k] = masks->mask[k];
	}
}

static struct hz_picture_rendition *get(struct hz_picture_room *room, const struct air *air)
{
	struct hz_picture_rendition *r = room->renditions;
	while (r && !(hz_picture_airs(r) && is_of(r, air)))
		r = r->next;
	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->id = id_of(room->consult, air);
	r->ssrc = hz_picture_fresh_ssrc();
	r->height = LARGEST;
	r->codec = HZ_CODEC_H264_CB;
	memcpy(r->person, air->b->air.participant, sizeof(r->person));
	r->source = air->b->air.source;
	r->version = air->version;
	paint(room->consult, air, r);
	r->next = room->renditions;
	room->renditions = r;
	room->fresh = true;
	room->consult->recount = true; // one more who receives: perhaps in another codec
	return r;
}

struct hz_picture_rendition *hz_picture_air_claim(struct hz_picture_room *room, uint32_t id)
{
	const struct air air = air_of(room->consult);
	return air.count && id_of(room->consult, &air) == id ? get(room, &air) : NULL;
}

struct hz_track *hz_picture_air_track(struct hz_brain *brain, struct hz_consult *consult, unsigned worker)
{
	const struct air air = brain->picture ? air_of(consult) : (struct air){.count = 0};
	struct hz_picture_room *room = air.count ? hz_picture_room_get(brain, consult) : NULL;
	struct hz_picture_rendition *r = room ? get(room, &air) : NULL;
	struct hz_track *track = r ? hz_picture_track(room, r->id, worker) : NULL;
	if (track || !r)
		return track;
	track = hz_picture_track_get(brain, room, r, worker);
	if (!track)
		return NULL;
	track->codec = r->codec;
	hz_picture_track_fit(brain, r, track); // before a slot names it
	room->fresh = true;
	return track;
}

void hz_picture_air_settle(struct hz_brain *brain, struct hz_consult *consult)
{
	hz_easel_settle(brain, consult);
	if (!consult->picture || !consult->picture->fresh)
		return;
	consult->picture->fresh = false;
	hz_picture_recount(brain, consult);
}

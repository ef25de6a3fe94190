// What a broadcast shows of a source that has masks: a rendition of that source alone, which the mosaic paints over. Its id follows
// from the version of the masks, its masks never change: whoever shows its track shows nothing that was painted otherwise.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast.h"
#include "gateway/session/objects.h"
#include "gateway/session/picture_internal.h"

#define LARGEST (HZ_PICTURE_HEIGHTS - 1)

bool hz_picture_airs(const struct hz_picture_rendition *r)
{
	return r->person[0] != '\0';
}

static const struct hz_masks *masks_of(const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	const struct hz_masks *masks = NULL;
	if (!b || !b->on_air || b->cut || hz_mask_need(b, &b->air, &masks) != HZ_MASK_MASKED)
		return NULL;
	return masks;
}

const struct hz_broadcast_source *hz_picture_air_source(const struct hz_consult *consult)
{
	const struct hz_masks *masks = masks_of(consult);
	return masks ? &masks->of : NULL;
}

static bool is_of(const struct hz_picture_rendition *r, const struct hz_masks *masks)
{
	return r->version == masks->version && r->source == masks->of.source &&
	       strcmp(r->person, masks->of.participant) == 0;
}

bool hz_picture_air_holds(const struct hz_picture_room *room, const struct hz_picture_rendition *r)
{
	const struct hz_masks *masks = masks_of(room->consult);
	return masks && is_of(r, masks);
}

// Different for each version and source of somebody: hz_picture_number() loses nothing of its last argument.
static uint32_t id_of(const struct hz_consult *consult, const struct hz_masks *masks)
{
	char text[HZ_ID_TEXT_BYTES + 4];
	snprintf(text, sizeof(text), "air:%s", masks->of.participant);
	return hz_picture_number(consult, text, masks->version << 8 | masks->of.source);
}

static struct hz_picture_rendition *get(struct hz_picture_room *room, const struct hz_masks *masks)
{
	struct hz_picture_rendition *r = room->renditions;
	while (r && !(hz_picture_airs(r) && is_of(r, masks)))
		r = r->next;
	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->id = id_of(room->consult, masks);
	r->ssrc = hz_picture_fresh_ssrc();
	r->height = LARGEST;
	r->codec = HZ_CODEC_H264_CB;
	memcpy(r->person, masks->of.participant, sizeof(r->person));
	r->source = masks->of.source;
	r->version = masks->version;
	r->fill = masks->fill;
	r->mask_count = (uint8_t)masks->count;
	memcpy(r->mask, masks->mask, masks->count * sizeof(r->mask[0]));
	r->next = room->renditions;
	room->renditions = r;
	room->fresh = true;
	room->consult->recount = true; // one more who receives: perhaps in another codec
	return r;
}

struct hz_picture_rendition *hz_picture_air_claim(struct hz_picture_room *room, uint32_t id)
{
	const struct hz_masks *masks = masks_of(room->consult);
	return masks && id_of(room->consult, masks) == id ? get(room, masks) : NULL;
}

struct hz_track *hz_picture_air_track(struct hz_brain *brain, struct hz_consult *consult, unsigned worker)
{
	const struct hz_masks *masks = brain->picture ? masks_of(consult) : NULL;
	struct hz_picture_room *room = masks ? hz_picture_room_get(brain, consult) : NULL;
	struct hz_picture_rendition *r = room ? get(room, masks) : NULL;
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
	if (!consult->picture || !consult->picture->fresh)
		return;
	consult->picture->fresh = false;
	hz_picture_recount(brain, consult);
}

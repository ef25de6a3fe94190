// Who is shown in a composed picture: a source each, with a pinned subscription to the layer that fits its tile; those without a
// picture with their name.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/picture_internal.h"
#include "gateway/session/relay_internal.h"
#include "gateway/session/watched.h"

#define FIRST_PT   96  // + enum hz_codec, as on every relay
#define TOP_HEIGHT 720 // of the highest layer; what is larger is not needed

static const uint8_t codecs[] = {HZ_CODEC_H264_CB, HZ_CODEC_H264_HIGH, HZ_CODEC_VP8};

uint32_t hz_picture_receives(const struct hz_consult *consult)
{
	uint32_t bits = 0;
	for (unsigned i = 0; consult->picture && consult->picture->renditions && i < sizeof(codecs); i++)
		bits |= 1u << codecs[i];
	return bits;
}

static uint8_t kind_of(uint8_t source)
{
	switch (source) {
	case HZ_SOURCE_SCREEN:
		return HZ_MOSAIC_SCREEN;
	case HZ_SOURCE_IMAGE:
	case HZ_SOURCE_ULTRASOUND:
	case HZ_SOURCE_ENDOSCOPE:
	case HZ_SOURCE_MICROSCOPE:
		return HZ_MOSAIC_IMAGES;
	default:
		return HZ_MOSAIC_CAMERA;
	}
}

static bool is_aired(const struct hz_picture_room *room, const char *person, uint8_t source)
{
	return hz_picture_air_height(room->consult, person, source) > 0;
}

// --- which layer

static unsigned height_wanted(const struct hz_picture_room *room, const struct hz_picture_member *m)
{
	unsigned largest = hz_picture_height[hz_picture_largest(room)], count = 0, height = m->height;
	unsigned aired = hz_picture_air_height(room->consult, m->person, m->source);
	for (const struct hz_picture_member *other = room->members; other; other = other->next)
		count++;
	if (!m->told) // until the mosaic says it
		height = count <= 1 ? TOP_HEIGHT : count <= 4 ? TOP_HEIGHT / 2 : TOP_HEIGHT / 3;
	height = height * largest / TOP_HEIGHT;
	return height > aired ? height : aired;
}

// The smallest that is no more than a quarter too small; of those that arrive, the next lower one, else the next higher.
static uint8_t layer_for(const struct hz_track *track, unsigned height)
{
	unsigned count = track->cmd.layer_count, i = 0;
	if (count <= 1)
		return 0;
	while (i + 1 < count && (TOP_HEIGHT >> (count - 1 - i)) * 5u < height * 4u)
		i++;
	unsigned alive = track->layers & ((1u << count) - 1);
	if (!alive)
		return (uint8_t)i;
	for (unsigned k = i + 1; k-- > 0;) {
		if (alive & 1u << k)
			return (uint8_t)k;
	}
	while (!(alive & 1u << i))
		i++;
	return (uint8_t)i;
}

static int fit_slot(struct hz_brain *brain, struct hz_picture_room *room, const struct hz_picture_member *m,
                    const struct hz_track *track, struct hz_slot **ret)
{
	struct hz_peer *link = NULL;
	uint8_t layer = layer_for(track, height_wanted(room, m));
	int err = hz_picture_link_of(brain, room, track->peer->worker, &link);
	struct hz_slot *slot = err ? NULL : link->slots;
	while (slot && slot->cmd.track != track->id)
		slot = slot->next;
	if (!err && !slot) {
		err = hz_slot_new(brain, link, &slot);
		if (err)
			return err;
		slot->cmd = (struct hz_cmd_sub_set){.track = track->id,
		                                    .kind = HZ_KIND_VIDEO,
		                                    .max_layer = layer,
		                                    .flags = HZ_SUB_PIN,
		                                    .ssrc = hz_relay_ssrc(link),
		                                    .pt_count = sizeof(codecs),
		                                    .ext = {.orientation = 2}};
		for (unsigned i = 0; i < sizeof(codecs); i++)
			slot->cmd.pt[i] = (struct hz_pt){
			    .pt = (uint8_t)(FIRST_PT + codecs[i]), .codec = codecs[i], .flags = HZ_PT_PLI};
		hz_slot_set(brain, slot);
		hz_watched_mark(brain, room->consult);
	} else if (!err && slot->cmd.max_layer != layer) {
		slot->cmd.max_layer = layer;
		hz_slot_set(brain, slot);
		hz_watched_mark(brain, room->consult);
	}
	*ret = slot;
	return err;
}

// --- members

static struct hz_picture_member *member_get(struct hz_picture_room *room, const char *id, uint8_t source)
{
	struct hz_picture_member **at = &room->members;
	for (; *at; at = &(*at)->next) {
		if ((*at)->source == source && strcmp((*at)->person, id) == 0)
			return *at;
	}
	struct hz_picture_member *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->id = hz_picture_number(room->consult, id, source);
	m->source = source;
	snprintf(m->person, sizeof(m->person), "%s", id);
	*at = m;
	return m;
}

static bool speaks(const struct hz_participant *p)
{
	const struct hz_track *voice = hz_track_of_source(p, HZ_KIND_AUDIO, HZ_SOURCE_MICROPHONE);
	return voice && !voice->muted;
}

struct shown { // who is in it
	const char *id, *name;
	const struct hz_track *track; // NULL: without a picture
	unsigned order;
	uint8_t source, flags;
};

static void fit(struct hz_brain *brain, struct hz_picture_room *room, const struct shown *who)
{
	struct hz_picture_member *m = member_get(room, who->id, who->source);
	struct hz_slot *slot = NULL;
	int err = m ? 0 : -ENOMEM;
	if (!err && who->track)
		err = fit_slot(brain, room, m, who->track, &slot);
	if (err) {
		brain->count.media_errors++;
		hz_warn("picture.member", "consult=%s err=%d", room->consult->id, -err);
		return; // the picture goes without
	}
	m->sub = slot ? slot->id : 0;
	m->worker = slot ? slot->peer->worker : 0;
	struct hz_mosaic_member_set set = {
	    .member = m->id,
	    .consult = room->consult->number,
	    .person = hz_picture_number(room->consult, who->id, HZ_PICTURE_NO_SOURCE),
	    .ssrc = slot ? slot->cmd.ssrc : 0,
	    .order = who->order,
	    .worker = slot ? (uint16_t)slot->peer->worker : 0,
	    .kind = kind_of(who->source),
	    .flags = (uint8_t)(who->flags | (who->track && who->track->muted ? HZ_MOSAIC_MEMBER_OFF : 0)),
	    .pt_count = slot ? slot->cmd.pt_count : 0,
	    .orientation = slot ? slot->cmd.ext.orientation : 0,
	};
	for (unsigned i = 0; i < set.pt_count; i++)
		set.pt[i] = slot->cmd.pt[i];
	snprintf(set.name, sizeof(set.name), "%.*s", (int)sizeof(set.name) - 1, who->name);
	err = hz_picture_link_set(brain->picture, &set.h, HZ_MOSAIC_MEMBER_SET);
	if (err)
		hz_warn("picture.member", "consult=%s err=%d", room->consult->id, -err);
	m->kept = true;
}

static void fit_person(struct hz_brain *brain, struct hz_picture_room *room, const struct hz_participant *p,
                       const struct hz_track *track, unsigned order)
{
	const struct shown who = {.id = p->id,
	                          .name = p->name,
	                          .track = track,
	                          .order = order,
	                          .source = track ? track->source : HZ_PICTURE_NO_SOURCE,
	                          .flags = speaks(p) ? 0 : HZ_MOSAIC_MEMBER_MUTED};
	fit(brain, room, &who);
}

// The images on the table: with all that is drawn on them for those inside, bare for those outside.
static unsigned fit_table(struct hz_brain *brain, struct hz_picture_room *room, bool bare)
{
	struct hz_consult *consult = room->consult;
	bool wanted = bare ? is_aired(room, HZ_TABLE, HZ_SOURCE_IMAGE) : hz_picture_composes(consult);
	const struct shown who = {.id = bare ? HZ_TABLE : "~images",
	                          .name = "影像 · Images",
	                          .track =
	                              wanted ? hz_easel_track(brain, consult, consult->worker, bare) : NULL,
	                          .order = UINT16_MAX,
	                          .source = HZ_SOURCE_IMAGE,
	                          .flags = bare ? HZ_MOSAIC_MEMBER_AIR : 0};
	if (!who.track)
		return 0;
	fit(brain, room, &who);
	hz_easel_settle(brain, consult);
	return 1;
}

static unsigned fit_pictures(struct hz_brain *brain, struct hz_picture_room *room,
                             const struct hz_participant *p, unsigned order, unsigned room_for, bool aired)
{
	unsigned count = 0;
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (const struct hz_track *track = peer->tracks; track && count < room_for;
		     track = track->next) {
			if (track->kind == HZ_KIND_VIDEO &&
			    (!aired || is_aired(room, p->id, track->source))) {
				fit_person(brain, room, p, track, order * HZ_SOURCE_COUNT + track->source);
				count++;
			}
		}
	}
	return count;
}

static bool has_kind(const struct hz_participant *p, uint8_t kind)
{
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (const struct hz_track *track = peer->tracks; track; track = track->next) {
			if (track->kind == kind)
				return true;
		}
	}
	return false;
}

// --- what nobody needs

static bool fed(const struct hz_picture_room *room, const struct hz_slot *slot)
{
	for (const struct hz_picture_member *m = room->members; m; m = m->next) {
		if (m->sub == slot->id && m->worker == slot->peer->worker)
			return true;
	}
	return false;
}

static void sweep(struct hz_brain *brain, struct hz_picture_room *room)
{
	for (struct hz_picture_member **at = &room->members; *at;) {
		struct hz_picture_member *m = *at;
		if (m->kept) {
			at = &m->next;
			continue;
		}
		*at = m->next;
		(void)hz_picture_link_del(brain->picture, HZ_MOSAIC_MEMBER_SET, m->id); // perhaps never said
		free(m);
	}
	for (struct hz_peer *link = room->links; link; link = link->next) {
		struct hz_slot *next;
		for (struct hz_slot *slot = link->slots; slot; slot = next) {
			next = slot->next;
			if (!fed(room, slot))
				hz_slot_end(brain, slot);
		}
	}
}

void hz_picture_members_end(struct hz_brain *brain, struct hz_picture_room *room)
{
	for (struct hz_picture_member *m = room->members; m; m = m->next)
		m->kept = false;
	sweep(brain, room);
}

// Somebody watches everybody in one picture; else what is on the air is all that is needed.
static bool is_composed(const struct hz_picture_room *room)
{
	const struct hz_picture_rendition *r = room->renditions;
	while (r && hz_picture_airs(r))
		r = r->next;
	return r != NULL;
}

bool hz_picture_composes(const struct hz_consult *consult)
{
	const struct hz_picture_rendition *r = consult->picture ? consult->picture->renditions : NULL;
	while (r && (hz_picture_airs(r) || r->until_us))
		r = r->next;
	return r != NULL;
}

void hz_picture_members_fit(struct hz_brain *brain, struct hz_picture_room *room)
{
	unsigned count = 0, order = 0;
	const struct hz_participant *list = room->consult->participants;
	bool composed = is_composed(room);
	for (struct hz_picture_member *m = room->members; m; m = m->next)
		m->kept = false;
	for (const struct hz_participant *p = list; p;
	     p = p->next, order++) { // it has its place, whoever came before
		if (p->status == HZ_STATUS_ADMITTED)
			count += fit_pictures(brain, room, p, order, HZ_MOSAIC_PARTS - count, true);
	}
	count += fit_table(brain, room, true);
	count += fit_table(brain, room, false);
	order = 0;
	for (const struct hz_participant *p = composed ? list : NULL; p; p = p->next, order++) {
		if (p->status == HZ_STATUS_ADMITTED)
			count += fit_pictures(brain, room, p, order, HZ_MOSAIC_MEMBERS - count, false);
	}
	order = 0;
	for (const struct hz_participant *p = composed ? list : NULL; p;
	     p = p->next, order++) { // their place is behind the pictures'
		if (p->status == HZ_STATUS_ADMITTED && count < HZ_MOSAIC_MEMBERS &&
		    !has_kind(p, HZ_KIND_VIDEO) && has_kind(p, HZ_KIND_AUDIO)) {
			fit_person(brain, room, p, NULL, order * HZ_SOURCE_COUNT);
			count++;
		}
	}
	sweep(brain, room);
}

void hz_picture_tiles(struct hz_brain *brain, struct hz_picture_room *room,
                      const struct hz_mosaic_tiles *tiles)
{
	for (struct hz_picture_member *m = room->members; m; m = m->next) {
		m->told = true;
		m->height = 0;
		for (unsigned i = 0; i < tiles->count; i++) {
			if (tiles->tile[i].member == m->id)
				m->height = tiles->tile[i].height;
		}
	}
	if (room->renditions)
		hz_picture_members_fit(brain, room);
}

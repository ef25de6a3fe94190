// What is made of a composed picture: an encode for each size and codec that somebody watches, a track of it on each worker of those who
// watch, and which slot shows which.
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/ids.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/session/composed/picture_internal.h"
#include "gateway/session/push.h"
#include "gateway/session/relay_internal.h"
#include "gateway/session/steps.h"

#define FIRST_PT    96      // + enum hz_codec, as on every relay
#define AIR_BPS     3000000 // of a broadcast: it is all that its viewers see
#define AIR_KEEP_US 1000000 // nobody is shown it any more
#define THIN_BPS    300000  // of the lowest rendition where somebody's link is thin

const uint16_t hz_picture_height[HZ_PICTURE_HEIGHTS] = {360, 540, 720};
const uint32_t hz_picture_bps[HZ_PICTURE_HEIGHTS] = {600000, 1000000, 1600000};

uint32_t hz_picture_fresh_ssrc(void)
{
	uint32_t ssrc = 0;
	while (!ssrc)
		hz_random(&ssrc, sizeof(ssrc));
	return ssrc;
}

// --- tracks: on each worker where it is watched

struct hz_track *hz_picture_track(const struct hz_picture_room *room, uint32_t rendition, unsigned worker)
{
	return hz_relay_track_of(room->links, worker, rendition);
}

void hz_picture_track_fit(struct hz_brain *brain, const struct hz_picture_rendition *r,
                          struct hz_track *track)
{
	struct hz_cmd_track_set cmd = {
	    .h = track->cmd.h,
	    .track = track->id,
	    .peer = track->peer->id,
	    .kind = HZ_KIND_VIDEO,
	    .layer_count = 1,
	    .pt_count = 1,
	    .flags = HZ_TRACK_DETAIL, // captions
	    .ssrc = {r->ssrc},
	    .pt = {{.pt = (uint8_t)(FIRST_PT + r->codec), .codec = r->codec, .flags = HZ_PT_PLI}},
	};
	hz_relay_track_set(brain, track, &cmd);
}

struct hz_track *hz_picture_track_get(struct hz_brain *brain, struct hz_picture_room *room,
                                      struct hz_picture_rendition *r, unsigned worker)
{
	struct hz_track *track = hz_picture_track(room, r->id, worker);
	struct hz_peer *link = NULL;
	if (track)
		return track;
	int err = hz_picture_link_of(brain, room, worker, &link);
	if (!err)
		err = hz_track_new(brain, link, &track);
	if (err) {
		brain->count.media_errors++;
		hz_warn("picture.track", "consult=%s err=%d", room->consult->id, -err);
		return NULL;
	}
	track->kind = HZ_KIND_VIDEO;
	track->source = HZ_SOURCE_MIX;
	track->of = r->id;
	return track;
}

// --- renditions

uint32_t hz_picture_rendition_id(const struct hz_consult *consult, unsigned height, uint8_t codec)
{
	return hz_picture_number(consult, "", (uint32_t)height << 8 | codec);
}

struct hz_picture_rendition *hz_picture_rendition_get(struct hz_picture_room *room, unsigned height,
                                                      uint8_t codec)
{
	struct hz_picture_rendition *r = room->renditions;
	while (r && (r->height != height || r->codec != codec || hz_picture_airs(r)))
		r = r->next;
	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->id = hz_picture_rendition_id(room->consult, height, codec);
	r->ssrc = hz_picture_fresh_ssrc();
	r->height = (uint8_t)height;
	r->codec = codec;
	r->next = room->renditions;
	room->renditions = r;
	return r;
}

unsigned hz_picture_largest(const struct hz_picture_room *room)
{
	unsigned largest = 0;
	for (const struct hz_picture_rendition *r = room->renditions; r; r = r->next) {
		if (!r->until_us && !hz_picture_airs(r) && r->height > largest)
			largest = r->height;
	}
	return largest;
}

static void say(struct hz_brain *brain, struct hz_picture_room *room, const struct hz_picture_rendition *r)
{
	struct hz_mosaic_rendition_set set = {
	    .rendition = r->id,
	    .consult = room->consult->number,
	    .workers = r->workers,
	    .ssrc = r->ssrc,
	    .bitrate_bps = r->thin && r->height == 0 ? THIN_BPS : hz_picture_bps[r->height],
	    .height = hz_picture_height[r->height],
	    .codec = r->codec,
	    .pt = (uint8_t)(FIRST_PT + r->codec),
	    .member = hz_picture_airs(r) ? hz_picture_number(room->consult, r->person, r->source) : 0,
	    .mask_count = r->mask_count,
	    .fill = r->fill,
	    .air = r->air,
	    .beside_count = r->beside_count,
	};
	memcpy(set.mask, r->mask, r->mask_count * sizeof(r->mask[0]));
	memcpy(set.beside, r->beside, r->beside_count * sizeof(r->beside[0]));
	if (set.member)
		set.bitrate_bps = AIR_BPS;
	int err = hz_picture_link_set(brain->picture, &set.h, HZ_MOSAIC_RENDITION_SET);
	if (err) {
		hz_warn("picture.rendition", "consult=%s err=%d", room->consult->id, -err);
		hz_picture_refuse(brain, room);
	}
}

static void rendition_end(struct hz_brain *brain, struct hz_picture_room *room,
                          struct hz_picture_rendition *r)
{
	for (const struct hz_peer *link = room->links; link; link = link->next) {
		struct hz_track *track = hz_picture_track(room, r->id, link->worker);
		if (track)
			hz_track_drop(brain, track);
	}
	(void)hz_picture_link_del(brain->picture, HZ_MOSAIC_RENDITION_SET, r->id);
	for (struct hz_picture_rendition **at = &room->renditions; *at; at = &(*at)->next) {
		if (*at == r) {
			*at = r->next;
			break;
		}
	}
	free(r);
}

void hz_picture_renditions_end(struct hz_brain *brain, struct hz_picture_room *room, bool all)
{
	struct hz_picture_rendition *next;
	for (struct hz_picture_rendition *r = room->renditions; r; r = next) {
		next = r->next;
		if (all || (r->until_us && r->until_us <= brain->now_us))
			rendition_end(brain, room, r);
	}
}

// --- who watches what

bool hz_picture_may_watch(const struct hz_slot *slot)
{
	const struct hz_participant *p = slot->peer->owner;
	return slot->picture && p->status == HZ_STATUS_ADMITTED && (p->grants & HZ_GRANT_SUBSCRIBE);
}

bool hz_picture_watches(const struct hz_slot *slot)
{
	return hz_picture_may_watch(slot) && !slot->off;
}

uint8_t hz_picture_codec(const struct hz_slot *slot)
{
	uint8_t codec = HZ_CODEC_NONE;
	for (unsigned i = 0; i < slot->cmd.pt_count; i++) {
		if (slot->cmd.pt[i].codec == HZ_CODEC_H264_CB)
			return HZ_CODEC_H264_CB;
		if (slot->cmd.pt[i].codec == HZ_CODEC_VP8)
			codec = HZ_CODEC_VP8;
	}
	return codec;
}

bool hz_picture_takes(const struct hz_slot *slot)
{
	return slot->cmd.kind == HZ_KIND_VIDEO && hz_picture_codec(slot) != HZ_CODEC_NONE;
}

void hz_picture_point(struct hz_brain *brain, struct hz_slot *slot, hz_id track)
{
	if (slot->cmd.track == track)
		return;
	slot->cmd.track = track;
	hz_steps_reset(slot);
	hz_slot_set(brain, slot);
}

static void show(struct hz_brain *brain, struct hz_picture_room *room, struct hz_slot *slot)
{
	unsigned height = slot->cmd.max_layer < slot->picture_cap ? slot->cmd.max_layer : slot->picture_cap;
	uint8_t codec = hz_picture_codec(slot);
	struct hz_picture_rendition *r = codec ? hz_picture_rendition_get(room, height, codec) : NULL;
	struct hz_track *track = r ? hz_picture_track_get(brain, room, r, slot->peer->worker) : NULL;
	if (r) {
		r->watched = true;
		r->thin = r->thin || slot->picture_thin;
		r->workers |= track ? 1ull << slot->peer->worker : 0;
	}
	if (track)
		hz_picture_track_fit(brain, r, track); // before a slot names it
	hz_picture_point(brain, slot, track ? track->id : 0);
}

static void show_all(struct hz_brain *brain, struct hz_picture_room *room)
{
	for (const struct hz_participant *p = room->consult->participants; p; p = p->next) {
		for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
				if (hz_picture_watches(slot))
					show(brain, room, slot);
				else if (hz_picture_may_watch(slot))
					// nothing is made for it; it is shown again with the next `quality`
					hz_picture_point(brain, slot, 0);
			}
		}
	}
}

void hz_picture_renditions_fit(struct hz_brain *brain, struct hz_picture_room *room)
{
	for (struct hz_picture_rendition *r = room->renditions; r; r = r->next) {
		r->watched = r->thin = false;
		r->workers = 0;
	}
	show_all(brain, room);
	for (struct hz_picture_rendition *r = room->renditions; r; r = r->next) {
		bool airs = hz_picture_airs(r);
		r->watched |= airs && hz_picture_air_holds(room, r);
		if (r->watched)
			r->until_us = 0;
		else if (!r->until_us)
			r->until_us = brain->now_us + (airs ? AIR_KEEP_US : HZ_PICTURE_KEEP_US);
		if (r->until_us)
			hz_picture_due_at(room, r->until_us);
		for (const struct hz_peer *link = room->links; link; link = link->next) {
			struct hz_track *track = hz_picture_track(room, r->id, link->worker);
			if (track && airs && r->until_us) // it may have other masks than those of now
				continue;
			if (track) { // of the last who watched: kept, so that coming back is quick
				r->workers |= 1ull << link->worker;
				hz_picture_track_fit(brain, r, track);
			}
		}
		say(brain, room, r);
	}
}

// --- what a client asks

void hz_picture_watch(struct hz_brain *brain, struct hz_slot *slot)
{
	uint32_t estimate_bps = slot->peer->stats.estimate_bps;
	struct hz_consult *consult = slot->peer->owner->consult;
	if (!slot->picture) {
		slot->cmd.track = 0;
		slot->picture = true;
		slot->picture_us = brain->now_us;
		slot->picture_fails = 0;
		slot->picture_cap = HZ_PICTURE_HEIGHTS - 1;
		while (slot->picture_cap && estimate_bps && estimate_bps < hz_picture_bps[slot->picture_cap])
			slot->picture_cap--;
		consult->relay_check = true; // of what it showed before
	}
	hz_push_recount(brain, consult); // perhaps another size
}

void hz_picture_leave(struct hz_brain *brain, struct hz_slot *slot)
{
	if (!slot->picture)
		return;
	slot->picture = false;
	hz_push_recount(brain, slot->peer->owner->consult);
}

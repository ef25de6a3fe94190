// Objects of a composed picture after a restart of control: they come back with the ids that the workers and the mosaic know, so that
// the picture goes on.
#include "gateway/session/ids.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/picture_internal.h"

static bool is_picture(const struct hz_brain *brain, const struct hz_slot *slot)
{
	const struct hz_track *track =
	    slot->cmd.track ? hz_ids_get(&brain->worker[slot->peer->worker].tracks, slot->cmd.track) : NULL;
	return track && track->peer->kind == HZ_PEER_LINK && track->peer->cmd.relay == HZ_PICTURE_RELAY;
}

bool hz_picture_load_slot(struct hz_brain *brain, struct hz_slot *slot)
{
	if (slot->picture && (!brain->picture || slot->cmd.kind != HZ_KIND_VIDEO))
		slot->picture = false; // any more
	if (!slot->picture)
		return false;
	slot->picture_us = brain->now_us;
	if (!is_picture(brain, slot))
		slot->cmd.track = 0; // a recount makes it
	return true;
}

// The rendition that this track is of comes back with its SSRC.
static bool claim(struct hz_picture_room *room, struct hz_track *track)
{
	static const uint8_t codecs[] = {HZ_CODEC_H264_CB, HZ_CODEC_VP8};
	for (unsigned i = 0; i < HZ_PICTURE_HEIGHTS * sizeof(codecs); i++) {
		unsigned height = i / sizeof(codecs);
		uint8_t codec = codecs[i % sizeof(codecs)];
		if (hz_picture_rendition_id(room->consult, height, codec) != track->of || !track->cmd.ssrc[0])
			continue;
		struct hz_picture_rendition *r = hz_picture_rendition_get(room, height, codec);
		if (!r)
			return false;
		r->ssrc = track->cmd.ssrc[0];
		track->source = HZ_SOURCE_MIX;
		return true;
	}
	struct hz_picture_rendition *air = track->cmd.ssrc[0] ? hz_picture_air_claim(room, track->of) : NULL;
	if (!air)
		return false;
	air->ssrc = track->cmd.ssrc[0];
	track->source = HZ_SOURCE_MIX;
	track->codec = air->codec;
	return true;
}

// Whose track it is: somebody's, or what huizhen-live draws. NULL: there is none.
static const struct hz_consult *consult_of(const struct hz_brain *brain, unsigned worker, hz_id id)
{
	const struct hz_track *track = id ? hz_ids_get(&brain->worker[worker].tracks, id) : NULL;
	const struct hz_peer *peer = track ? track->peer : NULL;
	return !peer ? NULL : peer->owner ? peer->owner->consult : peer->consult;
}

void hz_picture_repair(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_picture_room *room = consult->picture;
	for (struct hz_peer *link = room ? room->links : NULL; link; link = link->next) {
		struct hz_track *next_track;
		struct hz_slot *next_slot;
		for (struct hz_track *track = link->tracks; track; track = next_track) {
			next_track = track->next;
			if (!claim(room, track))
				hz_track_drop(brain, track);
		}
		for (struct hz_slot *slot = link->slots; slot; slot = next_slot) {
			next_slot = slot->next;
			if (consult_of(brain, link->worker, slot->cmd.track) != consult)
				hz_slot_end(brain, slot);
		}
	}
	hz_picture_recount(brain, consult);
}

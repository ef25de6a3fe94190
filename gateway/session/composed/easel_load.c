// Objects of the images as a picture after a restart of control: they come back with the ids that the workers and huizhen-live know, so
// that it goes on.
#include "gateway/session/composed/easel_internal.h"
#include "gateway/session/ids.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/picture_internal.h"

struct hz_peer **hz_easel_links(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_easel_room *room = brain->easel ? hz_easel_room_get(brain, consult) : NULL;
	return room ? &room->links : NULL;
}

bool hz_easel_load_slot(struct hz_brain *brain, struct hz_slot *slot)
{
	if (slot->easel && (!brain->easel || slot->cmd.kind != HZ_KIND_VIDEO || slot->picture))
		slot->easel = false; // any more
	if (!slot->easel)
		return false;
	const struct hz_track *track =
	    slot->cmd.track ? hz_ids_get(&brain->worker[slot->peer->worker].tracks, slot->cmd.track) : NULL;
	slot->easel_us = brain->now_us;
	if (!track || track->peer->kind != HZ_PEER_LINK || track->peer->cmd.relay != HZ_EASEL_RELAY)
		slot->cmd.track = 0; // a recount makes it
	return true;
}

// The rendition that this track is of comes back with its SSRC.
static bool claim(struct hz_easel_room *room, struct hz_track *track)
{
	static const uint8_t codecs[] = {HZ_CODEC_H264_CB, HZ_CODEC_VP8};
	for (unsigned i = 0; i < (HZ_EASEL_LARGE | HZ_EASEL_BARE) * sizeof(codecs) + sizeof(codecs); i++) {
		unsigned flags = i / sizeof(codecs);
		uint8_t codec = codecs[i % sizeof(codecs)];
		if (hz_easel_rendition_id(room->consult, flags, codec) != track->of || !track->cmd.ssrc[0])
			continue;
		struct hz_easel_rendition *r = hz_easel_rendition_get(room, flags, codec);
		if (!r)
			return false;
		r->ssrc = track->cmd.ssrc[0];
		track->source = HZ_SOURCE_IMAGE;
		return true;
	}
	return false;
}

void hz_easel_repair(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_easel_room *room = consult->easel;
	for (struct hz_peer *link = room ? room->links : NULL; link; link = link->next) {
		struct hz_track *next;
		for (struct hz_track *track = link->tracks; track; track = next) {
			next = track->next;
			if (!claim(room, track))
				hz_track_drop(brain, track);
		}
		while (link->slots)
			hz_slot_end(brain, link->slots); // it receives nothing
	}
	if (room)
		hz_easel_recount(brain, consult);
}

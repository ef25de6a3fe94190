#include "gateway/session/composed/easel.h"
#include "gateway/session/slots.h"

#include <string.h>

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/relay.h"

bool hz_slot_may_show(const struct hz_participant *p, const struct hz_track *track)
{
	const struct hz_participant *from = track->peer->owner;
	return from != p && from->consult == p->consult && from->status == HZ_STATUS_ADMITTED &&
	       p->status == HZ_STATUS_ADMITTED && (p->grants & HZ_GRANT_SUBSCRIBE);
}

struct hz_slot *hz_slot_by_mid(const struct hz_peer *peer, const char *mid)
{
	for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
		if (strcmp(slot->cmd.mid, mid) == 0)
			return slot;
	}
	return NULL;
}

struct hz_track *hz_track_nth(const struct hz_participant *p, uint8_t kind, unsigned nth)
{
	for (unsigned source = 0; source < HZ_SOURCE_COUNT; source++) { // enum hz_source is in this order
		struct hz_track *track = hz_track_of_source(p, kind, (uint8_t)source);
		if (track && nth-- == 0)
			return track;
	}
	return NULL;
}

static void follow_peer(struct hz_brain *brain, struct hz_peer *peer)
{
	const struct hz_participant *source = hz_participant_find(peer->owner->consult, peer->source);
	for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
		struct hz_track *track = source ? hz_track_nth(source, slot->cmd.kind, slot->nth) : NULL;
		if (track && !hz_slot_may_show(peer->owner, track))
			track = NULL;
		if (hz_slot_track(brain, slot) == track)
			continue;
		hz_slot_show(brain, slot, track);
		hz_slot_set(brain, slot);
	}
}

void hz_slots_follow(struct hz_brain *brain, struct hz_consult *consult)
{
	for (struct hz_participant *p = consult->participants; p; p = p->next) {
		for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			if (peer->kind == HZ_PEER_WHEP && strcmp(peer->source, HZ_MIX) != 0 &&
			    strcmp(peer->source, HZ_IMAGE) != 0)
				follow_peer(brain, peer);
		}
	}
	hz_viewers_follow(brain, consult);
}

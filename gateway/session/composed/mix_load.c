// Objects of the mix after a restart of control: they come back with the ids that the workers and the mix know, so that the sound
// goes on.
#include <stdlib.h>
#include <string.h>

#include "gateway/session/ids.h"
#include "gateway/session/composed/mix_internal.h"
#include "gateway/session/objects.h"
#include "gateway/session/relay.h"

static const struct hz_track *mix_track(const struct hz_brain *brain, const struct hz_slot *slot)
{
	const struct hz_track *track =
	    slot->cmd.track ? hz_ids_get(&brain->worker[slot->peer->worker].tracks, slot->cmd.track) : NULL;
	return track && track->peer->kind == HZ_PEER_LINK && track->peer->cmd.relay == brain->workers ? track
	                                                                                              : NULL;
}

bool hz_mix_load_slot(struct hz_brain *brain, struct hz_slot *slot)
{
	if (!brain->mix) // any more
		slot->mix = HZ_MIX_NONE;
	slot->held = brain->mix && slot->cmd.flags & HZ_SUB_HELD;
	slot->cmd.flags &=
	    (uint8_t)(HZ_SUB_PAUSED | (slot->held ? HZ_SUB_HELD : 0) | (slot->mix ? HZ_SUB_MIX : 0));
	if (slot->mix && !mix_track(brain, slot))
		slot->cmd.track = 0; // a recount makes it
	return slot->mix;
}

// 0: of none.
static uint32_t member_of(const struct hz_slot *slot)
{
	char *end = NULL;
	unsigned long member = slot->group[0] == 'm' ? strtoul(slot->group + 1, &end, 16) : 0;
	return end && !*end && member <= UINT32_MAX ? (uint32_t)member : 0;
}

// The seat of this participant, which has this member or gets it; NULL: it does not.
static struct hz_mix_seat *claim(struct hz_brain *brain, struct hz_mix_room *room,
                                 const struct hz_participant *p, uint32_t member)
{
	struct hz_mix_seat *seat = hz_mix_seat_of(room->consult, p->id);
	if (!seat && member)
		seat = hz_mix_seat_new(brain, room, p->id, member);
	return seat && seat->member == member ? seat : NULL;
}

static bool claim_voice(struct hz_brain *brain, struct hz_mix_room *room, const struct hz_slot *slot)
{
	const struct hz_track *voice = hz_track_by_id(brain, slot->peer->worker, slot->cmd.track);
	return voice && voice->peer->owner->consult == room->consult &&
	       claim(brain, room, voice->peer->owner, member_of(slot));
}

static const struct hz_participant *listener_of(const struct hz_brain *brain, const struct hz_mix_room *room,
                                                const struct hz_track *track)
{
	for (const struct hz_participant *p = room->consult->participants; p; p = p->next) {
		const struct hz_slot *ear = hz_mix_ear(p);
		if (ear && mix_track(brain, ear) == track)
			return p;
	}
	return NULL;
}

static bool claim_track(struct hz_brain *brain, struct hz_mix_room *room, struct hz_track *track)
{
	const struct hz_participant *p = listener_of(brain, room, track);
	struct hz_mix_seat *seat = p ? claim(brain, room, p, track->of) : NULL;
	if (!seat || seat->track)
		return false;
	track->source = HZ_SOURCE_MIX;
	seat->track = track->id;
	seat->worker = track->peer->worker;
	seat->ssrc = track->cmd.ssrc[0];
	return true;
}

void hz_mix_repair(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_mix_room *room = consult->mix;
	for (struct hz_peer *link = room ? room->links : NULL; link; link = link->next) {
		struct hz_track *next_track;
		struct hz_slot *next_slot;
		for (struct hz_track *track = link->tracks; track; track = next_track) {
			next_track = track->next;
			if (!claim_track(brain, room, track))
				hz_mix_track_end(brain, room, track);
		}
		for (struct hz_slot *slot = link->slots; slot; slot = next_slot) {
			next_slot = slot->next;
			if (!claim_voice(brain, room, slot))
				hz_slot_end(brain, slot);
		}
	}
	hz_mix_recount(brain, consult);
}

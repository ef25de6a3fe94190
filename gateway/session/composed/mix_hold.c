// Which voices are held because they are in the mix, and what the mix tells of itself. Held ones are left out while the mix is
// sent: that the worker sees by itself (HZ_SUB_HELD).
#include "gateway/base/log.h"
#include "gateway/session/composed/mix_internal.h"
#include "gateway/session/objects.h"
#include "gateway/session/push.h"
#include "gateway/session/relay.h"

static void due(struct hz_mix_room *room, int64_t at_us)
{
	if (at_us < room->due_us)
		room->due_us = at_us;
}

// --- what a client asks

void hz_mix_listen(struct hz_brain *brain, struct hz_slot *slot)
{
	struct hz_participant *p = slot->peer->owner;
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_slot *other = peer->slots; other; other = other->next) {
			if (other == slot || !other->mix)
				continue;
			other->mix = HZ_MIX_NONE; // it moves here
			hz_slot_show(brain, other, NULL);
			hz_slot_set(brain, other);
		}
	}
	if (slot->mix == HZ_MIX_WANTED)
		return;
	if (slot->mix == HZ_MIX_NONE)
		hz_slot_show(brain, slot, NULL);
	slot->mix = HZ_MIX_WANTED;
	hz_push_recount(brain, p->consult);
}

bool hz_mix_leave(struct hz_brain *brain, struct hz_slot *slot)
{
	struct hz_consult *consult = slot->peer->owner->consult;
	if (!slot->mix || !consult->mix)
		return false;
	if (slot->mix == HZ_MIX_WANTED) {
		slot->mix = HZ_MIX_LEAVING;
		slot->mix_until_us = brain->now_us + HZ_MIX_LEAVE_US;
		hz_mix_hold(brain, consult);
	}
	return true;
}

void hz_mix_show(struct hz_brain *brain, struct hz_slot *slot, struct hz_track *track)
{
	struct hz_consult *consult = slot->peer->owner->consult;
	hz_slot_show(brain, slot, track);
	if (slot->mix) {
		slot->mix = HZ_MIX_NONE;
		hz_push_recount(brain, consult);
	}
	if (consult->mix)
		due(consult->mix, brain->now_us); // another voice
}

// --- holding

static bool is_mixed(const struct hz_consult *consult, const struct hz_track *track)
{
	const struct hz_mix_seat *seat = track ? hz_mix_seat_of(consult, track->peer->owner->id) : NULL;
	return seat && seat->said.voice_ssrc && !seat->refused && hz_mix_voice(track->peer->owner) == track;
}

static bool hears(const struct hz_mix_seat *seat, const struct hz_slot *ear)
{
	return seat && ear && ear->mix == HZ_MIX_WANTED && !seat->refused;
}

static void hold_peer(struct hz_brain *brain, const struct hz_peer *peer, const struct hz_slot *ear,
                      bool hear)
{
	const struct hz_consult *consult = peer->owner->consult;
	for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
		bool held = hear && peer == ear->peer && slot != ear && slot->cmd.kind == HZ_KIND_AUDIO &&
		            is_mixed(consult, hz_slot_track(brain, slot));
		if (held == slot->held)
			continue;
		slot->held = held;
		hz_slot_set(brain, slot);
	}
}

void hz_mix_hold(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_mix_room *room = consult->mix;
	if (!room)
		return;
	room->due_us = INT64_MAX;
	for (struct hz_participant *p = consult->participants; p; p = p->next) {
		const struct hz_slot *ear = hz_mix_ear(p);
		const struct hz_mix_seat *seat = hz_mix_seat_of(consult, p->id);
		bool hear = hears(seat, ear);
		for (const struct hz_peer *peer = p->peers; peer; peer = peer->next)
			hold_peer(brain, peer, ear, hear);
		if (ear && ear->mix == HZ_MIX_LEAVING)
			due(room, ear->mix_until_us);
		if (seat && seat->refused)
			due(room, seat->refused_us + HZ_MIX_RETRY_US);
	}
}

// True: somebody has left the mix, or is to be asked for once more.
static bool look(struct hz_brain *brain, struct hz_consult *consult)
{
	bool changed = false;
	for (struct hz_participant *p = consult->participants; p; p = p->next) {
		struct hz_slot *ear = hz_mix_ear(p);
		if (ear && ear->mix == HZ_MIX_LEAVING && ear->mix_until_us <= brain->now_us) {
			ear->mix = HZ_MIX_NONE;
			hz_slot_show(brain, ear, NULL);
			hz_slot_set(brain, ear);
			changed = true;
		}
	}
	for (struct hz_mix_seat *seat = consult->mix->seats; seat; seat = seat->next) {
		if (seat->refused && seat->refused_us + HZ_MIX_RETRY_US <= brain->now_us) {
			seat->said = (struct hz_mix_member_set){0};
			changed = true;
		}
	}
	return changed;
}

int64_t hz_mix_due(struct hz_brain *brain)
{
	int64_t soonest_us = INT64_MAX;
	struct hz_mix_room *next;
	for (struct hz_mix_room *room = brain->mixed; room; room = next) {
		struct hz_consult *consult = room->consult;
		next = room->next; // a recount ends none but its own
		if (room->due_us <= brain->now_us) {
			if (look(brain, consult))
				hz_mix_recount(brain, consult);
			else
				hz_mix_hold(brain, consult);
		}
		if (consult->mix && consult->mix->due_us < soonest_us)
			soonest_us = consult->mix->due_us;
	}
	return soonest_us;
}

// --- what comes

static void on_ssrc(void *ctx, uint32_t member, uint32_t mix_ssrc)
{
	struct hz_brain *brain = ctx;
	struct hz_mix_seat *seat = hz_mix_seat_by_member(brain, member);
	if (!seat)
		return;
	seat->ssrc = mix_ssrc;
	seat->refused = false; // said anew
	hz_mix_track_fit(brain, seat);
}

static void on_refused(void *ctx, uint32_t member, int err)
{
	struct hz_brain *brain = ctx;
	struct hz_mix_seat *seat = hz_mix_seat_by_member(brain, member);
	hz_warn("mix.refused", "member=%08x err=%d", member, -err);
	if (!seat)
		return;
	seat->refused = true;
	seat->refused_us = brain->now_us;
	for (struct hz_mix_room *room = brain->mixed; room; room = room->next) {
		if (room->consult->number == seat->said.consult)
			due(room, brain->now_us);
	}
}

static void on_ready(void *ctx, bool ready)
{
	(void)ctx;
	hz_info("mix.ready", "ready=%d", ready);
}

const struct hz_mix_link_ops hz_mix_link_brain_ops = {
    .on_ssrc = on_ssrc, .on_refused = on_refused, .on_ready = on_ready};

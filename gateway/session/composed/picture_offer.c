// What a receiver's link says: which size of the composed picture it carries, and whether one picture is to be offered to somebody who
// receives many.
#include "gateway/base/log.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/picture_internal.h"
#include "gateway/session/push.h"
#include "gateway/session/relay.h"

#define SOUND_BPS 64000
#define RAISE_US  6000000 // the estimate has room for the next size for so long
#define TRY_US                                                                                               \
	20000000 // it does not say so, but nothing was amiss for so long; twice that after each failure
#define FAILS_MAX      4
#define THIN_BPS       700000 // the lowest size at its usual rate does not fit well
#define WIDE_BPS       1000000
#define NARROW_US      10000000  // so long a link leaves nothing but the least
#define OFFER_AGAIN_US 300000000 // after one that was not taken
#define SEVERAL        2

static void again(struct hz_brain *brain, const struct hz_slot *slot)
{
	hz_push_recount(brain, slot->peer->owner->consult);
}

void hz_picture_on_step(struct hz_brain *brain, struct hz_slot *slot)
{
	unsigned shown = slot->cmd.max_layer < slot->picture_cap ? slot->cmd.max_layer : slot->picture_cap;
	if (!slot->picture || slot->step < HZ_STEP_STILL)
		return;
	slot->picture_fails += slot->picture_fails < FAILS_MAX;
	slot->picture_us = brain->now_us;
	slot->picture_thin = true;
	slot->picture_cap = shown ? (uint8_t)(shown - 1) : 0;
	again(brain, slot);
}

static void look(struct hz_brain *brain, struct hz_slot *slot)
{
	uint32_t bps = slot->peer->stats.estimate_bps;
	int64_t well_us = brain->now_us - slot->picture_us;
	bool thin = bps && bps < (slot->picture_thin ? WIDE_BPS : THIN_BPS);
	if (thin != slot->picture_thin && slot->step < HZ_STEP_STILL) {
		slot->picture_thin = thin;
		again(brain, slot);
	}
	if (slot->picture_cap >= slot->cmd.max_layer || slot->picture_cap + 1u >= HZ_PICTURE_HEIGHTS ||
	    slot->step >= HZ_STEP_STILL)
		return;
	uint64_t needed = hz_picture_bps[slot->picture_cap + 1] * 5ull / 4 + SOUND_BPS;
	if (well_us < (bps >= needed ? RAISE_US : (int64_t)TRY_US << slot->picture_fails))
		return;
	slot->picture_cap++;
	slot->picture_us = brain->now_us;
	again(brain, slot);
}

// Several pictures, of none of which more goes out than the least.
static bool narrow(struct hz_brain *brain, const struct hz_peer *peer)
{
	unsigned pictures = 0;
	for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
		if (slot->cmd.kind != HZ_KIND_VIDEO || slot->off)
			continue;
		if (slot->picture)
			return false;
		if (!hz_slot_track(brain, slot))
			continue;
		if (slot->step < HZ_STEP_STILL && !(slot->step == HZ_STEP_LOWER && slot->layer == 0))
			return false;
		pictures++;
	}
	return pictures >= SEVERAL;
}

static void consider_offer(struct hz_brain *brain, struct hz_peer *peer)
{
	const struct hz_participant *p = peer->owner;
	bool may = peer->kind == HZ_PEER_WS && p->status == HZ_STATUS_ADMITTED && brain->mix &&
	           hz_picture_available(brain, p->consult) && narrow(brain, peer);
	if (!may) {
		peer->narrow_us = 0;
		return;
	}
	if (!peer->narrow_us)
		peer->narrow_us = brain->now_us;
	if (brain->now_us - peer->narrow_us < NARROW_US ||
	    (peer->offered_us && brain->now_us - peer->offered_us < OFFER_AGAIN_US))
		return;
	peer->offered_us = brain->now_us;
	hz_info("picture.offer", "consult=%s participant=%s", p->consult->id, p->id);
	hz_push_one(brain, p, HZ_PUSH_MIX_OFFER,
	            json_pack("{s:I}", "estimate_bps", (json_int_t)peer->stats.estimate_bps));
}

void hz_picture_on_stats(struct hz_brain *brain, struct hz_peer *peer)
{
	for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
		if (slot->picture)
			look(brain, slot);
	}
	consider_offer(brain, peer);
}

#include "gateway/session/steps.h"

#include <stdio.h>

#include "gateway/session/brain.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record_events.h"
#include "gateway/session/relay.h"
#include "gateway/session/visit.h"
#include "gateway/session/watched.h"

#define EVERY_US 250000

const char *hz_step_name(uint8_t step)
{
	static const char *const names[] = {"full", "lower", "still", "off"};
	return step <= HZ_STEP_OFF ? names[step] : "full";
}

static void mark(struct hz_brain *brain, struct hz_peer *peer)
{
	if (peer->ladder_due)
		return;
	peer->ladder_due = true;
	peer->next_ladder = brain->ladder;
	brain->ladder = peer;
}

void hz_steps_on_state(struct hz_brain *brain, unsigned worker, const struct hz_ev_sub_state *ev)
{
	struct hz_peer *peer = hz_peer_by_id(brain, worker, ev->peer);
	struct hz_slot *slot = hz_slot_by_id(brain, worker, ev->sub);
	if (!peer || !slot || slot->peer != peer)
		return; // of one that was ended meanwhile
	if (ev->step > HZ_STEP_OFF || ev->layer >= HZ_MAX_LAYERS) {
		brain->count.events_bad++;
		return;
	}
	if (slot->cmd.track != ev->track)
		return; // it shows something else by now
	peer->stats.estimate_bps = ev->estimate_bps;
	slot->step = ev->step;
	slot->layer = ev->layer;
	mark(brain, peer);
	hz_picture_on_step(brain, slot);
	hz_easel_on_step(brain, slot);
	if (peer->owner)
		hz_watched_mark(brain, peer->owner->consult);
}

void hz_steps_reset(struct hz_slot *slot)
{
	slot->step = slot->logged = HZ_STEP_FULL;
	slot->layer = 0;
}

void hz_steps_repeat(struct hz_brain *brain, struct hz_participant *p)
{
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		if (peer->kind == HZ_PEER_WS)
			mark(brain, peer);
	}
}

void hz_steps_forget(struct hz_brain *brain, const struct hz_peer *peer)
{
	for (struct hz_peer **at = &brain->ladder; *at; at = &(*at)->next_ladder) {
		if (*at == peer) {
			*at = peer->next_ladder;
			return;
		}
	}
}

static void log_step(struct hz_brain *brain, struct hz_slot *slot)
{
	const struct hz_track *track = hz_slot_track(brain, slot);
	if (slot->step == slot->logged || !track)
		return;
	slot->logged = slot->step;
	hz_record_event_of(brain, slot->peer->owner, "step",
	                   json_pack("{s:s, s:s, s:s, s:i}", "publisher", track->peer->owner->id, "source",
	                             hz_source_name(track->source), "step", hz_step_name(slot->step), "layer",
	                             slot->layer));
	hz_visit_log(brain, slot->peer->owner, "ladder",
	             json_pack("{s:s, s:s, s:s, s:i, s:I}", "publisher", track->peer->owner->id, "source",
	                       hz_source_name(track->source), "step", hz_step_name(slot->step), "layer",
	                       slot->layer, "estimate_bps", (json_int_t)slot->peer->stats.estimate_bps));
}

static void tell(struct hz_brain *brain, struct hz_peer *peer)
{
	char id[16];
	json_t *items = json_array();
	peer->ladder_us = brain->now_us;
	for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
		const struct hz_track *track = hz_slot_track(brain, slot);
		log_step(brain, slot);
		if (!track || slot->step == HZ_STEP_FULL)
			continue;
		snprintf(id, sizeof(id), "t%x", track->id);
		json_array_append_new(items,
		                      json_pack("{s:s, s:s, s:s, s:i}", "mid", slot->cmd.mid, "track", id,
		                                "step", hz_step_name(slot->step), "layer", slot->layer));
	}
	if (peer->kind == HZ_PEER_WS && peer->owner->status == HZ_STATUS_ADMITTED)
		hz_push_one(brain, peer->owner, HZ_PUSH_LADDER,
		            json_pack("{s:I, s:o}", "estimate_bps", (json_int_t)peer->stats.estimate_bps,
		                      "items", items));
	else
		json_decref(items);
}

int64_t hz_steps_due(struct hz_brain *brain)
{
	int64_t next = INT64_MAX;
	struct hz_peer **at = &brain->ladder;
	while (*at) {
		struct hz_peer *peer = *at;
		int64_t due = peer->ladder_us + EVERY_US;
		if (peer->ladder_us && due > brain->now_us) {
			next = due < next ? due : next;
			at = &peer->next_ladder;
			continue;
		}
		*at = peer->next_ladder;
		peer->ladder_due = false;
		tell(brain, peer);
	}
	return next;
}

#include "gateway/session/composed/easel.h"
#include "gateway/session/watched.h"

#include "gateway/session/broadcast/hls.h"
#include "gateway/session/composed/picture_internal.h"
#include "gateway/session/push.h"
#include "gateway/session/relay.h"

#define EVERY_US 250000
#define UNTOLD   0xff // of track->told: not a layer
#define NOBODY   0xff // of track->lowest, while it is counted

static bool has_layers(const struct hz_track *track)
{
	return track->kind == HZ_KIND_VIDEO && track->cmd.layer_count > 1 && track->peer->kind == HZ_PEER_WS;
}

void hz_watched_mark(struct hz_brain *brain, struct hz_consult *consult)
{
	if (consult->watched_due)
		return;
	consult->watched_due = true;
	consult->next_watched = brain->watched;
	brain->watched = consult;
}

void hz_watched_forget(struct hz_brain *brain, const struct hz_consult *consult)
{
	for (struct hz_consult **at = &brain->watched; *at; at = &(*at)->next_watched) {
		if (*at == consult) {
			*at = consult->next_watched;
			return;
		}
	}
}

void hz_watched_repeat(struct hz_brain *brain, const struct hz_participant *p)
{
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next)
			track->told = UNTOLD;
	}
	hz_watched_mark(brain, p->consult);
}

// The layer that a slot takes of a track with `count`.
static uint8_t layer_of(const struct hz_slot *slot, uint8_t count)
{
	uint8_t most = slot->cmd.max_layer < count ? slot->cmd.max_layer : (uint8_t)(count - 1);
	switch (slot->step) {
	case HZ_STEP_FULL:
		return most;
	case HZ_STEP_LOWER:
		return slot->layer < most ? slot->layer : most;
	default:
		return 0; // what it comes back by
	}
}

static void count_peer(struct hz_brain *brain, const struct hz_peer *peer)
{
	for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
		struct hz_track *track = slot->cmd.kind == HZ_KIND_VIDEO && !(slot->cmd.flags & HZ_SUB_PAUSED)
		                             ? hz_slot_track(brain, slot)
		                             : NULL;
		if (!track || !has_layers(track))
			continue;
		uint8_t layer = layer_of(slot, track->cmd.layer_count);
		if (layer < track->lowest)
			track->lowest = layer;
	}
}

static void begin(const struct hz_participant *p)
{
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next)
			track->lowest = NOBODY;
	}
}

static void tell(struct hz_brain *brain, const struct hz_participant *p)
{
	bool news = false;
	json_t *items = json_array();
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next) {
			if (!has_layers(track))
				continue;
			uint8_t lowest = track->lowest == NOBODY ? 0 : track->lowest;
			news = news || lowest != track->told;
			track->told = lowest;
			json_array_append_new(
			    items, json_pack("{s:s, s:i}", "mid", track->cmd.mid, "lowest", lowest));
		}
	}
	if (news)
		hz_push_one(brain, p, HZ_PUSH_WATCHED, json_pack("{s:O}", "items", items));
	json_decref(items);
}

static void recount(struct hz_brain *brain, struct hz_consult *consult)
{
	consult->watched_us = brain->now_us;
	for (struct hz_participant *p = consult->participants; p; p = p->next)
		begin(p);
	for (struct hz_participant *p = consult->participants; p; p = p->next) {
		for (struct hz_peer *peer = p->peers; peer; peer = peer->next)
			count_peer(brain, peer);
	}
	for (struct hz_peer *peer = consult->viewers ? consult->viewers->peers : NULL; peer;
	     peer = peer->next)
		count_peer(brain, peer);
	for (struct hz_peer *link = consult->picture ? consult->picture->links : NULL; link;
	     link = link->next)
		count_peer(brain, link);
	for (struct hz_peer *link = hz_easel_first_link(consult); link; link = link->next)
		count_peer(brain, link);
	for (struct hz_peer *link = consult->hls ? consult->hls->links : NULL; link; link = link->next)
		count_peer(brain, link);
	for (struct hz_participant *p = consult->participants; p; p = p->next)
		tell(brain, p);
}

int64_t hz_watched_due(struct hz_brain *brain)
{
	int64_t next = INT64_MAX;
	struct hz_consult **at = &brain->watched;
	while (*at) {
		struct hz_consult *consult = *at;
		int64_t due = consult->watched_us + EVERY_US;
		if (consult->watched_us && due > brain->now_us) {
			next = due < next ? due : next;
			at = &consult->next_watched;
			continue;
		}
		*at = consult->next_watched;
		consult->watched_due = false;
		recount(brain, consult);
	}
	return next;
}

#include "gateway/session/objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/consult.h"
#include "gateway/session/ice/gather.h"
#include "gateway/session/ice/ice_tcp.h"
#include "gateway/session/ids.h"
#include "gateway/session/steps.h"
#include "gateway/link/media_link.h"
#include "gateway/session/persist.h"
#include "gateway/session/placement.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record.h"
#include "gateway/session/relay.h"
#include "gateway/session/watched.h"
#include "gateway/store/runtime.h"

#define UFRAG_CHARS 12
#define PWD_CHARS   28

void hz_objects_tell(struct hz_brain *brain, unsigned worker, struct hz_msg_header *h, uint16_t type,
                     size_t bytes)
{
	h->version = HZ_API_VERSION;
	h->type = type;
	h->bytes = (uint32_t)bytes;
	if (brain->worker[worker].link)
		hz_media_link_send(brain->worker[worker].link, h, type, bytes);
}

// --- peers

static struct hz_peer *peer_alloc(struct hz_participant *owner, unsigned worker)
{
	struct hz_peer *peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->owner = owner;
	peer->worker = worker;
	peer->next = owner->peers;
	return peer;
}

static void peer_link(struct hz_peer *peer)
{
	struct hz_participant *owner = peer->owner;
	owner->peers = peer;
	owner->peer_count++;
	if (owner->consult->peer_count++ == 0)
		owner->consult->worker = peer->worker;
}

void hz_peer_credentials(struct hz_peer *peer)
{
	hz_random_text(peer->cmd.local_ufrag, UFRAG_CHARS);
	hz_random_text(peer->cmd.local_pwd, PWD_CHARS);
}

uint32_t hz_peer_identity(const struct hz_brain *brain)
{
	uint32_t identity;
	memcpy(&identity, brain->fingerprint, sizeof(identity));
	return identity;
}

bool hz_peer_lost(const struct hz_brain *brain, const struct hz_peer *peer)
{
	return peer->identity && peer->identity != hz_peer_identity(brain);
}

int hz_peer_new(struct hz_brain *brain, struct hz_participant *owner, uint8_t kind, struct hz_peer **ret)
{
	unsigned worker = 0;
	// Viewers never take the last places of a worker from those who treat somebody.
	unsigned spare = hz_is_viewers(owner) ? HZ_BROADCAST_RESERVED : 0;
	int err = hz_place_peer(brain, owner->consult, spare, &worker);
	if (err)
		return err;
	if (owner->peer_count >= HZ_PEERS_PER_PARTICIPANT && !hz_is_viewers(owner))
		return -ENOSPC;
	struct hz_peer *peer = peer_alloc(owner, worker);
	if (!peer)
		return -ENOMEM;
	err = hz_ids_take(&brain->worker[worker].peers, peer, &peer->id);
	if (err) {
		free(peer);
		return err;
	}
	peer->kind = kind;
	peer->cmd.flags = brain->ice.full ? HZ_PEER_AGENT : 0;
	peer->born_us = brain->now_us;
	peer->identity = hz_peer_identity(brain);
	hz_random(&peer->answer_session, sizeof(peer->answer_session));
	peer->answer_session >>= 2;
	hz_peer_credentials(peer);
	peer_link(peer);
	*ret = peer;
	return 0;
}

int hz_peer_claim(struct hz_brain *brain, struct hz_participant *owner, unsigned worker, hz_id id,
                  struct hz_peer **ret)
{
	if (worker >= brain->workers)
		return -EINVAL;
	struct hz_peer *peer = peer_alloc(owner, worker);
	if (!peer)
		return -ENOMEM;
	int err = hz_ids_claim(&brain->worker[worker].peers, id, peer);
	if (err) {
		free(peer);
		return err;
	}
	peer->id = id;
	peer->born_us = brain->now_us;
	peer_link(peer);
	*ret = peer;
	return 0;
}

void hz_peer_set(struct hz_brain *brain, struct hz_peer *peer)
{
	peer->cmd.peer = peer->id;
	peer->cmd.consult = peer->owner->consult->number;
	if (peer->owner->status == HZ_STATUS_ADMITTED)
		peer->cmd.flags &= ~HZ_PEER_MUTED;
	else
		peer->cmd.flags |= HZ_PEER_MUTED;
	if (!hz_gather_is_full(peer))
		hz_ice_tcp_register(brain, peer);
	hz_objects_tell(brain, peer->worker, &peer->cmd.h, HZ_CMD_PEER_SET, sizeof(peer->cmd));
	hz_persist_peer(brain, peer);
}

void hz_transport_free_memory(struct hz_peer *peer)
{
	while (peer->tracks) {
		struct hz_track *track = peer->tracks;
		peer->tracks = track->next;
		free(track);
	}
	while (peer->slots) {
		struct hz_slot *slot = peer->slots;
		peer->slots = slot->next;
		free(slot);
	}
	free(peer->gather);
	hz_wipe(&peer->cmd, sizeof(peer->cmd));
	free(peer);
}

void hz_peer_end(struct hz_brain *brain, struct hz_peer *peer)
{
	struct hz_participant *owner = peer->owner;
	// Each takes itself out of its list, which clang's analyzer cannot follow through track->peer.
	while (peer->tracks)
		hz_track_end(brain, peer->tracks); // NOLINT(clang-analyzer-unix.Malloc)
	while (peer->slots)
		hz_slot_end(brain, peer->slots); // NOLINT(clang-analyzer-unix.Malloc)
	hz_steps_forget(brain, peer);
	hz_gather_forget(brain, peer);
	struct hz_cmd_peer_del del = {.peer = peer->id};
	hz_objects_tell(brain, peer->worker, &del.h, HZ_CMD_PEER_DEL, sizeof(del));
	hz_persist_forget(brain, peer->worker, HZ_MEDIA_PEER, peer->id);
	hz_ids_release(&brain->worker[peer->worker].peers, peer->id);
	hz_ice_tcp_forget(brain, peer);
	if (peer->resource[0])
		hz_map_del(brain->resources, peer->resource);
	for (struct hz_peer **at = &owner->peers; *at; at = &(*at)->next) {
		if (*at == peer) {
			*at = peer->next;
			break;
		}
	}
	owner->peer_count--;
	owner->consult->peer_count--;
	if (hz_is_viewers(owner)) {
		owner->consult->viewers_changed = true;
	} else {
		hz_push_recount(brain, owner->consult);
	}
	hz_transport_free_memory(peer);
}

// --- tracks

static struct hz_track *track_alloc(struct hz_peer *peer)
{
	struct hz_track *track = calloc(1, sizeof(*track));
	if (!track)
		return NULL;
	track->peer = peer;
	return track;
}

static void track_link(struct hz_track *track)
{
	struct hz_track **at = &track->peer->tracks; // in the order of their making
	while (*at)
		at = &(*at)->next;
	*at = track;
	track->peer->track_count++;
}

static bool named_elsewhere(struct hz_brain *brain, unsigned worker, hz_id id)
{
	for (unsigned i = 0; i < brain->workers; i++) {
		if (i != worker && hz_track_by_id(brain, i, id))
			return true;
	}
	return false;
}

int hz_track_new(struct hz_brain *brain, struct hz_peer *peer, struct hz_track **ret)
{
	struct hz_track *track = track_alloc(peer);
	if (!track)
		return -ENOMEM;
	// Clients name tracks by id alone. A taken id is given out with the next generation the next time.
	struct hz_id_table *table = &brain->worker[peer->worker].tracks;
	int err = hz_ids_take(table, track, &track->id);
	while (!err && named_elsewhere(brain, peer->worker, track->id)) {
		hz_ids_release(table, track->id);
		err = hz_ids_take(table, track, &track->id);
	}
	if (err) {
		free(track);
		return err;
	}
	track_link(track);
	*ret = track;
	return 0;
}

int hz_track_claim(struct hz_brain *brain, struct hz_peer *peer, hz_id id, struct hz_track **ret)
{
	struct hz_track *track = track_alloc(peer);
	if (!track)
		return -ENOMEM;
	int err = hz_ids_claim(&brain->worker[peer->worker].tracks, id, track);
	if (err) {
		free(track);
		return err;
	}
	track->id = id;
	track_link(track);
	*ret = track;
	return 0;
}

// Sharp rather than smooth when the link shrinks. An endoscope moves: it stays smooth.
static bool detailed(const struct hz_track *track)
{
	return track->kind == HZ_KIND_VIDEO &&
	       (track->source == HZ_SOURCE_SCREEN || track->source == HZ_SOURCE_ULTRASOUND ||
	        track->source == HZ_SOURCE_MICROSCOPE || track->source == HZ_SOURCE_IMAGE);
}

void hz_track_set(struct hz_brain *brain, struct hz_track *track)
{
	struct hz_consult *consult = track->peer->owner->consult;
	track->cmd.track = track->id;
	track->cmd.peer = track->peer->id;
	track->cmd.kind = track->kind;
	track->cmd.flags = (track->muted ? HZ_TRACK_PAUSED : 0) | (detailed(track) ? HZ_TRACK_DETAIL : 0) |
	                   hz_record_flag(brain, track);
	hz_objects_tell(brain, track->peer->worker, &track->cmd.h, HZ_CMD_TRACK_SET, sizeof(track->cmd));
	hz_persist_track(brain, track);
	hz_relay_follow(brain, track);
	hz_push_recount(brain, consult);
}

static void forget_of(struct hz_brain *brain, const struct hz_participant *p, const struct hz_track *track)
{
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
			if (hz_slot_track(brain, slot) != track)
				continue;
			hz_slot_show(brain, slot, NULL);
			hz_slot_set(brain, slot);
		}
	}
}

// Slots that showed it become idle, here as at the worker.
static void track_forget(struct hz_brain *brain, const struct hz_track *track)
{
	const struct hz_consult *consult = track->peer->owner->consult;
	for (struct hz_participant *p = consult->participants; p; p = p->next)
		forget_of(brain, p, track);
	if (consult->viewers)
		forget_of(brain, consult->viewers, track);
	hz_relay_end(brain, track);
}

void hz_track_drop(struct hz_brain *brain, struct hz_track *track)
{
	struct hz_peer *peer = track->peer;
	struct hz_cmd_track_del del = {.track = track->id};
	hz_objects_tell(brain, peer->worker, &del.h, HZ_CMD_TRACK_DEL, sizeof(del));
	hz_persist_forget(brain, peer->worker, HZ_MEDIA_TRACK, track->id);
	hz_ids_release(&brain->worker[peer->worker].tracks, track->id);
	for (struct hz_track **at = &peer->tracks; *at; at = &(*at)->next) {
		if (*at == track) {
			*at = track->next;
			break;
		}
	}
	peer->track_count--;
	free(track);
}

void hz_track_end(struct hz_brain *brain, struct hz_track *track)
{
	struct hz_consult *consult = track->peer->owner->consult;
	hz_record_forget(brain, track);
	track_forget(brain, track);
	hz_track_drop(brain, track);
	hz_push_recount(brain, consult);
}

// --- slots

static struct hz_slot *slot_alloc(struct hz_peer *peer)
{
	struct hz_slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NULL;
	slot->peer = peer;
	return slot;
}

static void slot_link(struct hz_slot *slot)
{
	struct hz_slot **at = &slot->peer->slots;
	while (*at)
		at = &(*at)->next;
	*at = slot;
	slot->peer->slot_count++;
}

int hz_slot_new(struct hz_brain *brain, struct hz_peer *peer, struct hz_slot **ret)
{
	struct hz_slot *slot = slot_alloc(peer);
	if (!slot)
		return -ENOMEM;
	int err = hz_ids_take(&brain->worker[peer->worker].subs, slot, &slot->id);
	if (err) {
		free(slot);
		return err;
	}
	slot_link(slot);
	*ret = slot;
	return 0;
}

int hz_slot_claim(struct hz_brain *brain, struct hz_peer *peer, hz_id id, struct hz_slot **ret)
{
	struct hz_slot *slot = slot_alloc(peer);
	if (!slot)
		return -ENOMEM;
	int err = hz_ids_claim(&brain->worker[peer->worker].subs, id, slot);
	if (err) {
		free(slot);
		return err;
	}
	slot->id = id;
	slot_link(slot);
	*ret = slot;
	return 0;
}

void hz_slot_set(struct hz_brain *brain, struct hz_slot *slot)
{
	slot->cmd.sub = slot->id;
	slot->cmd.peer = slot->peer->id;
	if (slot->peer->owner)
		slot->cmd.flags = (slot->off ? HZ_SUB_PAUSED : 0) | (slot->held ? HZ_SUB_HELD : 0) |
		                  (slot->mix ? HZ_SUB_MIX : 0) |
		                  (hz_is_viewers(slot->peer->owner) ? HZ_SUB_LIVE : 0);
	hz_objects_tell(brain, slot->peer->worker, &slot->cmd.h, HZ_CMD_SUB_SET, sizeof(slot->cmd));
	hz_persist_slot(brain, slot);
	if (slot->peer->owner)
		hz_watched_mark(brain, slot->peer->owner->consult);
}

void hz_slot_end(struct hz_brain *brain, struct hz_slot *slot)
{
	struct hz_peer *peer = slot->peer;
	struct hz_consult *consult = peer->owner ? peer->owner->consult : peer->consult;
	consult->relay_check = true;
	hz_watched_mark(brain, consult);
	struct hz_cmd_sub_del del = {.sub = slot->id};
	hz_objects_tell(brain, peer->worker, &del.h, HZ_CMD_SUB_DEL, sizeof(del));
	hz_persist_forget(brain, peer->worker, HZ_MEDIA_SUB, slot->id);
	hz_ids_release(&brain->worker[peer->worker].subs, slot->id);
	for (struct hz_slot **at = &peer->slots; *at; at = &(*at)->next) {
		if (*at == slot) {
			*at = slot->next;
			break;
		}
	}
	peer->slot_count--;
	free(slot);
}

// --- finding

struct hz_peer *hz_peer_by_id(struct hz_brain *brain, unsigned worker, hz_id id)
{
	struct hz_peer *peer = worker < brain->workers ? hz_ids_get(&brain->worker[worker].peers, id) : NULL;
	return peer && peer->owner ? peer : NULL;
}

struct hz_slot *hz_slot_by_id(struct hz_brain *brain, unsigned worker, hz_id id)
{
	struct hz_slot *slot = worker < brain->workers ? hz_ids_get(&brain->worker[worker].subs, id) : NULL;
	return slot && slot->peer->owner ? slot : NULL;
}

struct hz_track *hz_track_by_id(struct hz_brain *brain, unsigned worker, hz_id id)
{
	struct hz_track *track =
	    worker < brain->workers ? hz_ids_get(&brain->worker[worker].tracks, id) : NULL;
	return track && track->peer->owner ? track : NULL;
}

struct hz_track *hz_track_find(struct hz_brain *brain, hz_id id)
{
	struct hz_track *track = NULL;
	for (unsigned i = 0; i < brain->workers && !track; i++)
		track = hz_track_by_id(brain, i, id);
	return track;
}

struct hz_track *hz_track_of_source(const struct hz_participant *p, uint8_t kind, uint8_t source)
{
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next) {
			if (track->kind == kind && track->source == source)
				return track;
		}
	}
	return NULL;
}

unsigned hz_tracks_count(const struct hz_participant *p)
{
	unsigned count = 0;
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next)
		count += peer->track_count;
	return count;
}

const struct hz_msg_header *hz_objects_next(void *ctx, unsigned worker, uint32_t *at)
{
	struct hz_worker_view *view = &((struct hz_brain *)ctx)->worker[worker];
	for (uint32_t i = *at; i < HZ_MAX_PEERS + HZ_MAX_TRACKS + HZ_MAX_SUBS; i++) {
		const struct hz_msg_header *h = NULL;
		if (i < HZ_MAX_PEERS) {
			struct hz_peer *peer = view->peers.object[i];
			h = peer ? &peer->cmd.h : NULL;
		} else if (i < HZ_MAX_PEERS + HZ_MAX_TRACKS) {
			struct hz_track *track = view->tracks.object[i - HZ_MAX_PEERS];
			h = track ? &track->cmd.h : NULL;
		} else {
			struct hz_slot *slot = view->subs.object[i - HZ_MAX_PEERS - HZ_MAX_TRACKS];
			h = slot ? &slot->cmd.h : NULL;
		}
		if (h && h->type) { // not yet set: its command will follow
			*at = i + 1;
			return h;
		}
	}
	return NULL;
}

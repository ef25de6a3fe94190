#include "gateway/session/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/ids.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/session/relay_internal.h"
#include "gateway/session/steps.h"

#define FIRST_PT 96 // + enum hz_codec

// Extensions that cross, numbered alike everywhere. The others are each receiver's own.
static const struct hz_ext_ids crossing = {
    .audio_level = 1, .orientation = 2, .dependency = 4, .abs_capture_time = 5};

static struct hz_track *raw_track(const struct hz_brain *brain, unsigned worker, hz_id id)
{
	return hz_ids_get(&brain->worker[worker].tracks, id);
}

static bool is_relay(const struct hz_track *track)
{
	return track->peer->kind == HZ_PEER_LINK;
}

struct hz_track *hz_relay_origin(struct hz_brain *brain, const struct hz_track *relay)
{
	struct hz_track *track = hz_track_by_id(brain, relay->peer->cmd.relay, relay->of);
	return track && track->peer->owner->consult == relay->peer->consult ? track : NULL;
}

struct hz_track *hz_slot_track(struct hz_brain *brain, const struct hz_slot *slot)
{
	struct hz_track *track =
	    slot->cmd.track ? raw_track(brain, slot->peer->worker, slot->cmd.track) : NULL;
	return track && is_relay(track) ? hz_relay_origin(brain, track) : track;
}

// --- the publisher's side: a pinned subscription a layer

static int link_get(struct hz_brain *brain, struct hz_consult *consult, unsigned worker, unsigned other,
                    struct hz_peer **ret)
{
	return hz_relay_peer_get(brain, consult, worker, other, &consult->relays, ret);
}

static struct hz_slot *layer_of(const struct hz_peer *link, hz_id track, unsigned layer)
{
	for (struct hz_slot *slot = link->slots; slot; slot = slot->next) {
		if (slot->cmd.track == track && slot->cmd.max_layer == layer)
			return slot;
	}
	return NULL;
}

uint32_t hz_relay_ssrc(const struct hz_peer *link)
{
	for (;;) {
		uint32_t ssrc = 0;
		hz_random(&ssrc, sizeof(ssrc));
		bool taken = ssrc == 0;
		for (const struct hz_slot *slot = link->slots; slot && !taken; slot = slot->next)
			taken = slot->cmd.ssrc == ssrc;
		if (!taken)
			return ssrc;
	}
}

// The same payload types on every relay, whatever the publisher uses now or later. No NACK: a full ring is the only loss,
// and the worker asks for keyframes then; what the publisher's own link loses is asked for on that link.
static uint8_t codecs(uint8_t kind, struct hz_pt pt[HZ_MAX_CODECS])
{
	uint8_t count = 0;
	for (unsigned codec = HZ_CODEC_NONE + 1; codec < HZ_CODEC_COUNT; codec++) {
		bool audio = codec == HZ_CODEC_OPUS || codec == HZ_CODEC_RED;
		if (codec != HZ_CODEC_ULPFEC && audio == (kind == HZ_KIND_AUDIO))
			pt[count++] = (struct hz_pt){.pt = (uint8_t)(FIRST_PT + codec),
			                             .codec = (uint8_t)codec,
			                             .flags = audio ? 0 : HZ_PT_PLI};
	}
	return count;
}

static int layer_get(struct hz_brain *brain, struct hz_peer *link, const struct hz_track *origin,
                     unsigned layer, struct hz_slot **ret)
{
	struct hz_slot *slot = layer_of(link, origin->id, layer);
	if (!slot) {
		int err = hz_slot_new(brain, link, &slot);
		if (err)
			return err;
		slot->cmd = (struct hz_cmd_sub_set){.track = origin->id,
		                                    .kind = origin->kind,
		                                    .max_layer = (uint8_t)layer,
		                                    .flags = HZ_SUB_PIN,
		                                    .ssrc = hz_relay_ssrc(link),
		                                    .ext = crossing};
		slot->cmd.pt_count = codecs(origin->kind, slot->cmd.pt);
		hz_slot_set(brain, slot);
	}
	*ret = slot;
	return 0;
}

void hz_relay_layers_end(struct hz_brain *brain, struct hz_peer *link, hz_id track, unsigned from)
{
	struct hz_slot *next;
	for (struct hz_slot *slot = link->slots; slot; slot = next) {
		next = slot->next;
		if (slot->cmd.track == track && slot->cmd.max_layer >= from)
			hz_slot_end(brain, slot);
	}
}

// --- the receiver's side: the track

int hz_relay_fit(struct hz_brain *brain, struct hz_track *relay, const struct hz_track *origin)
{
	struct hz_cmd_track_set cmd = {.h = relay->cmd.h,
	                               .track = relay->id,
	                               .peer = relay->peer->id,
	                               .kind = origin->kind,
	                               .layer_count = origin->cmd.layer_count,
	                               // recorded where it is published, once
	                               .flags = origin->cmd.flags & ~HZ_TRACK_TAP,
	                               .ext = crossing};
	struct hz_peer *link = NULL;
	int err = link_get(brain, relay->peer->consult, origin->peer->worker, relay->peer->worker, &link);
	for (unsigned i = 0; i < cmd.layer_count && !err; i++) {
		struct hz_slot *slot = NULL;
		err = layer_get(brain, link, origin, i, &slot);
		if (!err)
			cmd.ssrc[i] = slot->cmd.ssrc;
	}
	if (err)
		return err;
	cmd.pt_count = codecs(cmd.kind, cmd.pt);
	hz_relay_track_set(brain, relay, &cmd);
	hz_relay_layers_end(brain, link, origin->id, cmd.layer_count);
	return 0;
}

static struct hz_track *find(const struct hz_consult *consult, const struct hz_track *origin, unsigned worker)
{
	const struct hz_peer *link = hz_relay_link(consult, worker, origin->peer->worker);
	for (struct hz_track *track = link ? link->tracks : NULL; track; track = track->next) {
		if (track->of == origin->id)
			return track;
	}
	return NULL;
}

void hz_relay_track_end(struct hz_brain *brain, struct hz_track *relay)
{
	struct hz_peer *here = relay->peer;
	struct hz_peer *there = hz_relay_link(here->consult, here->cmd.relay, here->worker);
	if (there)
		hz_relay_layers_end(brain, there, relay->of, 0);
	here->consult->relay_check = true; // its links may have nothing to do any more
	hz_track_drop(brain, relay);
}

static int make(struct hz_brain *brain, const struct hz_track *origin, unsigned worker, struct hz_track **ret)
{
	struct hz_consult *consult = origin->peer->owner->consult;
	struct hz_peer *here = NULL;
	struct hz_track *relay = NULL;
	consult->relay_check = true;
	int err = link_get(brain, consult, worker, origin->peer->worker, &here);
	if (!err)
		err = hz_track_new(brain, here, &relay);
	if (err)
		return err;
	relay->of = origin->id;
	relay->kind = origin->kind;
	err = hz_relay_fit(brain, relay, origin);
	if (err) {
		hz_relay_track_end(brain, relay);
		return err;
	}
	*ret = relay;
	return 0;
}

static hz_id need(struct hz_brain *brain, const struct hz_track *origin, unsigned worker)
{
	struct hz_track *relay = find(origin->peer->owner->consult, origin, worker);
	if (relay)
		return relay->id;
	int err = make(brain, origin, worker, &relay);
	if (err) {
		brain->count.media_errors++;
		hz_warn("relay.refused", "consult=%s from=%u to=%u err=%d", origin->peer->owner->consult->id,
		        origin->peer->worker, worker, -err);
		return 0;
	}
	return relay->id;
}

void hz_slot_show(struct hz_brain *brain, struct hz_slot *slot, struct hz_track *track)
{
	hz_id id = track ? track->id : 0;
	if (track && track->peer->worker != slot->peer->worker)
		id = need(brain, track, slot->peer->worker);
	if (slot->cmd.track == id)
		return;
	slot->cmd.track = id;
	hz_steps_reset(slot);
	slot->peer->owner->consult->relay_check = true;
}

void hz_relay_follow(struct hz_brain *brain, const struct hz_track *track)
{
	const struct hz_consult *consult = track->peer->owner->consult;
	for (unsigned i = 0; consult->relays && i < brain->workers; i++) {
		struct hz_track *relay = find(consult, track, i);
		int err = relay ? hz_relay_fit(brain, relay, track) : 0;
		if (!err)
			continue;
		brain->count.media_errors++;
		hz_warn("relay.refused", "consult=%s from=%u to=%u err=%d", consult->id, track->peer->worker,
		        i, -err);
	}
}

void hz_relay_end(struct hz_brain *brain, const struct hz_track *track)
{
	const struct hz_consult *consult = track->peer->owner->consult;
	for (unsigned i = 0; consult->relays && i < brain->workers; i++) {
		struct hz_track *relay = find(consult, track, i);
		if (relay)
			hz_relay_track_end(brain, relay);
	}
}

// --- what nobody needs

static void mark_of(struct hz_brain *brain, const struct hz_participant *p)
{
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		for (const struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
			struct hz_track *track = raw_track(brain, peer->worker, slot->cmd.track);
			if (slot->cmd.track && track)
				track->needed = true;
		}
	}
}

static void mark(struct hz_brain *brain, const struct hz_consult *consult)
{
	for (const struct hz_peer *link = consult->relays; link; link = link->next) {
		for (struct hz_track *track = link->tracks; track; track = track->next)
			track->needed = false;
	}
	for (const struct hz_participant *p = consult->participants; p; p = p->next)
		mark_of(brain, p);
	if (consult->viewers)
		mark_of(brain, consult->viewers);
}

static bool idle(const struct hz_peer *link)
{
	const struct hz_peer *back = hz_relay_link(link->consult, link->cmd.relay, link->worker);
	return !link->tracks && !link->slots && (!back || (!back->tracks && !back->slots));
}

void hz_relay_sweep(struct hz_brain *brain, struct hz_consult *consult, bool all)
{
	if (!consult->relays || (!consult->relay_check && !all))
		return;
	consult->relay_check = false;
	mark(brain, consult);
	for (struct hz_peer *link = consult->relays; link; link = link->next) {
		struct hz_track *next;
		for (struct hz_track *track = link->tracks; track; track = next) {
			next = track->next;
			if (all || !track->needed)
				hz_relay_track_end(brain, track);
		}
	}
	for (struct hz_peer *next, *link = consult->relays; link; link = next) {
		next = link->next;
		if (idle(link))
			hz_relay_peer_end(brain, &consult->relays, link);
	}
	consult->relay_check = false;
}

void hz_relay_free_memory(struct hz_consult *consult)
{
	hz_relay_peers_free_memory(&consult->relays);
}

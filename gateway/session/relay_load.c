// Relay objects after a restart of control: they come back with the ids that the workers know, so that nothing stops.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast/hls.h"
#include "gateway/session/ids.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/persist_json.h"
#include "gateway/session/relay_internal.h"

static struct hz_peer **list_of(struct hz_brain *brain, struct hz_consult *consult, uint32_t relay)
{
	if (relay == HZ_PICTURE_RELAY)
		return hz_picture_links(brain, consult);
	if (relay == HZ_EASEL_RELAY)
		return hz_easel_links(brain, consult);
	if (relay == HZ_HLS_RELAY)
		return hz_hls_links(brain, consult);
	return relay < brain->workers ? &consult->relays : hz_mix_links(brain, consult);
}

static int load_link(struct hz_brain *brain, struct hz_consult *consult, const struct hz_media_row *row)
{
	struct hz_cmd_peer_set cmd;
	if (row->cmd_bytes != sizeof(cmd) || row->worker >= brain->workers)
		return -EINVAL;
	memcpy(&cmd, row->cmd, sizeof(cmd));
	bool known = cmd.relay <= brain->workers || cmd.relay == HZ_PICTURE_RELAY ||
	             cmd.relay == HZ_EASEL_RELAY || cmd.relay == HZ_HLS_RELAY;
	bool sound = cmd.flags == HZ_PEER_RELAY && known && cmd.relay != row->worker &&
	             cmd.consult == consult->number && cmd.peer == row->id;
	struct hz_peer **list = sound ? list_of(brain, consult, cmd.relay) : NULL;
	if (!sound || !list || hz_relay_peer_of(*list, row->worker, cmd.relay))
		return -EINVAL;
	struct hz_peer *link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	int err = hz_ids_claim(&brain->worker[row->worker].peers, row->id, link);
	if (err) {
		free(link);
		return err;
	}
	link->id = row->id;
	link->worker = row->worker;
	link->born_us = brain->now_us;
	link->cmd = cmd;
	hz_relay_peer_add(consult, list, link);
	return 0;
}

static struct hz_peer *link_by_id(struct hz_brain *brain, const struct hz_consult *consult, unsigned worker,
                                  hz_id id)
{
	struct hz_peer *link = worker < brain->workers ? hz_ids_get(&brain->worker[worker].peers, id) : NULL;
	return link && link->kind == HZ_PEER_LINK && link->consult == consult ? link : NULL;
}

static int load_track(struct hz_brain *brain, struct hz_consult *consult, const struct hz_media_row *row)
{
	struct hz_cmd_track_set cmd;
	struct hz_track *track = NULL;
	hz_id of = 0;
	if (row->cmd_bytes != sizeof(cmd) || hz_relay_of_from_json(row->meta, &of))
		return -EINVAL;
	memcpy(&cmd, row->cmd, sizeof(cmd));
	struct hz_peer *link = link_by_id(brain, consult, row->worker, cmd.peer);
	int err = link ? hz_track_claim(brain, link, row->id, &track) : -ENOENT;
	if (err)
		return err;
	track->cmd = cmd;
	track->kind = cmd.kind;
	track->of = of;
	return 0;
}

static int load_layer(struct hz_brain *brain, struct hz_consult *consult, const struct hz_media_row *row)
{
	struct hz_cmd_sub_set cmd;
	struct hz_slot *slot = NULL;
	if (row->cmd_bytes != sizeof(cmd))
		return -EINVAL;
	memcpy(&cmd, row->cmd, sizeof(cmd));
	struct hz_peer *link = link_by_id(brain, consult, row->worker, cmd.peer);
	int err = link ? hz_slot_claim(brain, link, row->id, &slot) : -ENOENT;
	if (err)
		return err;
	slot->cmd = cmd;
	err = hz_slot_from_json(row->meta, slot); // the mix's have a group
	if (err)
		hz_slot_end(brain, slot);
	return err;
}

int hz_relay_load(struct hz_brain *brain, struct hz_consult *consult, const struct hz_media_row *row)
{
	switch (row->kind) {
	case HZ_MEDIA_PEER:
		return load_link(brain, consult, row);
	case HZ_MEDIA_TRACK:
		return load_track(brain, consult, row);
	case HZ_MEDIA_SUB:
		return load_layer(brain, consult, row);
	default:
		return -EINVAL;
	}
}

static bool feeds(const struct hz_consult *consult, const struct hz_peer *link, hz_id track)
{
	const struct hz_peer *other = hz_relay_link(consult, link->cmd.relay, link->worker);
	for (const struct hz_track *t = other ? other->tracks : NULL; t; t = t->next) {
		if (t->of == track)
			return true;
	}
	return false;
}

static void end_orphans(struct hz_brain *brain, struct hz_consult *consult, struct hz_peer *link)
{
	struct hz_slot *next;
	for (struct hz_slot *slot = link->slots; slot; slot = next) {
		next = slot->next;
		if (!feeds(consult, link, slot->cmd.track))
			hz_slot_end(brain, slot);
	}
}

void hz_relay_repair(struct hz_brain *brain, struct hz_consult *consult)
{
	// Fitting may make a link, at the head of the list: it has no tracks of its own to look at.
	for (struct hz_peer *link = consult->relays; link; link = link->next) {
		struct hz_track *next;
		for (struct hz_track *relay = link->tracks; relay; relay = next) {
			next = relay->next;
			const struct hz_track *origin = hz_relay_origin(brain, relay);
			if (!origin || origin->kind != relay->kind || hz_relay_fit(brain, relay, origin))
				hz_relay_track_end(brain, relay);
		}
	}
	for (struct hz_peer *link = consult->relays; link; link = link->next)
		end_orphans(brain, consult, link);
	consult->relay_check = true;
}

// Relay peers: of a consult that lives on several workers (relay.c), and of those that a mix, a composed picture, images as a picture
// and a broadcast have on each worker (mix.c, picture.c, easel.c, hls.c). Each of these has its list of them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/ids.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/session/relay_internal.h"

struct hz_peer *hz_relay_peer_of(struct hz_peer *list, unsigned worker, unsigned other)
{
	while (list && (list->worker != worker || list->cmd.relay != other))
		list = list->next;
	return list;
}

struct hz_peer *hz_relay_link(const struct hz_consult *consult, unsigned worker, unsigned other)
{
	return hz_relay_peer_of(consult->relays, worker, other);
}

void hz_relay_peer_add(struct hz_consult *consult, struct hz_peer **list, struct hz_peer *link)
{
	link->kind = HZ_PEER_LINK;
	link->state = HZ_PEER_CONNECTED;
	link->consult = consult;
	link->next = *list;
	*list = link;
}

static int peer_new(struct hz_brain *brain, struct hz_consult *consult, unsigned worker, unsigned other,
                    struct hz_peer **list, struct hz_peer **ret)
{
	struct hz_peer *link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	int err = hz_ids_take(&brain->worker[worker].peers, link, &link->id);
	if (err) {
		free(link);
		return err;
	}
	link->worker = worker;
	link->born_us = brain->now_us;
	link->cmd = (struct hz_cmd_peer_set){
	    .peer = link->id, .consult = consult->number, .flags = HZ_PEER_RELAY, .relay = other};
	hz_relay_peer_add(consult, list, link);
	hz_objects_tell(brain, worker, &link->cmd.h, HZ_CMD_PEER_SET, sizeof(link->cmd));
	hz_persist_peer(brain, link);
	*ret = link;
	return 0;
}

int hz_relay_peer_get(struct hz_brain *brain, struct hz_consult *consult, unsigned worker, unsigned other,
                      struct hz_peer **list, struct hz_peer **ret)
{
	struct hz_peer *link = hz_relay_peer_of(*list, worker, other);
	if (!link)
		return peer_new(brain, consult, worker, other, list, ret);
	*ret = link;
	return 0;
}

void hz_relay_peer_end(struct hz_brain *brain, struct hz_peer **list, struct hz_peer *link)
{
	struct hz_cmd_peer_del del = {.peer = link->id};
	hz_objects_tell(brain, link->worker, &del.h, HZ_CMD_PEER_DEL, sizeof(del));
	hz_persist_forget(brain, link->worker, HZ_MEDIA_PEER, link->id);
	hz_ids_release(&brain->worker[link->worker].peers, link->id);
	for (struct hz_peer **at = list; *at; at = &(*at)->next) {
		if (*at == link) {
			*at = link->next;
			break;
		}
	}
	hz_transport_free_memory(link);
}

void hz_relay_peers_sweep(struct hz_brain *brain, struct hz_peer **list)
{
	struct hz_peer *next;
	for (struct hz_peer *link = *list; link; link = next) {
		next = link->next;
		if (!link->slots && !link->tracks)
			hz_relay_peer_end(brain, list, link);
	}
}

void hz_relay_peers_free_memory(struct hz_peer **list)
{
	while (*list) {
		struct hz_peer *link = *list;
		*list = link->next;
		hz_transport_free_memory(link);
	}
}

// --- their tracks

struct hz_track *hz_relay_track_of(const struct hz_peer *list, unsigned worker, uint32_t of)
{
	for (const struct hz_peer *link = list; link; link = link->next) {
		for (struct hz_track *track = link->worker == worker ? link->tracks : NULL; track;
		     track = track->next) {
			if (track->of == of)
				return track;
		}
	}
	return NULL;
}

void hz_relay_track_set(struct hz_brain *brain, struct hz_track *track, const struct hz_cmd_track_set *cmd)
{
	if (memcmp(cmd, &track->cmd, sizeof(*cmd)) == 0)
		return;
	track->cmd = *cmd;
	hz_objects_tell(brain, track->peer->worker, &track->cmd.h, HZ_CMD_TRACK_SET, sizeof(track->cmd));
	hz_persist_track(brain, track);
}

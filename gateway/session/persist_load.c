// What an earlier control process left in the store becomes the state of this one.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/consult.h"
#include "gateway/session/ice/gather.h"
#include "gateway/session/ice/ice_tcp.h"
#include "gateway/session/ids.h"
#include "gateway/session/composed/layout.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/persist_json.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/relay.h"
#include "gateway/session/slots.h"
#include "gateway/store/consults.h"
#include "gateway/store/runtime.h"

struct load {
	struct hz_brain *brain;
	unsigned skipped;
};

static void loaded(struct hz_consult *consult, const struct hz_consult_row *row)
{
	consult->wish = row->record;
	hz_layout_from_text(row->layout, &consult->layout);
}

static bool on_consult(void *arg, const struct hz_consult_row *row)
{
	struct load *load = arg;
	struct hz_consult *consult = NULL;
	if (hz_consult_place(load->brain, row->id, row->title, row->created_ms, &consult))
		load->skipped++;
	else
		loaded(consult, row);
	return true;
}

static bool on_session(void *arg, const struct hz_session_row *row)
{
	struct load *load = arg;
	struct hz_brain *brain = load->brain;
	struct hz_consult *consult = hz_map_get(brain->consults, row->consult);
	struct hz_participant *p = consult ? calloc(1, sizeof(*p)) : NULL;
	if (!p || hz_participant_from_json(row->state, p) || strlen(row->participant) >= sizeof(p->id)) {
		load->skipped++;
		free(p);
		return true;
	}
	snprintf(p->id, sizeof(p->id), "%s", row->participant);
	memcpy(p->key_hash, row->key_hash, sizeof(p->key_hash));
	p->consult = consult;
	// A clock that jumped back must not make a session immortal.
	int64_t latest = brain->wall_ms + HZ_RESUME_MS;
	p->away_until_ms =
	    p->has_session ? (row->expires_ms && row->expires_ms < latest ? row->expires_ms : latest) : 0;
	if (p->has_session && hz_participant_index_session(brain, p)) {
		load->skipped++;
		free(p);
		return true;
	}
	struct hz_participant **at = &consult->participants; // in order of arrival
	while (*at && (*at)->arrival_ms <= p->arrival_ms)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	consult->participant_count++;
	return true;
}

// Speaker events carry the number that the worker was told.
static int renumber(struct hz_brain *brain, struct hz_consult *consult, uint32_t number)
{
	hz_map_del_u64(brain->numbers, consult->number);
	consult->number = number;
	return hz_map_set_u64(brain->numbers, number, consult);
}

// What is left of an encoder or a player behind a restart of the whole gateway keeps its participant's place for a while,
// but answers nothing: no check, so that the client finds its path dead (RFC 7675), and no PATCH, so that it POSTs anew.
static void close_lost(struct hz_peer *peer)
{
	hz_peer_credentials(peer);
	peer->resource[0] = '\0';
}

static int load_peer(struct load *load, struct hz_participant *p, const struct hz_media_row *row)
{
	struct hz_brain *brain = load->brain;
	struct hz_peer *peer = NULL;
	if (row->cmd_bytes != sizeof(peer->cmd))
		return -EINVAL;
	int err = hz_peer_claim(brain, p, row->worker, row->id, &peer);
	if (err)
		return err;
	memcpy(&peer->cmd, row->cmd, sizeof(peer->cmd));
	peer->cmd.flags &= ~HZ_PEER_MUTED; // as its participant's row says, whatever this one does
	peer->cmd.flags |= p->status == HZ_STATUS_ADMITTED ? 0 : HZ_PEER_MUTED;
	err = hz_peer_from_json(row->meta, peer);
	if (!err && peer->kind != HZ_PEER_WS && hz_peer_lost(brain, peer))
		close_lost(peer);
	if (!err && peer->resource[0])
		err = hz_map_set(brain->resources, peer->resource, peer);
	if (err) {
		hz_peer_end(brain, peer);
		return err;
	}
	if (!hz_gather_is_full(peer))
		hz_ice_tcp_register(brain, peer);
	return renumber(brain, p->consult, peer->cmd.consult);
}

static int load_track(struct load *load, const struct hz_media_row *row)
{
	struct hz_track *track = NULL;
	struct hz_cmd_track_set cmd;
	if (row->cmd_bytes != sizeof(cmd))
		return -EINVAL;
	memcpy(&cmd, row->cmd, sizeof(cmd));
	struct hz_peer *peer = hz_peer_by_id(load->brain, row->worker, cmd.peer);
	int err = peer ? hz_track_claim(load->brain, peer, row->id, &track) : -ENOENT;
	if (err)
		return err;
	track->cmd = cmd;
	track->kind = cmd.kind;
	err = hz_track_from_json(row->meta, track);
	if (err)
		hz_track_end(load->brain, track);
	return err;
}

static int load_slot(struct load *load, const struct hz_media_row *row)
{
	struct hz_slot *slot = NULL;
	struct hz_cmd_sub_set cmd;
	if (row->cmd_bytes != sizeof(cmd))
		return -EINVAL;
	memcpy(&cmd, row->cmd, sizeof(cmd));
	struct hz_peer *peer = hz_peer_by_id(load->brain, row->worker, cmd.peer);
	int err = peer ? hz_slot_claim(load->brain, peer, row->id, &slot) : -ENOENT;
	if (err)
		return err;
	slot->cmd = cmd;
	err = hz_slot_from_json(row->meta, slot);
	if (err) {
		hz_slot_end(load->brain, slot);
		return err;
	}
	slot->off = cmd.flags & HZ_SUB_PAUSED;
	const struct hz_track *track = hz_slot_track(load->brain, slot);
	bool mixed = hz_mix_load_slot(load->brain, slot), pictured = hz_picture_load_slot(load->brain, slot);
	bool eased = hz_easel_load_slot(load->brain, slot);
	if (!mixed && !pictured && !eased && (!track || !hz_slot_may_show(peer->owner, track)))
		slot->cmd.track = 0;
	return 0;
}

static int load_relay(struct load *load, struct hz_consult *consult, const struct hz_media_row *row)
{
	struct hz_cmd_peer_set cmd;
	int err = 0;
	if (row->kind == HZ_MEDIA_PEER && row->cmd_bytes == sizeof(cmd)) {
		memcpy(&cmd, row->cmd, sizeof(cmd));
		err = renumber(load->brain, consult, cmd.consult);
	}
	return err ? err : hz_relay_load(load->brain, consult, row);
}

static bool on_media(void *arg, const struct hz_media_row *row)
{
	struct load *load = arg;
	struct hz_consult *consult = hz_map_get(load->brain->consults, row->consult);
	if (consult && !row->participant[0]) {
		load->skipped += load_relay(load, consult, row) != 0;
		return true;
	}
	struct hz_participant *p = NULL;
	if (consult && strcmp(row->participant, HZ_VIEWERS_ID) == 0)
		p = hz_viewers_get(consult);
	else if (consult)
		p = hz_participant_find(consult, row->participant);
	int err = p ? 0 : -ENOENT;
	if (!err && row->kind == HZ_MEDIA_PEER)
		err = load_peer(load, p, row);
	else if (!err && row->kind == HZ_MEDIA_TRACK)
		err = load_track(load, row);
	else if (!err)
		err = load_slot(load, row);
	load->skipped += err != 0;
	return true;
}

// A removal is on disk before the participant's row is gone: a crash, or a power cut that cost the newest runtime
// state, must not bring it back.
static int drop_removed(struct hz_brain *brain, struct hz_participant *p, bool *ret)
{
	int64_t removed_ms = 0;
	int err = hz_store_removed_get(brain->store, p->consult->id, p->id, &removed_ms);
	*ret = !err && removed_ms && removed_ms >= p->joined_ms;
	if (*ret)
		hz_participant_end(brain, p, HZ_STATUS_REMOVED, "removed");
	return err;
}

static int drop_stale(struct hz_brain *brain)
{
	uint32_t at = 0;
	int err = 0;
	struct hz_consult *consult;
	while (!err && (consult = hz_map_next(brain->consults, &at))) {
		struct hz_participant *next;
		for (struct hz_participant *p = consult->participants; !err && p; p = next) {
			bool removed = false;
			next = p->next;
			err = drop_removed(brain, p, &removed);
			if (!err && !removed)
				hz_participant_maybe_leave(brain, p);
		}
		hz_relay_repair(brain, consult);
		hz_mix_repair(brain, consult);
		hz_easel_repair(brain, consult);
		hz_picture_repair(brain, consult); // it shows what lies on the easel
		hz_broadcast_loaded(brain, consult);
		consult->recount = true;
	}
	return err;
}

int hz_persist_load(struct hz_brain *brain, unsigned *ret_skipped)
{
	struct load load = {.brain = brain};
	struct hz_store *store = brain->store;
	int err = hz_store_consult_open(store, on_consult, &load);
	if (!err)
		err = hz_broadcast_load(brain);
	brain->store = NULL; // what is dropped on the way must not write while rows are being read
	if (!err)
		err = hz_store_session_all(store, on_session, &load);
	if (!err)
		err = hz_store_media_all(store, on_media, &load);
	brain->store = store;
	if (!err)
		err = drop_stale(brain);
	if (err)
		return err;
	hz_persist_flush(brain);
	if (load.skipped)
		hz_persist_rewrite(brain); // leaves out what made no sense
	*ret_skipped = load.skipped;
	return 0;
}

#include "gateway/session/composed/easel.h"
#include "gateway/session/persist.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/persist_json.h"
#include "gateway/session/composed/picture_internal.h"
#include "gateway/session/record/record_events.h"
#include "gateway/store/runtime.h"

static void failed(struct hz_brain *brain, int err)
{
	brain->count.store_errors++;
	if (!brain->store_sick)
		hz_error("store.failed", "err=%d what=runtime", -err);
	brain->store_sick = true;
}

static void put(struct hz_brain *brain, const struct hz_peer *peer, struct hz_media_row *row, json_t *meta)
{
	char *text = meta ? json_dumps(meta, JSON_COMPACT) : NULL;
	json_decref(meta);
	row->consult = peer->owner ? peer->owner->consult->id : peer->consult->id;
	row->participant = peer->owner ? peer->owner->id : ""; // a relay's
	row->meta = text;
	int err = text ? hz_store_media_put(brain->store, row) : -ENOMEM;
	free(text);
	if (err)
		failed(brain, err);
}

static bool writing(const struct hz_brain *brain)
{
	return brain->store && !brain->store_sick;
}

void hz_persist_peer(struct hz_brain *brain, const struct hz_peer *peer)
{
	if (!writing(brain))
		return;
	struct hz_media_row row = {
	    .worker = peer->worker,
	    .kind = HZ_MEDIA_PEER,
	    .id = peer->id,
	    .cmd = &peer->cmd,
	    .cmd_bytes = sizeof(peer->cmd),
	};
	put(brain, peer, &row, hz_peer_to_json(peer));
}

void hz_persist_track(struct hz_brain *brain, const struct hz_track *track)
{
	if (!writing(brain))
		return;
	struct hz_media_row row = {
	    .worker = track->peer->worker,
	    .kind = HZ_MEDIA_TRACK,
	    .id = track->id,
	    .cmd = &track->cmd,
	    .cmd_bytes = sizeof(track->cmd),
	};
	put(brain, track->peer, &row, track->of ? hz_relay_of_to_json(track) : hz_track_to_json(track));
}

void hz_persist_slot(struct hz_brain *brain, const struct hz_slot *slot)
{
	if (!writing(brain))
		return;
	struct hz_media_row row = {
	    .worker = slot->peer->worker,
	    .kind = HZ_MEDIA_SUB,
	    .id = slot->id,
	    .cmd = &slot->cmd,
	    .cmd_bytes = sizeof(slot->cmd),
	};
	put(brain, slot->peer, &row, hz_slot_to_json(slot));
}

void hz_persist_forget(struct hz_brain *brain, unsigned worker, uint8_t kind, hz_id id)
{
	if (!writing(brain))
		return;
	int err = hz_store_media_del(brain->store, worker, kind, id);
	if (err)
		failed(brain, err);
}

void hz_persist_participant(struct hz_brain *brain, struct hz_participant *p)
{
	if (p->unsaved || !brain->store)
		return;
	p->unsaved = true;
	p->next_unsaved = brain->unsaved;
	brain->unsaved = p;
}

static int write_row(struct hz_brain *brain, const struct hz_participant *p, uint8_t status)
{
	bool here = status == HZ_STATUS_LOBBY || status == HZ_STATUS_ADMITTED;
	const struct hz_participant_row row = {
	    .consult = p->consult->id,
	    .id = p->id,
	    .name = p->name,
	    .role = hz_role_name(p->role),
	    .status = status,
	    .arrival_ms = p->arrival_ms,
	    .admitted_ms = p->admitted_ms,
	    .left_ms = here ? 0 : brain->wall_ms,
	    .admitted_by = p->admitted_by,
	};
	return hz_store_participant_put(brain->store, &row);
}

static int write_session(struct hz_brain *brain, const struct hz_participant *p)
{
	struct hz_session_row row = {
	    .consult = p->consult->id,
	    .participant = p->id,
	    .expires_ms = p->away_until_ms,
	};
	json_t *state = hz_participant_to_json(p);
	char *text = state ? json_dumps(state, JSON_COMPACT) : NULL;
	json_decref(state);
	if (!text)
		return -ENOMEM;
	memcpy(row.key_hash, p->key_hash, sizeof(row.key_hash));
	row.state = text;
	int err = hz_store_session_put(brain->store, &row);
	free(text);
	return err;
}

void hz_persist_gone(struct hz_brain *brain, struct hz_participant *p, uint8_t status)
{
	for (struct hz_participant **at = &brain->unsaved; *at; at = &(*at)->next_unsaved) {
		if (*at == p) {
			*at = p->next_unsaved;
			break;
		}
	}
	p->unsaved = false;
	if (!writing(brain))
		return;
	int err = write_row(brain, p, status);
	if (!err)
		err = hz_store_session_del(brain->store, p->consult->id, p->id);
	if (err)
		failed(brain, err);
}

static int write_unsaved(struct hz_brain *brain)
{
	int err = 0;
	while (brain->unsaved) {
		struct hz_participant *p = brain->unsaved;
		brain->unsaved = p->next_unsaved;
		p->unsaved = false;
		if (!err && writing(brain))
			err = write_row(brain, p, p->status);
		if (!err && writing(brain))
			err = write_session(brain, p);
	}
	return err;
}

int hz_persist_commit(struct hz_brain *brain)
{
	if (!brain->store)
		return 0;
	int err = write_unsaved(brain);
	if (err)
		hz_store_rollback(brain->store);
	else
		err = hz_store_commit(brain->store);
	if (err)
		failed(brain, err); // the turn's runtime state may be lost with it
	return err;
}

int hz_persist_end(struct hz_brain *brain, int err)
{
	if (!err)
		return hz_persist_commit(brain);
	hz_store_rollback(brain->store);
	return err;
}

void hz_persist_flush(struct hz_brain *brain)
{
	if (brain->store && (brain->unsaved || hz_store_dirty(brain->store)))
		(void)hz_persist_commit(brain);
}

static void rewrite_peer(struct hz_brain *brain, const struct hz_peer *peer)
{
	hz_persist_peer(brain, peer);
	for (const struct hz_track *track = peer->tracks; track; track = track->next)
		hz_persist_track(brain, track);
	for (const struct hz_slot *slot = peer->slots; slot; slot = slot->next)
		hz_persist_slot(brain, slot);
}

static void rewrite_participant(struct hz_brain *brain, struct hz_participant *p)
{
	int err = write_row(brain, p, p->status);
	if (!err)
		err = write_session(brain, p);
	if (err)
		failed(brain, err);
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next)
		rewrite_peer(brain, peer);
}

void hz_persist_rewrite(struct hz_brain *brain)
{
	hz_store_rollback(brain->store);
	int err = hz_store_runtime_clear(brain->store);
	if (err) {
		hz_store_rollback(brain->store);
		return;
	}
	brain->store_sick = false;
	struct hz_consult *consult;
	uint32_t at = 0;
	while ((consult = hz_map_next(brain->consults, &at))) {
		for (struct hz_participant *p = consult->participants; p && !brain->store_sick; p = p->next)
			rewrite_participant(brain, p);
		for (const struct hz_peer *peer = consult->viewers ? consult->viewers->peers : NULL; peer;
		     peer = peer->next)
			rewrite_peer(brain, peer);
		for (const struct hz_peer *link = consult->relays; link; link = link->next)
			rewrite_peer(brain, link);
		for (const struct hz_peer *link = consult->mix ? consult->mix->links : NULL; link;
		     link = link->next)
			rewrite_peer(brain, link);
		for (const struct hz_peer *link = hz_easel_first_link(consult); link; link = link->next)
			rewrite_peer(brain, link);
		for (const struct hz_peer *link = consult->picture ? consult->picture->links : NULL; link;
		     link = link->next)
			rewrite_peer(brain, link);
	}
	hz_record_events_rewrite(brain);
	if (brain->store_sick)
		hz_store_rollback(brain->store);
	else if (hz_persist_commit(brain) == 0)
		hz_info("store.recovered", "what=runtime");
}

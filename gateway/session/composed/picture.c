#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/session/consult.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/picture_internal.h"
#include "gateway/link/pipe_link.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record.h"
#include "gateway/session/relay_internal.h"

int hz_picture_begin(struct hz_brain *brain, int fd)
{
	int err = hz_picture_link_new(fd, &hz_picture_brain_ops, brain, &brain->picture);
	if (!err)
		hz_pipe_link_resume(
		    hz_picture_link_pipe(brain->picture)); // one that runs already says no HELLO
	return err;
}

uint32_t hz_picture_number(const struct hz_consult *consult, const char *text, uint32_t what)
{
	uint32_t hash = (consult->number ^ 2166136261u) * 16777619u; // FNV-1a: what is equal tomorrow as well
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 16777619u;
	hash = (hash ^ what) * 16777619u;
	hash ^= hash >> 15;
	return hash ? hash : 1;
}

// --- rooms

void hz_picture_due_at(struct hz_picture_room *room, int64_t at_us)
{
	if (at_us < room->due_us)
		room->due_us = at_us;
}

struct hz_picture_room *hz_picture_room_get(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_picture_room *room = consult->picture ? consult->picture : calloc(1, sizeof(*room));
	if (!room || consult->picture)
		return room;
	room->consult = consult;
	room->due_us = INT64_MAX;
	room->next = brain->pictured;
	brain->pictured = room;
	consult->picture = room;
	return room;
}

struct hz_peer **hz_picture_links(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_picture_room *room = brain->picture ? hz_picture_room_get(brain, consult) : NULL;
	return room ? &room->links : NULL;
}

void hz_picture_free_memory(struct hz_consult *consult)
{
	struct hz_picture_room *room = consult->picture;
	if (!room)
		return;
	hz_relay_peers_free_memory(&room->links);
	while (room->members) {
		struct hz_picture_member *m = room->members;
		room->members = m->next;
		free(m);
	}
	while (room->renditions) {
		struct hz_picture_rendition *r = room->renditions;
		room->renditions = r->next;
		free(r);
	}
	free(room);
	consult->picture = NULL;
}

int hz_picture_link_of(struct hz_brain *brain, struct hz_picture_room *room, unsigned worker,
                       struct hz_peer **ret)
{
	return hz_relay_peer_get(brain, room->consult, worker, HZ_PICTURE_RELAY, &room->links, ret);
}

static void room_end(struct hz_brain *brain, struct hz_picture_room *room)
{
	struct hz_consult *consult = room->consult;
	hz_picture_renditions_end(brain, room, true);
	hz_picture_members_end(brain, room);
	while (room->links)
		hz_relay_peer_end(brain, &room->links, room->links);
	(void)hz_picture_link_del(brain->picture, HZ_MOSAIC_SPEAKERS_SET, consult->number);
	(void)hz_picture_link_del(brain->picture, HZ_MOSAIC_ROOM_SET, consult->number);
	for (struct hz_picture_room **at = &brain->pictured; *at; at = &(*at)->next) {
		if (*at == room) {
			*at = room->next;
			break;
		}
	}
	hz_picture_free_memory(consult);
	hz_info("picture.end", "consult=%s", consult->id);
}

void hz_picture_end(struct hz_brain *brain, struct hz_consult *consult)
{
	if (consult->picture)
		room_end(brain, consult->picture);
}

void hz_picture_refuse(struct hz_brain *brain, struct hz_picture_room *room)
{
	if (room->refused)
		return;
	room->refused = true;
	room->refused_us = brain->now_us;
	hz_picture_due_at(room, brain->now_us + HZ_PICTURE_RETRY_US);
	hz_push_state(brain, room->consult);
}

// --- what the mosaic is told of a room

static int16_t utc_offset_min(int64_t wall_ms)
{
	time_t now = (time_t)(wall_ms / 1000);
	struct tm tm;
	return localtime_r(&now, &tm) ? (int16_t)(tm.tm_gmtoff / 60) : 0;
}

// The first source of who is to be large.
static uint32_t focus_of(const struct hz_picture_room *room)
{
	const char *focus = room->consult->layout.focus;
	const struct hz_picture_member *found = NULL;
	for (const struct hz_picture_member *m = room->members; *focus && m; m = m->next) {
		if (strcmp(m->person, focus) == 0 && (!found || m->source < found->source))
			found = m;
	}
	return found ? found->id : 0;
}

static void say_room(struct hz_brain *brain, struct hz_picture_room *room)
{
	struct hz_consult *consult = room->consult;
	bool recorded = hz_record_sign(brain, consult) == HZ_SIGN_ON;
	struct hz_mosaic_room_set set = {
	    .consult = consult->number,
	    .focus = focus_of(room),
	    .layout = consult->layout.mode,
	    .language = HZ_MOSAIC_ZH,
	    .flags = (uint8_t)(HZ_MOSAIC_ROOM_CLOCK | HZ_MOSAIC_ROOM_CAPTIONS |
	                       (recorded ? HZ_MOSAIC_ROOM_RECORDING : 0)),
	    .utc_offset_min = utc_offset_min(brain->wall_ms),
	};
	snprintf(set.title, sizeof(set.title), "%.*s", (int)sizeof(set.title) - 1, consult->title);
	int err = hz_picture_link_set(brain->picture, &set.h, HZ_MOSAIC_ROOM_SET);
	if (err) {
		hz_warn("picture.room", "consult=%s err=%d", consult->id, -err);
		hz_picture_refuse(brain, room);
	}
}

void hz_picture_speakers(struct hz_brain *brain, struct hz_consult *consult,
                         const struct hz_participant *const *seen, unsigned count)
{
	struct hz_mosaic_speakers_set set = {.consult = consult->number};
	if (!consult->picture)
		return;
	for (; set.count < count && set.count < HZ_MOSAIC_SPEAKERS; set.count++)
		set.person[set.count] = hz_picture_number(consult, seen[set.count]->id, HZ_PICTURE_NO_SOURCE);
	(void)hz_picture_link_set(brain->picture, &set.h, HZ_MOSAIC_SPEAKERS_SET);
}

// --- as it should be

static bool anybody_watches(const struct hz_consult *consult)
{
	for (const struct hz_participant *p = consult->participants; p; p = p->next) {
		for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			for (const struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
				if (hz_picture_watches(slot))
					return true;
			}
		}
	}
	return false;
}

// Slots of those who may not see it any more.
static void drop_slots(struct hz_brain *brain, const struct hz_consult *consult)
{
	for (const struct hz_participant *p = consult->participants; p; p = p->next) {
		for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
				bool asks_once =
				    peer->kind == HZ_PEER_WHEP; // it has it again when it is let in again
				if (!slot->picture || hz_picture_may_watch(slot) ||
				    (asks_once && !slot->cmd.track))
					continue;
				slot->picture = asks_once;
				slot->cmd.track = 0;
				hz_slot_set(brain, slot);
			}
		}
	}
}

void hz_picture_recount(struct hz_brain *brain, struct hz_consult *consult)
{
	bool wanted = brain->picture && (anybody_watches(consult) || hz_picture_air_any(consult));
	drop_slots(brain, consult);
	if (!wanted && !consult->picture)
		return;
	struct hz_picture_room *room = hz_picture_room_get(brain, consult);
	if (!room) {
		brain->count.media_errors++;
		return;
	}
	hz_picture_renditions_fit(brain, room);
	bool over =
	    !room->renditions && !(room->refused && room->refused_us + HZ_PICTURE_RETRY_US > brain->now_us);
	if (over) {
		room_end(brain, room);
		return;
	}
	if (room->refused && !wanted)
		return; // remembered, so that it is not offered again at once
	hz_picture_members_fit(brain, room);
	say_room(brain, room);
	hz_relay_peers_sweep(brain, &room->links);
}

int64_t hz_picture_due(struct hz_brain *brain)
{
	int64_t soonest_us = INT64_MAX;
	struct hz_picture_room *next;
	for (struct hz_picture_room *room = brain->pictured; room; room = next) {
		struct hz_consult *consult = room->consult;
		next = room->next; // a recount ends none but its own
		if (room->due_us <= brain->now_us) {
			room->due_us = INT64_MAX;
			if (room->refused && room->refused_us + HZ_PICTURE_RETRY_US <= brain->now_us) {
				room->refused = false;
				hz_picture_link_retry(brain->picture);
				hz_push_state(brain, consult);
			} else if (room->refused) {
				room->due_us = room->refused_us + HZ_PICTURE_RETRY_US;
			}
			hz_picture_renditions_end(brain, room, false);
			hz_picture_recount(brain, consult);
		}
		if (consult->picture && consult->picture->due_us < soonest_us)
			soonest_us = consult->picture->due_us;
	}
	return soonest_us;
}

// --- is there a mosaic?

bool hz_picture_available(const struct hz_brain *brain, const struct hz_consult *consult)
{
	return brain->picture && brain->picture_there && !(consult->picture && consult->picture->refused);
}

void hz_picture_tick(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	bool there = brain->picture_heard_us && brain->now_us - brain->picture_heard_us < HZ_PICTURE_AWAY_US;
	if (there == brain->picture_there)
		return;
	brain->picture_there = there;
	hz_info("picture.there", "there=%d", there);
	while ((consult = hz_map_next(brain->consults, &at)))
		hz_push_state(brain, consult);
}

// --- what comes

static void on_hello(void *ctx)
{
	struct hz_brain *brain = ctx;
	for (struct hz_picture_room *room = brain->pictured; room; room = room->next) {
		room->refused = false; // said anew
		for (struct hz_picture_rendition *r = room->renditions; r; r = r->next)
			r->ssrc = hz_picture_fresh_ssrc();
		for (struct hz_picture_member *m = room->members; m; m = m->next)
			m->told = false;
		hz_push_recount(brain, room->consult);
	}
}

static struct hz_picture_room *room_refused(const struct hz_brain *brain, uint16_t type, uint32_t id)
{
	for (struct hz_picture_room *room = brain->pictured; room; room = room->next) {
		if (type == HZ_MOSAIC_ROOM_SET && room->consult->number == id)
			return room;
		for (struct hz_picture_rendition *r = room->renditions; type == HZ_MOSAIC_RENDITION_SET && r;
		     r = r->next) {
			if (r->id == id)
				return room;
		}
	}
	return NULL; // a member: the picture goes without
}

static void on_refused(void *ctx, uint16_t type, uint32_t id, int err)
{
	struct hz_brain *brain = ctx;
	struct hz_picture_room *room = room_refused(brain, type, id);
	hz_warn("picture.refused", "type=%u id=%08x err=%d", type, id, -err);
	if (room)
		hz_picture_refuse(brain, room);
}

static void on_tiles(void *ctx, const struct hz_mosaic_tiles *tiles)
{
	struct hz_brain *brain = ctx;
	struct hz_consult *consult = hz_consult_by_number(brain, tiles->consult);
	if (consult && consult->picture)
		hz_picture_tiles(brain, consult->picture, tiles);
}

static void on_status(void *ctx)
{
	struct hz_brain *brain = ctx;
	if (hz_picture_link_pipe(brain->picture)->ready)
		brain->picture_heard_us = brain->now_us;
}

static void on_ready(void *ctx, bool ready)
{
	struct hz_brain *brain = ctx;
	hz_info("picture.ready", "ready=%d", ready);
	if (ready)
		brain->picture_heard_us = brain->now_us;
}

const struct hz_picture_link_ops hz_picture_brain_ops = {.on_hello = on_hello,
                                                         .on_refused = on_refused,
                                                         .on_tiles = on_tiles,
                                                         .on_status = on_status,
                                                         .on_ready = on_ready};

#include "gateway/session/composed/easel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/composed/easel_internal.h"
#include "gateway/session/ids.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/composed/picture_internal.h"
#include "gateway/session/push.h"
#include "gateway/session/table/reading.h"
#include "gateway/session/relay_internal.h"
#include "gateway/session/steps.h"

#define FIRST_PT  96       // + enum hz_codec, as on every relay
#define KEEP_US   10000000 // a rendition that nobody watches any more
#define AWAY_US   3000000
#define SMALL_BPS 700000 // at most
#define LARGE_BPS 2000000
#define LEAST_BPS 150000
#define SOUND_BPS 64000
#define THIN_BPS  900000 // an estimate for the small size
#define WIDE_BPS  1400000
#define WELL_US   10000000 // so long it is well before the large one is tried again

// Within level 3.1, which is what SDP agrees on, with the line under the picture.
static const uint16_t side[HZ_EASEL_SIZES] = {512, 896};

int hz_easel_begin(struct hz_brain *brain, int fd)
{
	return hz_easel_link_new(fd, &hz_easel_brain_ops, brain, &brain->easel);
}

// --- rooms

struct hz_easel_room *hz_easel_room_get(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_easel_room *room = consult->easel ? consult->easel : calloc(1, sizeof(*room));
	if (!room || consult->easel)
		return room;
	room->consult = consult;
	room->next = brain->easels;
	brain->easels = room;
	consult->easel = room;
	return room;
}

struct hz_peer *hz_easel_first_link(const struct hz_consult *consult)
{
	return consult->easel ? consult->easel->links : NULL;
}

void hz_easel_free_memory(struct hz_consult *consult)
{
	struct hz_easel_room *room = consult->easel;
	if (room)
		hz_relay_peers_free_memory(&room->links);
	free(room);
	consult->easel = NULL;
}

static void rendition_end(struct hz_brain *brain, struct hz_easel_room *room, struct hz_easel_rendition *r)
{
	for (const struct hz_peer *link = room->links; link; link = link->next) {
		struct hz_track *track = hz_relay_track_of(room->links, link->worker, r->id);
		if (track)
			hz_track_drop(brain, track);
	}
	(void)hz_easel_link_del(brain->easel, HZ_LIVE_RENDITION_SET, r->id);
	*r = (struct hz_easel_rendition){0};
}

static bool no_mark(void *ctx, uint32_t mark)
{
	(void)ctx;
	(void)mark;
	return false;
}

static void room_end(struct hz_brain *brain, struct hz_easel_room *room)
{
	struct hz_consult *consult = room->consult;
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++)
		if (room->rendition[i].codec)
			rendition_end(brain, room, &room->rendition[i]);
	while (room->links)
		hz_relay_peer_end(brain, &room->links, room->links);
	hz_easel_link_sweep_marks(brain->easel, consult->number, no_mark, NULL);
	(void)hz_easel_link_del(brain->easel, HZ_LIVE_ROOM_SET, consult->number);
	for (struct hz_easel_room **at = &brain->easels; *at; at = &(*at)->next) {
		if (*at == room) {
			*at = room->next;
			break;
		}
	}
	hz_easel_free_memory(consult);
	hz_info("easel.end", "consult=%s", consult->id);
}

void hz_easel_end(struct hz_brain *brain, struct hz_consult *consult)
{
	if (consult->easel)
		room_end(brain, consult->easel);
}

// --- renditions

uint32_t hz_easel_rendition_id(const struct hz_consult *consult, unsigned flags, uint8_t codec)
{
	return hz_picture_number(consult, HZ_IMAGE, (uint32_t)flags << 8 | codec);
}

static struct hz_easel_rendition *rendition_of(struct hz_easel_room *room, unsigned flags, uint8_t codec)
{
	struct hz_easel_rendition *r = room->rendition;
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++)
		if (r[i].codec == codec && r[i].large == (flags & HZ_EASEL_LARGE) &&
		    r[i].bare == ((flags & HZ_EASEL_BARE) != 0))
			return &r[i];
	return NULL;
}

struct hz_easel_rendition *hz_easel_rendition_get(struct hz_easel_room *room, unsigned flags, uint8_t codec)
{
	struct hz_easel_rendition *r = rendition_of(room, flags, codec);
	for (unsigned i = 0; !r && i < HZ_LIVE_RENDITIONS; i++) {
		if (room->rendition[i].codec)
			continue;
		r = &room->rendition[i];
		*r = (struct hz_easel_rendition){.id = hz_easel_rendition_id(room->consult, flags, codec),
		                                 .ssrc = hz_picture_fresh_ssrc(),
		                                 .large = flags & HZ_EASEL_LARGE,
		                                 .bare = flags & HZ_EASEL_BARE,
		                                 .codec = codec};
	}
	return r; // NULL never: there are as many places as sizes and codecs, and one that is bare
}

static struct hz_track *track_get(struct hz_brain *brain, struct hz_easel_room *room,
                                  const struct hz_easel_rendition *r, unsigned worker)
{
	struct hz_track *track = hz_relay_track_of(room->links, worker, r->id);
	struct hz_peer *link = NULL;
	if (track)
		return track;
	int err = hz_relay_peer_get(brain, room->consult, worker, HZ_EASEL_RELAY, &room->links, &link);
	if (!err)
		err = hz_track_new(brain, link, &track);
	if (err) {
		brain->count.media_errors++;
		hz_warn("easel.track", "consult=%s err=%d", room->consult->id, -err);
		return NULL;
	}
	track->kind = HZ_KIND_VIDEO;
	track->source = HZ_SOURCE_IMAGE;
	track->of = r->id;
	return track;
}

static void track_fit(struct hz_brain *brain, const struct hz_easel_rendition *r, struct hz_track *track)
{
	const struct hz_picture_rendition as = {.ssrc = r->ssrc, .codec = r->codec};
	hz_picture_track_fit(brain, &as, track); // one layer, one codec, detail before motion
}

static void say(struct hz_brain *brain, const struct hz_easel_room *room, const struct hz_easel_rendition *r)
{
	struct hz_live_rendition_set set = {.rendition = r->id,
	                                    .consult = room->consult->number,
	                                    .workers = r->workers,
	                                    .ssrc = r->ssrc,
	                                    .bitrate_bps = r->bps,
	                                    .side = side[r->large],
	                                    .codec = r->codec,
	                                    .bare = r->bare,
	                                    .pt = (uint8_t)(FIRST_PT + r->codec)};
	int err = hz_easel_link_set(brain->easel, &set.h, HZ_LIVE_RENDITION_SET);
	if (err)
		hz_warn("easel.rendition", "consult=%s err=%d", room->consult->id, -err);
}

// --- who watches what

static bool may_watch(const struct hz_slot *slot)
{
	const struct hz_participant *p = slot->peer->owner;
	return slot->easel && p && p->status == HZ_STATUS_ADMITTED && (p->grants & HZ_GRANT_SUBSCRIBE);
}

// As much as the thinnest link of those who watch takes.
static void bound(struct hz_easel_rendition *r, const struct hz_slot *slot)
{
	uint32_t most = r->large ? LARGE_BPS : SMALL_BPS, estimate = slot->peer->stats.estimate_bps;
	uint32_t bps = !estimate                                  ? most
	               : estimate < SOUND_BPS + LEAST_BPS         ? LEAST_BPS
	               : (estimate - SOUND_BPS) / 100 * 85 > most ? most
	                                                          : (estimate - SOUND_BPS) / 100 * 85;
	bps = bps / 50000 * 50000; // small changes are none
	bps = bps < LEAST_BPS ? LEAST_BPS : bps;
	r->bps = !r->bps || bps < r->bps ? bps : r->bps;
}

static void show(struct hz_brain *brain, struct hz_easel_room *room, struct hz_slot *slot)
{
	uint8_t codec = hz_picture_codec(slot);
	bool large = slot->cmd.max_layer > 0 && !slot->easel_small;
	struct hz_easel_rendition *r = codec ? hz_easel_rendition_get(room, large, codec) : NULL;
	struct hz_track *track = r ? track_get(brain, room, r, slot->peer->worker) : NULL;
	if (track) {
		r->watched = true;
		r->workers |= 1ull << slot->peer->worker;
		bound(r, slot);
		track_fit(brain, r, track); // before a slot names it
	}
	hz_picture_point(brain, slot, track ? track->id : 0);
}

// What is to be done with each slot that asked for it. Returns how many watch.
static unsigned each_slot(struct hz_brain *brain, struct hz_consult *consult, struct hz_easel_room *room)
{
	unsigned count = 0;
	for (const struct hz_participant *p = consult->participants; p; p = p->next) {
		for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
			for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
				if (!slot->easel)
					continue;
				bool watches = may_watch(slot) && !slot->off;
				count += watches;
				if (room && watches)
					show(brain, room, slot);
				else
					hz_picture_point(brain, slot, 0);
			}
		}
	}
	return count;
}

static unsigned watching(const struct hz_consult *consult)
{
	unsigned count = 0;
	for (const struct hz_participant *p = consult->participants; p; p = p->next)
		for (const struct hz_peer *peer = p->peers; peer; peer = peer->next)
			for (const struct hz_slot *slot = peer->slots; slot; slot = slot->next)
				count += may_watch(slot) && !slot->off;
	return count;
}

static bool anything_there(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_reading *reading = NULL;
	return hz_reading_of(brain, consult, false, &reading) == 0 && reading &&
	       json_array_size(reading->studies) > 0;
}

static void renditions_fit(struct hz_brain *brain, struct hz_easel_room *room)
{
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++) {
		struct hz_easel_rendition *r = &room->rendition[i];
		if (!r->codec)
			continue;
		if (r->watched)
			r->until_us = 0;
		else if (!r->until_us)
			r->until_us = brain->now_us + KEEP_US;
		if (r->until_us && r->until_us <= brain->now_us)
			rendition_end(brain, room, r);
		else
			say(brain, room, r);
	}
}

// --- for the mosaic and a broadcast

static bool is_fed(const struct hz_consult *consult, bool bare)
{
	const struct hz_broadcast_source table = {.participant = HZ_TABLE, .source = HZ_SOURCE_IMAGE};
	if (!bare)
		return hz_picture_composes(consult);
	return consult->broadcast && hz_air_has(consult->broadcast, &table);
}

struct hz_track *hz_easel_track(struct hz_brain *brain, struct hz_consult *consult, unsigned worker,
                                bool bare)
{
	unsigned flags = HZ_EASEL_LARGE | (bare ? HZ_EASEL_BARE : 0);
	bool there = brain->easel && is_fed(consult, bare) && anything_there(brain, consult);
	struct hz_easel_room *room = there ? hz_easel_room_get(brain, consult) : NULL;
	struct hz_easel_rendition *r = room ? hz_easel_rendition_get(room, flags, HZ_CODEC_H264_CB) : NULL;
	bool fresh = r && !hz_relay_track_of(room->links, worker, r->id);
	struct hz_track *track = r ? track_get(brain, room, r, worker) : NULL;
	if (!track)
		return NULL;
	track->codec = r->codec;
	if (fresh)
		track_fit(brain, r, track); // before a slot names it
	room->fresh |= fresh;
	return track;
}

void hz_easel_settle(struct hz_brain *brain, struct hz_consult *consult)
{
	if (consult->easel && consult->easel->fresh)
		hz_easel_recount(brain, consult);
}

static void keep_fed(struct hz_easel_room *room, bool bare)
{
	unsigned flags = HZ_EASEL_LARGE | (bare ? HZ_EASEL_BARE : 0);
	struct hz_easel_rendition *r = rendition_of(room, flags, HZ_CODEC_H264_CB);
	if (!r || !is_fed(room->consult, bare))
		return;
	r->watched = true;
	r->bps = r->bps ? r->bps : LARGE_BPS;
	for (const struct hz_peer *link = room->links; link; link = link->next)
		r->workers |= hz_relay_track_of(room->links, link->worker, r->id) ? 1ull << link->worker : 0;
}

void hz_easel_recount(struct hz_brain *brain, struct hz_consult *consult)
{
	bool fed = is_fed(consult, false) || is_fed(consult, true);
	bool wanted = brain->easel && (watching(consult) || fed) && anything_there(brain, consult);
	if (!wanted && !consult->easel) {
		(void)each_slot(brain, consult, NULL);
		return;
	}
	struct hz_easel_room *room = hz_easel_room_get(brain, consult);
	if (!room) {
		brain->count.media_errors++;
		return;
	}
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++) {
		struct hz_easel_rendition *r = &room->rendition[i];
		r->watched = false;
		r->workers = 0;
		r->bps = 0;
	}
	hz_easel_say_table(brain, room); // before its renditions
	(void)each_slot(brain, consult, wanted ? room : NULL);
	room->fresh = false;
	for (unsigned bare = 0; wanted && bare < 2; bare++)
		keep_fed(room, bare);
	renditions_fit(brain, room);
	bool over = true;
	for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++)
		over = over && !room->rendition[i].codec;
	if (over)
		room_end(brain, room);
	else
		hz_relay_peers_sweep(brain, &room->links);
}

int64_t hz_easel_due(struct hz_brain *brain)
{
	int64_t soonest_us = INT64_MAX;
	struct hz_easel_room *next;
	for (struct hz_easel_room *room = brain->easels; room; room = next) {
		int64_t due_us = INT64_MAX;
		next = room->next;
		for (unsigned i = 0; i < HZ_LIVE_RENDITIONS; i++) {
			const struct hz_easel_rendition *r = &room->rendition[i];
			if (r->codec && r->until_us && r->until_us < due_us)
				due_us = r->until_us;
		}
		if (due_us <= brain->now_us)
			hz_easel_recount(brain, room->consult);
		else if (due_us < soonest_us)
			soonest_us = due_us;
	}
	return soonest_us;
}

bool hz_easel_available(struct hz_brain *brain, struct hz_consult *consult)
{
	bool there = brain->easel && brain->easel_heard_us && brain->now_us - brain->easel_heard_us < AWAY_US;
	consult->easel_told = there && anything_there(brain, consult);
	return consult->easel_told;
}

void hz_easel_table(struct hz_brain *brain, struct hz_consult *consult)
{
	bool there = brain->easel && anything_there(brain, consult);
	if (!brain->easel)
		return;
	if (there != (consult->easel != NULL) || there != consult->easel_told)
		hz_push_recount(brain, consult); // somebody waits for it, perhaps
	if (consult->easel)
		hz_easel_say_table(brain, consult->easel);
}

// --- what a client asks, and what its link says

void hz_easel_watch(struct hz_brain *brain, struct hz_slot *slot)
{
	uint32_t estimate = slot->peer->stats.estimate_bps;
	if (!slot->easel) {
		slot->easel = true;
		slot->cmd.track = 0;
		slot->easel_us = brain->now_us;
		slot->easel_small = estimate && estimate < THIN_BPS;
		slot->peer->owner->consult->relay_check = true; // of what it showed before
	}
	hz_push_recount(brain, slot->peer->owner->consult); // perhaps another size
}

void hz_easel_leave(struct hz_brain *brain, struct hz_slot *slot)
{
	if (!slot->easel)
		return;
	slot->easel = false;
	slot->cmd.track = 0;
	hz_push_recount(brain, slot->peer->owner->consult);
}

void hz_easel_on_step(struct hz_brain *brain, struct hz_slot *slot)
{
	if (!slot->easel || slot->step < HZ_STEP_STILL)
		return;
	slot->easel_us = brain->now_us;
	if (!slot->easel_small) {
		slot->easel_small = true;
		hz_push_recount(brain, slot->peer->owner->consult);
	}
}

void hz_easel_on_stats(struct hz_brain *brain, struct hz_peer *peer)
{
	uint32_t estimate = peer->stats.estimate_bps;
	bool changed = false;
	for (struct hz_slot *slot = peer->owner ? peer->slots : NULL; slot; slot = slot->next) {
		if (!slot->easel)
			continue;
		changed = true; // the rate follows
		if (!slot->easel_small && estimate && estimate < THIN_BPS)
			slot->easel_small = true;
		else if (slot->easel_small && estimate > WIDE_BPS && slot->step < HZ_STEP_STILL &&
		         brain->now_us - slot->easel_us > WELL_US)
			slot->easel_small = false;
	}
	if (changed)
		hz_easel_recount(brain, peer->owner->consult);
}

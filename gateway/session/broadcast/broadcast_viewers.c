// Who watches a broadcast: WHEP peers whose slots show the programme and nothing else.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/link/media_link.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/relay.h"
#include "gateway/session/slots.h"
#include "gateway/session/steps.h"
#include "gateway/session/watched.h"

#define FLUSH_EVERY 512 // commands: well within a link's queue

bool hz_is_viewers(const struct hz_participant *p)
{
	return p && p == p->consult->viewers;
}

struct hz_participant *hz_viewers_get(struct hz_consult *consult)
{
	if (consult->viewers)
		return consult->viewers;
	struct hz_participant *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->consult = consult;
	p->status = HZ_STATUS_ADMITTED;
	p->grants = HZ_GRANT_SUBSCRIBE;
	snprintf(p->id, sizeof(p->id), "%s", HZ_VIEWERS_ID);
	consult->viewers = p;
	return p;
}

int hz_viewers_enter(struct hz_brain *brain, struct hz_consult *consult, const char *sub,
                     struct hz_participant **ret)
{
	unsigned all = 0, own = 0;
	if (!consult->broadcast || !consult->broadcast->since_ms)
		return -ENOENT;
	for (const struct hz_peer *peer = consult->viewers ? consult->viewers->peers : NULL; peer;
	     peer = peer->next) {
		all++;
		own += strcmp(peer->source, sub) == 0;
	}
	if (all >= HZ_BROADCAST_VIEWERS || own >= HZ_BROADCAST_PER_SUB)
		return -ENOSPC;
	struct hz_participant *p = hz_viewers_get(consult);
	if (!p)
		return -ENOMEM;
	*ret = p;
	return 0;
}

unsigned hz_viewers_count(const struct hz_consult *consult)
{
	unsigned count = 0;
	for (const struct hz_peer *peer = consult->viewers ? consult->viewers->peers : NULL; peer;
	     peer = peer->next)
		count += peer->state == HZ_PEER_CONNECTED;
	return count;
}

// What a slot of a viewer shows; NULL: nothing. Of a source that has masks it is the painted picture or none.
static struct hz_track *programme(struct hz_brain *brain, struct hz_consult *consult,
                                  const struct hz_slot *slot)
{
	const struct hz_broadcast *b = consult->broadcast;
	bool video = slot->cmd.kind == HZ_KIND_VIDEO;
	if (!b || !b->on_air || (video ? slot->nth > 0 : slot->nth >= b->voice_count))
		return NULL;
	if (video)
		return hz_air_track_on(brain, consult, slot->peer->worker);
	const struct hz_participant *from = hz_participant_find(consult, b->voice[slot->nth]);
	struct hz_track *track = from ? hz_track_of_source(from, HZ_KIND_AUDIO, HZ_SOURCE_MICROPHONE) : NULL;
	return track && hz_slot_may_show(slot->peer->owner, track) ? track : NULL;
}

// True: it shows something else from now on.
static bool point(struct hz_brain *brain, struct hz_slot *slot, struct hz_track *track)
{
	bool painted = track && track->peer->kind == HZ_PEER_LINK; // on the viewer's worker
	if (painted ? slot->cmd.track == track->id
	            : hz_slot_track(brain, slot) == track && (track || !slot->cmd.track))
		return false;
	if (!painted) {
		hz_slot_show(brain, slot, track);
		return true;
	}
	slot->cmd.track = track->id;
	hz_steps_reset(slot);
	slot->peer->owner->consult->relay_check = true; // of what it showed before
	return true;
}

static void say(struct hz_brain *brain, struct hz_slot *slot)
{
	slot->cmd.sub = slot->id;
	slot->cmd.peer = slot->peer->id;
	hz_objects_tell(brain, slot->peer->worker, &slot->cmd.h, HZ_CMD_SUB_SET, sizeof(slot->cmd));
}

static void flush(struct hz_brain *brain)
{
	for (unsigned i = 0; i < brain->workers; i++) {
		if (brain->worker[i].link)
			hz_media_link_flush(brain->worker[i].link);
	}
}

// What is told first is seen first: pictures before sound. What is closed already stays so.
static unsigned close_kind(struct hz_brain *brain, struct hz_peer *peers, uint8_t kind, unsigned said)
{
	for (struct hz_peer *peer = peers; peer; peer = peer->next) {
		for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
			bool closed = slot->off && slot->cmd.flags & HZ_SUB_PAUSED;
			if (slot->cmd.kind != kind || closed)
				continue;
			slot->off = true;
			slot->cmd.flags = HZ_SUB_LIVE | HZ_SUB_PAUSED;
			say(brain, slot);
			if (++said % FLUSH_EVERY == 0)
				flush(brain);
		}
	}
	return said;
}

void hz_viewers_close(struct hz_brain *brain, struct hz_consult *consult)
{
	if (!consult->viewers)
		return;
	unsigned said = close_kind(brain, consult->viewers->peers, HZ_KIND_VIDEO, 0);
	close_kind(brain, consult->viewers->peers, HZ_KIND_AUDIO, said);
	flush(brain);
}

void hz_viewers_closed(struct hz_brain *brain, struct hz_consult *consult)
{
	for (struct hz_peer *peer = consult->viewers ? consult->viewers->peers : NULL; peer;
	     peer = peer->next) {
		for (struct hz_slot *slot = peer->slots; slot; slot = slot->next)
			hz_persist_slot(brain, slot);
	}
	hz_watched_mark(brain, consult);
}

void hz_viewers_follow(struct hz_brain *brain, struct hz_consult *consult)
{
	if (!consult->viewers)
		return;
	bool cut = !consult->broadcast || consult->broadcast->cut;
	for (struct hz_peer *peer = consult->viewers->peers; peer; peer = peer->next) {
		for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
			struct hz_track *track = programme(brain, consult, slot);
			bool off = cut || !track, moves = point(brain, slot, track);
			if (!moves && slot->off == off && slot->cmd.flags & HZ_SUB_LIVE)
				continue;
			slot->off = off;
			hz_slot_set(brain, slot);
		}
	}
	hz_picture_air_settle(brain, consult);
}

void hz_viewers_end(struct hz_brain *brain, struct hz_consult *consult)
{
	while (consult->viewers && consult->viewers->peers)
		hz_peer_end(brain, consult->viewers->peers);
}

#include "gateway/session/participant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/record/consent.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/session/table/reading.h"
#include "gateway/session/record/record.h"
#include "gateway/session/record/record_events.h"
#include "gateway/session/relay.h"
#include "gateway/session/visit.h"
#include "gateway/session/theatre.h"
#include "signaling/auth/digest.h"
#include "signaling/server/pace.h"
#include "signaling/server/server.h"

struct hz_participant *hz_participant_find(const struct hz_consult *consult, const char *id)
{
	for (struct hz_participant *p = consult->participants; p; p = p->next) {
		if (strcmp(p->id, id) == 0)
			return p;
	}
	return NULL;
}

bool hz_participant_room(const struct hz_brain *brain, const struct hz_consult *consult, bool waits)
{
	uint32_t max = brain->limits.participants_per_consult;
	return consult->participant_count < (waits ? max - max / 10 : max);
}

static int make(struct hz_brain *brain, struct hz_consult *consult, const struct hz_claims *claims,
                struct hz_participant **ret)
{
	if (!hz_participant_room(brain, consult, claims->needs_admission))
		return -ENOSPC;
	struct hz_participant *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->consult = consult;
	snprintf(p->id, sizeof(p->id), "%s", claims->sub);
	p->joined_ms = brain->wall_ms;
	p->arrival_ms = brain->wall_ms;
	p->quality = HZ_QUALITY_GOOD;
	struct hz_participant **at = &consult->participants;
	while (*at)
		at = &(*at)->next;
	*at = p;
	consult->participant_count++;
	int err = hz_consent_load(brain, p);
	if (err) // asked anew, and not recorded until then
		hz_warn("consent.load", "consult=%s err=%d", consult->id, -err);
	*ret = p;
	return 0;
}

// Whoever signed the token vouches for the consent, unless the person said otherwise here.
static void take_claim(struct hz_brain *brain, struct hz_participant *p, const struct hz_claims *claims)
{
	const struct hz_consent_answer answer = {
	    .given = true, .wording = "", .language = "", .source = "token"};
	if (claims->consent && p->consent == HZ_CONSENT_NONE)
		(void)hz_consent_set(brain, p, &answer); // it says why; the participant takes part unrecorded
}

// The token it comes with now may give less than the one before: WHIP and WHEP that lean on the rest are over.
static void end_ungranted(struct hz_brain *brain, struct hz_participant *p)
{
	struct hz_peer *next;
	for (struct hz_peer *peer = p->peers; peer; peer = next) {
		next = peer->next;
		if ((peer->kind == HZ_PEER_WHIP && !(p->grants & HZ_GRANT_PUBLISH)) ||
		    (peer->kind == HZ_PEER_WHEP && !(p->grants & HZ_GRANT_SUBSCRIBE)))
			hz_peer_end(brain, peer);
	}
}

int hz_participant_enter(struct hz_brain *brain, struct hz_consult *consult, const struct hz_claims *claims,
                         struct hz_participant **ret)
{
	struct hz_participant *p = hz_participant_find(consult, claims->sub);
	bool fresh = !p;
	if (fresh) {
		int err = make(brain, consult, claims, &p);
		if (err)
			return err;
	}
	bool was_let_in = !fresh && hz_role_waits_in_lobby(p->role);
	bool renamed = !fresh && strcmp(p->name, claims->name) != 0;
	snprintf(p->name, sizeof(p->name), "%s", claims->name);
	p->role = claims->role;
	p->grants = claims->grants;
	if (!fresh)
		end_ungranted(brain, p);
	if (fresh && claims->needs_admission) {
		p->status = HZ_STATUS_LOBBY;
		hz_push_bell(brain, p);
	} else if (claims->needs_admission &&
	           !was_let_in) { // its former role needed nobody's leave, this one does
		(void)hz_participant_return(brain, p);
		hz_push_bell(brain, p);
	} else if (!claims->needs_admission && p->status != HZ_STATUS_ADMITTED) {
		hz_participant_admit(brain, p, "");
	}
	if (renamed && p->status == HZ_STATUS_ADMITTED)
		hz_record_event_of(brain, p, "name", json_pack("{s:s}", "name", p->name));
	take_claim(brain, p, claims);
	hz_persist_participant(brain, p);
	hz_push_state(brain, consult);
	*ret = p;
	return 0;
}

static void unlink_participant(struct hz_participant *p)
{
	for (struct hz_participant **at = &p->consult->participants; *at; at = &(*at)->next) {
		if (*at == p) {
			*at = p->next;
			p->consult->participant_count--;
			return;
		}
	}
}

void hz_participant_end(struct hz_brain *brain, struct hz_participant *p, uint8_t status, const char *reason)
{
	struct hz_consult *consult = p->consult;
	if (p->status == HZ_STATUS_ADMITTED)
		hz_record_event_of(brain, p, "leave", json_pack("{s:s}", "reason", reason ? reason : "gone"));
	while (p->peers)
		hz_peer_end(brain, p->peers);
	hz_session_close(brain, p, reason);
	hz_reading_left(brain, p);
	unlink_participant(p);
	hz_persist_gone(brain, p, status);
	hz_visit_log(brain, p, "left", json_pack("{s:s}", "reason", reason ? reason : "gone"));
	hz_info("participant.left", "consult=%s participant=%s reason=%s", consult->id, p->id,
	        reason ? reason : "gone");
	brain->count.leaves++;
	hz_push_recount(brain, consult);
	hz_participant_free_memory(p);
	hz_record_consider(brain, consult);
}

void hz_participant_maybe_leave(struct hz_brain *brain, struct hz_participant *p)
{
	if (!p->has_session && !p->peers && !hz_is_viewers(p))
		hz_participant_end(brain, p, HZ_STATUS_LEFT, NULL);
}

void hz_participant_end_session(struct hz_brain *brain, struct hz_participant *p, const char *reason)
{
	struct hz_peer *next;
	for (struct hz_peer *peer = p->peers; peer; peer = next) {
		next = peer->next;
		if (peer->kind == HZ_PEER_WS)
			hz_peer_end(brain, peer);
	}
	hz_session_close(brain, p, reason);
	hz_persist_participant(brain, p);
	hz_push_state(brain, p->consult);
	hz_participant_maybe_leave(brain, p);
}

// --- the lobby

unsigned hz_lobby_position(const struct hz_participant *p)
{
	unsigned position = 1;
	if (p->status != HZ_STATUS_LOBBY)
		return 0;
	for (const struct hz_participant *other = p->consult->participants; other && other != p;
	     other = other->next)
		position += other->status == HZ_STATUS_LOBBY;
	return position;
}

// After a change of status: the worker mutes or unmutes each of its transports.
static void apply_status(struct hz_brain *brain, struct hz_participant *p)
{
	for (struct hz_peer *peer = p->peers; peer; peer = peer->next)
		hz_peer_set(brain, peer);
	hz_record_follow(brain, p);
	p->consult->recount = true;
	hz_persist_participant(brain, p);
	hz_push_state(brain, p->consult);
}

void hz_participant_admit(struct hz_brain *brain, struct hz_participant *p, const char *by)
{
	if (p->status == HZ_STATUS_ADMITTED)
		return;
	bool waited = p->status == HZ_STATUS_LOBBY;
	p->status = HZ_STATUS_ADMITTED;
	p->admitted_ms = brain->wall_ms;
	snprintf(p->admitted_by, sizeof(p->admitted_by), "%s", by);
	brain->count.admissions += waited;
	hz_record_event_of(brain, p, "join",
	                   json_pack("{s:s, s:s}", "name", p->name, "role", hz_role_name(p->role)));
	apply_status(brain, p);
	hz_record_consider(brain, p->consult);
	if (waited) {
		hz_info("lobby.admitted", "consult=%s participant=%s by=%s", p->consult->id, p->id, by);
		hz_visit_log(brain, p, "admitted", NULL);
		hz_reading_tell(brain, p);
		hz_push_chat_history(brain, p);
	}
}

// Everything that shows one of its tracks, and everything that it is shown. Broadcasts follow by themselves.
static void blind(struct hz_brain *brain, struct hz_participant *p)
{
	for (struct hz_participant *other = p->consult->participants; other; other = other->next) {
		for (struct hz_peer *peer = other->peers; peer; peer = peer->next) {
			for (struct hz_slot *slot = peer->slots; slot; slot = slot->next) {
				const struct hz_track *track = hz_slot_track(brain, slot);
				if (!track || (other != p && track->peer->owner != p))
					continue;
				hz_slot_show(brain, slot, NULL);
				hz_slot_set(brain, slot);
			}
		}
	}
}

int hz_participant_return(struct hz_brain *brain, struct hz_participant *p)
{
	if (p->status == HZ_STATUS_LOBBY)
		return 0;
	if (!hz_role_waits_in_lobby(p->role))
		return -EPERM;
	p->status = HZ_STATUS_LOBBY;
	p->arrival_ms = brain->wall_ms;
	p->hand = false;
	unlink_participant(p); // to the end of the queue
	struct hz_participant **at = &p->consult->participants;
	while (*at)
		at = &(*at)->next;
	p->next = NULL;
	*at = p;
	p->consult->participant_count++;
	hz_record_event_of(brain, p, "leave", json_pack("{s:s}", "reason", "lobby"));
	hz_reading_left(brain, p);
	blind(brain, p);
	apply_status(brain, p);
	hz_record_consider(brain, p->consult);
	brain->count.returns++;
	hz_visit_log(brain, p, "returned", NULL);
	hz_info("lobby.returned", "consult=%s participant=%s", p->consult->id, p->id);
	return 0;
}

int hz_participant_remove(struct hz_brain *brain, struct hz_participant *p)
{
	if (brain->store) {
		hz_persist_flush(brain); // what others wrote is not this one's to roll back
		int err = hz_store_removed_put(brain->store, p->consult->id, p->id, brain->wall_ms);
		err = hz_persist_end(brain, err);
		if (err)
			return err;
	}
	brain->count.removals++;
	hz_theatre_disable(brain, p->consult->id, p->id);
	hz_participant_end(brain, p, HZ_STATUS_REMOVED, "removed");
	return 0;
}

bool hz_participant_away(const struct hz_participant *p)
{
	return p->has_session && !p->conn;
}

void hz_participant_free_memory(struct hz_participant *p)
{
	while (p->peers) {
		struct hz_peer *peer = p->peers;
		p->peers = peer->next;
		hz_transport_free_memory(peer);
	}
	hz_pace_unref(p->pace);
	free(p);
}

#include "gateway/session/events.h"

#include <stdlib.h>
#include <arpa/inet.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/session/codec_choice.h"
#include "gateway/session/consult.h"
#include "gateway/session/ice/gather.h"
#include "gateway/session/steps.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/push.h"
#include "gateway/session/pacing.h"
#include "gateway/session/quality.h"
#include "gateway/session/record/record_events.h"
#include "gateway/session/visit.h"

#define SILENT_EVERY_US 5000000 // between two ICE restarts asked of a client

static void on_hello(struct hz_brain *brain, unsigned worker, const struct hz_ev_hello *hello)
{
	struct hz_worker_view *view = &brain->worker[worker];
	if (view->incarnation && hello->incarnation != view->incarnation)
		view->restarts++;
	view->incarnation = hello->incarnation;
	hz_info("worker.hello", "worker=%u incarnation=%u pid=%u peers=%u tracks=%u subs=%u", worker,
	        hello->incarnation, hello->pid, hello->peers, hello->tracks, hello->subs);
}

// A transport that cannot come back by itself.
static void on_peer_over(struct hz_brain *brain, struct hz_peer *peer, uint8_t reason)
{
	struct hz_participant *p = peer->owner;
	brain->count.peers_failed++;
	hz_info("peer.over", "consult=%s participant=%s kind=%u state=%u reason=%u", p->consult->id, p->id,
	        peer->kind, peer->state, reason);
	if (peer->kind == HZ_PEER_WS) {
		if (peer->state == HZ_PEER_FAILED)
			hz_push_renegotiate(brain, p, "peer");
		hz_quality_update(brain, p);
		return;
	}
	hz_peer_end(brain, peer);
	hz_participant_maybe_leave(brain, p);
}

// Its browser would hold on to a dead path for seconds; where there is another way an ICE restart finds it at once.
static void on_peer_silent(struct hz_brain *brain, struct hz_peer *peer, const struct in6_addr *local)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(local);
	const void *address = v4 ? (const void *)&local->s6_addr[12] : (const void *)local;
	// A full agent of ours decides by itself, and the client follows.
	if (peer->kind != HZ_PEER_WS || hz_gather_is_full(peer) ||
	    (brain->address_count < 2 && !brain->tcp_port) ||
	    brain->now_us - peer->silent_us < SILENT_EVERY_US)
		return;
	if (!inet_ntop(v4 ? AF_INET : AF_INET6, address, peer->silent, sizeof(peer->silent)))
		peer->silent[0] = '\0';
	peer->silent_us = brain->now_us;
	hz_info("peer.silent", "consult=%s participant=%s", peer->owner->consult->id, peer->owner->id);
	hz_push_renegotiate(brain, peer->owner, "ice");
}

// Said again after each reconcile until it is back: the client is asked once, and once more when it resumes.
static void on_agent_lost(struct hz_brain *brain, struct hz_peer *peer)
{
	if (peer->agent_lost || peer->kind != HZ_PEER_WS)
		return;
	peer->agent_lost = true;
	hz_info("peer.agent_lost", "consult=%s participant=%s", peer->owner->consult->id, peer->owner->id);
	hz_push_renegotiate(brain, peer->owner, "ice");
}

static void on_peer_state(struct hz_brain *brain, unsigned worker, const struct hz_ev_peer_state *ev)
{
	struct hz_peer *peer = hz_peer_by_id(brain, worker, ev->peer);
	if (!peer || ev->state > HZ_PEER_CLOSED) {
		brain->count.events_bad += peer != NULL;
		return; // of one that was ended meanwhile
	}
	if (ev->reason == HZ_REASON_SILENT)
		on_peer_silent(brain, peer, &ev->local);
	if (ev->reason == HZ_REASON_AGENT_MISSED && peer->kind == HZ_PEER_WS)
		hz_push_renegotiate(brain, peer->owner, "ice");
	if (ev->reason == HZ_REASON_AGENT_LOST)
		on_agent_lost(brain, peer);
	else if (ev->state == HZ_PEER_CONNECTED)
		peer->agent_lost = false;
	if (peer->state == ev->state)
		return;
	peer->state = ev->state;
	if (ev->state >= HZ_PEER_CONNECTED)
		hz_visit_log(brain, peer->owner, "transport",
		             json_pack("{s:s}", "state", hz_peer_state_name(ev->state)));
	if (ev->state == HZ_PEER_FAILED || ev->state == HZ_PEER_CLOSED)
		on_peer_over(brain, peer, ev->reason);
	else
		hz_quality_update(brain, peer->owner);
}

static void on_track_state(struct hz_brain *brain, unsigned worker, const struct hz_ev_track_state *ev)
{
	struct hz_track *track = hz_track_by_id(brain, worker, ev->track);
	if (!track)
		return;
	bool active = ev->active != 0;
	uint8_t codec = ev->codec > HZ_CODEC_NONE && ev->codec < HZ_CODEC_COUNT ? ev->codec : track->codec;
	if (codec != track->codec)
		hz_debug("track.codec", "track=t%x answered=%u sent=%u", track->id, track->codec, codec);
	if (active == track->active && ev->layers == track->layers)
		return;
	track->active = active;
	track->layers = ev->layers;
	if (track->peer->owner->consent == HZ_CONSENT_GIVEN)
		hz_record_event_of(brain, track->peer->owner, "layer",
		                   json_pack("{s:s, s:i, s:b}", "source", hz_source_name(track->source),
		                             "layers", ev->layers, "active", active));
	if (track->peer->owner->status == HZ_STATUS_ADMITTED)
		hz_push_state(brain, track->peer->owner->consult);
}

// Each worker names its own publishers: what this one says from now on. NULL without memory.
static struct hz_heard *heard_of(struct hz_consult *consult, unsigned worker)
{
	for (unsigned i = 0; i < consult->heard_count; i++) {
		if (consult->heard[i].worker == worker)
			return &consult->heard[i];
	}
	struct hz_heard *more = realloc(consult->heard, (consult->heard_count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	consult->heard = more;
	more[consult->heard_count].worker = worker;
	return &more[consult->heard_count++];
}

struct speakers {
	const struct hz_participant *seen[HZ_MAX_SPEAKERS];
	unsigned count;
	json_t *ids;
};

static void add_speaker(const struct hz_consult *consult, const struct hz_peer *peer, struct speakers *to)
{
	const struct hz_participant *p = peer ? peer->owner : NULL;
	bool known = !p || p->consult != consult || p->status != HZ_STATUS_ADMITTED;
	for (unsigned k = 0; k < to->count && !known; k++)
		known = to->seen[k] == p; // by another transport
	if (known || to->count == HZ_MAX_SPEAKERS)
		return;
	to->seen[to->count++] = p;
	json_array_append_new(to->ids, json_string(p->id));
}

// The loudest of each worker first, then the second ones: how loud they are is not told.
static void on_speakers(struct hz_brain *brain, unsigned worker, const struct hz_ev_speakers *ev)
{
	struct hz_consult *consult = hz_consult_by_number(brain, ev->consult);
	struct hz_heard *heard = consult ? heard_of(consult, worker) : NULL;
	struct speakers speakers = {.count = 0};
	if (!heard)
		return;
	heard->count = ev->count < HZ_MAX_SPEAKERS ? ev->count : HZ_MAX_SPEAKERS;
	memcpy(heard->peer, ev->peer, sizeof(heard->peer));
	speakers.ids = json_array();
	for (unsigned i = 0; i < HZ_MAX_SPEAKERS; i++) {
		for (unsigned k = 0; k < consult->heard_count; k++) {
			const struct hz_heard *h = &consult->heard[k];
			if (i < h->count)
				add_speaker(consult, hz_peer_by_id(brain, h->worker, h->peer[i]), &speakers);
		}
	}
	hz_record_speakers(brain, consult, speakers.seen, speakers.count);
	hz_picture_speakers(brain, consult, speakers.seen, speakers.count);
	hz_push_admitted(brain, consult, HZ_GRANT_SUBSCRIBE, HZ_PUSH_SPEAKERS,
	                 json_pack("{s:o}", "ids", speakers.ids));
}

static void on_peer_stats(struct hz_brain *brain, unsigned worker, const struct hz_ev_peer_stats *ev)
{
	struct hz_peer *peer = hz_peer_by_id(brain, worker, ev->peer);
	if (!peer)
		return;
	peer->stats = *ev;
	if (peer->state == HZ_PEER_NEW || peer->state == HZ_PEER_CHECKING)
		peer->state = HZ_PEER_CONNECTED; // control restarted: only connected peers have statistics
	hz_quality_update(brain, peer->owner);
	if (peer->owner)
		hz_pacing_update(brain, peer->owner, peer);
	hz_codec_on_stats(brain, peer);
	hz_picture_on_stats(brain, peer);
	hz_easel_on_stats(brain, peer);
}

static void on_peer_uplink(struct hz_brain *brain, unsigned worker, const struct hz_ev_peer_uplink *ev)
{
	const struct hz_peer *peer = hz_peer_by_id(brain, worker, ev->peer);
	if (peer && peer->owner && peer->kind == HZ_PEER_WS)
		hz_push_one(brain, peer->owner, HZ_PUSH_UPLINK,
		            json_pack("{s:I}", "bps", (json_int_t)ev->bps));
}

void hz_events_handle(struct hz_brain *brain, unsigned worker, const union hz_msg *msg)
{
	switch (msg->h.type) {
	case HZ_EV_HELLO:
		on_hello(brain, worker, &msg->hello);
		break;
	case HZ_EV_PEER_STATE:
		on_peer_state(brain, worker, &msg->peer_state);
		break;
	case HZ_EV_TRACK_STATE:
		on_track_state(brain, worker, &msg->track_state);
		break;
	case HZ_EV_SPEAKERS:
		on_speakers(brain, worker, &msg->speakers);
		break;
	case HZ_EV_PEER_STATS:
		on_peer_stats(brain, worker, &msg->peer_stats);
		break;
	case HZ_EV_SUB_STATE:
		hz_steps_on_state(brain, worker, &msg->sub_state);
		break;
	case HZ_EV_AGENT_LOCAL:
		hz_gather_on_local(brain, worker, &msg->agent_local);
		break;
	case HZ_EV_PEER_SHARE:
		hz_pacing_share(brain, worker, &msg->shared);
		break;
	case HZ_EV_PEER_UPLINK:
		on_peer_uplink(brain, worker, &msg->uplink);
		break;
	case HZ_EV_WORKER_STATS:
		brain->worker[worker].stats = msg->worker_stats;
		break;
	default:
		brain->count.events_bad++;
	}
}

static void on_event(void *ctx, unsigned worker, const union hz_msg *msg)
{
	hz_events_handle(ctx, worker, msg);
}

static void on_refused(void *ctx, unsigned worker, uint16_t type, int err)
{
	struct hz_brain *brain = ctx;
	brain->count.media_errors++;
	hz_warn("worker.refused", "worker=%u command=%u err=%d", worker, type, -err);
}

const struct hz_media_link_ops hz_events_link_ops = {
    .on_event = on_event,
    .next = hz_objects_next,
    .on_refused = on_refused,
};

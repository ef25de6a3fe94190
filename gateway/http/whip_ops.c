#include "gateway/http/whip_ops.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/ice/gather.h"
#include "gateway/session/objects.h"
#include "gateway/session/offer.h"
#include "gateway/session/offer_lines.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/theatre.h"
#include "gateway/session/token.h"
#include "gateway/session/ice/turn.h"
#include "gateway/http/whip_internal.h"

#define UNUSED_US     60000000
#define CONNECTING_US 3000000

enum hz_whip_code hz_whip_code_of(int err)
{
	switch (err) {
	case 0:
		return HZ_WHIP_OK;
	case -EACCES:
		return HZ_WHIP_FORBIDDEN;
	case -ENOSPC:
	case -EBUSY:
		return HZ_WHIP_BUSY;
	default:
		return HZ_WHIP_FAILED;
	}
}

static enum hz_whip_code authorise(void *ctx, struct hz_whip_call *call)
{
	struct hz_whip_door *door = ctx;
	uint32_t needed = call->whep ? HZ_GRANT_SUBSCRIBE | HZ_GRANT_WATCH : HZ_GRANT_PUBLISH;
	if (hz_token_verify(door->brain, call->token, &door->claims))
		return HZ_WHIP_UNAUTHORISED;
	if (strcmp(door->claims.consult, call->consult) != 0) {
		door->brain->count.token_consult++;
		return HZ_WHIP_FORBIDDEN;
	}
	return (door->claims.grants & needed) && !door->claims.rest ? HZ_WHIP_OK : HZ_WHIP_FORBIDDEN;
}

enum hz_whip_code hz_whip_door_enter(struct hz_whip_door *door, struct hz_whip_call *call,
                                     struct hz_participant **ret)
{
	struct hz_brain *brain = door->brain;
	struct hz_consult *consult = NULL;
	int err = hz_token_consult(brain, &door->claims, &consult);
	if (err)
		return err == -EACCES ? HZ_WHIP_NOT_FOUND : hz_whip_code_of(err);
	err = hz_token_check(brain, &door->claims, consult->id);
	if (err)
		return hz_whip_code_of(err);
	struct hz_participant *p = hz_participant_find(consult, door->claims.sub);
	if (p ? p->status != HZ_STATUS_ADMITTED : door->claims.needs_admission)
		return HZ_WHIP_FORBIDDEN;
	if (p) { // its own session decides what it may do
		*ret = p;
		return (p->grants & door->claims.grants &
		        (call->whep ? HZ_GRANT_SUBSCRIBE : HZ_GRANT_PUBLISH))
		           ? HZ_WHIP_OK
		           : HZ_WHIP_FORBIDDEN;
	}
	if (brain->draining)
		return HZ_WHIP_BUSY;
	return hz_whip_code_of(hz_participant_enter(brain, consult, &door->claims, ret));
}

// --- plans

static bool free_source(const struct hz_participant *p, const struct hz_plan *plan,
                        const struct hz_sdp_offer *offer, unsigned line, uint8_t source)
{
	for (unsigned i = 0; i < line; i++) {
		if (plan->line[i].use == HZ_LINE_PUBLISH && plan->line[i].source == source &&
		    offer->media[i].kind == offer->media[line].kind)
			return false;
	}
	return !hz_track_of_source(p, (uint8_t)offer->media[line].kind, source);
}

// Sound becomes the microphone, pictures the cameras, but of theatre sources that are another kind. Returns how many m-lines
// publish.
static unsigned plan_publish(const struct hz_brain *brain, const struct hz_participant *p,
                             const struct hz_sdp_offer *offer, struct hz_plan *plan, unsigned *ret_usable)
{
	static const uint8_t audio[] = {HZ_SOURCE_MICROPHONE};
	uint8_t video[] = {HZ_SOURCE_CAMERA, HZ_SOURCE_CAMERA2};
	uint8_t kind = hz_theatre_kind(brain, p);
	if (kind != HZ_SOURCE_COUNT)
		video[0] = kind;
	unsigned lines = 0;
	*ret_usable = 0;
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct hz_sdp_media *media = &offer->media[i];
		bool is_audio = media->kind == HZ_SDP_AUDIO;
		const uint8_t *sources = is_audio ? audio : video;
		if (!hz_line_usable(media)) {
			plan->line[i].use = HZ_LINE_REJECT;
			continue;
		}
		if (!(media->direction & HZ_SDP_SENDONLY))
			continue;
		++*ret_usable;
		for (unsigned k = 0; k < (is_audio ? sizeof(audio) : sizeof(video)); k++) {
			if (!free_source(p, plan, offer, i, sources[k]))
				continue;
			plan->line[i] = (struct hz_line){.use = HZ_LINE_PUBLISH, .source = sources[k]};
			lines++;
			break;
		}
	}
	return lines;
}

// --- making a resource

enum hz_whip_code hz_whip_bad_sdp(struct hz_whip_session *ret, const char *reason)
{
	snprintf(ret->reason, sizeof(ret->reason), "%s", reason);
	return HZ_WHIP_BAD_SDP;
}

enum hz_whip_code hz_whip_offer_parse(const char *text, size_t bytes, struct hz_whip_session *ret,
                                      struct hz_sdp_offer **ret_offer)
{
	char reason[HZ_SDP_REASON_BYTES] = "";
	int err = hz_sdp_parse_offer(text, bytes, reason, ret_offer);
	if (err == -ENOMEM)
		return HZ_WHIP_FAILED;
	return err ? hz_whip_bad_sdp(ret, err == -EMSGSIZE ? "too long" : reason) : HZ_WHIP_OK;
}

enum hz_whip_code hz_whip_door_make(struct hz_whip_door *door, struct hz_participant *p,
                                    const struct hz_sdp_offer *offer, const struct hz_plan *plan,
                                    struct hz_whip_session *ret)
{
	struct hz_brain *brain = door->brain;
	struct hz_offer_result result;
	int err = hz_token_use(brain, &door->claims);
	if (err)
		return hz_whip_code_of(err);
	hz_offer_apply(brain, p, NULL, offer, plan, &result);
	brain->count.offers++;
	if (result.code) {
		brain->count.offers_refused++;
		ret->retry_after_s = 5;
		return result.code == HZ_OFFER_FAILED ? HZ_WHIP_FAILED : HZ_WHIP_BUSY;
	}
	hz_random_text(result.peer->resource, HZ_RESOURCE_CHARS);
	err = hz_map_set(brain->resources, result.peer->resource, result.peer);
	if (err) {
		result.peer->resource[0] = '\0';
		hz_peer_end(brain, result.peer);
		free(result.sdp);
		return HZ_WHIP_BUSY;
	}
	hz_persist_peer(brain, result.peer);
	snprintf(ret->resource, sizeof(ret->resource), "%s", result.peer->resource);
	snprintf(ret->etag, sizeof(ret->etag), "%s", result.peer->cmd.local_ufrag);
	ret->sdp = result.sdp;
	ret->later = result.later;
	hz_turn_links(brain, result.peer->owner->id, ret->links);
	return HZ_WHIP_OK;
}

// Lost, or not come to life in time. A younger one is being connected by a second encoder of the same participant, or
// was live all the time and control alone has restarted: the worker says so within 2 s.
static bool dead(const struct hz_brain *brain, const struct hz_peer *peer)
{
	if (hz_peer_lost(brain, peer))
		return true;
	if (peer->state == HZ_PEER_NEW || peer->state == HZ_PEER_CHECKING)
		return brain->now_us - peer->born_us > CONNECTING_US;
	return peer->state != HZ_PEER_CONNECTED;
}

// An encoder that comes back after its network was gone finds its own old resource in the way: that one is over. A theatre source
// has one process: who publishes as it is its successor, however alive the one before looks for some seconds after it was killed.
static void end_dead_publishers(struct hz_brain *brain, struct hz_participant *p)
{
	bool successor = hz_theatre_kind(brain, p) != HZ_SOURCE_COUNT;
	struct hz_peer *next;
	for (struct hz_peer *peer = p->peers; peer; peer = next) {
		next = peer->next;
		if (peer->kind == HZ_PEER_WHIP && (successor || dead(brain, peer)))
			hz_peer_end(brain, peer);
	}
}

static enum hz_whip_code publish(void *ctx, struct hz_whip_call *call, const char *text, size_t bytes,
                                 struct hz_whip_session *ret)
{
	struct hz_whip_door *door = ctx;
	struct hz_plan plan = {.kind = HZ_PEER_WHIP, .source = ""};
	struct hz_sdp_offer *offer = NULL;
	struct hz_participant *p;
	unsigned usable = 0;
	enum hz_whip_code code = hz_whip_door_enter(door, call, &p);
	if (code)
		return code;
	code = hz_whip_offer_parse(text, bytes, ret, &offer);
	if (!code) {
		end_dead_publishers(door->brain, p);
		unsigned lines = plan_publish(door->brain, p, offer, &plan, &usable);
		if (usable == 0)
			code = hz_whip_bad_sdp(ret, "no m-line that sends Opus, H.264, VP8, VP9 or AV1");
		else if (lines == 0)
			code = HZ_WHIP_CONFLICT;
		else
			code = hz_whip_door_make(door, p, offer, &plan, ret);
	}
	hz_sdp_offer_free(offer);
	door->brain->count.whip += code == HZ_WHIP_OK;
	if (code)
		hz_participant_maybe_leave(door->brain, p);
	return code;
}

// --- a resource

// NULL: none of this kind, consult and subject.
static struct hz_peer *find(const struct hz_whip_door *door, const struct hz_whip_call *call)
{
	struct hz_peer *peer = hz_map_get(door->brain->resources, call->resource);
	if (!peer || peer->kind != (call->whep ? HZ_PEER_WHEP : HZ_PEER_WHIP))
		return NULL;
	if ((strcmp(peer->owner->id, door->claims.sub) != 0 && !hz_is_viewers(peer->owner)) ||
	    strcmp(peer->owner->consult->id, call->consult) != 0)
		return NULL;
	return peer;
}

static enum hz_whip_code describe(void *ctx, struct hz_whip_call *call, struct hz_whip_state *ret)
{
	const struct hz_peer *peer = find(ctx, call);
	if (!peer)
		return HZ_WHIP_NOT_FOUND;
	snprintf(ret->etag, sizeof(ret->etag), "%s", peer->cmd.local_ufrag);
	snprintf(ret->remote_ufrag, sizeof(ret->remote_ufrag), "%s", peer->cmd.remote_ufrag);
	snprintf(ret->remote_pwd, sizeof(ret->remote_pwd), "%s", peer->cmd.remote_pwd);
	return HZ_WHIP_OK;
}

static enum hz_whip_code trickle(void *ctx, struct hz_whip_call *call, const struct hz_sdp_frag *frag)
{
	struct hz_whip_door *door = ctx;
	struct hz_peer *peer = find(door, call);
	// As ICE-lite the worker learns the client's address from its checks: candidates tell nothing new.
	if (peer && hz_gather_is_full(peer))
		hz_gather_remote(door->brain, peer, frag->usable, frag->usable_count);
	return peer ? HZ_WHIP_OK : HZ_WHIP_NOT_FOUND;
}

static enum hz_whip_code restart(void *ctx, struct hz_whip_call *call, const struct hz_sdp_frag *frag,
                                 struct hz_whip_session *ret)
{
	struct hz_whip_door *door = ctx;
	struct hz_peer *peer = find(door, call);
	if (!peer)
		return HZ_WHIP_NOT_FOUND;
	snprintf(peer->cmd.remote_ufrag, sizeof(peer->cmd.remote_ufrag), "%s", frag->ufrag);
	snprintf(peer->cmd.remote_pwd, sizeof(peer->cmd.remote_pwd), "%s", frag->pwd);
	hz_peer_credentials(peer);
	hz_peer_set(door->brain, peer);
	ret->later = hz_gather_is_full(peer);
	if (ret->later) {
		hz_gather_begin(door->brain, peer);
		hz_gather_remote(door->brain, peer, frag->usable, frag->usable_count);
	}
	snprintf(ret->resource, sizeof(ret->resource), "%s", peer->resource);
	snprintf(ret->etag, sizeof(ret->etag), "%s", peer->cmd.local_ufrag);
	snprintf(ret->ufrag, sizeof(ret->ufrag), "%s", peer->cmd.local_ufrag);
	snprintf(ret->pwd, sizeof(ret->pwd), "%s", peer->cmd.local_pwd);
	return HZ_WHIP_OK;
}

static int later(void *ctx, const char *resource, struct hz_response *res, const char *type, char *sdp)
{
	struct hz_whip_door *door = ctx;
	struct hz_peer *peer = hz_map_get(door->brain->resources, resource);
	if (peer)
		return hz_gather_wait_response(door->brain, peer, res, type, sdp);
	free(sdp);
	return -ENOENT;
}

static enum hz_whip_code end(void *ctx, struct hz_whip_call *call)
{
	struct hz_whip_door *door = ctx;
	struct hz_peer *peer = find(door, call);
	if (!peer)
		return HZ_WHIP_NOT_FOUND;
	struct hz_participant *p = peer->owner;
	hz_peer_end(door->brain, peer);
	hz_participant_maybe_leave(door->brain, p);
	return HZ_WHIP_OK;
}

const struct hz_whip_ops hz_whip_brain_ops = {
    .authorise = authorise,
    .publish = publish,
    .subscribe = hz_whip_subscribe,
    .describe = describe,
    .trickle = trickle,
    .restart = restart,
    .later = later,
    .end = end,
};

static bool unused(const struct hz_brain *brain, const struct hz_peer *peer)
{
	return peer->kind != HZ_PEER_WS && (peer->state == HZ_PEER_NEW || peer->state == HZ_PEER_CHECKING) &&
	       brain->now_us - peer->born_us > UNUSED_US;
}

static void end_unused(struct hz_brain *brain, struct hz_participant *p)
{
	struct hz_peer *after;
	for (struct hz_peer *peer = p->peers; peer; peer = after) {
		after = peer->next;
		if (unused(brain, peer))
			hz_peer_end(brain, peer);
	}
}

void hz_whip_sweep(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	while ((consult = hz_map_next(brain->consults, &at))) {
		struct hz_participant *next;
		for (struct hz_participant *p = consult->participants; p; p = next) {
			next = p->next;
			end_unused(brain, p);
			hz_participant_maybe_leave(brain, p);
		}
		if (consult->viewers)
			end_unused(brain, consult->viewers);
	}
}

// offer, subscribe, track.update: what a participant does with its media.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/session/call.h"
#include "gateway/session/ice/gather.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/offer.h"
#include "gateway/session/offer_lines.h"
#include "gateway/session/objects.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/push.h"
#include "gateway/session/rate.h"
#include "gateway/session/record/record_events.h"
#include "gateway/session/relay.h"
#include "gateway/session/slots.h"
#include "signaling/sdp/candidate.h"

#define OFFER_EVERY_US 250000
#define OFFER_BURST    20
#define HIGH_PRIORITY  1 // of the large picture; the others have 0

static struct hz_peer *ws_peer(const struct hz_participant *p)
{
	struct hz_peer *peer = p->peers;
	while (peer && peer->kind != HZ_PEER_WS)
		peer = peer->next;
	return peer;
}

// -1: the offer has no such m-line.
static int line_of(const struct hz_sdp_offer *offer, const char *mid)
{
	for (unsigned i = 0; i < offer->media_count; i++) {
		if (strcmp(offer->media[i].mid, mid) == 0)
			return (int)i;
	}
	return -1;
}

static const char *text_of(const json_t *item, const char *key)
{
	return json_string_value(json_object_get(item, key));
}

static bool source_fits(uint8_t source, const struct hz_sdp_media *media)
{
	if (media->kind == HZ_SDP_AUDIO)
		return source == HZ_SOURCE_MICROPHONE || source == HZ_SOURCE_SCREEN ||
		       source == HZ_SOURCE_MIX;
	return source != HZ_SOURCE_MICROPHONE;
}

// A host may have muted it since the client last looked: an offer mutes, only track.update unmutes.
static bool muted_before(const struct hz_participant *p, const struct hz_sdp_media *media, uint8_t source)
{
	const struct hz_track *track = hz_track_of_source(p, (uint8_t)media->kind, source);
	return track && track->muted && strcmp(track->cmd.mid, media->mid) == 0;
}

static void plan_publish(struct hz_call *call, const struct hz_sdp_offer *offer, struct hz_plan *plan)
{
	const json_t *item, *list = json_object_get(call->params, "publish");
	size_t i;
	json_array_foreach((json_t *)list, i, item)
	{
		uint8_t source = 0;
		int at = line_of(offer, text_of(item, "mid"));
		if (at < 0 || plan->line[at].use == HZ_LINE_PUBLISH) {
			hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/publish/%zu/mid", i);
			return;
		}
		const struct hz_sdp_media *media = &offer->media[at];
		if (!(media->direction & HZ_SDP_SENDONLY))
			continue; // an m-line that sends nothing (any more) publishes nothing
		if (hz_source_parse(text_of(item, "source"), &source) || !source_fits(source, media)) {
			hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/publish/%zu/source", i);
			return;
		}
		if (!hz_line_usable(media)) {
			snprintf(call->value, sizeof(call->value), "m-line %d: no codec in common", at + 1);
			char reason[sizeof(call->value)];
			memcpy(reason, call->value, sizeof(reason));
			hz_call_refuse(call, HZ_RPC_SDP_REFUSED, "reason", reason);
			return;
		}
		plan->line[at] = (struct hz_line){
		    .use = HZ_LINE_PUBLISH,
		    .source = source,
		    .label = text_of(item, "label"),
		    .muted =
		        json_is_true(json_object_get(item, "muted")) || muted_before(call->p, media, source),
		};
	}
	if (list && json_array_size(list) > 0 && !(call->p->grants & HZ_GRANT_PUBLISH))
		hz_call_refuse(call, HZ_RPC_NOT_ALLOWED, "field", "/publish");
}

static void plan_receive(struct hz_call *call, const struct hz_sdp_offer *offer, struct hz_plan *plan)
{
	const json_t *item, *list = json_object_get(call->params, "recv");
	size_t i;
	for (unsigned at = 0; at < offer->media_count; at++) {
		const struct hz_sdp_media *media = &offer->media[at];
		struct hz_line *line = &plan->line[at];
		if (line->use == HZ_LINE_PUBLISH)
			continue;
		if (media->rejected || !hz_line_usable(media))
			line->use = HZ_LINE_REJECT;
		else if (media->direction == HZ_SDP_RECVONLY && (call->p->grants & HZ_GRANT_SUBSCRIBE))
			line->use = HZ_LINE_SLOT;
	}
	json_array_foreach((json_t *)list, i, item)
	{
		int at = line_of(offer, text_of(item, "mid"));
		if (at < 0 || plan->line[at].use == HZ_LINE_PUBLISH) {
			hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/recv/%zu/mid", i);
			return;
		}
		plan->line[at].group = text_of(item, "group");
		if (plan->line[at].use == HZ_LINE_IDLE && (offer->media[at].direction & HZ_SDP_RECVONLY) &&
		    (call->p->grants & HZ_GRANT_SUBSCRIBE))
			plan->line[at].use = HZ_LINE_SLOT;
	}
}

static void refuse_offer(struct hz_call *call, const struct hz_offer_result *result,
                         const struct hz_sdp_offer *offer)
{
	switch (result->code) {
	case HZ_OFFER_SOURCE_TAKEN:
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/publish/%u/source", result->line);
		// The field counts entries of `publish`, the result counts m-lines: translate.
		for (size_t i = 0; i < json_array_size(json_object_get(call->params, "publish")); i++) {
			const json_t *item = json_array_get(json_object_get(call->params, "publish"), i);
			if (strcmp(text_of(item, "mid"), offer->media[result->line].mid) == 0)
				snprintf(call->value, sizeof(call->value), "/publish/%zu/source", i);
		}
		break;
	case HZ_OFFER_TRACKS:
		hz_call_refuse(call, HZ_RPC_LIMIT, "limit", "tracks");
		break;
	case HZ_OFFER_SLOTS:
		hz_call_refuse(call, HZ_RPC_LIMIT, "limit", "slots");
		break;
	case HZ_OFFER_PEERS:
		hz_call_refuse(call, HZ_RPC_LIMIT, "limit", "peers");
		break;
	default:
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
	}
}

static void apply_offer(struct hz_call *call, const struct hz_sdp_offer *offer)
{
	struct hz_plan plan = {.kind = HZ_PEER_WS, .source = ""};
	struct hz_offer_result result;
	plan_publish(call, offer, &plan);
	plan_receive(call, offer, &plan);
	if (call->code)
		return;
	hz_offer_apply(call->brain, call->p, ws_peer(call->p), offer, &plan, &result);
	if (result.code) {
		refuse_offer(call, &result, offer);
		return;
	}
	if (result.later) {
		call->later = result.peer;
		call->text = result.sdp;
		return;
	}
	call->result = json_pack("{s:s}", "sdp", result.sdp);
	free(result.sdp);
}

void hz_call_offer(struct hz_call *call)
{
	const json_t *sdp = json_object_get(call->params, "sdp");
	char reason[HZ_SDP_REASON_BYTES] = "";
	struct hz_sdp_offer *offer = NULL;
	call->brain->count.offers++;
	if (!hz_rate_allow(&call->p->offer_tokens_us, call->brain->now_us, OFFER_EVERY_US, OFFER_BURST)) {
		hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
		return;
	}
	int err = hz_sdp_parse_offer(json_string_value(sdp), json_string_length(sdp), reason, &offer);
	if (err == -ENOMEM) {
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
	} else if (err) {
		hz_call_refuse(call, HZ_RPC_SDP_REFUSED, "reason", err == -EMSGSIZE ? "too long" : reason);
	} else {
		apply_offer(call, offer);
		hz_sdp_offer_free(offer);
	}
	call->brain->count.offers_refused += call->code != 0;
}

void hz_call_trickle(struct hz_call *call)
{
	struct hz_peer *peer = ws_peer(call->p);
	const json_t *item, *items = json_object_get(call->params, "candidates");
	struct hz_candidate usable[HZ_MAX_CANDIDATES];
	unsigned count = 0;
	size_t i;
	if (!peer || strcmp(peer->cmd.remote_ufrag, text_of(call->params, "ufrag")) != 0)
		return; // of an offer that was refused, or of an earlier one
	json_array_foreach((json_t *)items, i, item)
	{
		int err = hz_sdp_take_candidate(json_string_value(item), &usable[count]);
		if (err == -EINVAL) {
			hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/candidates/%zu", i);
			return;
		}
		count += !err && count < HZ_MAX_CANDIDATES - 1;
	}
	hz_gather_remote(call->brain, peer, usable, count);
}

// --- subscribe

static hz_id track_id(const char *text)
{
	size_t digits = text && *text == 't' ? strspn(text + 1, "0123456789abcdef") : 0;
	return digits > 0 && digits <= 8 && !text[1 + digits] ? (hz_id)strtoul(text + 1, NULL, 16) : 0;
}

static struct hz_slot *wanted_slot(struct hz_call *call, const json_t *item, size_t i,
                                   struct hz_track **ret_track)
{
	const struct hz_peer *peer = ws_peer(call->p);
	struct hz_slot *slot = peer ? hz_slot_by_mid(peer, text_of(item, "mid")) : NULL;
	const char *id = text_of(item, "track");
	if (!slot) {
		hz_call_refuse_field(call, HZ_RPC_NOT_FOUND, "/items/%zu/mid", i);
		return NULL;
	}
	*ret_track = NULL;
	if (!id)
		return slot;
	if (strcmp(id, HZ_MIX) == 0 && (call->brain->mix || call->brain->picture)) {
		if (slot->cmd.kind == HZ_KIND_AUDIO ? call->brain->mix != NULL
		                                    : call->brain->picture && hz_picture_takes(slot))
			return slot;
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/items/%zu/track", i);
		return NULL;
	}
	if (strcmp(id, HZ_IMAGE) == 0 && call->brain->easel) {
		if (hz_picture_takes(slot))
			return slot;
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/items/%zu/track", i);
		return NULL;
	}
	struct hz_track *track = hz_track_find(call->brain, track_id(id));
	if (!track || !hz_slot_may_show(call->p, track)) {
		hz_call_refuse_field(call, HZ_RPC_NOT_FOUND, "/items/%zu/track", i);
		return NULL;
	}
	if (track->kind != slot->cmd.kind) {
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/items/%zu/track", i);
		return NULL;
	}
	*ret_track = track;
	return slot;
}

// Of the mix: what its client wants to hear.
static void set_language(struct hz_brain *brain, struct hz_slot *slot, const char *language)
{
	char wanted[HZ_LANGUAGE_BYTES] = "";
	snprintf(wanted, sizeof(wanted), "%s", language ? language : "");
	if (strcmp(slot->language, wanted) == 0)
		return;
	memcpy(slot->language, wanted, sizeof(wanted));
	hz_push_recount(brain, slot->peer->owner->consult);
}

static void set_quality(struct hz_slot *slot, const char *quality)
{
	if (!quality)
		return;
	slot->off = strcmp(quality, "off") == 0;
	if (strcmp(quality, "low") == 0)
		slot->cmd.max_layer = 0;
	else if (strcmp(quality, "medium") == 0)
		slot->cmd.max_layer = 1;
	else if (strcmp(quality, "high") == 0)
		slot->cmd.max_layer = 2;
}

static void set_priority(struct hz_slot *slot, const char *priority)
{
	if (priority)
		slot->cmd.priority = strcmp(priority, "high") == 0 ? HIGH_PRIORITY : 0;
}

void hz_call_subscribe(struct hz_call *call)
{
	const json_t *item, *items = json_object_get(call->params, "items");
	struct hz_track *track = NULL;
	size_t i;
	json_array_foreach((json_t *)items, i, item)
	{
		if (!wanted_slot(call, item, i, &track))
			return; // nothing was changed
	}
	json_array_foreach((json_t *)items, i, item)
	{
		struct hz_slot *slot = wanted_slot(call, item, i, &track);
		const char *id = text_of(item, "track");
		bool mix = id && strcmp(id, HZ_MIX) == 0, image = id && strcmp(id, HZ_IMAGE) == 0;
		if (!id && hz_mix_leave(call->brain, slot))
			continue; // it is heard until the voices are back
		if (!mix)
			hz_picture_leave(call->brain, slot);
		if (!image)
			hz_easel_leave(call->brain, slot);
		if (mix && slot->cmd.kind == HZ_KIND_AUDIO)
			hz_mix_listen(call->brain, slot);
		else if (!mix && !(image && slot->easel))
			hz_mix_show(call->brain, slot, track);
		set_language(call->brain, slot, slot->mix ? text_of(item, "language") : NULL);
		set_quality(slot, text_of(item, "quality"));
		if (mix && slot->cmd.kind == HZ_KIND_VIDEO)
			hz_picture_watch(call->brain, slot);
		if (image)
			hz_easel_watch(call->brain, slot);
		set_priority(slot, text_of(item, "priority"));
		hz_slot_set(call->brain, slot);
	}
}

void hz_call_track_update(struct hz_call *call)
{
	const json_t *muted = json_object_get(call->params, "muted");
	const char *label = text_of(call->params, "label");
	const json_t *language = json_object_get(call->params, "language");
	hz_id id = track_id(text_of(call->params, "track"));
	struct hz_track *track = hz_track_find(call->brain, id);
	bool own = track && track->peer->owner == call->p;
	if (!track || track->peer->owner->consult != call->p->consult ||
	    track->peer->owner->status != HZ_STATUS_ADMITTED) {
		hz_call_refuse_field(call, HZ_RPC_NOT_FOUND, "/track");
		return;
	}
	// A host may silence somebody; switching a microphone on again is its owner's alone.
	if (!own && (!(call->p->grants & HZ_GRANT_ADMIT) || label || language || !json_is_true(muted))) {
		hz_call_refuse(call, HZ_RPC_NOT_ALLOWED, NULL, NULL);
		return;
	}
	if (language && track->source != HZ_SOURCE_MICROPHONE) {
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/language");
		return;
	}
	if (muted && track->muted != json_is_true(muted))
		hz_record_event_of(
		    call->brain, track->peer->owner, json_is_true(muted) ? "mute" : "unmute",
		    json_pack("{s:s, s:s}", "source", hz_source_name(track->source), "by", call->p->id));
	if (muted)
		track->muted = json_is_true(muted);
	if (label)
		snprintf(track->label, sizeof(track->label), "%s", label);
	if (language) // null: it interprets no more
		snprintf(track->language, sizeof(track->language), "%s",
		         json_is_string(language) ? json_string_value(language) : "");
	hz_track_set(call->brain, track);
}

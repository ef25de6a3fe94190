// WHEP: who watches a participant, the mix, the images or the broadcast, and gets what.
#include <errno.h>
#include <string.h>

#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/consult.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/objects.h"
#include "gateway/session/offer.h"
#include "gateway/session/offer_lines.h"
#include "gateway/session/participant.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/slots.h"
#include "gateway/session/token.h"
#include "gateway/http/whip_internal.h"

static unsigned plan_watch(const struct hz_sdp_offer *offer, struct hz_plan *plan)
{
	unsigned lines = 0;
	uint8_t nth[2] = {0, 0};
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct hz_sdp_media *media = &offer->media[i];
		if (!hz_line_usable(media)) {
			plan->line[i].use = HZ_LINE_REJECT;
			continue;
		}
		if (!(media->direction & HZ_SDP_RECVONLY))
			continue;
		plan->line[i] = (struct hz_line){
		    .use = HZ_LINE_SLOT,
		    .group = plan->source,
		    .nth = nth[media->kind == HZ_SDP_AUDIO]++,
		};
		lines++;
	}
	return lines;
}

// What is more than these is rejected.
static void plan_most(const struct hz_sdp_offer *offer, struct hz_plan *plan, unsigned pictures,
                      unsigned voices)
{
	for (unsigned i = 0; i < offer->media_count; i++) {
		unsigned most = offer->media[i].kind == HZ_SDP_AUDIO ? voices : pictures;
		if (plan->line[i].use == HZ_LINE_SLOT && plan->line[i].nth >= most)
			plan->line[i].use = HZ_LINE_REJECT;
	}
}

// A viewer of the broadcast: nobody's participant, and one picture at most.
static enum hz_whip_code watch(struct hz_whip_door *door, const char *text, size_t bytes,
                               struct hz_whip_session *ret)
{
	struct hz_brain *brain = door->brain;
	struct hz_plan plan = {.kind = HZ_PEER_WHEP, .source = HZ_PROGRAM, .viewer = door->claims.sub};
	struct hz_sdp_offer *offer = NULL;
	struct hz_consult *consult = NULL;
	struct hz_participant *viewers = NULL;
	int err = hz_consult_get(brain, door->claims.consult, &consult);
	if (err)
		return err == -ENOENT || err == -ESTALE ? HZ_WHIP_NOT_FOUND : hz_whip_code_of(err);
	err = hz_token_check(brain, &door->claims, consult->id);
	if (err)
		return hz_whip_code_of(err);
	if (door->claims.needs_admission)
		return HZ_WHIP_FORBIDDEN;
	if (brain->draining)
		return HZ_WHIP_BUSY;
	err = hz_viewers_enter(brain, consult, door->claims.sub, &viewers);
	if (err)
		return err == -ENOENT ? HZ_WHIP_NOT_FOUND : hz_whip_code_of(err);
	enum hz_whip_code code = hz_whip_offer_parse(text, bytes, ret, &offer);
	if (!code && plan_watch(offer, &plan) == 0)
		code = hz_whip_bad_sdp(ret, "no m-line that receives Opus, H.264, VP8, VP9 or AV1");
	if (!code)
		plan_most(offer, &plan, 1, HZ_BROADCAST_VOICES);
	if (!code)
		code = hz_whip_door_make(door, viewers, offer, &plan, ret);
	if (!code)
		hz_viewers_follow(brain, consult);
	hz_sdp_offer_free(offer);
	brain->count.whep += code == HZ_WHIP_OK;
	return code;
}

// Somebody else publishes, and it can be mixed.
static bool is_mixed(const struct hz_brain *brain, const struct hz_participant *p)
{
	for (const struct hz_participant *other = p->consult->participants; other; other = other->next) {
		if (other != p && other->status == HZ_STATUS_ADMITTED && hz_tracks_count(other))
			return brain->mix || brain->picture;
	}
	return false;
}

static void show_image(struct hz_brain *brain, const struct hz_whip_session *session)
{
	const struct hz_peer *peer = hz_map_get(brain->resources, session->resource);
	for (struct hz_slot *slot = peer ? peer->slots : NULL; slot; slot = slot->next) {
		if (hz_picture_takes(slot) && !slot->nth)
			hz_easel_watch(brain, slot);
		hz_slot_set(brain, slot);
	}
}

// One sound and one picture of everybody; a second one of the participant takes the sound.
static void show_mix(struct hz_brain *brain, const struct hz_whip_session *session)
{
	const struct hz_peer *peer = hz_map_get(brain->resources, session->resource);
	for (struct hz_slot *slot = peer ? peer->slots : NULL; slot; slot = slot->next) {
		if (slot->cmd.kind == HZ_KIND_AUDIO && brain->mix)
			hz_mix_listen(brain, slot);
		else if (hz_picture_takes(slot) && brain->picture)
			hz_picture_watch(brain, slot);
		hz_slot_set(brain, slot);
	}
}

enum hz_whip_code hz_whip_subscribe(void *ctx, struct hz_whip_call *call, const char *text, size_t bytes,
                                    struct hz_whip_session *ret)
{
	struct hz_whip_door *door = ctx;
	struct hz_plan plan = {.kind = HZ_PEER_WHEP, .source = call->source};
	struct hz_sdp_offer *offer = NULL;
	struct hz_participant *p = NULL;
	if (strcmp(call->source, HZ_PROGRAM) == 0)
		return watch(door, text, bytes, ret);
	if (!(door->claims.grants & HZ_GRANT_SUBSCRIBE))
		return HZ_WHIP_FORBIDDEN;
	enum hz_whip_code code = hz_whip_door_enter(door, call, &p);
	if (code)
		return code;
	bool mix = strcmp(call->source, HZ_MIX) == 0, image = strcmp(call->source, HZ_IMAGE) == 0;
	const struct hz_participant *source =
	    mix || image ? NULL : hz_participant_find(p->consult, call->source);
	if (mix     ? !is_mixed(door->brain, p)
	    : image ? !hz_easel_available(door->brain, p->consult)
	            : !source || source == p || source->status != HZ_STATUS_ADMITTED ||
	                  hz_tracks_count(source) == 0)
		code = HZ_WHIP_NOT_FOUND;
	if (!code)
		code = hz_whip_offer_parse(text, bytes, ret, &offer);
	if (!code && plan_watch(offer, &plan) == 0)
		code = hz_whip_bad_sdp(ret, "no m-line that receives Opus, H.264, VP8, VP9 or AV1");
	if (!code && (mix || image))
		plan_most(offer, &plan, 1, 1);
	if (!code)
		code = hz_whip_door_make(door, p, offer, &plan, ret);
	if (!code && mix)
		show_mix(door->brain, ret);
	if (!code && image)
		show_image(door->brain, ret);
	if (!code)
		hz_slots_follow(door->brain, p->consult);
	hz_sdp_offer_free(offer);
	door->brain->count.whep += code == HZ_WHIP_OK;
	if (code)
		hz_participant_maybe_leave(door->brain, p);
	return code;
}

// The `state` push (docs/PROTOCOL.md): everything one participant may know.
#include <stdio.h>

#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/record/consent.h"
#include "gateway/session/composed/layout.h"
#include "gateway/session/participant.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/composed/picture.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record.h"

static json_t *track_json(const struct hz_track *track)
{
	char id[16];
	int layers = 0;
	snprintf(id, sizeof(id), "t%x", track->id);
	for (unsigned bits = track->layers; bits; bits >>= 1)
		layers += bits & 1;
	json_t *json =
	    json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:s, s:i}", "id", id, "kind",
	              track->kind == HZ_KIND_AUDIO ? "audio" : "video", "source",
	              hz_source_name(track->source), "label", track->label, "muted", track->muted, "active",
	              track->active, "codec", hz_codec_name(track->codec), "layers", layers > 3 ? 3 : layers);
	if (json && track->language[0])
		json_object_set_new(json, "language", json_string(track->language));
	return json;
}

static const char *status_name(const struct hz_participant *p)
{
	if (hz_participant_away(p))
		return "away";
	return p->status == HZ_STATUS_LOBBY ? "lobby" : "admitted";
}

static int64_t waiting_s(const struct hz_brain *brain, const struct hz_participant *p)
{
	int64_t ms = p->status == HZ_STATUS_LOBBY ? brain->wall_ms - p->arrival_ms : 0;
	return ms > 0 ? ms / 1000 : 0;
}

json_t *hz_participant_json(struct hz_brain *brain, const struct hz_participant *p, bool waiting)
{
	json_t *tracks = json_array();
	for (struct hz_peer *peer = waiting ? NULL : p->peers; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next)
			json_array_append_new(tracks, track_json(track));
	}
	json_t *json =
	    json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:o}", "id", p->id, "name", p->name, "role",
	              hz_role_name(p->role), "status", status_name(p), "hand", p->hand, "quality",
	              hz_quality_name(p->quality), "joined_ms", (json_int_t)p->joined_ms, "tracks", tracks);
	if (json)
		json_object_set_new(json, "consent", json_string(hz_consent_name(p->consent)));
	if (json && waiting)
		json_object_set_new(json, "waiting_s", json_integer(waiting_s(brain, p)));
	return json;
}

static json_t *you_json(struct hz_brain *brain, const struct hz_participant *p)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:I, s:b, s:s}", "id", p->id, "role", hz_role_name(p->role),
	                 "status", p->status == HZ_STATUS_LOBBY ? "lobby" : "admitted", "position",
	                 (int)hz_lobby_position(p), "waiting_s", (json_int_t)waiting_s(brain, p), "hand",
	                 p->hand, "consent", hz_consent_name(p->consent));
}

// For `to`: hosts see who is not recorded.
static json_t *list(struct hz_brain *brain, const struct hz_participant *to, uint8_t status)
{
	json_t *items = json_array();
	for (const struct hz_participant *p = to->consult->participants; p; p = p->next) {
		json_t *item =
		    p->status == status ? hz_participant_json(brain, p, status == HZ_STATUS_LOBBY) : NULL;
		if (item && p != to && !hz_record_host(to))
			json_object_del(item, "consent");
		if (item)
			json_array_append_new(items, item);
	}
	return items;
}

json_t *hz_state_json(struct hz_brain *brain, const struct hz_participant *p)
{
	const struct hz_consult *consult = p->consult;
	json_t *json = json_pack("{s:I, s:o, s:{s:s, s:s, s:s}}", "version", (json_int_t)consult->version,
	                         "you", you_json(brain, p), "consult", "id", consult->id, "title",
	                         consult->title, "status", "open");
	bool inside = p->status == HZ_STATUS_ADMITTED;
	if (!json)
		return NULL;
	json_t *about = json_object_get(json, "consult");
	json_object_set_new(about, "record", hz_record_json(brain, consult, inside));
	if (!inside)
		return json;
	json_object_set_new(about, "mix", json_boolean(brain->mix));
	json_object_set_new(about, "picture", json_boolean(hz_picture_available(brain, consult)));
	json_object_set_new(about, "image", json_boolean(hz_easel_available(brain, p->consult)));
	json_object_set_new(about, "layout", hz_layout_json(&consult->layout));
	json_object_set_new(about, "recording", json_boolean(hz_record_sign(brain, consult) == HZ_SIGN_ON));
	if (consult->broadcast) // everybody inside is told that there is one
		json_object_set_new(about, "broadcast",
		                    p->grants & HZ_GRANT_DIRECT
		                        ? hz_broadcast_json(brain, consult)
		                        : json_pack("{s:s}", "state", hz_broadcast_state(consult)));
	json_object_set_new(json, "participants", list(brain, p, HZ_STATUS_ADMITTED));
	if (p->grants & HZ_GRANT_ADMIT)
		json_object_set_new(json, "lobby", list(brain, p, HZ_STATUS_LOBBY));
	return json;
}

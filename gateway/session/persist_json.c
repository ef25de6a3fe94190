#include "gateway/session/persist_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/session/composed/mix.h"

json_t *hz_peer_to_json(const struct hz_peer *peer)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "kind", peer->kind, "resource",
	                 peer->resource, "source", peer->source, "mid", peer->first_mid, "offer",
	                 (json_int_t)peer->offer_session, "answer", (json_int_t)peer->answer_session,
	                 "version", (json_int_t)peer->answer_version, "receives", (json_int_t)peer->receives,
	                 "identity", (json_int_t)peer->identity);
}

json_t *hz_track_to_json(const struct hz_track *track)
{
	return json_pack("{s:i, s:s, s:b, s:i, s:I, s:I, s:I, s:s}", "source", track->source, "label",
	                 track->label, "muted", track->muted, "codec", track->codec, "offered",
	                 (json_int_t)track->offered, "tap", (json_int_t)track->tap_key, "since",
	                 (json_int_t)track->tap_since_us, "language", track->language);
}

json_t *hz_slot_to_json(const struct hz_slot *slot)
{
	// `picture` is the highest size and one; 0: it shows none
	return json_pack("{s:s, s:i, s:i, s:s, s:i, s:b}", "group", slot->group, "nth", slot->nth, "mix",
	                 slot->mix, "language", slot->language, "picture",
	                 slot->picture ? slot->picture_cap + 1 : 0, "easel", slot->easel);
}

json_t *hz_relay_of_to_json(const struct hz_track *relay)
{
	return json_pack("{s:I}", "of", (json_int_t)relay->of);
}

json_t *hz_participant_to_json(const struct hz_participant *p)
{
	return json_pack("{s:s, s:s, s:I, s:i, s:b, s:I, s:I, s:I, s:s, s:b, s:s}", "name", p->name, "role",
	                 hz_role_name(p->role), "grants", (json_int_t)p->grants, "status", p->status, "hand",
	                 p->hand, "joined", (json_int_t)p->joined_ms, "arrival", (json_int_t)p->arrival_ms,
	                 "admitted", (json_int_t)p->admitted_ms, "by", p->admitted_by, "ws", p->has_session,
	                 "session", p->session);
}

// Copies a text that fits.
static bool take(char *to, size_t bytes, const char *from)
{
	return snprintf(to, bytes, "%s", from) < (int)bytes;
}

int hz_peer_from_json(const char *text, struct hz_peer *peer)
{
	int kind = 0;
	const char *resource, *source, *mid;
	json_int_t offer, answer, version, receives,
	    identity = 0; // the last is not in what earlier versions left
	json_t *json = json_loads(text, 0, NULL);
	int err = -EINVAL;
	if (json &&
	    json_unpack(json, "{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s?I}", "kind", &kind, "resource",
	                &resource, "source", &source, "mid", &mid, "offer", &offer, "answer", &answer,
	                "version", &version, "receives", &receives, "identity", &identity) == 0 &&
	    kind >= HZ_PEER_WS && kind <= HZ_PEER_WHEP &&
	    take(peer->resource, sizeof(peer->resource), resource) &&
	    take(peer->source, sizeof(peer->source), source) &&
	    take(peer->first_mid, sizeof(peer->first_mid), mid)) {
		peer->kind = (uint8_t)kind;
		peer->offer_session = (uint64_t)offer;
		peer->answer_session = (uint64_t)answer;
		peer->answer_version = (uint64_t)version;
		peer->receives = (uint32_t)receives;
		peer->identity = (uint32_t)identity;
		err = 0;
	}
	json_decref(json);
	return err;
}

int hz_track_from_json(const char *text, struct hz_track *track)
{
	int source = 0, muted = 0, codec = 0;
	const char *label, *language = "";
	json_int_t offered, tap = 0,
	                    since = 0; // the last two and the language are not in what earlier versions left
	json_t *json = json_loads(text, 0, NULL);
	int err = -EINVAL;
	if (json &&
	    json_unpack(json, "{s:i, s:s, s:b, s:i, s:I, s?I, s?I, s?s}", "source", &source, "label", &label,
	                "muted", &muted, "codec", &codec, "offered", &offered, "tap", &tap, "since", &since,
	                "language", &language) == 0 &&
	    take(track->language, sizeof(track->language), language) && tap >= 0 && tap <= UINT32_MAX &&
	    source >= 0 && source < HZ_SOURCE_COUNT && codec >= 0 && codec < HZ_CODEC_COUNT &&
	    take(track->label, sizeof(track->label), label)) {
		track->source = (uint8_t)source;
		track->muted = muted != 0;
		track->codec = (uint8_t)codec;
		track->offered = (uint32_t)offered;
		track->tap_key = (uint32_t)tap;
		track->tap_since_us = since;
		err = 0;
	}
	json_decref(json);
	return err;
}

int hz_slot_from_json(const char *text, struct hz_slot *slot)
{
	int nth = 0, mix = 0, picture = 0, easel = 0;
	const char *group,
	    *language = ""; // mix, language, picture and easel are not in what earlier versions left
	json_t *json = json_loads(text, 0, NULL);
	int err = -EINVAL;
	if (json &&
	    json_unpack(json, "{s:s, s:i, s?i, s?s, s?i, s?b}", "group", &group, "nth", &nth, "mix", &mix,
	                "language", &language, "picture", &picture, "easel", &easel) == 0 &&
	    picture >= 0 && picture <= HZ_MAX_LAYERS &&
	    take(slot->language, sizeof(slot->language), language) &&
	    take(slot->group, sizeof(slot->group), group)) {
		slot->nth = (uint8_t)nth;
		slot->picture = picture > 0;
		slot->easel = easel && !picture;
		slot->picture_cap = (uint8_t)(picture ? picture - 1 : 0);
		slot->mix = mix == HZ_MIX_WANTED ? HZ_MIX_WANTED : HZ_MIX_NONE;
		err = 0;
	}
	json_decref(json);
	return err;
}

int hz_relay_of_from_json(const char *text, hz_id *ret)
{
	json_int_t of = 0;
	json_t *json = json_loads(text, 0, NULL);
	int err = -EINVAL;
	if (json && json_unpack(json, "{s:I}", "of", &of) == 0 && of > 0 && of <= UINT32_MAX) {
		*ret = (hz_id)of;
		err = 0;
	}
	json_decref(json);
	return err;
}

int hz_participant_from_json(const char *text, struct hz_participant *p)
{
	int status = 0, hand = 0, ws = 0;
	const char *name, *role, *by, *session;
	json_int_t grants, joined, arrival, admitted;
	json_t *json = json_loads(text, 0, NULL);
	int err = -EINVAL;
	if (json &&
	    json_unpack(json, "{s:s, s:s, s:I, s:i, s:b, s:I, s:I, s:I, s:s, s:b, s:s}", "name", &name,
	                "role", &role, "grants", &grants, "status", &status, "hand", &hand, "joined", &joined,
	                "arrival", &arrival, "admitted", &admitted, "by", &by, "ws", &ws, "session",
	                &session) == 0 &&
	    (status == HZ_STATUS_LOBBY || status == HZ_STATUS_ADMITTED) &&
	    hz_role_parse(role) != HZ_ROLE_NONE && take(p->name, sizeof(p->name), name) &&
	    take(p->admitted_by, sizeof(p->admitted_by), by) &&
	    take(p->session, sizeof(p->session), session)) {
		p->role = hz_role_parse(role);
		p->grants = (uint32_t)grants;
		p->status = (uint8_t)status;
		p->hand = hand != 0;
		p->joined_ms = joined;
		p->arrival_ms = arrival;
		p->admitted_ms = admitted;
		p->has_session = ws != 0;
		err = 0;
	}
	json_decref(json);
	return err;
}

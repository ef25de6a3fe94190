// Theatre sources as they are shown.
#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/theatre.h"
#include "media/ingest/url.h"

json_t *hz_theatre_definition(const struct hz_theatre_source *s, const char *key, const char *address)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:i}", "name", s->name, "kind", hz_source_name(s->kind),
	                 key, address, "loop", s->loop, "enabled", s->enabled, "sync_ms", (int)s->sync_ms);
}

static const char *codec_of(const struct hz_ingest_status *m, bool video)
{
	if (video)
		return m->name;
	return m->audio == HZ_CODEC_OPUS ? "opus" : "";
}

bool hz_theatre_withheld(const struct hz_brain *brain, const struct hz_theatre_source *s)
{
	static const struct hz_broadcast none; // nobody said anything: as its kind
	const struct hz_consult *consult = hz_map_get(brain->consults, s->consult);
	const struct hz_broadcast *said = consult ? consult->broadcast : NULL;
	struct hz_broadcast_source of = {.source = s->kind};
	snprintf(of.participant, sizeof(of.participant), "%s", s->id);
	if (!said && consult)
		said = consult->kept; // of the broadcast before
	return hz_mask_need(said ? said : &none, &of, NULL) != HZ_MASK_FREE;
}

static const char *state_of(const struct hz_brain *brain, const struct hz_theatre_source *s)
{
	if (s->locked)
		return "locked";
	if (!s->enabled)
		return "off";
	return brain->theatre->pipe.fd < 0 ? "unavailable" : hz_ingest_state_name(s->status.state);
}

// What is measured of it.
static json_t *figures(const struct hz_ingest_status *m)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:b, s:b, s:b, s:I, s:I, s:I, s:I}", "reason",
	                 hz_ingest_reason_name(m->reason), "video", codec_of(m, true), "audio",
	                 codec_of(m, false), "width", (int)m->width, "height", (int)m->height, "fps",
	                 (double)(m->rate / 100) / 10, "passed_video", m->passed_video != 0, "passed_audio",
	                 m->passed_audio != 0, "synced", m->synced != 0, "bitrate_bps",
	                 (json_int_t)m->bitrate, "attempts", (json_int_t)m->attempts, "restarts",
	                 (json_int_t)m->restarts, "keyframes_unmet", (json_int_t)m->keyframes);
}

json_t *hz_theatre_json(const struct hz_brain *brain, const struct hz_theatre_source *s)
{
	char shown[HZ_INGEST_URL_BYTES] = "";
	if (s->url[0])
		hz_ingest_url_show(s->url, shown, sizeof(shown));
	bool withheld = hz_theatre_withheld(brain, s);
	json_t *json = hz_theatre_definition(s, "url", shown), *more = figures(&s->status);
	json_t *about =
	    json_pack("{s:s, s:s, s:I, s:b, s:o}", "id", s->id, "state", state_of(brain, s), "since_ms",
	              (json_int_t)s->since_ms, "withheld", withheld, "thumbnail_ms",
	              s->picture && !withheld ? json_integer((json_int_t)s->picture_ms) : json_null());
	if (!json || !more || !about || json_object_update(json, more) || json_object_update(json, about)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	json_decref(about);
	return json;
}

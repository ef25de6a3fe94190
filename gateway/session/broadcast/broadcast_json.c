#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast/audience.h"
#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast_internal.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/session/broadcast/targets.h"
#include "signaling/auth/names.h"

json_t *hz_broadcast_source_json(const struct hz_broadcast_source *source)
{
	return json_pack("{s:s, s:s}", "participant", source->participant, "source",
	                 hz_source_name(source->source));
}

int hz_broadcast_source_parse(const json_t *json, struct hz_broadcast_source *ret)
{
	const char *participant = json_string_value(json_object_get(json, "participant"));
	const char *source = json_string_value(json_object_get(json, "source"));
	if (!participant || !source || hz_source_parse(source, &ret->source) ||
	    ret->source == HZ_SOURCE_MICROPHONE)
		return -EINVAL;
	bool table = strcmp(participant, HZ_TABLE) == 0 && ret->source == HZ_SOURCE_IMAGE;
	if (!table && !hz_id_valid(participant))
		return -EINVAL;
	snprintf(ret->participant, sizeof(ret->participant), "%s", participant);
	return 0;
}

static void copy_text(const json_t *json, const char *key, char *ret, size_t bytes)
{
	const char *text = json_string_value(json_object_get(json, key));
	snprintf(ret, bytes, "%s", text ? text : "");
}

int hz_broadcast_parse(const json_t *body, struct hz_broadcast *ret, const char **ret_field)
{
	struct hz_broadcast b = {.delay_s = HZ_BROADCAST_DELAY_S};
	const json_t *delay = json_object_get(body, "delay_s"), *item;
	size_t i;
	copy_text(body, "title", b.title, sizeof(b.title));
	copy_text(body, "text", b.text, sizeof(b.text));
	if (delay)
		b.delay_s = (unsigned)json_integer_value(delay);
	*ret_field = "/sources";
	json_array_foreach(json_object_get(body, "sources"), i, item)
	{
		if (i >= HZ_BROADCAST_SOURCES || hz_broadcast_source_parse(item, &b.source[i]) ||
		    hz_broadcast_allowed(&b, &b.source[i]))
			return -EINVAL;
		b.source_count++;
	}
	*ret_field = "/voices";
	json_array_foreach(json_object_get(body, "voices"), i, item)
	{
		const char *id = json_string_value(item);
		if (i >= HZ_BROADCAST_VOICES || !id || !hz_id_valid(id))
			return -EINVAL;
		for (unsigned k = 0; k < b.voice_count; k++) {
			if (strcmp(b.voice[k], id) == 0)
				return -EINVAL;
		}
		snprintf(b.voice[b.voice_count++], sizeof(b.voice[0]), "%s", id);
	}
	*ret = b;
	return 0;
}

static json_t *past_json(const struct hz_broadcast *b)
{
	json_t *past = json_array();
	for (unsigned i = 0; i < b->past_count; i++)
		json_array_append_new(past, json_string(b->past[i]));
	return past;
}

json_t *hz_broadcast_definition(const struct hz_broadcast *b)
{
	json_t *sources = json_array(), *voices = json_array();
	for (unsigned i = 0; i < b->source_count; i++)
		json_array_append_new(sources, hz_broadcast_source_json(&b->source[i]));
	for (unsigned i = 0; i < b->voice_count; i++)
		json_array_append_new(voices, json_string(b->voice[i]));
	json_t *json = json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:I, s:n}", "title", b->title, "text",
	                         b->text, "delay_s", (int)b->delay_s, "sources", sources, "voices", voices,
	                         "on_air", b->on_air ? hz_broadcast_source_json(&b->air) : json_null(),
	                         "since_ms", (json_int_t)b->since_ms, "cut");
	json_object_set_new(json, "text_shown", json_boolean(!b->text_hidden));
	json_object_set_new(json, "past", past_json(b));
	if (json_object_set_new(json, "masks",
	                        hz_masks_json(b)) || // better nothing than one without its masks
	    (b->on_air && hz_beside_json(&b->beside, json))) {
		json_decref(json);
		return NULL;
	}
	if (!json || !b->cut)
		return json;
	if (!json_object_set_new(json, "cut",
	                         json_pack("{s:I, s:s, s:s}", "at_ms", (json_int_t)b->cut_ms, "by", b->cut_by,
	                                   "reason", b->reason)))
		return json;
	json_decref(json); // better nothing than a broadcast that is not cut
	return NULL;
}

json_t *hz_broadcast_row(const struct hz_broadcast *b)
{
	json_t *json = hz_broadcast_definition(b);
	json_t *more =
	    json_pack("{s:s, s:I, s:I, s:b, s:I, s:I}", "hls", b->hls, "mask_version",
	              (json_int_t)b->mask_version, "clean", (json_int_t)b->clean, "ended", b->ended,
	              "air_version", (json_int_t)b->air_version, "table", (json_int_t)b->table);
	bool bad = !json || !more || json_object_update(json, more);
	json_decref(more);
	if (!bad)
		return json;
	json_decref(json);
	return NULL;
}

static void past_load(const json_t *past, struct hz_broadcast *ret)
{
	const json_t *item;
	size_t i;
	json_array_foreach(past, i, item)
	{
		if (ret->past_count < HZ_BROADCAST_PAST && json_is_string(item))
			snprintf(ret->past[ret->past_count++], sizeof(ret->past[0]), "%s",
			         json_string_value(item));
	}
}

int hz_broadcast_definition_load(const char *text, struct hz_broadcast *ret)
{
	const char *field;
	json_t *json = json_loads(text, 0, NULL);
	int err = json ? hz_broadcast_parse(json, ret, &field) : -EINVAL;
	if (!err) {
		const json_t *cut = json_object_get(json, "cut");
		err = hz_masks_load(json, ret);
		ret->ended = json_is_true(json_object_get(json, "ended"));
		ret->on_air = hz_broadcast_source_parse(json_object_get(json, "on_air"), &ret->air) == 0 &&
		              hz_beside_parse(json, &ret->beside) == 0;
		if (!hz_air_good(ret))
			hz_air_set(ret, NULL);
		ret->air_version = (uint32_t)json_integer_value(json_object_get(json, "air_version"));
		ret->table = (uint32_t)json_integer_value(json_object_get(json, "table"));
		if (ret->air_version > ret->mask_version)
			ret->mask_version = ret->air_version;
		ret->since_ms = json_integer_value(json_object_get(json, "since_ms"));
		ret->cut = json_is_object(cut);
		ret->cut_ms = json_integer_value(json_object_get(cut, "at_ms"));
		copy_text(json, "hls", ret->hls, sizeof(ret->hls));
		copy_text(cut, "by", ret->cut_by, sizeof(ret->cut_by));
		copy_text(cut, "reason", ret->reason, sizeof(ret->reason));
		ret->text_hidden = json_is_false(json_object_get(json, "text_shown"));
		past_load(json_object_get(json, "past"), ret);
	}
	json_decref(json);
	return err;
}

const char *hz_broadcast_state(const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	if (!b)
		return "off";
	return b->cut ? "cut" : b->on_air ? "live" : "ready";
}

json_t *hz_broadcast_json(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	json_t *json = b ? hz_broadcast_definition(b) : NULL;
	if (!json)
		return NULL;
	if (b->mask_count)
		json_object_set_new(json, "masks_confirmed_ms",
		                    b->masked_ms ? json_integer(b->masked_ms) : json_null());
	json_object_set_new(json, "state", json_string(hz_broadcast_state(consult)));
	json_object_set_new(json, "viewers", json_integer(hz_audience_viewers(consult)));
	json_object_set_new(json, "viewers_delayed", json_integer(hz_audience_watching(consult)));
	json_object_set_new(json, "hls", json_string(hz_hls_state(brain, consult)));
	json_t *cut = b->cut ? json_object_get(json, "cut") : NULL;
	json_object_set_new(cut, "confirmed_ms",
	                    b->confirmed_ms ? json_integer(b->confirmed_ms) : json_null());
	json_object_set_new(cut, "unsaved", json_boolean(b->unsaved));
	if (consult->targets)
		json_object_set_new(json, "targets", hz_targets_json(brain, consult));
	if (b->fade_us)
		json_object_set_new(json, "fade_to", hz_broadcast_source_json(&b->fade_to.first));
	if (b->on_air)
		json_object_set_new(json, "masked", json_string(hz_masks_state(brain, consult)));
	if (consult->audience)
		json_object_set_new(json, "audience", hz_audience_desk_json(consult->audience));
	return json;
}

json_t *hz_broadcast_watch_json(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	bool third = b && !b->text_hidden && !b->cut; // it may be what was cut
	bool counted = !consult->audience || consult->audience->is.count;
	bool slate = strcmp(hz_masks_state(brain, consult), "slate") == 0;
	return json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:b}", "state", hz_broadcast_state(consult), "title",
	                 b ? b->title : "", "text", third ? b->text : "", "began", b && b->since_ms,
	                 "viewers", counted ? json_integer(hz_audience_viewers(consult)) : json_null(), "hls",
	                 hz_hls_watch_json(brain, consult), "slate", slate);
}

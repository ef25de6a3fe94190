#include "gateway/session/broadcast_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/audience.h"
#include "gateway/session/brain.h"
#include "gateway/session/hls.h"
#include "gateway/session/media_link.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/session/picture.h"
#include "gateway/session/push.h"
#include "gateway/store/broadcasts.h"
#include "signaling/auth/names.h"

bool hz_broadcast_same(const struct hz_broadcast_source *a, const struct hz_broadcast_source *b)
{
	return a->source == b->source && strcmp(a->participant, b->participant) == 0;
}

static bool allowed(const struct hz_broadcast *b, const struct hz_broadcast_source *source)
{
	for (unsigned i = 0; i < b->source_count; i++) {
		if (hz_broadcast_same(&b->source[i], source))
			return true;
	}
	return false;
}

static bool showable(const struct hz_broadcast *b, const struct hz_broadcast_source *source)
{
	return allowed(b, source) && hz_mask_need(b, source, NULL) != HZ_MASK_MISSING;
}

int hz_broadcast_may_air(const struct hz_brain *brain, const struct hz_broadcast *b,
                         const struct hz_broadcast_source *source)
{
	if (!allowed(b, source))
		return -EACCES;
	switch (hz_mask_need(b, source, NULL)) {
	case HZ_MASK_MISSING:
		return -EPERM;
	case HZ_MASK_MASKED:
		return brain->picture ? 0 : -ENOTSUP;
	default:
		return 0;
	}
}

// --- JSON

json_t *hz_broadcast_source_json(const struct hz_broadcast_source *source)
{
	return json_pack("{s:s, s:s}", "participant", source->participant, "source",
	                 hz_source_name(source->source));
}

int hz_broadcast_source_parse(const json_t *json, struct hz_broadcast_source *ret)
{
	const char *participant = json_string_value(json_object_get(json, "participant"));
	const char *source = json_string_value(json_object_get(json, "source"));
	if (!participant || !hz_id_valid(participant) || !source || hz_source_parse(source, &ret->source) ||
	    ret->source == HZ_SOURCE_MICROPHONE)
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
		    allowed(&b, &b.source[i]))
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

// What both the store and directors know.
static json_t *definition_json(const struct hz_broadcast *b)
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
	                        hz_masks_json(b))) { // better nothing than one without its masks
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

static int definition_load(const char *text, struct hz_broadcast *ret)
{
	const char *field;
	json_t *json = json_loads(text, 0, NULL);
	int err = json ? hz_broadcast_parse(json, ret, &field) : -EINVAL;
	if (!err) {
		const json_t *cut = json_object_get(json, "cut");
		hz_masks_load(json, ret);
		ret->on_air = hz_broadcast_source_parse(json_object_get(json, "on_air"), &ret->air) == 0 &&
		              showable(ret, &ret->air);
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

static const char *masked_state(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	if (!b || !b->on_air || hz_mask_need(b, &b->air, NULL) == HZ_MASK_FREE)
		return "open";
	return hz_picture_available(brain, consult) ? "masked" : "slate";
}

json_t *hz_broadcast_json(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	json_t *json = b ? definition_json(b) : NULL;
	if (!json)
		return NULL;
	json_object_set_new(json, "state", json_string(hz_broadcast_state(consult)));
	json_object_set_new(json, "viewers", json_integer(hz_viewers_count(consult)));
	json_object_set_new(json, "hls", json_string(hz_hls_state(brain, consult)));
	json_t *cut = b->cut ? json_object_get(json, "cut") : NULL;
	json_object_set_new(cut, "confirmed_ms",
	                    b->confirmed_ms ? json_integer(b->confirmed_ms) : json_null());
	json_object_set_new(cut, "unsaved", json_boolean(b->unsaved));
	if (b->fade_us)
		json_object_set_new(json, "fade_to", hz_broadcast_source_json(&b->fade_to));
	if (b->on_air)
		json_object_set_new(json, "masked", json_string(masked_state(brain, consult)));
	if (consult->audience)
		json_object_set_new(json, "audience", hz_audience_desk_json(consult->audience));
	return json;
}

json_t *hz_broadcast_watch_json(const struct hz_brain *brain, const struct hz_consult *consult)
{
	const struct hz_broadcast *b = consult->broadcast;
	bool third = b && !b->text_hidden && !b->cut; // it may be what was cut
	bool counted = !consult->audience || consult->audience->is.count;
	bool slate = strcmp(masked_state(brain, consult), "slate") == 0;
	return json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:b}", "state", hz_broadcast_state(consult), "title",
	                 b ? b->title : "", "text", third ? b->text : "", "began", b && b->since_ms,
	                 "viewers", counted ? json_integer(hz_viewers_count(consult)) : json_null(), "hls",
	                 hz_hls_watch_json(brain, consult), "slate", slate);
}

// --- doing

int hz_broadcast_note(struct hz_brain *brain, const struct hz_consult *consult, const struct hz_broadcast *b,
                      const char *by, const char *type, json_t *detail)
{
	json_t *json = b ? definition_json(b) : NULL;
	if (json && json_object_set_new(json, "hls", json_string(b->hls))) {
		json_decref(json);
		json = NULL;
	}
	char *state = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
	int err = b && !state ? -ENOMEM : 0;
	const struct hz_broadcast_event_row row = {.consult = consult->id,
	                                           .participant = by,
	                                           .type = type,
	                                           .detail = text ? text : "{}",
	                                           .time_ms = brain->wall_ms};
	if (brain->store && !err) {
		hz_persist_flush(brain); // what others wrote is not this one's to roll back
		err = hz_store_broadcast_put(brain->store, consult->id, state);
		if (!err)
			err = hz_store_broadcast_event_add(brain->store, &row);
		if (err)
			hz_store_rollback(brain->store);
		else
			err = hz_persist_commit(brain);
	}
	hz_info("broadcast.event", "consult=%s participant=%s type=%s err=%d", consult->id, by, type, -err);
	free(text);
	free(state);
	json_decref(json);
	json_decref(detail);
	return err;
}

void hz_broadcast_changed(struct hz_brain *brain, struct hz_consult *consult)
{
	hz_audience_touch(brain, consult, true);
	hz_viewers_follow(brain, consult);
	hz_hls_recount(brain, consult);
	hz_push_state(brain, consult);
}

int hz_broadcast_put(struct hz_brain *brain, struct hz_consult *consult, const struct hz_broadcast *wish,
                     const char *by)
{
	const struct hz_broadcast *old = consult->broadcast;
	struct hz_broadcast *fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return -ENOMEM;
	if (old)
		*fresh = *old;
	else
		memset(fresh, 0, sizeof(*fresh));
	memcpy(fresh->title, wish->title, sizeof(fresh->title));
	memcpy(fresh->text, wish->text, sizeof(fresh->text));
	memcpy(fresh->source, wish->source, sizeof(fresh->source));
	memcpy(fresh->voice, wish->voice, sizeof(fresh->voice));
	fresh->delay_s = wish->delay_s;
	fresh->source_count = wish->source_count;
	fresh->voice_count = wish->voice_count;
	fresh->on_air = fresh->on_air && showable(fresh, &fresh->air);
	if (!fresh->mask_version)
		hz_masks_renew(fresh);
	if (!fresh->hls[0])
		hz_hls_name(fresh->hls);
	int err = hz_broadcast_note(brain, consult, fresh, by, "put", definition_json(fresh));
	if (err) {
		free(fresh);
		return err;
	}
	free(consult->broadcast);
	consult->broadcast = fresh;
	hz_broadcast_changed(brain, consult);
	return !old ? hz_audience_begin(brain, consult) : 0;
}

// The newest first, each once.
static void remember(struct hz_broadcast *b, const char *text)
{
	unsigned at = 0;
	if (!text[0])
		return;
	while (at < b->past_count && strcmp(b->past[at], text) != 0)
		at++;
	if (at == b->past_count && at == HZ_BROADCAST_PAST)
		at--;
	else if (at == b->past_count)
		b->past_count++;
	memmove(b->past[1], b->past[0], at * sizeof(b->past[0]));
	snprintf(b->past[0], sizeof(b->past[0]), "%s", text);
}

int hz_broadcast_third(struct hz_brain *brain, struct hz_consult *consult, const char *text, bool shown,
                       const char *by)
{
	if (!consult->broadcast)
		return -ENOENT;
	struct hz_broadcast next = *consult->broadcast;
	snprintf(next.text, sizeof(next.text), "%s", text);
	next.text_hidden = !shown;
	if (shown)
		remember(&next, text);
	int err = hz_broadcast_note(brain, consult, &next, by, "third",
	                            json_pack("{s:s, s:b}", "text", text, "shown", shown));
	if (err)
		return err;
	*consult->broadcast = next;
	hz_audience_touch(brain, consult, true);
	hz_push_state(brain, consult);
	return 0;
}

int hz_broadcast_program(struct hz_brain *brain, struct hz_consult *consult,
                         const struct hz_broadcast_source *source, const char *by)
{
	if (!consult->broadcast)
		return -ENOENT;
	struct hz_broadcast next = *consult->broadcast;
	int err = source ? hz_broadcast_may_air(brain, &next, source) : 0;
	if (err)
		return err;
	next.fade_us = 0;
	next.on_air = source != NULL;
	if (source)
		next.air = *source;
	if (source && !next.since_ms)
		next.since_ms = brain->wall_ms;
	err = hz_broadcast_note(brain, consult, &next, by, "program",
	                        source ? hz_broadcast_source_json(source) : NULL);
	if (err)
		return err;
	*consult->broadcast = next;
	hz_broadcast_changed(brain, consult);
	return 0;
}

int hz_broadcast_fade(struct hz_brain *brain, struct hz_consult *consult,
                      const struct hz_broadcast_source *source, unsigned ms, const char *by)
{
	struct hz_broadcast *b = consult->broadcast;
	if (!b)
		return -ENOENT;
	int err = hz_broadcast_may_air(brain, b, source);
	if (err)
		return err;
	b->fade_to = *source;
	b->fade_ms = ms;
	b->fade_us = brain->now_us + (int64_t)ms * 1000;
	snprintf(b->fade_by, sizeof(b->fade_by), "%s", by);
	hz_audience_touch(brain, consult, true);
	hz_push_state(brain, consult);
	return 0;
}

static void end_fade(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_broadcast *b = consult->broadcast;
	struct hz_broadcast_source source = b->fade_to;
	char by[HZ_ID_TEXT_BYTES];
	snprintf(by, sizeof(by), "%s", b->fade_by);
	b->fade_us = 0;
	int err = hz_broadcast_program(brain, consult, &source, by);
	if (err)
		hz_warn("broadcast.fade", "consult=%s err=%d", consult->id, -err);
	if (err) // it is over all the same
		hz_push_state(brain, consult);
}

static void ask_for_confirmation(struct hz_brain *brain, struct hz_broadcast *b)
{
	b->confirmed_ms = 0;
	for (unsigned i = 0; i < brain->workers; i++) {
		if (brain->worker[i].link)
			b->mark[i] = hz_media_link_mark(brain->worker[i].link);
	}
	brain->cut_due = true;
}

int hz_broadcast_cut(struct hz_brain *brain, struct hz_consult *consult, const char *by, const char *reason)
{
	struct hz_broadcast *b = consult->broadcast;
	if (!b)
		return -ENOENT;
	bool first = !b->cut;
	if (first) {
		b->cut = true;
		b->fade_us = 0; // the last word: the resume brings back what was on the air
		b->cut_ms = brain->wall_ms;
		b->cut_us = brain->now_us;
		snprintf(b->cut_by, sizeof(b->cut_by), "%s", by);
		snprintf(b->reason, sizeof(b->reason), "%s", reason);
		hz_viewers_close(brain, consult);
		hz_hls_cut(brain, consult);
		ask_for_confirmation(brain, b);
	}
	b->unsaved =
	    hz_broadcast_note(brain, consult, b, by, "cut", json_pack("{s:s}", "reason", reason)) != 0;
	brain->count.store_errors += b->unsaved;
	if (first) {
		hz_viewers_closed(brain, consult);
		hz_hls_recount(brain, consult); // and what the workers send it is paused
	}
	hz_audience_touch(brain, consult, true);
	hz_push_state(brain, consult);
	return 0;
}

int hz_broadcast_resume(struct hz_brain *brain, struct hz_consult *consult, const char *by,
                        const char *reason)
{
	if (!consult->broadcast)
		return -ENOENT;
	struct hz_broadcast next = *consult->broadcast;
	next.cut = next.unsaved = false;
	next.cut_by[0] = next.reason[0] = '\0';
	next.cut_ms = next.confirmed_ms = next.cut_us = 0;
	next.from_us = brain->now_us;
	hz_masks_renew(&next); // nothing that was painted during the cut
	int err =
	    hz_broadcast_note(brain, consult, &next, by, "resume", json_pack("{s:s}", "reason", reason));
	if (err)
		return err;
	*consult->broadcast = next;
	hz_broadcast_changed(brain, consult);
	return 0;
}

int hz_broadcast_end(struct hz_brain *brain, struct hz_consult *consult, const char *by)
{
	if (!consult->broadcast)
		return -ENOENT;
	int err = hz_broadcast_note(brain, consult, NULL, by, "end", NULL);
	if (err)
		return err;
	hz_viewers_end(brain, consult);
	free(consult->broadcast);
	consult->broadcast = NULL;
	hz_hls_recount(brain, consult);
	hz_audience_touch(brain, consult, true);
	hz_push_state(brain, consult);
	return 0;
}

// --- as time goes

// Who refused something is told everything again: then nothing is left there that control does not want.
static bool confirmed(struct hz_brain *brain, const struct hz_broadcast *b)
{
	bool all = true;
	for (unsigned i = 0; i < brain->workers; i++) {
		struct hz_media_link *link = brain->worker[i].link;
		if (!link || hz_media_link_reached(link, b->mark[i]))
			continue;
		all = false;
		if (hz_media_link_doubtful(link))
			hz_media_link_repeat(link);
	}
	return all;
}

void hz_broadcast_turn(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	if (!brain->cut_due)
		return;
	brain->cut_due = false;
	while ((consult = hz_map_next(brain->consults, &at))) {
		struct hz_broadcast *b = consult->broadcast;
		if (!b || !b->cut || b->confirmed_ms)
			continue;
		if (!confirmed(brain, b) || !hz_hls_cut_holds(brain, consult)) {
			brain->cut_due = true;
			continue;
		}
		b->confirmed_ms = brain->wall_ms;
		hz_info("broadcast.cut", "consult=%s ms=%lld", consult->id,
		        (long long)(b->confirmed_ms - b->cut_ms));
		hz_push_state(brain, consult);
	}
}

void hz_broadcast_tick(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	while ((consult = hz_map_next(brain->consults, &at))) {
		hz_audience_tick(brain, consult);
		if (consult->viewers_changed)
			hz_push_state(brain, consult);
		consult->viewers_changed = false;
		struct hz_broadcast *b = consult->broadcast;
		bool slate = strcmp(masked_state(brain, consult), "slate") == 0;
		if (b && b->slate != slate) {
			b->slate = slate;
			hz_audience_touch(brain, consult, true);
		}
		if (b && b->fade_us && b->fade_us <= brain->now_us)
			end_fade(brain, consult);
		b = consult->broadcast;
		if (!b || !b->unsaved)
			continue;
		b->unsaved = hz_broadcast_note(brain, consult, b, b->cut_by, "cut",
		                               json_pack("{s:s}", "reason", b->reason)) != 0;
		if (!b->unsaved)
			hz_push_state(brain, consult);
	}
}

// --- life

static bool on_row(void *arg, const char *id, const char *json)
{
	struct hz_brain *brain = arg;
	struct hz_consult *consult = hz_map_get(brain->consults, id);
	struct hz_broadcast *b = consult && !consult->broadcast ? calloc(1, sizeof(*b)) : NULL;
	if (b && definition_load(json, b)) {
		hz_warn("broadcast.load", "consult=%s err=%d", id, EINVAL);
		free(b);
		b = NULL;
	}
	if (b)
		consult->broadcast = b;
	return true;
}

int hz_broadcast_load(struct hz_brain *brain)
{
	int err = hz_store_broadcast_all(brain->store, on_row, brain);
	return err ? err : hz_audience_load(brain);
}

void hz_broadcast_loaded(struct hz_brain *brain, struct hz_consult *consult)
{
	if (!consult->broadcast)
		hz_viewers_end(brain, consult);
	hz_viewers_follow(brain, consult);
	if (consult->broadcast && consult->broadcast->cut)
		consult->broadcast->cut_us = brain->now_us;
	hz_hls_recount(brain, consult);
	if (consult->broadcast && consult->broadcast->cut)
		ask_for_confirmation(brain,
		                     consult->broadcast); // the repetition of all that control wants is it
}

void hz_broadcast_forget(struct hz_brain *brain, struct hz_consult *consult)
{
	if (consult->broadcast && brain->store && hz_broadcast_note(brain, consult, NULL, "", "end", NULL))
		brain->count.store_errors++;
	hz_viewers_end(brain, consult);
	free(consult->broadcast);
	consult->broadcast = NULL;
	hz_hls_recount(brain, consult);
}

void hz_broadcast_free_memory(struct hz_consult *consult)
{
	free(consult->broadcast);
	consult->broadcast = NULL;
	hz_audience_free_memory(consult);
	while (consult->viewers && consult->viewers->peers) {
		struct hz_peer *peer = consult->viewers->peers;
		consult->viewers->peers = peer->next;
		hz_transport_free_memory(peer);
	}
	free(consult->viewers);
	consult->viewers = NULL;
}

#include "gateway/session/broadcast/broadcast_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/broadcast/audience.h"
#include "gateway/session/brain.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/session/objects.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/session/broadcast/targets.h"
#include "gateway/store/broadcasts.h"
#include "signaling/auth/names.h"

bool hz_broadcast_same(const struct hz_broadcast_source *a, const struct hz_broadcast_source *b)
{
	return a->source == b->source && strcmp(a->participant, b->participant) == 0;
}

bool hz_broadcast_allowed(const struct hz_broadcast *b, const struct hz_broadcast_source *source)
{
	for (unsigned i = 0; i < b->source_count; i++) {
		if (hz_broadcast_same(&b->source[i], source))
			return true;
	}
	return false;
}

bool hz_broadcast_showable(const struct hz_broadcast *b, const struct hz_broadcast_source *source)
{
	return hz_broadcast_allowed(b, source) && hz_mask_need(b, source, NULL) != HZ_MASK_MISSING;
}

int hz_broadcast_note(struct hz_brain *brain, const struct hz_consult *consult, const struct hz_broadcast *b,
                      const char *by, const char *type, json_t *detail)
{
	json_t *json = b ? hz_broadcast_row(b) : NULL;
	json_t *targets = b && !b->ended ? hz_targets_keep(consult) : NULL;
	if (targets && (!json || json_object_set_new(json, "targets", targets))) {
		json_decref(json);
		json = NULL;
	}
	char *state = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
	int err = b && !state ? -ENOMEM : 0;
	const struct hz_event_row row = {.consult = consult->id,
	                                 .participant = by,
	                                 .type = type,
	                                 .detail = text ? text : "{}",
	                                 .time_ms = brain->wall_ms};
	if (brain->store && !err) {
		hz_persist_flush(brain); // what others wrote is not this one's to roll back
		err = hz_store_broadcast_put(brain->store, consult->id, state);
		if (!err)
			err = hz_store_broadcast_event_add(brain->store, &row);
		err = hz_persist_end(brain, err);
	}
	hz_info("broadcast.event", "consult=%s participant=%s type=%s err=%d", consult->id, by, type, -err);
	free(text);
	if (state)
		hz_wipe(state, strlen(state)); // keys of targets
	free(state);
	json_decref(json);
	json_decref(detail);
	return err;
}

// What is not on the air any more is not drawn for it.
static void recount(struct hz_brain *brain, struct hz_consult *consult)
{
	hz_hls_recount(brain, consult);
	if (consult->easel)
		hz_easel_recount(brain, consult);
}

void hz_broadcast_changed(struct hz_brain *brain, struct hz_consult *consult)
{
	hz_audience_touch(brain, consult, true);
	hz_viewers_follow(brain, consult);
	recount(brain, consult);
	hz_push_state(brain, consult);
}

static void free_kept(struct hz_consult *consult)
{
	free(consult->kept);
	consult->kept = NULL;
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
	if (!hz_air_good(fresh))
		hz_air_set(fresh, NULL);
	if (!fresh->mask_version)
		hz_masks_renew(fresh);
	if (!fresh->hls[0])
		hz_hls_name(fresh->hls);
	int err = consult->kept && !old ? hz_masks_restore(brain, consult->kept, fresh) : 0;
	if (!err)
		err = hz_broadcast_note(brain, consult, fresh, by, "put", hz_broadcast_definition(fresh));
	if (err) {
		free(fresh);
		return err;
	}
	free(consult->broadcast);
	consult->broadcast = fresh;
	free_kept(consult);
	hz_broadcast_ask(brain, fresh);
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

int hz_broadcast_program(struct hz_brain *brain, struct hz_consult *consult, const struct hz_programme *what,
                         const char *by)
{
	if (!consult->broadcast)
		return -ENOENT;
	hz_air_table(brain, consult); // what the store did not take when the table changed
	struct hz_broadcast next = *consult->broadcast;
	int err = what ? hz_broadcast_may_air(brain, &next, what) : 0;
	if (err)
		return err;
	next.fade_us = 0;
	hz_air_set(&next, what);
	if (what && !next.since_ms)
		next.since_ms = brain->wall_ms;
	err = hz_broadcast_note(brain, consult, &next, by, "program", what ? hz_programme_json(what) : NULL);
	if (err)
		return err;
	*consult->broadcast = next;
	hz_broadcast_changed(brain, consult);
	return 0;
}

int hz_broadcast_fade(struct hz_brain *brain, struct hz_consult *consult, const struct hz_programme *what,
                      unsigned ms, const char *by)
{
	struct hz_broadcast *b = consult->broadcast;
	if (!b)
		return -ENOENT;
	int err = hz_broadcast_may_air(brain, b, what);
	if (err)
		return err;
	b->fade_to = *what;
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
	struct hz_programme what = b->fade_to;
	char by[HZ_ID_TEXT_BYTES];
	snprintf(by, sizeof(by), "%s", b->fade_by);
	b->fade_us = 0;
	int err = hz_broadcast_program(brain, consult, &what, by);
	if (err)
		hz_warn("broadcast.fade", "consult=%s err=%d", consult->id, -err);
	if (err) // it is over all the same
		hz_push_state(brain, consult);
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
		hz_hls_cut_consult(brain, consult);
		b->confirmed_ms = 0;
		hz_broadcast_ask(brain, b);
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
	struct hz_broadcast *kept = NULL;
	int err = hz_masks_keep(consult->broadcast, &kept);
	if (!err)
		err = hz_broadcast_note(brain, consult, kept, by, "end", NULL);
	if (err) {
		free(kept);
		return err;
	}
	hz_viewers_end(brain, consult);
	free(consult->broadcast);
	consult->broadcast = NULL;
	consult->kept = kept;
	recount(brain, consult);
	hz_targets_free_memory(consult);
	hz_audience_touch(brain, consult, true);
	hz_push_state(brain, consult);
	return 0;
}

// --- as time goes

void hz_broadcast_tick(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	hz_masks_settle(brain);
	while ((consult = hz_map_next(brain->consults, &at))) {
		hz_audience_tick(brain, consult);
		if (consult->viewers_changed)
			hz_push_state(brain, consult);
		consult->viewers_changed = false;
		struct hz_broadcast *b = consult->broadcast;
		bool slate = strcmp(hz_masks_state(brain, consult), "slate") == 0;
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
	struct hz_broadcast *b =
	    consult && !consult->broadcast && !consult->kept ? calloc(1, sizeof(*b)) : NULL;
	if (b && hz_broadcast_definition_load(json, b)) {
		hz_warn("broadcast.load", "consult=%s err=%d", id, EINVAL);
		free(b);
		b = NULL;
	}
	if (b && b->ended) {
		consult->kept = b;
	} else if (b) {
		json_t *row = json_loads(json, 0, NULL);
		consult->broadcast = b;
		hz_targets_load(brain, consult, json_object_get(row, "targets"));
		json_decref(row);
	}
	return true;
}

int hz_broadcast_load(struct hz_brain *brain)
{
	int err = hz_store_broadcast_all(brain->store, on_row, brain);
	if (!err)
		err = hz_masks_settle_loaded(brain);
	return err ? err : hz_audience_load(brain);
}

void hz_broadcast_loaded(struct hz_brain *brain, struct hz_consult *consult)
{
	if (!consult->broadcast)
		hz_viewers_end(brain, consult);
	hz_air_table(brain, consult); // the table is written later than what was said of it
	hz_viewers_follow(brain, consult);
	if (consult->broadcast && consult->broadcast->cut)
		consult->broadcast->cut_us = brain->now_us;
	hz_hls_loaded(brain, consult);
	if (consult->broadcast)
		hz_broadcast_ask(brain, consult->broadcast); // the repetition of all that control wants is it
}

// Of a broadcast that is over.
static int forget_row(struct hz_brain *brain, const struct hz_consult *consult)
{
	hz_persist_flush(brain);
	int err = hz_store_broadcast_put(brain->store, consult->id, NULL);
	return hz_persist_end(brain, err);
}

void hz_broadcast_forget(struct hz_brain *brain, struct hz_consult *consult)
{
	int err = 0;
	if (consult->broadcast && brain->store)
		err = hz_broadcast_note(brain, consult, NULL, "", "end", NULL);
	else if (consult->kept && brain->store)
		err = forget_row(brain, consult);
	brain->count.store_errors += err != 0;
	free_kept(consult);
	hz_viewers_end(brain, consult);
	free(consult->broadcast);
	consult->broadcast = NULL;
	recount(brain, consult);
	hz_targets_free_memory(consult);
}

void hz_broadcast_free_memory(struct hz_consult *consult)
{
	free_kept(consult);
	free(consult->broadcast);
	consult->broadcast = NULL;
	hz_targets_free_memory(consult);
	hz_audience_free_memory(consult);
	while (consult->viewers && consult->viewers->peers) {
		struct hz_peer *peer = consult->viewers->peers;
		consult->viewers->peers = peer->next;
		hz_transport_free_memory(peer);
	}
	free(consult->viewers);
	consult->viewers = NULL;
}

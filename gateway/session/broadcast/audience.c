#include "gateway/session/broadcast/audience.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/secret.h"
#include "gateway/session/broadcast/audience_internal.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/store/audience.h"
#include "gateway/store/broadcasts.h"

#define SAVE_PEAK_US 10000000
#define COUNT_US     2000000

// --- the list

bool hz_audience_shown(uint8_t state)
{
	return state >= HZ_AUDIENCE_APPROVED && state <= HZ_AUDIENCE_ANSWERED;
}

static void unlink_message(struct hz_audience *a, struct hz_audience_message *m)
{
	*(m->prev ? &m->prev->next : &a->first) = m->next;
	*(m->next ? &m->next->prev : &a->last) = m->prev;
	m->prev = m->next = NULL;
}

static void append(struct hz_audience *a, struct hz_audience_message *m)
{
	m->prev = a->last;
	*(a->last ? &a->last->next : &a->first) = m;
	a->last = m;
	m->revision = ++a->revision;
	m->was_shown |= hz_audience_shown(m->state);
	if (m->was_shown)
		a->shown = m->revision;
}

static void free_message(struct hz_audience_message *m)
{
	free(m->name);
	free(m->text);
	free(m->answer);
	free(m);
}

void hz_audience_forget_message(struct hz_audience *a, struct hz_audience_message *m)
{
	unlink_message(a, m);
	a->count[m->kind]--;
	a->waiting[m->kind] -= m->state == HZ_AUDIENCE_WAITS;
	free_message(m);
}

struct hz_audience_message *hz_audience_add_message(struct hz_audience *a,
                                                    const struct hz_audience_message_row *row)
{
	struct hz_audience_message *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->id = row->seq;
	m->time_ms = row->time_ms;
	m->kind = row->kind;
	m->state = row->state;
	m->role = (uint8_t)hz_role_parse(row->role);
	snprintf(m->sender, sizeof(m->sender), "%s", row->sender);
	snprintf(m->by, sizeof(m->by), "%s", row->by);
	m->name = strdup(row->name);
	m->text = strdup(row->text);
	m->answer = strdup(row->answer);
	if (!m->name || !m->text || !m->answer) {
		free_message(m);
		return NULL;
	}
	append(a, m);
	a->count[m->kind]++;
	a->waiting[m->kind] += m->state == HZ_AUDIENCE_WAITS;
	return m;
}

void hz_audience_change_message(struct hz_audience *a, struct hz_audience_message *m, uint8_t state)
{
	a->waiting[m->kind] -= m->state == HZ_AUDIENCE_WAITS;
	a->waiting[m->kind] += state == HZ_AUDIENCE_WAITS;
	m->state = state;
	unlink_message(a, m);
	append(a, m);
}

struct hz_audience_message *hz_audience_find(const struct hz_audience *audience, int64_t id)
{
	struct hz_audience_message *m = audience ? audience->first : NULL;
	while (m && m->id != id)
		m = m->next;
	return m;
}

static void free_messages(struct hz_audience *a)
{
	while (a->first)
		hz_audience_forget_message(a, a->first);
}

// --- to the store

int hz_audience_commit(struct hz_brain *brain, int err)
{
	if (!brain->store)
		return -EROFS;
	return hz_persist_end(brain, err);
}

int hz_audience_audit(struct hz_brain *brain, const char *consult, const char *by, const char *type,
                      json_t *detail)
{
	char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
	const struct hz_event_row row = {
	    .consult = consult, .participant = by, .type = type, .detail = text, .time_ms = brain->wall_ms};
	int err = text ? hz_store_broadcast_event_add(brain->store, &row) : -ENOMEM;
	free(text);
	json_decref(detail);
	return err;
}

static int write_settings(struct hz_brain *brain, const struct hz_consult *consult,
                          const struct hz_audience *a)
{
	json_t *json = hz_audience_settings_json(a);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int err = text ? hz_store_audience_put(brain->store, consult->id, text) : -ENOMEM;
	free(text);
	json_decref(json);
	return err;
}

// --- settings

static struct hz_audience *fresh(void)
{
	struct hz_audience *a = calloc(1, sizeof(*a));
	if (a && hz_map_new(HZ_AUDIENCE_SENDERS, &a->senders)) {
		free(a);
		a = NULL;
	}
	if (!a)
		return NULL;
	hz_random(&a->epoch, sizeof(a->epoch));
	a->is.count = true;
	a->revision = 1; // 0: a cursor that knows nothing
	return a;
}

int hz_audience_begin(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_audience *a = consult->audience ? consult->audience : fresh();
	if (!a)
		return -ENOMEM;
	consult->audience = a;
	free_messages(a);
	a->epoch++;
	a->is.questions = false;
	a->is.chat = HZ_AUDIENCE_OFF;
	a->peak = a->viewers = 0;
	hz_audience_free_watchers(a);
	a->dropped = 0;
	hz_audience_touch(brain, consult, false);
	if (!brain->store)
		return 0;
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	int err = hz_store_audience_message_last(brain->store, consult->id, &a->after);
	if (!err)
		err = write_settings(brain, consult, a);
	return hz_audience_commit(brain, err);
}

int hz_audience_set(struct hz_brain *brain, struct hz_consult *consult,
                    const struct hz_audience_settings *wish, const char *by)
{
	struct hz_audience *a = consult->audience;
	if (!a || !consult->broadcast)
		return -ENOENT;
	if (!brain->store)
		return -EROFS;
	const struct hz_audience_settings before = a->is;
	a->is = *wish;
	hz_persist_flush(brain);
	int err = write_settings(brain, consult, a);
	if (!err)
		err = hz_audience_audit(brain, consult->id, by, "audience", hz_audience_settings_json(a));
	err = hz_audience_commit(brain, err);
	if (err) {
		a->is = before;
		return err;
	}
	hz_audience_touch(brain, consult, false);
	hz_push_state(brain, consult);
	return 0;
}

static const char *image_type(const uint8_t *image, size_t bytes)
{
	static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
	if (bytes > 64 && memcmp(image, png, sizeof(png)) == 0)
		return "image/png";
	return bytes > 64 && memcmp(image, jpeg, sizeof(jpeg)) == 0 ? "image/jpeg" : NULL;
}

int hz_audience_poster(struct hz_brain *brain, struct hz_consult *consult, const void *image, size_t bytes,
                       const char *by)
{
	struct hz_audience *a = consult->audience;
	const char *type = bytes ? image_type(image, bytes) : "";
	if (!a || !consult->broadcast)
		return -ENOENT;
	if (!type)
		return -EINVAL;
	if (bytes > HZ_POSTER_BYTES)
		return -E2BIG;
	if (!brain->store)
		return -EROFS;
	hz_persist_flush(brain);
	int err = hz_store_audience_poster_put(brain->store, consult->id, type, bytes ? image : NULL, bytes);
	if (!err)
		err = hz_audience_audit(brain, consult->id, by, "poster",
		                        json_pack("{s:s, s:I}", "type", type, "bytes", (json_int_t)bytes));
	err = hz_audience_commit(brain, err);
	if (err)
		return err;
	snprintf(a->image_type, sizeof(a->image_type), "%s", type);
	a->image++;
	hz_audience_touch(brain, consult, false);
	hz_push_state(brain, consult);
	return 0;
}

// --- as time goes

void hz_audience_tick(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_audience *a = consult->audience;
	hz_audience_feed_tick(brain, consult);
	if (!a || !consult->broadcast)
		return;
	hz_audience_sweep_watchers(brain, consult);
	a->recount |= consult->viewers_changed;
	if (a->recount && brain->now_us - a->counted_us > COUNT_US) { // who waits for news is not woken by it
		a->recount = false;
		a->counted_us = brain->now_us;
		a->viewers = hz_audience_viewers(consult);
		a->head += a->is.count;
	}
	if (a->viewers > a->peak) {
		a->peak = a->viewers;
		a->unsaved = true;
	}
	if (!a->unsaved || !brain->store || brain->now_us - a->saved_us < SAVE_PEAK_US)
		return;
	a->saved_us = brain->now_us;
	hz_persist_flush(brain);
	a->unsaved = hz_audience_commit(brain, write_settings(brain, consult, a)) != 0;
}

// --- life

static bool on_message(void *arg, const struct hz_audience_message_row *row)
{
	struct hz_audience *a = arg;
	if (row->kind >= HZ_AUDIENCE_KINDS || row->state >= HZ_AUDIENCE_REJECTED)
		return true; // what nobody needs any more
	hz_audience_make_room(a, row->kind);
	return hz_audience_add_message(a, row) != NULL;
}

static void on_poster(void *arg, const char *type, const void *image, size_t bytes)
{
	struct hz_audience *a = arg;
	(void)image;
	(void)bytes;
	snprintf(a->image_type, sizeof(a->image_type), "%s", type);
}

static bool on_row(void *arg, const char *id, const char *settings)
{
	struct hz_brain *brain = arg;
	struct hz_consult *consult = hz_map_get(brain->consults, id);
	json_t *json = consult && !consult->audience ? json_loads(settings, 0, NULL) : NULL;
	struct hz_audience *a = json ? fresh() : NULL;
	if (a) {
		hz_audience_parse(json, &a->is);
		a->after = json_integer_value(json_object_get(json, "after"));
		a->peak = (unsigned)json_integer_value(json_object_get(json, "peak"));
		consult->audience = a;
	}
	json_decref(json);
	return true;
}

int hz_audience_load(struct hz_brain *brain)
{
	struct hz_consult *consult;
	uint32_t at = 0;
	int err = hz_store_audience_all(brain->store, on_row, brain);
	while (!err && (consult = hz_map_next(brain->consults, &at))) {
		if (!consult->audience && consult->broadcast)
			consult->audience = fresh(); // of a gateway that knew of none: it may take part now
		struct hz_audience *a = consult->audience;
		if (!a)
			continue;
		err = hz_store_audience_poster_get(brain->store, consult->id, on_poster, a);
		err = err == -ENOENT ? 0 : err;
		if (!err && consult->broadcast)
			err = hz_store_audience_message_list(brain->store, consult->id, a->after,
			                                     UINT32_MAX >> 1, on_message, a);
	}
	return err;
}

void hz_audience_free_memory(struct hz_consult *consult)
{
	struct hz_audience *a = consult->audience;
	if (!a)
		return;
	hz_audience_feed_end(consult);
	free_messages(a);
	hz_audience_free_senders(a);
	hz_map_free(a->senders);
	hz_audience_free_watchers(a);
	free(a);
	consult->audience = NULL;
}

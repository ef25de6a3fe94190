// What is told of the audience: to the store, to the desk, to viewers.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/broadcast/audience.h"
#include "gateway/session/broadcast/broadcast.h"

#define POLL_LEAST_MS 3000
#define POLL_MOST_MS  10000

static const char *const kinds[HZ_AUDIENCE_KINDS] = {"question", "chat"};
static const char *const modes[HZ_AUDIENCE_MODES] = {"off", "moderated", "open"};
static const char *const states[HZ_AUDIENCE_STATES] = {"waiting",  "approved", "answering",
                                                       "answered", "rejected", "dropped"};

static int parse(const char *const *names, unsigned count, const char *name, uint8_t *ret)
{
	for (unsigned i = 0; name && i < count; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (uint8_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *hz_audience_kind_name(uint8_t kind)
{
	return kinds[kind < HZ_AUDIENCE_KINDS ? kind : 0];
}

const char *hz_audience_state_name(uint8_t state)
{
	return states[state < HZ_AUDIENCE_STATES ? state : HZ_AUDIENCE_REJECTED];
}

int hz_audience_kind_parse(const char *name, uint8_t *ret)
{
	return parse(kinds, HZ_AUDIENCE_KINDS, name, ret);
}

int hz_audience_state_parse(const char *name, uint8_t *ret)
{
	return parse(states, HZ_AUDIENCE_STATES, name, ret);
}

// --- settings

void hz_audience_parse(const json_t *body, struct hz_audience_settings *in_out)
{
	const json_t *questions = json_object_get(body, "questions"), *count = json_object_get(body, "count"),
	             *slow = json_object_get(body, "slow_s"), *starts = json_object_get(body, "starts_ms"),
	             *poster = json_object_get(body, "poster");
	(void)parse(modes, HZ_AUDIENCE_MODES, json_string_value(json_object_get(body, "chat")),
	            &in_out->chat);
	if (questions)
		in_out->questions = json_is_true(questions);
	if (count)
		in_out->count = json_is_true(count);
	if (slow && json_integer_value(slow) <= HZ_AUDIENCE_SLOW_S)
		in_out->slow_s = (unsigned)json_integer_value(slow);
	if (starts)
		in_out->starts_ms = json_integer_value(starts);
	if (poster)
		snprintf(in_out->poster, sizeof(in_out->poster), "%s", json_string_value(poster));
}

json_t *hz_audience_settings_json(const struct hz_audience *a)
{
	return json_pack("{s:b, s:s, s:i, s:b, s:I, s:s, s:I, s:i}", "questions", a->is.questions, "chat",
	                 modes[a->is.chat], "slow_s", (int)a->is.slow_s, "count", a->is.count, "starts_ms",
	                 (json_int_t)a->is.starts_ms, "poster", a->is.poster, "after", (json_int_t)a->after,
	                 "peak", (int)a->peak);
}

// --- the desk

json_t *hz_audience_desk_json(const struct hz_audience *a)
{
	json_t *json = hz_audience_settings_json(a);
	if (!json)
		return NULL;
	json_object_del(json, "after");
	json_object_set_new(json, "image", json_boolean(a->image_type[0]));
	json_object_set_new(
	    json, "waiting",
	    json_integer(a->waiting[HZ_AUDIENCE_QUESTION] + a->waiting[HZ_AUDIENCE_CHAT_LINE]));
	json_object_set_new(json, "dropped", json_integer((json_int_t)a->dropped));
	return json;
}

json_t *hz_audience_message_json(const struct hz_audience_message *m)
{
	char id[24];
	snprintf(id, sizeof(id), "%lld", (long long)m->id);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s}", "id", id, "kind",
	                         hz_audience_kind_name(m->kind), "state", hz_audience_state_name(m->state),
	                         "name", m->name, "text", m->text, "time_ms", (json_int_t)m->time_ms,
	                         "answer", m->answer, "sender", m->sender);
	if (json && m->by[0])
		json_object_set_new(json, "by", json_string(m->by));
	return json;
}

// --- viewers

// No sender, and nobody's id: who answered is a role.
static json_t *viewer_json(const struct hz_audience_message *m)
{
	char id[24];
	snprintf(id, sizeof(id), "%lld", (long long)m->id);
	if (!hz_audience_shown(m->state))
		return json_pack("{s:s, s:s, s:s}", "id", id, "kind", hz_audience_kind_name(m->kind), "state",
		                 "gone");
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "id", id, "kind",
	                         hz_audience_kind_name(m->kind), "state", hz_audience_state_name(m->state),
	                         "name", m->name, "text", m->text, "time_ms", (json_int_t)m->time_ms);
	if (json && m->answer[0]) {
		json_object_set_new(json, "answer", json_string(m->answer));
		json_object_set_new(json, "role", json_string(hz_role_name(m->role)));
	}
	return json;
}

// "epoch.revision"; 0: of another epoch, or none.
static uint64_t revision_of(const struct hz_audience *a, const char *cursor)
{
	char *end = NULL;
	unsigned long epoch = strtoul(cursor, &end, 10);
	if (end == cursor || *end != '.' || epoch != a->epoch)
		return 0;
	uint64_t revision = strtoull(end + 1, &end, 10);
	return *end || revision > a->revision ? 0 : revision;
}

// The newest that are shown, in the order of their last change.
static json_t *all_shown(const struct hz_audience *a)
{
	json_t *items = json_array();
	unsigned count[HZ_AUDIENCE_KINDS] = {0};
	for (const struct hz_audience_message *m = a->last; m; m = m->prev) {
		if (hz_audience_shown(m->state) && count[m->kind]++ < HZ_AUDIENCE_FEED / 2)
			json_array_insert_new(items, 0, viewer_json(m));
	}
	return items;
}

// What changed after `revision`; *ret_revision: up to where that goes.
static json_t *changed(const struct hz_audience *a, uint64_t revision, uint64_t *ret_revision)
{
	json_t *items = json_array();
	const struct hz_audience_message *m = a->last;
	*ret_revision = a->revision;
	while (m && m->revision > revision)
		m = m->prev;
	for (m = m ? m->next : a->first; m; m = m->next) {
		if (!m->was_shown)
			continue;
		if (json_array_size(items) == HZ_AUDIENCE_FEED) {
			*ret_revision = m->prev->revision;
			break;
		}
		json_array_append_new(items, viewer_json(m));
	}
	return items;
}

static json_t *poster_json(const struct hz_audience *a)
{
	return json_pack("{s:s, s:I, s:I}", "text", a ? a->is.poster : "", "image",
	                 (json_int_t)(a && a->image_type[0] ? a->image + 1 : 0), "starts_ms",
	                 (json_int_t)(a ? a->is.starts_ms : 0));
}

static int poll_ms(const struct hz_audience *a)
{
	unsigned ms = a && a->viewers > POLL_LEAST_MS ? a->viewers : POLL_LEAST_MS;
	return (int)(ms < POLL_MOST_MS ? ms
	                               : POLL_MOST_MS); // a thousand answers a second at most, or nearly so
}

json_t *hz_audience_feed_json(struct hz_brain *brain, const struct hz_consult *consult, const char *cursor)
{
	const struct hz_broadcast *b = consult->broadcast;
	const struct hz_audience *a = consult->audience;
	json_t *json = hz_broadcast_watch_json(brain, consult);
	// What a cut took away may have been written, too: nothing new is told meanwhile.
	bool silent = !a || !b || b->cut;
	uint64_t from = silent ? 0 : revision_of(a, cursor), to = silent ? 0 : a->revision;
	json_t *items = silent ? json_array() : from ? changed(a, from, &to) : all_shown(a);
	char next[48];
	snprintf(next, sizeof(next), "%lu.%llu", (unsigned long)(a ? a->epoch : 0), (unsigned long long)to);
	if (silent)
		snprintf(next, sizeof(next), "%s", cursor);
	json_t *more = json_pack("{s:o, s:s, s:b, s:o, s:b, s:s, s:i, s:I, s:i}", "items", items, "cursor",
	                         next, "reset", !silent && !from, "poster", poster_json(a), "questions",
	                         !silent && a->is.questions, "chat", silent ? "off" : modes[a->is.chat],
	                         "slow_s", silent ? 0 : (int)a->is.slow_s, "now_ms",
	                         (json_int_t)brain->wall_ms, "poll_ms", poll_ms(a));
	if (!json || !more || json_object_update(json, more)) {
		json_decref(json);
		json = NULL;
	} else if (b && b->fade_us > brain->now_us && !b->cut) {
		json_object_set_new(json, "fade_ms", json_integer((b->fade_us - brain->now_us) / 1000));
	}
	json_decref(more);
	return json;
}

void hz_audience_etag(const struct hz_consult *consult, char *ret, size_t bytes)
{
	const struct hz_audience *a = consult->audience;
	snprintf(ret, bytes, "\"%lu.%llu.%llu\"", (unsigned long)(a ? a->epoch : 0),
	         (unsigned long long)(a ? a->shown : 0), (unsigned long long)(a ? a->head : 0));
}

// What viewers say, how often they may, and what moderators make of it.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/session/broadcast/audience_internal.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/session/rate.h"

#define ALL_EVERY_US  50000 // of all together
#define ALL_BURST     60
#define ASK_EVERY_US  10000000
#define ASK_BURST     3
#define LINE_EVERY_US 2000000
#define LINE_BURST    5
#define SWEEP_AT_ONCE 512

struct sender {
	char id[HZ_ID_TEXT_BYTES];
	int64_t tokens_us[HZ_AUDIENCE_KINDS];
	int64_t line_us; // its last line of chat
};

// --- how often

void hz_audience_free_senders(struct hz_audience *a)
{
	struct sender *s;
	uint32_t at = 0;
	while ((s = hz_map_next(a->senders, &at)))
		free(s);
}

// Who could say everything again is as if he had said nothing.
static void sweep_senders(struct hz_audience *a, int64_t now_us)
{
	struct sender *idle[SWEEP_AT_ONCE], *s;
	unsigned count = 0;
	uint32_t at = 0;
	while (count < SWEEP_AT_ONCE && (s = hz_map_next(a->senders, &at))) {
		bool quiet = now_us - s->line_us > (int64_t)HZ_AUDIENCE_SLOW_S * 1000000;
		if (quiet && s->tokens_us[0] < now_us && s->tokens_us[1] < now_us)
			idle[count++] = s;
	}
	while (count--) {
		hz_map_del(a->senders, idle[count]->id);
		free(idle[count]);
	}
}

static struct sender *sender_of(struct hz_audience *a, const char *id, int64_t now_us)
{
	struct sender *s = hz_map_get(a->senders, id);
	if (s)
		return s;
	if (hz_map_count(a->senders) == HZ_AUDIENCE_SENDERS)
		sweep_senders(a, now_us);
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	snprintf(s->id, sizeof(s->id), "%s", id);
	s->line_us = INT64_MIN / 2;
	if (hz_map_set(a->senders, id, s)) {
		free(s);
		return NULL;
	}
	return s;
}

// 0, or -EAGAIN and how long to wait.
static int may_say(struct hz_brain *brain, struct hz_audience *a, const struct hz_audience_post *post,
                   unsigned *ret_wait_s)
{
	bool line = post->kind == HZ_AUDIENCE_CHAT_LINE;
	int64_t slow_us = line ? (int64_t)a->is.slow_s * 1000000 : 0;
	struct sender *s = sender_of(a, post->sender, brain->now_us);
	*ret_wait_s = line ? 2 : 10;
	if (!s)
		return -EAGAIN;
	if (brain->now_us - s->line_us < slow_us) {
		*ret_wait_s = (unsigned)((s->line_us + slow_us - brain->now_us) / 1000000) + 1;
		return -EAGAIN;
	}
	if (!hz_rate_allow(&s->tokens_us[post->kind], brain->now_us, line ? LINE_EVERY_US : ASK_EVERY_US,
	                   line ? LINE_BURST : ASK_BURST))
		return -EAGAIN;
	*ret_wait_s = 2;
	if (!hz_rate_allow(&a->tokens_us, brain->now_us, ALL_EVERY_US, ALL_BURST))
		return -EAGAIN;
	if (line)
		s->line_us = brain->now_us;
	return 0;
}

// --- room

static unsigned most(uint8_t kind)
{
	return kind == HZ_AUDIENCE_QUESTION ? HZ_AUDIENCE_QUESTIONS : HZ_AUDIENCE_CHAT;
}

struct hz_audience_message *hz_audience_victim(struct hz_audience *a, uint8_t kind)
{
	struct hz_audience_message *oldest = NULL;
	if (a->count[kind] < most(kind))
		return NULL;
	for (struct hz_audience_message *m = a->first; m; m = m->next) {
		if (m->kind == kind && m->state == HZ_AUDIENCE_WAITS)
			return m;
		if (m->kind == kind && !oldest)
			oldest = m;
	}
	return oldest;
}

void hz_audience_make_room(struct hz_audience *a, uint8_t kind)
{
	struct hz_audience_message *m = hz_audience_victim(a, kind);
	if (m)
		hz_audience_forget_message(a, m);
}

// --- to the desk

static void tell_desk(struct hz_brain *brain, struct hz_consult *consult, const struct hz_audience_message *m)
{
	hz_push_admitted(brain, consult, HZ_GRANT_DIRECT, HZ_PUSH_AUDIENCE,
	                 json_pack("{s:[o]}", "items", hz_audience_message_json(m)));
	if (m->was_shown)
		hz_audience_touch(brain, consult, false);
	hz_push_state(brain, consult); // the counts
}

// --- what viewers say

static bool seen(const char *text)
{
	static const char *const spaces[] = {"\u3000", "\u00a0", "\u200b", "\u200c",
	                                     "\u200d", "\ufeff", "\u2060"};
	while (*text) {
		size_t n = strspn(text, " \t\r\n");
		for (unsigned i = 0; !n && i < sizeof(spaces) / sizeof(*spaces); i++)
			n = strncmp(text, spaces[i], strlen(spaces[i])) == 0 ? strlen(spaces[i]) : 0;
		if (!n)
			return true;
		text += n;
	}
	return false;
}

static unsigned waiting_of(const struct hz_audience *a, const char *sender)
{
	unsigned count = 0;
	for (const struct hz_audience_message *m = a->first; m; m = m->next)
		count += m->state == HZ_AUDIENCE_WAITS && strcmp(m->sender, sender) == 0;
	return count;
}

static int check(const struct hz_consult *consult, const struct hz_audience_post *post)
{
	const struct hz_audience *a = consult->audience;
	if (!consult->broadcast || !a)
		return -ENOENT;
	bool open = post->kind == HZ_AUDIENCE_QUESTION ? a->is.questions : a->is.chat != HZ_AUDIENCE_OFF;
	if (!open)
		return -EPERM;
	if (!seen(post->text))
		return -EINVAL;
	return waiting_of(a, post->sender) >= HZ_AUDIENCE_WAITING ? -EDQUOT : 0;
}

static int write_drop(struct hz_brain *brain, const struct hz_audience_message *m)
{
	const struct hz_audience_message_row row = {.seq = m->id,
	                                            .state = HZ_AUDIENCE_DROPPED,
	                                            .answer = "",
	                                            .by = "",
	                                            .role = "",
	                                            .decided_ms = brain->wall_ms};
	return hz_store_audience_message_decide(brain->store, &row);
}

int hz_audience_say(struct hz_brain *brain, struct hz_consult *consult, const struct hz_audience_post *post,
                    unsigned *ret_wait_s, const struct hz_audience_message **ret)
{
	struct hz_audience *a = consult->audience;
	int err = brain->store ? check(consult, post) : -EROFS;
	if (!err)
		err = may_say(brain, a, post, ret_wait_s);
	brain->count.audience_refused += err != 0;
	if (err)
		return err;
	bool open = post->kind == HZ_AUDIENCE_CHAT_LINE && a->is.chat == HZ_AUDIENCE_OPEN;
	struct hz_audience_message_row row = {.consult = consult->id,
	                                      .sender = post->sender,
	                                      .name = post->name,
	                                      .text = post->text,
	                                      .answer = "",
	                                      .by = "",
	                                      .role = "",
	                                      .time_ms = brain->wall_ms,
	                                      .kind = post->kind,
	                                      .state = open ? HZ_AUDIENCE_APPROVED : HZ_AUDIENCE_WAITS};
	struct hz_audience_message *victim = hz_audience_victim(a, post->kind), *m = NULL;
	bool drops = victim && victim->state == HZ_AUDIENCE_WAITS;
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	if (drops)
		err = write_drop(brain, victim);
	if (!err)
		err = hz_store_audience_message_add(brain->store, &row, &row.seq);
	err = hz_audience_commit(brain, err);
	if (!err && !(m = hz_audience_add_message(a, &row)))
		err = -ENOMEM; // it is there after a restart
	if (err)
		return err;
	if (drops) {
		a->dropped++;
		brain->count.audience_dropped++;
		hz_audience_change_message(a, victim, HZ_AUDIENCE_DROPPED);
		tell_desk(brain, consult, victim);
	}
	if (victim)
		hz_audience_forget_message(a, victim);
	brain->count.audience_said++;
	tell_desk(brain, consult, m);
	*ret = m;
	return 0;
}

// --- what moderators say

static int write_decision(struct hz_brain *brain, const struct hz_consult *consult,
                          const struct hz_audience_message_row *row)
{
	int err = hz_store_audience_message_decide(brain->store, row);
	if (err)
		return err;
	char id[24];
	snprintf(id, sizeof(id), "%lld", (long long)row->seq);
	return hz_audience_audit(brain, consult->id, row->by, "moderate",
	                         json_pack("{s:s, s:s, s:s}", "message", id, "state",
	                                   hz_audience_state_name(row->state), "answer", row->answer));
}

static void apply(struct hz_brain *brain, struct hz_participant *p, struct hz_audience_message *m,
                  uint8_t state)
{
	snprintf(m->by, sizeof(m->by), "%s", p->id);
	m->role = (uint8_t)p->role;
	hz_audience_change_message(p->consult->audience, m, state);
	tell_desk(brain, p->consult, m);
}

static struct hz_audience_message *answering(const struct hz_audience *a)
{
	struct hz_audience_message *m = a->first;
	while (m && m->state != HZ_AUDIENCE_ANSWERING)
		m = m->next;
	return m;
}

int hz_audience_decide(struct hz_brain *brain, struct hz_participant *p, int64_t id, uint8_t state,
                       const char *answer)
{
	struct hz_audience *a = p->consult->audience;
	struct hz_audience_message *m = hz_audience_find(a, id), *before = NULL;
	if (!m || !brain->store)
		return m ? -EROFS : -ENOENT;
	if (state < HZ_AUDIENCE_APPROVED || state > HZ_AUDIENCE_REJECTED ||
	    (m->kind == HZ_AUDIENCE_CHAT_LINE &&
	     (state == HZ_AUDIENCE_ANSWERING || state == HZ_AUDIENCE_ANSWERED || answer)))
		return -EINVAL;
	char *copy = strdup(answer ? answer : m->answer);
	if (!copy)
		return -ENOMEM;
	struct hz_audience_message_row row = {.seq = id,
	                                      .state = state,
	                                      .answer = copy,
	                                      .by = p->id,
	                                      .role = hz_role_name(p->role),
	                                      .decided_ms = brain->wall_ms};
	hz_persist_flush(brain);
	int err = write_decision(brain, p->consult, &row);
	if (!err && state == HZ_AUDIENCE_ANSWERING && (before = answering(a)) && before != m) {
		row.seq = before->id; // one at a time: who goes on to the next has answered the one before
		row.state = HZ_AUDIENCE_ANSWERED;
		row.answer = before->answer;
		err = write_decision(brain, p->consult, &row);
	}
	err = hz_audience_commit(brain, err);
	if (err) {
		free(copy);
		return err;
	}
	free(m->answer);
	m->answer = copy;
	if (before && before != m)
		apply(brain, p, before, HZ_AUDIENCE_ANSWERED);
	apply(brain, p, m, state);
	return 0;
}

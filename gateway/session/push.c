#include "gateway/session/push.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/session/participant.h"

#define EVERY_US      50000
#define SMALL_CONSULT 10
#define EACH_MORE_US  5000 // the state of a large consult is long and goes to many: less often

void hz_push_state(struct hz_brain *brain, struct hz_consult *consult)
{
	consult->version++;
	if (consult->dirty)
		return;
	consult->dirty = true;
	consult->next_dirty = brain->dirty;
	brain->dirty = consult;
}

void hz_push_recount(struct hz_brain *brain, struct hz_consult *consult)
{
	consult->recount = true;
	hz_push_state(brain, consult); // the recount is part of that
}

static void send_text(struct hz_brain *brain, const struct hz_participant *p, const char *text)
{
	// A socket whose queue is full closes itself with 4002; the client resumes and gets the whole state.
	if (p->conn && !p->conn->closing && brain->ops->send(p->conn->socket, text, strlen(text)) == 0)
		brain->count.pushes++;
}

void hz_push_one(struct hz_brain *brain, const struct hz_participant *p, enum hz_rpc_push push,
                 json_t *params)
{
	char *text = p->conn ? hz_rpc_push(push, params) : NULL;
	if (!p->conn)
		json_decref(params);
	if (text)
		send_text(brain, p, text);
	free(text);
}

void hz_push_admitted(struct hz_brain *brain, const struct hz_consult *consult, uint32_t grants,
                      enum hz_rpc_push push, json_t *params)
{
	char *text = hz_rpc_push(push, params);
	for (const struct hz_participant *p = consult->participants; text && p; p = p->next) {
		if (p->status == HZ_STATUS_ADMITTED && (p->grants & grants) == grants)
			send_text(brain, p, text);
	}
	free(text);
}

static void push_states(struct hz_brain *brain, struct hz_consult *consult)
{
	consult->pushed_us = brain->now_us;
	for (const struct hz_participant *p = consult->participants; p; p = p->next) {
		if (p->conn)
			hz_push_one(brain, p, HZ_PUSH_STATE, hz_state_json(brain, p));
	}
}

static int64_t interval_us(const struct hz_consult *consult)
{
	unsigned n = consult->participant_count;
	return EVERY_US + (n > SMALL_CONSULT ? (int64_t)(n - SMALL_CONSULT) * EACH_MORE_US : 0);
}

int64_t hz_push_due(struct hz_brain *brain)
{
	int64_t next = INT64_MAX;
	struct hz_consult **at = &brain->dirty;
	while (*at) {
		struct hz_consult *consult = *at;
		int64_t due = consult->pushed_us + interval_us(consult);
		if (consult->pushed_us && due > brain->now_us) {
			next = due < next ? due : next;
			at = &consult->next_dirty;
			continue;
		}
		*at = consult->next_dirty;
		consult->dirty = false;
		push_states(brain, consult);
	}
	return next;
}

void hz_push_bell(struct hz_brain *brain, const struct hz_participant *p)
{
	hz_push_admitted(brain, p->consult, HZ_GRANT_ADMIT, HZ_PUSH_BELL,
	                 json_pack("{s:s, s:s, s:s}", "participant", p->id, "name", p->name, "role",
	                           hz_role_name(p->role)));
}

void hz_push_end(struct hz_brain *brain, const struct hz_participant *p, const char *reason)
{
	hz_push_one(brain, p, HZ_PUSH_END, json_pack("{s:s}", "reason", reason));
}

void hz_push_renegotiate(struct hz_brain *brain, const struct hz_participant *p, const char *reason)
{
	hz_push_one(brain, p, HZ_PUSH_RENEGOTIATE, json_pack("{s:s}", "reason", reason));
}

void hz_push_closing(struct hz_brain *brain, unsigned retry_ms)
{
	char *text = hz_rpc_push(HZ_PUSH_CLOSING, json_pack("{s:i}", "retry_ms", (int)retry_ms));
	for (struct hz_conn *conn = brain->conns; text && conn; conn = conn->next) {
		if (conn->participant)
			send_text(brain, conn->participant, text);
	}
	free(text);
}

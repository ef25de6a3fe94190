// Chat: kept in the store (the last 200 of a consult), pushed to everybody admitted.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/session/call.h"
#include "gateway/session/push.h"
#include "gateway/session/rate.h"
#include "gateway/session/record/record_events.h"
#include "gateway/store/runtime.h"

#define CHAT_EVERY_US     500000
#define CHAT_BURST        10
#define HISTORY_MAX_BYTES (128 * 1024) // half of what a socket may have queued

static json_t *message(const struct hz_chat_row *row)
{
	char id[32];
	snprintf(id, sizeof(id), "m%lld", (long long)row->seq);
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "id", id, "from", row->from, "name", row->name, "text",
	                 row->text, "time", (json_int_t)row->time_ms);
}

void hz_call_chat(struct hz_call *call)
{
	struct hz_brain *brain = call->brain;
	struct hz_chat_row row = {
	    .consult = call->p->consult->id,
	    .from = call->p->id,
	    .name = call->p->name,
	    .text = json_string_value(json_object_get(call->params, "text")),
	    .time_ms = brain->wall_ms,
	};
	if (!hz_rate_allow(&call->p->chat_tokens_us, brain->now_us, CHAT_EVERY_US, CHAT_BURST)) {
		hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
		return;
	}
	if (!brain->store || hz_store_chat_add(brain->store, &row, &row.seq)) {
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
		return;
	}
	brain->count.chat++;
	json_t *params = message(&row);
	call->result = json_pack("{s:O}", "id", json_object_get(params, "id"));
	if (call->p->consent == HZ_CONSENT_GIVEN)
		hz_record_event_of(
		    brain, call->p, "chat",
		    json_pack("{s:O, s:s}", "id", json_object_get(params, "id"), "text", row.text));
	hz_push_admitted(brain, call->p->consult, 0, HZ_PUSH_CHAT, params);
}

struct history {
	char *text[HZ_STORE_CHAT_KEEP]; // oldest first, a ring
	size_t count, head, bytes;
};

static void drop_oldest(struct history *h)
{
	h->bytes -= strlen(h->text[h->head]);
	free(h->text[h->head]);
	h->head = (h->head + 1) % HZ_STORE_CHAT_KEEP;
	h->count--;
}

static bool on_row(void *arg, const struct hz_chat_row *row)
{
	struct history *h = arg;
	char *text = hz_rpc_push(HZ_PUSH_CHAT, message(row));
	if (!text)
		return false;
	if (h->count == HZ_STORE_CHAT_KEEP)
		drop_oldest(h);
	h->text[(h->head + h->count++) % HZ_STORE_CHAT_KEEP] = text;
	h->bytes += strlen(text);
	while (h->bytes > HISTORY_MAX_BYTES)
		drop_oldest(h);
	return true;
}

void hz_push_chat_history(struct hz_brain *brain, const struct hz_participant *p)
{
	struct history h = {.count = 0};
	if (!p->conn || !brain->store)
		return;
	(void)hz_store_chat_list(brain->store, p->consult->id, on_row,
	                         &h); // what came before an error still helps
	for (; h.count > 0; drop_oldest(&h)) {
		if (!p->conn->closing)
			brain->ops->send(p->conn->socket, h.text[h.head], strlen(h.text[h.head]));
	}
}

// table.get, table.floor, table.patch, table.pointer. Grants are checked in call.c.
#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/call.h"
#include "gateway/session/participant.h"
#include "gateway/session/push.h"
#include "gateway/session/rate.h"
#include "gateway/session/table/reading.h"

#define PATCH_EVERY_US   20000
#define PATCH_BURST      50
#define POINTER_EVERY_US 50000 // 20 a second
#define POINTER_BURST    5

static bool get(struct hz_call *call, bool make, struct hz_reading **ret)
{
	int err = hz_reading_of(call->brain, call->p->consult, make, ret);
	if (err) {
		hz_warn("table.call", "consult=%s err=%d", call->p->consult->id, -err);
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
	}
	return !err;
}

static bool fast(struct hz_call *call)
{
	if (hz_rate_allow(&call->p->table_tokens_us, call->brain->now_us, PATCH_EVERY_US, PATCH_BURST))
		return false;
	hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
	return true;
}

static void answer(struct hz_call *call, int err, const struct hz_reading_refusal *refusal)
{
	if (err == -EPERM)
		hz_call_refuse(call, refusal->code, refusal->key, refusal->value);
	else if (err)
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
}

void hz_call_table_get(struct hz_call *call)
{
	struct hz_reading *reading = NULL;
	if (!fast(call) && get(call, false, &reading)) {
		json_int_t after = json_integer_value(json_object_get(call->params, "after"));
		call->result = json_pack("{s:o}", "table", hz_reading_json(reading, after, false));
	}
}

void hz_call_table_floor(struct hz_call *call)
{
	struct hz_reading_refusal refusal = {.code = 0};
	struct hz_reading *reading = NULL;
	if (fast(call) || !get(call, true, &reading))
		return;
	int err = hz_reading_floor(reading, call->p, call->params, &refusal);
	if (!err && (reading->due_floor & HZ_DUE_PUSH))
		hz_reading_changed(call->brain, reading);
	answer(call, err, &refusal);
	if (!err)
		call->result = json_pack("{s:o, s:I}", "floor", hz_reading_floor_json(reading), "version",
		                         (json_int_t)reading->version);
}

void hz_call_table_patch(struct hz_call *call)
{
	struct hz_reading_refusal refusal = {.code = 0};
	struct hz_reading *reading = NULL;
	if (fast(call) || !get(call, true, &reading))
		return;
	int err = hz_reading_patch(reading, call->p, call->params, &refusal);
	answer(call, err, &refusal);
	if (err)
		return;
	hz_reading_save_studies(call->brain, reading); // before anybody acts on it
	hz_reading_changed(call->brain, reading);
	call->result = json_pack("{s:I}", "version", (json_int_t)reading->version);
}

// Everybody else's; nothing keeps it.
void hz_call_table_pointer(struct hz_call *call)
{
	if (!hz_rate_allow(&call->p->pointer_tokens_us, call->brain->now_us, POINTER_EVERY_US,
	                   POINTER_BURST)) {
		hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
		return;
	}
	json_t *params = json_copy((json_t *)call->params);
	if (!params || json_object_set_new(params, "from", json_string(call->p->id))) {
		json_decref(params);
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
		return;
	}
	for (const struct hz_participant *p = call->p->consult->participants; p; p = p->next) {
		if (p != call->p && p->status == HZ_STATUS_ADMITTED && (p->grants & HZ_GRANT_SUBSCRIBE))
			hz_push_one(call->brain, p, HZ_PUSH_TABLE_POINTER, json_incref(params));
	}
	json_decref(params);
}

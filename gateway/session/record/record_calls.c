// consent.set, record.start, record.stop, layout.report.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/session/call.h"
#include "gateway/session/record/consent.h"
#include "gateway/session/objects.h"
#include "gateway/session/rate.h"
#include "gateway/session/record/record.h"
#include "gateway/session/record/record_events.h"

#define CONSENT_EVERY_US 1000000
#define CONSENT_BURST    10
#define LAYOUT_EVERY_US  250000
#define LAYOUT_BURST     20

void hz_call_consent(struct hz_call *call)
{
	const struct hz_consent_answer answer = hz_consent_of_json(call->params);
	// Whoever says no is heard at once, however often.
	if (answer.given && !hz_rate_allow(&call->p->consent_tokens_us, call->brain->now_us, CONSENT_EVERY_US,
	                                   CONSENT_BURST)) {
		hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
		return;
	}
	if (hz_consent_set(call->brain, call->p, &answer)) {
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
		return;
	}
	call->result = json_pack("{s:s}", "consent", hz_consent_name(call->p->consent));
}

static void answer(struct hz_call *call, int err)
{
	if (err) {
		hz_warn("record.call", "consult=%s err=%d", call->p->consult->id, -err);
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
		return;
	}
	call->result = json_pack("{s:o}", "record", hz_record_json(call->brain, call->p->consult, true));
}

void hz_call_record_start(struct hz_call *call)
{
	answer(call, hz_record_start(call->brain, call->p->consult, call->p->id));
}

void hz_call_record_stop(struct hz_call *call)
{
	answer(call, hz_record_stop(call->brain, call->p->consult, call->p->id));
}

void hz_call_layout(struct hz_call *call)
{
	const char *id = json_string_value(json_object_get(call->params, "main"));
	const struct hz_track *track =
	    id ? hz_track_find(call->brain, (hz_id)strtoul(id + 1, NULL, 16)) : NULL;
	if (!hz_record_host(call->p)) {
		hz_call_refuse(call, HZ_RPC_NOT_ALLOWED, NULL, NULL);
		return;
	}
	if (!hz_rate_allow(&call->p->layout_tokens_us, call->brain->now_us, LAYOUT_EVERY_US, LAYOUT_BURST)) {
		hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
		return;
	}
	if (track && track->peer->owner->consult != call->p->consult)
		track = NULL;
	hz_record_event_of(call->brain, call->p, "layout",
	                   json_pack("{s:O, s:O, s:s?, s:s?}", "mode", json_object_get(call->params, "mode"),
	                             "pinned", json_object_get(call->params, "pinned"), "main",
	                             track ? track->peer->owner->id : NULL, "source",
	                             track ? hz_source_name(track->source) : NULL));
}

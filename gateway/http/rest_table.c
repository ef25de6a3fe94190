// /consults/{id}/table
#include <errno.h>

#include "gateway/session/participant.h"
#include "gateway/session/table/reading.h"
#include "gateway/http/rest.h"
#include "signaling/protocol/problem.h"

bool hz_rest_inside(struct hz_rest_call *call)
{
	const struct hz_participant *p =
	    call->consult ? hz_participant_find(call->consult, call->claims.sub) : NULL;
	if (!call->claims.needs_admission || (p && p->status == HZ_STATUS_ADMITTED))
		return true;
	hz_rest_problem(call, 403, NULL, NULL);
	return false;
}

void hz_rest_table_get(struct hz_rest_call *call)
{
	struct hz_reading *reading = NULL;
	if (!hz_rest_inside(call))
		return;
	int err = call->consult ? hz_reading_of(call->brain, call->consult, false, &reading) : -ENOENT;
	if (err)
		hz_rest_error(call, err);
	else
		hz_json_answer(call->res, hz_reading_json(reading, 0, true));
}

#include "gateway/session/visit.h"

#include <stdlib.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/rate.h"
#include "gateway/store/visit.h"

#define EVENT_EVERY_US 1000000
#define EVENT_BURST    60

void hz_visit_log(struct hz_brain *brain, struct hz_participant *p, const char *type, json_t *detail)
{
	char *text = NULL;
	if (!brain->store || brain->store_sick || hz_is_viewers(p))
		goto out;
	if (!hz_rate_allow(&p->visit_tokens_us, brain->now_us, EVENT_EVERY_US, EVENT_BURST)) {
		brain->count.visit_dropped++;
		goto out;
	}
	text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
	const struct hz_event_row row = {
	    .consult = p->consult->id,
	    .participant = p->id,
	    .type = type,
	    .detail = text ? text : "{}",
	    .time_ms = brain->wall_ms,
	};
	int err = hz_store_visit_add(brain->store, &row);
	if (err) {
		brain->count.store_errors++;
		hz_warn("visit.log", "consult=%s err=%d", p->consult->id, -err);
	}
out:
	free(text);
	json_decref(detail);
}

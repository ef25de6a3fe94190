// What was shown and drawn, kept in the PACS that holds it: asked for by somebody (table.keep), or at the end where something was
// drawn. docs/decisions/021-kept.md.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/call.h"
#include "gateway/session/table/images.h"
#include "gateway/session/participant.h"
#include "gateway/session/push.h"
#include "gateway/session/rate.h"
#include "gateway/session/table/reading_internal.h"
#include "gateway/session/record/record_events.h"
#include "gateway/session/table/studies.h"
#include "gateway/session/visit.h"
#include "media/dicomweb/request.h"
#include "signaling/protocol/rpc.h"

static bool is_on(const json_t *what, const json_t *study)
{
	const char *a = json_string_value(json_object_get(what, "study")), *pacs;
	if (!a || strcmp(a, json_string_value(json_object_get(study, "study"))) != 0 ||
	    !json_object_get(what, "instance"))
		return false;
	pacs = json_string_value(json_object_get(what, "pacs"));
	return pacs && strcmp(pacs, json_string_value(json_object_get(study, "pacs"))) == 0;
}

static unsigned panes(const char *layout)
{
	return strcmp(layout, "four") == 0 ? 4 : strcmp(layout, "pair") == 0 ? 2 : 1;
}

// Without who drew it, the order, cine and what is of the panes only: they make no other object.
static json_t *bare(const json_t *json)
{
	json_t *made = json_copy((json_t *)json);
	json_object_del(made, "by");
	json_object_del(made, "n");
	json_object_del(made, "cine");
	json_object_del(made, "at");
	json_object_del(made, "offset_mm");
	json_object_del(made, "marks");
	return made;
}

// Of a study: {consult, pacs, study, time_s, viewports, objects}; NULL: there is nothing, or no memory. drawn: only where
// something was drawn.
static char *state_of(const struct hz_brain *brain, const struct hz_reading *r, const json_t *study,
                      bool drawn)
{
	json_t *viewports = json_array(), *objects = json_array();
	char *text = NULL;
	for (unsigned i = 0; i < panes(r->layout); i++) {
		if (is_on(json_object_get(r->viewport[i], "image"), study))
			json_array_append_new(viewports, bare(r->viewport[i]));
	}
	for (unsigned i = 0; i < r->places; i++) {
		const json_t *json = r->object[i].json;
		if (json && is_on(json_object_get(json, "on"), study))
			json_array_append_new(objects, bare(json));
	}
	bool some = json_array_size(objects) || (!drawn && json_array_size(viewports));
	json_t *json =
	    json_pack("{s:s, s:O, s:O, s:I, s:o, s:o}", "consult", r->consult->id, "pacs",
	              json_object_get(study, "pacs"), "study", json_object_get(study, "study"), "time_s",
	              (json_int_t)(brain->wall_ms / 1000), "viewports", viewports, "objects", objects);
	if (json && some)
		text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(HZ_REAL_DIGITS));
	json_decref(json);
	return text;
}

// What has no PACS has nowhere to go: it would wait for a month, and take the place of what has.
static bool has_pacs(const struct hz_brain *brain, const json_t *study)
{
	const char *pacs = json_string_value(json_object_get(study, "pacs"));
	return pacs && hz_studies_images_of(brain, pacs) == brain->images;
}

// How many studies are on their way; -ENOSPC, -ENOMEM: none more.
static int keep_all(struct hz_brain *brain, const struct hz_reading *r, bool drawn, const char *by)
{
	const json_t *study;
	int count = 0;
	size_t i;
	json_array_foreach(r->studies, i, study)
	{
		char *text = has_pacs(brain, study) ? state_of(brain, r, study, drawn) : NULL;
		int err = text ? hz_images_keep(brain->images, text, by) : 0;
		if (err)
			return err;
		count += text != NULL;
	}
	return count;
}

void hz_call_table_keep(struct hz_call *call)
{
	struct hz_reading *reading = NULL;
	struct hz_brain *brain = call->brain;
	if (!hz_rate_allow(&call->p->keep_tokens_us, brain->now_us, 1000000, 5)) {
		hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
		return;
	}
	int count = brain->images ? hz_reading_of(brain, call->p->consult, false, &reading) : -ENOENT;
	if (!count && reading)
		count = keep_all(brain, reading, false, call->p->id);
	if (count <= 0) {
		hz_call_refuse(call, count == 0 || count == -ENOENT ? HZ_RPC_NOT_FOUND : HZ_RPC_FAILED, NULL,
		               NULL);
		return;
	}
	hz_info("reading.keep", "consult=%s participant=%s studies=%d", call->p->consult->id, call->p->id,
	        count);
	hz_visit_log(brain, call->p, "keep", json_pack("{s:i}", "studies", count));
	call->result = json_pack("{s:i}", "studies", count);
}

void hz_reading_keep_at_end(struct hz_brain *brain, struct hz_consult *consult)
{
	struct hz_reading *reading = NULL;
	if (!brain->images || hz_reading_of(brain, consult, false, &reading) || !reading)
		return;
	int count = keep_all(brain, reading, true, "");
	if (count)
		hz_info("reading.keep", "consult=%s at=end studies=%d", consult->id, count);
}

// It is not on the disk, and nobody tries again: who asked for it, and all who could have, must hear of it.
static const char *failure_of(uint32_t result)
{
	return result == HZ_DWEB_FULL ? "full" : result == HZ_DWEB_DISK ? "disk" : "refused";
}

static void log_failure(struct hz_brain *brain, const struct hz_consult *consult,
                        const struct hz_dweb_kept *news, const char *by)
{
	struct hz_participant *p = by[0] ? hz_participant_find(consult, by) : NULL;
	if (p)
		hz_visit_log(
		    brain, p, "keep_failed",
		    json_pack("{s:s, s:s}", "pacs", news->pacs, "keep_reason", failure_of(news->result)));
}

void hz_reading_on_kept(void *ctx, const struct hz_dweb_kept *news, const char *by)
{
	struct hz_brain *brain = ctx;
	struct hz_consult *consult = hz_map_get(brain->consults, news->consult);
	bool failed = news->state == HZ_DWEB_NOT_TAKEN, kept = !failed && news->result == HZ_DWEB_OK;
	const char *state = failed ? "failed" : kept ? "kept" : "waiting";
	const char *why = failed ? failure_of(news->result) : hz_dweb_result_reason(news->result);
	if (kept)
		hz_info("reading.kept", "consult=%s pacs=%s", news->consult, news->pacs);
	else
		hz_warn("reading.kept", "consult=%s pacs=%s state=%s why=%s", news->consult, news->pacs,
		        state, why);
	if (!consult)
		return;
	json_t *json = json_pack("{s:s, s:s, s:s}", "pacs", news->pacs, "study", news->study, "state", state);
	if (json && !kept)
		json_object_set_new(json, "reason", json_string(why));
	if (failed)
		log_failure(brain, consult, news, by);
	hz_record_event(brain, consult->record, "kept", "", json_deep_copy(json));
	hz_push_admitted(brain, consult, HZ_GRANT_IMAGE, HZ_PUSH_TABLE_KEPT, json);
}

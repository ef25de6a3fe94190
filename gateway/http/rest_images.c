// /consults/{id}/studies: what PACS have (search), and images of studies that lie on the table.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/table/images.h"
#include "gateway/session/pacing.h"
#include "gateway/session/participant.h"
#include "gateway/session/table/reading.h"
#include "gateway/http/rest.h"
#include "gateway/http/rest_record.h"
#include "gateway/session/table/studies.h"
#include "gateway/session/visit.h"
#include "media/dicomweb/request.h"
#include "media/studies/answer.h"
#include "signaling/protocol/problem.h"

// Somebody who is in the consult now: a good token alone is not.
static bool present(struct hz_rest_call *call)
{
	const struct hz_participant *p =
	    call->consult ? hz_participant_find(call->consult, call->claims.sub) : NULL;
	if (p && p->status == HZ_STATUS_ADMITTED && call->brain->images)
		return true;
	hz_rest_problem(call, p && !call->brain->images ? 404 : 403,
	                p && !call->brain->images ? "imaging.enabled is off" : NULL, NULL);
	return false;
}

void hz_rest_pacs_get(struct hz_rest_call *call)
{
	if (!present(call))
		return;
	json_t *names = hz_images_names(call->brain->images);
	if (call->brain->studies)
		json_array_append_new(names, json_string(HZ_LOCAL_PACS));
	hz_json_answer(call->res, json_pack("{s:o}", "items", names));
}

// FNV-1a.
uint64_t hz_rest_asker(const struct hz_rest_call *call)
{
	uint64_t hash = 14695981039346656037u;
	const char *const texts[] = {call->consult->id, "/", call->claims.sub};
	for (unsigned i = 0; i < 3; i++) {
		for (const char *at = texts[i]; *at; at++)
			hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	}
	return hash ? hash : 1;
}

static void ask(struct hz_rest_call *call, const struct hz_dweb_request *what)
{
	hz_images_ask(hz_studies_images_of(call->brain, what->pacs), call->brain->now_us, hz_rest_asker(call),
	              what, call->req, call->res);
}

static bool exact(const char *value)
{
	return value[0] && !strpbrk(value, "*?");
}

// Of what came without a PACS nobody gets a list of other people's patients: he names a study, a patient's number or an accession number, or
// gets what there is of the consult's patient. A token for all consults may list. false: it is answered.
static bool local_search(struct hz_rest_call *call, struct hz_dweb_request *what)
{
	struct hz_local_match match;
	if (!call->claims.consult[0] && (call->claims.grants & HZ_GRANT_MANAGE))
		return true;
	if (!hz_local_query(what->query, &match)) {
		hz_rest_problem(call, 400, "not a query", NULL);
		return false;
	}
	if (match.study[0] || exact(match.patient_id) || exact(match.accession))
		return true;
	json_t *subject = hz_rest_subject_json(call, call->consult->id);
	const char *id = json_string_value(json_object_get(json_object_get(subject, "patient"), "id"));
	size_t used = strlen(what->query);
	bool good = id && exact(id) && used + 3 * strlen(id) + 16 < sizeof(what->query);
	if (good) // the last one of a name counts
		used += (size_t)snprintf(what->query + used, sizeof(what->query) - used, "&PatientID=");
	for (; good && *id; id++)
		used += (size_t)snprintf(what->query + used, sizeof(what->query) - used, "%%%02X",
		                         (unsigned char)*id);
	json_decref(subject);
	if (!good)
		hz_rest_problem(call, 403, "name a study, a patient's number or an accession number",
		                "PatientID");
	return good;
}

void hz_rest_studies_search(struct hz_rest_call *call)
{
	struct hz_dweb_request what = {.kind = HZ_DWEB_SEARCH};
	if (!present(call))
		return;
	if (hz_request_query(call->req, "pacs", what.pacs, sizeof(what.pacs))) {
		hz_rest_problem(call, 400, "the name of a PACS", "pacs");
		return;
	}
	// All but pacs goes on as it came; what does not look like a query is refused.
	const char *at = call->req->query;
	size_t used = 0;
	while (*at) {
		size_t n = strcspn(at, "&");
		bool its = n && strncmp(at, "pacs=", 5) != 0;
		if (its && used + n + 2 >= sizeof(what.query)) { // less asked for would be more found
			hz_rest_problem(call, 400, "a query that is too long", NULL);
			return;
		}
		if (its) {
			used += (size_t)snprintf(what.query + used, sizeof(what.query) - used, "%s%.*s",
			                         used ? "&" : "", (int)n, at);
		}
		at += n + (at[n] == '&');
	}
	if (!strstr(what.query, "limit=") && used + 10 < sizeof(what.query))
		snprintf(what.query + used, sizeof(what.query) - used, "%slimit=50", used ? "&" : "");
	if (!hz_dweb_request_valid(&what)) {
		hz_rest_problem(call, 400, "not a query that can be passed on", "pacs");
		return;
	}
	if (call->brain->studies && strcmp(what.pacs, HZ_LOCAL_PACS) == 0 && !local_search(call, &what))
		return;
	ask(call, &what);
}

// What a path names, of a study that lies on the consult's table. false: it is answered.
static bool on_table(struct hz_rest_call *call, struct hz_dweb_request *ret)
{
	struct hz_reading *reading = NULL;
	if (!present(call))
		return false;
	int err = hz_reading_of(call->brain, call->consult, false, &reading);
	if (err) {
		hz_rest_error(call, err);
		return false;
	}
	if (hz_dweb_request_parse(call->tail, ret) && hz_reading_has_study(reading, ret->pacs, ret->study))
		return true;
	hz_rest_problem(call, 404, "no study on the table", NULL);
	return false;
}

void hz_rest_studies_get(struct hz_rest_call *call)
{
	struct hz_dweb_request what;
	if (!on_table(call, &what))
		return;
	if (what.kind == HZ_DWEB_FORWARD && (what.query[0] || !(call->claims.grants & HZ_GRANT_IMAGE))) {
		hz_rest_problem(call, what.query[0] ? 404 : 403, NULL, NULL); // an order is a PUT
		return;
	}
	if (!hz_images_wants(call->req, &what)) {
		hz_rest_problem(call, 400, "not what a frame can be", "pixels");
		return;
	}
	hz_pacing_answer(call->brain, hz_participant_find(call->consult, call->claims.sub),
	                 call->res); // it is present()
	ask(call, &what);
}

// PUT …/studies/local/STUDY/forwards/PACS: it goes there, and what of it went already is the answer.
void hz_rest_studies_put(struct hz_rest_call *call)
{
	struct hz_dweb_request what;
	struct hz_brain *brain = call->brain;
	if (!on_table(call, &what))
		return;
	if (what.kind != HZ_DWEB_FORWARD || !what.query[0] || !brain->studies ||
	    strcmp(what.pacs, HZ_LOCAL_PACS) != 0) {
		hz_rest_problem(call, 404, NULL, NULL);
		return;
	}
	json_t *names = hz_images_names(brain->images), *name;
	bool known = false;
	size_t i;
	json_array_foreach(names, i, name) known = known || strcmp(json_string_value(name), what.query) == 0;
	json_decref(names);
	if (!known) {
		hz_rest_problem(call, 404, "there is no PACS of this name", NULL);
		return;
	}
	struct hz_participant *p = hz_participant_find(call->consult, call->claims.sub);
	hz_info("studies.forward", "consult=%s participant=%s pacs=%s", call->consult->id, p->id, what.query);
	hz_visit_log(brain, p, "forward", json_pack("{s:s, s:s}", "pacs", what.query, "study", what.study));
	ask(call, &what);
}

// /consults/{id}/studies: what PACS have (search), and images of studies that lie on the table.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/session/images.h"
#include "gateway/session/pacing.h"
#include "gateway/session/participant.h"
#include "gateway/session/reading.h"
#include "gateway/session/rest.h"
#include "gateway/session/studies.h"
#include "media/dicomweb/request.h"
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

// A number for whoever asks, of which nobody else of this gateway's has the same but by chance. FNV-1a.
static uint64_t asker_of(const struct hz_rest_call *call)
{
	uint64_t hash = 14695981039346656037u;
	const char *const texts[] = {call->consult->id, "/", call->claims.sub};
	for (unsigned i = 0; i < 3; i++) {
		for (const char *at = texts[i]; *at; at++)
			hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	}
	return hash;
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
	hz_images_ask(hz_studies_images_of(call->brain, what.pacs), call->brain->now_us, asker_of(call),
	              &what, call->req, call->res);
}

void hz_rest_studies_get(struct hz_rest_call *call)
{
	struct hz_dweb_request what;
	struct hz_reading *reading = NULL;
	if (!present(call))
		return;
	int err = hz_reading_of(call->brain, call->consult, false, &reading);
	if (err) {
		hz_rest_error(call, err);
		return;
	}
	if (!hz_dweb_request_parse(call->tail, &what) ||
	    !hz_reading_has_study(reading, what.pacs, what.study)) {
		hz_rest_problem(call, 404, "no study on the table", NULL);
		return;
	}
	if (!hz_images_wants(call->req, &what)) {
		hz_rest_problem(call, 400, "not what a frame can be", "pixels");
		return;
	}
	hz_pacing_answer(hz_participant_find(call->consult, call->claims.sub), call->res); // it is present()
	hz_images_ask(hz_studies_images_of(call->brain, what.pacs), call->brain->now_us, asker_of(call),
	              &what, call->req, call->res);
}

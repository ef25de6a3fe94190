// REST below /api/v1 (docs/PROTOCOL.md, openapi.json). Thread: control's.
#ifndef HZ_GATEWAY_HTTP_REST_H
#define HZ_GATEWAY_HTTP_REST_H

#include <jansson.h>

#include "gateway/session/model.h"
#include "signaling/server/http.h"

#define HZ_API_PREFIX        "/api/v1"
#define HZ_REST_LIMIT_MAX    200
#define HZ_REST_LIMIT        50
#define HZ_LINKS_PER_CONSULT 1000

struct hz_rest {
	struct hz_brain *brain;
	char public_url[256]; // of links; "": as the request says
};

// One request.
struct hz_rest_call {
	struct hz_rest *rest;
	struct hz_brain *brain;
	const struct hz_request *req;
	struct hz_response *res;
	struct hz_claims claims;       // of its token; zero where none is needed
	char arg[2][HZ_ID_TEXT_BYTES]; // {id}, {pid} ... of the path
	const char *tail;              // {path}, which may have '/' in it; only at the end of a path
	struct hz_consult *consult;    // where the path names one that is open
};

enum hz_rest_access {
	HZ_REST_PUBLIC,  // no token
	HZ_REST_TOKEN,   // any good one
	HZ_REST_CONSULT, // good for the consult in the path
};

struct hz_rest_route {
	enum hz_http_method method;
	const char *path; // below the prefix, {name} stands for one segment
	enum hz_rest_access access;
	uint32_t grant; // any one of these bits; 0: none needed
	void (*run)(struct hz_rest_call *call);
};

// The table; the last one has no path.
extern const struct hz_rest_route hz_rest_routes[];

// Answers what is below HZ_API_PREFIX: true. Durable on return.
bool hz_rest_handle(struct hz_rest *rest, const struct hz_request *req, struct hz_response *res);

// --- for the handlers

// A problem; detail and field may be NULL.
void hz_rest_problem(struct hz_rest_call *call, int status, const char *detail, const char *field);
// Of an error of the store or a bound: 503, 409, 500.
void hz_rest_error(struct hz_rest_call *call, int err);
// limit= and cursor=. false: the response is a problem.
bool hz_rest_page(struct hz_rest_call *call, unsigned *ret_limit, char ret_cursor[HZ_ID_TEXT_BYTES]);
// {items, next}; takes over both.
void hz_rest_list(struct hz_rest_call *call, json_t *items, const char *next);

// A page of rows that the store numbered (rest_page.c). The cursor is the number of the last one given out.
struct hz_rest_rows {
	json_t *items;
	int64_t after;
	unsigned limit;
	char last[24];
	bool more;
};
// false: the response is a problem. Ask the store for limit + 1 rows behind `after`.
bool hz_rest_rows_begin(struct hz_rest_call *call, struct hz_rest_rows *rows);
// The id of a row that is to be added to items; NULL: the page is full, stop.
const char *hz_rest_rows_next(struct hz_rest_rows *rows, int64_t seq);
// err: of the store. columns: members of an item, NULL at the end, for ?format=csv; NULL: JSON only.
void hz_rest_rows_end(struct hz_rest_call *call, struct hz_rest_rows *rows, int err,
                      const char *const *columns);
// A good token with any one of these grants; its claims are in the call then. false: the response is a problem.
bool hz_rest_token(struct hz_rest_call *call, uint32_t grant);
// May this token be used for that consult?
bool hz_rest_own(const struct hz_rest_call *call, const char *consult);
// Inside the consult of the path: a token that needs no admission, or whose participant was admitted. false: 403.
bool hz_rest_inside(struct hz_rest_call *call);
// https://host of the links.
void hz_rest_base_url(const struct hz_rest_call *call, char *ret, size_t bytes);

// Before its body is here: is this a request for `run`, with a token that may, of somebody inside? 0, or the status that refuses it: 413, 401, 403 ...
// *ret_asker: as hz_rest_asker().
int hz_rest_admit(struct hz_rest *rest, const struct hz_request *req, void (*run)(struct hz_rest_call *call),
                  uint64_t *ret_asker);
// A number for whoever asks, of which nobody else of this gateway's has the same but by chance; not 0.
uint64_t hz_rest_asker(const struct hz_rest_call *call);

void hz_rest_upload_put(struct hz_rest_call *call);
void hz_rest_upload_get(struct hz_rest_call *call);
void hz_rest_openapi(struct hz_rest_call *call);
void hz_rest_consults_get(struct hz_rest_call *call);
void hz_rest_consults_post(struct hz_rest_call *call);
void hz_rest_consult_get(struct hz_rest_call *call);
void hz_rest_consult_patch(struct hz_rest_call *call);
void hz_rest_consult_delete(struct hz_rest_call *call);
void hz_rest_participants_get(struct hz_rest_call *call);
void hz_rest_participant_get(struct hz_rest_call *call);
void hz_rest_participant_patch(struct hz_rest_call *call);
void hz_rest_participant_delete(struct hz_rest_call *call);
void hz_rest_participant_stats(struct hz_rest_call *call);
void hz_rest_recording_get(struct hz_rest_call *call);
void hz_rest_recording_post(struct hz_rest_call *call);
void hz_rest_recording_delete(struct hz_rest_call *call);
void hz_rest_recordings_get(struct hz_rest_call *call);
void hz_rest_recording_one(struct hz_rest_call *call);
void hz_rest_recording_manifest(struct hz_rest_call *call);
void hz_rest_recording_timeline(struct hz_rest_call *call);
void hz_rest_recording_certificate(struct hz_rest_call *call);
void hz_rest_recording_file(struct hz_rest_call *call);
void hz_rest_views_get(struct hz_rest_call *call);
void hz_rest_views_post(struct hz_rest_call *call);
void hz_rest_view_put(struct hz_rest_call *call);
void hz_rest_archive_get(struct hz_rest_call *call);
void hz_rest_consents_get(struct hz_rest_call *call);
void hz_rest_events_get(struct hz_rest_call *call);
void hz_rest_layout_get(struct hz_rest_call *call);
void hz_rest_layout_put(struct hz_rest_call *call);
void hz_rest_broadcast_get(struct hz_rest_call *call);
void hz_rest_broadcast_put(struct hz_rest_call *call);
void hz_rest_broadcast_delete(struct hz_rest_call *call);
void hz_rest_broadcast_watch(struct hz_rest_call *call);
void hz_rest_broadcast_events(struct hz_rest_call *call);
void hz_rest_masks_put(struct hz_rest_call *call);
void hz_rest_targets_get(struct hz_rest_call *call);
void hz_rest_targets_post(struct hz_rest_call *call);
void hz_rest_target_patch(struct hz_rest_call *call);
void hz_rest_target_delete(struct hz_rest_call *call);
void hz_rest_profiles_get(struct hz_rest_call *call);
void hz_rest_profile_put(struct hz_rest_call *call);
void hz_rest_profile_delete(struct hz_rest_call *call);
void hz_rest_table_get(struct hz_rest_call *call);
void hz_rest_pacs_get(struct hz_rest_call *call);
void hz_rest_studies_search(struct hz_rest_call *call);
void hz_rest_studies_get(struct hz_rest_call *call);
void hz_rest_studies_put(struct hz_rest_call *call);
void hz_rest_audience_feed(struct hz_rest_call *call);
void hz_rest_audience_post(struct hz_rest_call *call);
void hz_rest_audience_delete(struct hz_rest_call *call);
void hz_rest_audience_messages(struct hz_rest_call *call);
void hz_rest_audience_poster_get(struct hz_rest_call *call);
void hz_rest_audience_poster_put(struct hz_rest_call *call);
void hz_rest_audience_poster_delete(struct hz_rest_call *call);
void hz_rest_sources_get(struct hz_rest_call *call);
void hz_rest_sources_post(struct hz_rest_call *call);
void hz_rest_source_get(struct hz_rest_call *call);
void hz_rest_source_patch(struct hz_rest_call *call);
void hz_rest_source_delete(struct hz_rest_call *call);
void hz_rest_source_thumbnail(struct hz_rest_call *call);
void hz_rest_links_get(struct hz_rest_call *call);
void hz_rest_links_post(struct hz_rest_call *call);
void hz_rest_link_delete(struct hz_rest_call *call);
void hz_rest_link_info(struct hz_rest_call *call);
void hz_rest_link_redeem(struct hz_rest_call *call);

#endif

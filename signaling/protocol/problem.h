// Errors of the HTTP interface: application/problem+json (RFC 9457) with an extension member `field`, a JSON Pointer
// into the body or the name of the query parameter or header at fault. Thread: any.
#ifndef HZ_SIGNALING_PROTOCOL_PROBLEM_H
#define HZ_SIGNALING_PROTOCOL_PROBLEM_H

#include <jansson.h>

#include "signaling/protocol/schema.h"
#include "signaling/server/http.h"

#define HZ_PROBLEM_TYPE "application/problem+json"

// {"type":"about:blank","title":..,"status":..,"detail":..,"field":..}; detail and field may be NULL. malloc'd; NULL
// when out of memory. The title is the status' own phrase.
char *hz_problem_text(int status, const char *detail, const char *field);

// Makes it the answer. detail is for a person, in English, without anything the caller may not know.
void hz_problem_answer(struct hz_response *res, int status, const char *detail, const char *field);

// Parses a JSON body strictly and checks it against ("rest", name). 0 and a new reference, or -EBADMSG and res already
// holds the problem (415 wrong content type, 400 not JSON, 422 with field).
int hz_problem_body(const struct hz_request *req, const char *name, struct hz_response *res, json_t **ret);

// Answers with a JSON value; takes over the reference. Status is left as it is (200 by default).
void hz_json_answer(struct hz_response *res, json_t *value);

#endif

// Inside gateway/http: what /consults needs to know of recording.
#ifndef HZ_GATEWAY_HTTP_REST_RECORD_H
#define HZ_GATEWAY_HTTP_REST_RECORD_H

#include "gateway/http/rest.h"

// What the schema of `subject` cannot say; false: the response is a problem.
bool hz_rest_subject_valid(struct hz_rest_call *call, const json_t *body);
// Durable on return. null or NULL forgets it. -errno of the store.
int hz_rest_subject_put(struct hz_rest_call *call, const char *consult, const json_t *subject);
// A new reference; NULL: there is none.
json_t *hz_rest_subject_json(const struct hz_rest_call *call, const char *consult);

#endif

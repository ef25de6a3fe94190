// Posts a transaction Bundle to a FHIR R4 server (http.html#transaction), with a static token or one of OAuth 2.0 client
// credentials (RFC 6749 section 4.4). Thread: one at a time a client.
#ifndef HZ_RECORDER_OUTBOX_FHIR_POST_H
#define HZ_RECORDER_OUTBOX_FHIR_POST_H

#include <stddef.h>
#include <stdint.h>

#include "recorder/outbox/http.h"
#include "recorder/outbox/outcome.h"

struct hz_fhir_client;

struct hz_fhir_access {
	struct hz_http_target target; // url: the server's base. user, password and token as configured
	const char *token_url, *client_id, *client_secret, *scope; // token_url "": no OAuth 2.0
};

int hz_fhir_client_new(const struct hz_fhir_access *access,
                       struct hz_fhir_client **ret);     // access: kept, the caller's
void hz_fhir_client_free(struct hz_fhir_client *client); // NULL allowed; wipes the token

enum hz_outcome hz_fhir_post(struct hz_fhir_client *client, const char *path, uint64_t bytes,
                             struct hz_outcome_text *ret);

// Reads an answer: a transaction-response whose entries were all created or found, or an OperationOutcome, of which code and
// expression are kept (its texts may repeat names). sent: the entries that were asked; an answer to fewer is refused, it proves
// nothing of the rest.
enum hz_outcome hz_fhir_answer(long status, const char *body, size_t bytes, size_t sent,
                               struct hz_outcome_text *ret);

// Reads a token answer (RFC 6749 section 5.1). 0; -EBADMSG. ret: free().
int hz_fhir_token_answer(const char *body, size_t bytes, char **ret, long *ret_seconds);

#endif

#include "recorder/outbox/fhir_post.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "recorder/record/fhir.h"
#include "recorder/record/files.h"

#define TOKEN_BYTES 4000

struct hz_fhir_client {
	const struct hz_fhir_access *access;
	char *token;
	int64_t token_until_us;
};

int hz_fhir_client_new(const struct hz_fhir_access *access, struct hz_fhir_client **ret)
{
	struct hz_fhir_client *client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->access = access;
	*ret = client;
	return 0;
}

static void forget(struct hz_fhir_client *client)
{
	if (client->token)
		hz_wipe(client->token, strlen(client->token));
	free(client->token);
	client->token = NULL;
}

void hz_fhir_client_free(struct hz_fhir_client *client)
{
	if (client)
		forget(client);
	free(client);
}

int hz_fhir_token_answer(const char *body, size_t bytes, char **ret, long *ret_seconds)
{
	json_t *answer = json_loadb(body, bytes, 0, NULL);
	const char *token = json_string_value(json_object_get(answer, "access_token"));
	const char *type = json_string_value(json_object_get(answer, "token_type"));
	const json_t *expires = json_object_get(answer, "expires_in");
	size_t n = token ? strlen(token) : 0;
	bool good = n > 0 && n < TOKEN_BYTES && type && strcasecmp(type, "bearer") == 0;
	for (size_t i = 0; good && i < n; i++)
		good = isgraph((unsigned char)token[i]); // RFC 6750 section 2.1: b64token
	char *copy = good ? strdup(token) : NULL;
	long seconds = json_is_integer(expires) ? (long)json_integer_value(expires) : 300;
	json_decref(answer);
	if (!copy)
		return good ? -ENOMEM : -EBADMSG;
	*ret = copy;
	*ret_seconds = seconds < 0 ? 0 : seconds > 86400 ? 86400 : seconds;
	return 0;
}

// Form fields (RFC 6749 appendix B) with what is not plain percent-encoded.
static void form(const char *text, char *ret, size_t room)
{
	size_t n = 0;
	for (; *text && n + 4 < room; text++)
		if (isalnum((unsigned char)*text) || strchr("-._~", *text))
			ret[n++] = *text;
		else
			n += (size_t)snprintf(ret + n, 4, "%%%02X", (unsigned char)*text);
	ret[n] = '\0';
}

static enum hz_outcome get_token(struct hz_fhir_client *client, struct hz_outcome_text *ret)
{
	const struct hz_fhir_access *a = client->access;
	char scope[1024], id[1024], secret[2048], body[1200];
	struct hz_http_target target = a->target;
	struct hz_http_answer answer;
	long seconds = 0;
	form(a->scope ? a->scope : "", scope, sizeof(scope));
	form(a->client_id, id,
	     sizeof(id)); // RFC 6749 section 2.3.1: encoded before they become user and password
	form(a->client_secret, secret, sizeof(secret));
	target.token = NULL;
	target.user = id;
	target.password = secret;
	snprintf(body, sizeof(body), "grant_type=client_credentials%s%s", *scope ? "&scope=" : "", scope);
	const struct hz_http_post post = {.url = a->token_url,
	                                  .content_type = "application/x-www-form-urlencoded",
	                                  .accept = "application/json",
	                                  .head = body,
	                                  .tail = ""};
	int err = hz_http_post(&target, &post, &answer);
	hz_wipe(secret, sizeof(secret));
	if (err == -ECANCELED)
		return hz_outcome_say(HZ_STOPPED, ret, "stopped");
	if (err)
		return hz_outcome_say(HZ_AWAY, ret, "token server: %s", answer.why);
	if (answer.status == 200)
		err = hz_fhir_token_answer(answer.body, answer.bytes, &client->token, &seconds);
	hz_wipe(answer.body, answer.bytes);
	free(answer.body);
	if (answer.status != 200 || err)
		return hz_outcome_say(HZ_AWAY, ret, "the token server gives no token (%ld)", answer.status);
	client->token_until_us = hz_now_us() + (seconds > 60 ? seconds - 30 : seconds / 2) * 1000000ll;
	return HZ_STORED;
}

// Words from outside: printable ASCII only, and short.
static void word(const char *text, char ret[64])
{
	size_t n = 0;
	for (; text && *text && n < 63; text++)
		if (isgraph((unsigned char)*text))
			ret[n++] = *text;
	ret[n] = '\0';
}

static enum hz_outcome of_status(long status, const json_t *answer, struct hz_outcome_text *ret)
{
	char code[64], where[64];
	const json_t *issue = json_array_get(json_object_get(answer, "issue"), 0);
	word(json_string_value(json_object_get(issue, "code")), code);
	word(json_string_value(json_array_get(json_object_get(issue, "expression"), 0)), where);
	const char *gap = *code ? " " : "", *at = *where ? " at " : "";
	if (status == 401 || status == 407)
		return hz_outcome_say(HZ_AWAY, ret, "the EMR refuses our credentials (%ld)", status);
	if (status == 408 || status == 429 || status == 502 || status == 503 || status == 504)
		return hz_outcome_say(HZ_AWAY, ret, "the EMR is not able now (%ld)", status);
	if (status >= 500)
		return hz_outcome_say(HZ_LATER, ret, "the EMR fails (%ld%s%s%s%s)", status, gap, code, at,
		                      where);
	if (status >= 400)
		return hz_outcome_say(HZ_REFUSED, ret, "the EMR refuses it (%ld%s%s%s%s)", status, gap, code,
		                      at, where);
	return hz_outcome_say(HZ_REFUSED, ret, "what answers is no FHIR server (%ld)", status);
}

static long entry_status(const json_t *entry)
{
	const char *text = json_string_value(json_object_get(json_object_get(entry, "response"), "status"));
	return text ? strtol(text, NULL, 10) : 0;
}

enum hz_outcome hz_fhir_answer(long status, const char *body, size_t bytes, size_t sent,
                               struct hz_outcome_text *ret)
{
	json_t *answer = json_loadb(body, bytes, 0, NULL);
	const json_t *entry, *entries = json_object_get(answer, "entry");
	const char *type = json_string_value(json_object_get(answer, "resourceType"));
	enum hz_outcome outcome = HZ_STORED;
	size_t i;
	ret->why[0] = '\0';
	if (status != 200 && status != 201)
		outcome = of_status(status, answer, ret);
	else if (!type || strcmp(type, "Bundle") != 0)
		outcome = hz_outcome_say(HZ_REFUSED, ret, "what answers is no FHIR server (%ld)", status);
	else if (json_array_size(entries) == 0) // R4 http.html 3.1.0.11.3: one answer an entry
		outcome = hz_outcome_say(HZ_LATER, ret, "the EMR does not say that it stored it");
	else
		json_array_foreach(entries, i, entry)
		{
			long one = entry_status(entry);
			if (outcome == HZ_STORED &&
			    (one < 200 || one > 299)) // a server that treats a transaction as a batch
				outcome = of_status(
				    one ? one : 599,
				    json_object_get(json_object_get(entry, "response"), "outcome"), ret);
		}
	if (outcome == HZ_STORED && json_array_size(entries) < sent)
		outcome = hz_outcome_say(HZ_REFUSED, ret,
		                         "the EMR answers %zu of %zu entries: it may lack the others",
		                         json_array_size(entries), sent);
	json_decref(answer);
	return outcome;
}

// How many the Bundle in that file has.
static int count_entries(const char *path, size_t *ret)
{
	char *text = NULL;
	size_t bytes = 0;
	int err = hz_document_read(path, HZ_FHIR_BYTES, &text, &bytes);
	if (err)
		return err;
	json_t *bundle = json_loadb(text, bytes, 0, NULL);
	*ret = json_array_size(json_object_get(bundle, "entry"));
	err = bundle ? 0 : -EBADMSG;
	json_decref(bundle);
	free(text);
	return err;
}

enum hz_outcome hz_fhir_post(struct hz_fhir_client *client, const char *path, uint64_t bytes,
                             struct hz_outcome_text *ret)
{
	const struct hz_fhir_access *a = client->access;
	struct hz_http_target target = a->target;
	struct hz_http_answer answer;
	bool oauth = a->token_url && *a->token_url;
	size_t sent = 0;
	int err = count_entries(path, &sent);
	if (err)
		return hz_outcome_say(HZ_LATER, ret, "the Bundle cannot be read: %s", strerror(-err));
	if (oauth && client->token && hz_now_us() >= client->token_until_us)
		forget(client);
	if (oauth && !client->token) {
		enum hz_outcome got = get_token(client, ret);
		if (got != HZ_STORED)
			return got;
	}
	if (oauth)
		target.token = client->token;
	const struct hz_http_post post = {.url = target.url,
	                                  .content_type = "application/fhir+json",
	                                  .accept = "application/fhir+json",
	                                  .head = "",
	                                  .tail = "",
	                                  .file = path,
	                                  .file_bytes = bytes};
	err = hz_http_post(&target, &post, &answer);
	if (err == -ECANCELED)
		return hz_outcome_say(HZ_STOPPED, ret, "stopped");
	if (err == -EHOSTUNREACH || err == -EPROTO)
		return hz_outcome_say(HZ_AWAY, ret, "%s", answer.why);
	if (err)
		return hz_outcome_say(HZ_LATER, ret, "%s", answer.why[0] ? answer.why : strerror(-err));
	if (answer.status == 401 && oauth)
		forget(client);
	enum hz_outcome outcome = hz_fhir_answer(answer.status, answer.body, answer.bytes, sent, ret);
	free(answer.body);
	return outcome;
}

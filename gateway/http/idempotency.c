#include "gateway/http/idempotency.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/hex.h"
#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/persist.h"
#include "gateway/store/links.h"
#include "signaling/auth/digest.h"
#include "signaling/protocol/problem.h"

#define KEY_MAX_CHARS 255

static void hash_of(const char *label, const struct hz_rest_call *call, const char *key, uint8_t *ret)
{
	char text[1024];
	int n = snprintf(text, sizeof(text), "%s\n%s\n%s\n%s\n%s", label, call->claims.sub,
	                 call->claims.consult, call->req->path, key);
	hz_sha256(text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1, ret);
	hz_wipe(text, sizeof(text));
}

// Counter mode over SHA-256(secret, counter): the secret is used for one answer only.
static void crypt_bytes(const uint8_t secret[HZ_STORE_HASH_BYTES], uint8_t *data, size_t bytes)
{
	uint8_t block[HZ_STORE_HASH_BYTES + 8], stream[HZ_STORE_HASH_BYTES];
	memcpy(block, secret, HZ_STORE_HASH_BYTES);
	for (size_t i = 0; i < bytes; i++) {
		if (i % HZ_STORE_HASH_BYTES == 0) {
			uint64_t counter = i / HZ_STORE_HASH_BYTES;
			memcpy(block + HZ_STORE_HASH_BYTES, &counter, sizeof(counter));
			hz_sha256(block, sizeof(block), stream);
		}
		data[i] ^= stream[i % HZ_STORE_HASH_BYTES];
	}
	hz_wipe(block, sizeof(block));
	hz_wipe(stream, sizeof(stream));
}

static char *to_hex(const uint8_t *data, size_t bytes)
{
	char *text = malloc(2 * bytes + 1);
	if (text)
		hz_hex_text(data, bytes, text);
	return text;
}

struct replay {
	struct hz_idempotency *once;
	struct hz_rest_call *call;
};

static void on_found(void *arg, const uint8_t *request_hash, unsigned status, const char *body)
{
	struct replay *replay = arg;
	size_t bytes = strlen(body) / 2;
	uint8_t *text = malloc(bytes + 1);
	if (!text || !hz_equal(request_hash, replay->once->request_hash, HZ_STORE_HASH_BYTES)) {
		hz_rest_problem(replay->call, text ? 422 : 500, "this key was used for another request",
		                "Idempotency-Key");
		free(text);
		return;
	}
	for (size_t i = 0; i < bytes; i++) {
		const char pair[3] = {body[2 * i], body[2 * i + 1], '\0'};
		text[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	crypt_bytes(replay->once->secret, text, bytes);
	hz_response_status(replay->call->res, (int)status);
	hz_response_header(replay->call->res, "Idempotency-Replayed", "true");
	hz_response_take(replay->call->res, status >= 400 ? HZ_PROBLEM_TYPE : "application/json", text,
	                 bytes);
}

bool hz_idempotency_begin(struct hz_idempotency *once, struct hz_rest_call *call)
{
	const char *key = call->req->header[HZ_H_IDEMPOTENCY_KEY];
	struct replay replay = {once, call};
	memset(once, 0, sizeof(*once));
	if (!key || !call->brain->store)
		return false;
	if (!key[0] || strlen(key) > KEY_MAX_CHARS) {
		hz_rest_problem(call, 400, "1 to 255 characters", "Idempotency-Key");
		return true;
	}
	hash_of("key", call, key, once->key_hash);
	hash_of("answer", call, key, once->secret);
	hz_sha256(call->req->body, call->req->body_bytes, once->request_hash);
	int err = hz_store_idempotency_get(call->brain->store, once->key_hash, on_found, &replay);
	once->active = err == -ENOENT;
	if (err && err != -ENOENT)
		hz_rest_error(call, err == -ENOSPC ? -EBUSY : err);
	return !once->active;
}

void hz_idempotency_end(struct hz_idempotency *once, struct hz_rest_call *call)
{
	size_t bytes = 0;
	const void *body = hz_response_body(call->res, &bytes);
	int status = hz_response_get_status(call->res);
	if (!once->active || status >= 500 || !body)
		goto out;
	uint8_t *copy = malloc(bytes + 1);
	char *hex = NULL;
	if (copy) {
		memcpy(copy, body, bytes);
		crypt_bytes(once->secret, copy, bytes);
		hex = to_hex(copy, bytes);
	}
	if (hex) {
		struct hz_idempotency_row row = {
		    .status = (unsigned)status,
		    .body = hex,
		    .at_ms = call->brain->wall_ms,
		};
		memcpy(row.key_hash, once->key_hash, sizeof(row.key_hash));
		memcpy(row.request_hash, once->request_hash, sizeof(row.request_hash));
		int err = hz_store_idempotency_put(call->brain->store, &row);
		if (err)
			hz_store_rollback(call->brain->store);
		else
			err = hz_persist_commit(call->brain);
		if (err) // the work itself is done and answered
			hz_warn("rest.idempotency", "err=%d", -err);
	}
	free(copy);
	free(hex);
out:
	hz_wipe(once->secret, sizeof(once->secret));
}

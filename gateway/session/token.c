#include "gateway/session/token.h"

#include <errno.h>
#include <string.h>

#include "gateway/session/consult.h"
#include "gateway/session/persist.h"
#include "gateway/store/links.h"
#include "signaling/auth/digest.h"
#include "signaling/auth/jwt_seen.h"

int hz_token_verify(struct hz_brain *brain, const char *token, struct hz_claims *ret)
{
	enum hz_jwt_result result =
	    hz_jwt_verify_again(brain->keys, token, strlen(token), brain->wall_ms / 1000, ret);
	if (result == HZ_JWT_OK)
		return 0;
	brain->count.token_refused[result]++;
	return -EACCES;
}

static void jti_hash(const struct hz_claims *claims, uint8_t ret[HZ_STORE_HASH_BYTES])
{
	hz_sha256(claims->jti, strlen(claims->jti), ret);
}

int hz_token_check(struct hz_brain *brain, const struct hz_claims *claims, const char *consult)
{
	int64_t removed_ms = 0;
	uint8_t hash[HZ_STORE_HASH_BYTES];
	bool used = false, revoked = false;
	if (!brain->store)
		return 0;
	int err = hz_store_removed_get(brain->store, consult, claims->sub, &removed_ms);
	if (err)
		return err;
	// Whole seconds: one issued in the second of the removal is not later.
	if (removed_ms && claims->iat_s <= removed_ms / 1000) {
		brain->count.token_removed++;
		return -EACCES;
	}
	if (claims->link[0]) {
		err = hz_store_link_revoked(brain->store, claims->link, &revoked);
		if (err)
			return err;
	}
	if (revoked) {
		brain->count.token_link++;
		return -EACCES;
	}
	if (!claims->once)
		return 0;
	jti_hash(claims, hash);
	err = hz_store_token_used(brain->store, hash, &used);
	if (!err && used) {
		brain->count.token_used++;
		err = -EACCES;
	}
	return err;
}

int hz_token_use(struct hz_brain *brain, const struct hz_claims *claims)
{
	uint8_t hash[HZ_STORE_HASH_BYTES];
	if (!claims->once || !brain->store)
		return 0;
	jti_hash(claims, hash);
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	int err = hz_store_token_use(brain->store, hash, claims->exp_s * 1000);
	if (err == -EEXIST) {
		brain->count.token_used++;
		return -EACCES;
	}
	if (err) {
		hz_store_rollback(brain->store);
		return err;
	}
	return hz_persist_commit(brain);
}

int hz_token_consult(struct hz_brain *brain, const struct hz_claims *claims, struct hz_consult **ret)
{
	if (!claims->consult[0]) {
		brain->count.token_consult++;
		return -EACCES;
	}
	int err = hz_consult_get(brain, claims->consult, ret);
	if (err == -ENOENT && (claims->grants & HZ_GRANT_CREATE)) {
		err = hz_consult_create(brain, claims->consult, claims->consult, ret);
		if (!err && claims->record != HZ_RECORD_UNSAID)
			err = hz_consult_set_wish(brain, *ret, claims->record);
	}
	if (err == -ENOENT || err == -ESTALE || err == -EEXIST) {
		brain->count.token_consult++;
		return -EACCES;
	}
	return err;
}

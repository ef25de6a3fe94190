#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "signaling/auth/jwt_internal.h"

struct hz_jwt_keys *hz_jwt_keys_new(void)
{
	return calloc(1, sizeof(struct hz_jwt_keys));
}

void hz_jwt_key_done(struct hz_jwt_key *key)
{
	if (key->secret)
		hz_wipe(key->secret, key->secret_bytes);
	free(key->secret);
	EVP_PKEY_free(key->pkey);
	free(key->issuer);
	free(key->audience);
	memset(key, 0, sizeof *key);
}

void hz_jwt_keys_free(struct hz_jwt_keys *keys)
{
	if (!keys)
		return;
	for (unsigned i = 0; i < keys->count; i++)
		hz_jwt_key_done(&keys->key[i]);
	hz_jwt_seen_free(keys->seen);
	free(keys);
}

const struct hz_jwt_key *hz_jwt_key_find(const struct hz_jwt_keys *keys, const char *kid)
{
	for (unsigned i = 0; i < keys->count; i++)
		if (strcmp(keys->key[i].kid, kid) == 0)
			return &keys->key[i];
	return NULL;
}

bool hz_jwt_kid_valid(const char *kid)
{
	size_t bytes = strlen(kid);

	if (!bytes || bytes >= HZ_JWT_KID_BYTES)
		return false;
	for (; *kid; kid++)
		if (*kid <= ' ' || *kid > '~')
			return false;
	return true;
}

int hz_jwt_keys_add_secret(struct hz_jwt_keys *keys, const char *kid, const void *secret, size_t bytes)
{
	struct hz_jwt_key *key = &keys->key[keys->count];

	if (!kid || !hz_jwt_kid_valid(kid) || bytes < HZ_JWT_MIN_SECRET_BYTES ||
	    bytes > HZ_JWT_MAX_SECRET_BYTES)
		return -EINVAL;
	if (hz_jwt_key_find(keys, kid))
		return -EEXIST;
	if (keys->count == HZ_JWT_MAX_KEYS)
		return -ENOSPC;
	key->secret = malloc(bytes);
	if (!key->secret)
		return -ENOMEM;
	memcpy(key->secret, secret, bytes);
	memcpy(key->kid, kid, strlen(kid) + 1);
	key->secret_bytes = bytes;
	key->algorithm = HZ_JWT_HS256;
	keys->count++;
	return 0;
}

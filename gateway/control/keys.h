// The keys that sign join tokens: configured ones (tokens.keys, tokens.oidc_*), or one that is made at the first start
// and kept in data.dir/keys.json, mode 0600: {"keys": [{"kid": "...", "secret": "..."}]}. Thread: one.
#ifndef HZ_GATEWAY_CONTROL_KEYS_H
#define HZ_GATEWAY_CONTROL_KEYS_H

#include "gateway/config.h"
#include "signaling/auth/jwt.h"

#define HZ_KEYS_ERROR_BYTES 256

// *ret is the caller's: hz_jwt_keys_free(). On failure -errno and one line "what, where, what to do" in error.
int hz_token_keys_load(const struct hz_config *config, char error[HZ_KEYS_ERROR_BYTES],
                       struct hz_jwt_keys **ret);

#endif

// Time-limited credentials for a TURN server that knows a shared secret (coturn's use-auth-secret, the "TURN REST API"
// convention): username = expiry in seconds since 1970, ":", a word; password = base64(HMAC-SHA1(secret, username)).
// The word is a keyed hash of the participant's id: it tells a TURN server's log nothing about a person. Thread: any.
#ifndef HZ_SIGNALING_AUTH_TURN_H
#define HZ_SIGNALING_AUTH_TURN_H

#include <stdint.h>

#define HZ_TURN_USERNAME_BYTES 40 // with NUL
#define HZ_TURN_PASSWORD_BYTES 29 // 28 characters and NUL

struct hz_turn_credential {
	char username[HZ_TURN_USERNAME_BYTES];
	char password[HZ_TURN_PASSWORD_BYTES];
};

// Wipe the result after use. 0; -EINVAL empty secret; -EIO OpenSSL failed.
int hz_turn_credential(const char *secret, int64_t expires_s, const char *participant,
                       struct hz_turn_credential *ret);

#endif

#include "signaling/auth/turn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "gateway/base/hex.h"

#define WORD_BYTES 8
#define SHA1_BYTES 20

static int hmac(const EVP_MD *md, const char *secret, const char *text, uint8_t ret[EVP_MAX_MD_SIZE])
{
	unsigned bytes = 0;
	return HMAC(md, secret, (int)strlen(secret), (const uint8_t *)text, strlen(text), ret, &bytes) ? 0
	                                                                                               : -EIO;
}

int hz_turn_credential(const char *secret, int64_t expires_s, const char *participant,
                       struct hz_turn_credential *ret)
{
	uint8_t word[EVP_MAX_MD_SIZE], mac[EVP_MAX_MD_SIZE];
	char hex[2 * WORD_BYTES + 1];
	if (!secret[0])
		return -EINVAL;
	if (hmac(EVP_sha256(), secret, participant, word))
		return -EIO;
	hz_hex_text(word, WORD_BYTES, hex);
	snprintf(ret->username, sizeof(ret->username), "%" PRId64 ":%s", expires_s, hex);
	if (hmac(EVP_sha1(), secret, ret->username, mac))
		return -EIO;
	EVP_EncodeBlock((uint8_t *)ret->password, mac, SHA1_BYTES);
	return 0;
}

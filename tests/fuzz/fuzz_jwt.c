// Tokens from anyone. The input is "H" header NUL payload, signed here with a good key so that the claims parser is
// reached; "J" a JWKS document; anything else a token as it is.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "signaling/auth/base64url.h"
#include "signaling/auth/jwt.h"

#define NOW 1700000000

static const char secret[] = "0123456789abcdef0123456789abcdef";
static struct hz_jwt_keys *keys;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(const char *token, size_t bytes)
{
	struct hz_claims claims;

	if (hz_jwt_verify(keys, token, bytes, NOW, &claims) != HZ_JWT_OK)
		return;
	if (!hz_id_valid(claims.sub) || !hz_name_valid(claims.name) || claims.exp_s <= NOW ||
	    (claims.grants & ~(hz_role_grants(claims.role) | HZ_GRANT_CREATE)))
		abort();
}

static void signed_token(const uint8_t *data, size_t bytes)
{
	const uint8_t *nul = memchr(data, 0, bytes);
	size_t header_bytes = nul ? (size_t)(nul - data) : bytes;
	size_t payload_bytes = nul ? bytes - header_bytes - 1 : 0, used;
	char *text = malloc(HZ_BASE64URL_CHARS(bytes) + 128);
	unsigned char mac[32];

	hz_base64url_encode(data, header_bytes, text);
	strcat(text, ".");
	hz_base64url_encode(nul ? nul + 1 : data, payload_bytes, text + strlen(text));
	used = strlen(text);
	HMAC(EVP_sha256(), secret, 32, (unsigned char *)text, used, mac, NULL);
	text[used] = '.';
	hz_base64url_encode(mac, sizeof mac, text + used + 1);
	check(text, strlen(text));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (!keys) {
		keys = hz_jwt_keys_new();
		hz_jwt_keys_add_secret(keys, "k1", secret, 32);
	}
	if (bytes && data[0] == 'H') {
		signed_token(data + 1, bytes - 1);
	} else if (bytes && data[0] == 'J') {
		struct hz_jwt_keys *fresh = hz_jwt_keys_new();

		hz_jwt_keys_add_jwks(fresh, (const char *)data + 1, bytes - 1, "https://issuer.example", "a");
		hz_jwt_keys_free(fresh);
	} else {
		check((const char *)data, bytes);
	}
	return 0;
}

// Tokens that must be refused, and for the right reason.
#include <errno.h>

#include "tests/unit/auth/tokens.h"

static struct hz_jwt_keys *keys;
static EVP_PKEY *rsa, *ec, *stranger;

static int set_up(void **state)
{
	char *a, *b, set[2048];

	rsa = EVP_RSA_gen(2048);
	stranger = EVP_RSA_gen(2048);
	ec = EVP_EC_gen("P-256");
	a = jwk(rsa, "r", "");
	b = jwk(ec, "e", "");
	snprintf(set, sizeof set, "{\"keys\":[%s,%s]}", a, b);
	free(a);
	free(b);
	keys = hz_jwt_keys_new();
	return hz_jwt_keys_add_secret(keys, "k1", SECRET, strlen(SECRET)) ||
	       hz_jwt_keys_add_secret(keys, "k2", "another secret of thirty-two byte", 33) ||
	       hz_jwt_keys_add_jwks(keys, set, strlen(set), ISSUER, AUDIENCE);
}

static int tear_down(void **state)
{
	hz_jwt_keys_free(keys);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(stranger);
	return 0;
}

// Takes the token; it must be refused so, and *ret stay untouched.
static void refused(char *token, enum hz_jwt_result wanted)
{
	struct hz_claims claims, before;
	enum hz_jwt_result result;

	memset(&before, 0x5a, sizeof before);
	claims = before;
	result = verify(keys, token, &claims);
	if (result != wanted)
		print_error("%s\nis %s instead of %s\n", token, hz_jwt_result_name(result),
		            hz_jwt_result_name(wanted));
	assert_int_equal(result, wanted);
	assert_memory_equal(&claims, &before, sizeof before);
	free(token);
}

static void headers(void **state)
{
	static const struct {
		const char *header;
		enum hz_jwt_result result;
	} cases[] = {
	    {"{\"alg\":\"none\",\"kid\":\"k1\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"None\",\"kid\":\"k1\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"NONE\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"\",\"kid\":\"k1\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"hs256\",\"kid\":\"k1\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"HS384\",\"kid\":\"k1\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"HS1\",\"kid\":\"k1\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"RS256\",\"kid\":\"k1\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"ES256\",\"kid\":\"k1\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"HS256\",\"kid\":\"r\"}", HZ_JWT_ALGORITHM},
	    {"{\"alg\":\"HS256\",\"kid\":\"e\"}", HZ_JWT_ALGORITHM},
	    {"{\"kid\":\"k1\"}", HZ_JWT_MALFORMED},
	    {"{\"alg\":null,\"kid\":\"k1\"}", HZ_JWT_MALFORMED},
	    {"{\"alg\":[\"HS256\"],\"kid\":\"k1\"}", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\",\"alg\":\"none\",\"kid\":\"k1\"}", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"kid\":\"k2\"}", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"crit\":[\"exp\"]}", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"crit\":[],\"b64\":false}", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWE\"}", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":1}", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\"}", HZ_JWT_UNKNOWN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":\"\"}", HZ_JWT_UNKNOWN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":1}", HZ_JWT_UNKNOWN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":\"K1\"}", HZ_JWT_UNKNOWN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", HZ_JWT_UNKNOWN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":\"k1' OR '1'='1\"}", HZ_JWT_UNKNOWN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":\"k1\\u0000\"}", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\",\"kid\":\"k2\"}", HZ_JWT_BAD_SIGNATURE}, // another of our keys
	    {"[\"alg\",\"HS256\"]", HZ_JWT_MALFORMED},
	    {"\"HS256\"", HZ_JWT_MALFORMED},
	    {"null", HZ_JWT_MALFORMED},
	    {"{", HZ_JWT_MALFORMED},
	    {HEADER " x", HZ_JWT_MALFORMED},
	    {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"x\":\"\xff\"}", HZ_JWT_MALFORMED},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refused(hs256(cases[i].header, CLAIMS, SECRET, strlen(SECRET)), cases[i].result);
}

#define BASE    "\"sub\":\"p1\",\"consult\":\"c1\",\"role\":\"clinic\""
#define EXP     "\"exp\":1700000060"
#define NAME_81 "123456789012345678901234567890123456789012345678901234567890123456789012345678901"

static void claims(void **state)
{
	static const struct {
		const char *payload;
		enum hz_jwt_result result;
	} cases[] = {
	    {"{" BASE "}", HZ_JWT_CLAIMS}, // no exp
	    {"{" BASE ",\"exp\":null}", HZ_JWT_CLAIMS},
	    {"{" BASE ",\"exp\":\"1700000060\"}", HZ_JWT_CLAIMS},
	    {"{" BASE ",\"exp\":true}", HZ_JWT_CLAIMS},
	    {"{" BASE ",\"exp\":-1}", HZ_JWT_CLAIMS},
	    {"{" BASE ",\"exp\":1e300}", HZ_JWT_CLAIMS},
	    {"{" BASE ",\"exp\":9223372036854775807}", HZ_JWT_CLAIMS},
	    {"{" BASE ",\"exp\":0}", HZ_JWT_EXPIRED},
	    {"{" BASE ",\"exp\":1700000000}", HZ_JWT_EXPIRED}, // no leeway
	    {"{" BASE ",\"exp\":1700000000.9}", HZ_JWT_EXPIRED},
	    {"{" BASE ",\"exp\":1700000060,\"exp\":1800000000}", HZ_JWT_MALFORMED},
	    {"{" BASE "," EXP ",\"nbf\":1700000031}", HZ_JWT_NOT_YET},
	    {"{" BASE "," EXP ",\"iat\":1700000031}", HZ_JWT_NOT_YET},
	    {"{" BASE "," EXP ",\"nbf\":\"0\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"iat\":{}}", HZ_JWT_CLAIMS},
	    {"{\"consult\":\"c1\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS}, // no sub
	    {"{\"sub\":\"\",\"consult\":\"c1\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":7,\"consult\":\"c1\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"..\",\"consult\":\"c1\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"a/b\",\"consult\":\"c1\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"a b\",\"consult\":\"c1\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"" NAME_81 "\",\"consult\":\"c1\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"consult\":\"c 1\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"consult\":\"\",\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"consult\":[\"c1\",\"c2\"],\"role\":\"clinic\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"role\":\"patient\"," EXP "}", HZ_JWT_CLAIMS}, // no consult
	    {"{\"sub\":\"p1\",\"role\":\"observer\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"consult\":\"c1\"," EXP "}", HZ_JWT_CLAIMS}, // no role
	    {"{\"sub\":\"p1\",\"consult\":\"c1\",\"role\":\"none\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"consult\":\"c1\",\"role\":\"root\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"consult\":\"c1\",\"role\":\"Admin\"," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"consult\":\"c1\",\"role\":[\"admin\"]," EXP "}", HZ_JWT_CLAIMS},
	    {"{\"sub\":\"p1\",\"sub\":\"p2\",\"consult\":\"c1\",\"role\":\"clinic\"," EXP "}",
	     HZ_JWT_MALFORMED},
	    {"{" BASE "," EXP ",\"name\":\"\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"name\":\"   \"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"name\":\"a\\u0007b\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"name\":\"a\\u202eb\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"name\":\"" NAME_81 "\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"name\":[\"x\"]}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"grants\":\"publish\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"grants\":[1]}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"grants\":{\"publish\":true}}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"once\":\"true\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"consent\":\"true\"}", HZ_JWT_CLAIMS}, // nobody is recorded by a mistake
	    {"{" BASE "," EXP ",\"consent\":1}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"rest\":1}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"record\":\"always\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"record\":true}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"once\":true}", HZ_JWT_CLAIMS}, // without jti it could not be remembered
	    {"{" BASE "," EXP ",\"jti\":\"\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"jti\":\"a\\nb\"}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP ",\"link\":\"a/b\"}", HZ_JWT_CLAIMS},
	    {"[]", HZ_JWT_MALFORMED},
	    {"\"{}\"", HZ_JWT_MALFORMED},
	    {"{}", HZ_JWT_CLAIMS},
	    {"{" BASE "," EXP, HZ_JWT_MALFORMED},
	    {"{" BASE "," EXP "}{}", HZ_JWT_MALFORMED},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		refused(hs256(HEADER, cases[i].payload, SECRET, strlen(SECRET)), cases[i].result);
}

static void wrong_key(void **state)
{
	char flipped[] = SECRET;

	flipped[5] ^= 1;
	refused(hs256(HEADER, CLAIMS, flipped, 32), HZ_JWT_BAD_SIGNATURE);
	refused(hs256(HEADER, CLAIMS, "", 0), HZ_JWT_BAD_SIGNATURE);
	refused(hs256(HEADER, CLAIMS, SECRET, 31), HZ_JWT_BAD_SIGNATURE);
}

// The classic: the public key, which anybody has, used as HMAC secret.
static void key_confusion(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long bytes;

	PEM_write_bio_PUBKEY(bio, rsa);
	bytes = BIO_get_mem_data(bio, &pem);
	refused(hs256("{\"alg\":\"HS256\",\"kid\":\"r\"}", CLAIMS, pem, (size_t)bytes), HZ_JWT_ALGORITHM);
	BIO_free(bio);
}

#define OIDC                                                                                                 \
	"{\"iss\":\"" ISSUER "\",\"aud\":\"" AUDIENCE                                                        \
	"\",\"sub\":\"d7\",\"role\":\"expert\",\"exp\":1700000001}"
#define RS "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define ES "{\"alg\":\"ES256\",\"kid\":\"e\"}"

static void issuer_attacks(void **state)
{
	struct hz_claims c;
	unsigned char raw[64] = {0};
	char *good = signed_by(rsa, RS, OIDC), *embedded, *key, header[1200];

	assert_int_equal(verify(keys, good, &c), HZ_JWT_OK);
	free(good);
	refused(signed_by(stranger, RS, OIDC), HZ_JWT_BAD_SIGNATURE);
	refused(signed_by(rsa, ES, OIDC), HZ_JWT_BAD_SIGNATURE);
	refused(signed_by(ec, RS, OIDC), HZ_JWT_BAD_SIGNATURE);
	refused(signed_by(rsa, "{\"alg\":\"ES256\",\"kid\":\"r\"}", OIDC), HZ_JWT_ALGORITHM);
	refused(signed_by(rsa, "{\"alg\":\"PS256\",\"kid\":\"r\"}", OIDC), HZ_JWT_ALGORITHM);
	refused(with_signature(signing_input(ES, OIDC), raw, 64), HZ_JWT_BAD_SIGNATURE); // r = s = 0
	raw[31] = raw[63] = 1;
	refused(with_signature(signing_input(ES, OIDC), raw, 64), HZ_JWT_BAD_SIGNATURE);
	refused(with_signature(signing_input(ES, OIDC), raw, 63), HZ_JWT_BAD_SIGNATURE);
	refused(with_signature(signing_input(RS, OIDC), raw, 1), HZ_JWT_BAD_SIGNATURE);

	// a key inside the token counts for nothing
	key = jwk(stranger, "mine", "");
	snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"mine\",\"jwk\":%s}", key);
	embedded = signed_by(stranger, header, OIDC);
	refused(embedded, HZ_JWT_UNKNOWN_KEY);
	snprintf(header, sizeof header, "{\"alg\":\"RS256\",\"kid\":\"r\",\"jwk\":%s}", key);
	refused(signed_by(stranger, header, OIDC), HZ_JWT_BAD_SIGNATURE);
	refused(
	    signed_by(stranger, "{\"alg\":\"RS256\",\"kid\":\"x\",\"jku\":\"https://evil.example/k\"}", OIDC),
	    HZ_JWT_UNKNOWN_KEY);
	free(key);
}

static void issuer_and_audience(void **state)
{
	static const char *const payloads[] = {
	    "{\"aud\":\"huizhen\",\"sub\":\"d\",\"role\":\"expert\",\"exp\":1700000001}",
	    "{\"iss\":\"https://"
	    "other.example\",\"aud\":\"huizhen\",\"sub\":\"d\",\"role\":\"expert\",\"exp\":1700000001}",
	    "{\"iss\":[\"" ISSUER
	    "\"],\"aud\":\"huizhen\",\"sub\":\"d\",\"role\":\"expert\",\"exp\":1700000001}",
	    "{\"iss\":\"" ISSUER
	    "/\",\"aud\":\"huizhen\",\"sub\":\"d\",\"role\":\"expert\",\"exp\":1700000001}",
	    "{\"iss\":\"" ISSUER "\",\"sub\":\"d\",\"role\":\"expert\",\"exp\":1700000001}",
	    "{\"iss\":\"" ISSUER "\",\"aud\":\"other\",\"sub\":\"d\",\"role\":\"expert\",\"exp\":1700000001}",
	    "{\"iss\":\"" ISSUER "\",\"aud\":[],\"sub\":\"d\",\"role\":\"expert\",\"exp\":1700000001}",
	    "{\"iss\":\"" ISSUER "\",\"aud\":[1,null],\"sub\":\"d\",\"role\":\"expert\",\"exp\":1700000001}",
	};

	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
		refused(signed_by(rsa, RS, payloads[i]), HZ_JWT_ISSUER);
}

static char *good_token(void)
{
	return hs256(HEADER, CLAIMS, SECRET, strlen(SECRET));
}

static char *joined(const char *a, const char *b)
{
	char *out = malloc(strlen(a) + strlen(b) + 1);

	sprintf(out, "%s%s", a, b);
	return out;
}

static void forms(void **state)
{
	char *good = good_token(), *text, *dot;

	refused(strdup(""), HZ_JWT_MALFORMED);
	refused(strdup("."), HZ_JWT_MALFORMED);
	refused(strdup(".."), HZ_JWT_MALFORMED);
	refused(strdup("a.b"), HZ_JWT_MALFORMED);
	refused(strdup("a.b.c.d.e"), HZ_JWT_MALFORMED); // JWE
	refused(joined(good, "."), HZ_JWT_MALFORMED);
	refused(joined(good, ".x"), HZ_JWT_MALFORMED);
	refused(joined(".", good), HZ_JWT_MALFORMED);
	refused(joined(" ", good), HZ_JWT_MALFORMED);
	refused(joined("Bearer ", good), HZ_JWT_MALFORMED);
	refused(joined(good, "="), HZ_JWT_BAD_SIGNATURE);
	refused(joined(good, "\n"), HZ_JWT_BAD_SIGNATURE);
	refused(joined(good, "A"), HZ_JWT_BAD_SIGNATURE);
	refused(joined(good, "AAAA"), HZ_JWT_BAD_SIGNATURE);

	text = strdup(good); // no signature, as with alg none
	strrchr(text, '.')[1] = '\0';
	refused(text, HZ_JWT_MALFORMED);
	text = strdup(good);
	*strrchr(text, '.') = '\0';
	refused(text, HZ_JWT_MALFORMED);
	text = strdup(good);
	text[strlen(text) - 1] ^=
	    1; // the last character of 32 bytes has two unused bits: another text, the same bytes
	refused(text, HZ_JWT_BAD_SIGNATURE);
	text = strdup(good);
	strrchr(text, '.')[4] = '\0'; // a beginning of the MAC
	refused(text, HZ_JWT_BAD_SIGNATURE);
	text = strdup(good);
	dot = strchr(text, '.');
	dot[5] = dot[5] == 'A' ? 'B' : 'A'; // another payload
	refused(text, HZ_JWT_BAD_SIGNATURE);
	text = strdup(good);
	text[3] = '+';
	refused(text, HZ_JWT_MALFORMED);
	free(good);
}

// Every single changed character of a good token must spoil it.
static void every_character(void **state)
{
	char *good = good_token();
	struct hz_claims c;

	for (size_t i = 0; good[i]; i++) {
		char *text = strdup(good);

		text[i] = text[i] == 'x' ? 'y' : 'x';
		assert_int_not_equal(verify(keys, text, &c), HZ_JWT_OK);
		text[i] = '\0';
		assert_int_not_equal(verify(keys, text, &c), HZ_JWT_OK); // and every cut
		free(text);
	}
	assert_int_equal(verify(keys, good, &c), HZ_JWT_OK);
	free(good);
}

static void too_long(void **state)
{
	char *payload = malloc(8000), *text;
	struct hz_claims c;

	sprintf(payload, "{" BASE "," EXP ",\"pad\":\"");
	memset(payload + strlen(payload) + 1, 0, 1);
	for (size_t n = strlen(payload); n < 5900; n++)
		payload[n] = 'x';
	strcpy(payload + 5900, "\"}");
	text = hs256(HEADER, payload, SECRET, strlen(SECRET));
	assert_true(strlen(text) < HZ_JWT_MAX_BYTES);
	assert_int_equal(verify(keys, text, &c), HZ_JWT_OK); // long, and still allowed
	free(text);
	memset(payload + 5900, 'x', 400);
	strcpy(payload + 6300, "\"}");
	text = hs256(HEADER, payload, SECRET, strlen(SECRET));
	assert_true(strlen(text) > HZ_JWT_MAX_BYTES);
	refused(text, HZ_JWT_MALFORMED);
	memset(payload, '[', 5000); // deeply nested
	payload[5000] = '\0';
	refused(hs256(HEADER, payload, SECRET, strlen(SECRET)), HZ_JWT_MALFORMED);
	free(payload);
}

static void bad_jwks(void **state)
{
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	char *w = jwk(weak, "w", ""), *no_kid = jwk(rsa, "", ""), *good = jwk(ec, "n1", ""), *off, set[4096];
	struct hz_jwt_keys *fresh = hz_jwt_keys_new();
	const char *const sets[] = {
	    "",
	    "{",
	    "[]",
	    "{}",
	    "null",
	    "{\"keys\":{}}",
	    "{\"keys\":[]}",
	    "{\"keys\":[1]}",
	    "{\"keys\":[{}]}",
	    "{\"keys\":[],\"keys\":[]}",
	    "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"o\",\"k\":\"AAAA\"}]}",
	    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\"}]}",
	    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
	    "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"+/==\",\"e\":\"AQAB\"}]}",
	    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}",
	    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"a\",\"x\":\"AQAB\",\"y\":\"AQAB\"}]}",
	    // (1, 1): not on the curve
	    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\",\"x\":"
	    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
	    "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}]}",
	};

	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
		assert_int_equal(hz_jwt_keys_add_jwks(fresh, sets[i], strlen(sets[i]), ISSUER, NULL),
		                 -EINVAL);
	snprintf(set, sizeof set, "{\"keys\":[%s]}", w);
	assert_int_equal(hz_jwt_keys_add_jwks(fresh, set, strlen(set), ISSUER, NULL), -EINVAL);
	snprintf(set, sizeof set, "{\"keys\":[%s,%s]}", good, no_kid); // all or nothing
	assert_int_equal(hz_jwt_keys_add_jwks(fresh, set, strlen(set), ISSUER, NULL), -EINVAL);
	snprintf(set, sizeof set, "{\"keys\":[%s,%s]}", good, good);
	assert_int_equal(hz_jwt_keys_add_jwks(fresh, set, strlen(set), ISSUER, NULL), -EEXIST);
	off = jwk(ec, "n1", ",\"use\":\"enc\"");
	snprintf(set, sizeof set, "{\"keys\":[%s]}", off);
	assert_int_equal(hz_jwt_keys_add_jwks(fresh, set, strlen(set), ISSUER, NULL), -EINVAL);
	snprintf(set, sizeof set, "{\"keys\":[%s]}", good); // and after all that the good one is new
	assert_int_equal(hz_jwt_keys_add_jwks(fresh, set, strlen(set), "", NULL), -EINVAL);
	assert_int_equal(hz_jwt_keys_add_jwks(fresh, set, strlen(set), ISSUER, NULL), 0);
	assert_int_equal(hz_jwt_keys_load_jwks(fresh, "/nonexistent/jwks", ISSUER, NULL), -ENOENT);
	free(off);
	free(w);
	free(no_kid);
	free(good);
	EVP_PKEY_free(weak);
	hz_jwt_keys_free(fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers),
	    cmocka_unit_test(claims),
	    cmocka_unit_test(wrong_key),
	    cmocka_unit_test(key_confusion),
	    cmocka_unit_test(issuer_attacks),
	    cmocka_unit_test(forms),
	    cmocka_unit_test(issuer_and_audience),
	    cmocka_unit_test(every_character),
	    cmocka_unit_test(too_long),
	    cmocka_unit_test(bad_jwks),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

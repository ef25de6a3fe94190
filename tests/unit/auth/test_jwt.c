// Tokens that are good: ours, and those of an OpenID Connect issuer; what their claims come to.
#include <errno.h>

#include "signaling/auth/jwt_seen.h"
#include "tests/unit/auth/tokens.h"

static struct hz_jwt_keys *one_key(void)
{
	struct hz_jwt_keys *keys = hz_jwt_keys_new();

	assert_int_equal(hz_jwt_keys_add_secret(keys, "k1", SECRET, strlen(SECRET)), 0);
	return keys;
}

static void plain(void **state)
{
	struct hz_jwt_keys *keys = one_key();
	struct hz_claims c;
	char *token = hs256(HEADER, CLAIMS, SECRET, strlen(SECRET));

	assert_int_equal(verify(keys, token, &c), HZ_JWT_OK);
	assert_string_equal(c.sub, "p1");
	assert_string_equal(c.name, "Wang");
	assert_string_equal(c.consult, "c1");
	assert_string_equal(c.jti, "j1");
	assert_string_equal(c.link, "");
	assert_int_equal(c.role, HZ_ROLE_CLINIC);
	assert_int_equal(c.grants, hz_role_grants(HZ_ROLE_CLINIC));
	assert_int_equal(c.exp_s, 1700000060);
	assert_false(c.once || c.rest || c.needs_admission);
	free(token);
	hz_jwt_keys_free(keys);
}

// RFC 7515 appendix A.1 has a 64-byte key and other claims; here: a token made by hand with another implementation's
// view of the format (header order, spaces, no typ) must verify too.
static void other_writers(void **state)
{
	struct hz_jwt_keys *keys = one_key();
	struct hz_claims c;
	static const char *const headers[] = {
	    "{ \"kid\" : \"k1\",\r\n \"alg\" : \"HS256\" }",
	    "{\"typ\":\"jwt\",\"alg\":\"HS256\",\"kid\":\"k1\",\"x\":1}",
	};
	static const char *const payloads[] = {
	    "{\"sub\":\"p1\",\"role\":\"admin\",\"exp\":1700000060.5}",
	    "{\"sub\":\"p1\",\"role\":\"admin\",\"exp\":1.8e9,\"nbf\":1700000030,\"iat\":1700000030,"
	    "\"extra\":{\"a\":[]}}",
	};

	for (int i = 0; i < 4; i++) {
		char *token = hs256(headers[i / 2], payloads[i % 2], SECRET, strlen(SECRET));

		assert_int_equal(verify(keys, token, &c), HZ_JWT_OK);
		assert_string_equal(c.name, "p1"); // no name: the sub
		assert_string_equal(c.consult, "");
		free(token);
	}
	hz_jwt_keys_free(keys);
}

static void grants(void **state)
{
	static const struct {
		const char *role, *list;
		uint32_t grants;
	} cases[] = {
	    {"clinic", "[\"publish\"]", HZ_GRANT_PUBLISH},
	    {"clinic", "[]", 0},
	    {"clinic", "[\"audit\",\"opinion\"]", 0}, // never more than the role
	    {"patient", "[\"publish\",\"admit\"]", HZ_GRANT_PUBLISH},
	    {"expert", "[\"create\"]", HZ_GRANT_CREATE}, // the one that may be added
	    {"patient", "[\"create\",\"subscribe\"]", HZ_GRANT_CREATE | HZ_GRANT_SUBSCRIBE},
	    {"clinic", "[\"Publish\",\"publish \",\"everything\"]", 0},
	    {"admin", "[\"admit\",\"admit\",\"publish\"]", HZ_GRANT_ADMIT},
	};
	struct hz_jwt_keys *keys = one_key();

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char payload[256], *token;
		struct hz_claims c;

		snprintf(payload, sizeof payload,
		         "{\"sub\":\"p\",\"consult\":\"c\",\"role\":\"%s\",\"exp\":1700000001,\"grants\":%s}",
		         cases[i].role, cases[i].list);
		token = hs256(HEADER, payload, SECRET, strlen(SECRET));
		assert_int_equal(verify(keys, token, &c), HZ_JWT_OK);
		assert_int_equal(c.grants, cases[i].grants);
		free(token);
	}
	hz_jwt_keys_free(keys);
}

static void sign_and_verify(void **state)
{
	struct hz_jwt_keys *keys = one_key();
	struct hz_claims in = {
	    .sub = "p.1", .name = "\xe7\x8e\x8b\xe5\x8c\xbb\xe7\x94\x9f", .consult = "c1", .link = "l-9"};
	struct hz_claims out;
	char *token, *again;

	assert_int_equal(hz_jwt_keys_add_secret(keys, "k2", SECRET "x", strlen(SECRET) + 1), 0);
	for (int role = HZ_ROLE_PATIENT; role < HZ_ROLE_COUNT; role++) {
		in.role = (enum hz_role)role;
		in.grants = hz_role_grants(in.role);
		in.once = role % 2;
		in.rest = role % 2 == 0;
		in.consent = role % 3 == 0;
		in.record = (enum hz_record_wish)(role % 4);
		assert_int_equal(hz_jwt_sign(keys, &in, NOW, 60, &token), 0);
		assert_int_equal(hz_jwt_sign(keys, &in, NOW, 60, &again), 0);
		assert_string_not_equal(token, again); // another jti
		assert_int_equal(verify(keys, token, &out), HZ_JWT_OK);
		assert_string_equal(out.sub, in.sub);
		assert_string_equal(out.name, in.name);
		assert_string_equal(out.link, "l-9");
		assert_int_equal(strlen(out.jti), 22);
		assert_int_equal(out.role, role);
		assert_int_equal(out.grants, in.grants);
		assert_int_equal(out.once, in.once);
		assert_int_equal(out.rest, in.rest);
		assert_int_equal(out.consent, in.consent);
		assert_int_equal(out.record, in.record);
		assert_int_equal(out.exp_s, NOW + 60);
		assert_int_equal(out.needs_admission, role <= HZ_ROLE_INTERPRETER);
		assert_int_equal(hz_jwt_verify(keys, token, strlen(token), NOW + 59, &out), HZ_JWT_OK);
		assert_int_equal(hz_jwt_verify(keys, token, strlen(token), NOW + 60, &out), HZ_JWT_EXPIRED);
		free(token);
		free(again);
	}
	in.role = HZ_ROLE_CLINIC;
	in.grants = HZ_GRANT_SUBSCRIBE;
	assert_int_equal(hz_jwt_sign(keys, &in, NOW, 60, &token), 0);
	assert_int_equal(verify(keys, token, &out), HZ_JWT_OK);
	assert_int_equal(out.grants, HZ_GRANT_SUBSCRIBE);
	free(token);
	hz_jwt_keys_free(keys);
}

static void sign_refuses(void **state)
{
	struct hz_jwt_keys *keys = one_key(), *none = hz_jwt_keys_new();
	const struct hz_claims good = {
	    .sub = "p", .consult = "c", .role = HZ_ROLE_OBSERVER, .grants = HZ_GRANT_SUBSCRIBE};
	struct hz_claims bad;
	char *token = NULL;

	assert_int_equal(hz_jwt_sign(none, &good, NOW, 60, &token), -ENOKEY);
	assert_int_equal(hz_jwt_sign(keys, &good, NOW, 0, &token), -EINVAL);
	assert_int_equal(hz_jwt_sign(keys, &good, NOW, -1, &token), -EINVAL);
	assert_int_equal(hz_jwt_sign(keys, &good, NOW, HZ_JWT_MAX_TTL_S + 1, &token), -EINVAL);
	assert_int_equal(hz_jwt_sign(keys, &good, -1, 60, &token), -EINVAL);
	bad = good;
	bad.sub[0] = '\0';
	assert_int_equal(hz_jwt_sign(keys, &bad, NOW, 60, &token), -EINVAL);
	bad = good;
	strcpy(bad.sub, "a/b");
	assert_int_equal(hz_jwt_sign(keys, &bad, NOW, 60, &token), -EINVAL);
	bad = good;
	bad.consult[0] = '\0'; // an observer of nothing
	assert_int_equal(hz_jwt_sign(keys, &bad, NOW, 60, &token), -EINVAL);
	bad = good;
	strcpy(bad.name, "a\nb");
	assert_int_equal(hz_jwt_sign(keys, &bad, NOW, 60, &token), -EINVAL);
	bad = good;
	strcpy(bad.name, "\xff");
	assert_int_equal(hz_jwt_sign(keys, &bad, NOW, 60, &token), -EINVAL);
	bad = good;
	bad.role = HZ_ROLE_NONE;
	assert_int_equal(hz_jwt_sign(keys, &bad, NOW, 60, &token), -EINVAL);
	bad.role = (enum hz_role)99;
	assert_int_equal(hz_jwt_sign(keys, &bad, NOW, 60, &token), -EINVAL);
	bad = good;
	bad.grants |= HZ_GRANT_ADMIT; // more than the role
	assert_int_equal(hz_jwt_sign(keys, &bad, NOW, 60, &token), -EINVAL);
	assert_null(token);
	hz_jwt_keys_free(keys);
	hz_jwt_keys_free(none);
}

static void secrets(void **state)
{
	struct hz_jwt_keys *keys = one_key();
	char long_kid[80], secret[HZ_JWT_MAX_SECRET_BYTES + 1] = {0};

	memset(long_kid, 'k', sizeof long_kid);
	long_kid[65] = '\0';
	assert_int_equal(hz_jwt_keys_add_secret(keys, "k1", SECRET, 32), -EEXIST);
	assert_int_equal(hz_jwt_keys_add_secret(keys, "k2", SECRET, 31), -EINVAL);
	assert_int_equal(hz_jwt_keys_add_secret(keys, "k2", secret, sizeof secret), -EINVAL);
	assert_int_equal(hz_jwt_keys_add_secret(keys, "", SECRET, 32), -EINVAL);
	assert_int_equal(hz_jwt_keys_add_secret(keys, NULL, SECRET, 32), -EINVAL);
	assert_int_equal(hz_jwt_keys_add_secret(keys, "a b", SECRET, 32), -EINVAL);
	assert_int_equal(hz_jwt_keys_add_secret(keys, long_kid, SECRET, 32), -EINVAL);
	for (int i = 1; i < HZ_JWT_MAX_KEYS; i++) {
		char kid[16];

		snprintf(kid, sizeof kid, "x%d", i);
		assert_int_equal(hz_jwt_keys_add_secret(keys, kid, SECRET, 32), 0);
	}
	assert_int_equal(hz_jwt_keys_add_secret(keys, "more", SECRET, 32), -ENOSPC);
	hz_jwt_keys_free(keys);
	hz_jwt_keys_free(NULL);
}

static void issuer_tokens(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256");
	char *a = jwk(rsa, "r", ",\"use\":\"sig\",\"alg\":\"RS256\""), *b = jwk(ec, "e", "");
	char *set = malloc(strlen(a) + strlen(b) + 256), payload[512];
	struct hz_jwt_keys *keys = one_key();
	struct hz_claims c;
	static const char *const audiences[] = {"\"huizhen\"", "[\"other\",\"huizhen\"]"};

	sprintf(set, "{\"keys\":[%s,{\"kty\":\"oct\",\"kid\":\"o\",\"k\":\"AAAA\"},%s]}", a, b);
	assert_int_equal(hz_jwt_keys_add_jwks(keys, set, strlen(set), ISSUER, AUDIENCE), 0);
	assert_int_equal(hz_jwt_keys_add_jwks(keys, set, strlen(set), ISSUER, AUDIENCE), -EEXIST);
	for (int i = 0; i < 4; i++) {
		char *token;

		snprintf(payload, sizeof payload,
		         "{\"iss\":\"" ISSUER
		         "\",\"aud\":%s,\"sub\":\"d7\",\"role\":\"expert\",\"exp\":1700000001}",
		         audiences[i / 2]);
		token = i % 2
		            ? signed_by(rsa, "{\"alg\":\"RS256\",\"kid\":\"r\",\"typ\":\"at+jwt\"}", payload)
		            : signed_by(ec, "{\"alg\":\"ES256\",\"kid\":\"e\"}", payload);
		assert_int_equal(verify(keys, token, &c), HZ_JWT_OK);
		assert_string_equal(c.sub, "d7");
		free(token);
	}
	free(a);
	free(b);
	free(set);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	hz_jwt_keys_free(keys);
}

// What was verified is known again: as long as it is good, word for word, and with its keys only.
static void seen(void **state)
{
	struct hz_jwt_keys *keys = one_key(), *others = hz_jwt_keys_new();
	struct hz_claims a, b;
	char *token = hs256(HEADER, CLAIMS, SECRET, strlen(SECRET)), *other;
	size_t bytes = strlen(token);

	memset(&a, 0, sizeof a);
	memset(&b, 0, sizeof b);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(hz_jwt_verify_again(keys, token, bytes, NOW + i, &a), HZ_JWT_OK);
		assert_int_equal(hz_jwt_verify(keys, token, bytes, NOW + i, &b), HZ_JWT_OK);
		assert_string_equal(a.sub, b.sub);
		assert_string_equal(a.consult, b.consult);
		assert_int_equal(a.grants, b.grants);
		assert_int_equal(a.exp_s, b.exp_s);
	}
	for (size_t at = 0; at < bytes; at++) { // any other letter, also where its place is looked for
		char was = token[at];
		token[at] = was == 'A' ? 'B' : 'A';
		enum hz_jwt_result result = hz_jwt_verify(keys, token, bytes, NOW, &b);
		assert_int_not_equal(hz_jwt_verify_again(keys, token, bytes, NOW, &a), HZ_JWT_OK);
		assert_int_equal(hz_jwt_verify_again(keys, token, bytes, NOW, &a), result);
		token[at] = was;
	}
	assert_int_equal(hz_jwt_verify_again(keys, token, bytes - 1, NOW, &a), HZ_JWT_BAD_SIGNATURE);
	assert_int_equal(hz_jwt_verify_again(keys, token, 0, NOW, &a), HZ_JWT_MALFORMED);
	assert_int_equal(hz_jwt_verify_again(keys, token, bytes, NOW, &a), HZ_JWT_OK);
	assert_int_equal(hz_jwt_verify_again(keys, token, bytes, NOW + 59, &a), HZ_JWT_OK);
	assert_int_equal(hz_jwt_verify_again(keys, token, bytes, NOW + 60, &a), HZ_JWT_EXPIRED);
	assert_int_equal(hz_jwt_verify_again(keys, token, bytes, NOW + 60, &a), HZ_JWT_EXPIRED);
	assert_int_equal(hz_jwt_keys_add_secret(others, "k1", SECRET "x", strlen(SECRET) + 1), 0);
	assert_int_equal(hz_jwt_verify_again(others, token, bytes, NOW, &a), HZ_JWT_BAD_SIGNATURE);
	// The clock goes back: what is not good yet is refused again.
	other = hs256(HEADER, "{\"sub\":\"p1\",\"role\":\"admin\",\"exp\":1700000960,\"nbf\":1700000600}",
	              SECRET, strlen(SECRET));
	assert_int_equal(hz_jwt_verify_again(keys, other, strlen(other), NOW + 600, &a), HZ_JWT_OK);
	assert_int_equal(hz_jwt_verify_again(keys, other, strlen(other), NOW, &a), HZ_JWT_NOT_YET);
	free(other);
	for (int i = 0; i < 300; i++) { // more than it keeps
		char payload[100];
		snprintf(payload, sizeof payload, "{\"sub\":\"p%d\",\"role\":\"admin\",\"exp\":1700000060}",
		         i);
		other = hs256(HEADER, payload, SECRET, strlen(SECRET));
		for (int j = 0; j < 2; j++) {
			assert_int_equal(hz_jwt_verify_again(keys, other, strlen(other), NOW, &a), HZ_JWT_OK);
			assert_int_equal(atoi(a.sub + 1), i);
		}
		free(other);
	}
	free(token);
	hz_jwt_keys_free(keys);
	hz_jwt_keys_free(others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(plain),           cmocka_unit_test(other_writers), cmocka_unit_test(grants),
	    cmocka_unit_test(sign_and_verify), cmocka_unit_test(sign_refuses),  cmocka_unit_test(secrets),
	    cmocka_unit_test(issuer_tokens),   cmocka_unit_test(seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

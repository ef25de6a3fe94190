// What PACS and EMR answer: stored, refused, not now, nonsense.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/outbox/fhir_post.h"
#include "recorder/outbox/stow.h"

#define UID "2.25.7"

static void stow(long status, const char *body, enum hz_outcome outcome, const char *why)
{
	struct hz_outcome_text text;
	enum hz_outcome got = hz_stow_answer(status, body, strlen(body), UID, &text);
	if (got != outcome || !strstr(text.why, why))
		fail_msg("%ld %s: %d \"%s\"", status, body, got, text.why);
}

static void test_stow(void **state)
{
	static const char failed[] =
	    "{\"00081198\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"Value\":[\"" UID
	    "\"]},\"00081197\":{\"vr\":\"US\",\"Value\":[%s]}}]}}";
	static const char *const reasons[] = {"273", "42752", "43264", "\"49152\"", "272"};
	static const enum hz_outcome outcomes[] = {HZ_STORED, HZ_LATER, HZ_REFUSED, HZ_REFUSED, HZ_LATER};
	char body[512];
	stow(200, "{\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"Value\":[\"" UID "\"]}}]}}",
	     HZ_STORED, "");
	stow(200, "[{\"00081199\":{\"Value\":[{\"00081150\":{\"Value\":[\"1.2\"]}}]}}]", HZ_STORED, "");
	stow(202,
	     "{\"00081199\":{\"Value\":[{\"00081155\":{\"Value\":[\"" UID
	     "\"]},\"00081196\":{\"Value\":[45056]}}]}}",
	     HZ_STORED, "warning (B000)");
	for (unsigned i = 0; i < 5; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(body, sizeof(body), failed, reasons[i]);
#pragma GCC diagnostic pop
		stow(i % 2 ? 202 : 409, body, outcomes[i], i == 0 ? "already" : "failure reason");
	}
	stow(200, "{\"00081199\":{\"Value\":[{\"00081155\":{\"Value\":[\"2.25.8\"]}}]}}", HZ_LATER,
	     "does not say"); // somebody else's
	stow(200, "<html>", HZ_LATER, "does not say");
	stow(409, "", HZ_REFUSED, "409");
	stow(400, "", HZ_REFUSED, "400");
	stow(413, "", HZ_REFUSED, "413");
	stow(401, "", HZ_AWAY, "credentials");
	stow(503, "", HZ_AWAY, "503");
	stow(500, "{}", HZ_LATER, "500");
	stow(302, "", HZ_REFUSED, "no STOW-RS");
}

static void fhir(long status, const char *body, enum hz_outcome outcome, const char *why)
{
	struct hz_outcome_text text;
	enum hz_outcome got = hz_fhir_answer(status, body, strlen(body), 2, &text);
	if (got != outcome || !strstr(text.why, why))
		fail_msg("%ld %s: %d \"%s\"", status, body, got, text.why);
}

static void test_fhir(void **state)
{
	fhir(200,
	     "{\"resourceType\":\"Bundle\",\"entry\":[{\"response\":{\"status\":\"201 "
	     "Created\"}},{\"response\":{\"status\":\"200\"}}]}",
	     HZ_STORED, "");
	fhir(200,
	     "{\"resourceType\":\"Bundle\",\"entry\":[{\"response\":{\"status\":\"201\"}},{\"response\":{"
	     "\"status\":\"422\",\"outcome\":{\"issue\":"
	     "[{\"code\":\"required\",\"expression\":[\"Consent.scope\"],\"diagnostics\":\"Wang "
	     "Xiaodong\"}]}}}]}",
	     HZ_REFUSED, "422 required at Consent.scope");
	fhir(200, "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"total\":0}", HZ_LATER,
	     "does not say");
	fhir(200, "{\"resourceType\":\"Bundle\",\"entry\":[]}", HZ_LATER, "does not say");
	fhir(422, "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"code\":\"invalid\"}]}", HZ_REFUSED,
	     "422 invalid");
	fhir(412, "", HZ_REFUSED, "412");
	fhir(401, "", HZ_AWAY, "credentials");
	fhir(429, "", HZ_AWAY, "429");
	fhir(500, "", HZ_LATER, "500");
	fhir(200, "hello", HZ_REFUSED, "no FHIR");
	fhir(200, "{\"resourceType\":\"Bundle\",\"entry\":[{}]}", HZ_LATER, "599");
	// It took two and speaks of one.
	fhir(200, "{\"resourceType\":\"Bundle\",\"entry\":[{\"response\":{\"status\":\"201\"}}]}", HZ_REFUSED,
	     "1 of 2 entries");
}

static void test_token(void **state)
{
	char *token;
	long seconds;
	static const char good[] =
	    "{\"access_token\":\"abc.DEF-1\",\"token_type\":\"Bearer\",\"expires_in\":60}";
	static const char *const bad[] = {"",
	                                  "{}",
	                                  "{\"access_token\":\"\",\"token_type\":\"bearer\"}",
	                                  "{\"access_token\":\"a b\",\"token_type\":\"bearer\"}",
	                                  "{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"bearer\"}",
	                                  "{\"access_token\":\"a\",\"token_type\":\"mac\"}"};
	assert_int_equal(hz_fhir_token_answer(good, strlen(good), &token, &seconds), 0);
	assert_string_equal(token, "abc.DEF-1");
	assert_int_equal(seconds, 60);
	free(token);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hz_fhir_token_answer(bad[i], strlen(bad[i]), &token, &seconds), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_stow), cmocka_unit_test(test_fhir),
	                                   cmocka_unit_test(test_token)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

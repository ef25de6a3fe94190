// The tables of CONTRACT and PROTOCOL; ids and names.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/auth/names.h"
#include "signaling/auth/roles.h"

static void table(void **state)
{
	static const struct {
		const char *role;
		const char *grants; // in the order of the bits
		bool lobby, console;
	} cases[] = {
	    {"patient", "publish subscribe ", true, false},
	    {"companion", "publish subscribe ", true, false},
	    {"interpreter", "publish subscribe ", true, false},
	    {"clinic", "publish subscribe admit record image create manage direct ", false, true},
	    {"expert", "publish subscribe record image opinion ", false, true},
	    {"theatre", "publish ", false, false},
	    {"observer", "subscribe ", false, false},
	    {"student", "subscribe ", false, false},
	    {"auditor", "subscribe audit ", false, false},
	    {"admin", "subscribe admit record image create manage direct ", false, true},
	    {"director", "subscribe direct ", false, false},
	    {"viewer", "watch ", false, false},
	};

	assert_int_equal(sizeof cases / sizeof *cases, HZ_ROLE_COUNT - 1);
	for (int i = 0; i < HZ_ROLE_COUNT - 1; i++) {
		enum hz_role role = hz_role_parse(cases[i].role);
		char text[256] = "";

		assert_int_not_equal(role, HZ_ROLE_NONE);
		assert_string_equal(hz_role_name(role), cases[i].role);
		for (uint32_t bit = 1; bit < 1u << HZ_GRANT_COUNT; bit <<= 1)
			if (hz_role_grants(role) & bit)
				strcat(strcat(text, hz_grant_name(bit)), " ");
		assert_string_equal(text, cases[i].grants);
		assert_int_equal(hz_role_waits_in_lobby(role), cases[i].lobby);
		assert_int_equal(hz_role_may_lack_consult(role), cases[i].console);
	}
}

static void unknown(void **state)
{
	static const char *const names[] = {"", "none", "Patient", "patient ", "root", "patientx"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(hz_role_parse(names[i]), HZ_ROLE_NONE);
	for (int i = 0; i < 3; i++) {
		enum hz_role role = (enum hz_role)((int[]){0, HZ_ROLE_COUNT, -1})[i];

		assert_string_equal(hz_role_name(role), "none");
		assert_int_equal(hz_role_grants(role), 0);
		assert_true(hz_role_waits_in_lobby(role)); // the safe side
		assert_false(hz_role_may_lack_consult(role));
	}
	assert_int_equal(hz_grant_parse("none"), 0);
	assert_int_equal(hz_grant_parse(""), 0);
	assert_int_equal(hz_grant_parse("audit"), HZ_GRANT_AUDIT);
	assert_null(hz_grant_name(0));
	assert_null(hz_grant_name(3));
	assert_null(hz_grant_name(1u << HZ_GRANT_COUNT));
}

static void ids(void **state)
{
	char longest[66];

	memset(longest, 'a', sizeof longest);
	longest[64] = '\0';
	assert_true(hz_id_valid(longest));
	longest[64] = 'a';
	longest[65] = '\0';
	assert_false(hz_id_valid(longest));
	assert_true(hz_id_valid("A-z_0.9"));
	assert_true(hz_id_valid("..."));
	static const char *const bad[] = {"",    ".",        "..",  "a b",  "a/b", "a%2f",
	                                  "a\n", "\xc3\xa9", "a:b", "a\\b", "<a>"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(hz_id_valid(bad[i]));
}

static void names(void **state)
{
	char text[400] = "";
	static const char *const good[] = {"a", "Dr. O'Neil, \"Bob\" <x>", "\xe7\x8e\x8b", "\xf0\x9f\x98\x80",
	                                   " a "};
	static const char *const bad[] = {
	    "",
	    " ",
	    "\xe3\x80\x80", // only an ideographic space
	    "a\tb",
	    "a\nb",
	    "\x7f",
	    "\xc2\x85", // C1
	    "\xe2\x80\xa8",
	    "a\xe2\x80\xae"
	    "b",
	    "\xe2\x81\xa6",
	    "\xef\xbb\xbf"
	    "a",
	    "\xe2\x80\x8f",
	    "\x80",
	    "\xc3",
	    "\xc3(",
	    "\xe7\x8e",
	    "\xc0\xaf",
	    "\xe0\x80\xaf",
	    "\xf0\x80\x80\xaf",
	    "\xed\xa0\x80",
	    "\xf4\x90\x80\x80",
	    "\xf8\x88\x80\x80\x80",
	    "\xff",
	    "a\xfe",
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(hz_name_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char *copy = strdup(bad[i]); // so that ASan sees a read beyond

		if (hz_name_valid(copy))
			print_error("name %zu\n", i);
		assert_false(hz_name_valid(copy));
		free(copy);
	}
	for (int i = 0; i < 80; i++)
		strcat(text, "\xf0\x9f\x98\x80");
	assert_true(hz_name_valid(text));
	assert_true(strlen(text) < HZ_NAME_TEXT_BYTES);
	strcat(text, "a");
	assert_false(hz_name_valid(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(unknown),
	    cmocka_unit_test(ids),
	    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

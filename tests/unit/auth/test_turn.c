#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/auth/turn.h"

// Made with Python's hmac.
static void known_answer(void **state)
{
	struct hz_turn_credential c;
	(void)state;
	assert_int_equal(hz_turn_credential("north", 1700000000, "patient-7", &c), 0);
	assert_string_equal(c.username, "1700000000:322330d9f7aefad4");
	assert_string_equal(c.password, "j6jEJdunDIEkmL5Nm+tnqt879+w=");
}

static void tells_nothing(void **state)
{
	struct hz_turn_credential a, b, c;
	(void)state;
	assert_int_equal(hz_turn_credential("north", 1, "patient-7", &a), 0);
	assert_int_equal(hz_turn_credential("south", 1, "patient-7", &b), 0);
	assert_int_equal(hz_turn_credential("north", 1, "patient-8", &c), 0);
	assert_null(strstr(a.username, "patient"));
	assert_string_not_equal(a.username, b.username); // without the secret nobody links it to an id
	assert_string_not_equal(a.username, c.username);
	assert_string_not_equal(a.password, b.password);
}

static void bounds(void **state)
{
	struct hz_turn_credential c;
	(void)state;
	assert_int_equal(hz_turn_credential("", 1, "x", &c), -EINVAL);
	assert_int_equal(hz_turn_credential("s", INT64_MAX, "", &c), 0); // the longest username
	assert_int_equal(strlen(c.username), 19 + 1 + 16);
	assert_int_equal(strlen(c.password), 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answer),
	    cmocka_unit_test(tells_nothing),
	    cmocka_unit_test(bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// What a list of objects says of which study they are: few and many of them, one of another study among them, white space, escapes, lists
// within, and lists that are cut off.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/dicomweb/belongs.h"

static struct hz_dweb_request of(unsigned instance)
{
	struct hz_dweb_request r = {.kind = HZ_DWEB_FRAME, .pacs = "main", .study = "1.2", .series = "1.2.3"};
	snprintf(r.instance, sizeof(r.instance), "1.2.3.%u", instance);
	return r;
}

static bool knows(const struct hz_belongs *b, unsigned instance)
{
	const struct hz_dweb_request r = of(instance);
	return hz_belongs_knows(b, &r);
}

static bool learn(struct hz_belongs *b, const char *json, size_t bytes)
{
	const struct hz_dweb_request r = of(0);
	return hz_belongs_learn(b, &r, json, bytes);
}

// count objects, the one at `other` of another study. free() it.
static char *list_of(unsigned count, unsigned other)
{
	char *json = malloc(300 * (size_t)count + 3);
	assert_non_null(json);
	size_t used = (size_t)sprintf(json, "[");
	for (unsigned i = 0; i < count; i++)
		used += (size_t)sprintf(json + used,
		                        "%s{\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1\"]},\n \"00080018\" : "
		                        "{\"vr\":\"UI\", \"Value\" : [\"1.2.3.%u\"]},"
		                        "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"%s\"]}}",
		                        i ? "," : "", i, i == other ? "1.9" : "1.2");
	sprintf(json + used, "]");
	return json;
}

// Each of them, and none beside them; of a list with another study's not one.
static void counts(void **state)
{
	static const unsigned all[] = {0, 1, 2, 1023, 1024, 1025, 3000};
	(void)state;
	for (size_t c = 0; c < sizeof(all) / sizeof(*all); c++) {
		struct hz_belongs *b = NULL;
		char *json = list_of(all[c], UINT32_MAX), *bad = all[c] ? list_of(all[c], all[c] - 1) : NULL;
		assert_int_equal(hz_belongs_new(&b), 0);
		assert_true(!bad || !learn(b, bad, strlen(bad)));
		for (unsigned i = 0; i < all[c] + 2; i++)
			assert_false(knows(b, i));
		assert_true(learn(b, json, strlen(json)));
		for (unsigned i = 0; i < all[c] + 2; i++)
			assert_int_equal(knows(b, i), i < all[c]);
		hz_belongs_free(b);
		free(json);
		free(bad);
	}
}

static void shapes(void **state)
{
	static const struct {
		const char *json;
		bool good, knows;
	} all[] = {
	    {"[{\"00080018\":{\"Value\":[\"1.2.3.7\"]}}]", true, true},
	    {"[{\"00080018\"\t\r\n : {\"Value\"  :[ \"1.2.3.7\" ] } } ]", true, true},
	    {"[{\"x\\\"\":\"}]\\\\\",\"00080018\":{\"Value\":[\"1.2.3.7\"]}}]", true, true},
	    {"[{\"0020000d\":{\"Value\":[\"1.9\"]},\"00080018\":{\"Value\":[\"1.2.3.7\"]}}]", false, false},
	    // Of an object within an object, of a key, of another attribute, not of a list.
	    {"[{\"00081115\":{\"Value\":[{\"00080018\":{\"Value\":[\"1.2.3.7\"]}}]}}]", true, false},
	    {"[{\"00081115\":{\"Value\":[{\"0020000D\":{\"Value\":[\"1.9\"]}}]}}]", true, false},
	    {"[{\"00080018\":{\"Value\":{\"1.2.3.7\":1}}}]", true, false},
	    {"[{\"00080018\":{\"vr\":[\"1.2.3.7\"]}}]", true, false},
	    {"{\"00080018\":{\"Value\":[\"1.2.3.7\"]}}", true, false},
	    {"", true, false},
	    {"\"", true, false},
	    {"]]]}}}[{\"\\", true, false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		size_t bytes = strlen(all[i].json);
		for (size_t most = 0; most <= bytes;
		     most++) { // cut off anywhere: of its own memory, so that ASan looks on
			struct hz_belongs *b = NULL;
			char *json = malloc(most ? most : 1);
			assert_non_null(json);
			memcpy(json, all[i].json, most);
			assert_int_equal(hz_belongs_new(&b), 0);
			bool good = learn(b, json, most);
			if (most == bytes) {
				assert_int_equal(good, all[i].good);
				assert_int_equal(knows(b, 7), all[i].knows);
			}
			hz_belongs_free(b);
			free(json);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(counts), cmocka_unit_test(shapes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

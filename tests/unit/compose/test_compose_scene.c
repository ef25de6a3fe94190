// From events to tiles: who is there, who is large, what a tile shows. And what manifest.json may not be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "recorder/compose/scene.h"

#define WALL 1795420800000ll

static const char people[] = "{\"version\":1,\"wall_zero_ms\":1795420800000,\"participants\":["
                             "{\"id\":\"a\",\"name\":\"A\",\"role\":\"clinic\",\"periods\":[{\"from_ms\":"
                             "1795420800000,\"to_ms\":1795420860000}],"
                             "\"consent\":[{\"state\":\"given\",\"time_ms\":1795420800000}]},"
                             "{\"id\":\"b\",\"name\":\"B\",\"role\":\"expert\",\"periods\":[{\"from_ms\":"
                             "1795420800000,\"to_ms\":1795420860000}],"
                             "\"consent\":[{\"state\":\"given\",\"time_ms\":1795420800000}]},"
                             "{\"id\":\"c\",\"name\":\"C\",\"role\":\"patient\",\"periods\":[{\"from_ms\":"
                             "1795420810000,\"to_ms\":1795420850000}],"
                             "\"consent\":[{\"state\":\"refused\",\"time_ms\":1795420810000}]},"
                             "{\"id\":\"o\",\"name\":\"O\",\"role\":\"observer\",\"periods\":[{\"from_ms\":"
                             "1795420800000,\"to_ms\":1795420860000}]}],"
                             "\"files\":[";
#define FILE_OF(who, source, kind, at, duration)                                                             \
	"{\"path\":\"tracks/" who "." source ".1.webm\",\"role\":\"track\",\"participant\":\"" who           \
	"\",\"source\":\"" source "\",\"kind\":\"" kind "\",\"at_ms\":" #at ",\"duration_ms\":" #duration    \
	"}"

static struct hz_scene_at at;

static struct hz_input *parse(const char *files, const char *events)
{
	static char manifest[16384];
	char error[HZ_INPUT_ERROR];
	struct hz_input *in = NULL;
	snprintf(manifest, sizeof(manifest), "%s%s]}", people, files);
	assert_int_equal(hz_input_parse(manifest, strlen(manifest), events, strlen(events), error, &in), 0);
	return in;
}

static const char both[] = FILE_OF("a", "camera", "av", 0, 60000) "," FILE_OF("b", "camera", "av", 0, 60000);

static void test_who_is_there(void **state)
{
	struct hz_input *in = parse(both, "[]");
	struct hz_scene *s;
	assert_int_equal(in->to_ms, 60000);
	assert_int_equal(hz_scene_new(in, &s), 0);
	hz_scene_at(s, 1000, &at);
	assert_int_equal(at.count, 2);  // the observer sends nothing
	assert_int_equal(at.large, -1); // two side by side
	assert_int_equal(at.tile[0].state, HZ_SCENE_PICTURE);
	hz_scene_at(s, 10000, &at); // somebody without consent
	assert_int_equal(at.count, 3);
	assert_int_equal(at.tile[2].state, HZ_SCENE_UNRECORDED);
	assert_int_equal(at.large, 0);
	hz_scene_at(s, 50000, &at); // and gone
	assert_int_equal(at.count, 2);
	hz_scene_free(s);
	hz_input_free(in);
}

static void test_floor(void **state)
{
	struct hz_input *in =
	    parse(both, "[{\"at_ms\":11000,\"type\":\"speaker\",\"detail\":{\"ids\":[\"b\"]}},"
	                "{\"at_ms\":14000,\"type\":\"speaker\",\"detail\":{\"ids\":[\"a\",\"b\"]}},"
	                "{\"at_ms\":15000,\"type\":\"speaker\",\"detail\":{\"ids\":[\"a\"]}},"
	                "{\"at_ms\":15500,\"type\":\"speaker\",\"detail\":{\"ids\":[]}},"
	                "{\"at_ms\":20000,\"type\":\"speaker\",\"detail\":{\"ids\":[\"a\",\"zz\",7]}}]");
	struct hz_scene *s;
	assert_int_equal(hz_scene_new(in, &s), 0);
	hz_scene_at(s, 11200, &at);
	assert_int_equal(at.large, 1);
	assert_true(at.tile[1].speaking);
	assert_false(at.tile[0].speaking);
	hz_scene_at(s, 16000, &at); // a moment of another voice moves nothing
	assert_int_equal(at.large, 1);
	hz_scene_at(s, 20200, &at);
	assert_int_equal(at.large, 0);
	hz_scene_free(s);
	hz_input_free(in);
}

static void test_content_and_layout(void **state)
{
	static const char files[] =
	    FILE_OF("a", "camera", "av", 0, 60000) "," FILE_OF("b", "camera", "av", 0, 60000) "," FILE_OF(
	        "b", "screen", "video", 5000, 10000) "," FILE_OF("b", "screen", "video", 16000, 9000);
	struct hz_input *in = parse(files, "[{\"at_ms\":8000,\"type\":\"layout\",\"detail\":{\"mode\":"
	                                   "\"grid\",\"pinned\":false,\"main\":null}},"
	                                   "{\"at_ms\":9000,\"type\":\"layout\",\"detail\":{\"mode\":"
	                                   "\"speaker\",\"pinned\":true,\"main\":\"a\","
	                                   "\"source\":\"camera\"}},"
	                                   "{\"at_ms\":10000,\"type\":\"layout\",\"detail\":{\"mode\":"
	                                   "\"speaker\",\"pinned\":false,\"main\":\"a\","
	                                   "\"source\":\"camera\"}}]");
	struct hz_scene *s;
	assert_int_equal(hz_scene_new(in, &s), 0);
	hz_scene_at(s, 4000, &at);
	assert_int_equal(at.count, 2);
	hz_scene_at(s, 6000, &at);
	assert_int_equal(at.count, 3);
	assert_int_equal(at.tile[at.large].source, HZ_INPUT_SCREEN);
	hz_scene_at(s, 8500, &at);
	assert_int_equal(at.large, -1);
	hz_scene_at(s, 9500, &at); // chosen by hand
	assert_int_equal(at.large, 0);
	hz_scene_at(s, 10500, &at); // not by hand: content first
	assert_int_equal(at.tile[at.large].source, HZ_INPUT_SCREEN);
	hz_scene_at(s, 15500, &at); // a new file of it a second later: held
	assert_int_equal(at.tile[at.large].source, HZ_INPUT_SCREEN);
	hz_scene_at(s, 26000, &at);
	assert_int_equal(at.count, 3); // with the one who is not recorded
	assert_int_equal(at.large, 0);
	hz_scene_free(s);
	hz_input_free(in);
}

static void test_mute(void **state)
{
	static const char files[] =
	    FILE_OF("a", "camera", "video", 0, 60000) "," FILE_OF("a", "microphone", "audio", 0, 60000);
	struct hz_input *in = parse(
	    files,
	    "[{\"at_ms\":1000,\"type\":\"mute\",\"participant\":\"a\",\"detail\":{\"source\":\"microphone\"}}"
	    ","
	    "{\"at_ms\":2000,\"type\":\"mute\",\"participant\":\"a\",\"detail\":{\"source\":\"camera\"}},"
	    "{\"at_ms\":2000,\"type\":\"mute\",\"participant\":\"nobody\",\"detail\":{\"source\":\"camera\"}}"
	    ","
	    "{\"at_ms\":3000,\"type\":\"unmute\",\"participant\":\"a\",\"detail\":{\"source\":\"camera\"}}]");
	struct hz_scene *s;
	assert_int_equal(hz_scene_new(in, &s), 0);
	hz_scene_at(s, 500, &at);
	assert_false(at.tile[0].muted);
	hz_scene_at(s, 1500, &at);
	assert_true(at.tile[0].muted);
	assert_int_equal(at.tile[0].state, HZ_SCENE_PICTURE);
	hz_scene_at(s, 2500, &at);
	assert_int_equal(at.tile[0].state, HZ_SCENE_OFF);
	hz_scene_at(s, 3500, &at);
	assert_int_equal(at.tile[0].state, HZ_SCENE_PICTURE);
	assert_int_equal(at.tile[1].state, HZ_SCENE_SOUND); // b gave consent and sends nothing
	hz_scene_free(s);
	hz_input_free(in);
}

static void refuse(const char *manifest, const char *timeline)
{
	char error[HZ_INPUT_ERROR] = "";
	struct hz_input *in = NULL;
	assert_int_not_equal(
	    hz_input_parse(manifest, strlen(manifest), timeline, timeline ? strlen(timeline) : 0, error, &in),
	    0);
	assert_null(in);
	assert_true(strlen(error) > 10);
	assert_null(strchr(error, '\n'));
}

static void test_bad_input(void **state)
{
	static const char *const paths[] = {"/etc/passwd", "../x", "tracks/../../x", "",
	                                    "a//b",        "a/.",  "x\x01y"};
	refuse("", NULL);
	refuse("[]", NULL);
	refuse("{\"version\":2}", NULL);
	refuse("{\"version\":1,\"version\":1}", NULL);
	refuse("{\"version\":1}", "{");
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_false(hz_input_path_good(paths[i]));
	assert_true(hz_input_path_good("tracks/甲.camera.1.mp4"));
	refuse("{\"version\":1,\"participants\":[{\"id\":\"a\"}],\"files\":[{\"path\":\"../"
	       "a\",\"role\":\"track\","
	       "\"participant\":\"a\"}]}",
	       NULL);
	refuse(
	    "{\"version\":1,\"participants\":[{\"id\":\"a\"}],\"files\":[{\"path\":\"a\",\"role\":\"track\","
	    "\"participant\":\"a\",\"at_ms\":9223372036854775807}]}",
	    NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_is_there), cmocka_unit_test(test_floor),
	                                   cmocka_unit_test(test_content_and_layout),
	                                   cmocka_unit_test(test_mute), cmocka_unit_test(test_bad_input)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// A series' metadata as a stack: in the viewer's order, and what of it cannot be read.
#include "media/live/stack.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define IMAGE                                                                                                \
	"\"00280010\":{\"Value\":[64]},\"00280011\":{\"Value\":[64]},\"00280100\":{\"Value\":[16]},"         \
	"\"00280101\":{\"Value\":[12]}"

static int read_text(const char *json, struct hz_live_stack *ret)
{
	return hz_live_stack_read(json, strlen(json), ret);
}

static size_t one(char *at, const char *uid, int number, double z)
{
	return (size_t)sprintf(at,
	                       "{" IMAGE ",\"00080018\":{\"Value\":[\"%s\"]},\"00200013\":{\"Value\":[%d]},"
	                       "\"00200032\":{\"Value\":[0,0,%g]},\"00200037\":{\"Value\":[1,0,0,0,1,0]}}",
	                       uid, number, z);
}

static void test_along_the_patient_and_not_as_numbered(void **state)
{
	char json[2000];
	size_t n = 0;
	struct hz_live_stack s = {0};
	(void)state;
	json[n++] = '[';
	n += one(json + n, "1.1", 1, 30);
	json[n++] = ',';
	n += one(json + n, "1.2", 2, -10);
	json[n++] = ',';
	n += one(json + n, "1.3", 3, 10);
	json[n++] = ']';
	assert_int_equal(hz_live_stack_read(json, n, &s), 0);
	assert_int_equal(s.frames, 3);
	assert_string_equal(s.instance[s.frame[0].object], "1.2");
	assert_string_equal(s.instance[s.frame[1].object], "1.3");
	assert_string_equal(s.instance[s.frame[2].object], "1.1");
	hz_live_stack_done(&s);
}

static void test_by_number_without_geometry_and_no_images_left_out(void **state)
{
	struct hz_live_stack s = {0};
	(void)state;
	assert_int_equal(
	    read_text("[{" IMAGE ",\"00080018\":{\"Value\":[\"1.9\"]},\"00200013\":{\"Value\":[\"7\"]}},"
	              "{\"00080018\":{\"Value\":[\"1.5\"]}}," // a report
	              "{" IMAGE
	              ",\"7FE00008\":{},\"00280100\":{\"Value\":[32]},\"00080018\":{\"Value\":[\"1.6\"]}},"
	              "{" IMAGE ",\"00080018\":{\"Value\":[\"../1\"]}},"
	              "{" IMAGE ",\"00080018\":{\"Value\":[\"1.8\"]},\"00280008\":{\"Value\":[2]},"
	              "\"00200013\":{\"Value\":[3]}}]",
	              &s),
	    0);
	assert_int_equal(s.objects, 2);
	assert_int_equal(s.frames, 3);
	assert_string_equal(s.instance[s.frame[0].object], "1.8");
	assert_int_equal(s.frame[1].frame, 1);
	assert_string_equal(s.instance[s.frame[2].object], "1.9");
	hz_live_stack_done(&s);
}

// The viewer shows a modality LUT and 32 bits, and refuses groups for fewer frames than there are: one more or less here is another picture.
static void test_the_same_objects_as_the_viewer(void **state)
{
	struct hz_live_stack s = {0};
	(void)state;
	assert_int_equal(
	    read_text("[{" IMAGE ",\"00080018\":{\"Value\":[\"1.4\"]},\"00280008\":{\"Value\":[2]},"
	              "\"52009230\":{\"Value\":[{}]}},"
	              "{" IMAGE ",\"00280004\":{\"Value\":[\"RGB\"]},\"00080018\":{\"Value\":[\"1.3\"]}},"
	              "{" IMAGE ",\"00280004\":{\"Value\":[\"PALETTE COLOR \"]},"
	              "\"00283000\":{\"Value\":[{}]},\"00080018\":{\"Value\":[\"1.5\"]}},"
	              "{\"00280010\":{\"Value\":[64]},\"00280011\":{\"Value\":[64]},"
	              "\"00280100\":{\"Value\":[32]},\"00080018\":{\"Value\":[\"1.6\"]}}]",
	              &s),
	    0);
	assert_int_equal(s.objects, 2);
	assert_string_equal(s.instance[s.frame[0].object], "1.5");
	assert_string_equal(s.instance[s.frame[1].object], "1.6");
	hz_live_stack_done(&s);
}

static void test_frames_of_an_enhanced_object(void **state)
{
	struct hz_live_stack s = {0};
	(void)state;
	assert_int_equal(
	    read_text(
	        "[{" IMAGE ",\"00080018\":{\"Value\":[\"1.4\"]},\"00280008\":{\"Value\":[\"3\"]},"
	        "\"52009229\":{\"Value\":[{\"00209116\":{\"Value\":[{\"00200037\":{\"Value\":[1,0,0,0,1,0]}}]"
	        "}}]},"
	        "\"52009230\":{\"Value\":[{\"00209113\":{\"Value\":[{\"00200032\":{\"Value\":[0,0,5]}}]}},"
	        "{\"00209113\":{\"Value\":[{\"00200032\":{\"Value\":[0,0,9]}}]}},"
	        "{\"00209113\":{\"Value\":[{\"00200032\":{\"Value\":[0,0,1]}}]}}]}}]",
	        &s),
	    0);
	assert_int_equal(s.frames, 3);
	assert_int_equal(s.frame[0].frame, 2);
	assert_int_equal(s.frame[1].frame, 0);
	assert_int_equal(s.frame[2].frame, 1);
	hz_live_stack_done(&s);
}

static void test_what_is_none(void **state)
{
	struct hz_live_stack s = {0};
	char deep[5001] = {0};
	(void)state;
	assert_int_equal(read_text("", &s), -EBADMSG);
	assert_int_equal(read_text("<html>", &s), -EBADMSG);
	assert_int_equal(read_text("{}", &s), -EBADMSG);
	assert_int_equal(read_text("[]", &s), -ENODATA);
	assert_int_equal(read_text("[1,null,\"x\",[],{}]", &s), -ENODATA);
	assert_int_equal(read_text("[{" IMAGE ",\"00080018\":7}]", &s), -ENODATA);
	assert_int_equal(
	    read_text("[{" IMAGE ",\"00080018\":{\"Value\":[\"1.4\"]},\"00280008\":{\"Value\":[1e18]}}]", &s),
	    -ENODATA);
	memset(deep, '[', 5000);
	assert_int_equal(read_text(deep, &s), -EBADMSG);
	assert_int_equal(hz_live_stack_read("[]", HZ_LIVE_STACK_BYTES + 1, &s), -E2BIG);
	assert_null(s.frame);
}

static void test_a_whole_slide_is_no_stack(void **state)
{
	struct hz_live_stack s = {0};
	(void)state;
	assert_int_equal(read_text("[{" IMAGE ",\"00080018\":{\"Value\":[\"1.4\"]}},"
	                           "{" IMAGE ",\"00080018\":{\"Value\":[\"1.5\"]},"
	                           "\"00080016\":{\"Value\":[\"1.2.840.10008.5.1.4.1.1.77.1.6\"]}}]",
	                           &s),
	                 HZ_LIVE_SLIDE);
	assert_null(s.frame);
	assert_null(s.instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_along_the_patient_and_not_as_numbered),
	    cmocka_unit_test(test_by_number_without_geometry_and_no_images_left_out),
	    cmocka_unit_test(test_the_same_objects_as_the_viewer),
	    cmocka_unit_test(test_frames_of_an_enhanced_object),
	    cmocka_unit_test(test_what_is_none),
	    cmocka_unit_test(test_a_whole_slide_is_no_stack),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

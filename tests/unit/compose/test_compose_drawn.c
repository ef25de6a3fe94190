// Drawings over recorded pictures: from when to when, over whose, where; and events that make no sense.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/picture/blit.h"
#include "recorder/compose/drawn.h"

#define OVER(id, who, source, points)                                                                        \
	"{\"id\":\"" id "\",\"kind\":\"line\",\"on\":{\"participant\":\"" who "\",\"source\":\"" source      \
	"\"},\"points\":" points "}"
#define EVENT(at, detail) "{\"at_ms\":" #at ",\"type\":\"table\",\"detail\":{" detail "}}"

static const char manifest[] =
    "{\"version\":1,\"wall_zero_ms\":0,\"participants\":[{\"id\":\"a\",\"name\":\"A\"},"
    "{\"id\":\"b\",\"name\":\"B\"}],\"files\":[]}";

static struct hz_input *parse(const char *events)
{
	char error[HZ_INPUT_ERROR];
	struct hz_input *in = NULL;
	assert_int_equal(hz_input_parse(manifest, strlen(manifest), events, strlen(events), error, &in), 0);
	return in;
}

static struct hz_canvas blank(void)
{
	struct hz_canvas canvas;
	assert_int_equal(hz_canvas_new(320, 180, &canvas), 0);
	hz_canvas_fill(&canvas, (struct hz_rect){0, 0, 320, 180}, (struct hz_colour){16, 128, 128});
	return canvas;
}

static unsigned bright(const struct hz_canvas *c, int x, int y)
{
	return c->plane[0][y * c->stride[0] + x];
}

#define FIRST  OVER("x", "a", "endoscope", "[[0,0.5],[0.2,0.5]]")
#define SECOND OVER("x", "a", "endoscope", "[[0,0.5],[1,0.5]]")
#define OTHER  OVER("y", "b", "camera", "[[0,0],[1,1]]")

static void test_when_and_where(void **state)
{
	static const char events[] = "[" EVENT(5000, "\"gone\":[\"x\",\"never\"]") "," EVENT(
	    1000, "\"put\":[" FIRST "]") "," EVENT(2000, "\"put\":[" SECOND "," OTHER "]") "]";
	struct hz_input *in = parse(events);
	struct hz_canvas canvas = blank();
	const struct hz_rect picture = {100, 40, 200, 100};
	struct hz_drawn *d;
	assert_int_equal(hz_drawn_new(in, &d), 0);
	hz_drawn_at(d, 999);
	assert_int_equal(hz_drawn_serial(d, 0, HZ_INPUT_ENDOSCOPE), 0);
	assert_int_equal(hz_drawn_draw(d, 0, HZ_INPUT_ENDOSCOPE, &canvas, picture, NULL), 0);
	hz_drawn_at(d, 1000);
	uint32_t first = hz_drawn_serial(d, 0, HZ_INPUT_ENDOSCOPE);
	assert_int_not_equal(first, 0);
	hz_drawn_at(d, 2500);
	assert_int_not_equal(hz_drawn_serial(d, 0, HZ_INPUT_ENDOSCOPE), first);
	assert_int_equal(hz_drawn_serial(d, 0, HZ_INPUT_CAMERA), 0);
	assert_int_equal(hz_drawn_draw(d, 0, HZ_INPUT_CAMERA, &canvas, picture, NULL), 0);
	assert_int_equal(hz_drawn_draw(d, 1, HZ_INPUT_ENDOSCOPE, &canvas, picture, NULL), 0);
	assert_int_equal(hz_drawn_draw(d, 0, HZ_INPUT_ENDOSCOPE, &canvas, picture, NULL), 1);
	assert_true(bright(&canvas, 290, 89) > 150); // in the middle of the picture, from side to side
	assert_int_equal(bright(&canvas, 95, 89), 16);
	assert_int_equal(bright(&canvas, 200, 60), 16);
	hz_drawn_at(d, 5000);
	assert_int_equal(hz_drawn_draw(d, 0, HZ_INPUT_ENDOSCOPE, &canvas, picture, NULL), 0);
	assert_int_equal(hz_drawn_draw(d, 1, HZ_INPUT_CAMERA, &canvas, picture, NULL), 1);
	hz_drawn_free(d);
	hz_canvas_free(&canvas);
	hz_input_free(in);
}

static void test_senseless(void **state)
{
	static const char *const bad[] = {
	    "[7,null,{},[]]",
	    "[" EVENT(0, "\"put\":7,\"gone\":{}") "]",
	    "[" EVENT(0, "\"put\":[7,null,[],{}],\"gone\":[7,null]") "]",
	    "[" EVENT(0, "\"put\":[" OVER("x", "nobody", "camera", "[[0,0],[1,1]]") "]") "]",
	    "[" EVENT(0, "\"put\":[" OVER("x", "a", "camera", "[[0,0],[1,7]]") "]") "]",
	    "[" EVENT(0, "\"put\":[" OVER("x", "a", "camera", "[[0,0],[1]]") "]") "]",
	    "[" EVENT(0, "\"put\":[" OVER("x", "a", "camera", "[]") "]") "]",
	    "[" EVENT(0, "\"put\":[" OVER("x", "a", "camera", "{}") "]") "]",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct hz_input *in = parse(bad[i]);
		struct hz_drawn *d;
		assert_int_equal(hz_drawn_new(in, &d), 0);
		hz_drawn_at(d, INT64_MAX);
		assert_int_equal(hz_drawn_serial(d, 0, HZ_INPUT_CAMERA), 0);
		hz_drawn_free(d);
		hz_input_free(in);
	}
}

static void test_too_many(void **state)
{
	size_t room = 200 * (HZ_DRAWN_MARKS + 20), used;
	char *events = malloc(room);
	used = (size_t)snprintf(events, room, "[{\"at_ms\":1,\"type\":\"table\",\"detail\":{\"put\":[");
	for (int i = 0; i < HZ_DRAWN_MARKS + 10; i++)
		used += (size_t)snprintf(
		    events + used, room - used,
		    "%s{\"id\":\"m%d\",\"kind\":\"%s\",\"color\":%d,\"unit\":\"pct\",\"value\":1,"
		    "\"on\":{\"participant\":\"a\",\"source\":\"camera\"},"
		    "\"points\":[[0.1,0.1],[0.9,0.9]]}",
		    i ? "," : "", i, i % 2 ? "ellipse" : "nonsense", i);
	snprintf(events + used, room - used, "]}}]");
	struct hz_input *in = parse(events);
	struct hz_canvas canvas = blank();
	struct hz_drawn *d;
	assert_int_equal(hz_drawn_new(in, &d), 0);
	hz_drawn_at(d, 1);
	assert_int_equal(
	    hz_drawn_draw(d, 0, HZ_INPUT_CAMERA, &canvas, (struct hz_rect){0, 0, 320, 180}, NULL),
	    HZ_DRAWN_MARKS);
	hz_drawn_free(d);
	hz_canvas_free(&canvas);
	hz_input_free(in);
	free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_when_and_where),
	    cmocka_unit_test(test_senseless),
	    cmocka_unit_test(test_too_many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

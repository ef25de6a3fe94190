// Text from outside: characters, what is none, lines that are too long; the clock.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/picture/blit.h"
#include "media/picture/card.h"
#include "media/picture/text.h"

static void expect(const char *text, const uint32_t *codes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(hz_text_next(&text), codes[i]);
	assert_int_equal(hz_text_next(&text), 0);
}

static void test_characters(void **state)
{
	expect("A张😀", (const uint32_t[]){'A', 0x5f20, 0x1f600}, 3);
	expect("a\n\tb\x7f", (const uint32_t[]){'a', 'b'}, 2);
	expect("a\xff\xc0\x80\xe5\xbc", (const uint32_t[]){'a'}, 1); // cut off, overlong
	expect("\xe2\x80\xaex", (const uint32_t[]){'x'}, 1);         // right to left override
	expect("\xf7\xbf\xbf\xbfy", (const uint32_t[]){'y'}, 1);     // beyond Unicode
}

static void test_lines_stay_in_their_box(void **state)
{
	struct hz_text *text;
	struct hz_canvas c;
	static char longest[4096];
	if (hz_text_open(NULL, &text) != 0)
		skip(); // no font here
	assert_int_equal(hz_canvas_new(640, 96, &c), 0);
	for (unsigned i = 0; i + 3 < sizeof(longest); i += 3)
		memcpy(longest + i, "会", 3);
	for (int align = HZ_TEXT_LEFT; align <= HZ_TEXT_RIGHT; align++) {
		struct hz_text_line line = {longest, {200, 32, 240, 32}, 24, align, HZ_COLOUR_TEXT};
		int width = hz_text_draw(text, &c, &line);
		assert_in_range(width, 200, 240);
	}
	bool inside = false;
	for (int y = 0; y < c.height; y++)
		for (int x = 0; x < c.width; x++) {
			bool drawn = c.plane[0][y * c.stride[0] + x] != HZ_COLOUR_BACK.y;
			inside |= drawn;
			assert_false(drawn && (x < 198 || x > 442 || y < 28 || y > 68));
		}
	assert_true(inside);
	// partly and fully outside of the canvas
	hz_text_draw(text, &c,
	             &(struct hz_text_line){"Wide", {600, -10, 300, 30}, 40, HZ_TEXT_LEFT, HZ_COLOUR_TEXT});
	hz_text_draw(text, &c,
	             &(struct hz_text_line){"Wide", {-90, 80, 300, 30}, 40, HZ_TEXT_LEFT, HZ_COLOUR_TEXT});
	hz_text_draw(text, &c, &(struct hz_text_line){"x", {0, 0, 0, 0}, 40, HZ_TEXT_LEFT, HZ_COLOUR_TEXT});
	assert_int_equal(
	    hz_text_draw(text, &c, &(struct hz_text_line){"x", {0, 0, 9, 9}, 0, 0, HZ_COLOUR_TEXT}), 0);
	assert_true(hz_text_width(text, "会诊", 20) > hz_text_width(text, "会", 20));
	hz_canvas_free(&c);
	hz_text_close(text);
}

static void test_not_a_font(void **state)
{
	struct hz_text *text = NULL;
	assert_int_equal(hz_text_open("/nonexistent/font", &text), -2);
	assert_int_not_equal(hz_text_open(HZ_SOURCE_DIR "/CMakeLists.txt", &text), 0);
	assert_null(text);
}

static void test_clock(void **state)
{
	char text[40];
	hz_card_clock(1795420800000ll, 480, text);
	assert_string_equal(text, "2026-11-23 16:00:00 UTC+08:00");
	hz_card_clock(1795420800000ll, -210, text);
	assert_string_equal(text, "2026-11-23 04:30:00 UTC-03:30");
	hz_card_clock(INT64_MAX, 0, text);
	hz_card_clock(INT64_MIN, 0, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_characters),
	                                   cmocka_unit_test(test_lines_stay_in_their_box),
	                                   cmocka_unit_test(test_not_a_font), cmocka_unit_test(test_clock)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

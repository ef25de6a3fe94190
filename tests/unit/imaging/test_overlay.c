// Overlay planes as viewers get them: what of them lies within the image, frame by frame, and nothing that was not promised; what cannot be
// read says so.
#include <errno.h>

#include "media/imaging/overlay.h"
#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/imaging_open.h"

static struct hz_pixel_shape shape_of(uint32_t columns, uint32_t rows)
{
	return (struct hz_pixel_shape){.columns = columns,
	                               .rows = rows,
	                               .samples = 1,
	                               .bits_allocated = 16,
	                               .bits_stored = 12,
	                               .high_bit = 11,
	                               .photometric = HZ_MONOCHROME2};
}

struct plane {
	uint32_t group;
	unsigned columns, rows;
	int16_t origin[2]; // row, column
	const char *frames;
	unsigned first, bit;
	const uint16_t *words; // NULL: in the pixels
	size_t bytes;
};

static void add(struct fake_dicom *d, const struct plane *p)
{
	uint32_t group = p->group << 16;
	fake_us(d, group | 0x10, p->rows);
	fake_us(d, group | 0x11, p->columns);
	if (p->frames)
		fake_text(d, group | 0x15, "IS", p->frames);
	fake_text(d, group | 0x40, "CS", "G");
	fake_value(d, group | 0x50, "SS", p->origin, 4);
	if (p->first)
		fake_us(d, group | 0x51, p->first);
	fake_us(d, group | 0x100, p->words ? 1 : 16);
	fake_us(d, group | 0x102, p->bit);
	if (p->words)
		fake_value(d, group | 0x3000, "OW", p->words, p->bytes);
}

// As JSON; free(). expected: of opening it.
static char *say(struct fake_dicom *d, int expected, size_t *ret_bytes)
{
	struct fake_bytes file = fake_end(d);
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *opened = NULL;
	char *text = NULL;
	size_t bytes = 0;
	assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened), expected);
	if (!expected) {
		assert_int_equal(hz_overlay_json(opened, &fault, &text, &bytes), 0);
		assert_int_equal(strlen(text), bytes);
		hz_dicom_close(opened);
	}
	fake_bytes_done(&file);
	if (ret_bytes)
		*ret_bytes = bytes;
	return text;
}

static void expect(struct fake_dicom *d, const char *list)
{
	char *text = say(d, 0, NULL), *at = strstr(text, "\"rows\":");
	assert_non_null(at);
	assert_string_equal(at, list);
	free(text);
}

// 4 x 4, its corners set: at each corner of an image of 5 x 3, far outside, and within.
static void test_cut_at_the_image(void **state)
{
	static const uint16_t corners[1] = {0x9009}, pixels[15] = {0};
	static const struct {
		int16_t row, column;
		const char *want;
	} all[] = {
	    {1, 1, "\"x\":0,\"y\":0,\"columns\":4,\"rows\":3,\"planes\":[\"bCQA=\"]"}, // three rows of it
	    {-1, -1, "\"x\":0,\"y\":0,\"columns\":2,\"rows\":2,\"planes\":[\"bCA==\"]"},
	    {3, 5, "\"x\":4,\"y\":2,\"columns\":1,\"rows\":1,\"planes\":[\"bAQ==\"]"},
	    {3, -2, "\"x\":0,\"y\":2,\"columns\":1,\"rows\":1,\"planes\":[\"bAQ==\"]"},
	    {4, 1, "\"x\":0,\"y\":0,\"columns\":0,\"rows\":0,\"planes\":[]"},
	    {INT16_MIN, INT16_MIN, "\"x\":0,\"y\":0,\"columns\":0,\"rows\":0,\"planes\":[]"},
	    {INT16_MAX, INT16_MAX, "\"x\":0,\"y\":0,\"columns\":0,\"rows\":0,\"planes\":[]"},
	};
	const struct hz_pixel_shape s = shape_of(5, 3);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct plane p = {.group = 0x6000,
		                  .columns = 4,
		                  .rows = 4,
		                  .origin = {all[i].row, all[i].column},
		                  .words = corners,
		                  .bytes = 2};
		struct fake_dicom d;
		char want[300];
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		add(&d, &p);
		fake_native(&d, "OW", pixels, sizeof(pixels));
		snprintf(want, sizeof(want),
		         "\"rows\":3,\"columns\":5,\"overlays\":[{\"group\":\"6000\",\"kind\":\"G\",%s}]}",
		         all[i].want);
		expect(&d, want);
	}
}

// Two planes of 16 bits from the second frame on: as many as there are frames, though it promises three. A row of a plane ends in a byte.
static void test_frames_of_its_own(void **state)
{
	static const uint16_t bits[3] = {0x0000, 0x0001, 0x8000}, pixels[3 * 16] = {0};
	const struct hz_pixel_shape s = shape_of(4, 4);
	struct plane p = {.group = 0x601e,
	                  .columns = 4,
	                  .rows = 4,
	                  .origin = {1, 1},
	                  .frames = "3",
	                  .first = 2,
	                  .words = bits,
	                  .bytes = 6};
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 3);
	add(&d, &p);
	fake_native(&d, "OW", pixels, sizeof(pixels));
	expect(&d,
	       "\"rows\":4,\"columns\":4,\"overlays\":[{\"group\":\"601E\",\"kind\":\"G\",\"x\":0,\"y\":0,"
	       "\"columns\":4,\"rows\":4,\"first\":1,\"planes\":[\"\",\"rAAE=\"]}]}");
	p.frames = "4"; // more than its data
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 3);
	add(&d, &p);
	fake_native(&d, "OW", pixels, sizeof(pixels));
	assert_null(say(&d, -EBADMSG, NULL));
}

// In bit 12 of the words, of each frame its own; in a bit of the samples, or of what was encoded, there is none, and the next one is shown.
static void test_in_bits_of_the_pixels(void **state)
{
	static const uint16_t pixels[2 * 8] = {0x1fff, 0, 0, 0, 0, 0, 0, 0x1000, 0xefff};
	const struct hz_pixel_shape s = shape_of(4, 2);
	const struct plane in_12 = {.group = 0x6000, .columns = 4, .rows = 2, .origin = {1, 1}, .bit = 12},
	                   in_3 = {.group = 0x6002, .columns = 4, .rows = 2, .origin = {1, 1}, .bit = 3};
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 2);
	add(&d, &in_12);
	add(&d, &in_3);
	fake_native(&d, "OW", pixels, sizeof(pixels));
	expect(&d,
	       "\"rows\":2,\"columns\":4,\"overlays\":[{\"group\":\"6000\",\"kind\":\"G\",\"x\":0,\"y\":0,"
	       "\"columns\":4,\"rows\":2,\"first\":0,\"planes\":[\"bgQ==\",\"\"]},"
	       "{\"group\":\"6002\",\"fault\":\"attribute\"}]}");
	struct hz_pixel_shape wide = s;
	size_t bytes;
	uint8_t *samples = fake_pixels(&wide, &bytes);
	struct fake_bytes coded = fake_jpeg_lossless(samples, &wide, 12);
	fake_begin(&d, FAKE_EXPLICIT, "1.2.840.10008.1.2.4.70");
	fake_shape(&d, &wide, 1);
	add(&d, &in_12);
	fake_fragments(&d, &coded, 1, NULL, 0);
	expect(&d, "\"rows\":2,\"columns\":4,\"overlays\":[{\"group\":\"6000\",\"fault\":\"unsupported\"}]}");
	fake_bytes_done(&coded);
	free(samples);
}

// What is sparse takes little: a line in 2048 x 2048.
static void test_sparse_is_short(void **state)
{
	const struct hz_pixel_shape s = shape_of(2048, 2048);
	size_t count = (size_t)2048 * 2048, bytes = 0;
	uint16_t *bits = calloc(count / 16, 2), *pixels = calloc(count, 2);
	assert_true(bits && pixels);
	memset((char *)bits + 1000 * 256, 255, 256);
	const struct plane p = {.group = 0x6000,
	                        .columns = 2048,
	                        .rows = 2048,
	                        .origin = {1, 1},
	                        .words = bits,
	                        .bytes = count / 8};
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 1);
	add(&d, &p);
	fake_native(&d, "OW", pixels, count * 2);
	char *text = say(&d, 0, &bytes);
	assert_non_null(strstr(text, "\"planes\":[\"rgIB9gBA=\"]")); // 2,048,000 not set, 2,048 set
	assert_true(bytes < 300);
	free(text);
	free(bits);
	free(pixels);
}

// Sixteen of noise, 2 MiB each: as many as fit, the others say that they do not.
static void test_bounded(void **state)
{
	const struct hz_pixel_shape s = fake_grey(4096, 4096, 8);
	size_t count = (size_t)4096 * 4096, bytes = 0;
	uint8_t *noise = malloc(count);
	uint32_t seed = 1;
	unsigned good = 0, faults = 0;
	assert_non_null(noise);
	for (size_t i = 0; i < count; i++)
		noise[i] = (uint8_t)((seed = seed * 1103515245 + 12345) >> 16);
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 1);
	for (uint32_t i = 0; i < 16; i++) {
		const struct plane p = {.group = 0x6000 + 2 * i,
		                        .columns = 4096,
		                        .rows = 4096,
		                        .origin = {1, 1},
		                        .words = (const void *)noise,
		                        .bytes = count / 8};
		add(&d, &p);
	}
	fake_native(&d, "OB", noise, count);
	char *text = say(&d, 0, &bytes);
	for (const char *at = text; (at = strstr(at, "\"planes\"")); at++)
		good++;
	for (const char *at = text; (at = strstr(at, "\"fault\":\"too-big\"")); at++)
		faults++;
	assert_int_equal(good, 8);
	assert_int_equal(faults, 8);
	assert_true(bytes < HZ_OVERLAY_JSON_BYTES);
	free(text);
	free(noise);
}

static void test_lies(void **state)
{
	static const uint16_t bits[1] = {1}, pixels[16] = {0};
	const struct hz_pixel_shape s = shape_of(4, 4);
	const struct plane all[] = {
	    {.group = 0x6000, .columns = 65535, .rows = 65535, .origin = {1, 1}, .words = bits, .bytes = 2},
	    {.group = 0x6000, .columns = 0, .rows = 4, .origin = {1, 1}, .words = bits, .bytes = 2},
	    {.group = 0x6000,
	     .columns = 4,
	     .rows = 4,
	     .origin = {1, 1},
	     .frames = "0",
	     .words = bits,
	     .bytes = 2},
	    {.group = 0x6000, .columns = 4, .rows = 4, .origin = {1, 1}, .bit = 40},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct fake_dicom d;
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		add(&d, &all[i]);
		fake_native(&d, "OW", pixels, sizeof(pixels));
		assert_null(say(&d, -EBADMSG, NULL));
	}
	struct fake_dicom d; // none at all
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 1);
	fake_native(&d, "OW", pixels, sizeof(pixels));
	expect(&d, "\"rows\":4,\"columns\":4,\"overlays\":[]}");
}

int main(void)
{
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cut_at_the_image),
	    cmocka_unit_test(test_frames_of_its_own),
	    cmocka_unit_test(test_in_bits_of_the_pixels),
	    cmocka_unit_test(test_sparse_is_short),
	    cmocka_unit_test(test_bounded),
	    cmocka_unit_test(test_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

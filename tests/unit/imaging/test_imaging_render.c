// What is seen: windows by the formulas of PS3.3, LUTs, padding, palette, colour, overlays.
#include "media/imaging/render.h"
#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/imaging_open.h"

static const struct hz_pixel_shape grey = {.columns = 4,
                                           .rows = 1,
                                           .samples = 1,
                                           .bits_allocated = 16,
                                           .bits_stored = 16,
                                           .high_bit = 15,
                                           .is_signed = true,
                                           .photometric = HZ_MONOCHROME2};

static void render(struct fake_dicom *d, const struct hz_look *look, const uint8_t *want, size_t bytes)
{
	struct fake_bytes file = fake_end(d);
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *opened = NULL;
	struct hz_frame f = {0};
	struct hz_rendered r = {0};
	if (hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened) < 0 ||
	    decode_of(opened, 0, &fault, &f) < 0)
		fail_msg("%s", fault.text);
	assert_int_equal(hz_render(opened, 0, &f, look, &r), 0);
	assert_int_equal(r.bytes, bytes);
	assert_memory_equal(r.data, want, bytes);
	hz_rendered_done(&r);
	hz_frame_done(&f);
	hz_dicom_close(opened);
	fake_bytes_done(&file);
}

static void test_formulas(void **state)
{
	// The example of PS3.3 C.11.2.1.2: center 2048, width 4096 is all of 12 bits; width 1 is a threshold.
	assert_int_equal((int)hz_voi_apply(HZ_VOI_LINEAR, 2048, 4096, 0), 0);
	assert_int_equal((int)hz_voi_apply(HZ_VOI_LINEAR, 2048, 4096, 4095), 255);
	assert_int_equal((int)hz_voi_apply(HZ_VOI_LINEAR, 100, 1, 99), 0);
	assert_int_equal((int)hz_voi_apply(HZ_VOI_LINEAR, 100, 1, 100), 255);
	assert_float_equal(hz_voi_apply(HZ_VOI_LINEAR_EXACT, 0, 100, 0), 127.5, 1e-9);
	assert_float_equal(hz_voi_apply(HZ_VOI_LINEAR_EXACT, 0, 100, -25), 63.75, 1e-9);
	assert_float_equal(hz_voi_apply(HZ_VOI_SIGMOID, 40, 400, 40), 127.5, 1e-9);
	assert_true(hz_voi_apply(HZ_VOI_SIGMOID, 40, 400, 1e9) <= 255 &&
	            hz_voi_apply(HZ_VOI_SIGMOID, 40, 400, -1e9) >= 0);
}

// A dose has 32 bits and no sign: its highest values were below 0, black where most of it is.
static void test_32_bits_without_a_sign(void **state)
{
	const uint32_t pixels[4] = {0, 0x40000000, 0x80000000, 0xffffffff};
	static const uint8_t want[4] = {0, 64, 128, 255};
	const struct hz_look looks[] = {{.voi = HZ_VOI_RANGE},
	                                {.voi = HZ_VOI_WINDOW,
	                                 .function = HZ_VOI_LINEAR_EXACT,
	                                 .center = 2147483648.0,
	                                 .width = 4294967296.0}};
	for (unsigned i = 0; i < 2; i++) {
		struct hz_pixel_shape s = grey;
		struct fake_dicom d;
		s.is_signed = false;
		s.bits_allocated = s.bits_stored = 32;
		s.high_bit = 31;
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		fake_native(&d, "OW", pixels, sizeof(pixels));
		render(&d, &looks[i], want, sizeof(want));
	}
}

static void test_rescale_window_padding_and_monochrome1(void **state)
{
	const int16_t pixels[4] = {0, 1024, 2048, -2000};
	static const uint8_t plain[4] = {0, 128, 255, 0}, inverse[4] = {255, 127, 0, 0};
	for (unsigned i = 0; i < 2; i++) {
		struct hz_pixel_shape s = grey;
		struct fake_dicom d;
		s.photometric = i ? HZ_MONOCHROME1 : HZ_MONOCHROME2;
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		int16_t padding = -2000;
		fake_value(&d, 0x00280120, "SS", &padding, 2);
		fake_text(&d, 0x00281050, "DS", "0\\40");
		fake_text(&d, 0x00281051, "DS", "2048\\400");
		fake_text(&d, 0x00281052, "DS", "-1024");
		fake_text(&d, 0x00281053, "DS", "1");
		fake_text(&d, 0x00281056, "CS", "LINEAR_EXACT");
		fake_native(&d, "OW", pixels, sizeof(pixels));
		struct hz_look look = {0};
		render(&d, &look, i ? inverse : plain, 4);
	}
}

// Presentation LUT Shape of DX and mammography says once more what MONOCHROME1 says (PS3.3 C.8.11.3), and does not undo it.
static void test_presentation_lut_shape(void **state)
{
	const uint8_t pixels[4] = {0, 64, 128, 255}, inverse[4] = {255, 191, 127, 0};
	for (unsigned i = 0; i < 4; i++) {
		struct hz_pixel_shape s = fake_grey(4, 1, 8);
		struct fake_dicom d;
		s.photometric = i < 2 ? HZ_MONOCHROME1 : HZ_MONOCHROME2;
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		fake_text(&d, 0x00281050, "DS", "128");
		fake_text(&d, 0x00281051, "DS", "256");
		fake_text(&d, 0x20500020, "CS", i % 2 ? "INVERSE" : "IDENTITY");
		fake_native(&d, "OW", pixels, sizeof(pixels));
		struct hz_look look = {0};
		render(&d, &look, i == 2 ? pixels : inverse, 4);
	}
}

// A reader's window goes through the function that the frame has, where it has one.
static void test_function_of_a_frame(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *opened = NULL;
		struct fake_dicom d;
		const int16_t pixels[4] = {0};
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &grey, 1);
		if (i) {
			fake_open_sequence(&d, 0x52009229);
			fake_open_sequence(&d, 0x00289132);
		}
		fake_text(&d, 0x00281050, "DS", "40");
		fake_text(&d, 0x00281051, "DS", "400");
		fake_text(&d, 0x00281056, "CS", "SIGMOID");
		if (i) {
			fake_close_sequence(&d);
			fake_close_sequence(&d);
		}
		fake_native(&d, "OW", pixels, sizeof(pixels));
		struct fake_bytes file = fake_end(&d);
		assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened), 0);
		assert_int_equal(hz_voi_of(opened, 0), HZ_VOI_SIGMOID);
		hz_dicom_close(opened);
		fake_bytes_done(&file);
	}
}

// Multi-frame secondary captures have groups, and their rescale and scale outside of them; a group's own word is before it.
static void test_values_beside_groups(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *opened = NULL;
		struct fake_dicom d;
		const int16_t pixels[8] = {0};
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &grey, 2);
		fake_text(&d, 0x00280030, "DS", "0.5\\0.25");
		fake_text(&d, 0x00281052, "DS", "-1024");
		fake_text(&d, 0x00281053, "DS", "2");
		fake_open_sequence(&d, 0x52009229);
		fake_open_sequence(&d, i ? 0x00289145 : 0x00289132);
		fake_text(&d, i ? 0x00281052 : 0x00281050, "DS", "40");
		fake_text(&d, i ? 0x00281053 : 0x00281051, "DS", "400");
		fake_close_sequence(&d);
		fake_close_sequence(&d);
		fake_native(&d, "OW", pixels, sizeof(pixels));
		struct fake_bytes file = fake_end(&d);
		assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened), 0);
		for (unsigned frame = 0; frame < 2; frame++) {
			const struct hz_dicom_plane *plane = hz_dicom_plane(opened, frame);
			assert_float_equal(plane->slope, i ? 400 : 2, 1e-9);
			assert_float_equal(plane->intercept, i ? 40 : -1024, 1e-9);
			assert_true(plane->has_spacing && plane->spacing[0] == 0.5);
			assert_int_equal(plane->has_window, !i);
		}
		hz_dicom_close(opened);
		fake_bytes_done(&file);
	}
}

static size_t implicit(uint8_t *to, uint32_t tag, const void *value, uint32_t n)
{
	const uint8_t head[8] = {(uint8_t)(tag >> 16),
	                         (uint8_t)(tag >> 24),
	                         (uint8_t)tag,
	                         (uint8_t)(tag >> 8),
	                         (uint8_t)n,
	                         (uint8_t)(n >> 8),
	                         0,
	                         0};
	memcpy(to, head, 8);
	memmove(to + 8, value, n);
	return n + 8;
}

// An archive that did not know an attribute wrote it as UN (PS3.5 6.2.2): implicit VR inside. Groups were overseen, and values unscaled.
static void test_values_of_unknown_vr(void **state)
{
	uint8_t inner[64], item[80], sequence[96], group[112];
	size_t n = implicit(inner, 0x00281052, "-1024 ", 6);
	n += implicit(inner + n, 0x00281053, "2 ", 2);
	n = implicit(item, 0xfffee000, inner, (uint32_t)n);
	n = implicit(sequence, 0x00289145, item, (uint32_t)n);
	n = implicit(group, 0xfffee000, sequence, (uint32_t)n);
	for (unsigned i = 0; i < 2; i++) {
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *opened = NULL;
		struct fake_dicom d;
		const int16_t pixels[4] = {0};
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &grey, 1);
		fake_value(&d, 0x00280030, "UN", "0.5\\0.25", 8);
		if (i == 0) {
			fake_value(&d, 0x00281052, "UN", "-1024 ", 6);
			fake_value(&d, 0x00281053, "UN", "2 ", 2);
		} else {
			fake_value(&d, 0x52009229, "UN", group, n);
		}
		fake_native(&d, "OW", pixels, sizeof(pixels));
		struct fake_bytes file = fake_end(&d);
		if (hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened) < 0)
			fail_msg("%s", fault.text);
		const struct hz_dicom_plane *plane = hz_dicom_plane(opened, 0);
		assert_float_equal(plane->slope, 2, 1e-9);
		assert_float_equal(plane->intercept, -1024, 1e-9);
		assert_true(plane->has_spacing && plane->spacing[0] == 0.5);
		char *json = NULL;
		size_t bytes = 0;
		assert_int_equal(hz_dicom_metadata(opened, 1 << 20, &fault, &json, &bytes), 0);
		assert_non_null(memmem(json, bytes, "\"00281053\":{\"vr\":\"DS\",\"Value\":[2]}", 34));
		free(json);
		hz_dicom_close(opened);
		fake_bytes_done(&file);
	}
}

static void lut_item(struct fake_dicom *d, uint32_t sequence, unsigned entries, int first,
                     const uint16_t *data)
{
	fake_open_sequence(d, sequence);
	uint16_t descriptor[3] = {(uint16_t)entries, (uint16_t)first, 16};
	fake_value(d, 0x00283002, "US", descriptor, 6);
	fake_value(d, 0x00283006, "OW", data, entries * 2);
	fake_close_sequence(d);
}

static void test_lookup_tables(void **state)
{
	const int16_t pixels[4] = {-5, -1, 0, 9};
	const uint16_t to_modality[3] = {2, 1, 0}, to_voi[3] = {0, 32768, 65535}; // -1 to 2, 0 to 1, 1 to 0
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &grey, 1);
	lut_item(&d, 0x00283000, 3, -1, to_modality);
	lut_item(&d, 0x00283010, 3, 0, to_voi);
	fake_native(&d, "OW", pixels, sizeof(pixels));
	struct hz_look look = {.voi = HZ_VOI_LUT};
	render(&d, &look, (const uint8_t[]){255, 255, 128, 0}, 4);
}

static void test_palette(void **state)
{
	struct hz_pixel_shape s = fake_grey(4, 1, 8);
	const uint8_t pixels[4] = {0, 1, 2, 200};
	const uint16_t table[3] = {0, 0x8000, 0xff00}, descriptor[3] = {3, 0, 16};
	// The same by segments: discrete 1 entry, linear 2 more.
	const uint16_t segments[6] = {0, 1, 0, 1, 2, 0xff00};
	s.photometric = HZ_PALETTE_COLOR;
	for (unsigned segmented = 0; segmented < 2; segmented++) {
		struct fake_dicom d;
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		for (uint32_t k = 0; k < 3; k++)
			fake_value(&d, 0x00281101 + k, "US", descriptor, 6);
		for (uint32_t k = 0; k < 3; k++)
			fake_value(&d, (segmented ? 0x00281221 : 0x00281201) + k, "OW",
			           segmented ? segments : table, segmented ? 12 : 6);
		fake_native(&d, "OB", pixels, sizeof(pixels));
		uint8_t m = segmented ? 0x7f : 0x80;
		struct hz_look look = {0};
		render(&d, &look, (const uint8_t[]){0, 0, 0, m, m, m, 255, 255, 255, 255, 255, 255}, 12);
	}
}

static void test_colour_and_overlay(void **state)
{
	struct hz_pixel_shape s = {.columns = 2,
	                           .rows = 1,
	                           .samples = 3,
	                           .bits_allocated = 8,
	                           .bits_stored = 8,
	                           .high_bit = 7,
	                           .photometric = HZ_YBR_FULL_422};
	const uint8_t pixels[4] = {81, 81, 90, 240}; // Y Y Cb Cr: a red, twice
	struct fake_dicom d;
	struct hz_look look = {.overlays = true};
	const uint16_t rows = 1, columns = 2, bits = 2, one = 1, zero = 0;
	const int16_t origin[2] = {1, 1};
	// Inverted, the overlay stays white.
	for (unsigned i = 0; i < 2; i++) {
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		fake_value(&d, 0x60000010, "US", &rows, 2);
		fake_value(&d, 0x60000011, "US", &columns, 2);
		fake_text(&d, 0x60000040, "CS", "G");
		fake_value(&d, 0x60000050, "SS", origin, 4);
		fake_value(&d, 0x60000100, "US", &one, 2);
		fake_value(&d, 0x60000102, "US", &zero, 2);
		fake_value(&d, 0x60003000, "OW", &bits, 2);
		fake_native(&d, "OB", pixels, sizeof(pixels));
		look.invert = i == 1;
		render(&d, &look,
		       i ? (const uint8_t[]){17, 241, 241, 255, 255, 255}
		         : (const uint8_t[]){238, 14, 14, 255, 255, 255},
		       6);
	}
}

// An overlay in bit 12 of the words (retired): drawn over the samples, of each frame its own, and no part of them.
static void test_overlay_in_bits_of_the_pixels(void **state)
{
	const struct hz_pixel_shape s = fake_grey(2, 1, 12);
	const uint16_t pixels[4] = {0x1000, 0xe000, 0x0000, 0x1000}, rows = 1, columns = 2, wide = 16;
	for (unsigned bit = 12; bit < 17; bit += 4) { // 16: not a bit of the word, drawn nowhere
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *opened = NULL;
		struct fake_dicom d;
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 2);
		fake_text(&d, 0x00281050, "DS", "2048");
		fake_text(&d, 0x00281051, "DS", "4096");
		fake_value(&d, 0x60000010, "US", &rows, 2);
		fake_value(&d, 0x60000011, "US", &columns, 2);
		fake_text(&d, 0x60000040, "CS", "G");
		fake_value(&d, 0x60000100, "US", &wide, 2);
		fake_value(&d, 0x60000102, "US", &(uint16_t){(uint16_t)bit}, 2);
		fake_native(&d, "OW", pixels, sizeof(pixels));
		struct fake_bytes file = fake_end(&d);
		assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened), 0);
		for (unsigned i = 0; i < 2; i++) {
			struct hz_frame f = {0};
			struct hz_rendered r = {0};
			const struct hz_look look = {.overlays = true};
			assert_int_equal(decode_of(opened, i, &fault, &f), 0);
			assert_true(hz_frame_sample(&f, 0) == 0 && hz_frame_sample(&f, 1) == 0);
			assert_int_equal(hz_render(opened, i, &f, &look, &r), 0);
			assert_int_equal(r.data[i], bit == 12 ? 255 : 0);
			assert_int_equal(r.data[1 - i], 0);
			hz_rendered_done(&r);
			hz_frame_done(&f);
		}
		hz_dicom_close(opened);
		fake_bytes_done(&file);
	}
}

int main(void)
{
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_formulas),
	    cmocka_unit_test(test_32_bits_without_a_sign),
	    cmocka_unit_test(test_rescale_window_padding_and_monochrome1),
	    cmocka_unit_test(test_presentation_lut_shape),
	    cmocka_unit_test(test_function_of_a_frame),
	    cmocka_unit_test(test_values_beside_groups),
	    cmocka_unit_test(test_values_of_unknown_vr),
	    cmocka_unit_test(test_lookup_tables),
	    cmocka_unit_test(test_palette),
	    cmocka_unit_test(test_colour_and_overlay),
	    cmocka_unit_test(test_overlay_in_bits_of_the_pixels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

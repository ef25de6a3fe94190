// Every transfer syntax by every kind of sample: what is decoded must be what was put in, bit for bit, where the codec
// keeps it, and within the bound that is said where it does not. The files are made here (fake_dicom.h). Which syntaxes there are at all:
// test_imaging_syntaxes; video: test_imaging_video.
#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/imaging_open.h"

static const struct hz_pixel_shape shapes[] = {
    {.columns = 61,
     .rows = 47,
     .samples = 1,
     .bits_allocated = 8,
     .bits_stored = 8,
     .photometric = HZ_MONOCHROME2},
    {.columns = 61,
     .rows = 47,
     .samples = 1,
     .bits_allocated = 8,
     .bits_stored = 8,
     .is_signed = true,
     .photometric = HZ_MONOCHROME2},
    {.columns = 61,
     .rows = 47,
     .samples = 1,
     .bits_allocated = 16,
     .bits_stored = 12,
     .photometric = HZ_MONOCHROME1},
    {.columns = 61,
     .rows = 47,
     .samples = 1,
     .bits_allocated = 16,
     .bits_stored = 12,
     .is_signed = true,
     .photometric = HZ_MONOCHROME2},
    {.columns = 61,
     .rows = 47,
     .samples = 1,
     .bits_allocated = 16,
     .bits_stored = 16,
     .photometric = HZ_MONOCHROME2},
    {.columns = 61,
     .rows = 47,
     .samples = 1,
     .bits_allocated = 16,
     .bits_stored = 16,
     .is_signed = true,
     .photometric = HZ_MONOCHROME2},
    {.columns = 61, .rows = 47, .samples = 3, .bits_allocated = 8, .bits_stored = 8, .photometric = HZ_RGB},
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

enum codec { NATIVE, RLE, LOSSLESS, LS, J2K, HT, PLAIN, DEFLATED };

static struct fake_bytes encode(enum codec codec, const uint8_t *pixels, const struct hz_pixel_shape *s)
{
	if (codec == PLAIN || codec == DEFLATED) {
		struct fake_bytes plain = {0};
		fake_put(&plain, pixels, (size_t)s->columns * s->rows * s->samples * s->bits_allocated / 8);
		if (codec == DEFLATED)
			fake_deflate(&plain);
		return plain;
	}
	if (codec == RLE)
		return fake_rle(pixels, s);
	if (codec == LOSSLESS)
		return fake_jpeg_lossless(pixels, s, s->bits_stored);
	if (codec == LS)
		return fake_jpeg_ls(pixels, s, s->samples == 3 ? 2 : 0, 0);
	if (codec == J2K)
		return fake_j2k(pixels, s, s->is_signed, false);
	struct hz_frame f = {.columns = s->columns,
	                     .rows = s->rows,
	                     .samples = s->samples,
	                     .cell = s->bits_allocated / 8,
	                     .bits_stored = s->bits_stored,
	                     .is_signed = s->is_signed,
	                     .photometric = s->photometric,
	                     .data = (uint8_t *)(uintptr_t)pixels,
	                     .bytes = (size_t)s->columns * s->rows * s->samples * s->bits_allocated / 8};
	struct hz_dicom_fault fault = {0};
	struct hz_htj2k h = {0};
	if (hz_frame_encode_htj2k(&f, &fault, &h) < 0)
		fail_msg("encode: %s", fault.text);
	return (struct fake_bytes){.data = h.data, .bytes = h.bytes};
}

// Of two frames, the second of which must be the pixels.
static void check(const char *what, struct fake_bytes *file, const uint8_t *pixels, size_t bytes)
{
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *d = NULL;
	struct hz_frame f = {0};
	if (hz_dicom_open(file->data, file->bytes, NULL, &fault, &d) < 0)
		fail_msg("%s: %s: %s", what, hz_dicom_code_name(fault.code), fault.text);
	assert_int_equal(hz_dicom_image(d)->frames, 2);
	if (decode_of(d, 1, &fault, &f) < 0)
		fail_msg("%s: %s: %s", what, hz_dicom_code_name(fault.code), fault.text);
	assert_int_equal(f.bytes, bytes);
	if (memcmp(f.data, pixels, bytes) != 0)
		fail_msg("%s: other pixels", what);
	hz_frame_done(&f);
	hz_dicom_close(d);
	fake_bytes_done(file);
}

static void one(enum fake_syntax syntax, const char *uid, enum codec codec, const struct hz_pixel_shape *as)
{
	struct hz_pixel_shape s = *as;
	struct fake_dicom d;
	char what[128];
	size_t bytes;
	s.high_bit = s.bits_stored - 1;
	snprintf(what, sizeof(what), "%s codec %d, %u of %u bits, %s, %u samples", uid ? uid : "native",
	         codec, s.bits_stored, s.bits_allocated, s.is_signed ? "signed" : "unsigned", s.samples);
	uint8_t *pixels = fake_pixels(&s, &bytes), *two = malloc(bytes * 2);
	memset(two, 1, bytes);
	memcpy(two + bytes, pixels, bytes);
	fake_begin(&d, syntax, uid);
	fake_shape(&d, &s, 2);
	if (codec == NATIVE) {
		fake_native(&d, s.bits_allocated == 8 && syntax != FAKE_BIG ? "OB" : "OW", two, bytes * 2);
	} else {
		struct fake_bytes fragment[2] = {encode(codec, two, &s), encode(codec, pixels, &s)};
		fake_fragments(&d, fragment, 2, NULL, 0);
		fake_bytes_done(&fragment[0]);
		fake_bytes_done(&fragment[1]);
	}
	struct fake_bytes file = fake_end(&d);
	check(what, &file, pixels, bytes);
	free(two);
	free(pixels);
}

static void all(enum fake_syntax syntax, const char *uid, enum codec codec)
{
	for (unsigned i = 0; i < SHAPES; i++)
		one(syntax, uid, codec, &shapes[i]);
}

static void test_native(void **state)
{
	all(FAKE_IMPLICIT, NULL, NATIVE);
	all(FAKE_EXPLICIT, NULL, NATIVE);
	all(FAKE_BIG, NULL, NATIVE);
	all(FAKE_DEFLATED, NULL, NATIVE);
}

static void test_rle(void **state)
{
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.5", RLE);
}

static void test_jpeg_lossless(void **state)
{
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.4.57", LOSSLESS);
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.4.70", LOSSLESS);
}

static void test_jpeg_ls(void **state)
{
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.4.80", LS);
}

static void test_jpeg_2000(void **state)
{
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.4.90", J2K);
}

static void test_htj2k(void **state)
{
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.4.201", HT);
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.4.202", HT);
}

static void test_frames_encapsulated_as_they_are_or_deflated(void **state)
{
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.1.98", PLAIN);
	all(FAKE_EXPLICIT, "1.2.840.10008.1.2.8.1", DEFLATED);
}

static void test_planar_colour_and_32_bits(void **state)
{
	struct hz_pixel_shape s = shapes[6];
	s.high_bit = 7;
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes), *planar = malloc(bytes * 2);
	for (size_t i = 0; i < bytes; i++)
		planar[bytes + i % 3 * (bytes / 3) + i / 3] = planar[i] = pixels[i];
	s.planar = true;
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 2);
	fake_native(&d, "OB", planar, bytes * 2);
	struct fake_bytes file = fake_end(&d);
	check("planar", &file, pixels, bytes);
	free(planar);
	free(pixels);
	struct hz_pixel_shape wide = {.columns = 9,
	                              .rows = 7,
	                              .samples = 1,
	                              .bits_allocated = 32,
	                              .bits_stored = 32,
	                              .photometric = HZ_MONOCHROME2};
	one(FAKE_EXPLICIT, NULL, NATIVE, &wide);
	one(FAKE_BIG, NULL, NATIVE, &wide);
	one(FAKE_EXPLICIT, "1.2.840.10008.1.2.5", RLE, &wide);
}

// Frames of 1-bit samples follow one another without padding (PS3.5 8.1.1).
static void test_bits_across_frames(void **state)
{
	struct hz_pixel_shape s = {.columns = 3,
	                           .rows = 3,
	                           .samples = 1,
	                           .bits_allocated = 1,
	                           .bits_stored = 1,
	                           .photometric = HZ_MONOCHROME2};
	const uint8_t packed[4] = {0xff, 0x55, 0x01, 0}, want[9] = {0, 1, 0, 1, 0, 1, 0, 1, 0};
	uint8_t second[9];
	for (unsigned i = 0; i < 9; i++)
		second[i] = packed[(9 + i) / 8] >> ((9 + i) % 8) & 1;
	assert_memory_equal(second, want, 8);
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 2);
	fake_native(&d, "OB", packed, 4);
	struct fake_bytes file = fake_end(&d);
	check("bits", &file, second, 9);
}

// Lossy, with the bound that each promises: JPEG-LS by its own word, JPEG 2000 at 8:1 by what was measured.
static void test_lossy_bounds(void **state)
{
	for (unsigned i = 0; i < SHAPES; i++) {
		struct hz_pixel_shape s = shapes[i];
		s.high_bit = s.bits_stored - 1;
		size_t bytes;
		uint8_t *pixels = fake_pixels(&s, &bytes);
		struct hz_frame want = {
		    .cell = s.bits_allocated / 8, .is_signed = s.is_signed, .data = pixels};
		for (unsigned k = 0; k < 2; k++) {
			if (k == 0 && s.is_signed)
				continue; // near the ends of the range bits without a sign turn over
			struct fake_bytes c = k == 0 ? fake_jpeg_ls(pixels, &s, s.samples == 3, 3)
			                             : fake_j2k(pixels, &s, s.is_signed, true);
			struct hz_frame_source source = {.data = c.data, .bytes = c.bytes, .encoded = true};
			struct hz_dicom_fault fault = {0};
			struct hz_frame f = {0};
			if (hz_frame_decode(&source, &s, 0, &fault, &f) < 0)
				fail_msg("shape %u codec %u: %s", i, k, fault.text);
			assert_true(f.lossy);
			int32_t worst = 0;
			double sum = 0;
			for (size_t at = 0; at < bytes / f.cell; at++) {
				int32_t by = abs(hz_frame_sample(&f, at) - hz_frame_sample(&want, at));
				worst = by > worst ? by : worst;
				sum += by;
			}
			if (k == 0)
				assert_true(worst > 0 && worst <= 3);
			else
				assert_true(sum / (double)(bytes / f.cell) < 0.15 * (1 << s.bits_stored));
			hz_frame_done(&f);
			fake_bytes_done(&c);
		}
		free(pixels);
	}
}

int main(void)
{
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_native),
	    cmocka_unit_test(test_rle),
	    cmocka_unit_test(test_jpeg_lossless),
	    cmocka_unit_test(test_jpeg_ls),
	    cmocka_unit_test(test_jpeg_2000),
	    cmocka_unit_test(test_htj2k),
	    cmocka_unit_test(test_frames_encapsulated_as_they_are_or_deflated),
	    cmocka_unit_test(test_planar_colour_and_32_bits),
	    cmocka_unit_test(test_bits_across_frames),
	    cmocka_unit_test(test_lossy_bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

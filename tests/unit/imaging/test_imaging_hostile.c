// Files that lie, end early, nest or swell: a word why, never a crash, never pixels that were not in them.
#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/imaging_open.h"

static const struct hz_pixel_shape small = {.columns = 16,
                                            .rows = 12,
                                            .samples = 1,
                                            .bits_allocated = 16,
                                            .bits_stored = 12,
                                            .high_bit = 11,
                                            .photometric = HZ_MONOCHROME2};

static struct fake_bytes file_of(unsigned kind, const uint8_t *pixels, size_t bytes)
{
	static const enum fake_syntax syntaxes[] = {FAKE_EXPLICIT, FAKE_IMPLICIT, FAKE_BIG, FAKE_DEFLATED,
	                                            FAKE_EXPLICIT};
	struct fake_dicom d;
	fake_begin(&d, syntaxes[kind < 5 ? kind : 4], kind < 4 ? NULL : "1.2.840.10008.1.2.4.80");
	fake_shape(&d, &small, 1);
	fake_open_sequence(&d, 0x00400275);
	fake_text(&d, 0x00400007, "LO", "step");
	fake_next_item(&d);
	fake_close_sequence(&d);
	if (kind < 4) {
		fake_native(&d, "OW", pixels, bytes);
	} else {
		struct fake_bytes c = kind == 4   ? fake_jpeg_ls(pixels, &small, 0, 0)
		                      : kind == 5 ? fake_jpeg_lossless(pixels, &small, 12)
		                      : kind == 6 ? fake_j2k(pixels, &small, false, false)
		                                  : fake_rle(pixels, &small);
		fake_fragments(&d, &c, 1, NULL, 0);
		fake_bytes_done(&c);
	}
	return fake_end(&d);
}

// Exactly that many bytes on the heap, so that a read behind them is seen.
static int try(const uint8_t *data, size_t bytes, struct hz_frame *ret)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *d = NULL;
	memcpy(copy, data, bytes);
	int err = hz_dicom_open(copy, bytes, NULL, &fault, &d);
	if (err == 0)
		err = decode_of(d, 0, &fault, ret);
	assert_true(err == 0 || (fault.code != HZ_DICOM_OK && fault.text[0]));
	hz_dicom_close(d);
	free(copy);
	return err;
}

static void test_every_length(void **state)
{
	size_t bytes;
	uint8_t *pixels = fake_pixels(&small, &bytes);
	for (unsigned kind = 0; kind < 8; kind++) {
		struct fake_bytes file = file_of(kind, pixels, bytes);
		unsigned shown = 0;
		for (size_t n = 0; n <= file.bytes; n++) {
			struct hz_frame f = {0};
			if (try(file.data, n, &f) < 0)
				continue;
			assert_memory_equal(f.data, pixels, bytes); // what is shown is the image
			hz_frame_done(&f);
			shown++;
		}
		assert_true(shown >= 1 && shown <= 16);
		fake_bytes_done(&file);
	}
	free(pixels);
}

static void test_bits_that_flip(void **state)
{
	size_t bytes;
	uint8_t *pixels = fake_pixels(&small, &bytes);
	uint32_t seed = 7;
	unsigned rounds = getenv("HZ_TEST_FULL") ? 20000 : 500;
	for (unsigned kind = 0; kind < 8; kind++) {
		struct fake_bytes file = file_of(kind, pixels, bytes);
		for (unsigned i = 0; i < rounds; i++) {
			struct hz_frame f = {0};
			seed = seed * 1664525 + 1013904223;
			size_t at = 132 + (seed >> 8) % (file.bytes - 132);
			uint8_t was = file.data[at];
			file.data[at] = i % 3 == 0 ? 0xff : (uint8_t)(was ^ 1u << (seed >> 5) % 8);
			if (try(file.data, file.bytes, &f) == 0)
				hz_frame_done(&f);
			file.data[at] = was;
		}
		fake_bytes_done(&file);
	}
	free(pixels);
}

static enum hz_dicom_code code_of(struct fake_bytes *file, const struct hz_dicom_limits *limits)
{
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *d = NULL;
	int err = hz_dicom_open(file->data, file->bytes, limits, &fault, &d);
	hz_dicom_close(d);
	fake_bytes_done(file);
	return err < 0 ? fault.code : HZ_DICOM_OK;
}

static void test_sequences_in_sequences(void **state)
{
	for (unsigned syntax = 0; syntax < 3; syntax++) {
		for (unsigned deep = 16; deep <= 100000; deep = deep == 16   ? 17
		                                                : deep == 17 ? 100000
		                                                             : deep + 1) {
			struct fake_dicom d;
			fake_begin(&d, (enum fake_syntax)syntax, NULL);
			fake_shape(&d, &small, 1);
			for (unsigned i = 0; i < deep; i++)
				fake_open_sequence(&d, 0x00400275);
			for (unsigned i = 0; i < deep; i++)
				fake_close_sequence(&d);
			uint8_t pixels[16 * 12 * 2] = {0};
			fake_native(&d, "OW", pixels, sizeof(pixels));
			struct fake_bytes file = fake_end(&d);
			assert_int_equal(code_of(&file, NULL), deep <= 16 ? HZ_DICOM_OK : HZ_DICOM_TOO_DEEP);
		}
	}
}

// Implicit VR with lengths: nothing but the dictionary says that these are sequences.
static void test_sequences_that_do_not_look_like_any(void **state)
{
	struct fake_bytes inner = {0};
	for (unsigned i = 0; i < 1000; i++) {
		struct fake_bytes outer = {0};
		uint32_t head[4] = {0x02750040, (uint32_t)inner.bytes + 8, 0xe000fffe, (uint32_t)inner.bytes};
		fake_put(&outer, head, sizeof(head));
		fake_put(&outer, inner.data, inner.bytes);
		fake_bytes_done(&inner);
		inner = outer;
	}
	struct fake_dicom d;
	fake_begin(&d, FAKE_IMPLICIT, NULL);
	fake_shape(&d, &small, 1);
	fake_put(&d.set, inner.data, inner.bytes);
	struct fake_bytes file = fake_end(&d);
	assert_int_equal(code_of(&file, NULL), HZ_DICOM_TOO_DEEP);
	fake_bytes_done(&inner);
}

static void test_limits(void **state)
{
	size_t bytes;
	uint8_t *pixels = fake_pixels(&small, &bytes);
	struct hz_dicom_limits limits = hz_dicom_limits_default;
	struct fake_bytes file = file_of(0, pixels, bytes);
	limits.elements = 10;
	assert_int_equal(code_of(&file, &limits), HZ_DICOM_TOO_MANY);
	limits = hz_dicom_limits_default;
	limits.file_bytes = 100;
	file = file_of(0, pixels, bytes);
	assert_int_equal(code_of(&file, &limits), HZ_DICOM_TOO_BIG);
	limits = hz_dicom_limits_default;
	limits.header_bytes = 64;
	file = file_of(0, pixels, bytes);
	assert_int_equal(code_of(&file, &limits), HZ_DICOM_TOO_BIG);
	limits = hz_dicom_limits_default;
	limits.frame_bytes = 100;
	file = file_of(0, pixels, bytes);
	assert_int_equal(code_of(&file, &limits), HZ_DICOM_TOO_BIG);
	free(pixels);
}

static void test_bomb_of_deflate(void **state)
{
	struct hz_dicom_limits limits = hz_dicom_limits_default;
	size_t swollen = 64u << 20;
	uint8_t *zeros = calloc(1, swollen);
	struct fake_dicom d;
	limits.inflated_bytes = 1u << 20;
	fake_begin(&d, FAKE_DEFLATED, NULL);
	fake_shape(&d, &small, 1);
	fake_native(&d, "OW", zeros, swollen);
	struct fake_bytes file = fake_end(&d);
	assert_true(file.bytes < 100000);
	assert_int_equal(code_of(&file, &limits), HZ_DICOM_TOO_BIG);
	free(zeros);
}

static void test_frames_that_are_not_there(void **state)
{
	size_t bytes;
	uint8_t *pixels = fake_pixels(&small, &bytes);
	struct fake_dicom d;
	struct hz_dicom *opened = NULL;
	struct hz_dicom_fault fault = {0};
	struct hz_frame f = {0};
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &small, 5);
	fake_native(&d, "OW", pixels, bytes);
	struct fake_bytes file = fake_end(&d);
	assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened), 0);
	assert_int_equal(decode_of(opened, 0, &fault, &f), 0); // as much as there is
	hz_frame_done(&f);
	assert_true(decode_of(opened, 1, &fault, &f) < 0);
	assert_int_equal(fault.code, HZ_DICOM_PIXELS_SHORT);
	hz_dicom_close(opened);
	fake_bytes_done(&file);
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &small, 2000000000);
	fake_native(&d, "OW", pixels, bytes);
	file = fake_end(&d);
	assert_int_equal(code_of(&file, NULL), HZ_DICOM_TOO_MANY);
	free(pixels);
}

static void test_not_dicom(void **state)
{
	static const char *const words[] = {"", "<html><body>502 Bad Gateway</body></html>",
	                                    "PK\3\4 and something", "\xff\xd8\xff\xe0 a JPEG of a phone"};
	for (unsigned i = 0; i < 4; i++) {
		struct fake_bytes file = {0};
		fake_put(&file, words[i], strlen(words[i]));
		assert_int_equal(code_of(&file, NULL), HZ_DICOM_NOT_DICOM);
	}
}

int main(void)
{
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_length),
	    cmocka_unit_test(test_bits_that_flip),
	    cmocka_unit_test(test_sequences_in_sequences),
	    cmocka_unit_test(test_sequences_that_do_not_look_like_any),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_bomb_of_deflate),
	    cmocka_unit_test(test_frames_that_are_not_there),
	    cmocka_unit_test(test_not_dicom),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

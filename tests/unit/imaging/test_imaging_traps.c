// What is known to go wrong silently somewhere, each under its name: Debian 12's libraries, mislabelled and disagreeing
// codestreams, character sets. Right, or refused.
#include <sys/wait.h>

#include "media/imaging/decode.h"
#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/imaging_open.h"

static struct hz_pixel_shape shape_of(unsigned bits, bool is_signed, unsigned samples)
{
	return (struct hz_pixel_shape){.columns = 40,
	                               .rows = 36,
	                               .samples = (uint8_t)samples,
	                               .bits_allocated = bits > 8 ? 16 : 8,
	                               .bits_stored = (uint8_t)bits,
	                               .high_bit = (uint8_t)(bits - 1),
	                               .is_signed = is_signed,
	                               .photometric = samples == 3 ? HZ_RGB : HZ_MONOCHROME2};
}

static enum hz_dicom_code decode_as(const struct fake_bytes *c, const struct hz_pixel_shape *s,
                                    struct hz_frame *ret)
{
	struct hz_frame_source source = {.data = c->data, .bytes = c->bytes, .encoded = true};
	struct hz_dicom_fault fault = {0};
	return hz_frame_decode(&source, s, 0, &fault, ret) < 0 ? fault.code : HZ_DICOM_OK;
}

static void exact(struct fake_bytes c, const struct hz_pixel_shape *s, const uint8_t *pixels, size_t bytes)
{
	struct hz_frame f = {0};
	assert_int_equal(decode_as(&c, s, &f), HZ_DICOM_OK);
	assert_int_equal(f.bytes, bytes);
	assert_memory_equal(f.data, pixels, bytes);
	hz_frame_done(&f);
	fake_bytes_done(&c);
}

static void refused(struct fake_bytes c, const struct hz_pixel_shape *s, enum hz_dicom_code code)
{
	struct hz_frame f = {0};
	assert_int_equal(decode_as(&c, s, &f), code);
	fake_bytes_done(&c);
}

static void test_trap_jpeg_lossless_16_bits_huffman_category_16(void **state)
{
	struct hz_pixel_shape s = shape_of(16, false, 1);
	uint8_t pixels[40 * 36 * 2] = {0};
	for (size_t i = 0; i < 40 * 36; i++)
		pixels[2 * i + 1] = i % 2 ? 0x80 : 0; // 0, 32768, 0: every difference is of category 16
	exact(fake_jpeg_lossless(pixels, &s, 16), &s, pixels, sizeof(pixels));
}

static void test_trap_jpeg_ls_rgb_in_every_interleave(void **state)
{
	struct hz_pixel_shape s = shape_of(8, false, 3);
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes);
	for (unsigned mode = 0; mode < 3; mode++)
		exact(fake_jpeg_ls(pixels, &s, mode, 0), &s, pixels, bytes);
	free(pixels);
}

static void test_trap_jpeg_2000_of_9_to_14_bits(void **state)
{
	for (unsigned bits = 9; bits <= 14; bits++) {
		for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
			struct hz_pixel_shape s = shape_of(bits, is_signed, 1);
			size_t bytes;
			uint8_t *pixels = fake_pixels(&s, &bytes);
			exact(fake_j2k(pixels, &s, is_signed, false), &s, pixels, bytes);
			free(pixels);
		}
	}
}

static struct fake_bytes htj2k(const struct hz_pixel_shape *s, uint8_t *pixels, size_t bytes, size_t *ends)
{
	struct hz_frame f = {.columns = s->columns,
	                     .rows = s->rows,
	                     .samples = s->samples,
	                     .cell = s->bits_allocated / 8,
	                     .bits_stored = s->bits_stored,
	                     .is_signed = s->is_signed,
	                     .photometric = s->photometric,
	                     .data = pixels,
	                     .bytes = bytes};
	struct hz_htj2k h = {0};
	assert_int_equal(hz_frame_encode_htj2k(&f, NULL, &h), 0);
	if (ends)
		memcpy(ends, h.end, sizeof(h.end));
	return (struct fake_bytes){.data = h.data, .bytes = h.bytes};
}

// Orthanc 1.10 calls HTJ2K JPEG 2000. Here labels do not matter at all.
static void test_trap_labels_that_lie(void **state)
{
	static const char *const labels[] = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.50",
	                                     "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.70",
	                                     "1.2.840.10008.1.2.5",    "1.2.840.10008.1.2.4.202"};
	struct hz_pixel_shape s = shape_of(12, true, 1);
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes);
	struct fake_bytes streams[] = {htj2k(&s, pixels, bytes, NULL), fake_j2k(pixels, &s, true, false),
	                               fake_jpeg_ls(pixels, &s, 0, 0), fake_jpeg_lossless(pixels, &s, 12),
	                               fake_rle(pixels, &s)};
	for (unsigned i = 0; i < 30; i++) {
		struct fake_dicom d;
		struct hz_dicom *opened = NULL;
		struct hz_frame f = {0};
		fake_begin(&d, FAKE_EXPLICIT, labels[i % 6]);
		fake_shape(&d, &s, 1);
		fake_fragments(&d, &streams[i / 6], 1, NULL, 0);
		struct fake_bytes file = fake_end(&d);
		assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, NULL, &opened), 0);
		assert_int_equal(decode_of(opened, 0, NULL, &f), 0);
		assert_memory_equal(f.data, pixels, bytes);
		hz_frame_done(&f);
		hz_dicom_close(opened);
		fake_bytes_done(&file);
	}
	for (unsigned i = 0; i < 5; i++)
		fake_bytes_done(&streams[i]);
	free(pixels);
}

static void test_trap_jpeg_ls_padding_in_front_of_eoi(void **state)
{
	struct hz_pixel_shape s = shape_of(12, false, 1);
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes);
	for (unsigned padding = 1; padding <= 4; padding++) {
		struct fake_bytes c = fake_jpeg_ls(pixels, &s, 0, 0);
		c.bytes -= 2;
		fake_put(&c, "\0\0\0\0", padding);
		fake_put(&c, "\xff\xd9", 2);
		exact(c, &s, pixels, bytes);
	}
	free(pixels);
}

static void test_trap_header_and_codestream_disagree(void **state)
{
	struct hz_pixel_shape s = shape_of(12, false, 1), other;
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes);
	for (unsigned i = 0; i < 4; i++) {
		struct fake_bytes c[4] = {fake_j2k(pixels, &s, false, false), fake_jpeg_ls(pixels, &s, 0, 0),
		                          fake_jpeg_lossless(pixels, &s, 12), htj2k(&s, pixels, bytes, NULL)};
		other = s;
		if (i == 0)
			other.rows++;
		else if (i == 1)
			other.columns--;
		else if (i == 2) {
			other.samples = 3;
			other.photometric = HZ_RGB;
		} else {
			other.bits_allocated = other.bits_stored = 8;
			other.high_bit = 7;
		}
		for (unsigned k = 0; k < 4; k++)
			refused(c[k], &other,
			        i < 2    ? HZ_DICOM_SIZE
			        : i == 2 ? HZ_DICOM_COMPONENTS
			                 : HZ_DICOM_BITS);
	}
	other = s;
	other.samples = 3;
	other.photometric = HZ_RGB;
	refused(fake_rle(pixels, &s), &other, HZ_DICOM_COMPONENTS);
	other = s;
	other.rows++;
	refused(fake_rle(pixels, &s), &other, HZ_DICOM_CODESTREAM);
	free(pixels);
}

static void test_trap_signs_that_disagree(void **state)
{
	struct hz_pixel_shape s = shape_of(13, true, 1), header = s;
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes);
	// An encoder that was given two's complement and called it unsigned: J2K_pixelrep_mismatch.
	exact(fake_j2k(pixels, &s, false, false), &s, pixels, bytes);
	// The other way round a negative value could be two things.
	header.is_signed = false;
	refused(fake_j2k(pixels, &s, true, false), &header, HZ_DICOM_SIGN);
	refused(htj2k(&s, pixels, bytes, NULL), &header, HZ_DICOM_SIGN);
	// Fewer bits than the header's, without a sign: is the top bit one?
	header = s;
	header.bits_stored = 16;
	header.high_bit = 15;
	refused(fake_jpeg_ls(pixels, &s, 0, 0), &header, HZ_DICOM_SIGN);
	for (size_t i = 1; i < bytes; i += 2)
		pixels[i] &= 0x0f; // no top bit, no question
	exact(fake_jpeg_ls(pixels, &s, 0, 0), &header, pixels, bytes);
	free(pixels);
}

static void test_trap_more_bits_than_the_header_says_are_not_masked(void **state)
{
	struct hz_pixel_shape s = shape_of(16, false, 1), header = s;
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes);
	header.bits_stored = 12;
	header.high_bit = 11;
	struct fake_bytes c = fake_jpeg_lossless(pixels, &s, 16);
	struct hz_frame f = {0};
	assert_int_equal(decode_as(&c, &header, &f), HZ_DICOM_OK);
	assert_memory_equal(f.data, pixels, bytes);
	assert_int_equal(f.bits_stored, 16);
	hz_frame_done(&f);
	fake_bytes_done(&c);
	free(pixels);
}

// High bits of a native word belong to somebody else (retired overlays); sign bits that are missing are put there.
static void test_trap_bits_above_the_stored_ones(void **state)
{
	struct hz_pixel_shape s = shape_of(12, true, 1);
	s.columns = 2;
	s.rows = 1;
	const uint8_t words[4] = {0xff, 0x1f, 0x00, 0xa8}; // -1 with an overlay bit; -2048 with another
	struct hz_frame_source source = {.data = words, .bytes = 4};
	struct hz_frame f = {0};
	assert_int_equal(hz_frame_decode(&source, &s, 0, NULL, &f), 0);
	assert_int_equal(hz_frame_sample(&f, 0), -1);
	assert_int_equal(hz_frame_sample(&f, 1), -2048);
	hz_frame_done(&f);
}

static void write_file(const char *path, const struct fake_bytes *file)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(file->data, 1, file->bytes, f), file->bytes);
	fclose(f);
}

static void test_htj2k_prefixes_are_resolutions(void **state)
{
	struct hz_pixel_shape s = shape_of(16, true, 1);
	s.columns = 300;
	s.rows = 200;
	size_t bytes, end[HZ_HTJ2K_LEVELS + 1];
	uint8_t *pixels = fake_pixels(&s, &bytes);
	struct fake_bytes c = htj2k(&s, pixels, bytes, end);
	for (unsigned r = 0; r < 3; r++)
		assert_true(end[r] > 0 && end[r] < end[r + 1]);
	assert_int_equal(end[3], c.bytes);
	assert_true(end[0] < c.bytes / 8);
	// A prefix gives its resolution exactly as the whole does.
	struct hz_codestream all;
	assert_int_equal(hz_codestream_read(c.data, c.bytes, NULL, &all), 0);
	for (unsigned r = 0; r < 3; r++) {
		struct hz_codestream prefix = all;
		struct hz_coded a = {0}, b = {0};
		prefix.bytes = end[r];
		assert_int_equal(hz_decode_htj2k(&all, 3 - r, NULL, &a), 0);
		assert_int_equal(hz_decode_htj2k(&prefix, 3 - r, NULL, &b), 0);
		assert_int_equal(a.bytes, (size_t)((300 + (8 >> r) - 1) >> (3 - r)) *
		                              ((200 + (8 >> r) - 1) >> (3 - r)) * 2);
		assert_int_equal(a.bytes, b.bytes);
		assert_memory_equal(a.data, b.data, a.bytes);
		free(a.data);
		free(b.data);
	}
	exact(c, &s, pixels, bytes);
	free(pixels);
}

// A backslash or a caret inside of a Chinese character separates nothing.
static void test_trap_chinese_text(void **state)
{
	static const struct {
		const char *charset, *bytes, *utf8;
	} names[] = {
	    {"GB18030", "Wang^X=\xd5\x5c^\x81\x5e", "Wang^X=\xe8\xaa\xa0^\xe4\xb9\x9b"},
	    {"GBK", "\xd5\x5c", "\xe8\xaa\xa0"},
	    {"ISO_IR 192", "\xe7\x8e\x8b^\xe5\xb0\x8f", "\xe7\x8e\x8b^\xe5\xb0\x8f"},
	    {"\\ISO 2022 IR 58", "Wang=\x1b$)A\xcd\xf5^\x1b$)A\xd0\xa1", "Wang=\xe7\x8e\x8b^\xe5\xb0\x8f"},
	    {NULL, "\xcd\xf5^\xd0\xa1", "\xe7\x8e\x8b^\xe5\xb0\x8f"}, // said nowhere: a guess, and called one
	    {NULL, "\xe7\x8e\x8b", "\xe7\x8e\x8b"},
	};
	struct hz_pixel_shape s = shape_of(8, false, 1);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct fake_dicom d;
		struct hz_dicom *opened = NULL;
		uint8_t pixels[40 * 36] = {0};
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		if (names[i].charset)
			fake_text(&d, 0x00080005, "CS", names[i].charset);
		fake_text(&d, 0x00100010, "PN", names[i].bytes);
		fake_us(&d, 0x00280002, 1);
		fake_text(&d, 0x00280004, "CS", "MONOCHROME2");
		fake_us(&d, 0x00280010, s.rows);
		fake_us(&d, 0x00280011, s.columns);
		fake_us(&d, 0x00280100, 8);
		fake_native(&d, "OB", pixels, sizeof(pixels));
		struct fake_bytes file = fake_end(&d);
		assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, NULL, &opened), 0);
		assert_string_equal(hz_dicom_image(opened)->text.patient_name, names[i].utf8);
		assert_int_equal(hz_dicom_image(opened)->text.guessed, names[i].charset == NULL);
		hz_dicom_close(opened);
		fake_bytes_done(&file);
	}
}

static void split(struct fake_bytes *whole, struct fake_bytes *parts, unsigned count)
{
	size_t at = 0, each = whole->bytes / count & ~(size_t)1;
	for (unsigned i = 0; i < count; i++, at += each) {
		parts[i] = (struct fake_bytes){0};
		fake_put(&parts[i], whole->data + at, i + 1 < count ? each : whole->bytes - at);
	}
}

// Two frames in three fragments each: with an offset table, with none, with one that lies.
static void test_trap_fragments(void **state)
{
	struct hz_pixel_shape s = shape_of(8, false, 1);
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes);
	struct fake_bytes c = fake_jpeg_ls(pixels, &s, 0, 0), parts[6];
	split(&c, parts, 3);
	split(&c, parts + 3, 3);
	uint32_t second = 0;
	for (unsigned i = 0; i < 3; i++)
		second += (uint32_t)(8 + parts[i].bytes + parts[i].bytes % 2);
	const uint32_t tables[3][2] = {{0, second}, {0, 0}, {0, second + 4}};
	for (unsigned i = 0; i < 3; i++) {
		struct fake_dicom d;
		struct hz_dicom *opened = NULL;
		fake_begin(&d, FAKE_EXPLICIT, "1.2.840.10008.1.2.4.80");
		fake_shape(&d, &s, 2);
		fake_fragments(&d, parts, 6, tables[i], i == 1 ? 0 : 2);
		struct fake_bytes file = fake_end(&d);
		assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, NULL, &opened), 0);
		for (uint32_t k = 0; k < 2; k++) {
			struct hz_frame f = {0};
			assert_int_equal(decode_of(opened, k, NULL, &f), 0);
			assert_memory_equal(f.data, pixels, bytes);
			hz_frame_done(&f);
		}
		hz_dicom_close(opened);
		fake_bytes_done(&file);
	}
	// Five fragments, of which two begin a frame where three are promised: nobody can know.
	struct fake_dicom d;
	struct hz_dicom *opened = NULL;
	struct hz_dicom_fault fault = {0};
	fake_begin(&d, FAKE_EXPLICIT, "1.2.840.10008.1.2.4.80");
	fake_shape(&d, &s, 3);
	fake_fragments(&d, parts, 6, NULL, 0);
	struct fake_bytes file = fake_end(&d);
	assert_true(hz_dicom_open(file.data, file.bytes, NULL, &fault, &opened) < 0);
	assert_int_equal(fault.code, HZ_DICOM_FRAMES);
	fake_bytes_done(&file);
	for (unsigned i = 0; i < 6; i++)
		fake_bytes_done(&parts[i]);
	fake_bytes_done(&c);
	free(pixels);
}

static void run(const char *option, const char *from, const char *to)
{
	pid_t child = fork();
	if (child == 0) {
		unsetenv("LD_PRELOAD");
		execlp("dcmcjpeg", "dcmcjpeg", "-q", option, from, to, (char *)NULL);
		_exit(127);
	}
	int status = 0;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

// Lossy JPEG of 8 and 12 bits, made by DCMTK's tool: within 4 % of the range of what went in.
static void test_trap_jpeg_of_12_bits(void **state)
{
	static const struct {
		const char *option;
		unsigned bits, samples;
	} kinds[] = {{"+eb", 8, 1},  {"+eb", 8, 3},  {"+ee", 12, 1},
	             {"+ep", 12, 1}, {"+e1", 12, 1}, {"+e1", 16, 1}};
	char from[] = "/tmp/hz-imaging-a-XXXXXX", to[] = "/tmp/hz-imaging-b-XXXXXX";
	close(mkstemp(from));
	close(mkstemp(to));
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct hz_pixel_shape s = shape_of(kinds[i].bits, false, kinds[i].samples);
		size_t bytes = (size_t)s.columns * s.rows * s.samples * s.bits_allocated / 8;
		uint8_t *pixels = malloc(bytes);
		for (size_t k = 0; k < bytes / (s.bits_allocated / 8); k++) { // smooth: what JPEG is made for
			unsigned v = (unsigned)((k / s.samples % s.columns + k / s.samples / s.columns) *
			                        ((1u << s.bits_stored) - 1) / 76);
			pixels[k * s.bits_allocated / 8] = (uint8_t)v;
			if (s.bits_allocated == 16)
				pixels[k * 2 + 1] = (uint8_t)(v >> 8);
		}
		struct fake_dicom d;
		struct hz_dicom *opened = NULL;
		struct hz_dicom_fault fault = {0};
		struct hz_frame f = {0}, want = {.cell = s.bits_allocated / 8, .data = pixels};
		fake_begin(&d, FAKE_EXPLICIT, NULL);
		fake_shape(&d, &s, 1);
		fake_native(&d, s.bits_allocated == 8 ? "OB" : "OW", pixels, bytes);
		struct fake_bytes file = fake_end(&d);
		write_file(from, &file);
		run(kinds[i].option, from, to);
		if (open_path(to, &fault, &opened) < 0 || decode_of(opened, 0, &fault, &f) < 0)
			fail_msg("%s: %s", kinds[i].option, fault.text);
		int32_t bound = strcmp(kinds[i].option, "+e1") == 0 ? 0 : (1 << s.bits_stored) / 25;
		assert_int_equal(f.lossy, bound > 0);
		for (size_t k = 0; s.samples == 1 && k < bytes / f.cell; k++)
			assert_true(abs(hz_frame_sample(&f, k) - hz_frame_sample(&want, k)) <= bound);
		if (s.samples == 3) // it converted the colours, and says so
			assert_int_equal(f.photometric, HZ_YBR_FULL);
		hz_frame_done(&f);
		hz_dicom_close(opened);
		fake_bytes_done(&file);
		free(pixels);
	}
	unlink(from);
	unlink(to);
}

int main(void)
{
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_trap_jpeg_lossless_16_bits_huffman_category_16),
	    cmocka_unit_test(test_trap_jpeg_ls_rgb_in_every_interleave),
	    cmocka_unit_test(test_trap_jpeg_2000_of_9_to_14_bits),
	    cmocka_unit_test(test_trap_labels_that_lie),
	    cmocka_unit_test(test_trap_jpeg_ls_padding_in_front_of_eoi),
	    cmocka_unit_test(test_trap_header_and_codestream_disagree),
	    cmocka_unit_test(test_trap_signs_that_disagree),
	    cmocka_unit_test(test_trap_more_bits_than_the_header_says_are_not_masked),
	    cmocka_unit_test(test_trap_bits_above_the_stored_ones),
	    cmocka_unit_test(test_htj2k_prefixes_are_resolutions),
	    cmocka_unit_test(test_trap_chinese_text),
	    cmocka_unit_test(test_trap_fragments),
	    cmocka_unit_test(test_trap_jpeg_of_12_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

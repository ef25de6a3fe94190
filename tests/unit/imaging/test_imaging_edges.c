// Codestreams at the edges of what encoders may write, held against what went in or against another decoder.
#include <sys/wait.h>

#include "media/imaging/codestream.h"
#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/imaging_open.h"

#define SIDE 64

static void run(const char *const *words)
{
	pid_t child = fork();
	if (child == 0) {
		unsetenv("LD_PRELOAD");
		int null = open("/dev/null", O_WRONLY);
		dup2(null, 1);
		dup2(null, 2);
		execvp(words[0], (char *const *)words);
		_exit(127);
	}
	int status = 0;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
}

static struct fake_bytes file_of(const char *path)
{
	static uint8_t bytes[SIDE * SIDE * 8];
	struct fake_bytes b = {0};
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	fake_put(&b, bytes, fread(bytes, 1, sizeof(bytes), f));
	fclose(f);
	return b;
}

// Black and white fields next to each other: lossy coding oversteps at every one of their edges.
static unsigned field(size_t i, unsigned bits)
{
	return ((i % SIDE / 7 + i / SIDE / 5) & 1) ? (1u << bits) - 1 : 0;
}

static void write_fields(const char *path, unsigned bits)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	fprintf(f, "P5\n%d %d\n%u\n", SIDE, SIDE, (1u << bits) - 1);
	for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
		unsigned v = field(i, bits);
		uint8_t be[2] = {(uint8_t)(v >> 8), (uint8_t)v};
		fwrite(bits > 8 ? be : be + 1, 1, bits > 8 ? 2 : 1, f);
	}
	fclose(f);
}

static struct hz_pixel_shape shape_of(unsigned bits)
{
	return (struct hz_pixel_shape){.columns = SIDE,
	                               .rows = SIDE,
	                               .samples = 1,
	                               .bits_allocated = bits > 8 ? 16 : 8,
	                               .bits_stored = (uint8_t)bits,
	                               .high_bit = (uint8_t)(bits - 1),
	                               .photometric = HZ_MONOCHROME2};
}

// OpenJPH gives what lossy coding put beyond the range as it is: cut to the cell, white was black.
static void test_lossy_htj2k_stays_within_its_range(void **state)
{
	static const unsigned depths[] = {8, 12, 16};
	char folder[] = "/tmp/hz-edges-XXXXXX", from[64], to[64];
	assert_non_null(mkdtemp(folder));
	snprintf(from, sizeof(from), "%s/a.pgm", folder);
	snprintf(to, sizeof(to), "%s/a.j2c", folder);
	for (unsigned k = 0; k < 3; k++) {
		unsigned bits = depths[k];
		struct hz_pixel_shape s = shape_of(bits);
		struct hz_dicom_fault fault = {0};
		struct hz_frame f = {0};
		write_fields(from, bits);
		run((const char *const[]){"ojph_compress", "-i", from, "-o", to, "-reversible", "false",
		                          "-qstep", "0.02", NULL});
		struct fake_bytes c = file_of(to);
		struct hz_frame_source source = {.data = c.data, .bytes = c.bytes, .encoded = true};
		if (hz_frame_decode(&source, &s, 0, &fault, &f) < 0)
			fail_msg("%u bits: %s", bits, fault.text);
		assert_true(f.lossy);
		for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
			int32_t by = abs(hz_frame_sample(&f, i) - (int32_t)field(i, bits));
			if (by > (1 << bits) / 8)
				fail_msg("%u bits: sample %zu is off by %d", bits, i, by);
		}
		hz_frame_done(&f);
		fake_bytes_done(&c);
	}
	unlink(from);
	unlink(to);
	rmdir(folder);
}

// Lossless, and each exactly what went in, or refused: OpenJPH 0.9 gave others for tiles and offsets of odd places, and
// for tiles smaller than their own lowest resolution.
static void test_htj2k_in_tiles_is_exact_or_refused(void **state)
{
	static const struct {
		const char *option, *value;
		bool exact; // must not be refused
	} kinds[] = {{"-num_decomps", "5", true},        {"-tile_size", "{32,32}", true},
	             {"-tile_size", "{64,32}", true},    {"-tile_size", "{17,23}", false},
	             {"-tile_size", "{40,40}", false},   {"-image_offset", "{7,1}", false},
	             {"-image_offset", "{3,3}", false},  {"-num_decomps", "7", false},
	             {"-tile_size", "{4096,4096}", true}};
	char folder[] = "/tmp/hz-edges-XXXXXX", from[64], to[64];
	assert_non_null(mkdtemp(folder));
	snprintf(from, sizeof(from), "%s/a.pgm", folder);
	snprintf(to, sizeof(to), "%s/a.j2c", folder);
	for (size_t k = 0; k < 2 * sizeof(kinds) / sizeof(kinds[0]); k++) {
		unsigned bits = k % 2 ? 16 : 8;
		struct hz_pixel_shape s = shape_of(bits);
		struct hz_dicom_fault fault = {0};
		struct hz_frame f = {0};
		write_fields(from, bits);
		run((const char *const[]){"ojph_compress", "-i", from, "-o", to, "-reversible", "true",
		                          kinds[k / 2].option, kinds[k / 2].value, NULL});
		struct fake_bytes c = file_of(to);
		struct hz_frame_source source = {.data = c.data, .bytes = c.bytes, .encoded = true};
		if (hz_frame_decode(&source, &s, 0, &fault, &f) == 0) {
			for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
				if (hz_frame_sample(&f, i) != (int32_t)field(i, bits))
					fail_msg("%s %s: sample %zu", kinds[k / 2].option, kinds[k / 2].value,
					         i);
			}
		} else if (kinds[k / 2].exact) {
			fail_msg("%s %s: %s", kinds[k / 2].option, kinds[k / 2].value, fault.text);
		}
		hz_frame_done(&f);
		fake_bytes_done(&c);
	}
	unlink(from);
	unlink(to);
	rmdir(folder);
}

// One JPEG, its APPn markers exchanged: what is YBR in the live lane must be what libjpeg, the viewer's, makes of it.
static void test_colour_of_a_jpeg_as_its_viewers_see_it(void **state)
{
	static const uint8_t jfif[] = {0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0};
	static const uint8_t adobe[] = {0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0};
	static const struct {
		bool jfif, adobe;
		enum hz_photometric said, is;
	} kinds[] = {{true, false, HZ_RGB, HZ_YBR_FULL},
	             {false, true, HZ_YBR_FULL_422, HZ_RGB},
	             {true, true, HZ_RGB, HZ_YBR_FULL},
	             {false, false, HZ_RGB, HZ_RGB},
	             {false, false, HZ_YBR_FULL_422, HZ_YBR_FULL}};
	char folder[] = "/tmp/hz-edges-XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.jpg", folder);
	run((const char *const[]){"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x64",
	                          "-frames:v", "1", "-pix_fmt", "yuvj420p", path, NULL});
	struct fake_bytes made = file_of(path);
	assert_memory_equal(made.data + 2, jfif, 3);
	size_t rest = 4 + (size_t)(made.data[4] << 8 | made.data[5]);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct hz_pixel_shape s = shape_of(8);
		struct hz_dicom_fault fault = {0};
		struct hz_frame f = {0};
		struct fake_bytes c = {0};
		fake_put(&c, made.data, 2);
		if (kinds[i].jfif)
			fake_put(&c, jfif, sizeof(jfif));
		if (kinds[i].adobe)
			fake_put(&c, adobe, sizeof(adobe));
		fake_put(&c, made.data + rest, made.bytes - rest);
		s.samples = 3;
		s.photometric = kinds[i].said;
		struct hz_frame_source source = {.data = c.data, .bytes = c.bytes, .encoded = true};
		if (hz_frame_decode(&source, &s, 0, &fault, &f) < 0)
			fail_msg("%zu: %s", i, fault.text);
		if (f.photometric != kinds[i].is)
			fail_msg("%zu: %d", i, f.photometric);
		hz_frame_done(&f);
		fake_bytes_done(&c);
	}
	fake_bytes_done(&made);
	unlink(path);
	rmdir(folder);
}

// T.800 A.20 knows two wavelets; OpenJPH 0.9 took a third for the 9-7 and asserted steps for it (found by fuzz_dicom).
static void test_a_wavelet_that_is_none(void **state)
{
	const struct hz_pixel_shape shape = fake_grey(SIDE, SIDE, 8);
	size_t bytes = 0;
	uint8_t *pixels = fake_pixels(&shape, &bytes);
	struct fake_bytes b = fake_j2k(pixels, &shape, false, false);
	uint8_t *cod = memmem(b.data, b.bytes, "\xff\x52\x00\x0c", 4);
	struct hz_codestream stream;
	struct hz_dicom_fault fault = {0};
	assert_non_null(cod);
	assert_int_equal(hz_codestream_read(b.data, b.bytes, &fault, &stream), 0);
	cod[13] = 0x25;
	assert_true(hz_codestream_read(b.data, b.bytes, &fault, &stream) < 0);
	assert_int_equal(fault.code, HZ_DICOM_CODESTREAM);
	fake_bytes_done(&b);
	free(pixels);
}

int main(void)
{
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lossy_htj2k_stays_within_its_range),
	    cmocka_unit_test(test_htj2k_in_tiles_is_exact_or_refused),
	    cmocka_unit_test(test_colour_of_a_jpeg_as_its_viewers_see_it),
	    cmocka_unit_test(test_a_wavelet_that_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

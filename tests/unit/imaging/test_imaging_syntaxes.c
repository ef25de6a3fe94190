// Every transfer syntax that PS3.6 (2025) table A-1 names, the retired ones too: decoded exactly, decoded within a bound, or refused with a
// word. A syntax that somebody adds to the list without saying which fails here.
#include <errno.h>

#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/fake_film.h"
#include "tests/unit/imaging/imaging_open.h"

enum answer {
	NATIVE,  // samples as they are
	CODED,   // a codestream that keeps samples
	BOUND,   // a codestream that does not: its bound is in test_imaging_traps, test_imaging_matrix
	FILM,    // pictures equal ffmpeg's: test_imaging_video
	REFUSED, // by its name: HZ_DICOM_TRANSFER_SYNTAX
	PROCESS, // a JPEG process that nobody here decodes: HZ_DICOM_UNSUPPORTED
};
enum codec { PLAIN, DEFLATE, RLE, LOSSLESS, LS, NEAR, J2K, J2K_LOSSY, HT, HT_LOSSY, DCT };

static const struct syntax {
	const char *uid;
	enum answer answer;
	unsigned with; // enum codec; of PROCESS: SOF; of FILM: 0 MPEG-2, 1 H.264, 2 HEVC, 3 of 10 bits
	enum fake_syntax header;
} syntaxes[] = {
    {"1.2.840.10008.1.2", NATIVE, 0, FAKE_IMPLICIT},
    {"1.2.840.10008.1.2.1", NATIVE, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.1.98", CODED, PLAIN, FAKE_EXPLICIT}, // Encapsulated Uncompressed
    {"1.2.840.10008.1.2.1.99", NATIVE, 0, FAKE_DEFLATED},
    {"1.2.840.10008.1.2.2", NATIVE, 0, FAKE_BIG},
    {"1.2.840.10008.1.2.4.50", BOUND, DCT, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.51", BOUND, DCT, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.52", PROCESS, 0xc9, FAKE_EXPLICIT}, // 3 and 5: arithmetic
    {"1.2.840.10008.1.2.4.53", BOUND, DCT, FAKE_EXPLICIT},    // 6 and 8: spectral selection
    {"1.2.840.10008.1.2.4.54", PROCESS, 0xca, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.55", BOUND, DCT, FAKE_EXPLICIT}, // 10 and 12: full progression
    {"1.2.840.10008.1.2.4.56", PROCESS, 0xca, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.57", CODED, LOSSLESS, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.58", PROCESS, 0xcb, FAKE_EXPLICIT}, // 15: lossless, arithmetic
    {"1.2.840.10008.1.2.4.59", PROCESS, 0xc5, FAKE_EXPLICIT}, // hierarchical, and all that follow
    {"1.2.840.10008.1.2.4.60", PROCESS, 0xcd, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.61", PROCESS, 0xc6, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.62", PROCESS, 0xce, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.63", PROCESS, 0xc6, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.64", PROCESS, 0xce, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.65", PROCESS, 0xc7, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.66", PROCESS, 0xcf, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.70", CODED, LOSSLESS, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.80", CODED, LS, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.81", BOUND, NEAR, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.90", CODED, J2K, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.91", BOUND, J2K_LOSSY, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.92", REFUSED, 0, FAKE_EXPLICIT}, // JPEG 2000 part 2
    {"1.2.840.10008.1.2.4.93", REFUSED, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.94", REFUSED, 0, FAKE_EXPLICIT}, // JPIP
    {"1.2.840.10008.1.2.4.95", REFUSED, 0, FAKE_DEFLATED},
    {"1.2.840.10008.1.2.4.100", FILM, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.100.1", FILM, 0, FAKE_EXPLICIT}, // .1: in several fragments
    {"1.2.840.10008.1.2.4.101", FILM, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.101.1", FILM, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.102", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.102.1", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.103", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.103.1", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.104", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.104.1", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.105", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.105.1", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.106", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.106.1", FILM, 1, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.107", FILM, 2, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.108", FILM, 3, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.110", REFUSED, 0, FAKE_EXPLICIT}, // JPEG XL
    {"1.2.840.10008.1.2.4.111", REFUSED, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.112", REFUSED, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.201", CODED, HT, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.202", CODED, HT, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.4.203", CODED, HT, FAKE_EXPLICIT},  // may be lossless; lossy: test_imaging_real
    {"1.2.840.10008.1.2.4.204", REFUSED, 0, FAKE_EXPLICIT}, // JPIP of HTJ2K
    {"1.2.840.10008.1.2.4.205", REFUSED, 0, FAKE_DEFLATED},
    {"1.2.840.10008.1.2.5", CODED, RLE, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.6.1", REFUSED, 0, FAKE_EXPLICIT}, // RFC 2557, retired
    {"1.2.840.10008.1.2.6.2", REFUSED, 0, FAKE_EXPLICIT}, // XML, retired
    {"1.2.840.10008.1.2.7.1", REFUSED, 0,
     FAKE_EXPLICIT}, // SMPTE ST 2110: a stream on a network, never a file
    {"1.2.840.10008.1.2.7.2", REFUSED, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.7.3", REFUSED, 0, FAKE_EXPLICIT},
    {"1.2.840.10008.1.2.8.1", CODED, DEFLATE, FAKE_EXPLICIT}, // Deflated Image Frame
    {"1.2.840.10008.1.20", REFUSED, 0, FAKE_IMPLICIT},        // Papyrus 3, retired
    // Not DICOM's, or not yet.
    {"1.3.6.1.4.1.5962.300.2", REFUSED, 0, FAKE_EXPLICIT},
    {"1.2.840.113619.5.2", REFUSED, 0, FAKE_EXPLICIT},
};
#define SYNTAXES (sizeof(syntaxes) / sizeof(syntaxes[0]))

static const struct hz_pixel_shape grey = {.columns = 61,
                                           .rows = 47,
                                           .samples = 1,
                                           .bits_allocated = 8,
                                           .bits_stored = 8,
                                           .high_bit = 7,
                                           .photometric = HZ_MONOCHROME2};

// A gradient with a step: what DCT keeps within the bound.
static uint8_t *smooth(size_t *ret_bytes)
{
	size_t n = (size_t)grey.columns * grey.rows;
	uint8_t *pixels = malloc(n);
	for (size_t i = 0; pixels && i < n; i++)
		pixels[i] = (uint8_t)(2 * (i % grey.columns + i / grey.columns));
	*ret_bytes = n;
	return pixels;
}

static struct fake_bytes htj2k(const uint8_t *pixels, size_t bytes)
{
	struct hz_frame f = {.columns = grey.columns,
	                     .rows = grey.rows,
	                     .samples = 1,
	                     .cell = 1,
	                     .bits_stored = 8,
	                     .photometric = HZ_MONOCHROME2,
	                     .data = (uint8_t *)(uintptr_t)pixels,
	                     .bytes = bytes};
	struct hz_htj2k h = {0};
	assert_int_equal(hz_frame_encode_htj2k(&f, NULL, &h), 0);
	return (struct fake_bytes){.data = h.data, .bytes = h.bytes};
}

// By DCMTK's tool, which knows these processes.
static struct fake_bytes dct(const struct syntax *s, const uint8_t *pixels, size_t bytes)
{
	static const char *const options[] = {
	    ['0'] = "+eb", ['1'] = "+ee", ['3'] = "+es", ['5'] = "+ep"}; // by the last digit
	char folder[] = "/tmp/hz-syntax-XXXXXX", from[64], to[64], command[256];
	struct fake_bytes made = {0};
	uint8_t piece[4096];
	struct fake_dicom d;
	size_t n;
	assert_non_null(mkdtemp(folder));
	snprintf(from, sizeof(from), "%s/a", folder);
	snprintf(to, sizeof(to), "%s/b", folder);
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &grey, 1);
	fake_native(&d, "OB", pixels, bytes);
	struct fake_bytes file = fake_end(&d);
	FILE *f = fopen(from, "wb");
	assert_int_equal(fwrite(file.data, 1, file.bytes, f), file.bytes);
	fclose(f);
	fake_bytes_done(&file);
	snprintf(command, sizeof(command), "env -u LD_PRELOAD dcmcjpeg -q %s %s %s",
	         options[(unsigned char)s->uid[strlen(s->uid) - 1]], from, to);
	assert_int_equal(system(command), 0);
	f = fopen(to, "rb");
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		fake_put(&made, piece, n);
	fclose(f);
	assert_non_null(memmem(made.data, made.bytes, s->uid, strlen(s->uid)));
	unlink(from);
	unlink(to);
	rmdir(folder);
	return made;
}

static struct fake_bytes encode(unsigned codec, const uint8_t *pixels, size_t bytes)
{
	struct fake_bytes plain = {0};
	switch (codec) {
	case RLE:
		return fake_rle(pixels, &grey);
	case LOSSLESS:
		return fake_jpeg_lossless(pixels, &grey, 8);
	case LS:
	case NEAR:
		return fake_jpeg_ls(pixels, &grey, 0, codec == NEAR ? 3 : 0);
	case J2K:
	case J2K_LOSSY:
		return fake_j2k(pixels, &grey, false, codec == J2K_LOSSY);
	case HT:
		return htj2k(pixels, bytes);
	default:
		fake_put(&plain, pixels, bytes);
		if (codec == DEFLATE)
			fake_deflate(&plain);
		return plain;
	}
}

static struct fake_bytes still(const struct syntax *s, const uint8_t *pixels, size_t bytes)
{
	struct fake_dicom d;
	struct fake_bytes c = {0};
	if (s->answer == BOUND && s->with == DCT)
		return dct(s, pixels, bytes);
	fake_begin(&d, s->header, s->uid);
	fake_shape(&d, &grey, 1);
	if (s->answer == NATIVE) {
		fake_native(&d, s->header == FAKE_BIG ? "OW" : "OB", pixels, bytes);
		return fake_end(&d);
	}
	if (s->answer == REFUSED && s->header != FAKE_EXPLICIT) {
		fake_native(&d, "OB", pixels, bytes);
		return fake_end(&d);
	}
	c = encode(s->answer == PROCESS ? LOSSLESS : s->answer == REFUSED ? PLAIN : s->with, pixels, bytes);
	for (size_t i = 0; s->answer == PROCESS && i + 1 < c.bytes; i++) {
		if (c.data[i] == 0xff && c.data[i + 1] == 0xc3) {
			c.data[i + 1] = (uint8_t)s->with;
			break;
		}
	}
	fake_fragments(&d, &c, 1, NULL, 0);
	fake_bytes_done(&c);
	return fake_end(&d);
}

static struct fake_bytes film(const struct syntax *s)
{
	static const struct fake_film films[] = {
	    {NULL, "-an -c:v mpeg2video -g 3 -bf 0", "m2v", 8},
	    {NULL, "-an -c:v libx264 -g 3", "h264", 8},
	    {NULL, "-an -c:v libx265 -x265-params log-level=none:pools=1:keyint=3", "hevc", 8},
	    {NULL, "-an -c:v libx265 -x265-params log-level=none:pools=1:keyint=3:profile=main10", "hevc",
	     10}};
	static struct fake_bytes streams[4]; // of the first who asks
	struct fake_film as = films[s->with];
	as.uid = s->uid;
	if (!streams[s->with].data)
		streams[s->with] = fake_film(&as, 5, NULL);
	bool several = strcmp(s->uid + strlen(s->uid) - 2, ".1") == 0;
	return fake_film_object(&as, &streams[s->with], several ? 3 : 1, 5);
}

static void check(const struct syntax *s, const uint8_t *pixels, size_t bytes)
{
	struct fake_bytes file = s->answer == FILM ? film(s) : still(s, pixels, bytes);
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *d = NULL;
	struct hz_frame f = {0};
	int err = hz_dicom_open(file.data, file.bytes, NULL, &fault, &d);
	if (err == 0)
		err = decode_of(d, s->answer == FILM ? 4 : 0, &fault, &f);
	const char *what = err < 0 ? hz_dicom_code_name(fault.code) : "decoded";
	static const char *const answers[] = {"exactly",        "exactly",
	                                      "within a bound", "as libavcodec decodes it",
	                                      "by its name",    "by its process"};
	print_message("%-28s %-16s %s %s\n", s->uid, what, answers[s->answer], fault.text);
	if (s->answer == REFUSED) {
		assert_int_equal(fault.code, HZ_DICOM_TRANSFER_SYNTAX);
		assert_int_equal(err, -ENOTSUP);
	} else if (s->answer == PROCESS) {
		assert_int_equal(fault.code, HZ_DICOM_UNSUPPORTED);
	} else {
		assert_int_equal(err, 0);
		assert_int_equal(f.lossy, s->answer == BOUND);
	}
	if (s->answer == NATIVE || s->answer == CODED) {
		assert_int_equal(f.bytes, bytes);
		assert_memory_equal(f.data, pixels, bytes);
	}
	for (size_t i = 0; s->answer == BOUND && i < bytes; i++)
		assert_true(abs(f.data[i] - pixels[i]) <= 10);
	if (s->answer == FILM)
		assert_true(hz_dicom_image(d)->lossy && hz_dicom_is_video(d));
	hz_frame_done(&f);
	hz_dicom_close(d);
	fake_bytes_done(&file);
}

static void test_every_transfer_syntax(void **state)
{
	size_t bytes;
	uint8_t *pixels = smooth(&bytes);
	for (unsigned i = 0; i < SYNTAXES; i++)
		check(&syntaxes[i], pixels, bytes);
	free(pixels);
}

// Parametric maps: found, and refused with that word.
static void test_floating_point_pixels(void **state)
{
	for (unsigned wide = 0; wide < 2; wide++) {
		static const uint8_t values[32];
		struct hz_pixel_shape s = grey;
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *d = NULL;
		struct fake_dicom made;
		s.columns = s.rows = 2;
		s.bits_allocated = 32;
		fake_begin(&made, FAKE_EXPLICIT, NULL);
		fake_shape(&made, &s, 1);
		fake_value(&made, wide ? 0x7fe00009 : 0x7fe00008, wide ? "OD" : "OF", values, wide ? 32 : 16);
		struct fake_bytes file = fake_end(&made);
		assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, &fault, &d), -ENOTSUP);
		assert_int_equal(fault.code, HZ_DICOM_UNSUPPORTED);
		assert_non_null(strstr(fault.text, "floating point"));
		fake_bytes_done(&file);
	}
}

int main(void)
{
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_transfer_syntax),
	    cmocka_unit_test(test_floating_point_pixels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

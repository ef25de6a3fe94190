// Photos of phones: upright whatever their EXIF says, by blocks and by samples; without EXIF, GPS, comments and what is behind their end;
// hostile EXIF comes to nothing.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "media/imaging/dicom.h"
#include "media/studies/photo.h"
#include "media/studies/upright.h"

#define NEAR 12 // a JPEG's error on what is smooth; a wrong turn is off by a hundred

struct photo {
	uint8_t *data;
	size_t bytes;
	int columns, rows;
};

// Brighter to the right, and much brighter downwards, so that each corner is another one.
static int value_at(int x, int y, int w, int h)
{
	return 20 + 60 * x / (w - 1) + 150 * y / (h - 1);
}

static struct photo make(int w, int h, int sampling)
{
	struct photo p = {.columns = w, .rows = h};
	uint8_t *pixels = malloc((size_t)w * (size_t)h * 3);
	unsigned char *made = NULL;
	unsigned long bytes = 0;
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++)
			memset(pixels + 3 * ((size_t)y * (size_t)w + (size_t)x), value_at(x, y, w, h), 3);
	}
	tjhandle handle = tjInitCompress();
	assert_int_equal(tjCompress2(handle, pixels, w, 0, h, TJPF_RGB, &made, &bytes, sampling, 95, 0), 0);
	tjDestroy(handle);
	free(pixels);
	p.data = malloc(bytes);
	p.bytes = bytes;
	memcpy(p.data, made, bytes);
	tjFree(made);
	return p;
}

static void number(uint8_t **at, bool little, unsigned value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*(*at)++ = (uint8_t)(value >> 8 * (little ? i : bytes - 1 - i));
}

static void text(uint8_t **at, const char *from, size_t bytes)
{
	memcpy(*at, from, bytes);
	*at += bytes;
}

// EXIF with the maker, the orientation and a place in it.
static size_t put_exif(uint8_t *to, unsigned orientation, bool little)
{
	uint8_t *at = to;
	text(&at,
	     "\xff\xe1\0\x36"
	     "Exif\0\0",
	     10);
	text(&at, little ? "II" : "MM", 2);
	number(&at, little, 42, 2);
	number(&at, little, 8, 4);
	number(&at, little, 2, 2);
	number(&at, little, 0x010f, 2);
	number(&at, little, 2, 2);
	number(&at, little, 4, 4);
	text(&at, "Pho", 4);
	number(&at, little, 0x0112, 2);
	number(&at, little, 3, 2);
	number(&at, little, 1, 4);
	number(&at, little, orientation, 2);
	number(&at, little, 0, 2);
	number(&at, little, 0, 4);
	text(&at, "GPS31.2N", 8);
	assert_int_equal(at - to, 2 + 0x36);
	return (size_t)(at - to);
}

// What a phone adds: that, a comment, and a film behind the end.
static void dress(struct photo *p, unsigned orientation, bool little)
{
	uint8_t *data = malloc(p->bytes + 200), *at = data;
	text(&at, (const char *)p->data, 2);
	at += put_exif(at, orientation, little);
	text(&at, "\xff\xfe\0\x0dZhang San..", 15);
	text(&at, (const char *)p->data + 2, p->bytes - 2);
	text(&at, "ftypmp42 a film of the room", 27);
	free(p->data);
	p->data = data;
	p->bytes = (size_t)(at - data);
}

// What is seen at x, y of the upright picture, by EXIF's words: what row 0 and column 0 of the file are.
static int expected(unsigned o, int x, int y, const struct photo *p)
{
	static const struct {
		bool swap, right, bottom; // columns are rows; column 0 is at the right, row 0 at the bottom
	} words[9] = {[2] = {false, true, false}, [3] = {false, true, true}, [4] = {false, false, true},
	              [5] = {true, false, false}, [6] = {true, true, false}, [7] = {true, true, true},
	              [8] = {true, false, true}};
	int seen_w = words[o].swap ? p->rows : p->columns, seen_h = words[o].swap ? p->columns : p->rows;
	int across = words[o].right ? seen_w - 1 - x : x, down = words[o].bottom ? seen_h - 1 - y : y;
	return words[o].swap ? value_at(down, across, p->columns, p->rows)
	                     : value_at(across, down, p->columns, p->rows);
}

// As three bytes a pixel.
static uint8_t *pixels_of(const struct hz_upright *u, int *ret_w, int *ret_h)
{
	int sampling, colours;
	uint8_t *pixels;
	if (u->decoded) {
		*ret_w = (int)u->columns;
		*ret_h = (int)u->rows;
		size_t count = (size_t)u->columns * u->rows;
		assert_int_equal(u->bytes, count * u->samples);
		pixels = malloc(count * 3);
		for (size_t i = 0; i < count; i++)
			memset(pixels + 3 * i, u->data[i * u->samples], 3);
		return pixels;
	}
	tjhandle handle = tjInitDecompress();
	assert_int_equal(tjDecompressHeader3(handle, u->data, u->bytes, ret_w, ret_h, &sampling, &colours),
	                 0);
	pixels = malloc((size_t)*ret_w * (size_t)*ret_h * 3);
	assert_int_equal(tjDecompress2(handle, u->data, u->bytes, pixels, *ret_w, 0, *ret_h, TJPF_RGB, 0), 0);
	tjDestroy(handle);
	return pixels;
}

static void check(const struct photo *p, unsigned o, bool blocks)
{
	static const char *const gone[] = {"GPS", "Exif", "Zhang", "film"};
	struct hz_dicom_fault fault = {0};
	struct hz_upright u;
	int w = 0, h = 0;
	assert_int_equal(hz_exif_orientation(p->data, p->bytes), o);
	assert_int_equal(hz_upright(p->data, p->bytes, &fault, &u), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_null(memmem(u.data, u.bytes, gone[i], strlen(gone[i])));
	if (blocks || o == 1)
		assert_false(u.decoded);
	uint8_t *pixels = pixels_of(&u, &w, &h);
	assert_int_equal(w, o >= 5 ? p->rows : p->columns);
	assert_int_equal(h, o >= 5 ? p->columns : p->rows);
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++) {
			int is = pixels[3 * ((size_t)y * (size_t)w + (size_t)x)],
			    wanted = expected(o, x, y, p);
			if (abs(is - wanted) > NEAR)
				fail_msg("orientation %u at %d,%d: %d, not %d", o, x, y, is, wanted);
		}
	}
	free(pixels);
	free(u.data);
}

static void test_upright(void **state)
{
	static const struct {
		int w, h, sampling;
		bool blocks;
	} all[] = {{64, 32, TJSAMP_420, true},
	           {61, 37, TJSAMP_420, false},
	           {48, 80, TJSAMP_GRAY, true},
	           {45, 33, TJSAMP_GRAY, false},
	           {64, 48, TJSAMP_422, true}};
	(void)state;
	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++) {
		for (unsigned o = 1; o <= 8; o++) {
			struct photo p = make(all[i].w, all[i].h, all[i].sampling);
			dress(&p, o, o % 2);
			check(&p, o, all[i].blocks);
			free(p.data);
		}
	}
}

// What needs no turning keeps its samples bit by bit.
static void test_untouched(void **state)
{
	struct hz_dicom_fault fault = {0};
	struct hz_upright u;
	(void)state;
	struct photo p = make(61, 37, TJSAMP_420), dressed = make(61, 37, TJSAMP_420);
	dress(&dressed, 1, true);
	const struct photo *const both[] = {&p, &dressed};
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(hz_upright(both[i]->data, both[i]->bytes, &fault, &u), 0);
		assert_int_equal(u.bytes, p.bytes);
		assert_memory_equal(u.data, p.data, p.bytes);
		free(u.data);
	}
	free(dressed.data);
	free(p.data);
}

// Into the object: its rows and columns are those of what is seen, and what was lossy says so.
static void test_object(void **state)
{
	static const struct hz_photo_of of = {.name = "W",
	                                      .id = "1",
	                                      .study = "2.25.1",
	                                      .series = "2.25.2",
	                                      .taken_ms = 1700000000000,
	                                      .number = 1};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct hz_dicom_fault fault = {0};
		struct hz_dicom *dicom = NULL;
		uint8_t *file = NULL;
		size_t bytes = 0;
		struct photo p = make(i ? 61 : 64, i ? 37 : 32, TJSAMP_420);
		dress(&p, 6, false);
		assert_int_equal(hz_photo_make(p.data, p.bytes, &of, &fault, &file, &bytes), 0);
		assert_null(memmem(file, bytes, "GPS", 3));
		assert_non_null(memmem(file, bytes, "ISO_10918_1", 11));
		assert_int_equal(hz_dicom_open(file, bytes, NULL, &fault, &dicom), 0);
		assert_int_equal(hz_dicom_image(dicom)->shape.columns, p.rows);
		assert_int_equal(hz_dicom_image(dicom)->shape.rows, p.columns);
		hz_dicom_close(dicom);
		free(file);
		free(p.data);
	}
}

static void try(const uint8_t *data, size_t bytes)
{
	struct hz_dicom_fault fault = {0};
	struct hz_upright u;
	uint8_t *copy = malloc(bytes ? bytes : 1); // its end is its end
	memcpy(copy, data, bytes);
	unsigned o = hz_exif_orientation(copy, bytes);
	assert_true(o >= 1 && o <= 8);
	if (hz_upright(copy, bytes, &fault, &u) == 0)
		free(u.data);
	free(copy);
}

// Every byte changed, and every length: something upright comes out, or an error.
static void test_hostile(void **state)
{
	(void)state;
	struct photo p = make(16, 16, TJSAMP_420);
	dress(&p, 6, false);
	for (size_t n = 0; n < p.bytes; n++) {
		uint8_t was = p.data[n];
		for (unsigned flip = 1; flip < 256; flip = flip * 4 + 3) {
			p.data[n] = (uint8_t)(was ^ flip);
			try(p.data, p.bytes);
		}
		p.data[n] = was;
		try(p.data, n);
	}
	free(p.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_upright), cmocka_unit_test(test_untouched),
	                                   cmocka_unit_test(test_object), cmocka_unit_test(test_hostile)};
	return hz_dicom_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}

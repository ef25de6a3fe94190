// Writes the seeds of fuzz_dicom and fuzz_dicom_frame: dicom_seeds CORPUS-FOLDER
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/imaging/frame.h"
#include "tests/unit/imaging/fake_dicom.h"
#include "tests/unit/imaging/fake_wave.h"

static const char *folder;

static void save(const char *name, const struct fake_bytes *bytes)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(bytes->data, 1, bytes->bytes, f) != bytes->bytes)
		exit(1);
	fclose(f);
}

static struct fake_bytes encode(unsigned codec, const uint8_t *pixels, const struct hz_pixel_shape *s)
{
	struct hz_frame f = {.columns = s->columns,
	                     .rows = s->rows,
	                     .samples = s->samples,
	                     .cell = s->bits_allocated / 8,
	                     .bits_stored = s->bits_stored,
	                     .photometric = s->photometric,
	                     .data = (uint8_t *)(uintptr_t)pixels,
	                     .bytes = (size_t)s->columns * s->rows * s->samples * s->bits_allocated / 8};
	struct hz_htj2k h = {0};
	if (codec < 4)
		return codec == 0   ? fake_rle(pixels, s)
		       : codec == 1 ? fake_jpeg_lossless(pixels, s, s->bits_stored)
		       : codec == 2 ? fake_jpeg_ls(pixels, s, s->samples == 3, 0)
		                    : fake_j2k(pixels, s, false, false);
	if (hz_frame_encode_htj2k(&f, NULL, &h) < 0)
		exit(1);
	return (struct fake_bytes){.data = h.data, .bytes = h.bytes};
}

static void seeds(unsigned samples, unsigned bits)
{
	struct hz_pixel_shape s = {.columns = 20,
	                           .rows = 17,
	                           .samples = (uint8_t)samples,
	                           .bits_allocated = bits > 8 ? 16 : 8,
	                           .bits_stored = (uint8_t)bits,
	                           .high_bit = (uint8_t)(bits - 1),
	                           .photometric = samples == 3 ? HZ_RGB : HZ_MONOCHROME2};
	size_t bytes;
	uint8_t *pixels = fake_pixels(&s, &bytes);
	char name[64];
	for (unsigned i = 0; i < 9; i++) {
		struct fake_dicom d;
		fake_begin(&d, i < 4 ? (enum fake_syntax)i : FAKE_EXPLICIT,
		           i < 4 ? NULL : "1.2.840.10008.1.2.4.90");
		fake_text(&d, 0x00080005, "CS", "GB18030");
		fake_shape(&d, &s, 1);
		fake_text(&d, 0x00281050, "DS", "40\\50");
		fake_text(&d, 0x00281051, "DS", "400\\80");
		fake_open_sequence(&d, 0x52009229);
		fake_open_sequence(&d, 0x00289110);
		fake_text(&d, 0x00280030, "DS", "0.5\\0.5");
		fake_close_sequence(&d);
		fake_close_sequence(&d);
		struct fake_bytes c = {0};
		if (i < 4) {
			fake_native(&d, "OW", pixels, bytes);
		} else {
			const uint8_t head[4] = {(uint8_t)(bits - 1), samples == 3, 20, 17};
			struct fake_bytes frame = {0};
			c = encode(i - 4, pixels, &s);
			fake_fragments(&d, &c, 1, NULL, 0);
			fake_put(&frame, head, 4);
			fake_put(&frame, c.data, c.bytes);
			snprintf(name, sizeof(name), "dicom_frame/%u-%u-%u", i, samples, bits);
			save(name, &frame);
			fake_bytes_done(&frame);
		}
		struct fake_bytes file = fake_end(&d);
		snprintf(name, sizeof(name), "dicom/%u-%u-%u", i, samples, bits);
		save(name, &file);
		fake_bytes_done(&file);
		fake_bytes_done(&c);
	}
	free(pixels);
}

static void wave_seeds(void)
{
	static const int16_t words[2 * 4] = {1, -1, 300, -300, INT16_MAX, INT16_MIN, 7, 8};
	const struct fake_wave group = {.channels = 2,
	                                .samples = 4,
	                                .bits = 16,
	                                .kind = "SS",
	                                .hz = "500",
	                                .data = words,
	                                .bytes = sizeof(words),
	                                .described = 2,
	                                .padding = true};
	char name[64];
	for (unsigned i = 0; i < 4; i++) {
		struct fake_bytes file = fake_ecg((enum fake_syntax)i, &group, 1);
		snprintf(name, sizeof(name), "dicom/wave-%u", i);
		save(name, &file);
		fake_bytes_done(&file);
	}
}

// Two overlays: one of two frames that lies half outside, one in a bit of the pixels.
static void overlay_seed(void)
{
	const struct hz_pixel_shape s = {.columns = 5,
	                                 .rows = 3,
	                                 .samples = 1,
	                                 .bits_allocated = 16,
	                                 .bits_stored = 12,
	                                 .high_bit = 11,
	                                 .photometric = HZ_MONOCHROME2};
	static const uint16_t words[3 * 15] = {0x1000, 0x2fff, 0x1001}, bits[2] = {0xa5a5, 0x5a5a};
	static const int16_t origin[2] = {-1, 3};
	struct fake_dicom d;
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &s, 3);
	fake_us(&d, 0x60000010, 4);
	fake_us(&d, 0x60000011, 4);
	fake_text(&d, 0x60000015, "IS", "2");
	fake_text(&d, 0x60000040, "CS", "R");
	fake_value(&d, 0x60000050, "SS", origin, sizeof(origin));
	fake_us(&d, 0x60000051, 2);
	fake_us(&d, 0x60000100, 1);
	fake_us(&d, 0x60000102, 0);
	fake_value(&d, 0x60003000, "OW", bits, sizeof(bits));
	fake_us(&d, 0x60020010, 3);
	fake_us(&d, 0x60020011, 5);
	fake_text(&d, 0x60020040, "CS", "G");
	fake_us(&d, 0x60020100, 16);
	fake_us(&d, 0x60020102, 12);
	fake_native(&d, "OW", words, sizeof(words));
	struct fake_bytes file = fake_end(&d);
	save("dicom/overlays", &file);
	fake_bytes_done(&file);
}

int main(int argc, char **argv)
{
	if (argc != 2 || hz_dicom_init() < 0)
		return 2;
	folder = argv[1];
	seeds(1, 12);
	seeds(3, 8);
	wave_seeds();
	overlay_seed();
	return 0;
}

#include "tests/unit/live/fake_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/imaging/fake_dicom.h"

#define SIDE 64u

int fake_file(const void *data, size_t bytes)
{
	int fd = memfd_create("object", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, bytes), (ssize_t)bytes);
	return fd;
}

// PS3.3 C.9.2: one bit a pixel, from the lowest of a byte on.
static void overlay_left(struct fake_dicom *d)
{
	static const uint8_t origin[4] = {1, 0, 1, 0};
	uint8_t bits[SIDE * SIDE / 8];
	for (unsigned i = 0; i < sizeof(bits); i++)
		bits[i] = i % (SIDE / 8) < SIDE / 16 ? 0xff : 0;
	fake_us(d, 0x60000010, SIDE);
	fake_us(d, 0x60000011, SIDE);
	fake_text(d, 0x60000040, "CS", "G");
	fake_value(d, 0x60000050, "SS", origin, sizeof(origin));
	fake_us(d, 0x60000100, 1);
	fake_us(d, 0x60000102, 0);
	fake_value(d, 0x60003000, "OW", bits, sizeof(bits));
}

static int make(unsigned uid, unsigned value, unsigned frames, bool overlay, bool burned)
{
	const struct hz_pixel_shape shape = fake_grey(SIDE, SIDE, 12);
	uint16_t *pixels = calloc((size_t)SIDE * SIDE * frames, sizeof(*pixels));
	struct fake_dicom d;
	for (unsigned i = 0; i < SIDE * SIDE * frames; i++)
		pixels[i] = (uint16_t)(value + i / (SIDE * SIDE) * 400);
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_shape(&d, &shape, frames);
	if (burned)
		fake_text(&d, 0x00280301, "CS", "YES");
	fake_text(&d, 0x00281050, "DS", "2048");
	fake_text(&d, 0x00281051, "DS", "4096");
	if (overlay)
		overlay_left(&d);
	fake_native(&d, "OW", pixels, sizeof(*pixels) * SIDE * SIDE * frames);
	struct fake_bytes file = fake_end(&d);
	uint8_t *at = file.data;
	while ((at = memmem(at, file.bytes - (size_t)(at - file.data), "2.25.1", 6)))
		*(at += 5) = (uint8_t)('0' + uid);
	int fd = fake_file(file.data, file.bytes);
	fake_bytes_done(&file);
	free(pixels);
	return fd;
}

int fake_object(unsigned uid, unsigned value, unsigned frames)
{
	return make(uid, value, frames, false, false);
}

int fake_named(unsigned uid, unsigned value, bool overlay, bool burned)
{
	return make(uid, value, 1, overlay, burned);
}

int fake_series(unsigned first, unsigned count)
{
	char json[4096];
	size_t n = 0;
	for (unsigned i = 0; i < count; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n,
		                      "%c{\"00280010\":{\"Value\":[64]},\"00280011\":{\"Value\":[64]},"
		                      "\"00280100\":{\"Value\":[16]},\"00280101\":{\"Value\":[12]},"
		                      "\"00080018\":{\"Value\":[\"2.25.%u\"]},\"00200013\":{\"Value\":[%u]}}",
		                      i ? ',' : '[', first + i, i + 1);
	n += (size_t)snprintf(json + n, sizeof(json) - n, "]");
	return fake_file(json, n);
}

struct hz_live_room_set fake_room(uint32_t consult, unsigned uid)
{
	struct hz_live_room_set set = {.consult = consult, .panes = 1, .version = 1};
	for (unsigned i = 0; i < HZ_LIVE_PANES; i++)
		set.pane[i].zoom = 1;
	struct hz_live_ref *image = &set.pane[0].image;
	strcpy(image->pacs, "main");
	strcpy(image->study, "1.2");
	strcpy(image->series, "1.2.3");
	if (uid)
		snprintf(image->instance, sizeof(image->instance), "2.25.%u", uid);
	return set;
}

struct hz_live_rendition_set fake_rendition(uint32_t consult, uint32_t ssrc, uint8_t codec)
{
	return (struct hz_live_rendition_set){.rendition = 9,
	                                      .consult = consult,
	                                      .workers = 2,
	                                      .ssrc = ssrc,
	                                      .side = 256,
	                                      .codec = codec,
	                                      .pt = 98};
}

// A video under a header that fits it or not: byte 0 and 1 columns and rows, 2 flags, then the stream. What is given of a picture is the
// same whichever way it was come to, and each refusal has its word.
#include <stdlib.h>
#include <string.h>

#include "media/imaging/video.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t rgb[256 * 256 * 6];

static size_t paint(struct hz_video *v, uint32_t index, uint64_t *ret_hash)
{
	struct hz_dicom_fault fault = {0};
	struct hz_video_planes p;
	if (hz_video_picture(v, index, &fault, &p) < 0) {
		if (fault.code == HZ_DICOM_OK || !fault.text[0])
			abort();
		return 0;
	}
	size_t bytes = (size_t)p.columns * p.rows * 3 * (p.bits > 8 ? 2 : 1);
	if (bytes > sizeof(rgb))
		abort();
	hz_video_rgb(&p, rgb);
	*ret_hash = 14695981039346656037u;
	for (size_t i = 0; i < bytes; i++)
		*ret_hash = (*ret_hash ^ rgb[i]) * 1099511628211u;
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hz_video_limits limits = {
	    .pictures = 40, .pixels = 256 * 256 * 24, .frame_bytes = sizeof(rgb)};
	struct hz_dicom_fault fault = {0};
	struct hz_video *v = NULL;
	uint64_t hash[6] = {0}, again = 0;
	if (size < 4 || !data[0] || !data[1])
		return 0;
	uint8_t bits = data[2] & 1 ? 10 : 8;
	const struct hz_pixel_shape shape = {.columns = data[0],
	                                     .rows = data[1],
	                                     .samples = data[2] & 2 ? 1 : 3,
	                                     .bits_allocated = bits > 8 ? 16 : 8,
	                                     .bits_stored = bits,
	                                     .high_bit = bits - 1,
	                                     .photometric = HZ_YBR_PARTIAL_420};
	if (hz_video_open(data + 3, size - 3, &shape, &limits, &fault, &v) < 0) {
		if (fault.code == HZ_DICOM_OK || !fault.text[0])
			abort();
		return 0;
	}
	for (uint32_t i = 0; i < 6; i++)
		if (!paint(v, i, &hash[i]))
			hash[i] = 0;
	(void)paint(v, 30, &again);
	(void)paint(v, 4, &again);
	hz_video_close(v);
	return 0;
}

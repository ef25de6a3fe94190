// A codestream under a header that fits it or not: byte 0 bits, 1 flags, 2 and 3 columns and rows (0: what the codestream
// says), then the codestream. What is decoded as 8 or 16 bits must survive HTJ2K.
#include <stdlib.h>
#include <string.h>

#include "media/imaging/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct hz_frame *frame)
{
	struct hz_htj2k h = {0};
	struct hz_dicom_fault fault = {0};
	if (hz_frame_encode_htj2k(frame, &fault, &h) < 0) {
		if (fault.code == HZ_DICOM_NOT_LOSSLESS)
			abort();
		return;
	}
	if (h.end[h.levels] != h.bytes)
		abort();
	hz_htj2k_done(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready = 1;
	struct hz_dicom_fault fault = {0};
	struct hz_codestream s = {0};
	struct hz_frame frame = {0};
	if (ready == 1)
		ready = hz_dicom_init();
	if (size < 5)
		return 0;
	uint8_t bits = data[0] % 16 + 1;
	struct hz_pixel_shape shape = {.columns = data[2],
	                               .rows = data[3],
	                               .samples = data[1] & 1 ? 3 : 1,
	                               .bits_allocated = bits > 8 ? 16 : 8,
	                               .bits_stored = bits,
	                               .high_bit = bits - 1,
	                               .is_signed = data[1] & 2,
	                               .planar = data[1] & 4,
	                               .photometric = data[1] & 1 ? HZ_YBR_FULL_422 : HZ_MONOCHROME2};
	struct hz_frame_source source = {.data = data + 4, .bytes = size - 4, .encoded = !(data[1] & 8)};
	if (hz_codestream_read(source.data, source.bytes, NULL, &s) == 0 && (!shape.columns || !shape.rows)) {
		shape.columns = s.columns;
		shape.rows = s.rows;
	}
	if (!shape.columns || !shape.rows || shape.columns > 1024 || shape.rows > 1024)
		return 0;
	if (hz_frame_decode(&source, &shape, 1u << 20, &fault, &frame) < 0) {
		if (fault.code == HZ_DICOM_OK || !fault.text[0])
			abort();
		return 0;
	}
	if (frame.columns * frame.rows < 4096)
		again(&frame);
	hz_frame_done(&frame);
	return 0;
}

// Overlays in bits of the pixels' words that the samples leave free (PS3.3 C.9.2 of 2004, retired; PS3.5 8.1.2).
#include <errno.h>
#include <stdlib.h>

#include "media/imaging/decode.h"
#include "media/imaging/render.h"

// The words of a frame, with all that is in them: only what is not encoded, and RLE, keeps them.
static int words_of(const struct hz_dicom *dicom, uint32_t frame, struct hz_coded *ret)
{
	const struct hz_pixel_shape *shape = &hz_dicom_image(dicom)->shape;
	struct hz_frame_source source = {0};
	struct hz_codestream stream = {.codec = HZ_IMAGE_NATIVE};
	int err = hz_dicom_frame(dicom, frame, NULL, &source);
	if (err == 0 && !source.encoded)
		err = hz_decode_native(&source, shape, NULL, ret);
	else if (err == 0)
		err = hz_codestream_read(source.data, source.bytes, NULL, &stream);
	if (err == 0 && source.encoded)
		err = stream.codec == HZ_IMAGE_RLE ? hz_decode_rle(&stream, shape, NULL, ret) : -ENOTSUP;
	hz_frame_source_done(&source);
	return err;
}

int hz_overlay_bits(const struct hz_dicom *dicom, uint32_t frame, const struct hz_dicom_overlay *overlay,
                    struct hz_dicom_overlay *ret)
{
	const struct hz_pixel_shape *s = &hz_dicom_image(dicom)->shape;
	unsigned bit = overlay->bit_position;
	bool free_bit = bit > s->high_bit || bit + s->bits_stored < s->high_bit + 1u;
	struct hz_coded words = {0};
	if (!overlay->embedded || s->samples != 1 || bit >= s->bits_allocated || !free_bit)
		return -EINVAL;
	int err = words_of(dicom, frame, &words);
	if (err < 0 || !words.data)
		return err < 0 ? err : -ENODATA;
	size_t pixels = (size_t)s->columns * s->rows, bytes = (pixels + 7) / 8;
	uint8_t *bits = calloc(1, bytes);
	for (size_t i = 0; bits && i < pixels; i++)
		bits[i / 8] |= (uint8_t)((words.data[i * words.cell + bit / 8] >> (bit % 8) & 1) << (i % 8));
	free(words.data);
	if (!bits)
		return -ENOMEM;
	*ret = *overlay;
	ret->columns = (uint16_t)s->columns;
	ret->rows = (uint16_t)s->rows;
	ret->column = ret->row = 1;
	ret->frames = UINT32_MAX;
	ret->first_frame = 0;
	ret->bits = bits;
	ret->bytes = bytes;
	return 0;
}

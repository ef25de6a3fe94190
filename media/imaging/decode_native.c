// Samples that are not encoded, and DICOM's RLE (PS3.5 G), into interleaved cells.
#include "media/imaging/decode.h"
#include "media/imaging/internal.h"

#include <stdlib.h>
#include <string.h>

static uint8_t cell_of(const struct hz_pixel_shape *shape)
{
	return shape->bits_allocated < 8 ? 1 : shape->bits_allocated / 8;
}

static int room_for(const struct hz_pixel_shape *shape, struct hz_dicom_fault *fault, struct hz_coded *ret)
{
	*ret = (struct hz_coded){.word = true,
	                         .cell = cell_of(shape),
	                         .precision = shape->bits_allocated,
	                         .photometric = shape->photometric};
	ret->bytes = (size_t)shape->columns * shape->rows * shape->samples * ret->cell;
	ret->data = malloc(ret->bytes);
	return ret->data ? 0 : hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
}

static void unpack_bits(const struct hz_frame_source *source, struct hz_coded *ret)
{
	for (size_t i = 0; i < ret->bytes; i++) {
		size_t at = i + source->bit_offset;
		ret->data[i] = source->data[at / 8] >> (at % 8) & 1;
	}
}

// Y1 Y2 Cb Cr, the chroma of two pixels (PS3.3 C.7.6.3.1.2): each gets a copy.
static void unpack_422(const uint8_t *from, struct hz_coded *ret)
{
	unsigned cell = ret->cell;
	uint8_t *to = ret->data;
	for (size_t done = 0; done < ret->bytes; done += 6 * cell, from += 4 * cell, to += 6 * cell) {
		memcpy(to, from, cell);
		memcpy(to + cell, from + 2 * cell, 2 * cell);
		memcpy(to + 3 * cell, from + cell, cell);
		memcpy(to + 4 * cell, from + 2 * cell, 2 * cell);
	}
	ret->photometric = HZ_YBR_FULL;
}

static void interleave(const uint8_t *from, size_t pixels, struct hz_coded *ret)
{
	unsigned cell = ret->cell;
	for (unsigned sample = 0; sample < 3; sample++) {
		uint8_t *to = ret->data + sample * cell;
		for (size_t i = 0; i < pixels; i++, from += cell, to += 3 * cell)
			memcpy(to, from, cell);
	}
}

int hz_decode_native(const struct hz_frame_source *source, const struct hz_pixel_shape *shape,
                     struct hz_dicom_fault *fault, struct hz_coded *ret)
{
	uint64_t bits = hz_native_frame_bits(shape);
	if (bits == 0)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE,
		                     "a Photometric Interpretation that native pixels cannot have");
	if ((source->bit_offset + bits + 7) / 8 > source->bytes)
		return hz_dicom_fail(fault, HZ_DICOM_PIXELS_SHORT, "%zu bytes of pixels where %llu belong",
		                     source->bytes, (unsigned long long)(bits + 7) / 8);
	if (shape->bits_allocated == 1 && shape->samples != 1)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "colour of 1 bit");
	int err = room_for(shape, fault, ret);
	if (err < 0)
		return err;
	if (shape->bits_allocated == 1)
		unpack_bits(source, ret);
	else if (shape->photometric == HZ_YBR_FULL_422)
		unpack_422(source->data, ret);
	else if (shape->planar && shape->samples == 3)
		interleave(source->data, (size_t)shape->columns * shape->rows, ret);
	else
		memcpy(ret->data, source->data, ret->bytes);
	return 0;
}

// One segment into every `step`th byte. PS3.5 G.3.2. What is behind the last byte of the frame is padding.
static bool unpack_segment(const uint8_t *p, size_t n, uint8_t *to, size_t count, unsigned step)
{
	size_t at = 0, done = 0;
	while (done < count && at < n) {
		int8_t control = (int8_t)p[at++];
		if (control == -128)
			continue;
		size_t run = control >= 0 ? (size_t)control + 1 : (size_t)(1 - control),
		       need = control >= 0 ? run : 1;
		if (n - at < need || run > count - done)
			return false;
		for (size_t i = 0; i < run; i++)
			to[(done + i) * step] = p[at + (control >= 0 ? i : 0)];
		at += need;
		done += run;
	}
	return done == count;
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int hz_decode_rle(const struct hz_codestream *stream, const struct hz_pixel_shape *shape,
                  struct hz_dicom_fault *fault, struct hz_coded *ret)
{
	const uint8_t *p = stream->data;
	unsigned cell = cell_of(shape), segments = shape->samples * cell;
	if (shape->bits_allocated < 8)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "RLE of 1-bit samples");
	if (le32(p) != segments)
		return hz_dicom_fail(fault, HZ_DICOM_COMPONENTS, "RLE of %u segments where %u belong",
		                     le32(p), segments);
	int err = room_for(shape, fault, ret);
	if (err < 0)
		return err;
	size_t pixels = (size_t)shape->columns * shape->rows;
	for (unsigned i = 0; i < segments; i++) {
		uint32_t from = le32(p + 4 + 4 * i), to = i + 1 < segments ? le32(p + 8 + 4 * i) : UINT32_MAX;
		if (to > stream->bytes)
			to = (uint32_t)stream->bytes;
		// The most significant byte comes first.
		unsigned sample = i / cell, byte = cell - 1 - i % cell;
		uint8_t *at = ret->data + sample * cell + byte;
		if (from < 64 || from >= to || !unpack_segment(p + from, to - from, at, pixels, segments)) {
			free(ret->data);
			return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM,
			                     "RLE segment %u is damaged or ends too early", i + 1);
		}
	}
	if (ret->photometric == HZ_YBR_FULL_422) // there is no sub-sampling in RLE
		ret->photometric = HZ_YBR_FULL;
	return 0;
}

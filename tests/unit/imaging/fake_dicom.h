// DICOM files and codestreams made by the tests: every byte is ours, so that every lie can be told.
#ifndef HZ_TESTS_FAKE_DICOM_H
#define HZ_TESTS_FAKE_DICOM_H

#include "media/imaging/pixels.h"

enum fake_syntax { FAKE_IMPLICIT, FAKE_EXPLICIT, FAKE_BIG, FAKE_DEFLATED };

struct fake_bytes {
	uint8_t *data;
	size_t bytes, room;
};
void fake_put(struct fake_bytes *b, const void *data, size_t n);
void fake_bytes_done(struct fake_bytes *b);
void fake_deflate(struct fake_bytes *b); // raw, RFC 1951

// Grey, unsigned, one byte a sample, or two where that many bits need them.
static inline struct hz_pixel_shape fake_grey(unsigned columns, unsigned rows, unsigned bits)
{
	return (struct hz_pixel_shape){.columns = columns,
	                               .rows = rows,
	                               .samples = 1,
	                               .bits_allocated = bits > 8 ? 16 : 8,
	                               .bits_stored = (uint8_t)bits,
	                               .high_bit = (uint8_t)(bits - 1),
	                               .photometric = HZ_MONOCHROME2};
}

struct fake_dicom {
	enum fake_syntax syntax;
	const char *uid;
	struct fake_bytes set; // the data set
};
void fake_begin(struct fake_dicom *d, enum fake_syntax syntax, const char *uid); // uid NULL: the syntax's own
void fake_us(struct fake_dicom *d, uint32_t tag, unsigned value);
void fake_text(struct fake_dicom *d, uint32_t tag, const char *vr, const char *text);
void fake_value(struct fake_dicom *d, uint32_t tag, const char *vr, const void *data,
                size_t n);                                   // LE words are turned
void fake_open_sequence(struct fake_dicom *d, uint32_t tag); // of undefined length, with one item of the same
void fake_next_item(struct fake_dicom *d);
void fake_close_sequence(struct fake_dicom *d);
void fake_shape(struct fake_dicom *d, const struct hz_pixel_shape *shape,
                uint32_t frames); // with SOP Class and names
void fake_native(struct fake_dicom *d, const char *vr, const void *data, size_t n);
void fake_fragments(struct fake_dicom *d, const struct fake_bytes *fragment, unsigned count,
                    const uint32_t *offsets, unsigned offset_count);
struct fake_bytes fake_end(struct fake_dicom *d); // the file

// An image: noise over a gradient, with the lowest and the highest value in it. As hz_frame holds it.
uint8_t *fake_pixels(const struct hz_pixel_shape *shape, size_t *ret_bytes);

struct fake_bytes fake_rle(const uint8_t *samples, const struct hz_pixel_shape *shape);
// SOF3, first-order prediction; a Huffman code for all 17 categories, the 16th too.
struct fake_bytes fake_jpeg_lossless(const uint8_t *samples, const struct hz_pixel_shape *shape,
                                     unsigned precision);
struct fake_bytes fake_jpeg_ls(const uint8_t *samples, const struct hz_pixel_shape *shape,
                               unsigned interleave, unsigned near);
struct fake_bytes fake_j2k(const uint8_t *samples, const struct hz_pixel_shape *shape, bool is_signed,
                           bool lossy);

#endif

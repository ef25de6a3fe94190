// What is promised of a frame's samples, and the samples: PS3.3 C.7.6.3 (Image Pixel Module).
#ifndef HZ_MEDIA_IMAGING_PIXELS_H
#define HZ_MEDIA_IMAGING_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hz_photometric {
	HZ_PHOTOMETRIC_OTHER,
	HZ_MONOCHROME1, // the lowest value is white
	HZ_MONOCHROME2,
	HZ_PALETTE_COLOR,
	HZ_RGB,
	HZ_YBR_FULL,
	HZ_YBR_FULL_422,
	HZ_YBR_PARTIAL_420,
	HZ_YBR_ICT,
	HZ_YBR_RCT,
};

// As the data set says it.
struct hz_pixel_shape {
	uint32_t columns, rows; // 1..65535
	uint8_t samples;        // 1 or 3
	uint8_t bits_allocated; // 1, 8, 16, 32
	uint8_t bits_stored;    // 1..bits_allocated
	uint8_t high_bit;       // bits_stored - 1 unless other things share the word
	bool is_signed, planar; // planar: all of one sample, then all of the next
	enum hz_photometric photometric;
};

// Decoded. Samples are interleaved, little-endian, in cells of 1, 2 or 4 bytes, and carry nothing but their value: bits
// above bits_stored are copies of the sign or zero, whatever the file had there. 1-bit samples have a cell of one byte.
// YBR_FULL_422 and 420 are brought to YBR_FULL by repetition, YBR_ICT and RCT are undone: RGB.
struct hz_frame {
	uint32_t columns, rows;
	uint8_t samples, cell, bits_stored;
	bool is_signed;
	bool lossy; // the codestream was: these are not the samples that a detector gave
	enum hz_photometric photometric;
	uint8_t *data; // owned, free()
	size_t bytes;  // columns * rows * samples * cell
};
void hz_frame_done(struct hz_frame *frame);
int32_t hz_frame_sample(const struct hz_frame *frame, size_t index); // unsigned 32 bits: as its bits are

#ifdef __cplusplus
}
#endif
#endif

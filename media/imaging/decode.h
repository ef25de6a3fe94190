// Inside of hz_frame_decode: what a codec gives, before it is held against the data set.
#ifndef HZ_MEDIA_IMAGING_DECODE_H
#define HZ_MEDIA_IMAGING_DECODE_H

#include "media/imaging/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hz_coded {
	uint8_t cell; // bytes of a sample in data: 1, 2, 4; little-endian, interleaved
	uint8_t precision;
	bool is_signed; // values are sign-extended to the cell
	bool has_sign;  // else they are bits, of which the data set says what they mean
	bool word;      // the words of the file, with all that is in them
	bool lossy;
	enum hz_photometric photometric; // OTHER: what the data set says
	uint8_t *data;                   // owned
	size_t bytes;
};

// Each with the geometry of the codestream, which is that of the shape by then.
int hz_decode_native(const struct hz_frame_source *source, const struct hz_pixel_shape *shape,
                     struct hz_dicom_fault *fault, struct hz_coded *ret);
int hz_decode_rle(const struct hz_codestream *stream, const struct hz_pixel_shape *shape,
                  struct hz_dicom_fault *fault, struct hz_coded *ret);
int hz_decode_jpeg(const struct hz_codestream *stream, struct hz_dicom_fault *fault, struct hz_coded *ret);
int hz_decode_jpeg_ls(const struct hz_codestream *stream, struct hz_dicom_fault *fault, struct hz_coded *ret);
int hz_decode_j2k(const struct hz_codestream *stream, struct hz_dicom_fault *fault, struct hz_coded *ret);
int hz_decode_htj2k(const struct hz_codestream *stream, unsigned skip, struct hz_dicom_fault *fault,
                    struct hz_coded *ret);

// Holds the values against the shape and turns them into a frame (settle.c). Takes coded->data.
int hz_settle(struct hz_coded *coded, const struct hz_pixel_shape *shape, struct hz_dicom_fault *fault,
              struct hz_frame *ret);

#ifdef __cplusplus
}
#endif
#endif

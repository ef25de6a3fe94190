// What a codestream says of itself, from its markers: JPEG (ITU-T T.81 B), JPEG-LS (T.87 C), JPEG 2000 (T.800 A, also in
// its file format, T.800 I) and HTJ2K (T.814), DICOM's RLE (PS3.5 G). The label, the transfer syntax, is not asked. Pure.
#ifndef HZ_MEDIA_IMAGING_CODESTREAM_H
#define HZ_MEDIA_IMAGING_CODESTREAM_H

#include "media/imaging/fault.h"
#include "media/imaging/pixels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum hz_image_codec {
	HZ_IMAGE_NATIVE,
	HZ_IMAGE_RLE,
	HZ_IMAGE_JPEG,          // baseline, extended, progressive; Huffman
	HZ_IMAGE_JPEG_LOSSLESS, // process 14
	HZ_IMAGE_JPEG_LS,
	HZ_IMAGE_JPEG_2000,
	HZ_IMAGE_HTJ2K,
};
const char *hz_image_codec_name(enum hz_image_codec codec);

struct hz_codestream {
	enum hz_image_codec codec;
	const uint8_t *data; // of the codestream itself
	size_t bytes;
	uint32_t columns, rows; // 0 for RLE, as all below
	uint8_t components, precision;
	bool is_signed, has_sign; // only JPEG 2000 knows of signs
	bool lossy;               // by its own word: JPEG 2000 5-3 with layers cut away does not say so
	bool transform;           // JPEG 2000: components are transformed, RGB comes out
	uint32_t tile_columns, tile_rows; // JPEG 2000: of a whole one
	uint8_t levels;                   // JPEG 2000: decompositions
	bool offset;                      // JPEG 2000: the image or its tiles do not begin at 0, 0
	int adobe;                        // JPEG APP14: 0 RGB, 1 YCbCr, 2 YCCK; -1 none
	bool jfif, rgb_ids;               // JPEG: JFIF says YCbCr; components 'R', 'G', 'B' say RGB
	uint8_t near;                     // JPEG-LS: bound of the error
	bool progressive;                 // JPEG
};
// HZ_DICOM_CODESTREAM: no codestream that is known, damaged, or ends too early. HZ_DICOM_UNSUPPORTED: arithmetic coding,
// hierarchical, components that differ in size or precision.
int hz_codestream_read(const uint8_t *bytes, size_t count, struct hz_dicom_fault *fault,
                       struct hz_codestream *ret);

#ifdef __cplusplus
}
#endif
#endif

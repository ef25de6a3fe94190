// A photo of a phone or a screen as a VL Photographic Image object (PS3.3 A.32.4) in explicit little endian. A JPEG goes in
// with the samples that it has, upright and without what else phones put into it (upright.h); a PNG as its samples. Pure but for memory. Thread: any.
#ifndef HZ_MEDIA_STUDIES_PHOTO_H
#define HZ_MEDIA_STUDIES_PHOTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/imaging/fault.h"

#define HZ_PHOTO_BYTES  ((size_t)64 << 20)
#define HZ_PHOTO_PIXELS ((uint64_t)100000000)

struct hz_photo_of {             // "" where it is not known
	char name[385], id[129]; // PN with '^', LO; UTF-8
	char birth[9], sex[2];   // YYYYMMDD; M, F, O
	char study[65], series[65];
	char accession[65];
	int64_t taken_ms; // when it came, since 1970
	unsigned number;  // in its series
};

enum hz_photo_kind { HZ_PHOTO_NONE, HZ_PHOTO_JPEG, HZ_PHOTO_PNG, HZ_PHOTO_HEIC, HZ_PHOTO_OTHER };
// By its first bytes. OTHER: WebP, GIF, TIFF, BMP.
enum hz_photo_kind hz_photo_kind(const void *data, size_t bytes);

// *ret: the Part 10 file, free(). -EBADMSG, -ENOTSUP, -E2BIG with the fault, -ENOMEM.
int hz_photo_make(const void *data, size_t bytes, const struct hz_photo_of *of, struct hz_dicom_fault *fault,
                  uint8_t **ret, size_t *ret_bytes);

// What make needs, of a PNG: 8 bits, not interlaced, nothing transparent. *ret: samples, 1 or 3 a pixel, free().
struct hz_png {
	uint32_t columns, rows;
	uint8_t samples;
};
int hz_png_read(const uint8_t *data, size_t bytes, struct hz_dicom_fault *fault, struct hz_png *ret_shape,
                uint8_t **ret);

#endif

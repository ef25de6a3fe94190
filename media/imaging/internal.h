// Inside of an opened object: scan.c finds the structure, dataset*.cc reads the attributes, index.c tells frames apart.
#ifndef HZ_MEDIA_IMAGING_INTERNAL_H
#define HZ_MEDIA_IMAGING_INTERNAL_H

#include "media/imaging/scan.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hz_frame_range { // fragments of a frame
	uint32_t first, count;
};

struct hz_dicom {
	struct hz_dicom_limits limits;
	struct hz_scan scan;
	struct hz_dicom_image image;
	struct hz_dicom_plane *plane; // one, or one a frame
	uint32_t planes;
	const uint8_t *extended; // offset table of 7FE0,0001: u64 little-endian; in `extended_owned`
	uint8_t *extended_owned;
	uint32_t extended_count;
	bool video;
	struct hz_film *film;         // of video (film.h)
	struct hz_frame_range *range; // encapsulated, not video: one a frame
	uint32_t ranges;              // fewer than frames where the data is cut
	uint8_t *file;                // owned, of hz_dicom_open_fd
};

// Attributes of the header into image, plane and extended.
int hz_dataset_read(struct hz_dicom *dicom, struct hz_dicom_fault *fault);
void hz_image_done(struct hz_dicom_image *image);

// Which fragments make which frame (PS3.5 A.4). Each answer is one that cannot be otherwise, or there is none.
int hz_index_frames(struct hz_dicom *dicom, struct hz_dicom_fault *fault);

// Bytes of a native frame, 0 where that is impossible; 1-bit frames in bits.
uint64_t hz_native_frame_bits(const struct hz_pixel_shape *shape);

#ifdef __cplusplus
}
#endif
#endif

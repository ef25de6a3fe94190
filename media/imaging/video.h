// The pictures of a video (PS3.5 8.2.5 to 8.2.10, 10.8): MPEG-2, H.264 and HEVC, bare or in a transport stream, a program stream or
// MP4, as libavcodec decodes them, or refused: what it conceals is an error here. Any picture can be asked for; decoding begins with the
// key picture before it. Bounded: packets, pictures, pixels decoded for one call. Thread: any, one at a time for a video.
#ifndef HZ_MEDIA_IMAGING_VIDEO_H
#define HZ_MEDIA_IMAGING_VIDEO_H

#include "media/imaging/fault.h"
#include "media/imaging/pixels.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hz_video_limits {
	uint32_t pictures;
	uint64_t pixels; // decoded for one call; the next one goes on where that stopped
	size_t frame_bytes;
};
#define HZ_VIDEO_PIXELS ((uint64_t)1 << 30) // 500 pictures of 1920 x 1080: some seconds

struct hz_video;

// `bytes` are borrowed. All packets are looked at, nothing is decoded. expect: what the data set says (HZ_DICOM_SIZE, COMPONENTS, BITS).
int hz_video_open(const uint8_t *bytes, size_t count, const struct hz_pixel_shape *expect,
                  const struct hz_video_limits *limits, struct hz_dicom_fault *fault, struct hz_video **ret);
void hz_video_close(struct hz_video *video); // NULL allowed

enum hz_video_matrix { HZ_MATRIX_601, HZ_MATRIX_709, HZ_MATRIX_2020 };

// As the decoder left them; borrowed until the next call for this video. Samples of 8 bits are bytes, of more words.
struct hz_video_planes {
	const uint8_t *plane[3]; // Y, Cb, Cr
	ptrdiff_t stride[3];
	uint32_t columns, rows;
	uint8_t across, down; // chroma has one sample for 2^across columns, 2^down rows
	uint8_t bits;
	bool full; // 0..255, else 16..235
	enum hz_video_matrix matrix;
};
// index: from 0, in the order in which they are shown. PIXELS_SHORT: there are fewer pictures. CODESTREAM: this one is damaged, or what it
// builds upon; others may be whole. LATER: too far behind the last key picture; asked again, it goes on from there.
int hz_video_picture(struct hz_video *video, uint32_t index, struct hz_dicom_fault *fault,
                     struct hz_video_planes *ret);

// Interleaved RGB of the planes' bits, bytes or little-endian words: chroma repeated, the stream's matrix and range (ITU-T H.273), each
// value the nearest to the exact one (within 0.501).
void hz_video_rgb(const struct hz_video_planes *planes, uint8_t *to);

#ifdef __cplusplus
}
#endif
#endif

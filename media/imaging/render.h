// A frame as it is looked at: 8 bits of grey, or RGB. The grey way of PS3.4 N.2: modality LUT or rescale, VOI window or
// LUT, presentation (inverse, MONOCHROME1); palettes and YBR become RGB. Pure.
#ifndef HZ_MEDIA_IMAGING_RENDER_H
#define HZ_MEDIA_IMAGING_RENDER_H

#include "media/imaging/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

enum hz_voi_choice {
	HZ_VOI_DEFAULT, // the frame's window, the image's first, its first LUT, else lowest to highest value
	HZ_VOI_WINDOW,  // center and width below
	HZ_VOI_LUT,     // the image's LUT `index`
	HZ_VOI_RANGE,   // lowest to highest value that is not padding
};

struct hz_look {
	enum hz_voi_choice voi;
	double center, width; // in the values that the modality gives (HU)
	enum hz_voi_function function;
	unsigned index;
	bool invert;   // on top of what the image asks for; of colour each channel
	bool overlays; // burnt in, white
};

struct hz_rendered {
	uint32_t columns, rows;
	uint8_t channels; // 1 grey, 3 RGB
	uint8_t *data;    // owned, free()
	size_t bytes;
	double center, width; // that it was shown with; width 0: by a LUT
};
// -ENOMEM, -EINVAL: a frame that is not of this image. frame_index: for its plane and overlays.
int hz_render(const struct hz_dicom *dicom, uint32_t frame_index, const struct hz_frame *frame,
              const struct hz_look *look, struct hz_rendered *ret);
void hz_rendered_done(struct hz_rendered *rendered);

// An overlay in bits of the pixels as one of its own, of that frame; ret->bits: free(). -EINVAL: it is none, or its bit is the samples';
// -ENOTSUP: these pixels were encoded, and have no bits beside their samples.
int hz_overlay_bits(const struct hz_dicom *dicom, uint32_t frame, const struct hz_dicom_overlay *overlay,
                    struct hz_dicom_overlay *ret);

// A value behind the modality: PS3.3 C.11.2.1.2 (linear), C.11.2.1.3 (sigmoid, linear exact), onto 0..255, unrounded.
double hz_voi_apply(enum hz_voi_function function, double center, double width, double value);

// What a window of the reader's is applied with: the frame's own function, else the image's.
enum hz_voi_function hz_voi_of(const struct hz_dicom *dicom, uint32_t frame_index);

#ifdef __cplusplus
}
#endif
#endif

// Paints regions of a decoded picture over, so that nothing of what was there is left in any plane. Pure; thread: the caller's.
#ifndef HZ_MEDIA_PICTURE_MASK_H
#define HZ_MEDIA_PICTURE_MASK_H

#include <stdint.h>

#include <libavutil/frame.h>

#include "media/picture/layout.h"

#define HZ_MASK_UNIT   10000 // a region's numbers are this part of the picture's width or height
#define HZ_MASK_MARGIN 8     // pixels around it: what an encoder smeared before us

// The pixels of a region of a picture of this size: outwards to whole chroma samples, and HZ_MASK_MARGIN more; inside of the picture.
struct hz_rect hz_mask_rect(const uint16_t part[4], int width, int height);

// luma: 8 bits, limited range; no colour. -ENOTSUP: a pixel format of no camera, nothing was painted.
int hz_mask_paint(AVFrame *frame, struct hz_rect rect, uint8_t luma);

#endif

// Rectangles of a programme of several sources (enum hz_mosaic_air): no words, no bar, and nothing over a picture. Pure.
#ifndef HZ_MEDIA_MOSAIC_SHEET_H
#define HZ_MEDIA_MOSAIC_SHEET_H

#include "media/mosaic/api.h"
#include "media/picture/layout.h"

// count: 1 to HZ_MOSAIC_PARTS, on 1280x720. One is the whole of it, whatever air says.
void hz_sheet_make(uint8_t air, unsigned count, struct hz_rect ret[HZ_MOSAIC_PARTS]);

#endif

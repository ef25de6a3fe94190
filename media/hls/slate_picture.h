// The slate of a live programme: HZ_SLATE_PICTURES access units of Annex B, 3600 ticks each, the first a keyframe. Pure.
#ifndef HZ_MEDIA_HLS_SLATE_PICTURE_H
#define HZ_MEDIA_HLS_SLATE_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#define HZ_SLATE_PICTURES 25u

void hz_slate_picture(unsigned n, const uint8_t **ret, size_t *ret_bytes); // n < HZ_SLATE_PICTURES

#endif

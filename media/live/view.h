// One image in one pane of a picture: where each pixel lies, and the pixels themselves. The geometry is the viewer's
// (web/imaging/geometry.ts), so that everybody sees the same part of the image; panes differ in shape only. Pure.
#ifndef HZ_MEDIA_LIVE_VIEW_H
#define HZ_MEDIA_LIVE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "media/picture/canvas.h"

struct hz_live_view {        // as types.table_viewport
	double zoom;         // 1: the image fits
	double pan_x, pan_y; // of the pane's width and height
	double rotation;     // degrees, clockwise
	bool flip;
};

struct hz_live_plane {
	uint32_t columns, rows;
	double spacing[2]; // of a pixel: along a row, down a column; 1, 1 where nobody knows
};

// Pane pixel (its middle) to image pixel, (0, 0): the middle of the first one; and back.
struct hz_live_map {
	double image[6]; // x' = [0] x + [1] y + [2], y' = [3] x + [4] y + [5]
	double pane[6];
};
void hz_live_map_make(const struct hz_live_view *view, const struct hz_live_plane *plane, struct hz_rect pane,
                      struct hz_live_map *ret);
void hz_live_map_to_pane(const struct hz_live_map *map, const double image[2], double ret[2]);

struct hz_live_pixels {
	uint32_t columns, rows;
	uint8_t channels; // 1 grey, 3 RGB; 0..255
	const uint8_t *data;
};
// Between pixels linear; many pixels on one are averaged first. Outside of the image black.
// -ENOMEM: the pane is black.
int hz_live_paint(struct hz_canvas *canvas, struct hz_rect pane, const struct hz_live_pixels *pixels,
                  const struct hz_live_map *map);

#endif

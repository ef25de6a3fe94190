// A picture in memory, 8-bit Y'CbCr 4:2:0 of limited range (BT.601), and what is drawn on it but for text and video. Pure.
#ifndef HZ_MEDIA_PICTURE_CANVAS_H
#define HZ_MEDIA_PICTURE_CANVAS_H

#include <stdint.h>

#include "media/picture/layout.h"

struct hz_canvas {         // somebody else's memory
	int width, height; // even
	uint8_t *plane[3];
	int stride[3];
};

struct hz_colour {
	uint8_t y, cb, cr;
};
#define HZ_COLOUR_BACK   ((struct hz_colour){28, 130, 127}) // behind all
#define HZ_COLOUR_TILE   ((struct hz_colour){42, 132, 126}) // where a picture leaves room
#define HZ_COLOUR_DISC   ((struct hz_colour){78, 140, 116})
#define HZ_COLOUR_TEXT   ((struct hz_colour){224, 128, 128})
#define HZ_COLOUR_FAINT  ((struct hz_colour){150, 128, 128})
#define HZ_COLOUR_ACCENT ((struct hz_colour){150, 100, 90}) // who speaks

// All are clipped to the canvas; rectangles are even.
void hz_canvas_fill(struct hz_canvas *canvas, struct hz_rect rect, struct hz_colour colour);
// A line of `width` inside of rect along its border.
void hz_canvas_frame(struct hz_canvas *canvas, struct hz_rect rect, int width, struct hz_colour colour);
void hz_canvas_disc(struct hz_canvas *canvas, int x, int y, int radius, struct hz_colour colour);
// One pixel more or less covered: 0..255. Chroma is that of the 2x2 pixels around it.
void hz_canvas_blend(struct hz_canvas *canvas, int x, int y, uint8_t coverage, struct hz_colour colour);

#endif

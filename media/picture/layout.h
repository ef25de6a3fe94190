// Rectangles of a composed picture: one large tile and a strip beside it, or a grid. Pure.
//
// Nothing is ever drawn over a picture, for it may be what is diagnosed: names stand in a line under it, clock and title in
// a bar above all.
#ifndef HZ_MEDIA_PICTURE_LAYOUT_H
#define HZ_MEDIA_PICTURE_LAYOUT_H

#include <stdbool.h>

#define HZ_LAYOUT_TILES 25 // shown at most, in a grid
#define HZ_LAYOUT_STRIP 14 // shown at most, beside a large one

struct hz_rect {
	int x, y, w, h; // even
};

struct hz_layout_want {
	int width, height; // of the whole, even, at least 320x180
	unsigned count;    // tiles
	int large;         // index of the large one, -1: a grid
	bool captions;
	unsigned strip; // tiles beside the large one at most; 0: HZ_LAYOUT_STRIP
	bool corner;    // they stand at the bottom of their column, not at its top
};

struct hz_layout_tile {
	unsigned index;                  // of the wanted tiles
	struct hz_rect picture, caption; // caption: w 0 without
	bool large;
};

struct hz_layout {
	struct hz_rect bar;
	unsigned count, hidden;                      // hidden: tiles for which there was no room
	struct hz_layout_tile tile[HZ_LAYOUT_TILES]; // the large one first, then in their order
};

void hz_layout_make(const struct hz_layout_want *want, struct hz_layout *ret);

// The largest rectangle of a picture's shape inside of box, centred.
struct hz_rect hz_layout_fit(struct hz_rect box, int width, int height);

#endif

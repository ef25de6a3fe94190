// What people drew, on a canvas: lines, arrows, shapes, words. Points come from people; all of it is clipped to the pane. Pure.
#ifndef HZ_MEDIA_PICTURE_STROKE_H
#define HZ_MEDIA_PICTURE_STROKE_H

#include "media/picture/canvas.h"
#include "media/picture/text.h"

#define HZ_STROKE_POINTS 200

enum hz_stroke_kind { // as types.table_kind
	HZ_STROKE_POINT,
	HZ_STROKE_ARROW,
	HZ_STROKE_LINE,
	HZ_STROKE_ANGLE,
	HZ_STROKE_RECTANGLE,
	HZ_STROKE_ELLIPSE,
	HZ_STROKE_POLYGON,
	HZ_STROKE_FREEHAND,
	HZ_STROKE_TEXT,
	HZ_STROKE_KINDS,
};

struct hz_stroke {
	enum hz_stroke_kind kind;
	uint32_t rgb;
	unsigned points;
	const float (*point)[2];
	const char *text; // "": none
};

struct hz_stroke_paper {
	struct hz_canvas *canvas;
	struct hz_rect pane;
	struct hz_text *text; // NULL: no words
	double width;         // of a line
	// From where points are to the canvas.
	void (*to_pane)(const void *map, const double at[2], double ret[2]);
	const void *map;
};

void hz_stroke_draw(const struct hz_stroke_paper *paper, const struct hz_stroke *mark);

#endif

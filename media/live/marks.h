// What was drawn on an image: lines, arrows, shapes, words, in the pane where it is shown. Points come from people; all of
// it is clipped to the pane. Thread: one.
#ifndef HZ_MEDIA_LIVE_MARKS_H
#define HZ_MEDIA_LIVE_MARKS_H

#include "media/live/api.h"
#include "media/live/view.h"
#include "media/picture/text.h"

struct hz_live_paper {
	struct hz_canvas *canvas;
	struct hz_rect pane;
	struct hz_live_map map;
	struct hz_text *text; // NULL: no words
	double width;         // of a line
};
void hz_live_mark_draw(const struct hz_live_paper *paper, const struct hz_live_mark_set *mark);

#endif

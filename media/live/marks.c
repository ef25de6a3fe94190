#include "media/live/marks.h"

#include "media/picture/stroke.h"

_Static_assert((int)HZ_LIVE_MARK_KINDS == (int)HZ_STROKE_KINDS && (int)HZ_LIVE_TEXT == (int)HZ_STROKE_TEXT,
               "the same words in the same order");

static void to_pane(const void *map, const double at[2], double ret[2])
{
	hz_live_map_to_pane(map, at, ret);
}

void hz_live_mark_draw(const struct hz_live_paper *paper, const struct hz_live_mark_set *mark)
{
	const struct hz_stroke_paper with = {.canvas = paper->canvas,
	                                     .pane = paper->pane,
	                                     .text = paper->text,
	                                     .width = paper->width,
	                                     .to_pane = to_pane,
	                                     .map = &paper->map};
	unsigned points = mark->points < HZ_LIVE_POINTS ? mark->points : HZ_LIVE_POINTS;
	hz_stroke_draw(&with, &(struct hz_stroke){.kind = (enum hz_stroke_kind)mark->kind,
	                                          .rgb = mark->colour,
	                                          .points = points,
	                                          .point = mark->point,
	                                          .text = mark->text});
}

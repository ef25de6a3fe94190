// The picture of a room: tiles with pictures, names, cards, the bar with title, clock and recording sign. Only what changed is
// drawn again; tiles move to where they belong within HZ_STAGE_EASE_US. Thread: one. Times: now_us.
#ifndef HZ_MEDIA_MOSAIC_STAGE_H
#define HZ_MEDIA_MOSAIC_STAGE_H

#include "media/mosaic/scene.h"
#include "media/mosaic/source.h"
#include "media/picture/blit.h"
#include "media/picture/text.h"

#define HZ_STAGE_WIDTH   1280
#define HZ_STAGE_HEIGHT  720
#define HZ_STAGE_EASE_US 300000

struct hz_stage_tile {                          // what is wanted
	const struct hz_mosaic_member_set *set; // valid during the call
	bool speaks;
};

struct hz_mosaic_stage;
// text: stays the caller's; NULL: nothing is written. -ENOMEM.
int hz_mosaic_stage_new(struct hz_text *text, struct hz_mosaic_stage **ret);
void hz_mosaic_stage_free(struct hz_mosaic_stage *stage); // NULL allowed

void hz_mosaic_stage_room(struct hz_mosaic_stage *stage, const struct hz_mosaic_room_set *room);
// tile: as the scene's. True: something else is shown, or somewhere else, than before.
bool hz_mosaic_stage_arrange(struct hz_mosaic_stage *stage, const struct hz_mosaic_scene *scene,
                             const struct hz_stage_tile *tile, int64_t now_us);

typedef void hz_stage_picture_fn(void *ctx, uint32_t member, struct hz_source_picture *ret);
struct hz_stage_now {
	int64_t now_us, wall_us;
	void *ctx;
	hz_stage_picture_fn *picture; // of a member
};
// Draws the moment. ret_age_us: of the pictures that were drawn anew, mean time since they were captured; untouched without one.
void hz_mosaic_stage_draw(struct hz_mosaic_stage *stage, const struct hz_stage_now *now, int64_t *ret_age_us);

const struct hz_canvas *hz_mosaic_stage_canvas(const struct hz_mosaic_stage *stage);
// Whose picture has a place, and what is told of it.
bool hz_mosaic_stage_shows(const struct hz_mosaic_stage *stage, uint32_t member);
void hz_mosaic_stage_tiles(const struct hz_mosaic_stage *stage, struct hz_mosaic_tiles *ret);

#endif

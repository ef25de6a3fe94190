// Who is shown and who is large: from what control says of a room and who speaks. Pure; thread: one. Times: now_us.
#ifndef HZ_MEDIA_MOSAIC_SCENE_H
#define HZ_MEDIA_MOSAIC_SCENE_H

#include <stdbool.h>

#include "media/mosaic/api.h"

#define HZ_MOSAIC_FLOOR_US 2000000 // who has the floor keeps it so long after the last word

struct hz_floor { // all zero: nobody spoke
	uint32_t person;
	int64_t heard_us;
	uint32_t speakers[HZ_MOSAIC_SPEAKERS];
	unsigned count;
};
void hz_floor_set(struct hz_floor *floor, const uint32_t *persons, unsigned count, int64_t now_us);
void hz_floor_poll(struct hz_floor *floor, int64_t now_us);
bool hz_floor_speaks(const struct hz_floor *floor, uint32_t person);

struct hz_mosaic_scene {
	uint8_t layout; // never HZ_MOSAIC_AUTO
	unsigned count;
	int large;      // index of tile[], -1: a grid
	unsigned strip; // as in struct hz_layout_want
	bool corner;
	uint8_t tile[HZ_MOSAIC_MEMBERS]; // index of the members given
};
// members: in their order.
void hz_mosaic_scene_make(const struct hz_mosaic_room_set *room, const struct hz_floor *floor,
                          const struct hz_mosaic_member_set *const *members, unsigned count,
                          struct hz_mosaic_scene *ret);

#endif

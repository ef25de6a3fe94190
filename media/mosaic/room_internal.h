// A room, for room.c (who is in it and what is encoded of it) and room_tick.c (what each tick draws, encodes and tells).
#ifndef HZ_MEDIA_MOSAIC_ROOM_INTERNAL_H
#define HZ_MEDIA_MOSAIC_ROOM_INTERNAL_H

#include "media/mosaic/rendition.h"
#include "media/mosaic/room.h"
#include "media/mosaic/scene.h"
#include "media/mosaic/solo.h"
#include "media/mosaic/source.h"
#include "media/mosaic/stage.h"

struct hz_mosaic_member {
	struct hz_mosaic_member_set set;
	struct hz_source *source; // NULL: the place is free
	uint32_t named;
};

struct hz_mosaic_room_rendition {
	uint32_t id; // 0: the place is free
	uint32_t named;
	struct hz_rendition *encode;
	struct hz_solo *solo; // a programme; NULL: of the composed picture
};

struct hz_mosaic_room {
	struct hz_mosaic_room_with with;
	struct hz_mosaic_room_set set;
	uint32_t named;
	struct hz_floor floor;
	struct hz_mosaic_member member[HZ_MOSAIC_MEMBERS];
	struct hz_mosaic_member *sorted[HZ_MOSAIC_MEMBERS];
	unsigned members;
	struct hz_mosaic_room_rendition rendition[HZ_MOSAIC_RENDITIONS];
	struct hz_mosaic_stage *stage;
	int64_t due_us, begin_us, encoded_us, age_us;
	bool watched, composed, told; // watched: any rendition is; composed: one of the whole picture
	struct hz_mosaic_status count;
	struct hz_source_counts pictures;
};

// NULL: there is nobody of that id.
struct hz_mosaic_member *hz_mosaic_room_find_member(const struct hz_mosaic_room *room, uint32_t id);

#endif

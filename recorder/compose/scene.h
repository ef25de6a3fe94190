// The room at one moment: who is in it, with which pictures, who is large. From the record's events. No rendering in here.
//
// Layout: what a host's page reported last. A large picture that was chosen by hand, or shared content, stays as reported;
// else whoever has the floor is large, the host too (nobody sees himself large in his own page, everybody else does). Without
// a report: shared content large, up to two tiles side by side, more with the floor's owner large.
//
// Who was there without consent has a tile with his name that says so, never a picture; they have no track to begin with.
#ifndef HZ_RECORDER_COMPOSE_SCENE_H
#define HZ_RECORDER_COMPOSE_SCENE_H

#include "recorder/compose/input.h"

#define HZ_SCENE_TILES    512
#define HZ_SCENE_HOLD_MS  5000 // a picture that stands still is shown so long
#define HZ_SCENE_FLOOR_MS 2000 // who has the floor keeps it so long after the last word
#define HZ_SCENE_GAP_MS   2000 // between two files of a source it is held, not gone

enum hz_scene_state {
	HZ_SCENE_PICTURE = 1, // a picture, as far as its track has one
	HZ_SCENE_OFF,         // its owner switched it off
	HZ_SCENE_SOUND,       // there is no picture
	HZ_SCENE_UNRECORDED,  // no consent
};

struct hz_scene_tile {
	unsigned person;
	uint8_t source; // enum hz_input_source; of PICTURE and OFF
	enum hz_scene_state state;
	bool muted, speaking;
};

struct hz_scene_at {
	unsigned count;
	int large; // -1: a grid
	struct hz_scene_tile tile[HZ_SCENE_TILES];
};

struct hz_scene;
int hz_scene_new(const struct hz_input *input, struct hz_scene **ret); // -ENOMEM; input outlives it
void hz_scene_free(struct hz_scene *scene);                            // NULL allowed
// Times never go back.
void hz_scene_at(struct hz_scene *scene, int64_t at_ms, struct hz_scene_at *ret);

#endif

// A scene drawn: tiles with pictures, names, placeholders, clock. Only what changed is drawn again. Thread: one.
#ifndef HZ_RECORDER_COMPOSE_STAGE_H
#define HZ_RECORDER_COMPOSE_STAGE_H

#include <libavutil/frame.h>

#include "media/picture/blit.h"
#include "recorder/compose/drawn.h"
#include "recorder/compose/scene.h"
#include "media/picture/text.h"

#define HZ_STAGE_HOLD_CONTENT_MS 30000 // screens and images that stand still send little

struct hz_stage;

struct hz_stage_with {
	const struct hz_input *input;
	struct hz_canvas *canvas; // stays the caller's, like text
	struct hz_text *text;
	bool captions;
	int utc_offset_min;           // of the clock
	const struct hz_drawn *drawn; // over pictures, moved on by the caller; NULL: nothing
};

struct hz_stage_picture {     // what a tile's source has now
	const AVFrame *frame; // NULL: none yet
	int64_t us;           // its time
	uint64_t serial;
};

int hz_stage_new(const struct hz_stage_with *with, struct hz_stage **ret); // -ENOMEM
void hz_stage_free(struct hz_stage *stage);                                // NULL allowed

void hz_stage_set(struct hz_stage *stage, const struct hz_scene_at *scene);
// Is this source's picture shown?
bool hz_stage_shows(const struct hz_stage *stage, unsigned person, uint8_t source);

// Draws the moment. of: asks for a tile's picture. Returns how many tiles have a live picture.
typedef struct hz_stage_picture hz_stage_picture_cb(void *arg, unsigned person, uint8_t source);
unsigned hz_stage_draw(struct hz_stage *stage, int64_t us, hz_stage_picture_cb *of, void *arg);

#endif

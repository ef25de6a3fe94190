// A record's finalised tracks -> composed.mp4, poster.jpg and strip.jpg in its folder, and their entries in manifest.json.
// The same tracks, manifest and options give the same bytes. Written beside and renamed: a run that ends anywhere leaves what
// was there before; running it again is always right. Thread: one; each picture and x264 have their own.
#ifndef HZ_RECORDER_COMPOSE_COMPOSE_H
#define HZ_RECORDER_COMPOSE_COMPOSE_H

#include "recorder/compose/input.h"
#include "media/picture/text.h"

struct hz_compose_options {
	int width, height, rate; // 1280, 720, 25
	bool captions;           // names under the pictures
	int utc_offset_min;      // of the clock that is drawn
	int threads;             // of x264
};

struct hz_compose_result {
	uint64_t frames; // 0: there was nothing to compose, and no file
	int64_t duration_ms;
};

// In the current folder, which is the record's. -errno, ret_error: one line.
int hz_compose(const struct hz_input *input, const struct hz_compose_options *options, struct hz_text *text,
               char ret_error[HZ_INPUT_ERROR], struct hz_compose_result *ret);

#endif

// The pictures of one source of one person over the whole record: its files one after the other, and at each moment the
// newest frame. A later file takes over where it begins. Thread: one.
#ifndef HZ_RECORDER_COMPOSE_PICTURE_H
#define HZ_RECORDER_COMPOSE_PICTURE_H

#include "recorder/compose/clip.h"
#include "recorder/compose/input.h"

struct hz_picture;

// ret: NULL where there are no such files.
int hz_picture_new(const struct hz_input *input, unsigned person, uint8_t source, struct hz_picture **ret);
void hz_picture_free(struct hz_picture *picture); // NULL allowed

// Moves on to a time of the record, which never goes back. seen: else only keyframes are decoded. -errno as hz_clip_open().
int hz_picture_at(struct hz_picture *picture, int64_t us, bool seen, char ret_error[HZ_CLIP_ERROR]);

// The newest frame, NULL before the first; its time, and a number that changes with it.
const AVFrame *hz_picture_frame(const struct hz_picture *picture, int64_t *ret_us, uint64_t *ret_serial);

#endif

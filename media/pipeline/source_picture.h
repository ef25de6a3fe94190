// Thumbnails: a keyframe, decoded, made small, as JPEG. Thread: main; it never waits.
#ifndef HZ_MEDIA_PIPELINE_SOURCE_PICTURE_H
#define HZ_MEDIA_PIPELINE_SOURCE_PICTURE_H

#include <gst/gst.h>
#include <stdbool.h>

struct hz_picture;

// keyframe: an access unit with its parameter sets; taken over. NULL: nothing can be made of it.
struct hz_picture *hz_picture_new(GstBuffer *keyframe);
// 1: *ret_jpeg (unref it); 0: not yet; -1: there will be none.
int hz_picture_poll(struct hz_picture *picture, GstBuffer **ret_jpeg);
void hz_picture_free(struct hz_picture *picture); // NULL allowed

#endif

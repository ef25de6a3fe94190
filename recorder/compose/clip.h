// One stream of one file of a record, decoded: pictures or sound. Only what finalising writes is taken: MP4 or WebM; H.264,
// VP8, VP9, AV1; Opus. Damage inside of a stream is concealed or left out, as a receiver would; a file that is not what it
// should be is an error. Thread: one; decodes in the calling thread.
#ifndef HZ_RECORDER_COMPOSE_CLIP_H
#define HZ_RECORDER_COMPOSE_CLIP_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

#define HZ_CLIP_WIDTH  4096 // larger pictures are damage
#define HZ_CLIP_PIXELS (4096 * 2304)
#define HZ_CLIP_ERROR  256

struct hz_clip;

// path: relative to the current folder. -EBADMSG, ret_error: one line; -ENOMEM.
int hz_clip_open(const char *path, bool video, char ret_error[HZ_CLIP_ERROR], struct hz_clip **ret);
void hz_clip_close(struct hz_clip *clip); // NULL allowed

// 1: a frame, its time from the file's begin; 0: the end; 2: nothing yet, see below; -EBADMSG: cut off or damaged beyond
// reading, -ENOMEM.
int hz_clip_next(struct hz_clip *clip, AVFrame *frame, int64_t *ret_us);

// For a picture that nobody sees: decode keyframes only, and read no further than a time of the file. Whoever sees it again
// has it from the next keyframe on, unless nothing was left out.
void hz_clip_keys_only(struct hz_clip *clip, bool on, int64_t until_us);

#endif

// One encode of a room's picture: when the next one is due, how fine it is, keyframes, RTP. Thread: one. Times: now_us.
#ifndef HZ_MEDIA_LIVE_STREAM_H
#define HZ_MEDIA_LIVE_STREAM_H

#include <stdbool.h>

#include "media/live/api.h"
#include "media/picture/canvas.h"

#define HZ_LIVE_FRAME_US      33000   // between two pictures of what moves
#define HZ_LIVE_REFINE_US     40000   // and of what is refined
#define HZ_LIVE_REST_US       1000000 // and of what rests: empty ones, for who has just come and for who counts
#define HZ_LIVE_KEY_US        300000 // between two keyframes that were asked for
#define HZ_LIVE_REPORT_US     1000000
#define HZ_LIVE_RATE_BPS      2000000u
#define HZ_LIVE_CAPTION(side) ((side) / 16) // the line under the picture

struct hz_live_stream;
struct hz_live_sink {
	void *ctx;
	// A packet for the consult's relay peer on each of these workers; kind: enum hz_ring_kind.
	void (*send)(void *ctx, uint64_t workers, uint32_t consult, unsigned kind, const uint8_t *data,
	             size_t bytes);
};

int hz_live_stream_new(const struct hz_live_sink *sink, struct hz_live_stream **ret); // -ENOMEM
void hz_live_stream_free(struct hz_live_stream *stream);                              // NULL allowed
// -EINVAL; -ENOTSUP, -ENOMEM: no encoder, it is as before.
int hz_live_stream_set(struct hz_live_stream *stream, const struct hz_live_rendition_set *set);
const struct hz_live_rendition_set *hz_live_stream_get(const struct hz_live_stream *stream);
void hz_live_stream_ask(struct hz_live_stream *stream); // for a keyframe
struct hz_canvas *hz_live_stream_canvas(struct hz_live_stream *stream);
void hz_live_stream_shows(struct hz_live_stream *stream,
                          uint64_t drawing); // its canvas is another picture now
uint64_t hz_live_stream_shown(const struct hz_live_stream *stream);

// When something is due, for a room whose picture is `drawing`; INT64_MAX: never.
int64_t hz_live_stream_due(const struct hz_live_stream *stream, uint64_t drawing, int64_t now_us);
struct hz_live_moment {
	int64_t now_us, wall_us;
};
// 1: a picture was made; ret_key: a keyframe. 0: nothing was due; -errno: the encoder failed, and is made anew.
int hz_live_stream_put(struct hz_live_stream *stream, const struct hz_live_moment *moment, bool *ret_key);

#endif

// One encode of a room's picture: scaled, encoded, put into RTP, for as many as watch. Thread: one. Times: now_us.
#ifndef HZ_MEDIA_MOSAIC_RENDITION_H
#define HZ_MEDIA_MOSAIC_RENDITION_H

#include "media/mosaic/api.h"
#include "media/picture/canvas.h"

#define HZ_RENDITION_KEY_US    300000  // between two keyframes that were asked for
#define HZ_RENDITION_REPORT_US 1000000 // between two sender reports

struct hz_rendition;
struct hz_rendition_sink {
	void *ctx;
	// A packet for the consult's relay peer on each of these workers; kind: enum hz_ring_kind.
	void (*send)(void *ctx, uint64_t workers, unsigned kind, const uint8_t *data, size_t bytes);
};

int hz_rendition_new(const struct hz_rendition_sink *sink, struct hz_rendition **ret); // -ENOMEM
void hz_rendition_free(struct hz_rendition *rendition);                                // NULL allowed

// -EINVAL; -EEXIST: another codec than before; -ENOTSUP, -ENOMEM: no encoder, the rendition is as before.
int hz_rendition_set(struct hz_rendition *rendition, const struct hz_mosaic_rendition_set *set);
const struct hz_mosaic_rendition_set *hz_rendition_get(const struct hz_rendition *rendition);

void hz_rendition_ask(struct hz_rendition *rendition); // for a keyframe

struct hz_rendition_moment {
	int64_t now_us, wall_us;
	int64_t age_us; // how long before now what is shown was captured
	uint32_t rtp_ts;
};
// A sender report, where there were pictures and one is due: before this tick's are drawn, while now is now.
void hz_rendition_report(struct hz_rendition *rendition, const struct hz_rendition_moment *moment);
// 1: encoded; 0: nobody watches; -errno: the encoder failed, and is made anew for the next picture. ret_key: it was a keyframe.
int hz_rendition_put(struct hz_rendition *rendition, const struct hz_canvas *canvas,
                     const struct hz_rendition_moment *moment, bool *ret_key);

#endif

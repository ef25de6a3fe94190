// The live lane's encoder (libavcodec): H.264 Constrained Baseline by x264, made for greys that move and then rest. One
// thread, no delay. The rate is bounded by a buffer of a quarter of a second; below that bound the wanted fineness decides,
// which grows while the picture rests. Thread: one.
#ifndef HZ_MEDIA_LIVE_ENCODER_H
#define HZ_MEDIA_LIVE_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/picture/canvas.h"

#define HZ_LIVE_HZ    25u // pictures a second that the rate is counted with
#define HZ_LIVE_STEPS 12u // pictures from moving to the finest

void hz_live_encoder_quiet(void); // its libraries write nothing to stderr

struct hz_live_encoder;
struct hz_live_encoder_with {
	uint8_t codec; // HZ_CODEC_H264_CB, HZ_CODEC_VP8 (as fine as its rate makes it)
	int width, height;
	uint32_t bitrate_bps;
};
int hz_live_encoder_new(const struct hz_live_encoder_with *with,
                        struct hz_live_encoder **ret);      // -ENOTSUP, -ENOMEM
void hz_live_encoder_free(struct hz_live_encoder *encoder); // NULL allowed
void hz_live_encoder_rate(struct hz_live_encoder *encoder, uint32_t bitrate_bps);

struct hz_live_encoded {
	const uint8_t *data; // until the next call
	size_t bytes;
	bool key;
};
// step: pictures since the last change, from 0. 0; -EIO.
int hz_live_encoder_put(struct hz_live_encoder *encoder, const struct hz_canvas *canvas, unsigned step,
                        bool key, struct hz_live_encoded *ret);

#endif

// Live encoders (libavcodec): H.264 Constrained Baseline by x264, VP8 by libvpx. One thread, no delay: one picture in, its bytes
// out. A bounded rate (VBV of half a second), a keyframe when asked and every 10 s. Thread: one.
#ifndef HZ_MEDIA_MOSAIC_ENCODER_H
#define HZ_MEDIA_MOSAIC_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/picture/canvas.h"

#define HZ_ENCODER_HZ 25 // pictures a second

struct hz_encoder;

struct hz_encoder_with {
	uint8_t codec; // HZ_CODEC_H264_CB, HZ_CODEC_VP8
	int width, height;
	uint32_t bitrate_bps;
};

int hz_encoder_new(const struct hz_encoder_with *with, struct hz_encoder **ret); // -ENOTSUP, -ENOMEM
void hz_encoder_free(struct hz_encoder *encoder);                                // NULL allowed

struct hz_encoded {
	const uint8_t *data; // until the next call
	size_t bytes;
	bool key;
};
// number: of the picture, goes up. 0; -EIO.
int hz_encoder_put(struct hz_encoder *encoder, const struct hz_canvas *canvas, int64_t number, bool key,
                   struct hz_encoded *ret);

#endif

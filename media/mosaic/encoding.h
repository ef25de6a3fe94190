// What live encoders have in common, those of the composed picture (encoder.h) and those of the images as a picture
// (media/live/encoder.h): the picture that libavcodec is told of, and one of them in, its bytes out. Thread: the encoder's.
#ifndef HZ_MEDIA_MOSAIC_ENCODING_H
#define HZ_MEDIA_MOSAIC_ENCODING_H

#include <stdbool.h>
#include <stdint.h>

#include <libavcodec/avcodec.h>

#include "media/picture/canvas.h"

struct hz_encoding {
	AVCodecContext *codec; // all owned
	AVPacket *packet;      // what came of the newest picture
	AVFrame *frame;
};

int hz_encoding_init(
    struct hz_encoding *encoding); // zeroed before; -ENOMEM: hz_encoding_done() frees what there is
void hz_encoding_done(struct hz_encoding *encoding);

// A codec that is not open yet: 4:2:0 with the colours that browsers make of cameras, `hz` pictures a second, one thread, nothing
// out of order. encoder: "libx264". -ENOTSUP: there is none of this name; -ENOMEM.
int hz_encoding_choose(struct hz_encoding *encoding, const char *encoder, int width, int height, int hz);
int hz_encoding_open(const struct hz_encoding *encoding); // -ENOTSUP

// The canvas is read before it returns. number: goes up. 0: encoding->packet is the picture; -EIO.
int hz_encoding_put(const struct hz_encoding *encoding, const struct hz_canvas *canvas, int64_t number,
                    bool key);

#endif

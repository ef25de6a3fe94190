// One stream's decoder (libavcodec; H.264, VP8): whole frames in, pictures out at once. One thread, no reordering beyond what the
// stream itself demands. Thread: one.
#ifndef HZ_MEDIA_MOSAIC_DECODER_H
#define HZ_MEDIA_MOSAIC_DECODER_H

#include <stddef.h>
#include <stdint.h>

#include <libavutil/frame.h>

#define HZ_DECODER_PIXELS (3840 * 2160) // larger pictures are not decoded

struct hz_decoder;
int hz_decoder_new(uint8_t codec, struct hz_decoder **ret); // enum hz_codec. -ENOTSUP, -ENOMEM
void hz_decoder_free(struct hz_decoder *decoder);           // NULL allowed

// data: with 64 more bytes that may be read. 1: *ret holds a new picture, whose pts is ts of the frame it came with; 0: none yet;
// -EBADMSG: damaged: nothing is to be shown until a keyframe.
int hz_decoder_put(struct hz_decoder *decoder, uint8_t *data, size_t bytes, uint32_t ts, AVFrame *ret);

#endif

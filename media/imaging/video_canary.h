// Parts of a picture that its decoder never wrote: a mark in the middle of each 16 x 16 samples, in both fields, before it begins. The
// decoders of libavcodec leave what a slice did not bring as it was, mostly without a word.
#ifndef HZ_MEDIA_IMAGING_VIDEO_CANARY_H
#define HZ_MEDIA_IMAGING_VIDEO_CANARY_H

#include <libavcodec/avcodec.h>
#include <stdbool.h>

// A context's get_buffer2; its opaque is an unsigned that counts the pictures.
int hz_video_canary_buffer(AVCodecContext *context, AVFrame *frame, int flags);
bool hz_video_canary_alive(const AVFrame *frame); // something was not written

#endif

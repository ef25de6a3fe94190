// Pictures set upright: what a phone that is held sideways sends says by how much (3GPP TS 26.114 7.4.5). Thread: any.
#ifndef HZ_MEDIA_PICTURE_TURN_H
#define HZ_MEDIA_PICTURE_TURN_H

#include <libavutil/frame.h>

// quarters: clockwise, 1..3. *to keeps its memory between calls of one size. 0; -ENOTSUP: a pixel format of no camera; -ENOMEM.
int hz_turn_frame(const AVFrame *from, unsigned quarters, AVFrame *to);

#endif

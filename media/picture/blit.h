// Decoded frames onto a canvas, and canvases into JPEG files. Thread: one a blit.
#ifndef HZ_MEDIA_PICTURE_BLIT_H
#define HZ_MEDIA_PICTURE_BLIT_H

#include <libavutil/frame.h>

#include "media/picture/canvas.h"

struct hz_blit; // keeps a scaler

struct hz_blit *hz_blit_new(void);       // NULL: no memory. The same bytes on all processors
struct hz_blit *hz_blit_new_fast(void);  // not so
void hz_blit_free(struct hz_blit *blit); // NULL allowed

// The whole frame, scaled, into the middle of box; what is left of box is filled. -ENOTSUP: a pixel format of no camera.
int hz_blit_frame(struct hz_blit *blit, struct hz_canvas *canvas, struct hz_rect box, const AVFrame *frame);
// One canvas, smaller, onto another.
int hz_blit_canvas(struct hz_blit *blit, struct hz_canvas *to, struct hz_rect box,
                   const struct hz_canvas *from);
// quality: 2 best .. 31. The file is written beside, synced and renamed.
int hz_blit_jpeg(struct hz_blit *blit, const struct hz_canvas *canvas, int quality, const char *path);

int hz_canvas_new(int width, int height, struct hz_canvas *ret);         // -ENOMEM
void hz_canvas_free(struct hz_canvas *canvas);                           // of hz_canvas_new()
void hz_canvas_copy(struct hz_canvas *to, const struct hz_canvas *from); // of the same size

#endif

// One source by itself with its masks painted over (hz_mosaic_rendition_set.member): painted on a copy of the decoded picture, before
// it is scaled. What cannot be painted is not shown. Thread: one. Times: now_us.
#ifndef HZ_MEDIA_MOSAIC_SOLO_H
#define HZ_MEDIA_MOSAIC_SOLO_H

#include <stdbool.h>

#include "media/mosaic/api.h"
#include "media/mosaic/source.h"
#include "media/picture/canvas.h"

#define HZ_SOLO_STILL_US 200000 // a picture that stands still is encoded again after this time

// Of a rendition: what it says of member and masks is in order; two say the same.
bool hz_solo_good(const struct hz_mosaic_rendition_set *set);
bool hz_solo_same(const struct hz_mosaic_rendition_set *a, const struct hz_mosaic_rendition_set *b);

struct hz_solo;
int hz_solo_new(struct hz_solo **ret);   // -ENOMEM
void hz_solo_free(struct hz_solo *solo); // NULL allowed

// True: canvas (hz_solo_canvas) shows a picture of set, and one is due to be encoded. picture: of its member; its frame NULL: there is
// none. A set with another SSRC begins anew: pictures that came before now are not shown, though they be decoded later.
bool hz_solo_draw(struct hz_solo *solo, const struct hz_mosaic_rendition_set *set,
                  const struct hz_source_picture *picture, int64_t now_us);
const struct hz_canvas *hz_solo_canvas(const struct hz_solo *solo); // 1280x720
// Nothing is shown yet, and HZ_SOURCE_ASK_US went by since this was true: the source is to send a keyframe. Counts as asked.
bool hz_solo_asks(struct hz_solo *solo, int64_t now_us);
int64_t hz_solo_age_us(const struct hz_solo *solo); // of what is drawn, when it was

#endif

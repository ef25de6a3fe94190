// A programme (hz_mosaic_rendition_set.member): one source by itself or up to four, each with its masks painted over, on a copy of the
// decoded picture, before it is scaled. What cannot be painted is not shown. Thread: one. Times: now_us.
#ifndef HZ_MEDIA_MOSAIC_SOLO_H
#define HZ_MEDIA_MOSAIC_SOLO_H

#include <stdbool.h>

#include "media/mosaic/api.h"
#include "media/mosaic/source.h"
#include "media/picture/canvas.h"

#define HZ_SOLO_STILL_US 200000  // a picture that stands still is encoded again after this time
#define HZ_SOLO_WAIT_US  1500000 // so long those that have a picture wait for those that have none yet

// Of a rendition: what it says of members, masks and layout is in order; two say the same.
bool hz_solo_good(const struct hz_mosaic_rendition_set *set);
bool hz_solo_same(const struct hz_mosaic_rendition_set *a, const struct hz_mosaic_rendition_set *b);
// Its sources: at most HZ_MOSAIC_PARTS, 0 of the composed picture; the member of each.
unsigned hz_solo_parts(const struct hz_mosaic_rendition_set *set);
uint32_t hz_solo_member(const struct hz_mosaic_rendition_set *set, unsigned part);

struct hz_solo;
int hz_solo_new(struct hz_solo **ret);   // -ENOMEM
void hz_solo_free(struct hz_solo *solo); // NULL allowed

// True: canvas (hz_solo_canvas) shows a picture of set, and one is due to be encoded. picture: of each part; its frame NULL: there is
// none. A set with another SSRC begins anew: pictures that came before now are not shown, though they be decoded later.
bool hz_solo_draw(struct hz_solo *solo, const struct hz_mosaic_rendition_set *set,
                  const struct hz_source_picture *picture, int64_t now_us);
const struct hz_canvas *hz_solo_canvas(const struct hz_solo *solo); // 1280x720
// Nothing is shown of this part yet, and HZ_SOURCE_ASK_US went by since this was true: it is to send a keyframe. Counts as asked.
bool hz_solo_asks(struct hz_solo *solo, unsigned part, int64_t now_us);
int64_t hz_solo_age_us(const struct hz_solo *solo); // of the first that is drawn, when it was

#endif

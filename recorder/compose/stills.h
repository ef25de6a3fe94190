// Pictures of the record: a poster, and a contact strip of twelve moments with their times. Thread: one.
#ifndef HZ_RECORDER_COMPOSE_STILLS_H
#define HZ_RECORDER_COMPOSE_STILLS_H

#include <stdint.h>

#include "media/picture/blit.h"
#include "media/picture/text.h"

#define HZ_STILLS_COLUMNS 4
#define HZ_STILLS_ROWS    3
#define HZ_STILLS_WIDTH   320 // of each; the height follows the movie's shape

struct hz_stills;

// frames: that will be shown.
int hz_stills_new(const struct hz_canvas *shape, uint64_t frames, int rate, struct hz_text *text,
                  struct hz_stills **ret);     // -ENOMEM
void hz_stills_free(struct hz_stills *stills); // NULL allowed
// Each frame of the movie, once; live: tiles with a picture. The poster is the moment of the twelve with most of them.
int hz_stills_frame(struct hz_stills *stills, const struct hz_canvas *canvas, unsigned live);
int hz_stills_write(struct hz_stills *stills, const char *poster, const char *strip); // -errno
void hz_stills_sizes(const struct hz_stills *stills, int ret_poster[2], int ret_strip[2]);

#endif

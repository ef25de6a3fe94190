// What stands where there is no picture, and the words around pictures: the same live and in a record. Thread: one.
#ifndef HZ_MEDIA_PICTURE_CARD_H
#define HZ_MEDIA_PICTURE_CARD_H

#include "media/picture/text.h"

struct hz_card {
	struct hz_rect rect;
	const char *name;   // its first character in a disc
	const char *status; // below; "": nothing
	bool named;         // the name below as well: no caption has it
};
void hz_card_draw(struct hz_text *text, struct hz_canvas *canvas, const struct hz_card *card);

// "2026-11-21 14:03:27 UTC+08:00"
void hz_card_clock(int64_t wall_ms, int utc_offset_min, char ret[40]);

#endif

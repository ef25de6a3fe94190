// The images on a consult's table as a picture: which image each pane shows, drawn when anything has changed, encoded for as
// many renditions as are watched. Thread: one. Times: now_us.
#ifndef HZ_MEDIA_LIVE_ROOM_H
#define HZ_MEDIA_LIVE_ROOM_H

#include "media/live/library.h"
#include "media/live/stream.h"
#include "media/picture/text.h"

struct hz_live_room;
struct hz_live_room_with {
	struct hz_live_library *library;
	struct hz_text *text; // NULL: no words
	struct hz_live_sink sink;
};
int hz_live_room_new(const struct hz_live_room_with *with, uint32_t consult,
                     struct hz_live_room **ret);   // -ENOMEM
void hz_live_room_free(struct hz_live_room *room); // NULL allowed
uint32_t hz_live_room_consult(const struct hz_live_room *room);

// round: of the BEGIN … END that names it.
int hz_live_room_set(struct hz_live_room *room, const struct hz_live_room_set *set, uint32_t round,
                     int64_t now_us);
int hz_live_room_rendition(struct hz_live_room *room, const struct hz_live_rendition_set *set,
                           uint32_t round);
int hz_live_room_rendition_del(struct hz_live_room *room, uint32_t rendition); // -ENOENT
int hz_live_room_mark(struct hz_live_room *room, const struct hz_live_mark_set *set, uint32_t round);
int hz_live_room_mark_del(struct hz_live_room *room, uint32_t mark); // -ENOENT
bool hz_live_room_sweep(struct hz_live_room *room, uint32_t round);  // false: it was not named itself
bool hz_live_room_ask(struct hz_live_room *room, uint32_t ssrc);     // a keyframe; false: nobody's

void hz_live_room_news(struct hz_live_room *room); // an image has come, or has failed
// Does what is due; when to call again, INT64_MAX.
int64_t hz_live_room_tick(struct hz_live_room *room, const struct hz_live_moment *moment);
void hz_live_room_count(const struct hz_live_room *room, struct hz_live_status *add);

#endif

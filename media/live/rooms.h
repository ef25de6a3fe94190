// All consults whose images are drawn: control's wishes in, records of the rings in and out. No I/O, no clock, single thread.
// Times: now_us of one clock.
#ifndef HZ_MEDIA_LIVE_ROOMS_H
#define HZ_MEDIA_LIVE_ROOMS_H

#include "media/live/room.h"

struct hz_lane;
struct hz_lane_ops {
	void *ctx;
	void (*send)(void *ctx, uint64_t workers, uint32_t consult, unsigned kind, const uint8_t *data,
	             size_t bytes);
	bool (*want)(void *ctx, const struct hz_live_want *want); // false: not now
	void (*trying)(void *ctx, const struct hz_live_ref *what);
};

// text: stays the caller's; NULL: no words. -ENOMEM.
int hz_lane_new(const struct hz_lane_ops *ops, struct hz_text *text, struct hz_lane **ret);
void hz_lane_free(struct hz_lane *live); // NULL allowed

// One message of media/live/api.h, as it came; fd: with a GIVE, taken over in any case. 0; -errno: it was left out.
int hz_lane_command(struct hz_lane *live, const void *message, size_t bytes, int fd, int64_t now_us);
// RTCP of a relay peer.
void hz_lane_take(struct hz_lane *live, uint32_t consult, const uint8_t *data, size_t bytes);
// Does what is due; returns when to call again, INT64_MAX while nobody watches.
int64_t hz_lane_tick(struct hz_lane *live, const struct hz_live_moment *moment);
void hz_lane_status(const struct hz_lane *live, struct hz_live_status *ret); // the header is the caller's

#endif

// All consults with a composed picture: control's wishes in, records of the rings in and out. No I/O, no clock, single thread;
// memory is taken when a room, a member or a rendition comes. Times: now_us of one clock.
#ifndef HZ_MEDIA_MOSAIC_ROOMS_H
#define HZ_MEDIA_MOSAIC_ROOMS_H

#include "media/mosaic/room.h"

#define HZ_MOSAIC_BEHIND_US 120000 // records that waited so long: show less
#define HZ_MOSAIC_STALE_US  600000 // so long: they are left out, which the next keyframe mends

struct hz_mosaic;

// text: stays the caller's; NULL: nothing is written. -EINVAL, -ENOMEM.
int hz_mosaic_new(const struct hz_mosaic_ops *ops, unsigned workers, struct hz_text *text,
                  struct hz_mosaic **ret);
void hz_mosaic_free(struct hz_mosaic *mosaic); // NULL allowed

// One message of media/mosaic/api.h, as it came: 0, or what the ACK says. ret_object: whom it names; 0: nobody.
int hz_mosaic_command(struct hz_mosaic *mosaic, const void *message, size_t bytes, int64_t now_us,
                      uint32_t *ret_object);

// A record of a relay peer. What is of nobody is counted and left.
struct hz_mosaic_record {
	unsigned worker;
	uint32_t consult;
	unsigned kind; // enum hz_ring_kind
	const uint8_t *data;
	size_t bytes;
	int64_t arrival_us;
};
void hz_mosaic_take(struct hz_mosaic *mosaic, const struct hz_mosaic_record *record, int64_t now_us);

// Does what is due; returns when to call again, INT64_MAX while nobody watches.
int64_t hz_mosaic_tick(struct hz_mosaic *mosaic, int64_t now_us, int64_t wall_us);

// Fills in the counts; the header is the caller's. Tells again what rooms show where that failed.
void hz_mosaic_status(struct hz_mosaic *mosaic, struct hz_mosaic_status *ret);

#endif

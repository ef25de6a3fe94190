// RTP packets of one stream, put in order: those that come in order pass at once; behind a gap they wait for what the worker's
// link repairs, HZ_ORDER_WAIT_US at most. Bounded: HZ_ORDER_PACKETS copies. Pure; thread: one. Times: now_us.
#ifndef HZ_MEDIA_MOSAIC_ORDER_H
#define HZ_MEDIA_MOSAIC_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_ORDER_PACKETS 256u
#define HZ_ORDER_WAIT_US 80000
#define HZ_TURN_UNSAID   0xffu

struct hz_mosaic_packet {
	const uint8_t *payload; // valid during the call
	size_t bytes;           // 0: padding
	uint32_t ts;
	int64_t arrival_us;
	uint8_t pt;
	bool marker;
	bool gap;     // something before it is missing for good
	uint8_t turn; // of the last packet of a picture: quarters clockwise, or HZ_TURN_UNSAID
};
typedef void hz_mosaic_order_emit_fn(void *ctx, const struct hz_mosaic_packet *packet);

struct hz_mosaic_order;
struct hz_mosaic_order_sink {
	void *ctx;
	hz_mosaic_order_emit_fn *emit; // must not call back
};

int hz_mosaic_order_new(const struct hz_mosaic_order_sink *sink, struct hz_mosaic_order **ret); // -ENOMEM
void hz_mosaic_order_free(struct hz_mosaic_order *order); // NULL allowed
// `gap` is for the order to say.
void hz_mosaic_order_put(struct hz_mosaic_order *order, uint16_t seq, const struct hz_mosaic_packet *packet,
                         int64_t now_us);
void hz_mosaic_order_poll(struct hz_mosaic_order *order,
                          int64_t now_us);                 // lets go of gaps that waited long enough
void hz_mosaic_order_reset(struct hz_mosaic_order *order); // as new

#endif

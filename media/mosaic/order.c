#include "media/mosaic/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/seq.h"

#define OLD 1000 // further back: the stream may have begun anew

struct held {
	struct hz_mosaic_packet packet;
	uint8_t payload[];
};

struct hz_mosaic_order {
	struct hz_mosaic_order_sink sink;
	struct held *slot[HZ_ORDER_PACKETS]; // by sequence number
	unsigned count;
	uint16_t next; // to be handed on
	uint16_t bad;  // next one of a suspected new beginning
	bool started, suspects, gap;
	int64_t since_us; // that the gap is there
};

int hz_mosaic_order_new(const struct hz_mosaic_order_sink *sink, struct hz_mosaic_order **ret)
{
	struct hz_mosaic_order *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->sink = *sink;
	*ret = o;
	return 0;
}

static void drop_all(struct hz_mosaic_order *o)
{
	for (unsigned i = 0; i < HZ_ORDER_PACKETS && o->count; i++) {
		o->count -= o->slot[i] != NULL;
		free(o->slot[i]);
		o->slot[i] = NULL;
	}
}

void hz_mosaic_order_free(struct hz_mosaic_order *order)
{
	if (!order)
		return;
	drop_all(order);
	free(order);
}

void hz_mosaic_order_reset(struct hz_mosaic_order *order)
{
	drop_all(order);
	order->started = order->suspects = order->gap = false;
}

static void emit(struct hz_mosaic_order *o, struct hz_mosaic_packet *packet)
{
	packet->gap = o->gap;
	o->gap = false;
	o->next++;
	o->sink.emit(o->sink.ctx, packet);
}

static void emit_held(struct hz_mosaic_order *o)
{
	for (struct held *h; o->count && (h = o->slot[o->next % HZ_ORDER_PACKETS]);) {
		o->slot[o->next % HZ_ORDER_PACKETS] = NULL;
		o->count--;
		emit(o, &h->packet);
		free(h);
	}
}

// What is missing is given up: on to the first that is there.
static void skip(struct hz_mosaic_order *o, int64_t now_us)
{
	while (o->count && !o->slot[o->next % HZ_ORDER_PACKETS])
		o->next++;
	o->gap = true;
	o->since_us = now_us;
	emit_held(o);
}

static void begin_anew(struct hz_mosaic_order *o, uint16_t seq)
{
	drop_all(o);
	o->gap = o->started;
	o->started = true;
	o->suspects = false;
	o->next = seq;
}

static void hold(struct hz_mosaic_order *o, uint16_t seq, const struct hz_mosaic_packet *packet,
                 int64_t now_us)
{
	struct held **slot = &o->slot[seq % HZ_ORDER_PACKETS];
	if (*slot)
		return;
	struct held *h = malloc(sizeof(*h) + packet->bytes);
	if (!h)
		return; // it is missing, then
	h->packet = *packet;
	h->packet.payload = h->payload;
	memcpy(h->payload, packet->payload, packet->bytes);
	*slot = h;
	if (o->count++ == 0)
		o->since_us = now_us;
}

// False: it is of the past.
static bool place(struct hz_mosaic_order *o, uint16_t seq)
{
	int32_t ahead = hz_seq_diff(seq, o->next);
	if (o->started && ahead >= 0 && ahead < (int32_t)HZ_ORDER_PACKETS)
		return true;
	if (o->started && ahead < 0 && !(ahead < -OLD && o->suspects && seq == o->bad)) {
		o->suspects = ahead < -OLD;
		o->bad = (uint16_t)(seq + 1);
		return false;
	}
	begin_anew(o, seq);
	return true;
}

void hz_mosaic_order_put(struct hz_mosaic_order *order, uint16_t seq, const struct hz_mosaic_packet *packet,
                         int64_t now_us)
{
	struct hz_mosaic_packet p = *packet;
	if (!place(order, seq))
		return;
	order->suspects = false;
	if (seq != order->next) {
		hold(order, seq, &p, now_us);
		hz_mosaic_order_poll(order, now_us);
		return;
	}
	emit(order, &p);
	if (order->count)
		order->since_us = now_us;
	emit_held(order);
}

void hz_mosaic_order_poll(struct hz_mosaic_order *order, int64_t now_us)
{
	if (order->count && now_us - order->since_us >= HZ_ORDER_WAIT_US)
		skip(order, now_us);
}

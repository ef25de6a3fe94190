#include "recorder/finalize/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/seq.h"

#define BEGIN_BACK 128    // packets from before the first one that came are waited for
#define BEGIN_US   200000 // ... so long
#define STRAY_RUN  2      // as RFC 3550 A.1: so many in a row far away, and the sender has begun anew

struct slot {
	uint8_t *payload; // owned; NULL with bytes 0
	size_t bytes;
	int64_t seq, at_us;
	uint32_t ts;
	uint8_t pt;
	bool used, marker, restart;
};

struct hz_order {
	hz_order_cb *cb;
	void *arg;
	int64_t window_us;
	int64_t next;        // the number to hand on next
	int64_t highest;     // newest that was put
	int64_t last_ts;     // extended, of the newest handed on
	bool begun, started; // started: something was handed on
	size_t waiting, waiting_bytes;
	struct slot slot[HZ_ORDER_SLOTS];
	struct slot stray; // the first packet of what may be a restart
	unsigned stray_count;
	uint16_t stray_next;
	struct hz_order_stats stats;
};

int hz_order_new(int64_t window_us, hz_order_cb *cb, void *arg, struct hz_order **ret)
{
	struct hz_order *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->cb = cb;
	o->arg = arg;
	o->window_us = window_us;
	*ret = o;
	return 0;
}

static void slot_clear(struct slot *s)
{
	free(s->payload);
	*s = (struct slot){0};
}

void hz_order_free(struct hz_order *order)
{
	if (!order)
		return;
	for (size_t i = 0; i < HZ_ORDER_SLOTS; i++)
		slot_clear(&order->slot[i]);
	slot_clear(&order->stray);
	free(order);
}

static struct slot *slot_of(struct hz_order *o, int64_t seq)
{
	return &o->slot[(uint64_t)seq % HZ_ORDER_SLOTS];
}

static void hand_on(struct hz_order *o, const struct slot *s)
{
	int64_t missing = s->seq - o->next;
	// the first one of a stream starts a turn up, so that a timestamp just before it stays positive
	o->last_ts = o->started ? hz_ts_extend(o->last_ts, s->ts) : (1LL << 32) + s->ts;
	struct hz_order_packet p = {.seq = s->seq,
	                            .ts = o->last_ts,
	                            .at_us = s->at_us,
	                            .missing =
	                                s->restart || missing < 0 || !o->started ? 0 : (uint32_t)missing,
	                            .restart = s->restart,
	                            .marker = s->marker,
	                            .pt = s->pt,
	                            .payload = s->payload,
	                            .bytes = s->bytes};
	o->next = s->seq + 1;
	o->started = true;
	o->stats.packets++;
	o->stats.lost += p.missing;
	o->cb(o->arg, &p);
}

static void release_slot(struct hz_order *o, struct slot *s)
{
	hand_on(o, s);
	o->waiting--;
	o->waiting_bytes -= s->bytes;
	slot_clear(s);
}

// The first one that waits behind the gap; there is one.
static struct slot *first_waiting(struct hz_order *o)
{
	struct slot *s = NULL;
	for (int64_t seq = o->next; !s; seq++)
		if (slot_of(o, seq)->used)
			s = slot_of(o, seq);
	return s;
}

static void release_run(struct hz_order *o)
{
	while (o->waiting && slot_of(o, o->next)->used)
		release_slot(o, slot_of(o, o->next));
}

static void release_due(struct hz_order *o, int64_t now_us)
{
	release_run(o);
	while (o->waiting) {
		struct slot *s = first_waiting(o);
		int64_t window_us = o->started ? o->window_us : BEGIN_US;
		if (now_us - s->at_us < window_us && o->waiting_bytes <= HZ_ORDER_BYTES)
			break;
		release_slot(o, s);
		release_run(o);
	}
}

void hz_order_flush(struct hz_order *order)
{
	while (order->waiting)
		release_slot(order, first_waiting(order));
}

static int fill(struct slot *s, const struct hz_rtp_packet *p, int64_t seq, int64_t at_us)
{
	uint8_t *copy = NULL;
	if (p->payload_bytes) {
		copy = malloc(p->payload_bytes);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, p->payload, p->payload_bytes);
	}
	*s = (struct slot){.payload = copy,
	                   .bytes = p->payload_bytes,
	                   .seq = seq,
	                   .at_us = at_us,
	                   .ts = p->ts,
	                   .pt = p->pt,
	                   .used = true,
	                   .marker = p->marker};
	return 0;
}

static int keep(struct hz_order *o, const struct hz_rtp_packet *p, int64_t seq, int64_t at_us)
{
	struct slot *s = slot_of(o, seq);
	int err = fill(s, p, seq, at_us);
	if (err)
		return err;
	o->waiting++;
	o->waiting_bytes += s->bytes;
	return 0;
}

// In the common case nothing waits and the packet is the next one: no copy.
static int place(struct hz_order *o, const struct hz_rtp_packet *p, int64_t seq, int64_t at_us)
{
	if (seq < o->next) {
		o->stats.late++; // a duplicate, or its place is given up
		return 0;
	}
	if (slot_of(o, seq)->used) {
		o->stats.duplicates++;
		return 0;
	}
	if (seq == o->next) {
		struct slot direct = {.payload = (uint8_t *)(uintptr_t)p->payload,
		                      .bytes = p->payload_bytes,
		                      .seq = seq,
		                      .at_us = at_us,
		                      .ts = p->ts,
		                      .pt = p->pt,
		                      .marker = p->marker};
		hand_on(o, &direct);
	} else {
		int err = keep(o, p, seq, at_us);
		if (err)
			return err;
	}
	if (seq > o->highest)
		o->highest = seq;
	release_due(o, at_us);
	return 0;
}

// Numbers far from the others: a single one is damage or forged, a run is a sender that began anew or a long outage.
static int on_stray(struct hz_order *o, const struct hz_rtp_packet *p, int64_t at_us)
{
	bool follows = o->stray_count > 0 && p->seq == o->stray_next;
	if (!follows) {
		o->stats.late += o->stray_count;
		slot_clear(&o->stray);
		o->stray_count = 0;
		int err = fill(&o->stray, p, 0, at_us);
		if (err)
			return err;
	}
	o->stray_count++;
	o->stray_next = (uint16_t)(p->seq + 1);
	if (o->stray_count < STRAY_RUN)
		return 0;
	hz_order_flush(o);
	struct slot first = o->stray;
	o->stray = (struct slot){0};
	o->stray_count = 0;
	uint16_t low = (uint16_t)(p->seq - (STRAY_RUN - 1));
	int64_t ahead = hz_seq_extend(o->highest, low);
	first.restart = ahead < o->next;
	first.seq = first.restart ? hz_seq_extend(o->highest + 32768, low) : ahead;
	if (first.seq < o->next)
		first.seq += 65536;
	o->stats.restarts += first.restart;
	hand_on(o, &first);
	free(first.payload);
	o->highest = first.seq;
	return place(o, p, first.seq + 1, at_us);
}

int hz_order_put(struct hz_order *order, const struct hz_rtp_packet *packet, int64_t at_us)
{
	struct hz_order *o = order;
	if (!o->begun) {
		o->begun = true;
		o->highest = hz_seq_first(packet->seq);
		o->next = o->highest - BEGIN_BACK;
	}
	int64_t seq = hz_seq_extend(o->highest, packet->seq);
	if (seq >= o->next + HZ_ORDER_SLOTS || seq < o->highest - HZ_ORDER_SLOTS) {
		release_due(o, at_us);
		return on_stray(o, packet, at_us);
	}
	if (o->stray_count) { // it was alone
		o->stats.late += o->stray_count;
		slot_clear(&o->stray);
		o->stray_count = 0;
	}
	return place(o, packet, seq, at_us);
}

void hz_order_stats(const struct hz_order *order, struct hz_order_stats *ret)
{
	*ret = order->stats;
}

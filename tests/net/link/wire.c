#include "tests/net/link/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT16_MAX

struct packet {
	int64_t due_us; // in the delay line
	uint16_t next, bytes;
	uint8_t data[HZ_WIRE_PACKET_BYTES];
};

struct list {
	uint16_t head, tail;
};

struct outage {
	int64_t from_us, until_us;
};

struct hz_wire {
	struct hz_wire_config config;
	struct hz_wire_counters counters;
	struct outage outages[HZ_WIRE_OUTAGES];
	struct list queue, line; // the head of `queue` is on the bottleneck
	uint16_t free, taken;    // `taken` is lent out by pop
	uint32_t queued_bytes;
	int64_t head_started_us, head_done_us;
	uint64_t random;
	bool losing;
	struct packet packets[HZ_WIRE_PACKETS];
};

int hz_wire_new(uint64_t seed, struct hz_wire **ret_wire)
{
	struct hz_wire *wire = calloc(1, sizeof(*wire));
	if (!wire)
		return -ENOMEM;
	wire->queue = wire->line = (struct list){NONE, NONE};
	wire->taken = NONE;
	wire->random = seed ^ 0x9e3779b97f4a7c15ULL;
	for (unsigned i = 0; i < HZ_WIRE_PACKETS; i++)
		wire->packets[i].next = i + 1 < HZ_WIRE_PACKETS ? (uint16_t)(i + 1) : NONE;
	*ret_wire = wire;
	return 0;
}

void hz_wire_free(struct hz_wire *wire)
{
	free(wire);
}

// splitmix64: good enough for loss, and the same on every machine.
static uint32_t draw(struct hz_wire *wire, uint32_t below)
{
	uint64_t z = wire->random += 0x9e3779b97f4a7c15ULL;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	z ^= z >> 31;
	return (uint32_t)(((z >> 32) * below) >> 32);
}

static uint16_t list_take(struct hz_wire *wire, struct list *list)
{
	uint16_t at = list->head;
	list->head = wire->packets[at].next;
	if (list->head == NONE)
		list->tail = NONE;
	return at;
}

static void list_append(struct hz_wire *wire, struct list *list, uint16_t at)
{
	wire->packets[at].next = NONE;
	if (list->tail == NONE)
		list->head = at;
	else
		wire->packets[list->tail].next = at;
	list->tail = at;
}

static void release(struct hz_wire *wire, uint16_t at)
{
	wire->packets[at].next = wire->free;
	wire->free = at;
}

static bool in_outage(const struct hz_wire *wire, int64_t at_us)
{
	for (unsigned i = 0; i < HZ_WIRE_OUTAGES; i++)
		if (at_us >= wire->outages[i].from_us && at_us < wire->outages[i].until_us)
			return true;
	return false;
}

// Two states after Gilbert: in the bad one every packet is lost; its mean length is the burst, its share is the loss.
static bool is_lost(struct hz_wire *wire)
{
	uint64_t loss = wire->config.loss_ppm, burst = wire->config.burst_permille;
	if (loss == 0)
		return wire->losing = false;
	if (loss >= 1000000)
		return true;
	if (burst <= 1000)
		return draw(wire, 1000000) < loss;
	uint64_t leave = 1000000000ULL / burst; // ppm
	uint64_t enter = loss * leave / (1000000 - loss);
	if (wire->losing)
		wire->losing = draw(wire, 1000000) >= leave;
	else
		wire->losing = draw(wire, 1000000) < enter;
	return wire->losing;
}

static void line_insert(struct hz_wire *wire, uint16_t at, int64_t left_us)
{
	struct packet *packet = &wire->packets[at];
	uint32_t jitter = wire->config.jitter_us ? draw(wire, wire->config.jitter_us + 1) : 0;
	packet->due_us = left_us + wire->config.delay_us + jitter;
	uint16_t last = wire->line.tail;
	if (last == NONE || wire->packets[last].due_us <= packet->due_us) {
		list_append(wire, &wire->line, at);
		return;
	}
	if (!wire->config.reorder) {
		packet->due_us = wire->packets[last].due_us;
		list_append(wire, &wire->line, at);
		return;
	}
	uint16_t *link = &wire->line.head;
	while (wire->packets[*link].due_us <= packet->due_us)
		link = &wire->packets[*link].next;
	packet->next = *link;
	*link = at;
}

// A packet has left the bottleneck at `left_us`.
static void depart(struct hz_wire *wire, uint16_t at, int64_t left_us)
{
	if (in_outage(wire, left_us)) {
		wire->counters.outage_dropped++;
		release(wire, at);
	} else if (is_lost(wire)) {
		wire->counters.lost++;
		release(wire, at);
	} else {
		line_insert(wire, at, left_us);
	}
}

static int64_t service_us(const struct hz_wire *wire, uint16_t at)
{
	uint64_t rate = wire->config.rate_bps;
	return rate ? (int64_t)((wire->packets[at].bytes * 8000000ULL + rate - 1) / rate) : 0;
}

static void start_head(struct hz_wire *wire, int64_t at_us)
{
	wire->head_started_us = at_us;
	wire->head_done_us = at_us + service_us(wire, wire->queue.head);
}

static void serve(struct hz_wire *wire, int64_t now_us)
{
	while (wire->queue.head != NONE && wire->head_done_us <= now_us) {
		int64_t left_us = wire->head_done_us;
		uint16_t at = list_take(wire, &wire->queue);
		if (wire->queue.head != NONE) {
			start_head(wire, left_us);
			wire->queued_bytes -= wire->packets[wire->queue.head].bytes;
		}
		depart(wire, at, left_us);
	}
}

void hz_wire_configure(struct hz_wire *wire, const struct hz_wire_config *config, int64_t now_us)
{
	serve(wire, now_us);
	wire->config = *config;
	// The packet on the bottleneck goes on at the new rate from its beginning, so that no rate, however low, is a trap.
	if (wire->queue.head != NONE) {
		int64_t done_us = wire->head_started_us + service_us(wire, wire->queue.head);
		wire->head_done_us = done_us > now_us ? done_us : now_us;
	}
}

const struct hz_wire_config *hz_wire_config(const struct hz_wire *wire)
{
	return &wire->config;
}

int hz_wire_outage(struct hz_wire *wire, int64_t from_us, int64_t until_us, int64_t now_us)
{
	for (unsigned i = 0; i < HZ_WIRE_OUTAGES; i++) {
		if (wire->outages[i].until_us > now_us)
			continue;
		wire->outages[i] = (struct outage){from_us, until_us};
		return 0;
	}
	return -ENOSPC;
}

static bool has_room(const struct hz_wire *wire, size_t bytes)
{
	if (wire->queue.head == NONE) // the bottleneck is idle: a packet always gets on it
		return true;
	return wire->queued_bytes + bytes <= wire->config.queue_bytes;
}

bool hz_wire_push(struct hz_wire *wire, const uint8_t *packet, size_t bytes, int64_t now_us)
{
	struct hz_wire_counters *counters = &wire->counters;
	serve(wire, now_us);
	counters->in_packets++;
	counters->in_bytes += bytes;
	if (bytes == 0 || bytes > HZ_WIRE_PACKET_BYTES)
		return counters->oversized++, false;
	if (in_outage(wire, now_us))
		return counters->outage_dropped++, false;
	if (wire->free == NONE || !has_room(wire, bytes))
		return counters->tail_dropped++, false;
	uint16_t at = wire->free;
	wire->free = wire->packets[at].next;
	wire->packets[at].bytes = (uint16_t)bytes;
	memcpy(wire->packets[at].data, packet, bytes);
	bool idle = wire->queue.head == NONE;
	list_append(wire, &wire->queue, at);
	if (idle)
		start_head(wire, now_us);
	else
		wire->queued_bytes += (uint32_t)bytes;
	if (wire->queued_bytes > counters->queued_bytes_max)
		counters->queued_bytes_max = wire->queued_bytes;
	serve(wire, now_us);
	return true;
}

size_t hz_wire_pop(struct hz_wire *wire, int64_t now_us, const uint8_t **ret_packet)
{
	serve(wire, now_us);
	if (wire->taken != NONE) {
		release(wire, wire->taken);
		wire->taken = NONE;
	}
	uint16_t head = wire->line.head;
	if (head == NONE || wire->packets[head].due_us > now_us)
		return 0;
	wire->taken = list_take(wire, &wire->line);
	const struct packet *packet = &wire->packets[wire->taken];
	wire->counters.out_packets++;
	wire->counters.out_bytes += packet->bytes;
	*ret_packet = packet->data;
	return packet->bytes;
}

int64_t hz_wire_deadline(const struct hz_wire *wire)
{
	int64_t next = INT64_MAX;
	if (wire->queue.head != NONE)
		next = wire->head_done_us;
	if (wire->line.head != NONE && wire->packets[wire->line.head].due_us < next)
		next = wire->packets[wire->line.head].due_us;
	return next;
}

const struct hz_wire_counters *hz_wire_counters(const struct hz_wire *wire)
{
	return &wire->counters;
}

void hz_wire_reset_counters(struct hz_wire *wire)
{
	memset(&wire->counters, 0, sizeof(wire->counters));
}

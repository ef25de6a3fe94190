#include "media/rtp/history.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct chunk {
	struct chunk *next;  // newer one in a history, any in the idle list
	uint64_t number;     // counted up in its history
	int64_t newest_us;   // arrival of its newest packet
	uint32_t fill_bytes; // used of data
	uint8_t data[HZ_HISTORY_CHUNK_BYTES];
};

struct hz_history_pool {
	struct chunk *idle;
	size_t idle_count;
	size_t used_count; // in histories
	size_t limit;
};

struct slot {
	int64_t ext; // -1: never used
	int64_t arrived_us;
	struct chunk *chunk; // valid while chunk_number >= the history's oldest number
	uint64_t chunk_number;
	uint32_t offset;
	uint32_t bytes;
};

struct hz_history {
	struct hz_history_pool *pool;
	struct chunk *oldest, *newest;
	uint64_t oldest_number; // of `oldest`; next_number when there is none
	uint64_t next_number;
	size_t chunk_count, chunk_limit;
	int64_t highest;
	uint32_t slots;
	bool started;
	struct slot slot[];
};

int hz_history_pool_new(size_t limit_bytes, struct hz_history_pool **ret)
{
	struct hz_history_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->limit = limit_bytes / sizeof(struct chunk);
	if (pool->limit == 0)
		pool->limit = 1;
	*ret = pool;
	return 0;
}

void hz_history_pool_free(struct hz_history_pool *pool)
{
	if (!pool)
		return;
	while (pool->idle) {
		struct chunk *next = pool->idle->next;
		free(pool->idle);
		pool->idle = next;
	}
	free(pool);
}

size_t hz_history_pool_used_bytes(const struct hz_history_pool *pool)
{
	return pool->used_count * sizeof(struct chunk);
}

size_t hz_history_pool_held_bytes(const struct hz_history_pool *pool)
{
	return (pool->used_count + pool->idle_count) * sizeof(struct chunk);
}

static struct chunk *pool_take(struct hz_history_pool *pool)
{
	struct chunk *c = pool->idle;
	if (c) {
		pool->idle = c->next;
		pool->idle_count--;
	} else if (pool->used_count < pool->limit) {
		c = malloc(sizeof(*c)); // the pool grows: once, then the chunk goes round
	}
	if (c)
		pool->used_count++;
	return c;
}

static void pool_give(struct hz_history_pool *pool, struct chunk *c)
{
	pool->used_count--;
	// Idle chunks up to an eighth of the bound stay at hand, more go back to the system.
	if (pool->idle_count >= 16 + pool->limit / 8) {
		free(c);
		return;
	}
	c->next = pool->idle;
	pool->idle = c;
	pool->idle_count++;
}

int hz_history_new(struct hz_history_pool *pool, uint32_t slots, struct hz_history **ret)
{
	if (slots < 64 || slots > 4096 || (slots & (slots - 1)) != 0)
		return -EINVAL;
	struct hz_history *h = calloc(1, sizeof(*h) + slots * sizeof(h->slot[0]));
	if (!h)
		return -ENOMEM;
	h->pool = pool;
	h->slots = slots;
	// Each chunk but the newest holds at least this many of the largest packets.
	h->chunk_limit = slots / (HZ_HISTORY_CHUNK_BYTES / HZ_HISTORY_MAX_PACKET - 1) + 2;
	for (uint32_t i = 0; i < slots; i++)
		h->slot[i].ext = -1;
	*ret = h;
	return 0;
}

// Its packets are lost: their slots see it by the chunk's number.
static void drop_oldest(struct hz_history *h)
{
	struct chunk *c = h->oldest;
	h->oldest = c->next;
	if (!h->oldest)
		h->newest = NULL;
	h->oldest_number = c->number + 1;
	h->chunk_count--;
	pool_give(h->pool, c);
}

void hz_history_free(struct hz_history *h)
{
	if (!h)
		return;
	while (h->oldest)
		drop_oldest(h);
	free(h);
}

void hz_history_expire(struct hz_history *h, int64_t now_us)
{
	while (h->oldest && now_us - h->oldest->newest_us > HZ_HISTORY_MAX_AGE_US)
		drop_oldest(h);
}

static int add_chunk(struct hz_history *h)
{
	struct chunk *c = NULL;
	if (h->chunk_count < h->chunk_limit)
		c = pool_take(h->pool);
	if (!c && h->oldest) {
		drop_oldest(h);
		c = pool_take(h->pool);
	}
	if (!c)
		return -ENOBUFS;
	c->next = NULL;
	c->number = h->next_number++;
	c->fill_bytes = 0;
	c->newest_us = 0;
	if (h->newest)
		h->newest->next = c;
	else
		h->oldest = c;
	h->newest = c;
	h->oldest_number = h->oldest->number;
	h->chunk_count++;
	return 0;
}

static bool is_held(const struct hz_history *h, const struct slot *s, int64_t ext)
{
	return s->ext == ext && s->chunk_number >= h->oldest_number;
}

static struct slot *slot_of(struct hz_history *h, int64_t ext)
{
	return &h->slot[(uint64_t)ext & (h->slots - 1)];
}

static int check_put(struct hz_history *h, int64_t ext, size_t bytes)
{
	if (ext < 0)
		return -EINVAL;
	if (bytes > HZ_HISTORY_MAX_PACKET)
		return -EMSGSIZE;
	if (h->started && ext <= h->highest - (int64_t)h->slots)
		return -ESTALE;
	if (is_held(h, slot_of(h, ext), ext))
		return -EEXIST;
	return 0;
}

int hz_history_put(struct hz_history *h, int64_t ext, const struct hz_rtp_packet *packet, int64_t now_us)
{
	size_t bytes = packet->header_bytes + packet->payload_bytes;
	int err = check_put(h, ext, bytes);
	if (err)
		return err;
	hz_history_expire(h, now_us);
	if (!h->newest || HZ_HISTORY_CHUNK_BYTES - h->newest->fill_bytes < bytes) {
		err = add_chunk(h);
		if (err)
			return err;
	}
	struct chunk *c = h->newest;
	uint8_t *copy = c->data + c->fill_bytes;
	memcpy(copy, packet->data, bytes);
	copy[0] &= (uint8_t)~0x20u; // padding was left out
	*slot_of(h, ext) = (struct slot){.ext = ext,
	                                 .arrived_us = now_us,
	                                 .chunk = c,
	                                 .chunk_number = c->number,
	                                 .offset = c->fill_bytes,
	                                 .bytes = (uint32_t)bytes};
	c->fill_bytes += (uint32_t)bytes;
	c->newest_us = now_us;
	if (!h->started || ext > h->highest)
		h->highest = ext;
	h->started = true;
	return 0;
}

int hz_history_get(const struct hz_history *h, int64_t ext, int64_t now_us, struct hz_rtp_packet *ret,
                   int64_t *ret_arrived_us)
{
	if (ext < 0)
		return -ENOENT;
	const struct slot *s = &h->slot[(uint64_t)ext & (h->slots - 1)];
	if (!is_held(h, s, ext) || now_us - s->arrived_us > HZ_HISTORY_MAX_AGE_US)
		return -ENOENT;
	if (hz_rtp_parse(s->chunk->data + s->offset, s->bytes, ret) < 0)
		return -ENOENT;
	if (ret_arrived_us)
		*ret_arrived_us = s->arrived_us;
	return 0;
}

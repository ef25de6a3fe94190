#include "signaling/server/limits.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/map.h"

#define BURST_S 4 // seconds' worth of requests at once: a page loads in a burst

struct hz_limits_entry {
	uint64_t key[2];
	unsigned connections;
	int64_t bucket_us; // requests left, in microseconds of refilling
	int64_t last_us;
	struct hz_limits_entry *older, *newer; // by last use, so that the stalest is found at once
};

struct hz_limits {
	unsigned connections;
	int64_t cost_us, full_us;
	struct hz_map *map;
	struct hz_limits_entry *oldest, *newest;
};

int hz_limits_new(unsigned connections, unsigned requests_per_second, struct hz_limits **ret)
{
	if (!connections || !requests_per_second)
		return -EINVAL;
	struct hz_limits *limits = calloc(1, sizeof(*limits));
	if (!limits)
		return -ENOMEM;
	int err = hz_map_new(HZ_LIMITS_ADDRESSES, &limits->map);
	if (err) {
		free(limits);
		return err;
	}
	limits->connections = connections;
	limits->cost_us = 1000000 / requests_per_second;
	if (!limits->cost_us)
		limits->cost_us = 1;
	limits->full_us = BURST_S * 1000000;
	*ret = limits;
	return 0;
}

static void unlink_entry(struct hz_limits *limits, struct hz_limits_entry *e)
{
	*(e->older ? &e->older->newer : &limits->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &limits->newest) = e->older;
	e->older = e->newer = NULL;
}

static void push_newest(struct hz_limits *limits, struct hz_limits_entry *e)
{
	e->older = limits->newest;
	e->newer = NULL;
	*(limits->newest ? &limits->newest->newer : &limits->oldest) = e;
	limits->newest = e;
}

void hz_limits_free(struct hz_limits *limits)
{
	if (!limits)
		return;
	for (struct hz_limits_entry *e = limits->oldest, *newer; e; e = newer) {
		newer = e->newer;
		free(e);
	}
	hz_map_free(limits->map);
	free(limits);
}

static int parse(const char *address, uint64_t ret_key[2])
{
	struct in6_addr v6;
	struct in_addr v4;
	if (!strncmp(address, "::ffff:", 7) && strchr(address, '.'))
		address += 7;
	if (inet_pton(AF_INET, address, &v4) == 1) {
		ret_key[0] = 4;
		ret_key[1] = v4.s_addr;
		return 0;
	}
	if (inet_pton(AF_INET6, address, &v6) != 1)
		return -EINVAL;
	ret_key[0] = 6;
	memcpy(&ret_key[1], &v6, 8); // the /64
	return 0;
}

static void key_text(const uint64_t key[2], char ret[20])
{
	static const char digits[] = "0123456789abcdef";
	ret[0] = (char)('0' + key[0]);
	for (int i = 0; i < 16; i++)
		ret[1 + i] = digits[(key[1] >> (4 * i)) & 15];
	ret[17] = '\0';
}

static void refill(const struct hz_limits *limits, struct hz_limits_entry *e, int64_t now_us)
{
	if (now_us > e->last_us)
		e->bucket_us += now_us - e->last_us;
	if (e->bucket_us > limits->full_us)
		e->bucket_us = limits->full_us;
	e->last_us = now_us;
}

// Forgets the address that was idle longest, if it is idle: no connection, and its bucket would be full again.
static bool forget_one(struct hz_limits *limits, int64_t now_us)
{
	for (unsigned tries = 32; tries && limits->oldest; tries--) {
		struct hz_limits_entry *e = limits->oldest;
		if (e->connections || now_us - e->last_us + e->bucket_us < limits->full_us) {
			unlink_entry(limits, e); // busy: look at it again last
			push_newest(limits, e);
			continue;
		}
		char key[20];
		key_text(e->key, key);
		hz_map_del(limits->map, key);
		unlink_entry(limits, e);
		free(e);
		return true;
	}
	return false;
}

int hz_limits_open(struct hz_limits *limits, const char *address, int64_t now_us,
                   struct hz_limits_entry **ret)
{
	uint64_t number[2];
	char key[20];
	int err = parse(address, number);
	if (err)
		return err;
	key_text(number, key);
	struct hz_limits_entry *e = hz_map_get(limits->map, key);
	if (!e) {
		if (hz_map_count(limits->map) == HZ_LIMITS_ADDRESSES && !forget_one(limits, now_us))
			return -ENOSPC;
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		memcpy(e->key, number, sizeof(e->key));
		e->bucket_us = limits->full_us;
		e->last_us = now_us;
		err = hz_map_set(limits->map, key, e);
		if (err) {
			free(e);
			return err;
		}
		push_newest(limits, e);
	}
	if (e->connections >= limits->connections)
		return -EDQUOT;
	e->connections++;
	refill(limits, e, now_us);
	unlink_entry(limits, e);
	push_newest(limits, e);
	*ret = e;
	return 0;
}

void hz_limits_close(struct hz_limits *limits, struct hz_limits_entry *entry)
{
	if (entry && entry->connections)
		entry->connections--;
	(void)limits;
}

bool hz_limits_request(struct hz_limits *limits, struct hz_limits_entry *entry, int64_t now_us)
{
	refill(limits, entry, now_us);
	if (entry->bucket_us < limits->cost_us)
		return false;
	entry->bucket_us -= limits->cost_us;
	return true;
}

unsigned hz_limits_count(const struct hz_limits *limits)
{
	return hz_map_count(limits->map);
}

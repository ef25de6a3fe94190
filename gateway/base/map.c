#include "gateway/base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"

// Linear probing with backward-shift deletion: no tombstones, so it does not slow down with age.
struct entry {
	uint64_t hash;
	uint64_t number;
	char *text;  // NULL: the key is number
	void *value; // NULL: free place
};

struct hz_map {
	uint32_t max, count, mask;
	uint64_t key[2];
	struct entry *at;
};

struct key {
	const char *text;
	uint64_t number;
	uint64_t hash;
};

static uint64_t rotl(uint64_t x, int b)
{
	return (x << b) | (x >> (64 - b));
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

// SipHash-1-3 (Aumasson and Bernstein 2012), as hash tables use it.
static uint64_t sip(const uint64_t key[2], const void *data, size_t bytes, uint8_t domain)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
	                 key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
	const uint8_t *p = data;
	uint64_t last = (uint64_t)((bytes & 0x7f) | ((unsigned)domain << 7)) << 56, m;
	for (size_t left = bytes; left >= 8; left -= 8, p += 8) {
		memcpy(&m, p, 8);
		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	for (size_t i = 0; i < (bytes & 7); i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

int hz_map_new(uint32_t max_entries, struct hz_map **ret)
{
	if (max_entries == 0 || max_entries > (1u << 30))
		return -EINVAL;
	struct hz_map *map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	map->max = max_entries;
	map->mask = 15;
	map->at = calloc(map->mask + 1u, sizeof(*map->at));
	if (!map->at) {
		free(map);
		return -ENOMEM;
	}
	hz_random(map->key, sizeof(map->key));
	*ret = map;
	return 0;
}

void hz_map_free(struct hz_map *map)
{
	if (!map)
		return;
	for (uint32_t i = 0; i <= map->mask; i++)
		free(map->at[i].text);
	free(map->at);
	free(map);
}

// The place of the key, or the free place where it would go.
static uint32_t find(const struct hz_map *map, const struct key *key)
{
	uint32_t i = (uint32_t)key->hash & map->mask;
	for (;; i = (i + 1) & map->mask) {
		const struct entry *e = &map->at[i];
		if (!e->value)
			return i;
		if (e->hash != key->hash || !e->text != !key->text)
			continue;
		if (key->text ? strcmp(e->text, key->text) == 0 : e->number == key->number)
			return i;
	}
}

static int grow(struct hz_map *map)
{
	uint32_t old_mask = map->mask, mask = old_mask * 2 + 1;
	struct entry *old = map->at, *at = calloc(mask + 1u, sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (uint32_t i = 0; i <= old_mask; i++) {
		if (!old[i].value)
			continue;
		uint32_t to = (uint32_t)old[i].hash & mask;
		while (at[to].value)
			to = (to + 1) & mask;
		at[to] = old[i];
	}
	free(old);
	map->at = at;
	map->mask = mask;
	return 0;
}

static int set(struct hz_map *map, const struct key *key, void *value)
{
	if (!value)
		return -EINVAL;
	uint32_t i = find(map, key);
	if (map->at[i].value) {
		map->at[i].value = value;
		return 0;
	}
	if (map->count >= map->max)
		return -ENOSPC;
	char *text = key->text ? strdup(key->text) : NULL;
	if (key->text && !text)
		return -ENOMEM;
	if ((uint64_t)(map->count + 1) * 4 > ((uint64_t)map->mask + 1) * 3) {
		if (grow(map)) {
			free(text);
			return -ENOMEM;
		}
		i = find(map, key);
	}
	map->at[i] = (struct entry){.hash = key->hash, .number = key->number, .text = text, .value = value};
	map->count++;
	return 0;
}

static void *del(struct hz_map *map, const struct key *key)
{
	uint32_t hole = find(map, key);
	void *value = map->at[hole].value;
	if (!value)
		return NULL;
	free(map->at[hole].text);
	map->count--;
	// Entries behind the hole that would not be found across it move up.
	for (uint32_t i = (hole + 1) & map->mask; map->at[i].value; i = (i + 1) & map->mask) {
		uint32_t home = (uint32_t)map->at[i].hash & map->mask;
		if (((i - home) & map->mask) < ((i - hole) & map->mask))
			continue;
		map->at[hole] = map->at[i];
		hole = i;
	}
	map->at[hole] = (struct entry){0};
	return value;
}

static bool text_key(const struct hz_map *map, const char *text, struct key *ret)
{
	size_t n = text ? strnlen(text, HZ_MAP_KEY_BYTES + 1) : 0;
	if (n == 0 || n > HZ_MAP_KEY_BYTES)
		return false;
	*ret = (struct key){.text = text, .hash = sip(map->key, text, n, 0)};
	return true;
}

static struct key number_key(const struct hz_map *map, uint64_t number)
{
	return (struct key){.number = number, .hash = sip(map->key, &number, sizeof(number), 1)};
}

int hz_map_set(struct hz_map *map, const char *text, void *value)
{
	struct key key;
	return text_key(map, text, &key) ? set(map, &key, value) : -EINVAL;
}

void *hz_map_get(const struct hz_map *map, const char *text)
{
	struct key key;
	return text_key(map, text, &key) ? map->at[find(map, &key)].value : NULL;
}

void *hz_map_del(struct hz_map *map, const char *text)
{
	struct key key;
	return text_key(map, text, &key) ? del(map, &key) : NULL;
}

int hz_map_set_u64(struct hz_map *map, uint64_t number, void *value)
{
	struct key key = number_key(map, number);
	return set(map, &key, value);
}

void *hz_map_get_u64(const struct hz_map *map, uint64_t number)
{
	struct key key = number_key(map, number);
	return map->at[find(map, &key)].value;
}

void *hz_map_del_u64(struct hz_map *map, uint64_t number)
{
	struct key key = number_key(map, number);
	return del(map, &key);
}

uint32_t hz_map_count(const struct hz_map *map)
{
	return map->count;
}

void *hz_map_next(const struct hz_map *map, uint32_t *at)
{
	while (*at <= map->mask) {
		void *value = map->at[(*at)++].value;
		if (value)
			return value;
	}
	return NULL;
}

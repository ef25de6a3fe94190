#include "media/worker/address.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "media/api.h"

#define TABLE (4u * HZ_MAX_PEERS * HZ_ADDRESS_PER_PEER) // a quarter full at most

struct
    entry { // the address itself is in known[slot].from[at]: a quarter of a megabyte rather than one and a half
	uint16_t slot;
	uint8_t at;
	uint8_t used;
};

struct known { // of one peer
	struct sockaddr_in6 from[HZ_ADDRESS_PER_PEER];
	int64_t heard_us[HZ_ADDRESS_PER_PEER];
	uint32_t count;
};

struct hz_addresses {
	uint64_t key;
	uint32_t count;
	struct entry *table; // TABLE
	struct known *known; // HZ_MAX_PEERS
};

static uint32_t place_of(const struct hz_addresses *a, const struct in6_addr *address, in_port_t port)
{
	uint64_t high, low;
	memcpy(&high, &address->s6_addr[0], 8);
	memcpy(&low, &address->s6_addr[8], 8);
	uint64_t x = (high ^ a->key) * 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 32) ^ low ^ a->key) * 0xd6e8feb86659fd93ull;
	x = (x ^ (x >> 29) ^ port) * 0x9e3779b97f4a7c15ull;
	return (uint32_t)(x >> 40) & (TABLE - 1);
}

static const struct sockaddr_in6 *address_of(const struct hz_addresses *a, const struct entry *e)
{
	return &a->known[e->slot].from[e->at];
}

static uint32_t find(const struct hz_addresses *a, const struct in6_addr *address, in_port_t port)
{
	for (uint32_t i = place_of(a, address, port);; i = (i + 1) & (TABLE - 1)) {
		const struct entry *e = &a->table[i];
		if (!e->used)
			return TABLE;
		const struct sockaddr_in6 *from = address_of(a, e);
		if (from->sin6_port == port && !memcmp(&from->sin6_addr, address, sizeof(*address)))
			return i;
	}
}

int hz_addresses_new(struct hz_addresses **ret)
{
	struct hz_addresses *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->table = calloc(TABLE, sizeof(*a->table));
	a->known = calloc(HZ_MAX_PEERS, sizeof(*a->known));
	if (!a->table || !a->known) {
		hz_addresses_free(a);
		return -ENOMEM;
	}
	hz_random(&a->key, sizeof(a->key));
	*ret = a;
	return 0;
}

void hz_addresses_free(struct hz_addresses *a)
{
	if (!a)
		return;
	free(a->table);
	free(a->known);
	free(a);
}

uint32_t hz_addresses_find(const struct hz_addresses *a, const struct sockaddr_in6 *from)
{
	uint32_t i = find(a, &from->sin6_addr, from->sin6_port);
	return i == TABLE ? HZ_ADDRESS_NONE : a->table[i].slot;
}

static void remove_at(struct hz_addresses *a, uint32_t hole)
{
	for (uint32_t i = (hole + 1) & (TABLE - 1); a->table[i].used; i = (i + 1) & (TABLE - 1)) {
		const struct sockaddr_in6 *from = address_of(a, &a->table[i]);
		uint32_t home = place_of(a, &from->sin6_addr, from->sin6_port);
		if (((i - home) & (TABLE - 1)) < ((i - hole) & (TABLE - 1)))
			continue;
		a->table[hole] = a->table[i];
		hole = i;
	}
	a->table[hole].used = 0;
	a->count--;
}

static void forget(struct hz_addresses *a, uint32_t slot, uint32_t at)
{
	struct known *k = &a->known[slot];
	uint32_t i = find(a, &k->from[at].sin6_addr, k->from[at].sin6_port);
	if (i != TABLE && a->table[i].slot == slot)
		remove_at(a, i);
	uint32_t last = k->count - 1;
	if (at != last) { // the last one takes its place
		i = find(a, &k->from[last].sin6_addr, k->from[last].sin6_port);
		if (i != TABLE)
			a->table[i].at = (uint8_t)at;
		k->from[at] = k->from[last];
		k->heard_us[at] = k->heard_us[last];
	}
	k->count = last;
}

static uint32_t known_at(const struct known *k, const struct sockaddr_in6 *from)
{
	for (uint32_t i = 0; i < k->count; i++)
		if (k->from[i].sin6_port == from->sin6_port &&
		    !memcmp(&k->from[i].sin6_addr, &from->sin6_addr, sizeof(from->sin6_addr)))
			return i;
	return k->count;
}

void hz_addresses_set(struct hz_addresses *a, const struct sockaddr_in6 *from, uint32_t slot, int64_t now_us)
{
	struct known *k = &a->known[slot];
	uint32_t owner = hz_addresses_find(a, from);
	if (owner == slot) {
		k->heard_us[known_at(k, from)] = now_us;
		return;
	}
	if (owner != HZ_ADDRESS_NONE)
		forget(a, owner, known_at(&a->known[owner], from));
	if (k->count == HZ_ADDRESS_PER_PEER) {
		uint32_t oldest = 0;
		for (uint32_t i = 1; i < k->count; i++)
			if (k->heard_us[i] < k->heard_us[oldest])
				oldest = i;
		forget(a, slot, oldest);
	}
	k->from[k->count] = *from;
	k->heard_us[k->count] = now_us;
	k->count++;
	uint32_t i = place_of(a, &from->sin6_addr, from->sin6_port);
	while (a->table[i].used)
		i = (i + 1) & (TABLE - 1);
	a->table[i] = (struct entry){(uint16_t)slot, (uint8_t)(k->count - 1), 1};
	a->count++;
}

void hz_addresses_drop(struct hz_addresses *a, uint32_t slot)
{
	while (a->known[slot].count)
		forget(a, slot, a->known[slot].count - 1);
}

uint32_t hz_addresses_count(const struct hz_addresses *a)
{
	return a->count;
}

// The table of remote addresses against a plain list, over random comings and goings.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "media/api.h"
#include "media/worker/address.h"

#define ADDRESSES 400
#define SLOTS     20

static struct sockaddr_in6 name_of(unsigned i)
{
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = (in_port_t)(i % 7)};
	name.sin6_addr.s6_addr[10] = name.sin6_addr.s6_addr[11] = 0xff;
	name.sin6_addr.s6_addr[15] = (uint8_t)(i / 7);
	return name;
}

static void like_a_plain_list(void **state)
{
	static uint32_t owner[ADDRESSES];
	static int64_t heard[ADDRESSES];
	struct hz_addresses *a;
	uint32_t seed = 17;
	(void)state;
	assert_int_equal(hz_addresses_new(&a), 0);
	for (unsigned i = 0; i < ADDRESSES; i++)
		owner[i] = HZ_ADDRESS_NONE;
	for (int64_t now = 1; now < 30000; now++) {
		seed = seed * 1664525u + 1013904223u;
		unsigned which = (seed >> 8) % ADDRESSES, slot = (seed >> 20) % SLOTS;
		struct sockaddr_in6 name = name_of(which);
		if (seed >> 28 == 0) {
			hz_addresses_drop(a, slot);
			for (unsigned i = 0; i < ADDRESSES; i++)
				owner[i] = owner[i] == slot ? HZ_ADDRESS_NONE : owner[i];
			continue;
		}
		unsigned oldest = ADDRESSES, count = 0;
		for (unsigned i = 0; i < ADDRESSES; i++) {
			if (owner[i] != slot || i == which)
				continue;
			count++;
			oldest = oldest == ADDRESSES || heard[i] < heard[oldest] ? i : oldest;
		}
		if (owner[which] != slot && count == HZ_ADDRESS_PER_PEER)
			owner[oldest] = HZ_ADDRESS_NONE;
		owner[which] = slot;
		heard[which] = now;
		hz_addresses_set(a, &name, slot, now);
		unsigned known = 0;
		for (unsigned i = 0; i < ADDRESSES; i++) {
			name = name_of(i);
			assert_int_equal(hz_addresses_find(a, &name), owner[i]);
			known += owner[i] != HZ_ADDRESS_NONE;
		}
		assert_int_equal(hz_addresses_count(a), known);
	}
	hz_addresses_free(a);
}

static void full_to_the_last(void **state)
{
	struct hz_addresses *a;
	(void)state;
	assert_int_equal(hz_addresses_new(&a), 0);
	for (uint32_t i = 0; i < HZ_MAX_PEERS * HZ_ADDRESS_PER_PEER; i++) {
		struct sockaddr_in6 name = {.sin6_port = (in_port_t)i};
		memcpy(&name.sin6_addr, &i, 4);
		hz_addresses_set(a, &name, i / HZ_ADDRESS_PER_PEER, i);
	}
	assert_int_equal(hz_addresses_count(a), HZ_MAX_PEERS * HZ_ADDRESS_PER_PEER);
	for (uint32_t i = 0; i < HZ_MAX_PEERS * HZ_ADDRESS_PER_PEER; i++) {
		struct sockaddr_in6 name = {.sin6_port = (in_port_t)i};
		memcpy(&name.sin6_addr, &i, 4);
		assert_int_equal(hz_addresses_find(a, &name), i / HZ_ADDRESS_PER_PEER);
	}
	for (uint32_t i = 0; i < HZ_MAX_PEERS; i++)
		hz_addresses_drop(a, i);
	assert_int_equal(hz_addresses_count(a), 0);
	hz_addresses_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(like_a_plain_list),
	    cmocka_unit_test(full_to_the_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// Which peer does a datagram belong to? Remote addresses that STUN has authenticated, at most HZ_ADDRESS_PER_PEER a
// peer: a further one takes the place of the one unheard of for the longest time. Bounded by the peers of a worker,
// nothing is allocated after new. Thread: the worker's.
#ifndef HZ_MEDIA_WORKER_ADDRESS_H
#define HZ_MEDIA_WORKER_ADDRESS_H

#include <stdint.h>

#include <netinet/in.h>

#define HZ_ADDRESS_PER_PEER 8
#define HZ_ADDRESS_NONE     UINT32_MAX

struct hz_addresses;

int hz_addresses_new(struct hz_addresses **ret); // 0; -ENOMEM
void hz_addresses_free(struct hz_addresses *a);  // NULL allowed

// The peer's slot, or HZ_ADDRESS_NONE.
uint32_t hz_addresses_find(const struct hz_addresses *a, const struct sockaddr_in6 *from);

// Authenticated for this slot just now. An address of another peer moves: whether it may, the caller has asked.
void hz_addresses_set(struct hz_addresses *a, const struct sockaddr_in6 *from, uint32_t slot, int64_t now_us);

// When the peer goes.
void hz_addresses_drop(struct hz_addresses *a, uint32_t slot);

uint32_t hz_addresses_count(const struct hz_addresses *a);

#endif

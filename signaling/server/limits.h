// What each client address may have: connections, and requests a second (a token bucket). Bounded: an address that
// has no connection and a full bucket is forgotten when room is needed; when none is, newcomers are refused.
// IPv6 counts per /64 (one customer), IPv4 per address. Thread: one.
#ifndef HZ_SIGNALING_SERVER_LIMITS_H
#define HZ_SIGNALING_SERVER_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_LIMITS_ADDRESSES 16384

struct hz_limits;
struct hz_limits_entry;

// 0, -EINVAL, -ENOMEM.
int hz_limits_new(unsigned connections, unsigned requests_per_second, struct hz_limits **ret);
void hz_limits_free(struct hz_limits *limits);

// Counts one connection of address (text, as inet_ntop writes it). 0 and the entry, valid until hz_limits_close();
// -EDQUOT above the limit; -ENOSPC when the table is full of busy addresses; -EINVAL not an address.
int hz_limits_open(struct hz_limits *limits, const char *address, int64_t now_us,
                   struct hz_limits_entry **ret);
void hz_limits_close(struct hz_limits *limits, struct hz_limits_entry *entry); // NULL is fine

// true if the address may make a request now; takes it from the bucket.
bool hz_limits_request(struct hz_limits *limits, struct hz_limits_entry *entry, int64_t now_us);

unsigned hz_limits_count(const struct hz_limits *limits); // addresses known

#endif

// A small bounded set of SSRCs, sorted. For lists of tens that are looked up per packet and changed now and then.
#ifndef HZ_MEDIA_TRANSPORT_SSRC_SET_H
#define HZ_MEDIA_TRANSPORT_SSRC_SET_H

#include <stdbool.h>
#include <stdint.h>

struct hz_ssrc_set {
	uint32_t *ssrc; // grows up to max
	uint32_t count, cap, max;
	uint32_t newest; // of the last hit: packets come in runs
	bool has_newest;
};

void hz_ssrc_set_init(struct hz_ssrc_set *set, uint32_t max);
void hz_ssrc_set_done(struct hz_ssrc_set *set);

bool hz_ssrc_set_has(struct hz_ssrc_set *set, uint32_t ssrc);
bool hz_ssrc_set_full(const struct hz_ssrc_set *set);

// 0, also when it is in already; -ENOSPC; -ENOMEM.
int hz_ssrc_set_add(struct hz_ssrc_set *set, uint32_t ssrc);
bool hz_ssrc_set_remove(struct hz_ssrc_set *set, uint32_t ssrc); // false: was not in

#endif

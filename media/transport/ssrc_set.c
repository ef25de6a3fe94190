#include "media/transport/ssrc_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 8

void hz_ssrc_set_init(struct hz_ssrc_set *set, uint32_t max)
{
	memset(set, 0, sizeof(*set));
	set->max = max;
}

void hz_ssrc_set_done(struct hz_ssrc_set *set)
{
	free(set->ssrc);
	memset(set, 0, sizeof(*set));
}

// Index of the first one not below.
static uint32_t lower_bound(const struct hz_ssrc_set *set, uint32_t ssrc)
{
	uint32_t low = 0, high = set->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (set->ssrc[middle] < ssrc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool hz_ssrc_set_has(struct hz_ssrc_set *set, uint32_t ssrc)
{
	if (set->has_newest && set->newest == ssrc)
		return true;
	uint32_t at = lower_bound(set, ssrc);
	if (at == set->count || set->ssrc[at] != ssrc)
		return false;
	set->newest = ssrc;
	set->has_newest = true;
	return true;
}

bool hz_ssrc_set_full(const struct hz_ssrc_set *set)
{
	return set->count >= set->max;
}

static int grow(struct hz_ssrc_set *set)
{
	uint32_t cap = set->cap ? 2 * set->cap : FIRST_CAP;
	uint32_t *ssrc = realloc(set->ssrc, cap * sizeof(*ssrc));
	if (!ssrc)
		return -ENOMEM;
	set->ssrc = ssrc;
	set->cap = cap;
	return 0;
}

int hz_ssrc_set_add(struct hz_ssrc_set *set, uint32_t ssrc)
{
	uint32_t at = lower_bound(set, ssrc);
	if (at < set->count && set->ssrc[at] == ssrc)
		return 0;
	if (hz_ssrc_set_full(set))
		return -ENOSPC;
	int err = set->count == set->cap ? grow(set) : 0;
	if (err)
		return err;
	memmove(&set->ssrc[at + 1], &set->ssrc[at], (set->count - at) * sizeof(*set->ssrc));
	set->ssrc[at] = ssrc;
	set->count++;
	return 0;
}

bool hz_ssrc_set_remove(struct hz_ssrc_set *set, uint32_t ssrc)
{
	uint32_t at = lower_bound(set, ssrc);
	if (at == set->count || set->ssrc[at] != ssrc)
		return false;
	set->count--;
	memmove(&set->ssrc[at], &set->ssrc[at + 1], (set->count - at) * sizeof(*set->ssrc));
	set->has_newest = false;
	return true;
}

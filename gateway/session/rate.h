// How often something may be done: the generic cell rate algorithm (ITU-T I.371). Pure.
#ifndef HZ_GATEWAY_SESSION_RATE_H
#define HZ_GATEWAY_SESSION_RATE_H

#include <stdbool.h>
#include <stdint.h>

// One each every_us on average, up to burst at once. *tat_us: the state, 0 at first.
static inline bool hz_rate_allow(int64_t *tat_us, int64_t now_us, int64_t every_us, int burst)
{
	int64_t tat = *tat_us > now_us ? *tat_us : now_us;
	if (tat - now_us > every_us * (burst - 1))
		return false;
	*tat_us = tat + every_us;
	return true;
}

#endif

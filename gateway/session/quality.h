// A participant's connection in words, from what the workers measure and what its client reports. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_QUALITY_H
#define HZ_GATEWAY_SESSION_QUALITY_H

#include <jansson.h>

#include "gateway/session/model.h"

// Pure: round trip, loss of the worse direction, how long pictures stood still of the last seconds.
uint8_t hz_quality_of(double rtt_ms, double lost_percent, double frozen_ms);

// Looks at all transports of p anew; a change is pushed to the consult.
void hz_quality_update(struct hz_brain *brain, struct hz_participant *p);

// The `stats` object of PROTOCOL: a new reference, NULL when out of memory.
json_t *hz_stats_json(const struct hz_participant *p);

#endif

// GET /metrics: OpenMetrics 1.0 text. No names and no ids in labels. Thread: control's.
#ifndef HZ_GATEWAY_CONTROL_METRICS_H
#define HZ_GATEWAY_CONTROL_METRICS_H

#include "gateway/session/model.h"
#include "signaling/server/server.h"

#define HZ_METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

// malloc'd; NULL when out of memory. server may be NULL.
char *hz_metrics_text(struct hz_brain *brain, const struct hz_server_counters *server);

#endif

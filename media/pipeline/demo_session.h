// One WHIP or WHEP session of the demo, kept alive over refusals, losses and restarts of the gateway.
// Thread: the main loop; what GStreamer's threads tell goes through promises and atomics.
#ifndef HZ_MEDIA_PIPELINE_DEMO_SESSION_H
#define HZ_MEDIA_PIPELINE_DEMO_SESSION_H

#include <jansson.h>

#include "media/pipeline/demo_options.h"

struct hz_demo_session; // opaque

// source: the participant to watch; NULL: publish. options must outlive it. NULL: no memory.
struct hz_demo_session *hz_demo_session_new(const struct hz_demo_options *options, const char *source);

// To be called every 100 ms. 0, or -EACCES when the gateway refuses the token for good.
int hz_demo_session_tick(struct hz_demo_session *session, int64_t now_us);

// Counters since the start. json_decref() it.
json_t *hz_demo_session_stats(struct hz_demo_session *session);

// Ends the session at the gateway (DELETE, at most 3 s) and frees it.
void hz_demo_session_free(struct hz_demo_session *session);

#endif

// What the media workers say. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_EVENTS_H
#define HZ_GATEWAY_SESSION_EVENTS_H

#include "gateway/link/media_link.h"
#include "gateway/session/model.h"

// For hz_media_link_new(); ctx is the brain.
extern const struct hz_media_link_ops hz_events_link_ops;

void hz_events_handle(struct hz_brain *brain, unsigned worker, const union hz_msg *msg);

#endif

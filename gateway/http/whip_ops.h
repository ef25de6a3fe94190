// WHIP and WHEP on consults: the ops that signaling/whip calls. Thread: control's.
#ifndef HZ_GATEWAY_HTTP_WHIP_OPS_H
#define HZ_GATEWAY_HTTP_WHIP_OPS_H

#include "gateway/session/model.h"
#include "signaling/whip/whip.h"

// The ctx of hz_whip_ops: one for the process.
struct hz_whip_door {
	struct hz_brain *brain;
	struct hz_claims claims; // of the call in hand
};

extern const struct hz_whip_ops hz_whip_brain_ops;

// Ends WHIP and WHEP resources whose client never came (no ICE within a minute).
void hz_whip_sweep(struct hz_brain *brain);

#endif

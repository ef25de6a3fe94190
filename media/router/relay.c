// What a relay loses between two workers is not asked for again: the publishers are asked for pictures instead.
#include "media/router/state.h"

void hz_router_lost(struct hz_router *router, uint32_t slot, int64_t now_us)
{
	if (slot >= HZ_MAX_PEERS || !router->peer[slot].used)
		return;
	for (uint16_t t = router->peer[slot].first_track; t != HZ_NO_SLOT; t = router->track[t].next) {
		for (unsigned i = 0; i < HZ_MAX_LAYERS; i++) {
			if (router->track[t].layer[i].alive)
				hz_keyframe_want(router, t, i);
		}
		hz_keyframe_poll(router, t, now_us);
	}
}

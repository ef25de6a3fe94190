// The share of a peer's link that control wants for images: asked for, taken out of what pictures may use, told. media/cc/share.h decides.
#include <errno.h>

#include "media/router/congestion.h"
#include "media/router/state.h"

#define TELL_US 400000

int hz_peer_share(struct hz_router *r, uint32_t slot, uint32_t for_ms, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	if (!c || !hz_cc_estimate_bps(c->cc))
		return 0; // nobody knows its link
	hz_share_ask(&c->share, (int64_t)for_ms * 1000, now_us);
	if (!c->share.since_us)
		c->allot_us = now_us; // pictures begin to step down now
	return 0;
}

static void tell(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	union hz_msg msg = {.shared = {.peer = r->arena->peer[slot].id, .bps = c->share.bps}};
	uint32_t off = c->share.bps > c->share_told_bps ? c->share.bps - c->share_told_bps
	                                                : c->share_told_bps - c->share.bps;
	if (!c->share.ready ||
	    (c->share_told_us && off <= c->share_told_bps / 8 && now_us - c->share_told_us < TELL_US))
		return;
	hz_event_header(&msg.h, HZ_EV_PEER_SHARE, sizeof(msg.shared));
	if (!r->ops->event(r->ctx, &msg))
		return; // the next round tries again
	c->share_told_us = now_us;
	c->share_told_bps = c->share.bps;
}

uint64_t hz_share_left(struct hz_router *r, uint32_t slot, uint32_t target_bps, uint64_t least_bps,
                       int64_t now_us)
{
	struct hz_rt_congestion *c = r->peer[slot].congestion;
	bool had = c->share.since_us != 0;
	struct hz_share_in in = {.target_bps = target_bps,
	                         .audio_bps = c->audio_bps,
	                         .least_bps = least_bps,
	                         .sending_bps = c->fresh_bps,
	                         .now_us = now_us};
	uint64_t left = hz_share_round(&c->share, &in);
	if (!had || !c->share.since_us)
		c->share_told_us = 0;
	if (!had && c->share.since_us)
		c->short_us = 0;
	if (c->share.since_us)
		tell(r, slot, now_us);
	return left;
}

// Tracks that are recorded: what they send goes to the worker's tap as well.
#include "media/router/state.h"

bool hz_track_tapped(const struct hz_router *r, uint32_t track)
{
	if (!(hz_arena_track_set(&r->arena->track[track])->flags & HZ_TRACK_TAP) || !r->ops->tap)
		return false;
	return !(hz_arena_peer_set(&r->arena->peer[r->track[track].peer])->flags & HZ_PEER_RELAY);
}

bool hz_track_wanted(const struct hz_router *r, uint32_t track)
{
	return r->track[track].first_sub != HZ_NO_SLOT || hz_track_tapped(r, track);
}

void hz_tap_sender_report(struct hz_router *r, const struct hz_ssrc_entry *e,
                          const struct hz_rtcp_packet *packet, int64_t now_us)
{
	const struct hz_ring_record record = {.kind = HZ_RING_RTCP,
	                                      .flags = e->layer,
	                                      .source = r->arena->track[e->track].id,
	                                      .arrival_us = now_us};
	struct hz_rt_layer *l = &r->track[e->track].layer[e->layer];
	bool paused = hz_arena_track_set(&r->arena->track[e->track])->flags & HZ_TRACK_PAUSED;
	// One packet holds forty of them, and the ring is everybody's.
	if (paused || !hz_track_tapped(r, e->track) || packet->body_bytes < HZ_TAP_SR_BYTES ||
	    (l->sr_us && now_us - l->sr_us < HZ_SR_TAP_US))
		return;
	l->sr_us = now_us;
	r->ops->tap(r->ctx, &record, packet->body, HZ_TAP_SR_BYTES);
}

// The packets of one frame that came in one receive batch, forwarded subscription by subscription rather than packet by packet: a frame's
// packets to one receiver then lie side by side in the outgoing batch (one UDP_SEGMENT send), and what is known of that
// receiver (mapping, keys, path) is fetched into the cache once instead of once a packet.
#include <errno.h>
#include <stdlib.h>

#include "media/router/state.h"

static void forward_all(struct hz_router *r)
{
	const struct hz_rt_in *in = r->burst;
	uint32_t count = r->burst_count;
	if (count == 0)
		return;
	r->burst_count = 0;
	for (uint16_t s = r->track[in->track].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_track) {
		if (!in->frame.keyframe_start && hz_replay_may(r, s, in->now_us))
			hz_replay(r, s, in);
		for (uint32_t i = 0; i < count; i++)
			if (!r->peer[r->sub[s].peer].paced || !hz_pace(r, &in[i], s))
				hz_forward_one(r, &in[i], s);
	}
	hz_keyframe_poll(r, in->track, in->now_us);
}

void hz_burst_flush(struct hz_router *r)
{
	forward_all(r);
}

int hz_burst_new(struct hz_router *r)
{
	r->burst = calloc(HZ_BURST, sizeof(*r->burst));
	return r->burst ? 0 : -ENOMEM;
}

void hz_burst_next(struct hz_router *r, const struct hz_ssrc_entry *entry, uint32_t ts)
{
	const struct hz_rt_in *in = r->burst;
	if (r->burst_count && (in->track != entry->track || in->layer != entry->layer ||
	                       in->packet.ts != ts || r->burst_count == HZ_BURST))
		forward_all(r);
}

void hz_burst_add(struct hz_router *r, const struct hz_rt_in *in)
{
	r->burst[r->burst_count++] = *in;
	if (!r->bursting)
		forward_all(r);
}

void hz_router_burst_begin(struct hz_router *router)
{
	router->bursting = 1;
}

void hz_router_burst_end(struct hz_router *router)
{
	router->bursting = 0;
	forward_all(router);
}

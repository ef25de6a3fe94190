// The packets of one frame that came in one receive batch, forwarded subscription by subscription rather than packet by
// packet: a frame's packets to one receiver then lie side by side in the outgoing batch (one UDP_SEGMENT send), and what
// is known of that receiver (mapping, keys, path) is fetched into the cache once instead of once a packet.
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "media/router/state.h"

// With many subscriptions each one's state has left the cache since the last frame: it is fetched while those before it
// are served, what is pointed to one step after what points to it.
#define AHEAD 4

static void prefetch(const void *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 64)
		__builtin_prefetch((const uint8_t *)at + i);
}

static void prefetch_peer(struct hz_router *r, uint16_t sub)
{
	uint16_t peer = r->sub[sub].peer;
	const struct hz_arena_peer *ap = &r->arena->peer[peer];
	prefetch(&r->arena->sub[sub], sizeof(r->arena->sub[sub]));
	prefetch(&r->peer[peer], sizeof(r->peer[peer]));
	prefetch(&ap->has_path, sizeof(ap->path));
	__builtin_prefetch(&ap->twcc_seq, 1);
}

// next[i]: the subscription i + 1 places behind the current one.
static void look_ahead(struct hz_router *r, uint16_t next[AHEAD])
{
	uint16_t last = next[AHEAD - 1];
	for (unsigned i = 0; i + 1 < AHEAD; i++)
		next[i] = next[i + 1];
	next[AHEAD - 1] = last == HZ_NO_SLOT ? HZ_NO_SLOT : r->sub[last].next_of_track;
	if (next[3] != HZ_NO_SLOT)
		prefetch(&r->sub[next[3]], offsetof(struct hz_rt_sub, epoch));
	if (next[2] != HZ_NO_SLOT)
		prefetch_peer(r, next[2]);
	for (unsigned i = 0; i < 3 && r->ops->prefetch; i++)
		if (next[i] != HZ_NO_SLOT)
			r->ops->prefetch(r->ctx, r->sub[next[i]].peer, i);
}

static void forward_all(struct hz_router *r)
{
	const struct hz_rt_in *in = r->burst;
	uint32_t count = r->burst_count;
	if (count == 0)
		return;
	r->burst_count = 0;
	uint16_t next[AHEAD] = {HZ_NO_SLOT, HZ_NO_SLOT, HZ_NO_SLOT, r->track[in->track].first_sub};
	for (unsigned i = 0; i + 1 < AHEAD; i++) // the first one is fetched as it is needed
		look_ahead(r, next);
	for (uint16_t s = r->track[in->track].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_track) {
		look_ahead(r, next);
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

bool hz_router_burst_waits(const struct hz_router *router)
{
	return router->burst_count > 0;
}

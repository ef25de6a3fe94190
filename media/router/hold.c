// Voices that a receiver hears in the mix are not sent beside it (HZ_SUB_HELD); they are back, without anybody's word, where the
// mix stays away. Nothing of it is in the arena: behind a restart both are sent until the mix has come for a while.
#include "media/router/state.h"

bool hz_sub_held(const struct hz_router *r, uint32_t sub, int64_t now_us)
{
	const struct hz_rt_peer *p = &r->peer[r->sub[sub].peer];
	return hz_arena_sub_set(&r->arena->sub[sub])->flags & HZ_SUB_HELD && p->mix_us &&
	       now_us - p->mix_us < HZ_HOLD_LOST_US && now_us - p->mix_since_us >= HZ_HOLD_SETTLE_US;
}

void hz_hold_sent(struct hz_router *r, uint32_t sub, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[r->sub[sub].peer];
	if (!p->mix_us || now_us - p->mix_us >= HZ_HOLD_LOST_US)
		p->mix_since_us = now_us;
	p->mix_us = now_us;
}

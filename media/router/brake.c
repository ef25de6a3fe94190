// A publisher whose uplink became narrow all at once (media/rtp/brake.h) is told at once, by REMB, which browsers obey beside
// transport-wide feedback, too; control is told for what only the client can lower.
#include <stdlib.h>

#include "media/router/state.h"

#define SAFE_PERCENT 70 // of what comes through: the queue is to become empty

uint32_t hz_brake_bps(const struct hz_rt_peer *p)
{
	if (!p->braked)
		return 0;
	if (!p->brake || !p->brake->bps)
		return HZ_REMB_MAX_BPS;
	uint32_t safe = (uint32_t)(p->brake->bps * (uint64_t)SAFE_PERCENT / 100);
	return safe > HZ_REMB_MIN_BPS ? safe : HZ_REMB_MIN_BPS; // sound is under it, too
}

static void tell(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	const struct hz_brake *b = r->peer[slot].brake;
	union hz_msg msg = {.uplink = {.peer = r->arena->peer[slot].id, .bps = b->bps}};
	r->peer[slot].braked = 1; // from now on in each report: what lifts it may be lost, too
	if (r->peer[slot].live && !hz_compound_begin(r, slot, NULL, 0) && !hz_remb_peer(r, slot, now_us))
		hz_compound_send(r);
	if (!b->bps)
		return;
	hz_event_header(&msg.h, HZ_EV_PEER_UPLINK, sizeof(msg.uplink));
	(void)r->ops->event(r->ctx, &msg); // no room: REMB has to do
}

void hz_brake_note(struct hz_router *r, uint32_t slot, const struct hz_rt_in *in)
{
	struct hz_rt_peer *p = &r->peer[slot];
	const struct hz_brake_in packet = {.abs_send_time = in->exts.abs_send_time,
	                                   .twcc_seq = in->exts.twcc_seq,
	                                   .bytes = (uint32_t)in->packet.bytes,
	                                   .now_us = in->now_us};
	if (!(in->exts.has & HZ_EXT_TWCC) || r->late)
		return;
	if (!(in->exts.has & HZ_EXT_ABS_SEND_TIME)) { // its number would be missing
		if (p->brake)
			hz_brake_forget(p->brake);
		return;
	}
	if (!p->brake)
		p->brake = calloc(1, sizeof(*p->brake));
	if (p->brake && hz_brake_on_packet(p->brake, &packet))
		tell(r, slot, in->now_us);
}

void hz_brake_peer(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	if (p->brake && hz_brake_poll(p->brake, now_us))
		tell(r, slot, now_us);
}

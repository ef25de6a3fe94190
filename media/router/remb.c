// REMB, with each receiver report, to publishers that speak it and nothing better (media/rtp/remb.h), and to those whose uplink
// became narrow all at once (brake.c).
#include "media/router/state.h"

#define MAX_SSRCS 32

// Video with goog-remb; `simple`: and without transport-wide numbers.
static bool takes(const struct hz_cmd_track_set *set, bool simple)
{
	uint8_t flags = 0;
	for (unsigned i = 0; i < set->pt_count; i++)
		flags |= set->pt[i].flags;
	return set->kind == HZ_KIND_VIDEO && flags & HZ_PT_REMB &&
	       !(simple && flags & HZ_PT_TWCC && set->ext.twcc);
}

int hz_remb_peer(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	struct hz_remb_in in = {.bytes = p->up_total};
	uint32_t ssrcs[MAX_SSRCS], sound = 0;
	size_t count = 0, slow = 0; // of those: streams without transport-wide numbers
	uint32_t most = hz_brake_bps(p);
	for (uint16_t t = p->first_track; t != HZ_NO_SLOT; t = r->track[t].next) {
		const struct hz_cmd_track_set *set = hz_arena_track_set(&r->arena->track[t]);
		bool simple = takes(set, true), told = simple || (most && takes(set, false));
		for (unsigned i = 0; i < HZ_MAX_LAYERS; i++) {
			const struct hz_rt_stream *stream = r->track[t].layer[i].stream;
			if (!stream || !stream->rx.started)
				continue;
			in.expected += stream->rx.highest - stream->rx.base + 1;
			in.lost += stream->rx.highest - stream->rx.base + 1 - stream->rx.received;
			if (told && count < MAX_SSRCS)
				ssrcs[count++] = r->arena->track[t].rx[i].ssrc;
			sound = r->arena->track[t].rx[i].ssrc;
			slow += simple;
		}
	}
	if (!count && p->brake && most && sound) // the pictures ended; what they were told holds for all
		ssrcs[count++] = sound;
	if (!count)
		return 0;
	uint32_t bps = slow ? hz_remb_step(&p->remb, &in, now_us) : most;
	if (most && most < bps)
		bps = most;
	return bps ? hz_rtcp_write_remb(&r->rtcp, hz_router_rtcp_ssrc(r), bps, ssrcs, count) : 0;
}

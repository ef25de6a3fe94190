// Outgoing RTCP. Every compound begins with a receiver report of this incarnation's own SSRC: SRTCP takes its index
// space from it, and the index of the incarnation before is not known (media/transport/srtp.h).
#include <errno.h>
#include <stdio.h>

#include "media/router/state.h"

#define NACK_ITEMS 64

int hz_compound_begin(struct hz_router *r, uint32_t slot, const struct hz_report_block *blocks, size_t count)
{
	r->rtcp_slot = slot;
	hz_rtcp_writer_init(&r->rtcp, r->rtcp_buf, HZ_ROUTER_RTCP_BYTES);
	return hz_rtcp_begin(&r->rtcp, hz_router_rtcp_ssrc(r), blocks, count);
}

void hz_compound_send(struct hz_router *r)
{
	if (r->rtcp.bytes)
		r->ops->send_rtcp(r->ctx, r->rtcp_slot, r->rtcp_buf, r->rtcp.bytes);
	r->rtcp.bytes = 0;
}

// For those who wait for repairs (playout.c).
static void note_repairs(struct hz_rt_layer *l)
{
	uint32_t again = l->again - l->again_told;
	int64_t got = l->stream->rx.received - l->got_told;
	uint32_t permille = got + again > 0 ? (uint32_t)(again * 1000ll / (got + again)) : 0;
	l->again_told = l->again;
	l->got_told = l->stream->rx.received;
	l->late_x4 = (uint16_t)(l->late_x4 - l->late_x4 / 4 + permille);
}

static size_t blocks_of(struct hz_router *r, uint32_t slot, int64_t now_us,
                        struct hz_report_block blocks[HZ_RTCP_MAX_BLOCKS])
{
	size_t count = 0;
	for (uint16_t t = r->peer[slot].first_track; t != HZ_NO_SLOT; t = r->track[t].next) {
		for (unsigned i = 0; i < HZ_MAX_LAYERS && count < HZ_RTCP_MAX_BLOCKS; i++) {
			struct hz_rt_stream *stream = r->track[t].layer[i].stream;
			uint32_t ssrc = r->arena->track[t].rx[i].ssrc;
			if (!stream || !ssrc || now_us - r->track[t].layer[i].last_us > 5 * HZ_REPORT_US)
				continue;
			if (hz_receiver_block(&stream->rx, ssrc, now_us, &blocks[count]))
				continue;
			count++;
			note_repairs(&r->track[t].layer[i]);
		}
	}
	return count;
}

// The outgoing timestamp at this moment.
static uint32_t ts_at(const struct hz_router *r, uint32_t sub, int64_t now_us)
{
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	const struct hz_sub_map *map = hz_arena_sub_map(as);
	const struct hz_arena_track *at = hz_arena_track(r->arena, map->track);
	uint32_t ts;
	if (at && map->layer < HZ_MAX_LAYERS) {
		const struct hz_clock_peer *clock = &r->arena->peer[r->track[HZ_ID_SLOT(at->id)].peer].clock;
		if (!hz_clockmap_rtp_at(&at->clock[map->layer], clock, now_us, &ts))
			return ts + map->ts_offset;
	}
	return as->last_ts + (uint32_t)hz_sub_elapsed(as, hz_clock_hz(hz_arena_sub_set(as)->kind), now_us);
}

static int write_sender(struct hz_router *r, uint32_t sub, int64_t now_us)
{
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(as);
	struct hz_sender_info info = {
	    .ntp = hz_ntp_from_us(now_us + r->wall_offset_us + HZ_NTP_UNIX_US),
	    .rtp_ts = ts_at(r, sub, now_us),
	    .packets = as->packets,
	    .octets = as->octets,
	};
	// One CNAME for all that comes from one publisher: receivers keep those in lip sync.
	const struct hz_arena_track *at = hz_arena_track(r->arena, hz_arena_sub_map(as)->track);
	char cname[24];
	snprintf(cname, sizeof(cname), "p%08x", at ? hz_arena_track_set(at)->peer : 0);
	size_t before = r->rtcp.bytes;
	int err = hz_rtcp_write_sr(&r->rtcp, set->ssrc, &info, NULL, 0);
	if (!err)
		err = hz_rtcp_write_cname(&r->rtcp, set->ssrc, cname);
	if (err)
		r->rtcp.bytes = before;
	return err;
}

static bool needs_sender_report(const struct hz_router *r, uint32_t sub, int64_t now_us)
{
	const struct hz_arena_sub *as = &r->arena->sub[sub];
	return as->started && as->packets && r->sub[sub].track != HZ_NO_SLOT &&
	       hz_arena_sub_map(as)->track == hz_arena_sub_set(as)->track &&
	       now_us - as->last_us < 5 * HZ_REPORT_US;
}

void hz_report_peer(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	struct hz_report_block blocks[HZ_RTCP_MAX_BLOCKS];
	if (!p->live || now_us < p->report_us)
		return;
	p->report_us = now_us + HZ_REPORT_US;
	size_t count = blocks_of(r, slot, now_us, blocks);
	if (hz_compound_begin(r, slot, blocks, count) ||
	    hz_rtcp_write_cname(&r->rtcp, hz_router_rtcp_ssrc(r), "huizhen") || hz_remb_peer(r, slot, now_us))
		return;
	for (uint16_t s = p->first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_peer) {
		if (!needs_sender_report(r, s, now_us) || !write_sender(r, s, now_us))
			continue;
		hz_compound_send(r); // full: the rest goes into another one
		if (hz_compound_begin(r, slot, NULL, 0) || write_sender(r, s, now_us))
			return;
	}
	hz_compound_send(r);
}

void hz_report_soon(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	if (r->peer[slot].report_us > now_us + HZ_REPORT_SOON_US)
		r->peer[slot].report_us = now_us + HZ_REPORT_SOON_US;
}

static void nack_layer(struct hz_router *r, uint32_t track, unsigned layer, int64_t now_us)
{
	struct hz_rt_track *t = &r->track[track];
	struct hz_rt_stream *stream = t->layer[layer].stream;
	struct hz_nack_item items[NACK_ITEMS];
	uint32_t ssrc = r->arena->track[track].rx[layer].ssrc;
	const struct hz_rt_peer *p = &r->peer[t->peer];
	stream->nack.waits_us = p->rtt_us && p->brake ? hz_brake_waits_us(p->brake) : 0;
	size_t count = hz_nack_collect(&stream->nack, now_us, p->rtt_us, items, NACK_ITEMS);
	if (hz_nack_take_keyframe(&stream->nack))
		hz_keyframe_want(r, track, layer);
	if (!count || hz_compound_begin(r, t->peer, NULL, 0) ||
	    hz_rtcp_write_nack(&r->rtcp, hz_router_rtcp_ssrc(r), ssrc, items, count))
		return;
	hz_compound_send(r);
	r->peer[t->peer].stats.nacks_sent++;
}

void hz_nack_track(struct hz_router *r, uint32_t track, int64_t now_us)
{
	const struct hz_cmd_track_set *set = hz_arena_track_set(&r->arena->track[track]);
	const struct hz_rt_track *t = &r->track[track];
	uint8_t flags = 0;
	// A repaired packet that nobody takes is not worth the publisher's uplink.
	if (!r->peer[t->peer].live || set->flags & HZ_TRACK_PAUSED || !hz_track_wanted(r, track))
		return;
	for (unsigned i = 0; i < set->pt_count; i++)
		flags |= set->pt[i].flags;
	bool lower = false; // there is a smaller picture that matters more
	for (unsigned i = 0; i < HZ_MAX_LAYERS && flags & HZ_PT_NACK; i++) {
		struct hz_rt_stream *stream = t->layer[i].stream;
		if (!stream)
			continue;
		stream->nack.yields = lower;
		// What is missing of one that stopped would stand before the packets of the smaller one.
		if (lower && !t->layer[i].alive)
			hz_nack_give_up(&stream->nack);
		else if (hz_nack_deadline(&stream->nack) <= now_us)
			nack_layer(r, track, i, now_us);
		lower = lower || t->layer[i].alive;
	}
}

void hz_twcc_peer(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	if (!p->live || !p->twcc || hz_twcc_deadline(p->twcc) > now_us)
		return;
	for (unsigned i = 0; i < 4; i++) { // what is left waits for the next tick
		if (hz_compound_begin(r, slot, NULL, 0) ||
		    hz_twcc_write(p->twcc, &r->rtcp, hz_router_rtcp_ssrc(r), p->twcc_ssrc))
			return;
		hz_compound_send(r);
		if (!hz_twcc_pending(p->twcc))
			return;
	}
}

// A decrypted RTCP compound of a peer. It may speak only for its own tracks (sender reports, BYE) and its own
// subscriptions (receiver reports, NACK, PLI, FIR): everything else is passed over.
#include <errno.h>

#include "media/router/state.h"
#include "media/rtp/xr.h"

#define NO_SUB UINT32_MAX

static uint32_t sub_of(const struct hz_router *r, uint32_t slot, uint32_t ssrc)
{
	for (uint16_t s = r->peer[slot].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_peer)
		if (hz_arena_sub_set(&r->arena->sub[s])->ssrc == ssrc)
			return s;
	return NO_SUB;
}

static void on_sender_info(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet,
                           const struct hz_rtcp_report *report, int64_t now_us)
{
	struct hz_ssrc_entry *e = hz_ssrc_find(r, slot, report->ssrc);
	if (!e || e->rtx)
		return;
	struct hz_arena_track *at = &r->arena->track[e->track];
	struct hz_rt_stream *stream = r->track[e->track].layer[e->layer].stream;
	if (!at->clock[e->layer].clock_hz)
		hz_clockmap_init(&at->clock[e->layer], hz_clock_hz(hz_arena_track_set(at)->kind));
	hz_clockmap_on_sr(&at->clock[e->layer], &r->arena->peer[slot].clock, report->sender.ntp,
	                  report->sender.rtp_ts, now_us);
	if (stream)
		hz_receiver_on_sr(&stream->rx, report->sender.ntp, now_us);
	hz_tap_sender_report(r, e, packet, now_us);
}

static void on_block(struct hz_router *r, uint32_t slot, const struct hz_report_block *block, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	uint32_t sub = sub_of(r, slot, block->ssrc), rtt_us;
	if (sub == NO_SUB)
		return;
	struct hz_rt_sub *s = &r->sub[sub];
	if (s->lost_valid)
		p->stats.down_lost += block->cumulative_lost - s->lost_told;
	s->lost_told = block->cumulative_lost;
	s->lost_valid = 1;
	hz_congestion_report(r, slot, block->fraction_lost, now_us);
	uint64_t ntp = hz_ntp_from_us(now_us + r->wall_offset_us + HZ_NTP_UNIX_US);
	if (hz_rtcp_rtt_us(hz_ntp_compact(ntp), block->lsr, block->dlsr, &rtt_us) || rtt_us > 10000000)
		return;
	p->rtt_us = p->rtt_us ? (p->rtt_us * 7 + rtt_us) / 8 : rtt_us;
	if (!p->rtt_us)
		p->rtt_us = 1; // 0 means unknown
}

static int on_report(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet, int64_t now_us)
{
	struct hz_rtcp_report report;
	int err = hz_rtcp_parse_report(packet, &report);
	if (err)
		return err;
	if (report.is_sr)
		on_sender_info(r, slot, packet, &report, now_us);
	for (unsigned i = 0; i < report.block_count; i++)
		on_block(r, slot, &report.block[i], now_us);
	return 0;
}

static int on_bye(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet, int64_t now_us)
{
	uint32_t ssrcs[HZ_RTCP_MAX_BLOCKS];
	size_t count;
	int err = hz_rtcp_parse_bye(packet, ssrcs, &count);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		struct hz_ssrc_entry *e = hz_ssrc_find(r, slot, ssrcs[i]);
		if (!e || e->rtx)
			continue;
		// The SSRC stays known (a BYE may be followed by late packets), the layer counts as stopped. Whoever says it
		// again and again, and goes on, is not believed each time: everybody would be told of it, and the record.
		struct hz_rt_track *t = &r->track[e->track];
		struct hz_rt_layer *l = &t->layer[e->layer];
		if (l->bye_us && now_us - l->bye_us < HZ_BYE_US)
			continue;
		l->bye_us = now_us;
		l->last_us = 0;
		hz_layers_check(r, e->track, now_us);
		bool left = false;
		for (unsigned k = 0; k < HZ_MAX_LAYERS; k++)
			left = left || t->layer[k].alive;
		if (!left && t->active) {
			t->active = 0;
			hz_event_track_state(r, e->track);
		}
	}
	return 0;
}

// Numbers a peer asks for cost a look each, answered or not: a flood is not looked at.
static bool may_look(struct hz_rt_peer *p, int64_t now_us)
{
	p->nacks += (now_us - p->nacks_us) * HZ_NACKS_PER_S;
	p->nacks_us = now_us;
	if (p->nacks > HZ_NACKS_BURST * 1000000ll)
		p->nacks = HZ_NACKS_BURST * 1000000ll;
	if (p->nacks < 1000000)
		return false;
	p->nacks -= 1000000;
	return true;
}

static int on_nack(struct hz_router *r, uint32_t slot, const struct hz_rtcp_feedback *fb, int64_t now_us)
{
	size_t count;
	int err = hz_rtcp_nack_count(fb, &count);
	if (err)
		return err;
	r->peer[slot].stats.nacks_received++;
	uint32_t sub = sub_of(r, slot, fb->media_ssrc);
	for (size_t i = 0; i < count && sub != NO_SUB; i++) {
		struct hz_nack_item item = hz_rtcp_nack_item(fb, i);
		if (may_look(&r->peer[slot], now_us))
			hz_resend(r, sub, item.pid, now_us);
		for (unsigned bit = 0; bit < 16; bit++)
			if (item.blp & 1u << bit && may_look(&r->peer[slot], now_us))
				hz_resend(r, sub, (uint16_t)(item.pid + bit + 1), now_us);
	}
	return 0;
}

static void want_for(struct hz_router *r, uint32_t slot, uint32_t ssrc, int64_t now_us)
{
	uint32_t sub = sub_of(r, slot, ssrc);
	if (sub == NO_SUB || r->sub[sub].track == HZ_NO_SLOT || !hz_sub_wants_media(r, sub) ||
	    hz_keyframe_under_way(r, sub, now_us))
		return;
	const struct hz_rt_sub *s = &r->sub[sub];
	// Both while a switch is under way: the picture on the screen comes from the old layer.
	const struct hz_sub_map *map = hz_arena_sub_map(&r->arena->sub[sub]);
	hz_keyframe_want(r, s->track, s->target);
	if (map->track == r->arena->track[s->track].id && r->track[s->track].layer[map->layer].alive)
		hz_keyframe_want(r, s->track, map->layer);
	hz_keyframe_poll(r, s->track, now_us);
}

static int on_rtpfb(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet, int64_t now_us)
{
	struct hz_rtcp_feedback fb;
	int err = hz_rtcp_parse_feedback(packet, &fb);
	if (err)
		return err;
	if (packet->count == HZ_RTPFB_NACK)
		return on_nack(r, slot, &fb, now_us);
	if (packet->count == HZ_RTPFB_TWCC)
		hz_congestion_feedback(r, slot, packet, now_us);
	return 0;
}

static int on_psfb(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet, int64_t now_us)
{
	struct hz_rtcp_feedback fb;
	size_t count;
	int err = hz_rtcp_parse_feedback(packet, &fb);
	if (err)
		return err;
	if (packet->count == HZ_PSFB_PLI) {
		r->peer[slot].stats.plis_received++;
		want_for(r, slot, fb.media_ssrc, now_us);
		return 0;
	}
	if (packet->count == HZ_PSFB_AFB) {
		struct hz_rtcp_remb remb;
		if (!hz_rtcp_parse_remb(&fb, &remb)) // else another application's
			hz_congestion_remb(r, slot, remb.bps, now_us);
		return 0;
	}
	if (packet->count != HZ_PSFB_FIR)
		return 0;
	err = hz_rtcp_fir_count(&fb, &count);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++) {
		uint32_t ssrc;
		uint8_t seq;
		hz_rtcp_fir_item(&fb, i, &ssrc, &seq);
		r->peer[slot].stats.plis_received++;
		want_for(r, slot, ssrc, now_us);
	}
	return 0;
}

// A receiver asks for its round trip. Answered at once, so no delay has to be kept; not each of many: the answer is longer
// than the question, by a line for each stream.
static int on_xr(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	struct hz_xr_time time;
	int err = hz_xr_parse_time(packet, &time);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (p->xr_us > now_us || hz_compound_begin(r, slot, NULL, 0))
		return 0;
	if (p->xr_us < now_us - (HZ_XR_BURST - 1) * HZ_XR_US)
		p->xr_us = now_us - (HZ_XR_BURST - 1) * HZ_XR_US;
	p->xr_us += HZ_XR_US;
	// In the name of each stream that the receiver gets: libwebrtc keeps round trips by stream. As many as fit.
	for (uint16_t s = r->peer[slot].first_sub; s != HZ_NO_SLOT && !err; s = r->sub[s].next_of_peer)
		err = hz_xr_write_delay(&r->rtcp, hz_arena_sub_set(&r->arena->sub[s])->ssrc, &time, 0);
	hz_compound_send(r);
	return 0;
}

static int on_packet(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet, int64_t now_us)
{
	switch (packet->type) {
	case HZ_RTCP_SR:
	case HZ_RTCP_RR:
		return on_report(r, slot, packet, now_us);
	case HZ_RTCP_BYE:
		return on_bye(r, slot, packet, now_us);
	case HZ_RTCP_RTPFB:
		return on_rtpfb(r, slot, packet, now_us);
	case HZ_RTCP_PSFB:
		return on_psfb(r, slot, packet, now_us);
	case HZ_RTCP_XR:
		return on_xr(r, slot, packet, now_us);
	default:
		return 0;
	}
}

int hz_router_rtcp(struct hz_router *router, uint32_t slot, const uint8_t *data, size_t bytes, int64_t now_us)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet packet;
	if (slot >= HZ_MAX_PEERS || !router->peer[slot].used)
		return -ENOENT;
	int err = hz_rtcp_check(data, bytes);
	if (err) {
		router->arena->counters.rtcp_bad++;
		return err;
	}
	if (!router->peer[slot].live)
		return 0; // in the lobby: neither heard nor answered
	int bad = 0;
	hz_rtcp_iter_init(&iter, data, bytes);
	while ((err = hz_rtcp_next(&iter, &packet)) == 1) {
		err = on_packet(router, slot, &packet, now_us);
		if (err)
			bad = err; // the others of the compound may be good
	}
	if (err < 0)
		bad = err;
	if (bad)
		router->arena->counters.rtcp_bad++;
	return bad ? -EBADMSG : 0;
}

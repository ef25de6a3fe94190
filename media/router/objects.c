// Making and removing of peers, tracks and subscriptions: the private side and, on removal, the arena.
#include <stdlib.h>
#include <string.h>

#include "media/router/state.h"

void hz_peer_home(struct hz_router *r, uint32_t slot, uint32_t consult)
{
	uint32_t at = HZ_MAX_PEERS;
	for (uint32_t i = 0; i < HZ_MAX_PEERS; i++) {
		if (r->consult[i].refs && r->consult[i].consult == consult) {
			at = i;
			break;
		}
		if (!r->consult[i].refs && at == HZ_MAX_PEERS)
			at = i; // there are as many places as peers: one is free
	}
	if (!r->consult[at].refs) {
		memset(&r->consult[at], 0, sizeof(r->consult[at]));
		r->consult[at].consult = consult;
		r->consult[at].first_track = HZ_NO_SLOT;
	}
	r->consult[at].refs++;
	r->peer[slot].consult = at;
}

void hz_peer_attach(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	memset(p, 0, sizeof(*p));
	p->used = 1;
	p->first_track = p->first_sub = HZ_NO_SLOT;
	p->dense = r->peers_count;
	p->mark = r->mark;
	p->report_us = now_us + HZ_REPORT_US / 4 + (int64_t)(slot % 64) * 10000; // spread over the second
	p->resend_bytes = HZ_RESEND_BURST;
	p->resend_us = now_us;
	p->nacks = HZ_NACKS_BURST * 1000000ll;
	p->nacks_us = now_us;
	r->peers[r->peers_count++] = (uint16_t)slot;
	hz_peer_home(r, slot, hz_arena_peer_set(&r->arena->peer[slot])->consult);
}

void hz_track_tables(struct hz_router *r, uint32_t slot)
{
	const struct hz_cmd_track_set *set = hz_arena_track_set(&r->arena->track[slot]);
	struct hz_rt_track *t = &r->track[slot];
	memset(t->codec_of, 0, sizeof(t->codec_of));
	memset(t->flags_of, 0, sizeof(t->flags_of));
	memset(t->media_of, 0, sizeof(t->media_of));
	for (unsigned i = 0; i < set->pt_count; i++) {
		t->codec_of[set->pt[i].pt] = set->pt[i].codec;
		t->flags_of[set->pt[i].pt] = set->pt[i].flags;
		if (set->pt[i].rtx_pt)
			t->media_of[set->pt[i].rtx_pt] = set->pt[i].pt;
	}
}

void hz_track_attach(struct hz_router *r, uint32_t slot)
{
	struct hz_arena_track *at = &r->arena->track[slot];
	struct hz_rt_track *t = &r->track[slot];
	uint32_t peer = HZ_ID_SLOT(hz_arena_track_set(at)->peer);
	memset(t, 0, sizeof(*t));
	t->peer = (uint16_t)peer;
	t->first_sub = HZ_NO_SLOT;
	t->dense = r->tracks_count;
	t->mark = r->mark;
	hz_level_init(&t->level);
	r->tracks[r->tracks_count++] = (uint16_t)slot;
	t->prev = HZ_NO_SLOT;
	t->next = r->peer[peer].first_track;
	if (t->next != HZ_NO_SLOT)
		r->track[t->next].prev = (uint16_t)slot;
	r->peer[peer].first_track = (uint16_t)slot;
	hz_track_tables(r, slot);
	for (unsigned i = 0; i < 2u * HZ_MAX_LAYERS; i++) {
		bool rtx = i >= HZ_MAX_LAYERS;
		uint8_t layer = (uint8_t)(i % HZ_MAX_LAYERS);
		uint32_t ssrc = rtx ? at->rtx[layer].ssrc : at->rx[layer].ssrc;
		struct hz_ssrc_entry e = {ssrc, (uint16_t)peer, (uint16_t)slot, layer, rtx, 0, 0};
		if (ssrc && !hz_ssrc_find(r, peer, ssrc))
			hz_ssrc_add(r, &e);
	}
}

static void unlink_from_track(struct hz_router *r, uint32_t slot)
{
	struct hz_rt_sub *s = &r->sub[slot];
	if (s->track == HZ_NO_SLOT)
		return;
	if (s->prev_of_track != HZ_NO_SLOT)
		r->sub[s->prev_of_track].next_of_track = s->next_of_track;
	else
		r->track[s->track].first_sub = s->next_of_track;
	if (s->next_of_track != HZ_NO_SLOT)
		r->sub[s->next_of_track].prev_of_track = s->prev_of_track;
	s->track = HZ_NO_SLOT;
}

void hz_sub_link(struct hz_router *r, uint32_t slot, uint16_t track)
{
	struct hz_rt_sub *s = &r->sub[slot];
	unlink_from_track(r, slot);
	s->target = 0;
	hz_pace_drop(r, slot);
	hz_kept_free(r, slot); // another track's packets may have the same numbers
	hz_allot_forget(r, slot);
	s->want = (struct hz_layers){HZ_MAX_LAYERS - 1, HZ_LAYERS_ALL, HZ_LAYERS_ALL, HZ_FLOW_ALL};
	s->still = s->still_valid = 0;
	if (track == HZ_NO_SLOT)
		return;
	s->track = track;
	s->prev_of_track = HZ_NO_SLOT;
	s->next_of_track = r->track[track].first_sub;
	if (s->next_of_track != HZ_NO_SLOT)
		r->sub[s->next_of_track].prev_of_track = (uint16_t)slot;
	r->track[track].first_sub = (uint16_t)slot;
	hz_sub_since(r, slot);
}

void hz_sub_since(struct hz_router *r, uint32_t slot)
{
	struct hz_rt_sub *s = &r->sub[slot];
	bool live = hz_arena_sub_set(&r->arena->sub[slot])->flags & HZ_SUB_LIVE;
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++) {
		const struct hz_arena_rx *rx =
		    s->track != HZ_NO_SLOT ? &r->arena->track[s->track].rx[i] : NULL;
		s->since[i].ssrc = live && rx ? rx->ssrc : 0;
		s->since[i].ext = live && rx ? rx->highest : 0;
	}
}

// A late packet has a number of before. Another SSRC counts anew.
bool hz_sub_before(const struct hz_router *r, uint32_t slot, const struct hz_sub_map *map, int64_t ext)
{
	const struct hz_rt_sub *s = &r->sub[slot];
	return map->layer < HZ_MAX_LAYERS && s->since[map->layer].ssrc &&
	       s->since[map->layer].ssrc == map->rx_ssrc && ext <= s->since[map->layer].ext;
}

void hz_sub_template(struct hz_router *r, uint32_t slot)
{
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[slot]);
	struct hz_rt_sub *s = &r->sub[slot];
	struct hz_rtp_header header = {.ssrc = set->ssrc, .pt = 0};
	struct hz_rtp_exts exts = {.has = HZ_EXT_MID | HZ_EXT_ABS_SEND_TIME | HZ_EXT_TWCC};
	memcpy(exts.mid, set->mid, sizeof(exts.mid));
	if (!set->mid[0])
		exts.has &= ~(uint32_t)HZ_EXT_MID;
	if (s->playout_told)
		exts.has |= HZ_EXT_PLAYOUT_DELAY;
	exts.playout_min_10ms = s->playout_10ms;
	exts.playout_max_10ms = HZ_PLAYOUT_MAX_10MS;
	// 12 + 4 + (2 + 16) + (2 + 3) + (2 + 2) + (2 + 3) and padding: always fits
	if (hz_rtp_write_header(s->header.bytes, sizeof(s->header.bytes), &header, &exts, &set->ext,
	                        &s->header.at))
		memset(&s->header, 0, sizeof(s->header));
}

void hz_sub_tables(struct hz_router *r, uint32_t slot)
{
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[slot]);
	struct hz_rt_sub *s = &r->sub[slot];
	memset(s->pt_of, 0, sizeof(s->pt_of));
	memset(s->rtx_pt_of, 0, sizeof(s->rtx_pt_of));
	for (unsigned i = 0; i < set->pt_count; i++) {
		uint8_t codec = set->pt[i].codec;
		if (s->pt_of[codec])
			continue; // the first one is preferred
		s->pt_of[codec] = set->pt[i].pt;
		s->rtx_pt_of[codec] = set->rtx_ssrc ? set->pt[i].rtx_pt : 0;
	}
	// Whoever decodes High decodes Constrained Baseline.
	if (!s->pt_of[HZ_CODEC_H264_CB]) {
		s->pt_of[HZ_CODEC_H264_CB] = s->pt_of[HZ_CODEC_H264_HIGH];
		s->rtx_pt_of[HZ_CODEC_H264_CB] = s->rtx_pt_of[HZ_CODEC_H264_HIGH];
	}
	hz_sub_template(r, slot);
	r->peer[s->peer].no_video = 0;
}

void hz_sub_attach(struct hz_router *r, uint32_t slot)
{
	const struct hz_arena_sub *as = &r->arena->sub[slot];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(as);
	struct hz_rt_sub *s = &r->sub[slot];
	uint32_t peer = HZ_ID_SLOT(set->peer);
	memset(s, 0, sizeof(*s));
	s->peer = (uint16_t)peer;
	s->track = HZ_NO_SLOT;
	s->floor = as->out_index;
	// The worker before may have told a delay, which stays until another is told: none, until it is known anew.
	s->playout_told = as->started && set->ext.playout_delay;
	s->mark = r->mark;
	s->prev_of_peer = HZ_NO_SLOT;
	s->next_of_peer = r->peer[peer].first_sub;
	if (s->next_of_peer != HZ_NO_SLOT)
		r->sub[s->next_of_peer].prev_of_peer = (uint16_t)slot;
	r->peer[peer].first_sub = (uint16_t)slot;
	r->subs_count++;
	hz_sub_tables(r, slot);
	hz_sub_link(r, slot, set->track ? (uint16_t)HZ_ID_SLOT(set->track) : HZ_NO_SLOT);
	if (hz_arena_sub_map(as)->track == set->track)
		s->target = hz_arena_sub_map(as)->layer;
}

static void retire(struct hz_router *r, uint32_t peer, uint32_t ssrc, uint64_t index)
{
	uint32_t forgotten = hz_arena_retire(&r->arena->peer[peer], ssrc, index);
	for (uint16_t s = r->peer[peer].first_sub; s != HZ_NO_SLOT && forgotten; s = r->sub[s].next_of_peer) {
		const struct hz_cmd_sub_set *set = hz_arena_sub_set(&r->arena->sub[s]);
		if (set->ssrc == forgotten || set->rtx_ssrc == forgotten)
			forgotten = 0; // came back to life meanwhile
	}
	if (forgotten && r->ops->tx_forgotten)
		r->ops->tx_forgotten(r->ctx, peer, forgotten);
}

void hz_sub_free_memory(struct hz_router *r, uint32_t slot)
{
	free(r->sub[slot].resend);
	free(r->sub[slot].filters);
	r->sub[slot].resend = NULL;
	r->sub[slot].filters = NULL;
}

void hz_sub_remove(struct hz_router *r, uint32_t slot)
{
	struct hz_arena_sub *as = &r->arena->sub[slot];
	struct hz_rt_sub *s = &r->sub[slot];
	const struct hz_cmd_sub_set *set = hz_arena_sub_set(as);
	retire(r, s->peer, set->ssrc, as->out_index);
	retire(r, s->peer, set->rtx_ssrc, as->rtx_index);
	unlink_from_track(r, slot);
	hz_pace_drop(r, slot);
	hz_kept_free(r, slot); // nobody else would: the slot may be another peer's next
	hz_allot_forget(r, slot);
	if (s->prev_of_peer != HZ_NO_SLOT)
		r->sub[s->prev_of_peer].next_of_peer = s->next_of_peer;
	else
		r->peer[s->peer].first_sub = s->next_of_peer;
	if (s->next_of_peer != HZ_NO_SLOT)
		r->sub[s->next_of_peer].prev_of_peer = s->prev_of_peer;
	r->subs_count--;
	hz_sub_free_memory(r, slot);
	hz_arena_sub_clear(as);
}

struct hz_rt_stream *hz_track_stream(struct hz_router *r, uint32_t slot, unsigned layer)
{
	struct hz_arena_track *at = &r->arena->track[slot];
	struct hz_rt_layer *l = &r->track[slot].layer[layer];
	uint32_t clock_hz = hz_clock_hz(hz_arena_track_set(at)->kind);
	if (l->stream)
		return l->stream;
	if (!at->clock[layer].clock_hz)
		hz_clockmap_init(&at->clock[layer], clock_hz);
	l->stream = hz_stream_new(clock_hz, at->rx[layer].seen ? at->rx[layer].highest : 0);
	return l->stream;
}

void hz_track_free_memory(struct hz_router *r, uint32_t slot)
{
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++) {
		hz_stream_free(r->track[slot].layer[i].stream);
		r->track[slot].layer[i].stream = NULL;
	}
}

static void forget_ssrcs(struct hz_router *r, uint32_t slot)
{
	struct hz_arena_track *at = &r->arena->track[slot];
	for (unsigned i = 0; i < 2u * HZ_MAX_LAYERS; i++) {
		uint32_t ssrc = i < HZ_MAX_LAYERS ? at->rx[i].ssrc : at->rtx[i - HZ_MAX_LAYERS].ssrc;
		if (!ssrc)
			continue;
		hz_ssrc_remove(r, r->track[slot].peer, ssrc);
		if (r->ops->rx_retired)
			r->ops->rx_retired(r->ctx, r->track[slot].peer, ssrc);
	}
}

void hz_track_remove(struct hz_router *r, uint32_t slot)
{
	struct hz_rt_track *t = &r->track[slot];
	while (t->first_sub != HZ_NO_SLOT) {
		uint16_t sub = t->first_sub;
		struct hz_cmd_sub_set idle = *hz_arena_sub_set(&r->arena->sub[sub]);
		idle.track = 0;
		hz_arena_sub_update(&r->arena->sub[sub], &idle);
		hz_sub_link(r, sub, HZ_NO_SLOT);
	}
	forget_ssrcs(r, slot);
	if (t->prev != HZ_NO_SLOT)
		r->track[t->prev].next = t->next;
	else
		r->peer[t->peer].first_track = t->next;
	if (t->next != HZ_NO_SLOT)
		r->track[t->next].prev = t->prev;
	uint16_t last = r->tracks[--r->tracks_count];
	r->tracks[t->dense] = last;
	r->track[last].dense = t->dense;
	hz_track_free_memory(r, slot);
	hz_arena_track_clear(&r->arena->track[slot]);
}

void hz_peer_free_memory(struct hz_router *r, uint32_t slot)
{
	hz_congestion_free(r, slot);
	free(r->peer[slot].twcc);
	r->peer[slot].twcc = NULL;
	free(r->peer[slot].brake);
	r->peer[slot].brake = NULL;
}

void hz_peer_remove(struct hz_router *r, uint32_t slot)
{
	struct hz_rt_peer *p = &r->peer[slot];
	while (p->first_sub != HZ_NO_SLOT)
		hz_sub_remove(r, p->first_sub);
	while (p->first_track != HZ_NO_SLOT)
		hz_track_remove(r, p->first_track);
	if (r->ops->peer_removed)
		r->ops->peer_removed(r->ctx, slot);
	r->consult[p->consult].refs--;
	uint16_t last = r->peers[--r->peers_count];
	r->peers[p->dense] = last;
	r->peer[last].dense = p->dense;
	hz_peer_free_memory(r, slot);
	p->used = 0;
	p->live = 0;
	hz_arena_peer_clear(&r->arena->peer[slot]);
}

// Frames were left out: begin again, video at a keyframe.
static void resync_track(struct hz_router *r, uint32_t track, int64_t now_us)
{
	for (uint16_t s = r->track[track].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_track)
		r->sub[s].resync = 1;
	for (unsigned i = 0; i < HZ_MAX_LAYERS && hz_track_tapped(r, track); i++)
		hz_keyframe_want(r, track, i);
	hz_select(r, track, now_us);
	hz_keyframe_poll(r, track, now_us);
}

void hz_peer_refresh(struct hz_router *r, uint32_t slot, int64_t now_us)
{
	const struct hz_arena_peer *ap = &r->arena->peer[slot];
	struct hz_rt_peer *p = &r->peer[slot];
	bool connected = ap->state == HZ_PEER_CONNECTED || ap->state == HZ_PEER_DISCONNECTED;
	bool live = connected && !(hz_arena_peer_set(ap)->flags & HZ_PEER_MUTED);
	if (live == (bool)p->live)
		return;
	p->live = live;
	for (uint16_t t = p->first_track; t != HZ_NO_SLOT; t = r->track[t].next) {
		hz_level_init(&r->track[t].level);
		if (live)
			resync_track(r, t, now_us);
	}
	for (uint16_t s = p->first_sub; s != HZ_NO_SLOT && live; s = r->sub[s].next_of_peer) {
		r->sub[s].resync = 1;
		if (r->sub[s].track == HZ_NO_SLOT)
			continue;
		hz_select_sub(r, s, now_us);
		hz_keyframe_poll(r, r->sub[s].track, now_us);
	}
}

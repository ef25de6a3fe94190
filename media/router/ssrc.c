#include <stdlib.h>
#include <string.h>

#include "media/router/state.h"

static uint32_t place_of(const struct hz_router *r, uint32_t slot, uint32_t ssrc)
{
	uint64_t x = ((uint64_t)slot << 32 | ssrc) ^ r->hash_key;
	x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15ull;
	x ^= x >> 29;
	return (uint32_t)(x >> 13) & (HZ_SSRC_TABLE - 1);
}

struct hz_ssrc_entry *hz_ssrc_find(struct hz_router *r, uint32_t slot, uint32_t ssrc)
{
	for (uint32_t i = place_of(r, slot, ssrc);; i = (i + 1) & (HZ_SSRC_TABLE - 1)) {
		struct hz_ssrc_entry *e = &r->ssrc[i];
		if (!e->used)
			return NULL;
		if (e->ssrc == ssrc && e->peer == slot)
			return e;
	}
}

void hz_ssrc_add(struct hz_router *r, const struct hz_ssrc_entry *entry)
{
	uint32_t i = place_of(r, entry->peer, entry->ssrc);
	while (r->ssrc[i].used)
		i = (i + 1) & (HZ_SSRC_TABLE - 1);
	r->ssrc[i] = *entry;
	r->ssrc[i].used = 1;
}

void hz_ssrc_remove(struct hz_router *r, uint32_t slot, uint32_t ssrc)
{
	struct hz_ssrc_entry *e = hz_ssrc_find(r, slot, ssrc);
	if (!e)
		return;
	uint32_t hole = (uint32_t)(e - r->ssrc);
	// Close the gap, so that no search stops early (Knuth 6.4, algorithm R).
	for (uint32_t i = (hole + 1) & (HZ_SSRC_TABLE - 1); r->ssrc[i].used;
	     i = (i + 1) & (HZ_SSRC_TABLE - 1)) {
		uint32_t home = place_of(r, r->ssrc[i].peer, r->ssrc[i].ssrc);
		if (((i - home) & (HZ_SSRC_TABLE - 1)) < ((i - hole) & (HZ_SSRC_TABLE - 1)))
			continue;
		r->ssrc[hole] = r->ssrc[i];
		hole = i;
	}
	r->ssrc[hole].used = 0;
}

static void forget(struct hz_router *r, uint32_t slot, uint32_t ssrc)
{
	if (!ssrc)
		return;
	hz_ssrc_remove(r, slot, ssrc);
	if (r->ops->rx_retired)
		r->ops->rx_retired(r->ctx, slot, ssrc);
}

// The same SSRC may come back with numbers of its own: no mapping outlives its stay, nor is anything sent again by one.
static void end_maps(struct hz_router *r, uint16_t track, uint8_t layer)
{
	for (uint16_t s = r->track[track].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_track) {
		const struct hz_arena_sub *as = &r->arena->sub[s];
		const struct hz_sub_map *map = hz_arena_sub_map(as);
		if (map->track != r->arena->track[track].id || map->layer != layer)
			continue;
		r->sub[s].resync = 1;
		r->sub[s].barred = as->out_index;
	}
}

void hz_ssrc_assign(struct hz_router *r, const struct hz_ssrc_entry *entry)
{
	struct hz_arena_track *at = &r->arena->track[entry->track];
	struct hz_arena_rx *rx = entry->rtx ? &at->rtx[entry->layer] : &at->rx[entry->layer];
	struct hz_rt_layer *l = &r->track[entry->track].layer[entry->layer];
	hz_burst_flush(r); // what waits of the one before looks at what goes here
	forget(r, entry->peer, rx->ssrc);
	rx->ssrc = 0;
	HZ_ARENA_BARRIER();
	rx->seen = 0;
	rx->index = 0;
	if (!entry->rtx) {
		uint32_t clock_hz = hz_clock_hz(hz_arena_track_set(at)->kind);
		hz_clockmap_init(&at->clock[entry->layer], clock_hz);
		rx->highest = 0; // mappings and histories of the SSRC before are void
		end_maps(r, entry->track, entry->layer);
		if (l->stream) {
			hz_receiver_init(&l->stream->rx, clock_hz);
			hz_nack_init(&l->stream->nack);
			hz_history_free(l->stream->history);
			l->stream->history = NULL;
			free(l->stream->dd);
			l->stream->dd = NULL;
			l->stream->dd_ext = 0;
			free(l->stream->fec);
			l->stream->fec = NULL;
		}
		l->last_us = 0;
		l->key_us = 0;
		l->bye_us = l->sr_us = 0;
	}
	HZ_ARENA_BARRIER();
	rx->ssrc = entry->ssrc;
	if (entry->ssrc)
		hz_ssrc_add(r, entry);
}

static int layer_of_rid(const struct hz_cmd_track_set *set, const char *rid)
{
	for (unsigned i = 0; i < set->layer_count; i++)
		if (set->rid[i][0] && !strncmp(set->rid[i], rid, HZ_RID_BYTES))
			return (int)i;
	return -1;
}

static bool has_rids(const struct hz_cmd_track_set *set)
{
	return set->rid[0][0] != '\0';
}

// Which layer of this track, judging by MID, RID and RRID? True: found. *ret_mid is set if there is a MID at all.
static bool match_by_exts(struct hz_router *r, uint16_t track, const struct hz_rtp_packet *packet,
                          bool *ret_mid, struct hz_ssrc_entry *ret)
{
	const struct hz_cmd_track_set *set = hz_arena_track_set(&r->arena->track[track]);
	struct hz_rtp_exts exts;
	hz_rtp_parse_exts(packet, &set->ext, &exts);
	if (exts.has & HZ_EXT_MID)
		*ret_mid = true;
	if (!(exts.has & HZ_EXT_MID) || !set->mid[0] || strncmp(exts.mid, set->mid, HZ_MID_BYTES) != 0)
		return false;
	bool rtx_pt = r->track[track].media_of[packet->pt] != 0;
	int layer = 0;
	if (has_rids(set)) {
		if (rtx_pt && exts.has & HZ_EXT_RRID)
			layer = layer_of_rid(set, exts.rrid);
		else if (!rtx_pt && exts.has & HZ_EXT_RID)
			layer = layer_of_rid(set, exts.rid);
		else
			layer = -1;
	}
	if (layer < 0 || (!rtx_pt && r->track[track].codec_of[packet->pt] == HZ_CODEC_NONE))
		return false;
	ret->track = track;
	ret->layer = (uint8_t)layer;
	ret->rtx = rtx_pt;
	return true;
}

// RFC 8843 section 9.2: without a MID, a payload type that only one of its tracks uses tells the track.
static bool match_by_pt(struct hz_router *r, uint32_t slot, const struct hz_rtp_packet *packet,
                        struct hz_ssrc_entry *ret)
{
	unsigned found = 0;
	for (uint16_t t = r->peer[slot].first_track; t != HZ_NO_SLOT; t = r->track[t].next) {
		const struct hz_arena_track *at = &r->arena->track[t];
		const struct hz_cmd_track_set *set = hz_arena_track_set(at);
		bool rtx = r->track[t].media_of[packet->pt] != 0;
		if (!rtx && r->track[t].codec_of[packet->pt] == HZ_CODEC_NONE)
			continue;
		found++;
		if (set->layer_count != 1 || has_rids(set) || (rtx ? at->rtx[0].ssrc : at->rx[0].ssrc) != 0)
			return false;
		ret->track = t;
		ret->layer = 0;
		ret->rtx = rtx;
	}
	return found == 1;
}

struct hz_ssrc_entry *hz_ssrc_learn(struct hz_router *r, uint32_t slot, const struct hz_rtp_packet *packet,
                                    int64_t now_us)
{
	struct hz_ssrc_entry e = {.ssrc = packet->ssrc, .peer = (uint16_t)slot};
	bool found = false, mid = false;
	if (packet->ssrc == 0 || packet->pt > 127)
		return NULL;
	for (uint16_t t = r->peer[slot].first_track; t != HZ_NO_SLOT && !found && packet->ext;
	     t = r->track[t].next)
		found = match_by_exts(r, t, packet, &mid, &e);
	if (!found && (mid || !match_by_pt(r, slot, packet, &e)))
		return NULL;
	struct hz_rt_layer *l = &r->track[e.track].layer[e.layer];
	const struct hz_arena_track *at = &r->arena->track[e.track];
	uint32_t before = e.rtx ? at->rtx[e.layer].ssrc : at->rx[e.layer].ssrc;
	if (before && l->learned_us && now_us - l->learned_us < HZ_RELEARN_US)
		return NULL; // two senders behind one layer: the first stays, the flapping is bounded
	if (!e.rtx)
		l->learned_us = now_us;
	hz_ssrc_assign(r, &e);
	if (!e.rtx)
		hz_keyframe_want(r, e.track, e.layer);
	return hz_ssrc_find(r, slot, packet->ssrc);
}

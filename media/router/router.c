#include "media/router/router.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "media/router/state.h"

#define HISTORY_BYTES ((size_t)64 << 20)

static int allocate(struct hz_router *r, size_t history_bytes)
{
	r->ssrc = calloc(HZ_SSRC_TABLE, sizeof(*r->ssrc));
	r->consult = calloc(HZ_MAX_PEERS, sizeof(*r->consult));
	r->peer = calloc(HZ_MAX_PEERS, sizeof(*r->peer));
	r->track = calloc(HZ_MAX_TRACKS, sizeof(*r->track));
	r->sub = calloc(HZ_MAX_SUBS, sizeof(*r->sub));
	r->sub_cc = calloc(HZ_MAX_SUBS, sizeof(*r->sub_cc));
	r->track_cc = calloc(HZ_MAX_TRACKS, sizeof(*r->track_cc));
	r->peers = calloc(HZ_MAX_PEERS, sizeof(*r->peers));
	r->tracks = calloc(HZ_MAX_TRACKS, sizeof(*r->tracks));
	r->next_speaker = calloc(HZ_MAX_TRACKS, sizeof(*r->next_speaker));
	if (!r->ssrc || !r->consult || !r->peer || !r->track || !r->sub || !r->sub_cc || !r->track_cc ||
	    !r->peers || !r->tracks || !r->next_speaker)
		return -ENOMEM;
	if (hz_burst_new(r))
		return -ENOMEM;
	return hz_history_pool_new(history_bytes ? history_bytes : HISTORY_BYTES, &r->pool);
}

static void rebuild(struct hz_router *r, int64_t now_us)
{
	struct hz_arena *arena = r->arena;
	for (uint32_t i = 0; i < arena->peers_high; i++) {
		if (!arena->peer[i].id)
			continue;
		hz_peer_attach(r, i, now_us);
		r->peer[i].braked = 1; // by the one before, perhaps, which lived too short to lift it
		uint8_t state = arena->peer[i].state;
		r->peer[i].live = (state == HZ_PEER_CONNECTED || state == HZ_PEER_DISCONNECTED) &&
		                  !(hz_arena_peer_set(&arena->peer[i])->flags & HZ_PEER_MUTED);
	}
	for (uint32_t i = 0; i < arena->tracks_high; i++) {
		if (!arena->track[i].id)
			continue;
		hz_track_attach(r, i);
		for (unsigned l = 0; l < HZ_MAX_LAYERS && hz_track_tapped(r, i); l++)
			hz_keyframe_want(r, i, l);
		// Until a second has shown otherwise, every layer that had sent goes on.
		for (unsigned l = 0; l < HZ_MAX_LAYERS; l++) {
			if (!arena->track[i].rx[l].seen)
				continue;
			r->track[i].layer[l].alive = 1;
			r->track[i].layer[l].last_us = now_us;
			r->track[i].last_us = now_us;
			r->track[i].active = 1;
		}
	}
	for (uint32_t i = 0; i < arena->subs_high; i++) {
		if (!arena->sub[i].id)
			continue;
		hz_sub_attach(r, i);
		// Packets may have been lost with the one before: a fresh picture at once, on every layer in use.
		if (r->sub[i].track != HZ_NO_SLOT) {
			hz_select_sub(r, i, now_us);
			hz_keyframe_want(r, r->sub[i].track, r->sub[i].target);
		}
	}
	hz_events_all(r);
}

int hz_router_new(const struct hz_router_options *options, struct hz_router **ret)
{
	struct hz_router *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->arena = options->arena;
	r->ops = options->ops;
	r->ctx = options->ctx;
	r->wall_offset_us = options->wall_offset_us;
	r->tick_us = r->speakers_us = r->check_us = options->now_us;
	r->stats_us = options->now_us;
	hz_random(&r->hash_key, sizeof(r->hash_key));
	int err = allocate(r, options->history_bytes);
	if (err) {
		hz_router_free(r);
		return err;
	}
	rebuild(r, options->now_us);
	*ret = r;
	return 0;
}

void hz_router_free(struct hz_router *router)
{
	if (!router)
		return;
	for (uint32_t i = 0; router->tracks && i < router->tracks_count; i++)
		hz_track_free_memory(router, router->tracks[i]);
	for (uint32_t i = 0; router->peers && i < router->peers_count; i++)
		hz_peer_free_memory(router, router->peers[i]);
	for (uint32_t i = 0; router->sub && i < HZ_MAX_SUBS; i++)
		hz_sub_free_memory(router, i);
	hz_history_pool_free(router->pool);
	free(router->ssrc);
	free(router->consult);
	free(router->peer);
	free(router->track);
	free(router->sub);
	free(router->sub_cc);
	free(router->track_cc);
	free(router->scratch);
	free(router->peers);
	free(router->tracks);
	free(router->next_speaker);
	free(router->burst);
	free(router);
}

uint32_t hz_router_rtcp_ssrc(const struct hz_router *router)
{
	return router->arena->rtcp_base + router->arena->incarnation;
}

void hz_router_counts(const struct hz_router *router, struct hz_router_counts *ret)
{
	*ret = (struct hz_router_counts){router->peers_count, router->tracks_count, router->subs_count};
}

void hz_router_report_now(struct hz_router *router, uint32_t slot, int64_t now_us)
{
	if (router->peer[slot].used)
		router->peer[slot].report_us = now_us;
}

void hz_router_path_changed(struct hz_router *router, uint32_t slot, int64_t now_us)
{
	if (!router->peer[slot].used)
		return;
	hz_congestion_path(router, slot, now_us);
	if (router->peer[slot].brake)
		hz_brake_forget(router->peer[slot].brake);
	hz_router_report_now(router, slot, now_us); // who follows to where it hears us is told at once
}

void hz_router_peer_state(struct hz_router *router, uint32_t slot, enum hz_peer_state state,
                          enum hz_peer_reason reason, int64_t now_us)
{
	struct hz_arena_peer *ap = &router->arena->peer[slot];
	if (!router->peer[slot].used || (ap->state == state && ap->reason == reason))
		return;
	ap->event_pending = 1; // first: a kill in between tells control once too often, not once too seldom
	HZ_ARENA_BARRIER();
	ap->reason = (uint8_t)reason;
	ap->state = (uint8_t)state;
	hz_peer_refresh(router, slot, now_us);
	hz_event_peer_state(router, slot);
}

static void check_tracks(struct hz_router *r, int64_t now_us)
{
	for (uint32_t i = 0; i < r->tracks_count; i++) {
		uint16_t slot = r->tracks[i];
		struct hz_rt_track *t = &r->track[slot];
		uint8_t layers = 0;
		hz_layers_check(r, slot, now_us);
		// A still screen share sends one picture a second: video gets twice the time.
		bool video = hz_arena_track_set(&r->arena->track[slot])->kind == HZ_KIND_VIDEO;
		if (t->active && now_us - t->last_us >= (video ? 2000000 : 1000000))
			t->active = 0;
		for (unsigned l = 0; l < HZ_MAX_LAYERS; l++) {
			layers |= (uint8_t)(t->layer[l].alive << l);
			if (t->layer[l].stream)
				hz_rate_turn(t->layer[l].stream, now_us);
			if (t->layer[l].stream && t->layer[l].stream->history)
				hz_history_expire(t->layer[l].stream->history, now_us);
		}
		if (t->active != t->active_told || layers != t->layers_told ||
		    (t->active && r->arena->track[slot].codec != t->codec_told))
			hz_event_track_state(r, slot);
	}
}

static void tick_slow(struct hz_router *r, int64_t now_us)
{
	if (now_us >= r->speakers_us) {
		hz_speakers(r, now_us);
		r->speakers_us = now_us + HZ_SPEAKERS_US;
	}
	if (now_us >= r->check_us) {
		check_tracks(r, now_us);
		r->check_us = now_us + HZ_SPEAKERS_US / 2;
	}
	if (now_us >= r->stats_us + HZ_STATS_US) {
		hz_stats(r, now_us - r->stats_us);
		r->stats_us = now_us;
	}
	hz_events_flush(r);
}

void hz_router_tick(struct hz_router *router, int64_t now_us)
{
	if (now_us < router->tick_us)
		return;
	for (uint32_t i = 0; i < router->tracks_count; i++) {
		hz_nack_track(router, router->tracks[i], now_us);
		hz_keyframe_poll(router, router->tracks[i], now_us);
	}
	for (uint32_t i = 0; i < router->peers_count; i++) {
		hz_twcc_peer(router, router->peers[i], now_us);
		hz_brake_peer(router, router->peers[i], now_us);
		hz_report_peer(router, router->peers[i], now_us);
		hz_congestion_tick(router, router->peers[i], now_us);
	}
	tick_slow(router, now_us);
	bool busy = router->media_us && now_us - router->media_us < 1000000;
	router->tick_us = now_us + (busy ? HZ_TICK_BUSY_US : HZ_TICK_IDLE_US);
}

uint8_t hz_router_kind(const struct hz_router *router, uint32_t slot, uint32_t ssrc)
{
	for (uint16_t s = router->peer[slot].first_sub; s != HZ_NO_SLOT; s = router->sub[s].next_of_peer) {
		const struct hz_cmd_sub_set *set = hz_arena_sub_set(&router->arena->sub[s]);
		if (set->ssrc == ssrc || set->rtx_ssrc == ssrc)
			return set->kind;
	}
	return 0;
}

int64_t hz_router_deadline(const struct hz_router *router)
{
	return router->tick_us;
}

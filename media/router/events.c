// Events to control. States that do not fit the queue are marked in the arena and offered again at each tick; they
// carry the whole present state, so that it does not matter how many were merged.
#include <stdlib.h>
#include <string.h>

#include "media/router/state.h"

void hz_event_header(struct hz_msg_header *h, uint16_t type, size_t bytes)
{
	*h = (struct hz_msg_header){.version = HZ_API_VERSION, .type = type, .bytes = (uint32_t)bytes};
}

void hz_event_peer_state(struct hz_router *r, uint32_t slot)
{
	struct hz_arena_peer *ap = &r->arena->peer[slot];
	union hz_msg msg = {
	    .peer_state = {.peer = ap->id,
	                   .state = ap->state,
	                   .reason = ap->reason,
	                   .srtp_profile = ap->dtls == HZ_ARENA_DTLS_DONE ? ap->keys.profile : 0,
	                   .consult = hz_arena_peer_set(ap)->consult}};
	hz_event_header(&msg.h, HZ_EV_PEER_STATE, sizeof(msg.peer_state));
	ap->event_pending = !r->ops->event(r->ctx, &msg);
	r->events_pending |= ap->event_pending;
}

void hz_event_track_state(struct hz_router *r, uint32_t track)
{
	struct hz_rt_track *t = &r->track[track];
	struct hz_arena_track *at = &r->arena->track[track];
	uint8_t layers = 0;
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++)
		layers |= (uint8_t)(t->layer[i].alive << i);
	union hz_msg msg = {
	    .track_state = {.track = at->id, .active = t->active, .codec = at->codec, .layers = layers}};
	hz_event_header(&msg.h, HZ_EV_TRACK_STATE, sizeof(msg.track_state));
	at->event_pending = !r->ops->event(r->ctx, &msg);
	r->events_pending |= at->event_pending;
	t->active_told = t->active;
	t->codec_told = at->codec;
	t->layers_told = layers;
}

void hz_events_all(struct hz_router *r)
{
	for (uint32_t i = 0; i < r->peers_count; i++)
		r->arena->peer[r->peers[i]].event_pending = 1;
	for (uint32_t i = 0; i < r->tracks_count; i++)
		r->arena->track[r->tracks[i]].event_pending = 1;
	hz_allot_tell_all(r);
	r->events_pending = 1;
}

void hz_events_flush(struct hz_router *r)
{
	if (!r->events_pending)
		return;
	r->events_pending = 0;
	for (uint32_t i = 0; i < r->peers_count && !r->events_pending; i++)
		if (r->arena->peer[r->peers[i]].event_pending)
			hz_event_peer_state(r, r->peers[i]);
	for (uint32_t i = 0; i < r->tracks_count && !r->events_pending; i++)
		if (r->arena->track[r->tracks[i]].event_pending)
			hz_event_track_state(r, r->tracks[i]);
}

// --- speakers

static void choose_speakers(struct hz_router *r, struct hz_rt_consult *c, int64_t now_us)
{
	struct hz_level *levels[256]; // speaking and silent ones of one consult; more are not looked at
	uint16_t peers[256] = {0};
	uint32_t index[HZ_MAX_SPEAKERS];
	uint32_t count = 0;
	for (uint16_t t = c->first_track; t != HZ_NO_SLOT && count < 256; t = r->next_speaker[t]) {
		levels[count] = &r->track[t].level;
		peers[count++] = r->track[t].peer;
	}
	union hz_msg msg = {.speakers = {.consult = c->consult}};
	size_t loudest = hz_level_select(levels, count, now_us, index, HZ_MAX_SPEAKERS);
	for (size_t i = 0; i < loudest; i++) {
		hz_id id = r->arena->peer[peers[index[i]]].id;
		bool twice = false;
		for (uint32_t j = 0; j < msg.speakers.count; j++)
			twice = twice || msg.speakers.peer[j] == id;
		if (!twice)
			msg.speakers.peer[msg.speakers.count++] = id;
	}
	if (msg.speakers.count == c->count && !memcmp(msg.speakers.peer, c->speaker, sizeof(c->speaker)))
		return;
	hz_event_header(&msg.h, HZ_EV_SPEAKERS, sizeof(msg.speakers));
	if (!r->ops->event(r->ctx, &msg))
		return; // the difference remains: the next round tries again
	c->count = msg.speakers.count;
	memcpy(c->speaker, msg.speakers.peer, sizeof(c->speaker));
}

void hz_speakers(struct hz_router *r, int64_t now_us)
{
	for (uint32_t i = 0; i < r->tracks_count; i++) {
		uint16_t t = r->tracks[i];
		const struct hz_cmd_track_set *set = hz_arena_track_set(&r->arena->track[t]);
		uint32_t peer = r->track[t].peer;
		if (set->kind != HZ_KIND_AUDIO || !r->track[t].level.at_us || set->flags & HZ_TRACK_PAUSED ||
		    !r->peer[peer].live)
			continue;
		// Another worker's publishers are that one's to name: control puts the lists together.
		if (hz_arena_peer_set(&r->arena->peer[peer])->flags & HZ_PEER_RELAY)
			continue;
		struct hz_rt_consult *c = &r->consult[r->peer[r->track[t].peer].consult];
		r->next_speaker[t] = c->first_track;
		c->first_track = t;
	}
	for (uint32_t i = 0; i < HZ_MAX_PEERS; i++) {
		struct hz_rt_consult *c = &r->consult[i];
		if (!c->refs)
			continue;
		if (c->first_track != HZ_NO_SLOT || c->count)
			choose_speakers(r, c, now_us);
		c->first_track = HZ_NO_SLOT;
	}
}

// --- statistics

static uint32_t rate(uint64_t bytes, int64_t interval_us)
{
	uint64_t bps = interval_us > 0 ? bytes * 8 * 1000000 / (uint64_t)interval_us : 0;
	return bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bps;
}

static void peer_stats(struct hz_router *r, uint32_t slot, int64_t interval_us)
{
	struct hz_rt_peer *p = &r->peer[slot];
	struct hz_rt_peer_stats *s = &p->stats;
	int64_t lost = 0;
	uint32_t jitter_us = 0;
	for (uint16_t t = p->first_track; t != HZ_NO_SLOT; t = r->track[t].next) {
		for (unsigned i = 0; i < HZ_MAX_LAYERS; i++) {
			const struct hz_rt_stream *stream = r->track[t].layer[i].stream;
			if (!stream)
				continue;
			lost += hz_receiver_lost_after_repair(&stream->rx);
			uint32_t j = hz_receiver_jitter_us(&stream->rx);
			jitter_us = j > jitter_us ? j : jitter_us;
		}
	}
	union hz_msg msg = {.peer_stats = {.peer = r->arena->peer[slot].id,
	                                   .rtt_us = p->rtt_us,
	                                   .up_bps = rate(s->up_bytes, interval_us),
	                                   .down_bps = rate(s->down_bytes, interval_us),
	                                   .up_packets = s->up_packets,
	                                   .down_packets = s->down_packets,
	                                   .down_lost = s->down_lost > 0 ? (uint32_t)s->down_lost : 0,
	                                   .nacks_sent = s->nacks_sent,
	                                   .nacks_received = s->nacks_received,
	                                   .retransmitted = s->retransmitted,
	                                   .plis_sent = s->plis_sent,
	                                   .plis_received = s->plis_received,
	                                   .jitter_us = jitter_us}};
	if (p->congestion) {
		uint32_t probes = hz_cc_probes(p->congestion->cc);
		msg.peer_stats.estimate_bps = hz_cc_estimate_bps(p->congestion->cc);
		msg.peer_stats.probes = probes - p->congestion->probes_told;
		p->congestion->probes_told = probes;
	}
	if (lost > s->up_lost_before)
		msg.peer_stats.up_lost = (uint32_t)(lost - s->up_lost_before);
	hz_event_header(&msg.h, HZ_EV_PEER_STATS, sizeof(msg.peer_stats));
	if (!r->ops->event(r->ctx, &msg))
		r->arena->counters.events_dropped++;
	memset(s, 0, sizeof(*s));
	s->up_lost_before = lost;
}

void hz_stats(struct hz_router *r, int64_t interval_us)
{
	for (uint32_t i = 0; i < r->peers_count; i++) {
		uint8_t state = r->arena->peer[r->peers[i]].state;
		if (state == HZ_PEER_CONNECTED || state == HZ_PEER_DISCONNECTED)
			peer_stats(r, r->peers[i], interval_us);
	}
}

// SRTP in and out, and what the router asks of the worker.
#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "media/rtp/bytes.h"
#include "media/worker/relay.h"
#include "media/worker/state.h"
#include "media/worker/tap.h"

static int restore(struct hz_srtp *srtp, uint32_t ssrc, uint64_t index)
{
	return ssrc && index ? hz_srtp_restore_tx(srtp, ssrc, (uint32_t)(index >> 16), (uint16_t)index) : 0;
}

static int restore_sent(struct hz_worker *w, uint32_t slot, struct hz_srtp *srtp)
{
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	int err = 0;
	for (uint32_t i = 0; i < w->arena->subs_high && !err; i++) {
		const struct hz_arena_sub *as = &w->arena->sub[i];
		const struct hz_cmd_sub_set *set = hz_arena_sub_set(as);
		if (!as->id || set->peer != ap->id)
			continue;
		err = restore(srtp, set->ssrc, as->out_index);
		if (!err)
			err = restore(srtp, set->rtx_ssrc, as->rtx_index);
	}
	for (unsigned i = 0; i < HZ_ARENA_RETIRED && !err; i++) {
		err = restore(srtp, ap->retired[i].ssrc, ap->retired[i].index);
		if (err == -EEXIST)
			err = 0; // in use again: its subscription knows the newer index
	}
	return err;
}

static int restore_received(struct hz_worker *w, uint32_t slot, struct hz_srtp *srtp)
{
	int err = 0;
	for (uint32_t i = 0; i < w->arena->tracks_high && !err; i++) {
		const struct hz_arena_track *at = &w->arena->track[i];
		if (!at->id || hz_arena_track_set(at)->peer != w->arena->peer[slot].id)
			continue;
		for (unsigned l = 0; l < 2u * HZ_MAX_LAYERS && !err; l++) {
			const struct hz_arena_rx *rx =
			    l < HZ_MAX_LAYERS ? &at->rx[l] : &at->rtx[l - HZ_MAX_LAYERS];
			if (rx->ssrc && rx->seen)
				err = hz_srtp_restore_rx(srtp, rx->ssrc, (uint32_t)(rx->index >> 16),
				                         (uint16_t)rx->index);
		}
	}
	return err;
}

int hz_worker_srtp_start(struct hz_worker *w, uint32_t slot)
{
	struct hz_srtp *srtp = NULL;
	int err = hz_srtp_new(&w->arena->peer[slot].keys, &srtp);
	if (!err)
		err = restore_sent(w, slot, srtp);
	if (!err)
		err = restore_received(w, slot, srtp);
	if (err) {
		hz_srtp_free(srtp);
		return err;
	}
	hz_worker_srtp_drop(w, slot);
	w->peer[slot].srtp = srtp;
	return 0;
}

void hz_worker_srtp_drop(struct hz_worker *w, uint32_t slot)
{
	hz_srtp_free(w->peer[slot].srtp);
	w->peer[slot].srtp = NULL;
}

static void refused(struct hz_worker *w, int err)
{
	struct hz_arena_counters *c = &w->arena->counters;
	if (err == -EACCES)
		c->srtp_auth_failed++;
	else if (err == -EALREADY)
		c->srtp_replayed++;
	else if (err == -ENOSPC)
		c->unmatched++;
	else
		c->rtp_bad++;
}

void hz_worker_rtp(struct hz_worker *w, struct hz_udp_packet *packet, bool rtcp)
{
	uint32_t slot = hz_worker_slot(w, &packet->path);
	uint32_t roc = 0;
	if (slot == HZ_ADDRESS_NONE || !w->peer[slot].srtp) {
		w->arena->counters.unmatched++;
		return;
	}
	struct hz_srtp *srtp = w->peer[slot].srtp;
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	size_t bytes = packet->bytes;
	int err = rtcp ? hz_srtp_unprotect_rtcp(srtp, packet->data, &bytes)
	               : hz_srtp_unprotect(srtp, packet->data, &bytes);
	if (err) {
		refused(w, err);
		return;
	}
	hz_pairs_heard(w, slot, &packet->path);
	if (!ap->media_seen) {
		ap->media_seen = 1;
		hz_worker_dtls_rest(w, slot);
	}
	if (ap->state != HZ_PEER_CONNECTED && ap->state != HZ_PEER_DISCONNECTED)
		return;
	if (rtcp) {
		(void)hz_router_rtcp(w->router, slot, packet->data, bytes, w->now_us); // counts what is bad
		return;
	}
	(void)hz_srtp_rx_roc(srtp, hz_get32(packet->data + 8), &roc);
	(void)hz_router_rtp(w->router, slot, packet->data, bytes, roc, w->now_us);
}

// --- the router's callbacks

static uint8_t *rtp_buffer(void *ctx, uint32_t slot)
{
	struct hz_worker *w = ctx;
	if (w->peer[slot].relay)
		return hz_relay_buffer(w, slot);
	if (!w->peer[slot].srtp || !w->arena->peer[slot].has_path) {
		w->arena->counters.tx_dropped++;
		return NULL;
	}
	return hz_udp_reserve(w->tx);
}

static void prefetch(void *ctx, uint32_t slot, unsigned distance)
{
	const struct hz_worker *w = ctx;
	const struct hz_worker_peer *p = &w->peer[slot];
	if (distance == 2)
		__builtin_prefetch(p);
	else if (p->srtp)
		hz_srtp_prefetch(p->srtp, distance ? 1 : 2);
}

static void send_rtp(void *ctx, uint32_t slot, uint8_t *buf, size_t bytes)
{
	struct hz_worker *w = ctx;
	if (w->peer[slot].relay) {
		hz_relay_send(w, slot, bytes);
		return;
	}
	// An index too old for the window (a repair that came very late) is refused here.
	if (hz_srtp_protect(w->peer[slot].srtp, buf, &bytes, HZ_UDP_MAX_BYTES)) {
		w->arena->counters.tx_dropped++;
		return;
	}
	const struct hz_path *path = hz_arena_path(&w->arena->peer[slot]);
	if (path->conn) // the block is given out again
		hz_worker_send_media(w, slot, buf, bytes);
	else
		hz_udp_commit(w->tx, path, bytes);
}

static void send_rtcp(void *ctx, uint32_t slot, uint8_t *buf, size_t bytes)
{
	struct hz_worker *w = ctx;
	struct hz_worker_peer *p = &w->peer[slot];
	if (p->relay)
		hz_relay_send_rtcp(w, slot, buf, bytes);
	else if (!p->srtp || !w->arena->peer[slot].has_path ||
	         hz_srtp_protect_rtcp(p->srtp, buf, &bytes, bytes + HZ_SRTP_TRAILER_BYTES))
		w->arena->counters.tx_dropped++;
	else
		hz_worker_send(w, hz_arena_path(&w->arena->peer[slot]), buf, bytes);
}

static void peer_changed(void *ctx, uint32_t slot)
{
	struct hz_worker *w = ctx;
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	hz_relay_register(w, slot);
	if (hz_relay_is(w, slot) || hz_worker_agent_wanted(w, slot))
		return; // nobody may reach it by our port
	// The credentials with which consent was lost stay dead; new ones begin anew.
	bool dead = ap->state == HZ_PEER_FAILED && ap->reason == HZ_REASON_CONSENT && !ap->ice_pending &&
	            !strcmp(ap->old_local_ufrag, hz_arena_peer_set(ap)->local_ufrag);
	if (!dead)
		hz_worker_ufrags(w, slot);
}

static void peer_removed(void *ctx, uint32_t slot)
{
	struct hz_worker *w = ctx;
	hz_worker_ufrags_drop(w, slot);
	hz_relay_forget(w, slot);
	hz_addresses_drop(w->addresses, slot);
	hz_tcp_drop_peer(w, slot);
	hz_worker_agent_drop(w, slot);
	hz_worker_dtls_drop(w, slot);
	hz_worker_srtp_drop(w, slot);
	w->peer[slot] = (struct hz_worker_peer){.worker = w, .slot = slot};
	w->freed++;
}

static void media_over(void *ctx, uint32_t slot)
{
	hz_tcp_leave_out(ctx, slot);
}

// A stopped stream may come back with the same SSRC and its counter (a browser's transceiver): keep some.
static void rx_retired(void *ctx, uint32_t slot, uint32_t ssrc)
{
	struct hz_worker *w = ctx;
	struct hz_worker_peer *p = &w->peer[slot];
	for (unsigned i = 0; i < HZ_WORKER_RETIRED; i++)
		if (p->retired[i] == ssrc)
			return;
	uint32_t *at = &p->retired[p->retired_next++ % HZ_WORKER_RETIRED];
	uint32_t oldest = *at;
	*at = ssrc;
	if (!oldest || !p->srtp)
		return;
	for (uint32_t i = 0; i < w->arena->tracks_high; i++)
		for (unsigned l = 0; l < HZ_MAX_LAYERS; l++)
			if (w->arena->track[i].rx[l].ssrc == oldest ||
			    w->arena->track[i].rtx[l].ssrc == oldest)
				return; // in use again
	hz_srtp_remove_rx(p->srtp, oldest);
}

static void tx_forgotten(void *ctx, uint32_t slot, uint32_t ssrc)
{
	struct hz_worker *w = ctx;
	if (w->peer[slot].srtp)
		hz_srtp_remove_tx(w->peer[slot].srtp, ssrc);
}

const struct hz_router_ops hz_worker_router_ops = {
    .rtp_buffer = rtp_buffer,
    .send_rtp = send_rtp,
    .prefetch = prefetch,
    .send_rtcp = send_rtcp,
    .event = hz_worker_event,
    .peer_changed = peer_changed,
    .peer_removed = peer_removed,
    .rx_retired = rx_retired,
    .tx_forgotten = tx_forgotten,
    .media_over = media_over,
    .tap = hz_tap_put,
};

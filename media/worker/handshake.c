// DTLS of the peers, as server: only from addresses that STUN has authenticated, one association a peer, a bounded
// number of unfinished ones. The keys go into the arena; the association itself dies with the process.
#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/worker/state.h"

#define CONTENT_HANDSHAKE 22 // RFC 6347 section 4.1
#define CLIENT_HELLO      1
#define RECORD_HEADER     13

static bool is_handshake(const struct hz_udp_packet *packet)
{
	return packet->bytes > RECORD_HEADER && packet->data[0] == CONTENT_HANDSHAKE;
}

static void output(void *user, const uint8_t *datagram, size_t bytes)
{
	struct hz_worker_peer *p = user;
	hz_worker_send(p->worker, &p->dtls_path, datagram, bytes);
}

void hz_worker_dtls_drop(struct hz_worker *w, uint32_t slot)
{
	struct hz_worker_peer *p = &w->peer[slot];
	if (!p->dtls)
		return;
	if (hz_dtls_state(p->dtls) == HZ_DTLS_HANDSHAKING)
		w->half_open--;
	hz_timers_cancel(w->handshakes, slot);
	hz_dtls_free(p->dtls);
	p->dtls = NULL;
}

static void failed(struct hz_worker *w, uint32_t slot, enum hz_peer_reason reason)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	ap->dtls = HZ_ARENA_DTLS_NONE;
	w->arena->counters.handshakes_failed++;
	hz_router_peer_state(w->router, slot, HZ_PEER_FAILED, reason, w->now_us);
	hz_worker_ufrags_drop(w, slot);
}

static void finished(struct hz_worker *w, uint32_t slot)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	struct hz_srtp_keys keys;
	int err = hz_dtls_export(w->peer[slot].dtls, &keys);
	if (!err) {
		ap->keys = keys;
		ap->media_seen = 0;
		HZ_ARENA_BARRIER();
		ap->dtls = HZ_ARENA_DTLS_DONE;
		err = hz_worker_srtp_start(w, slot);
	}
	hz_wipe(&keys, sizeof(keys));
	if (err) {
		hz_warn("dtls.keys", "peer=%08x err=%d", ap->id, err);
		failed(w, slot, HZ_REASON_DTLS);
		return;
	}
	w->arena->counters.handshakes_done++;
	hz_router_peer_state(w->router, slot, HZ_PEER_CONNECTED, HZ_REASON_NONE, w->now_us);
}

// After every call into the association: did its state change?
static void look(struct hz_worker *w, uint32_t slot, enum hz_dtls_state before)
{
	struct hz_worker_peer *p = &w->peer[slot];
	enum hz_dtls_state state = hz_dtls_state(p->dtls);
	if (state == HZ_DTLS_HANDSHAKING) {
		hz_timers_set(w->handshakes, slot, hz_dtls_deadline_us(p->dtls, w->now_us));
		return;
	}
	if (before == HZ_DTLS_HANDSHAKING) {
		w->half_open--;
		hz_timers_cancel(w->handshakes, slot);
	}
	if (state == before)
		return;
	if (state == HZ_DTLS_CONNECTED) {
		hz_timers_set(w->handshakes, slot, w->now_us + HZ_WORKER_REST_US);
		finished(w, slot);
	} else if (state != HZ_DTLS_CLOSED && before == HZ_DTLS_HANDSHAKING) {
		enum hz_dtls_failure why = hz_dtls_failure(p->dtls);
		failed(w, slot,
		       why == HZ_DTLS_FINGERPRINT || why == HZ_DTLS_NO_CERT ? HZ_REASON_FINGERPRINT
		                                                            : HZ_REASON_DTLS);
	} else {
		// Closed; a fatal alert on a connected association ends it as a close does.
		hz_router_peer_state(w->router, slot, HZ_PEER_CLOSED, HZ_REASON_NONE, w->now_us);
		hz_worker_ufrags_drop(w, slot);
	}
}

static int begin(struct hz_worker *w, uint32_t slot, const struct hz_udp_packet *packet)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	struct hz_worker_peer *p = &w->peer[slot];
	if (!is_handshake(packet) || packet->data[RECORD_HEADER] != CLIENT_HELLO)
		return -EBADMSG;
	if (w->half_open >= HZ_WORKER_HALF_OPEN) {
		w->arena->counters.handshakes_refused++;
		return -EAGAIN; // the client repeats its hello
	}
	struct hz_dtls_options options = {
	    .fingerprint = hz_arena_peer_set(ap)->fingerprint, .output = output, .user = p};
	int err = hz_dtls_new(w->dtls_ctx, &options, w->now_us, &p->dtls);
	if (err)
		return err;
	ap->dtls = HZ_ARENA_DTLS_HANDSHAKING;
	w->half_open++;
	return 0;
}

// Keys survived, the association did not.
static void without_association(struct hz_worker *w, uint32_t slot, const struct hz_udp_packet *packet)
{
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	// The client repeats its own last flight because it still waits for ours, which nobody can repeat.
	if (is_handshake(packet) && packet->data[RECORD_HEADER] != CLIENT_HELLO && !ap->media_seen)
		failed(w, slot, HZ_REASON_LOST_HANDSHAKE);
}

void hz_worker_dtls(struct hz_worker *w, const struct hz_udp_packet *packet)
{
	uint32_t slot = hz_worker_slot(w, &packet->path);
	if (slot == HZ_ADDRESS_NONE) {
		w->arena->counters.dtls_bad++;
		return;
	}
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	struct hz_worker_peer *p = &w->peer[slot];
	if (ap->state == HZ_PEER_FAILED || ap->state == HZ_PEER_CLOSED)
		return;
	if (!p->dtls && ap->dtls == HZ_ARENA_DTLS_DONE) {
		without_association(w, slot, packet);
		return;
	}
	if (p->dtls && hz_dtls_resting(p->dtls))
		without_association(w, slot, packet);
	if (!p->dtls && begin(w, slot, packet)) {
		w->arena->counters.dtls_bad++;
		return;
	}
	p->dtls_path = packet->path;
	enum hz_dtls_state before = hz_dtls_state(p->dtls);
	if (hz_dtls_feed(p->dtls, packet->data, packet->bytes, w->now_us) == -EBADMSG)
		w->arena->counters.dtls_bad++;
	look(w, slot, before);
}

void hz_worker_dtls_rest(struct hz_worker *w, uint32_t slot)
{
	if (!w->peer[slot].dtls || hz_dtls_resting(w->peer[slot].dtls))
		return;
	hz_timers_cancel(w->handshakes, slot);
	if (!hz_dtls_rest(w->peer[slot].dtls)) // with an unusual cipher it stays as it is
		w->freed++;
}

void hz_worker_dtls_timers(struct hz_worker *w)
{
	uint32_t slot;
	while (hz_timers_pop(w->handshakes, w->now_us, &slot)) {
		struct hz_worker_peer *p = &w->peer[slot];
		if (!p->dtls)
			continue;
		if (hz_dtls_state(p->dtls) == HZ_DTLS_CONNECTED) {
			hz_worker_dtls_rest(w, slot);
			continue;
		}
		enum hz_dtls_state before = hz_dtls_state(p->dtls);
		hz_dtls_handle_timeout(p->dtls, w->now_us);
		look(w, slot, before);
		// OpenSSL's clock is not ours: a deadline that is due once more right now would spin.
		if (hz_timers_get(w->handshakes, slot) <= w->now_us)
			hz_timers_set(w->handshakes, slot, w->now_us + 1000);
	}
}

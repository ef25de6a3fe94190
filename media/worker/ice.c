// ICE-lite (RFC 8445 section 2.5) for all peers on one socket: the peer is found by our ufrag in USERNAME, its checks
// are answered, the controlling side nominates. Its checks are also its consent (RFC 7675): we send to no path that
// it has not checked lately.
#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/worker/state.h"

static bool terminal(const struct hz_arena_peer *ap)
{
	return ap->state == HZ_PEER_CLOSED ||
	       (ap->state == HZ_PEER_FAILED && ap->reason != HZ_REASON_CONSENT);
}

static void register_ufrag(struct hz_worker *w, uint32_t slot, char registered[HZ_UFRAG_BYTES],
                           const char *now)
{
	if (!strcmp(registered, now))
		return;
	if (registered[0] && hz_map_get(w->ufrags, registered) == &w->peer[slot])
		hz_map_del(w->ufrags, registered);
	registered[0] = '\0';
	if (!now[0])
		return;
	if (hz_map_set(w->ufrags, now, &w->peer[slot])) {
		hz_error("ice.ufrag", "peer=%08x err=nomem", w->arena->peer[slot].id);
		return;
	}
	memcpy(registered, now, HZ_UFRAG_BYTES);
}

void hz_worker_ufrags(struct hz_worker *w, uint32_t slot)
{
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	struct hz_worker_peer *p = &w->peer[slot];
	char old[HZ_UFRAG_BYTES] = "", now[HZ_UFRAG_BYTES] = "";
	if (!terminal(ap)) {
		memcpy(now, hz_arena_peer_set(ap)->local_ufrag, sizeof(now));
		if (ap->ice_pending)
			memcpy(old, ap->old_local_ufrag, sizeof(old));
	}
	// The old one moves out of `ufrag` into `old_ufrag`: drop it there first.
	register_ufrag(w, slot, p->ufrag, now);
	register_ufrag(w, slot, p->old_ufrag, old);
}

void hz_worker_ufrags_drop(struct hz_worker *w, uint32_t slot)
{
	register_ufrag(w, slot, w->peer[slot].ufrag, "");
	register_ufrag(w, slot, w->peer[slot].old_ufrag, "");
}

static void restart_done(struct hz_worker *w, uint32_t slot)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	ap->ice_pending = 0;
	HZ_ARENA_BARRIER();
	hz_wipe(ap->old_local_ufrag, sizeof(ap->old_local_ufrag));
	hz_wipe(ap->old_local_pwd, sizeof(ap->old_local_pwd));
	if (!hz_worker_agent_wanted(w, slot))
		hz_worker_ufrags(w, slot);
}

// Nominated paths compete by priority (aggressive nomination), unless the better one is not confirmed any more.
static bool should_select(const struct hz_worker *w, const struct hz_arena_peer *ap,
                          const struct hz_worker_peer *p, const struct hz_stun_reply *reply)
{
	if (!ap->has_path || !hz_worker_path_alive(w, hz_arena_path(ap)))
		return true;
	if (reply->use_candidate)
		return reply->priority >= p->priority || w->now_us - p->nominated_us > HZ_WORKER_NOMINATE_US;
	return w->now_us - p->selected_us > HZ_WORKER_STALE_US;
}

static void came_alive(struct hz_worker *w, uint32_t slot)
{
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	enum hz_peer_state state = ap->dtls == HZ_ARENA_DTLS_DONE ? HZ_PEER_CONNECTED : HZ_PEER_CHECKING;
	hz_router_peer_state(w->router, slot, state, HZ_REASON_NONE, w->now_us);
}

static bool waits(const struct hz_arena_peer *ap)
{
	return ap->state == HZ_PEER_NEW || ap->state == HZ_PEER_DISCONNECTED || ap->state == HZ_PEER_FAILED;
}

void hz_worker_ice_alive(struct hz_worker *w, uint32_t slot)
{
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	if (ap->ice_pending)
		restart_done(w, slot);
	if (waits(ap) && !terminal(ap))
		came_alive(w, slot);
}

static void accepted(struct hz_worker *w, uint32_t slot, const struct hz_udp_packet *packet, bool with_old,
                     const struct hz_stun_reply *reply)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	struct hz_worker_peer *p = &w->peer[slot];
	bool restarted = ap->ice_pending && !with_old && reply->use_candidate;
	if (packet->path.conn)
		hz_tcp_good(w, packet->path.conn);
	else
		hz_addresses_set(w->addresses, &packet->path.remote, slot, w->now_us);
	bool selected = ap->has_path && hz_path_equal(hz_arena_path(ap), &packet->path);
	if (!selected && (restarted || should_select(w, ap, p, reply))) {
		hz_arena_set_path(ap, &packet->path);
		hz_router_path_changed(w->router, slot, w->now_us);
		p->nominated_us = 0;
		selected = true;
	}
	hz_pairs_checked(w, slot, &packet->path);
	if (selected) {
		p->selected_us = w->now_us;
		p->priority = reply->priority;
		ap->consent_us = w->now_us;
		if (reply->use_candidate)
			p->nominated_us = w->now_us;
	}
	if (restarted)
		restart_done(w, slot);
	if (selected && waits(ap))
		came_alive(w, slot);
}

// A client's first check may come before the command that names it is read: it waits in the other socket then, and the
// client would repeat its check half a second later.
static bool keep_early(struct hz_worker *w, const struct hz_udp_packet *packet)
{
	if (w->early_again || packet->path.conn || w->early_count == HZ_WORKER_EARLY)
		return false;
	w->early[w->early_count++] = packet;
	return true;
}

void hz_worker_early(struct hz_worker *w)
{
	if (w->early_count == 0)
		return;
	if (w->api_open)
		hz_worker_api_read(w);
	w->early_again = true;
	for (uint32_t i = 0; i < w->early_count; i++)
		hz_worker_stun(w, w->early[i]);
	w->early_again = false;
	w->early_count = 0;
}

// An address moves from a peer that is silent or over to the next: NATs give ports out again. While its owner is heard
// from there it does not: anyone can write it as the source of his own checks, and the owner's packets would be taken
// for his.
static bool held(const struct hz_worker *w, uint32_t slot, const struct hz_path *path)
{
	uint32_t owner = path->conn ? HZ_ADDRESS_NONE : hz_addresses_find(w->addresses, &path->remote);
	if (owner == HZ_ADDRESS_NONE || owner == slot)
		return false;
	uint8_t state = w->arena->peer[owner].state;
	return state != HZ_PEER_FAILED && state != HZ_PEER_CLOSED &&
	       w->now_us - hz_pairs_heard_us(w, owner, &path->remote) < HZ_WORKER_LOST_US;
}

static void answer(struct hz_worker *w, const struct hz_udp_packet *packet, const struct hz_stun_peek *peek)
{
	struct hz_stun_reply reply;
	struct hz_worker_peer *p = hz_map_get(w->ufrags, peek->local_ufrag);
	if (!p && keep_early(w, packet))
		return;
	// A connection is one peer's: control handed it over for that one.
	if (!p || (packet->path.conn && hz_tcp_owner(w, packet->path.conn) != p->slot)) {
		w->arena->counters.stun_unknown++;
		hz_tcp_bad(w, packet->path.conn);
		return;
	}
	const struct hz_arena_peer *ap = &w->arena->peer[p->slot];
	bool with_old = strcmp(peek->local_ufrag, hz_arena_peer_set(ap)->local_ufrag) != 0;
	const char *pwd = with_old ? ap->old_local_pwd : hz_arena_peer_set(ap)->local_pwd;
	int err = hz_stun_answer(packet->data, packet->bytes, pwd, &packet->path.remote, &reply);
	if (err)
		w->arena->counters.stun_bad++;
	if (err && err != -EPROTO) {
		hz_tcp_bad(w, packet->path.conn);
		return;
	}
	// Without an answer whoever is there by right asks again soon, and does not begin DTLS where it would be another's.
	if (!err && held(w, p->slot, &packet->path)) {
		w->arena->counters.stun_bad++;
		return;
	}
	hz_worker_send(w, &packet->path, reply.data, reply.bytes);
	if (!err)
		accepted(w, p->slot, packet, with_old, &reply);
}

void hz_worker_stun(struct hz_worker *w, const struct hz_udp_packet *packet)
{
	struct hz_stun_peek peek;
	if (hz_stun_peek(packet->data, packet->bytes, &peek)) {
		w->arena->counters.stun_bad++;
		hz_tcp_bad(w, packet->path.conn);
		return;
	}
	if (peek.kind == HZ_STUN_REQUEST)
		answer(w, packet, &peek);
	else if (peek.kind == HZ_STUN_RESPONSE)
		w->arena->counters.stun_unknown++; // we ask nothing
}

// Only an ICE restart brings a peer back that lost consent (RFC 7675 section 5.1): its old credentials are dead.
static void bury(struct hz_worker *w, uint32_t slot)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	if (ap->ice_pending) { // the restart is under way: the new ones stay good
		restart_done(w, slot);
		return;
	}
	memcpy(ap->old_local_ufrag, hz_arena_peer_set(ap)->local_ufrag, sizeof(ap->old_local_ufrag));
	hz_worker_ufrags_drop(w, slot);
}

static void expire(struct hz_worker *w, uint32_t slot)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	int64_t quiet = w->now_us - ap->consent_us;
	if (quiet >= HZ_WORKER_CONSENT_US) {
		hz_worker_dtls_drop(
		    w, slot); // an unfinished handshake; a finished one has its keys in the arena
		if (ap->dtls == HZ_ARENA_DTLS_HANDSHAKING)
			ap->dtls = HZ_ARENA_DTLS_NONE;
		ap->has_path = 0;
		hz_addresses_drop(w->addresses, slot);
		bury(w, slot);
		hz_router_peer_state(w->router, slot, HZ_PEER_FAILED, HZ_REASON_CONSENT, w->now_us);
	} else if (quiet >= HZ_WORKER_LOST_US && ap->state == HZ_PEER_CONNECTED) {
		hz_router_peer_state(w->router, slot, HZ_PEER_DISCONNECTED, HZ_REASON_NONE, w->now_us);
	}
}

void hz_worker_consent(struct hz_worker *w)
{
	for (uint32_t i = 0; i < w->arena->peers_high; i++)
		if (w->arena->peer[i].id &&
		    (w->arena->peer[i].has_path || w->arena->peer[i].state == HZ_PEER_DISCONNECTED))
			expire(w, i);
}

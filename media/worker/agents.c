#include "media/worker/agents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/transport/agent.h"
#include "media/transport/demux.h"
#include "media/worker/state.h"

#define GENERATION_MASK 0xffffu
#define RENEW_US        2000000 // after which an agent that lost its way is made anew; doubles up to
#define RENEW_MAX_US    60000000
#define MISSED_US       60000000 // without an uplink that was there: an ICE restart is asked for
#define NOMINATIONS     20       // of an agent that has found a way
#define SETTLED_US      1000000  // of a generation: its handshake is over
#define ANSWERED_US     2000000  // after which the client has the answer that new agents belong to

struct one {
	struct hz_peer_agents *of;
	struct hz_agent *agent;    // NULL: could not be made
	int64_t renew_us, wait_us; // when it may be made anew
	bool left;                 // another one is used: a better one is to take its place
	unsigned nominations;      // still to be said, one a tick of pairs.h
	struct hz_path path;
};

struct hz_peer_agents {
	struct hz_worker *worker;
	uint32_t slot, generation;
	unsigned count;
	bool local_due; // control has not been told of all candidates
	bool making;
	uint32_t renewed;           // agents made anew
	uint32_t ever;              // bits: those that have been connected, also in earlier generations
	int64_t born_us, missed_us; // missed: since when one of those is not connected; 0: all are
	char remote_ufrag[HZ_UFRAG_BYTES];
	struct hz_cmd_agent_set set; // to make one anew
	unsigned remote_count;
	struct hz_candidate remote[HZ_AGENT_REMOTES];
	struct one one[HZ_AGENT_ADDRESSES];
};

static struct one *find(const struct hz_worker *w, uint32_t conn)
{
	uint32_t slot = (conn & (HZ_AGENT_CONN_MARK - 1)) >> 2, which = conn & 3;
	if (!hz_conn_is_agent(conn) || slot >= HZ_MAX_PEERS)
		return NULL;
	struct hz_peer_agents *both[] = {w->peer[slot].agents, w->peer[slot].old_agents};
	for (unsigned i = 0; i < 2; i++)
		if (both[i] && both[i]->generation == conn >> 16 && which < both[i]->count)
			return &both[i]->one[which];
	return NULL;
}

static void free_agents(struct hz_peer_agents **agents)
{
	for (unsigned i = 0; *agents && i < (*agents)->count; i++)
		hz_agent_free((*agents)->one[i].agent);
	if (*agents)
		hz_wipe(*agents, sizeof(**agents));
	free(*agents);
	*agents = NULL;
}

// --- what agents tell

static void tell_local(struct hz_peer_agents *a)
{
	union hz_msg msg = {.agent_local = {.peer = a->worker->arena->peer[a->slot].id, .done = 1}};
	struct hz_ev_agent_local *ev = &msg.agent_local;
	for (unsigned i = 0; i < a->count; i++) {
		bool done = true;
		if (a->one[i].agent)
			ev->count =
			    (uint8_t)(ev->count + hz_agent_local(a->one[i].agent, &ev->candidate[ev->count],
			                                         HZ_MAX_CANDIDATES - ev->count, &done));
		ev->done &= done;
	}
	memcpy(ev->local_ufrag, a->set.local_ufrag, sizeof(ev->local_ufrag));
	msg.h.version = HZ_API_VERSION;
	msg.h.type = HZ_EV_AGENT_LOCAL;
	msg.h.bytes = sizeof(msg.agent_local);
	a->local_due = !hz_worker_event(a->worker, &msg); // else with the next tick
}

static void on_local(void *user)
{
	struct one *one = user;
	if (!one->of->making)
		tell_local(one->of);
}

// The first to find a way is taken; later ones are there for when it dies. While an earlier generation works it is left
// alone until the client has the answer: before, it takes our checks by the new one but sends nothing there.
static bool should_select(const struct hz_worker *w, const struct hz_arena_peer *ap, const struct one *one)
{
	const struct one *selected = ap->has_path ? find(w, hz_arena_path(ap)->conn) : NULL;
	if (!selected || !hz_worker_agent_alive(w, selected->path.conn))
		return true;
	return selected->of != one->of && w->now_us - one->of->born_us >= ANSWERED_US;
}

static void take(struct one *one)
{
	struct hz_worker *w = one->of->worker;
	struct hz_arena_peer *ap = &w->arena->peer[one->of->slot];
	hz_arena_set_path(ap, &one->path);
	hz_router_path_changed(w->router, one->of->slot, w->now_us);
	hz_pairs_checked(w, one->of->slot, &one->path);
	ap->consent_us = w->now_us;
	w->peer[one->of->slot].pairs.pokes = HZ_PAIRS_POKES;
	for (unsigned i = 0; i < one->of->count; i++) // made anew to be better than this one
		one->of->one[i].left = &one->of->one[i] != one;
	hz_worker_ice_alive(w, one->of->slot);
}

static void on_connected(struct one *one)
{
	struct hz_worker *w = one->of->worker;
	uint32_t slot = one->of->slot;
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	hz_pairs_checked(w, slot, &one->path);
	one->nominations = NOMINATIONS;
	one->of->ever |= 1u << (one->path.conn & 3);
	if (one->of == w->peer[slot].agents && should_select(w, ap, one))
		take(one);
	else if (ap->has_path && hz_path_equal(hz_arena_path(ap), &one->path))
		hz_worker_ice_alive(w, slot); // made anew
}

static void on_state(void *user, enum hz_agent_state state)
{
	struct one *one = user;
	struct hz_worker *w = one->of->worker;
	hz_debug("agent.state", "peer=%08x which=%u state=%d", w->arena->peer[one->of->slot].id,
	         one->path.conn & 3, state);
	if (state == HZ_AGENT_CONNECTED)
		on_connected(one);
}

// The client sends by the new generation: it has our answer. Until then it needs the old one: a check can come back
// from it before.
static void restarted(struct one *one)
{
	struct hz_worker *w = one->of->worker;
	const struct hz_arena_peer *ap = &w->arena->peer[one->of->slot];
	const struct one *selected = ap->has_path ? find(w, hz_arena_path(ap)->conn) : NULL;
	if (!selected || selected->of != one->of)
		take(one);
	free_agents(&w->peer[one->of->slot].old_agents);
}

static void on_packet(void *user, uint8_t *data, size_t bytes)
{
	struct one *one = user;
	struct hz_worker *w = one->of->worker;
	struct hz_worker_peer *p = &w->peer[one->of->slot];
	struct hz_udp_packet packet = {.data = data, .bytes = bytes, .path = one->path};
	if (hz_demux(data, bytes) == HZ_DEMUX_STUN) { // not one of its own
		w->arena->counters.stun_unknown++;
		return;
	}
	if (one->of == p->agents && p->old_agents)
		restarted(one);
	hz_worker_dispatch(w, &packet);
}

// --- commands

static int begin(struct hz_worker *w)
{
	if (w->agents)
		return 0;
	struct epoll_event e = {.events = EPOLLIN};
	int err = hz_agents_new(HZ_WORKER_AGENTS_MAX, &w->agents);
	if (err)
		return err;
	e.data.fd = hz_agents_poll_fd(w->agents);
	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, e.data.fd, &e) ? -errno : 0;
}

static bool text_ok(const char *text, size_t bytes)
{
	return memchr(text, '\0', bytes) != NULL;
}

static int check(const struct hz_worker *w, const struct hz_cmd_agent_set *cmd)
{
	const struct hz_arena_peer *ap = hz_arena_peer(w->arena, cmd->peer);
	if (!ap)
		return -ENOENT;
	if (!(hz_arena_peer_set(ap)->flags & HZ_PEER_AGENT) || !cmd->address_count ||
	    cmd->address_count > HZ_AGENT_ADDRESSES || cmd->server_count > HZ_AGENT_SERVERS ||
	    !text_ok(cmd->local_ufrag, sizeof(cmd->local_ufrag)) ||
	    !text_ok(cmd->username, sizeof(cmd->username)) || !text_ok(cmd->password, sizeof(cmd->password)))
		return -EINVAL;
	return strcmp(hz_arena_peer_set(ap)->local_ufrag, cmd->local_ufrag) != 0 ? -ESTALE : 0;
}

// Above whatever was told before. A browser prunes pairs that are no better than the one it uses, and would not follow to
// a pruned one before seconds; a better one it keeps ready, and as the controlled side it stays where media comes.
static uint32_t priority_of(const struct hz_peer_agents *a)
{
	return a->renewed ? 127u << 24 | (a->renewed & 0xffffu) << 8 | 255u : 0;
}

static int make_one(struct hz_worker *w, struct hz_peer_agents *a, unsigned which)
{
	const struct hz_cmd_agent_set *cmd = &a->set;
	const struct hz_cmd_peer_set *set = hz_arena_peer_set(&w->arena->peer[a->slot]);
	struct one *one = &a->one[which];
	const struct hz_agent_options options = {.local_ufrag = set->local_ufrag,
	                                         .local_pwd = set->local_pwd,
	                                         .remote_ufrag = set->remote_ufrag,
	                                         .remote_pwd = set->remote_pwd,
	                                         .address = &cmd->address[which],
	                                         .server = cmd->server,
	                                         .server_count = cmd->server_count,
	                                         .username = cmd->username,
	                                         .password = cmd->password,
	                                         .priority = priority_of(a),
	                                         .local = on_local,
	                                         .state = on_state,
	                                         .packet = on_packet,
	                                         .user = one};
	one->of = a;
	one->path = (struct hz_path){.local = cmd->address[which],
	                             .conn = a->generation << 16 | HZ_AGENT_CONN_MARK | a->slot << 2 | which};
	a->count = which < a->count ? a->count : which + 1;
	return hz_agent_new(w->agents, &options, w->now_us, &one->agent);
}

static struct hz_peer_agents *next_generation(struct hz_worker *w, const struct hz_cmd_peer_set *set)
{
	struct hz_peer_agents *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	w->agent_generation = (w->agent_generation + 1) & GENERATION_MASK;
	if (!w->agent_generation)
		w->agent_generation = 1;
	a->worker = w;
	a->slot = HZ_ID_SLOT(set->peer);
	a->generation = w->agent_generation;
	a->making = true;
	memcpy(a->remote_ufrag, set->remote_ufrag, sizeof(a->remote_ufrag));
	return a;
}

// The generation that carries media stays beside the new one; one between them that never found a way goes.
static void keep_serving(struct hz_worker *w, uint32_t slot)
{
	struct hz_worker_peer *p = &w->peer[slot];
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	const struct one *selected = ap->has_path ? find(w, hz_arena_path(ap)->conn) : NULL;
	if (selected && selected->of == p->old_agents) {
		free_agents(&p->agents);
		return;
	}
	free_agents(&p->old_agents);
	p->old_agents = p->agents;
	p->agents = NULL;
}

int hz_worker_agent_set(struct hz_worker *w, const struct hz_cmd_agent_set *cmd)
{
	int err = check(w, cmd);
	if (!err)
		err = begin(w);
	if (err)
		return err;
	uint32_t slot = HZ_ID_SLOT(cmd->peer);
	struct hz_worker_peer *p = &w->peer[slot];
	if (p->agents && !strcmp(p->agents->set.local_ufrag, cmd->local_ufrag))
		return 0; // a repetition
	struct hz_peer_agents *a = next_generation(w, hz_arena_peer_set(&w->arena->peer[slot]));
	if (!a)
		return -ENOMEM;
	a->set = *cmd;
	a->ever = p->agents ? p->agents->ever : 0;
	a->born_us = w->now_us;
	if (w->arena->peer[slot].reason == HZ_REASON_AGENT_MISSED) // heard
		hz_router_peer_state(w->router, slot, HZ_PEER_CONNECTED, HZ_REASON_NONE, w->now_us);
	keep_serving(w, slot);
	p->agents = a;
	unsigned made = 0;
	for (unsigned i = 0; i < cmd->address_count; i++) {
		int failed = make_one(w, a, i);
		if (failed)
			hz_warn("agent.address", "peer=%08x which=%u err=%d", cmd->peer, i, -failed);
		err = failed ? failed : err;
		made += !failed;
	}
	a->making = false;
	tell_local(a);
	return made ? 0 : err;
}

int hz_worker_agent_remote(struct hz_worker *w, const struct hz_cmd_agent_remote *cmd)
{
	if (!hz_arena_peer(w->arena, cmd->peer))
		return -ENOENT;
	struct hz_peer_agents *a = w->peer[HZ_ID_SLOT(cmd->peer)].agents;
	if (cmd->count > HZ_MAX_CANDIDATES || !text_ok(cmd->remote_ufrag, sizeof(cmd->remote_ufrag)))
		return -EINVAL;
	if (!a || strcmp(a->remote_ufrag, cmd->remote_ufrag) != 0)
		return -ESTALE;
	for (unsigned i = 0; i < cmd->count && a->remote_count < HZ_AGENT_REMOTES; i++)
		a->remote[a->remote_count++] = cmd->candidate[i];
	for (unsigned i = 0; i < a->count; i++)
		if (a->one[i].agent)
			hz_agent_remote(a->one[i].agent, cmd->candidate, cmd->count);
	return 0;
}

// --- for the rest of the worker

bool hz_worker_agent_wanted(const struct hz_worker *w, uint32_t slot)
{
	return (hz_arena_peer_set(&w->arena->peer[slot])->flags & HZ_PEER_AGENT) != 0;
}

bool hz_worker_agent_alive(const struct hz_worker *w, uint32_t conn)
{
	const struct one *one = find(w, conn);
	return one && one->agent && hz_agent_state(one->agent) == HZ_AGENT_CONNECTED;
}

uint32_t hz_worker_agent_slot(const struct hz_worker *w, uint32_t conn)
{
	const struct one *one = find(w, conn);
	return one ? one->of->slot : HZ_ADDRESS_NONE;
}

void hz_worker_agent_send(struct hz_worker *w, uint32_t conn, const void *data, size_t bytes)
{
	const struct one *one = find(w, conn);
	struct hz_arena_counters *c = &w->arena->counters;
	if (!one || !one->agent || hz_agent_send(one->agent, data, bytes)) {
		c->tx_dropped++;
		return;
	}
	c->tx_packets++;
	c->tx_bytes += bytes;
}

void hz_worker_agent_moved(struct hz_worker *w, uint32_t from, uint32_t to)
{
	struct one *left = find(w, from), *used = find(w, to);
	if (left)
		left->left = true;
	if (used)
		used->left = false;
}

void hz_worker_agent_drop(struct hz_worker *w, uint32_t slot)
{
	free_agents(&w->peer[slot].agents);
	free_agents(&w->peer[slot].old_agents);
}

void hz_worker_agent_lost(struct hz_worker *w, uint32_t slot)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	ap->has_path = 0;
	ap->consent_us = w->now_us; // so long it may take to come back
	if (ap->state != HZ_PEER_FAILED && ap->state != HZ_PEER_CLOSED)
		hz_router_peer_state(w->router, slot, HZ_PEER_DISCONNECTED, HZ_REASON_AGENT_LOST, w->now_us);
}

int hz_worker_agents_poll_fd(const struct hz_worker *w)
{
	return w->agents ? hz_agents_poll_fd(w->agents) : -1;
}

int64_t hz_worker_agents_deadline(const struct hz_worker *w)
{
	return w->agents ? hz_agents_deadline(w->agents) : INT64_MAX;
}

void hz_worker_agents_run(struct hz_worker *w)
{
	hz_agents_run(w->agents, w->now_us);
}

// One that has lost its way stays lost, one that is not used is pruned (priority_of). A new one from the same address, with
// the same credentials, finds it again once the uplink is back: the client knows nothing of its new port, but is asked
// from there (a peer-reflexive candidate). One by which the client sends is left alone: hz_pairs_tick moves to it.
static void renew(struct hz_worker *w, struct hz_peer_agents *a, unsigned which)
{
	struct one *one = &a->one[which];
	if (hz_worker_agent_alive(w, one->path.conn) && !one->left) {
		one->wait_us = RENEW_US;
		one->renew_us = 0; // at once, the first time
		return;
	}
	bool stale =
	    strcmp(hz_arena_peer_set(&w->arena->peer[a->slot])->local_ufrag, a->set.local_ufrag) != 0;
	bool young = w->now_us - a->born_us < SETTLED_US;
	if (stale || young || !(a->ever & 1u << which) || w->now_us < one->renew_us ||
	    hz_pairs_serves(w, a->slot, &one->path))
		return;
	one->renew_us = w->now_us + one->wait_us;
	one->wait_us = one->wait_us * 2 < RENEW_MAX_US ? one->wait_us * 2 : RENEW_MAX_US;
	one->left = false;
	a->renewed++;
	hz_agent_free(one->agent);
	one->agent = NULL;
	a->making = true;
	int err = make_one(w, a, which);
	a->making = false;
	if (err)
		hz_debug("agent.renew", "which=%u err=%d", which, -err);
	else
		hz_agent_remote(one->agent, a->remote, a->remote_count);
}

// Where the client's NAT lets nobody in whom it does not know, only an ICE restart
// helps.
static void miss(struct hz_worker *w, uint32_t slot, struct hz_peer_agents *a)
{
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	uint32_t alive = 0;
	for (unsigned i = 0; i < a->count; i++)
		alive |= hz_worker_agent_alive(w, a->one[i].path.conn) ? 1u << i : 0;
	if (!(a->ever & ~alive))
		a->missed_us = 0;
	else if (!a->missed_us)
		a->missed_us = w->now_us;
	if (!alive || !a->missed_us || w->now_us - a->missed_us < MISSED_US || ap->state != HZ_PEER_CONNECTED)
		return;
	hz_router_peer_state(w->router, slot, HZ_PEER_CONNECTED, HZ_REASON_AGENT_MISSED, w->now_us);
}

// A browser that restarts ICE holds itself for controlling again, and turns round at each of our checks that says otherwise
// and at each 487 to one of its own. A check that finds it controlling nominates nothing; libnice does not repeat it before
// the one for consent, and the browser would stay with the dead pair for 3.5 s. So it is said again while that settles.
void hz_worker_agents_nominate(struct hz_worker *w)
{
	for (uint32_t i = 0; w->agents && i < w->arena->peers_high; i++) {
		struct hz_peer_agents *a = w->peer[i].agents;
		for (unsigned n = 0; a && n < a->count; n++) {
			struct one *one = &a->one[n];
			if (!one->nominations || !hz_worker_agent_alive(w, one->path.conn))
				continue;
			one->nominations--;
			(void)hz_agent_nominate(one->agent); // one that is lost is made up for by the next
		}
	}
}

// libnice asks for consent by itself (RFC 7675) and says when it is lost.
void hz_worker_agents_tick(struct hz_worker *w)
{
	for (uint32_t i = 0; w->agents && i < w->arena->peers_high; i++) {
		struct hz_arena_peer *ap = &w->arena->peer[i];
		struct hz_peer_agents *both[] = {w->peer[i].agents, w->peer[i].old_agents};
		for (unsigned k = 0; ap->id && k < 2; k++) {
			for (unsigned n = 0; both[k] && n < both[k]->count; n++) {
				const struct one *one = &both[k]->one[n];
				if (!hz_worker_agent_alive(w, one->path.conn))
					continue;
				hz_pairs_valid(w, i, &one->path);
				if (k == 0 && should_select(w, ap, one))
					take(&both[0]->one[n]);
				if (ap->has_path && hz_path_equal(hz_arena_path(ap), &one->path))
					ap->consent_us = w->now_us;
			}
		}
		if (both[0] && both[0]->local_due)
			tell_local(both[0]);
		for (unsigned n = 0; both[0] && n < both[0]->count; n++)
			renew(w, both[0], n);
		if (both[0])
			miss(w, i, both[0]);
	}
}

void hz_worker_agents_free(struct hz_worker *w)
{
	for (uint32_t i = 0; w->agents && w->peer && i < HZ_MAX_PEERS; i++)
		hz_worker_agent_drop(w, i);
	hz_agents_free(w->agents);
	w->agents = NULL;
}

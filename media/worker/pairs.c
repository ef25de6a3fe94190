#include "media/worker/pairs.h"

#include <string.h>

#include "gateway/base/log.h"
#include "media/worker/state.h"

#define AVERAGE 8 // ticks
#define WAITS   30 // ticks beyond the silence until the next pair is tried: the client is to find the first one

static uint32_t index_of(const struct hz_pairs *pairs, const struct hz_path *path)
{
	uint32_t i = 0;
	while (i < pairs->count && !hz_path_equal(&pairs->pair[i].path, path))
		i++;
	return i;
}

static struct hz_pair *find(struct hz_pairs *pairs, const struct hz_path *path)
{
	uint32_t i = index_of(pairs, path);
	return i < pairs->count ? &pairs->pair[i] : NULL;
}

static struct hz_pair *make(struct hz_pairs *pairs, const struct hz_path *path)
{
	struct hz_pair *pair = &pairs->pair[0];
	if (pairs->count < HZ_PAIRS)
		pair = &pairs->pair[pairs->count++];
	for (uint32_t i = 0; pairs->count == HZ_PAIRS && i < HZ_PAIRS; i++)
		if (pairs->pair[i].heard_us < pair->heard_us)
			pair = &pairs->pair[i];
	*pair = (struct hz_pair){.path = *path};
	return pair;
}

static bool is_selected(const struct hz_arena_peer *ap, const struct hz_path *path)
{
	return ap->has_path && hz_path_equal(hz_arena_path(ap), path);
}

static void on_selected(struct hz_worker *w, struct hz_pairs *pairs)
{
	pairs->heard++;
	pairs->heard_us = w->now_us;
	pairs->waits = 0;
	pairs->pokes = 0;
	pairs->told = false;
}

void hz_pairs_checked(struct hz_worker *w, uint32_t slot, const struct hz_path *path)
{
	struct hz_pairs *pairs = &w->peer[slot].pairs;
	struct hz_pair *pair = find(pairs, path);
	if (!pair)
		pair = make(pairs, path);
	pair->checked_us = pair->heard_us = w->now_us;
	if (is_selected(&w->arena->peer[slot], path))
		on_selected(w, pairs);
}

void hz_pairs_valid(struct hz_worker *w, uint32_t slot, const struct hz_path *path)
{
	struct hz_pair *pair = find(&w->peer[slot].pairs, path);
	if (pair)
		pair->checked_us = w->now_us;
}

void hz_pairs_heard(struct hz_worker *w, uint32_t slot, const struct hz_path *path)
{
	struct hz_pairs *pairs = &w->peer[slot].pairs;
	if (is_selected(&w->arena->peer[slot], path)) { // nearly always
		on_selected(w, pairs);
		for (uint32_t i = 0; i < pairs->count; i++) {
			pairs->pair[i].tried = false;
			pairs->pair[i].media = 0;
		}
		return;
	}
	struct hz_pair *pair = find(pairs, path);
	if (!pair)
		return;
	pair->heard_us = pair->media_us = w->now_us;
	pair->media++;
}

static bool is_from(const struct hz_path *path, const struct sockaddr_in6 *from)
{
	return !path->conn && path->remote.sin6_port == from->sin6_port &&
	       !memcmp(&path->remote.sin6_addr, &from->sin6_addr, sizeof(from->sin6_addr));
}

int64_t hz_pairs_heard_us(const struct hz_worker *w, uint32_t slot, const struct sockaddr_in6 *from)
{
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	const struct hz_pairs *pairs = &w->peer[slot].pairs;
	int64_t newest_us = ap->has_path && is_from(hz_arena_path(ap), from) ? pairs->heard_us : 0;
	for (uint32_t i = 0; i < pairs->count; i++)
		if (pairs->pair[i].heard_us > newest_us && is_from(&pairs->pair[i].path, from))
			newest_us = pairs->pair[i].heard_us;
	return newest_us;
}

bool hz_pairs_serves(const struct hz_worker *w, uint32_t slot, const struct hz_path *path)
{
	const struct hz_pairs *pairs = &w->peer[slot].pairs;
	uint32_t i = index_of(pairs, path);
	return i < pairs->count && pairs->pair[i].media;
}

static bool usable(const struct hz_worker *w, const struct hz_pair *pair)
{
	return w->now_us - pair->checked_us < HZ_PAIRS_VALID_US && hz_worker_path_alive(w, &pair->path);
}

// One with media since the selected one fell silent; else one by another of our addresses, for when an uplink died; else
// any. Among equals the one heard last. Each is tried once in a silence: moving disturbs the estimate of its bandwidth.
static uint32_t worth(const struct hz_pairs *pairs, const struct hz_pair *pair,
                      const struct hz_path *selected)
{
	if (pair->media_us > pairs->heard_us)
		return 3;
	if (pair->tried || pairs->waits)
		return 0;
	return memcmp(&pair->path.local, &selected->local, sizeof(selected->local)) != 0 ? 2 : 1;
}

static struct hz_pair *best(const struct hz_worker *w, struct hz_pairs *pairs, const struct hz_path *selected)
{
	struct hz_pair *found = NULL;
	uint32_t found_worth = 0;
	for (uint32_t i = 0; i < pairs->count; i++) {
		struct hz_pair *pair = &pairs->pair[i];
		uint32_t value = hz_path_equal(&pair->path, selected) || !usable(w, pair)
		                     ? 0
		                     : worth(pairs, pair, selected);
		if (value > found_worth ||
		    (value && value == found_worth && pair->heard_us > found->heard_us)) {
			found = pair;
			found_worth = value;
		}
	}
	return found;
}

// The client notices some seconds later; control can tell it now.
static void tell(struct hz_worker *w, uint32_t slot)
{
	const struct hz_arena_peer *ap = &w->arena->peer[slot];
	union hz_msg msg = {.peer_state = {.peer = ap->id,
	                                   .state = ap->state,
	                                   .reason = HZ_REASON_SILENT,
	                                   .srtp_profile = ap->keys.profile,
	                                   .consult = hz_arena_peer_set(ap)->consult,
	                                   .local = hz_arena_path(ap)->local}};
	msg.h.version = HZ_API_VERSION;
	msg.h.type = HZ_EV_PEER_STATE;
	msg.h.bytes = sizeof(msg.peer_state);
	if (!hz_worker_event(w, &msg))
		w->arena->counters.events_dropped++;
}

static void move(struct hz_worker *w, uint32_t slot, struct hz_pair *to)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	struct hz_worker_peer *p = &w->peer[slot];
	struct hz_pair *from = find(&p->pairs, hz_arena_path(ap));
	const char *how = hz_conn_is_agent(to->path.conn) ? "agent" : to->path.conn ? "tcp" : "udp";
	hz_info("path.moved", "peer=%08x silent_ms=%d by=%s which=%u", ap->id,
	        (int)((w->now_us - p->pairs.heard_us) / 1000), how, to->path.conn & 3);
	if (from)
		from->tried = true;
	hz_worker_agent_moved(w, hz_arena_path(ap)->conn, to->path.conn);
	to->tried = true;
	to->media = 0;
	hz_arena_set_path(ap, &to->path);
	hz_router_path_changed(w->router, slot, w->now_us);
	p->priority = 0; // whatever the client nominates next is better
	p->nominated_us = 0;
	p->selected_us = to->checked_us;
	p->pairs.heard_us = w->now_us;
	p->pairs.heard = 0;
	p->pairs.waits = WAITS;
	p->pairs.pokes = HZ_PAIRS_POKES;
}

// Whoever is reached by agents follows at once and loses nothing by a move that was not needed.
static int64_t silence_us(const struct hz_pairs *pairs, const struct hz_path *selected)
{
	if (!hz_conn_is_agent(selected->conn) || !pairs->rate_milli)
		return HZ_PAIRS_SILENT_US;
	int64_t us = (int64_t)HZ_PAIRS_SILENT_PACKETS * 1000 * HZ_PAIRS_TICK_US / pairs->rate_milli;
	us = us < HZ_PAIRS_SILENT_MIN_US ? HZ_PAIRS_SILENT_MIN_US : us;
	return us < HZ_PAIRS_SILENT_US ? us : HZ_PAIRS_SILENT_US;
}

// Where several agents have found a way, client and gateway may each have taken another one: the client goes by what it
// was nominated first, we by what connected first. Then we go where the client is, before what it uses is made anew.
static struct hz_pair *followed(const struct hz_worker *w, struct hz_pairs *pairs,
                                const struct hz_path *selected)
{
	struct hz_pair *found = NULL;
	if (!hz_conn_is_agent(selected->conn) || w->now_us - pairs->heard_us < HZ_PAIRS_TICK_US)
		return NULL;
	for (uint32_t i = 0; i < pairs->count; i++) {
		struct hz_pair *pair = &pairs->pair[i];
		if (pair->media >= HZ_PAIRS_FOLLOW && (!found || pair->media > found->media) &&
		    !hz_path_equal(&pair->path, selected) && usable(w, pair))
			found = pair;
	}
	return found;
}

static void look(struct hz_worker *w, uint32_t slot)
{
	struct hz_pairs *pairs = &w->peer[slot].pairs;
	int64_t silent_us = w->now_us - pairs->heard_us;
	if (pairs->pokes) {
		pairs->pokes--;
		hz_router_report_now(w->router, slot, w->now_us);
	}
	if (silent_us < HZ_PAIRS_SILENT_US / 2)
		pairs->rate_milli = (pairs->rate_milli * (AVERAGE - 1) + pairs->heard * 1000) / AVERAGE;
	pairs->heard = 0;
	struct hz_pair *to = followed(w, pairs, hz_arena_path(&w->arena->peer[slot]));
	if (to) {
		move(w, slot, to);
		return;
	}
	if (silent_us < silence_us(pairs, hz_arena_path(&w->arena->peer[slot])) ||
	    pairs->rate_milli < HZ_PAIRS_BUSY_MILLI)
		return;
	pairs->waits -= pairs->waits > 0;
	if (!pairs->told)
		tell(w, slot);
	pairs->told = true;
	to = best(w, pairs, hz_arena_path(&w->arena->peer[slot]));
	if (to)
		move(w, slot, to);
}

void hz_pairs_tick(struct hz_worker *w)
{
	for (uint32_t i = 0; i < w->arena->peers_high; i++) {
		const struct hz_arena_peer *ap = &w->arena->peer[i];
		if (ap->id && ap->has_path && ap->state == HZ_PEER_CONNECTED && w->peer[i].pairs.count)
			look(w, i);
	}
}

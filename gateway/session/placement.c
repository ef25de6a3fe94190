#include "gateway/session/placement.h"

#include <errno.h>

#include "gateway/session/ids.h"

bool hz_place_room(const struct hz_brain *brain, unsigned worker, unsigned tracks, unsigned subs)
{
	const struct hz_worker_view *view = &brain->worker[worker];
	return hz_ids_room(&view->tracks) >= tracks && hz_ids_room(&view->subs) >= subs;
}

// M-lines may change what they are for, so that new objects are made before old ones go: twice what one peer may have.
static bool has_room(const struct hz_brain *brain, unsigned worker, unsigned spare)
{
	return hz_ids_room(&brain->worker[worker].peers) > spare &&
	       hz_place_room(brain, worker, 2 * HZ_TRACKS_PER_PARTICIPANT, 2 * HZ_SLOTS_PER_PEER);
}

static bool has_peer(const struct hz_participant *p, unsigned worker)
{
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		if (peer->worker == worker)
			return true;
	}
	return false;
}

static bool present(const struct hz_consult *consult, unsigned worker)
{
	for (const struct hz_participant *p = consult->participants; p; p = p->next) {
		if (has_peer(p, worker))
			return true;
	}
	return consult->viewers && has_peer(consult->viewers, worker);
}

// Lower is better. What a worker does for its packets is mostly what it sends.
struct rank {
	bool full;   // at the bound
	bool absent; // the consult would need one more relay
	uint32_t load;
};

static struct rank rank_of(const struct hz_brain *brain, const struct hz_consult *consult, unsigned worker)
{
	const struct hz_worker_view *view = &brain->worker[worker];
	return (struct rank){
	    .full = view->subs.used >= brain->limits.spread_subscriptions,
	    .absent = consult->peer_count && !present(consult, worker),
	    .load = view->subs.used + view->tracks.used + view->peers.used,
	};
}

static bool better(const struct rank *a, const struct rank *b)
{
	if (a->full != b->full)
		return b->full;
	if (!a->full && a->absent != b->absent)
		return b->absent;
	return a->load < b->load;
}

int hz_place_peer(const struct hz_brain *brain, const struct hz_consult *consult, unsigned spare,
                  unsigned *ret)
{
	unsigned home = consult->worker, best = brain->workers;
	struct rank least = {.full = true};
	if (consult->peer_count && home < brain->workers && has_room(brain, home, spare) &&
	    !rank_of(brain, consult, home).full) {
		*ret = home;
		return 0;
	}
	for (unsigned i = 0; i < brain->workers; i++) {
		if (!has_room(brain, i, spare))
			continue;
		struct rank rank = rank_of(brain, consult, i);
		if (best < brain->workers && !better(&rank, &least))
			continue;
		best = i;
		least = rank;
	}
	if (best >= brain->workers)
		return -ENOSPC;
	*ret = best;
	return 0;
}

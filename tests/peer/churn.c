// Many members that come and go beside one that publishes throughout. Nobody leaves by the clock: a visit is over `hold_ms` after
// its media began, however long a busy machine took for that; every eighth ends at a random moment while it still connects.
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "tests/peer/run.h"

#define EARLY_EVERY 8
#define PATIENCE_US 10000000 // without media until then: none will come
#define FIRST_US    20000    // taken to be what connecting takes, before anybody has connected

struct seat { // one member coming and going
	int64_t began_us;
	int64_t flows_us; // since when media flows; 0: not yet
	int64_t early_us; // leaves then, whatever has happened; 0: no such visit
	bool watching;
};

struct churn {
	struct run *run;
	struct seat seats[MAX_MEMBERS];
	unsigned begun, ended, good, refused;
	unsigned early, midway; // left at a random moment; of those: before media flowed
	int64_t connect_us;     // what connecting takes, on average
};

static bool flows(struct peer *peer)
{
	unsigned sinks;
	peer_sinks(peer, &sinks);
	return peer_state(peer) == PEER_RUNNING &&
	       (peer_publishes(peer) ? peer_totals(peer)->sent > 0 : sinks > 0);
}

static void leave(struct churn *c, unsigned at)
{
	struct peer *peer = c->run->peers[at];
	peer_disconnect(peer, c->run->http);
	peer_free(peer);
	c->run->peers[at] = NULL;
	c->ended++;
}

// Ends the visit in this seat if it is time.
static void look(struct churn *c, unsigned at, int64_t now)
{
	struct seat *seat = &c->seats[at];
	struct peer *peer = c->run->peers[at];
	if (!seat->flows_us && flows(peer)) {
		seat->flows_us = now;
		c->connect_us += (now - seat->began_us - c->connect_us) / 8;
	}
	if (seat->early_us) {
		if (now < seat->early_us)
			return;
		c->early++;
		c->midway += seat->flows_us == 0;
		leave(c, at);
	} else if (seat->flows_us) {
		if (now < seat->flows_us + (int64_t)c->run->options.hold_ms * 1000)
			return;
		c->good++;
		leave(c, at);
	} else if (peer_state(peer) == PEER_FAILED || now > seat->began_us + PATIENCE_US) {
		fprintf(stderr, "hz-peer: %s had no media within %lld ms: state %d\n", peer_name(peer),
		        (long long)(now - seat->began_us) / 1000, peer_state(peer));
		leave(c, at);
	}
}

static void enter(struct churn *c, unsigned at)
{
	const struct options *o = &c->run->options;
	struct seat *seat = &c->seats[at];
	const char *source = seat->watching ? o->members[0].id : NULL;
	*seat = (struct seat){.began_us = hz_now_us(), .watching = !seat->watching};
	int err = run_open_peer(c->run, at, &o->members[at], source);
	if (++c->begun % EARLY_EVERY == 0) {
		uint32_t random;
		hz_random(&random, sizeof(random));
		seat->early_us = hz_now_us() + (int64_t)(random % (uint64_t)(c->connect_us + 1));
	}
	if (err == 0)
		return;
	fprintf(stderr, "hz-peer: join refused: %d\n", err);
	c->refused++;
	c->ended++;
}

int run_churn(struct run *run)
{
	const struct options *o = &run->options;
	struct churn c = {.run = run, .connect_us = FIRST_US};
	run->peer_count = o->member_count;
	if (run_open_peer(run, 0, &o->members[0], NULL) != 0) // publishes throughout
		return fprintf(stderr, "hz-peer: %s cannot publish\n", o->members[0].id), 1;
	for (int64_t end = hz_now_us() + PATIENCE_US; !flows(run->peers[0]) && hz_now_us() < end;)
		run_turn(run, hz_now_us() + 5000);
	while (c.ended < o->joins) {
		for (unsigned i = 1; i < o->member_count; i++) {
			if (run->peers[i])
				look(&c, i, hz_now_us());
			if (!run->peers[i] && c.begun < o->joins)
				enter(&c, i);
		}
		run_turn(run, hz_now_us() + 5000);
	}
	peer_disconnect(run->peers[0], run->http);
	printf("{\"joins\":%u,\"good\":%u,\"early\":%u,\"midway\":%u,\"refused\":%u}\n", c.begun, c.good,
	       c.early, c.midway, c.refused);
	return 0;
}

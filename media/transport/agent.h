// Full ICE (RFC 8445, RFC 8838, RFC 7675) for one peer from one of our addresses: libnice's NiceAgent with one stream of
// one component. Beside media/transport/udp the only part of this folder that does I/O: an agent has sockets of its own.
//
// Agents live in a set that the owner's loop watches by one descriptor and one deadline; each has a GMainContext of its
// own, so that a packet costs a look at that agent's few sources only, and an idle one costs nothing between its consent
// checks. No thread is made. An agent is the controlling side: its tie-breaker is the highest there is (agent_tie.c), and
// it nominates every pair that works, so that a client follows to whichever agent it gets media from.
// Thread: one for a set and its agents. Callbacks run inside hz_agents_run() and, for `local`, inside hz_agent_new().
#ifndef HZ_MEDIA_TRANSPORT_AGENT_H
#define HZ_MEDIA_TRANSPORT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

#define HZ_AGENT_REMOTES                                                                                     \
	64 // candidates taken from the other side in an agent's life; further ones are dropped

struct hz_agents;
struct hz_agent;

// max: agents at one time, those counted that still say goodbye to a TURN server. 0; -ENOMEM; -errno of epoll.
int hz_agents_new(unsigned max, struct hz_agents **ret);
// After all its agents, at the end of the process: the sockets of those that still say goodbye stay open. NULL allowed.
void hz_agents_free(struct hz_agents *agents);

int hz_agents_poll_fd(const struct hz_agents *agents);      // readable: call hz_agents_run()
int64_t hz_agents_deadline(const struct hz_agents *agents); // the same; INT64_MAX: never
void hz_agents_run(struct hz_agents *agents, int64_t now_us);
unsigned hz_agents_count(const struct hz_agents *agents);

enum hz_agent_state {
	HZ_AGENT_NEW = 0,   // no remote candidate yet, or checks are under way
	HZ_AGENT_CONNECTED, // a pair works and is selected: packets can be sent
	HZ_AGENT_FAILED,    // no pair works, or consent was lost; stays
};

struct hz_agent_options {
	const char *local_ufrag, *local_pwd, *remote_ufrag, *remote_pwd;
	const struct in6_addr *address; // gather here; IPv4 as mapped address
	const struct hz_ice_server *server;
	unsigned server_count;
	const char *username, *password; // of the TURN servers
	uint32_t
	    priority; // that its checks tell: of a peer-reflexive candidate that the other side finds. 0: libnice's
	bool controlled; // for tests: the other role
	// None may free an agent of this set, but for another agent than its own in `state`.
	void (*local)(void *user); // candidates have come, or the last one has
	void (*state)(void *user, enum hz_agent_state state);
	void (*packet)(void *user, uint8_t *data, size_t bytes); // not STUN; writable, valid during the call
	void *user;
};

// Begins to gather. 0; -ENOSPC the set is full; -EADDRNOTAVAIL nothing can be bound at that address; -ENOMEM.
int hz_agent_new(struct hz_agents *agents, const struct hz_agent_options *options, int64_t now_us,
                 struct hz_agent **ret);
// Takes back what it has at TURN servers: for that it goes on, without callbacks, until they have answered or libnice has
// given up, after 2 s. NULL allowed.
void hz_agent_free(struct hz_agent *agent);

// Candidates of the other side; what it has already, has port 0 or another address family is passed over.
void hz_agent_remote(struct hz_agent *agent, const struct hz_candidate *candidate, unsigned count);

// Ours so far, at most `max`. *ret_done: no more will come.
unsigned hz_agent_local(struct hz_agent *agent, struct hz_candidate *ret, unsigned max, bool *ret_done);

enum hz_agent_state hz_agent_state(const struct hz_agent *agent);

// The selected pair nominated once more. libnice stops once a pair works, but a client may have taken that check while it
// held itself for controlling, and then it does not count. 0; -ENOTCONN, -EAGAIN as below; -EINVAL no such credentials.
int hz_agent_nominate(struct hz_agent *agent);

// One packet on the selected pair. 0; -ENOTCONN there is none, or no consent; -EAGAIN the socket is full: dropped.
int hz_agent_send(struct hz_agent *agent, const uint8_t *data, size_t bytes);

#endif

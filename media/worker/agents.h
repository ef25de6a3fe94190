// Peers that are reached by full ICE agents (media/transport/agent.h) and not by the worker's UDP port: one agent for each
// of our addresses, so that each is a path of its own and pairs.h moves from one uplink to another. An ICE restart makes
// new agents; the earlier ones carry on until a new one has found a way. Agents die with the process.
// Nothing here is made, and no descriptor watched, before the first such peer. Thread: the worker's.
#ifndef HZ_MEDIA_WORKER_AGENTS_H
#define HZ_MEDIA_WORKER_AGENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"

#define HZ_WORKER_AGENTS_MAX 4096 // of a worker; more are refused

struct hz_worker;

// A path's `conn` that names an agent: (generation << 16) | mark | (peer's slot << 2) | which of them. TCP connections
// have indices below the mark.
#define HZ_AGENT_CONN_MARK 0x8000u

static inline bool hz_conn_is_agent(uint32_t conn)
{
	return (conn & HZ_AGENT_CONN_MARK) != 0;
}

// Commands. -ENOENT, -EINVAL, -ESTALE (media/api.h), -ENOMEM; -EADDRNOTAVAIL: none of the addresses can be used.
int hz_worker_agent_set(struct hz_worker *w, const struct hz_cmd_agent_set *cmd);
int hz_worker_agent_remote(struct hz_worker *w, const struct hz_cmd_agent_remote *cmd);

bool hz_worker_agent_wanted(const struct hz_worker *w, uint32_t slot);   // HZ_PEER_AGENT
bool hz_worker_agent_alive(const struct hz_worker *w, uint32_t conn);    // connected
uint32_t hz_worker_agent_slot(const struct hz_worker *w, uint32_t conn); // HZ_ADDRESS_NONE
void hz_worker_agent_send(struct hz_worker *w, uint32_t conn, const void *data, size_t bytes);
void hz_worker_agent_moved(struct hz_worker *w, uint32_t from, uint32_t to); // nothing came by the first
void hz_worker_agent_drop(struct hz_worker *w, uint32_t slot);               // when the peer goes

// At a start: what was reached by agents of the incarnation before.
void hz_worker_agent_lost(struct hz_worker *w, uint32_t slot);

int hz_worker_agents_poll_fd(const struct hz_worker *w); // -1: none yet
int64_t hz_worker_agents_deadline(const struct hz_worker *w);
void hz_worker_agents_run(struct hz_worker *w);
void hz_worker_agents_tick(struct hz_worker *w);     // with the sweep of consent
void hz_worker_agents_nominate(struct hz_worker *w); // with hz_pairs_tick()
void hz_worker_agents_free(struct hz_worker *w);

#endif

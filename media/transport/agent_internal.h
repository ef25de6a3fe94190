// Shared by the agent's files. For this folder only.
#ifndef HZ_MEDIA_TRANSPORT_AGENT_INTERNAL_H
#define HZ_MEDIA_TRANSPORT_AGENT_INTERNAL_H

#include <nice/agent.h>

#include "media/transport/agent.h"

#define HZ_AGENT_FDS                                                                                         \
	16 // of one context; libnice has a socket and a wake-up each, and one more for TURN over TCP

struct hz_agent {
	struct hz_agents *set;
	uint32_t slot;
	GMainContext *context;
	NiceAgent *nice;
	guint stream;
	struct hz_agent_options options; // the texts behind it are not kept, but for
	char local_ufrag[HZ_UFRAG_BYTES], remote_ufrag[HZ_UFRAG_BYTES], remote_pwd[HZ_PWD_BYTES];
	enum hz_agent_state state;
	bool done; // gathering
	bool v4;
	unsigned remotes;
	GPollFD fds[HZ_AGENT_FDS]; // as in the set's epoll
	int fd_count;
	bool leaving;      // freed, waiting for TURN servers
	bool said_goodbye; // they have answered, or libnice has given up
};

// agents.c: takes it into the set (-ENOSPC) and out of it; looks anew at what it waits for.
int hz_agents_add(struct hz_agents *set, struct hz_agent *agent);
void hz_agents_remove(struct hz_agent *agent);
void hz_agents_arm(struct hz_agent *agent, int64_t now_us);
int64_t hz_agents_now(const struct hz_agents *set); // of the newest call

// agent.c: frees what is left of it.
void hz_agent_dispose(struct hz_agent *agent);

// agent_tie.c: the agent whose turn it is (its PRIORITY; 0: libnice's own). Also links that file in.
void hz_agent_turn(uint32_t priority);

#endif

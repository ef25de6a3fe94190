// The set: GLib's contexts in an epoll loop that is not GLib's. A context says by prepare and query which descriptors it
// waits for and until when (it was made for polling without an owner: whatever is added to it later wakes it up), and is
// iterated when one of them is readable or it is time.
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/timers.h"
#include "media/transport/agent_internal.h"

#define EVENTS_A_RUN  64
#define ROUNDS_A_TURN 4 // then the others get their turn

struct hz_agents {
	int epoll;
	unsigned max, count, high;
	struct hz_agent **agent; // max
	struct hz_timers *timers;
	int64_t now_us;
};

int hz_agents_new(unsigned max, struct hz_agents **ret)
{
	struct hz_agents *set = calloc(1, sizeof(*set));
	if (!set)
		return -ENOMEM;
	set->max = max;
	set->agent = calloc(max, sizeof(struct hz_agent *));
	set->epoll = epoll_create1(EPOLL_CLOEXEC);
	int err = set->epoll < 0 ? -errno : 0;
	if (!err)
		err = set->agent ? hz_timers_new(max, &set->timers) : -ENOMEM;
	if (err) {
		hz_agents_free(set);
		return err;
	}
	*ret = set;
	return 0;
}

void hz_agents_free(struct hz_agents *set)
{
	if (!set)
		return;
	for (unsigned i = 0; i < set->high; i++)
		if (set->agent[i])
			hz_agent_dispose(set->agent[i]);
	if (set->epoll >= 0)
		close(set->epoll);
	hz_timers_free(set->timers);
	free(set->agent);
	free(set);
}

int hz_agents_poll_fd(const struct hz_agents *set)
{
	return set->epoll;
}

int64_t hz_agents_deadline(const struct hz_agents *set)
{
	return hz_timers_next(set->timers);
}

unsigned hz_agents_count(const struct hz_agents *set)
{
	return set->count;
}

int64_t hz_agents_now(const struct hz_agents *set)
{
	return set->now_us;
}

int hz_agents_add(struct hz_agents *set, struct hz_agent *agent)
{
	unsigned i = 0;
	while (i < set->max && set->agent[i])
		i++;
	if (i == set->max)
		return -ENOSPC;
	if (i >= set->high)
		set->high = i + 1;
	set->agent[i] = agent;
	set->count++;
	agent->set = set;
	agent->slot = i;
	return 0;
}

void hz_agents_remove(struct hz_agent *agent)
{
	struct hz_agents *set = agent->set;
	for (int i = 0; i < agent->fd_count; i++) // closed ones are gone from it already
		(void)epoll_ctl(set->epoll, EPOLL_CTL_DEL, agent->fds[i].fd, NULL);
	agent->fd_count = 0;
	hz_timers_cancel(set->timers, agent->slot);
	set->agent[agent->slot] = NULL;
	set->count--;
}

// --- what it waits for

static bool holds(const GPollFD *fds, int count, const GPollFD *fd)
{
	for (int i = 0; i < count; i++)
		if (fds[i].fd == fd->fd && fds[i].events == fd->events)
			return true;
	return false;
}

static void watch(struct hz_agent *agent, const GPollFD *fd)
{
	struct epoll_event e = {.events = ((fd->events & G_IO_IN) ? EPOLLIN : 0u) |
	                                  ((fd->events & G_IO_OUT) ? EPOLLOUT : 0u)};
	e.data.u32 = agent->slot;
	// A number that was closed and given out again is not in it any more, whatever we remember.
	if (epoll_ctl(agent->set->epoll, EPOLL_CTL_MOD, fd->fd, &e) == 0 || errno != ENOENT)
		return;
	if (epoll_ctl(agent->set->epoll, EPOLL_CTL_ADD, fd->fd, &e))
		hz_error("agent.epoll", "err=%d", errno);
}

static void watch_all(struct hz_agent *agent, const GPollFD *fds, int count)
{
	// Sockets come and go while it gathers and when it says goodbye; later a look at the numbers is enough.
	bool settled = agent->done && agent->state == HZ_AGENT_CONNECTED && !agent->leaving;
	bool same = count == agent->fd_count;
	for (int i = 0; same && i < count; i++)
		same = holds(agent->fds, agent->fd_count, &fds[i]);
	if (same && settled)
		return;
	for (int i = 0; i < agent->fd_count; i++) {
		bool wanted = false;
		for (int k = 0; k < count; k++)
			wanted = wanted || fds[k].fd == agent->fds[i].fd;
		if (!wanted)
			(void)epoll_ctl(agent->set->epoll, EPOLL_CTL_DEL, agent->fds[i].fd, NULL);
	}
	for (int i = 0; i < count; i++) {
		watch(agent, &fds[i]);
		agent->fds[i] = fds[i];
	}
	agent->fd_count = count;
}

void hz_agents_arm(struct hz_agent *agent, int64_t now_us)
{
	GPollFD fds[HZ_AGENT_FDS];
	gint priority = 0, timeout_ms = -1;
	agent->set->now_us = now_us;
	if (!g_main_context_acquire(agent->context))
		return;
	bool ready = g_main_context_prepare(agent->context, &priority);
	int count = g_main_context_query(agent->context, priority, &timeout_ms, fds, HZ_AGENT_FDS);
	g_main_context_release(agent->context);
	if (count > HZ_AGENT_FDS) {
		hz_error("agent.descriptors", "count=%d", count);
		count = HZ_AGENT_FDS;
	}
	watch_all(agent, fds, count);
	int64_t due_us = ready || timeout_ms == 0 ? now_us
	                 : timeout_ms < 0         ? INT64_MAX
	                                          : now_us + (int64_t)timeout_ms * 1000;
	if (due_us == INT64_MAX)
		hz_timers_cancel(agent->set->timers, agent->slot);
	else
		hz_timers_set(agent->set->timers, agent->slot, due_us);
}

// --- its turn

static void turn(struct hz_agents *set, uint32_t slot)
{
	struct hz_agent *agent = set->agent[slot];
	if (!agent)
		return; // freed by an earlier turn of this run
	hz_agent_turn(agent->options.priority);
	for (int i = 0; i < ROUNDS_A_TURN && g_main_context_iteration(agent->context, FALSE); i++)
		;
	if (agent->said_goodbye)
		hz_agent_dispose(agent);
	else
		hz_agents_arm(agent, set->now_us);
}

void hz_agents_run(struct hz_agents *set, int64_t now_us)
{
	struct epoll_event events[EVENTS_A_RUN];
	uint32_t slot;
	set->now_us = now_us;
	int count = epoll_wait(set->epoll, events, EVENTS_A_RUN, 0);
	for (int i = 0; i < count; i++) // of one that was freed: harmless, whoever has its slot now
		turn(set, events[i].data.u32);
	for (unsigned i = 0; i < set->max && hz_timers_pop(set->timers, now_us, &slot); i++)
		turn(set, slot);
}

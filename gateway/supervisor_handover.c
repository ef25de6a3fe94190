// The old side of a takeover (supervisor_wire.h): checks who knocks, hands everything over, and takes it back when the
// new gateway does not make it.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "gateway/supervisor_state.h"
#include "gateway/supervisor_wire.h"
#include "media/api.h"

#define CONTROL_DELAY_US 20000 // its children get their SIGKILL while it ends
#define GONE_MS          200

static struct hz_takeover_msg message(const struct hz_supervisor *s, uint32_t type)
{
	struct hz_takeover_msg m = hz_takeover_message(s, type);
	m.workers = s->shared.workers;
	return m;
}

static void refuse(const struct hz_supervisor *s, int conn, const char *reason)
{
	struct hz_takeover_msg m = message(s, HZ_TAKEOVER_REFUSE);
	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	hz_warn("takeover.refused", "reason=\"%s\"", reason);
	hz_seqpacket_send(conn, &m, sizeof(m)); // it may be gone: all the same
}

static void forget(struct hz_supervisor *s)
{
	if (s->handover.conn >= 0)
		close(s->handover.conn);
	if (s->handover.peer >= 0)
		close(s->handover.peer);
	s->handover.conn = s->handover.peer = -1;
	s->handover.phase = HZ_HANDOVER_NONE;
	s->handover.deadline_us = INT64_MAX;
}

// Whatever the new gateway is doing, it must not touch sockets and arenas any more when our children start.
static void end_peer(struct hz_supervisor *s, bool gone)
{
	struct pollfd wait = {.fd = s->handover.peer, .events = POLLIN};
	if (s->handover.peer < 0)
		return;
	// Mostly it is ending already, and shall end with the exit code that it wants.
	if (gone && poll(&wait, 1, GONE_MS) == 1)
		return;
	syscall(SYS_pidfd_send_signal, s->handover.peer, SIGKILL, NULL, 0);
	if (poll(&wait, 1, 1000) != 1)
		hz_error("takeover.stuck", "the new gateway does not end");
}

static void roll_back(struct hz_supervisor *s, const char *reason)
{
	int64_t now_us = hz_now_us();
	bool stopped = s->handover.phase >= HZ_HANDOVER_STOPPING;
	hz_error("takeover.failed", "reason=%s rolled_back=%d", reason, stopped);
	if (s->handover.phase >= HZ_HANDOVER_SENT)
		end_peer(s, strcmp(reason, "gone") == 0);
	hz_shared_sign_lock(&s->shared);
	forget(s);
	if (!stopped || s->stopping)
		return;
	s->kill_at_us = INT64_MAX;
	hz_children_kill(s); // one that was still ending; exited() then starts it again
	hz_children_want(s, true, false, now_us);
	hz_children_want(s, false, true, now_us + CONTROL_DELAY_US);
}

void hz_handover_accept(struct hz_supervisor *s, int64_t now_us)
{
	pid_t pid;
	uid_t uid;
	int conn = accept4(s->shared.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (conn < 0)
		return;
	if (hz_seqpacket_peer(conn, &pid, &uid) < 0 || uid != geteuid()) {
		hz_warn("takeover.foreign", "uid=%u", (unsigned)uid);
		close(conn);
		return;
	}
	hz_handover_read(s, now_us); // the one before may be gone by now
	if (s->handover.phase != HZ_HANDOVER_NONE || s->takeover.phase != HZ_TAKEOVER_NONE || s->draining ||
	    s->stopping) {
		refuse(s, conn, "the gateway drains, stops or is being taken over already");
		close(conn);
		return;
	}
	int peer = (int)syscall(SYS_pidfd_open, pid, 0);
	if (peer < 0 || hz_supervisor_watch(s, conn, HZ_TAG_HANDOVER) < 0) {
		close(conn);
		if (peer >= 0)
			close(peer);
		return;
	}
	s->handover.conn = conn;
	s->handover.peer = peer;
	s->handover.phase = HZ_HANDOVER_OFFERED;
	s->handover.deadline_us = now_us + HZ_TAKEOVER_LIMIT_US;
}

static void on_hello(struct hz_supervisor *s, const struct hz_takeover_msg *hello)
{
	char reason[HZ_TAKEOVER_REASON] = "";
	const struct hz_takeover_msg mine = message(s, HZ_TAKEOVER_OFFER);
	if (hello->arena_version != mine.arena_version || hello->arena_bytes != mine.arena_bytes)
		snprintf(reason, sizeof(reason),
		         "arena layout %u here, %u there: drain (SIGTERM) and start anew", mine.arena_version,
		         hello->arena_version);
	else if (hello->api_version != mine.api_version)
		snprintf(reason, sizeof(reason),
		         "media API %u here, %u there: drain (SIGTERM) and start anew", mine.api_version,
		         hello->api_version);
	if (reason[0]) {
		refuse(s, s->handover.conn, reason);
		forget(s);
	} else if (hz_seqpacket_send(s->handover.conn, &mine, sizeof(mine)) < 0) {
		roll_back(s, "gone");
	}
}

static int send_list(struct hz_supervisor *s, struct hz_takeover_msg *m, const int *fds, bool last)
{
	m->last = last;
	int err = hz_seqpacket_send_fds(s->handover.conn, m, sizeof(*m), fds, m->fd_count);
	m->fd_count = 0;
	return err;
}

static int send_shared(struct hz_supervisor *s)
{
	struct hz_takeover_msg m = message(s, HZ_TAKEOVER_FD_LIST);
	int fds[HZ_TAKEOVER_FDS], err = 0;
	for (unsigned kind = 1; !err && kind < HZ_SHARED_KINDS; kind++) {
		for (unsigned i = 0; !err && i < HZ_MAX_WORKERS; i++) {
			const int *fd = hz_shared_fd(&s->shared, kind, i);
			if (!fd || *fd < 0)
				continue;
			m.kind[m.fd_count] = (uint8_t)kind;
			m.index[m.fd_count] = (uint8_t)i;
			fds[m.fd_count++] = *fd;
			if (m.fd_count == HZ_TAKEOVER_FDS)
				err = send_list(s, &m, fds, false);
		}
	}
	return err ? err : send_list(s, &m, fds, true);
}

static void on_message(struct hz_supervisor *s, const struct hz_takeover_msg *m, int64_t now_us)
{
	enum hz_handover phase = s->handover.phase;
	if (m->type == HZ_TAKEOVER_HELLO && phase == HZ_HANDOVER_OFFERED) {
		on_hello(s, m);
	} else if (m->type == HZ_TAKEOVER_ACCEPT && phase == HZ_HANDOVER_OFFERED) {
		s->handover.phase = HZ_HANDOVER_SENT;
		if (send_shared(s) < 0)
			roll_back(s, "send");
	} else if (m->type == HZ_TAKEOVER_READY_TO_RUN && phase == HZ_HANDOVER_SENT) {
		hz_info("takeover.stopping", "workers=%u", s->shared.workers);
		s->handover.phase = HZ_HANDOVER_STOPPING;
		s->handover.deadline_us = now_us + HZ_TAKEOVER_LIMIT_US;
		hz_children_stop(s, now_us + HZ_TAKEOVER_STOP_US);
		hz_handover_tick(s, now_us);
	} else if (m->type == HZ_TAKEOVER_DONE && phase == HZ_HANDOVER_STOPPED) {
		hz_info("takeover.done", "role=old");
		forget(s);
		s->done = true;
	} else {
		roll_back(s, "protocol");
	}
}

void hz_handover_read(struct hz_supervisor *s, int64_t now_us)
{
	while (s->handover.phase != HZ_HANDOVER_NONE && !s->done) {
		struct hz_takeover_msg m;
		size_t bytes;
		int err = hz_seqpacket_recv(s->handover.conn, &m, sizeof(m), &bytes);
		if (err == -EAGAIN)
			return;
		if (err == -EPIPE) {
			roll_back(s, "gone");
			return;
		}
		if (err || bytes != sizeof(m) || m.magic != HZ_TAKEOVER_MAGIC ||
		    m.version != HZ_TAKEOVER_VERSION) {
			refuse(s, s->handover.conn,
			       "it speaks another version: drain (SIGTERM) and start anew");
			roll_back(s, "version");
			return;
		}
		on_message(s, &m, now_us);
	}
}

void hz_handover_tick(struct hz_supervisor *s, int64_t now_us)
{
	if (s->handover.phase == HZ_HANDOVER_NONE || s->done)
		return;
	if (now_us >= s->handover.deadline_us) {
		roll_back(s, "timeout");
		return;
	}
	if (s->handover.phase != HZ_HANDOVER_STOPPING || !hz_children_gone(s))
		return;
	struct hz_takeover_msg m = message(s, HZ_TAKEOVER_STOPPED);
	s->kill_at_us = INT64_MAX;
	s->handover.phase = HZ_HANDOVER_STOPPED;
	if (hz_seqpacket_send(s->handover.conn, &m, sizeof(m)) < 0)
		roll_back(s, "gone");
}

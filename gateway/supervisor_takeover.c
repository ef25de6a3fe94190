// The new side of a takeover (supervisor_wire.h).
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "gateway/supervisor_state.h"
#include "gateway/supervisor_wire.h"

#define ANSWER_MS  5000
#define WAITING_MS 2000

#define FAIL(err, error, ...) (snprintf(error, HZ_SHARED_ERROR_BYTES, __VA_ARGS__), err)

struct hz_takeover_msg hz_takeover_message(const struct hz_supervisor *s, uint32_t type)
{
	struct hz_takeover_msg m;
	memset(&m, 0, sizeof(m));
	m.magic = HZ_TAKEOVER_MAGIC;
	m.version = HZ_TAKEOVER_VERSION;
	m.type = type;
	m.arena_version = s->options->arena_version;
	m.arena_bytes = s->options->arena_bytes;
	m.api_version = s->options->api_version;
	return m;
}

static int send_type(const struct hz_supervisor *s, int conn, uint32_t type)
{
	const struct hz_takeover_msg m = hz_takeover_message(s, type);
	return hz_seqpacket_send(conn, &m, sizeof(m));
}

static int wait_message(int conn, uint32_t type, struct hz_takeover_msg *ret, int fds[HZ_TAKEOVER_FDS])
{
	struct pollfd wait = {.fd = conn, .events = POLLIN};
	struct hz_seqpacket_in in = {.buf = ret, .cap = sizeof(*ret), .fds = fds, .fds_cap = HZ_TAKEOVER_FDS};
	size_t bytes;
	unsigned count;
	int n;
	do
		n = poll(&wait, 1, ANSWER_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -ETIMEDOUT;
	int err = hz_seqpacket_recv_fds(conn, &in, &bytes, &count);
	if (err)
		return err;
	bool good =
	    bytes == sizeof(*ret) && ret->magic == HZ_TAKEOVER_MAGIC && ret->version == HZ_TAKEOVER_VERSION;
	ret->reason[HZ_TAKEOVER_REASON - 1] = '\0';
	if (good && ret->type == HZ_TAKEOVER_REFUSE)
		err = -ECONNREFUSED;
	else if (!good || ret->type != type || ret->fd_count != count)
		err = -EPROTO;
	for (unsigned i = 0; err && i < count; i++)
		close(fds[i]);
	return err;
}

static int take_list(struct hz_supervisor *s, const struct hz_takeover_msg *m, const int *fds)
{
	int err = 0;
	for (unsigned i = 0; i < m->fd_count; i++) {
		int *place = hz_shared_fd(&s->shared, m->kind[i], m->index[i]);
		if (place && *place < 0) {
			*place = fds[i];
			continue;
		}
		close(fds[i]);
		err = -EPROTO;
	}
	return err;
}

static bool complete(struct hz_supervisor *s)
{
	for (unsigned kind = 1; kind < HZ_SHARED_KINDS; kind++) {
		for (unsigned i = 0; i < s->shared.workers; i++) {
			const int *fd = hz_shared_fd(&s->shared, kind, i);
			bool optional =
			    kind == HZ_SHARED_HTTP || kind == HZ_SHARED_HTTPS || kind >= HZ_SHARED_MIX_MIX;
			if (fd && *fd < 0 && !optional)
				return false;
		}
	}
	return true;
}

static int talk(struct hz_supervisor *s, int conn, char *error)
{
	struct hz_takeover_msg m;
	int fds[HZ_TAKEOVER_FDS];
	int err = send_type(s, conn, HZ_TAKEOVER_HELLO);
	if (!err)
		err = wait_message(conn, HZ_TAKEOVER_OFFER, &m, fds);
	if (err == -ECONNREFUSED)
		return FAIL(-ECONNABORTED, error, "the running gateway refuses, at --takeover: %.128s",
		            m.reason);
	if (err)
		return FAIL(err == -ENOENT ? -EPROTO : err, error,
		            "the running gateway does not answer (%s), at --takeover: drain it (SIGTERM) and "
		            "start anew",
		            strerror(-err));
	if (m.arena_version != s->options->arena_version || m.arena_bytes != s->options->arena_bytes ||
	    m.api_version != s->options->api_version || m.workers < 1 || m.workers > HZ_MAX_WORKERS)
		return FAIL(
		    -EPROTO, error,
		    "the running gateway does not fit, at --takeover: drain it (SIGTERM) and start anew");
	s->shared.workers = m.workers;
	err = send_type(s, conn, HZ_TAKEOVER_ACCEPT);
	m.last = 0;
	while (!err && !m.last) {
		err = wait_message(conn, HZ_TAKEOVER_FD_LIST, &m, fds);
		if (!err)
			err = take_list(s, &m, fds);
	}
	if (!err && !complete(s))
		err = -EPROTO;
	if (err)
		return FAIL(err == -ENOENT ? -EPROTO : err, error,
		            "the running gateway broke off (%s), at --takeover: see its log", strerror(-err));
	err = hz_shared_add_mix(&s->shared, error);
	return err ? err : hz_shared_add_pipes(&s->shared, error);
}

int hz_takeover_begin(struct hz_supervisor *s, const struct hz_config *config,
                      char error[HZ_SHARED_ERROR_BYTES])
{
	int conn;
	int err = hz_shared_connect(config, &conn);
	if (err == -ENOENT || err == -ECONNREFUSED)
		return -ENOENT;
	if (err)
		return FAIL(err, error,
		            "cannot reach the running gateway (%s), at data.dir %.100s: run as its user",
		            strerror(-err), config->data.dir);
	err = talk(s, conn, error);
	if (err) {
		close(conn);
		hz_shared_close(&s->shared);
		return err;
	}
	if (s->shared.workers != hz_config_workers(config))
		hz_warn("takeover.workers", "kept=%u configured=%u", s->shared.workers,
		        hz_config_workers(config));
	s->takeover.conn = conn;
	return 0;
}

// So that media stands still for as short as can be: the old workers end when ours have nothing left to do but that.
int hz_takeover_prepare(struct hz_supervisor *s, int64_t now_us)
{
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	s->takeover.waiting = pipes[1];
	hz_children_want(s, true, false, now_us);
	hz_children_start_due(s, now_us);
	s->takeover.waiting = -1;
	close(pipes[1]);
	struct pollfd wait = {.fd = pipes[0]};
	poll(&wait, 1, WAITING_MS); // hangs up when the last one waits
	close(pipes[0]);
	int err = hz_supervisor_watch(s, s->takeover.conn, HZ_TAG_TAKEOVER);
	if (!err)
		err = send_type(s, s->takeover.conn, HZ_TAKEOVER_READY_TO_RUN);
	if (!err)
		s->takeover.phase = HZ_TAKEOVER_PREPARED;
	return err;
}

// The old one is gone or its children are: everything is ours.
void hz_takeover_read(struct hz_supervisor *s, int64_t now_us)
{
	struct hz_takeover_msg m;
	size_t bytes;
	int err = hz_seqpacket_recv(s->takeover.conn, &m, sizeof(m), &bytes);
	if (err == -EAGAIN)
		return;
	if (err) {
		hz_warn("takeover.alone", "err=%d", err);
		close(s->takeover.conn);
		s->takeover.conn = -1;
	} else if (bytes != sizeof(m) || m.type != HZ_TAKEOVER_STOPPED) {
		return;
	}
	if (s->takeover.phase != HZ_TAKEOVER_PREPARED)
		return;
	s->takeover.phase = HZ_TAKEOVER_STARTING;
	hz_shared_sign_lock(&s->shared);
	hz_children_want(s, false, true, now_us);
}

void hz_takeover_ready(struct hz_supervisor *s)
{
	if (s->takeover.phase != HZ_TAKEOVER_STARTING)
		return;
	if (s->takeover.conn >= 0) {
		if (send_type(s, s->takeover.conn, HZ_TAKEOVER_DONE) < 0)
			hz_warn("takeover.alone", "at=ready");
		close(s->takeover.conn);
	}
	s->takeover.conn = -1;
	s->takeover.phase = HZ_TAKEOVER_NONE;
	hz_info("takeover.done", "role=new workers=%u", s->shared.workers);
}

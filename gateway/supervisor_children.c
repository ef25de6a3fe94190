// Control, the workers, the recorder, the archive, the mix and the pipes: started, started again when they die, stopped.
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "gateway/base/socket_name.h"
#include "gateway/cli.h"
#include "gateway/pipes.h"
#include "gateway/supervisor_spawn.h"
#include "gateway/supervisor_state.h"

#define QUICK_US       1000000 // dying within this after the start, again and again, slows the restarts down
#define DELAY_MIN_US   10000
#define DELAY_MAX_US   1000000
#define DELAY_KILL_US  50000 // somebody else killed it: no reason to think that it would die again
#define EARLY_EXITS    5
#define CONTROL_BUFFER 65536

void hz_children_init(struct hz_supervisor *s)
{
	s->control = (struct hz_child){.kind = HZ_CHILD_CONTROL, .start_at_us = INT64_MAX};
	s->recorder = (struct hz_child){.kind = HZ_CHILD_RECORDER, .start_at_us = INT64_MAX};
	s->archive = (struct hz_child){.kind = HZ_CHILD_ARCHIVE, .start_at_us = INT64_MAX};
	s->mix = (struct hz_child){.kind = HZ_CHILD_MIX, .start_at_us = INT64_MAX};
	for (unsigned i = 0; i < HZ_PIPES; i++)
		s->pipe[i] = (struct hz_child){.kind = HZ_CHILD_PIPE, .index = i, .start_at_us = INT64_MAX};
	for (unsigned i = 0; i < HZ_MAX_WORKERS; i++)
		s->worker[i] = (struct hz_child){.index = i, .start_at_us = INT64_MAX};
}

// All of them in the order of their start, workers first: media waits for them. NULL: that was the last.
static struct hz_child *nth(struct hz_supervisor *s, unsigned n)
{
	struct hz_child *const others[] = {&s->recorder, &s->mix, &s->control, &s->archive};
	if (n < s->shared.workers)
		return &s->worker[n];
	n -= s->shared.workers;
	if (n < 4)
		return others[n];
	return n - 4 < HZ_PIPES ? &s->pipe[n - 4] : NULL;
}

static const char *name_of(const struct hz_child *c, char buf[16])
{
	static const char *const names[] = {
	    [HZ_CHILD_CONTROL] = "control",
	    [HZ_CHILD_RECORDER] = "recorder",
	    [HZ_CHILD_ARCHIVE] = "archive",
	    [HZ_CHILD_MIX] = "mix",
	};
	if (c->kind == HZ_CHILD_WORKER)
		snprintf(buf, 16, "worker%u", c->index);
	else if (c->kind == HZ_CHILD_PIPE)
		snprintf(buf, 16, "%s", hz_pipe_name(c->index));
	else
		snprintf(buf, 16, "%s", names[c->kind]);
	return buf;
}

// Who writes into rings wakes whoever reads them.
static void add_wakes(const struct hz_supervisor *s, struct hz_spawn *spawn, int first)
{
	for (unsigned i = 0; i < s->shared.workers; i++)
		spawn->fds[spawn->fd_count++] =
		    (struct hz_spawn_fd){s->shared.worker[i].wake, first + (int)i};
	spawn->fds[spawn->fd_count++] =
	    (struct hz_spawn_fd){s->shared.mix_wake, first + (int)s->shared.workers};
}

static int spawn_worker(struct hz_supervisor *s, struct hz_child *c)
{
	char index[12], workers[12];
	const struct hz_shared_worker *w = &s->shared.worker[c->index];
	snprintf(index, sizeof(index), "%u", c->index);
	snprintf(workers, sizeof(workers), "%u", s->shared.workers);
	const char *const argv[] = {"huizhen", "worker",    index,   "--log",
	                            s->level,  "--workers", workers, NULL};
	struct hz_spawn spawn = {.file = "/proc/self/exe",
	                         .argv = argv,
	                         .fds = {{w->arena, HZ_FD_WORKER_ARENA},
	                                 {w->udp, HZ_FD_WORKER_UDP},
	                                 {w->api_worker, HZ_FD_WORKER_API},
	                                 {s->shared.identity, HZ_FD_WORKER_IDENTITY},
	                                 {s->takeover.waiting, HZ_FD_WORKER_WAITING},
	                                 {w->shelf_in, HZ_FD_WORKER_SHELF_IN},
	                                 {w->shelf_out, HZ_FD_WORKER_SHELF_OUT},
	                                 {s->shared.rings, HZ_FD_WORKER_RINGS},
	                                 {s->shared.taps, HZ_FD_WORKER_TAPS}},
	                         .fd_count = 9};
	add_wakes(s, &spawn, HZ_FD_WORKER_WAKE);
	for (int i = 0; i < HZ_PIPES; i++) {
		spawn.fds[spawn.fd_count++] =
		    (struct hz_spawn_fd){s->shared.pipe[i].rings, HZ_FD_WORKER_PIPE + 2 * i};
		spawn.fds[spawn.fd_count++] =
		    (struct hz_spawn_fd){s->shared.pipe[i].wake, HZ_FD_WORKER_PIPE + 2 * i + 1};
	}
	return hz_spawn(&spawn, &c->pid);
}

// At a takeover it waits for the old one's rings by itself. Started without a detour over this program, whose many libraries
// take their time where many want the processors; where it is missing `huizhen mix` says so.
static int spawn_mix(struct hz_supervisor *s, struct hz_child *c)
{
	char workers[12], processes[12], program[PATH_MAX];
	snprintf(workers, sizeof(workers), "%u", s->shared.workers);
	snprintf(processes, sizeof(processes), "%u", s->shared.workers + 1);
	hz_cli_mixer(program);
	bool there = access(program, X_OK) == 0;
	const char *const self[] = {"huizhen", "mix", "--workers", workers, "--log", s->level, NULL};
	const char *const mix[] = {"huizhen-mix", processes, NULL};
	struct hz_spawn spawn = {
	    .file = there ? program : "/proc/self/exe",
	    .argv = there ? mix : self,
	    .fds = {{s->shared.mix_mix, HZ_FD_MIX_API}, {s->shared.rings, HZ_FD_MIX_RINGS}},
	    .fd_count = 2};
	add_wakes(s, &spawn, HZ_FD_MIX_WAKE);
	return hz_spawn(&spawn, &c->pid);
}

// As the mix; its rings are its own.
static int spawn_pipe(struct hz_supervisor *s, struct hz_child *c)
{
	char workers[12], program[PATH_MAX];
	const char *own[5] = {NULL}, *const *argv = hz_pipe_argv(c->index);
	const struct hz_shared_pipe *p = &s->shared.pipe[c->index];
	unsigned n = 0;
	snprintf(workers, sizeof(workers), "%u", s->shared.workers);
	hz_pipe_program(c->index, program);
	bool there = access(program, X_OK) == 0;
	const char *const self[] = {"huizhen", "pipe", hz_pipe_name(c->index), "--workers", workers, "--log",
	                            s->level,  NULL};
	for (; argv[n]; n++)
		own[n] = argv[n];
	own[n] = workers;
	struct hz_spawn spawn = {.file = there ? program : "/proc/self/exe",
	                         .argv = there ? own : self,
	                         .fds = {{p->pipe, HZ_FD_PIPE_API}, {p->rings, HZ_FD_PIPE_RINGS}},
	                         .fd_count = 2};
	for (unsigned i = 0; i < s->shared.workers; i++)
		spawn.fds[spawn.fd_count++] =
		    (struct hz_spawn_fd){s->shared.worker[i].wake, HZ_FD_PIPE_WAKE + (int)i};
	spawn.fds[spawn.fd_count++] = (struct hz_spawn_fd){p->wake, HZ_FD_PIPE_WAKE + (int)s->shared.workers};
	return hz_spawn(&spawn, &c->pid);
}

static int spawn_recorder(struct hz_supervisor *s, struct hz_child *c)
{
	char workers[12], config[32];
	snprintf(workers, sizeof(workers), "%u", s->shared.workers);
	snprintf(config, sizeof(config), "/proc/self/fd/%d", HZ_FD_RECORDER_CONFIG);
	const char *const argv[] = {"huizhen", "recorder", "--workers", workers, "--config", config, NULL};
	const struct hz_spawn spawn = {.file = "/proc/self/exe",
	                               .argv = argv,
	                               .fds = {{s->shared.rec_recorder, HZ_FD_RECORDER_API},
	                                       {s->config_fd, HZ_FD_RECORDER_CONFIG},
	                                       {s->shared.taps, HZ_FD_RECORDER_TAPS}},
	                               .fd_count = 3};
	return hz_spawn(&spawn, &c->pid);
}

// At a takeover it waits for the old one's store by itself.
static int spawn_archive(struct hz_supervisor *s, struct hz_child *c)
{
	char config[32];
	snprintf(config, sizeof(config), "/proc/self/fd/%d", HZ_FD_ARCHIVE_CONFIG);
	const char *const argv[] = {"huizhen", "archive", "--wait", "--config", config, NULL};
	const struct hz_spawn spawn = {.file = "/proc/self/exe",
	                               .argv = argv,
	                               .fds = {{s->config_fd, HZ_FD_ARCHIVE_CONFIG}},
	                               .fd_count = 1};
	return hz_spawn(&spawn, &c->pid);
}

// A fresh pair each time: what the last control did not read any more does not concern the next one.
static int spawn_control(struct hz_supervisor *s, struct hz_child *c)
{
	int pair[2];
	char workers[12], config[32], media[12], address[INET6_ADDRSTRLEN];
	uint16_t port = 0; // as configured
	int err = hz_seqpacket_pair(CONTROL_BUFFER, pair);
	if (err)
		return err;
	snprintf(workers, sizeof(workers), "%u", s->shared.workers);
	snprintf(config, sizeof(config), "/proc/self/fd/%d", HZ_FD_CONTROL_CONFIG);
	// The file may name another port since the last reload, or since the gateway that we took over from.
	hz_socket_name(s->shared.worker[0].udp, address, &port);
	snprintf(media, sizeof(media), "%u", port);
	const char *const argv[] = {"huizhen", "control",      "--workers", workers, "--config",
	                            config,    "--media-port", media,       NULL};
	struct hz_spawn spawn = {.file = "/proc/self/exe",
	                         .argv = argv,
	                         .fds = {{pair[1], HZ_FD_CONTROL_SUPERVISOR},
	                                 {s->shared.identity, HZ_FD_CONTROL_IDENTITY},
	                                 {s->shared.http, HZ_FD_CONTROL_HTTP},
	                                 {s->shared.https, HZ_FD_CONTROL_HTTPS},
	                                 {s->config_fd, HZ_FD_CONTROL_CONFIG},
	                                 {s->records ? s->shared.rec_control : -1, HZ_FD_CONTROL_RECORDER},
	                                 {s->mixes ? s->shared.mix_control : -1, HZ_FD_CONTROL_MIX}},
	                         .fd_count = 7};
	for (unsigned i = 0; i < s->shared.workers; i++)
		spawn.fds[spawn.fd_count++] =
		    (struct hz_spawn_fd){s->shared.worker[i].api_control, HZ_FD_CONTROL_API + (int)i};
	for (int i = 0; i < HZ_PIPES; i++)
		spawn.fds[spawn.fd_count++] = (struct hz_spawn_fd){
		    s->pipes[i] ? s->shared.pipe[i].control : -1, HZ_FD_CONTROL_PIPE + i};
	err = hz_spawn(&spawn, &c->pid);
	close(pair[1]);
	if (!err)
		err = hz_supervisor_watch(s, pair[0], HZ_TAG_CONTROL);
	if (err) { // without our end it ends by itself
		close(pair[0]);
		return err;
	}
	s->pair = pair[0];
	if (s->draining)
		hz_children_tell_control(s, HZ_CHILD_DRAIN);
	return 0;
}

static void start(struct hz_supervisor *s, struct hz_child *c, int64_t now_us)
{
	char name[16];
	static int (*const spawn[])(struct hz_supervisor *, struct hz_child *) = {
	    [HZ_CHILD_WORKER] = spawn_worker,     [HZ_CHILD_CONTROL] = spawn_control,
	    [HZ_CHILD_RECORDER] = spawn_recorder, [HZ_CHILD_ARCHIVE] = spawn_archive,
	    [HZ_CHILD_MIX] = spawn_mix,           [HZ_CHILD_PIPE] = spawn_pipe,
	};
	int err = spawn[c->kind](s, c);
	if (err) {
		hz_error("child.start", "child=%s err=%d", name_of(c, name), err);
		c->start_at_us = now_us + DELAY_MAX_US;
		return;
	}
	c->started_us = now_us;
	c->start_at_us = INT64_MAX;
	hz_info("child.started", "child=%s pid=%d restarts=%u", name_of(c, name), (int)c->pid, c->restarts);
}

void hz_children_start_due(struct hz_supervisor *s, int64_t now_us)
{
	struct hz_child *c;
	for (unsigned n = 0; (c = nth(s, n)); n++)
		if (!c->pid && c->start_at_us <= now_us)
			start(s, c, now_us);
}

void hz_children_want(struct hz_supervisor *s, bool media, bool control, int64_t at_us)
{
	for (unsigned i = 0; media && i < s->shared.workers; i++)
		s->worker[i].start_at_us = at_us;
	if (media && s->records)
		s->recorder.start_at_us = s->archive.start_at_us = at_us;
	if (media && s->mixes)
		s->mix.start_at_us = at_us;
	for (unsigned i = 0; media && i < HZ_PIPES; i++)
		if (s->pipes[i])
			s->pipe[i].start_at_us = at_us;
	if (control)
		s->control.start_at_us = at_us;
}

int64_t hz_children_next_us(struct hz_supervisor *s)
{
	int64_t next = INT64_MAX;
	const struct hz_child *c;
	for (unsigned n = 0; (c = nth(s, n)); n++)
		if (!c->pid && c->start_at_us < next)
			next = c->start_at_us;
	return next;
}

static struct hz_child *find(struct hz_supervisor *s, pid_t pid)
{
	struct hz_child *c;
	for (unsigned n = 0; (c = nth(s, n)); n++)
		if (c->pid == pid)
			return c;
	return NULL;
}

static int64_t restart_delay(struct hz_child *c, bool killed, int64_t now_us)
{
	c->quick = now_us - c->started_us < QUICK_US ? c->quick + 1 : 0;
	if (c->quick < 2)
		return 0;
	unsigned shift = c->quick - 2 < 7 ? c->quick - 2 : 7;
	int64_t delay = (int64_t)DELAY_MIN_US << shift;
	int64_t most = killed ? DELAY_KILL_US : DELAY_MAX_US;
	return delay < most ? delay : most;
}

static void control_exited(struct hz_supervisor *s, int status)
{
	if (s->pair >= 0)
		close(s->pair);
	s->pair = -1;
	s->ready = false;
	if (s->draining && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		hz_info("drained", "reason=over");
		s->stopping = true;
		hz_children_stop(s, hz_now_us() + HZ_STOP_US);
	}
	bool killed = WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM);
	if (s->ever_ready || killed) // killed by somebody else: says nothing about its health
		return;
	if (++s->early_exits < EARLY_EXITS || s->stopping)
		return;
	hz_error("start.failed",
	         "what=\"control ends again and again before it is ready: see its lines above\"");
	s->failed = -EIO;
	s->stopping = true;
	hz_children_stop(s, hz_now_us() + HZ_STOP_US);
}

void hz_children_exited(struct hz_supervisor *s, pid_t pid, int status, int64_t now_us)
{
	char name[16];
	struct hz_child *c = find(s, pid);
	if (!c) {
		if (pid == s->upgrade_pid)
			s->upgrade_pid = 0;
		return;
	}
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	bool wanted = !s->stopping && s->handover.phase < HZ_HANDOVER_STOPPING;
	c->pid = 0;
	if (c->kind == HZ_CHILD_CONTROL)
		control_exited(s, status);
	if (s->stopping || !wanted) {
		hz_info("child.ended", "child=%s pid=%d status=%d signal=%d", name_of(c, name), (int)pid,
		        WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		        WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		return;
	}
	int64_t delay = restart_delay(c, killed, now_us);
	c->restarts++;
	c->start_at_us = now_us + delay;
	hz_warn("child.died", "child=%s pid=%d status=%d signal=%d lived_ms=%lld restart_in_ms=%lld",
	        name_of(c, name), (int)pid, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	        WIFSIGNALED(status) ? WTERMSIG(status) : 0, (long long)(now_us - c->started_us) / 1000,
	        (long long)delay / 1000);
}

void hz_children_tell_control(struct hz_supervisor *s, uint32_t type)
{
	struct hz_child_msg msg = {.type = type};
	if (s->pair < 0)
		return;
	int err = hz_seqpacket_send(s->pair, &msg, sizeof(msg));
	if (err)
		hz_warn("control.tell", "type=%u err=%d", type, err);
}

void hz_children_stop(struct hz_supervisor *s, int64_t kill_at_us)
{
	const struct hz_child *c;
	hz_children_tell_control(s, HZ_CHILD_STOP); // which is no signal
	for (unsigned n = 0; (c = nth(s, n)); n++)
		if (c->pid && c->kind != HZ_CHILD_CONTROL)
			kill(c->pid, SIGTERM);
	hz_children_want(s, true, true, INT64_MAX);
	s->kill_at_us = kill_at_us;
}

void hz_children_kill(struct hz_supervisor *s)
{
	const struct hz_child *c;
	for (unsigned n = 0; (c = nth(s, n)); n++)
		if (c->pid)
			kill(c->pid, SIGKILL);
	s->kill_at_us = INT64_MAX;
}

bool hz_children_gone(struct hz_supervisor *s)
{
	const struct hz_child *c;
	for (unsigned n = 0; (c = nth(s, n)); n++)
		if (c->pid)
			return false;
	return true;
}

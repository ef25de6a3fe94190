#include "gateway/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"
#include "gateway/cli.h"
#include "gateway/pipes.h"
#include "gateway/supervisor_notify.h"
#include "gateway/supervisor_spawn.h"
#include "gateway/supervisor_state.h"

int hz_supervisor_watch(struct hz_supervisor *s, int fd, uint32_t tag)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u32 = tag};
	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void begin_stop(struct hz_supervisor *s, int64_t now_us)
{
	if (s->stopping)
		return;
	hz_notify("STOPPING=1");
	s->stopping = true;
	hz_children_stop(s, now_us + HZ_STOP_US);
}

static void begin_drain(struct hz_supervisor *s, int64_t now_us)
{
	if (s->draining || s->stopping) { // the second SIGTERM
		begin_stop(s, now_us);
		return;
	}
	hz_info("draining", "limit_s=%u", s->options->drain_s);
	hz_notify("STOPPING=1\nSTATUS=draining");
	s->draining = true;
	s->drain_deadline_us = now_us + (int64_t)s->options->drain_s * 1000000;
	hz_children_tell_control(s, HZ_CHILD_DRAIN);
}

static void write_config(struct hz_supervisor *s, const struct hz_config_text *text)
{
	memset(s->config, 0, HZ_CONFIG_FILE_BYTES);
	memcpy(s->config, text->text, text->bytes);
}

// The file again, and its text to control; what is wrong with it stays out.
static void reload(struct hz_supervisor *s)
{
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config_text text;
	struct hz_config *config;
	int err = hz_config_read(s->options->config_path, error, &text);
	if (err) {
		hz_error("reload.refused", "error=\"%s\"", error);
		return;
	}
	err = hz_config_parse(&text, error, &config);
	if (err) {
		hz_error("reload.refused", "error=\"%s\"", error);
		hz_config_text_done(&text);
		return;
	}
	write_config(s, &text);
	snprintf(s->level, sizeof(s->level), "%s", config->log.level);
	hz_log_init("supervisor", hz_log_level(s->level));
	hz_children_tell_control(s, HZ_CHILD_RELOAD);
	hz_info("reloaded", "workers=%u", s->shared.workers);
	hz_config_free(config);
	hz_config_text_done(&text);
}

// The program file as it is on the disk now takes over from us.
static void upgrade(struct hz_supervisor *s)
{
	const char *argv[8] = {"huizhen", "serve", "--takeover"};
	char drain[16];
	unsigned n = 3;
	if (s->options->config_path) {
		argv[n++] = "--config";
		argv[n++] = s->options->config_path;
	}
	snprintf(drain, sizeof(drain), "%u", s->options->drain_s);
	argv[n++] = "--drain-timeout";
	argv[n++] = drain;
	struct hz_spawn spawn = {.file = s->program, .argv = argv, .detached = true};
	int err = s->upgrade_pid ? -EALREADY : hz_spawn(&spawn, &s->upgrade_pid);
	if (err)
		hz_error("upgrade.refused", "err=%d", err);
	else
		hz_info("upgrade", "pid=%d", (int)s->upgrade_pid);
}

static void reap(struct hz_supervisor *s, int64_t now_us)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		hz_children_exited(s, pid, status, now_us);
	hz_children_start_due(s, now_us);
}

static void on_signals(struct hz_supervisor *s, int64_t now_us)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap(s, now_us);
			break;
		case SIGTERM:
			begin_drain(s, now_us);
			break;
		case SIGINT:
			hz_info("stopping", "reason=signal");
			begin_stop(s, now_us);
			break;
		case SIGHUP:
			reload(s);
			break;
		default: // SIGUSR2
			upgrade(s);
			break;
		}
	}
}

static void on_ready(struct hz_supervisor *s, int64_t now_us)
{
	if (s->ready)
		return;
	s->ready = s->ever_ready = true;
	hz_notify("READY=1\nMAINPID=%d\nSTATUS=ready", (int)getpid());
	hz_takeover_ready(s);
	hz_info("ready", "workers=%u control_started_ms=%lld", s->shared.workers,
	        (long long)(now_us - s->control.started_us) / 1000);
}

static void on_control(struct hz_supervisor *s, int64_t now_us)
{
	struct hz_child_msg msg;
	size_t bytes;
	int err = 0;
	while (s->pair >= 0 && (err = hz_seqpacket_recv(s->pair, &msg, sizeof(msg), &bytes)) != -EAGAIN) {
		if (err == -EPIPE) { // it ends; SIGCHLD tells the rest
			close(s->pair);
			s->pair = -1;
		} else if (!err && bytes == sizeof(msg) && msg.type == HZ_CHILD_READY) {
			on_ready(s, now_us);
		} else if (!err && bytes == sizeof(msg) && msg.type == HZ_CHILD_STATUS) {
			hz_notify("STATUS=%s, %u consults", s->draining ? "draining" : "ready", msg.value);
		} else {
			hz_warn("control.message", "err=%d", err);
		}
	}
}

static int timeout_ms(struct hz_supervisor *s, int64_t now_us)
{
	int64_t next = hz_children_next_us(s);
	const int64_t others[] = {s->drain_deadline_us, s->kill_at_us, s->handover.deadline_us};
	for (unsigned i = 0; i < 3; i++)
		next = others[i] < next ? others[i] : next;
	if (next == INT64_MAX)
		return -1;
	if (next <= now_us)
		return 0;
	int64_t ms = (next - now_us + 999) / 1000;
	return ms > 60000 ? 60000 : (int)ms;
}

static void on_time(struct hz_supervisor *s, int64_t now_us)
{
	if (now_us >= s->kill_at_us) {
		hz_warn("stop.kill", "reason=late");
		hz_children_kill(s);
	}
	if (now_us >= s->drain_deadline_us) {
		hz_info("drained", "reason=limit");
		s->drain_deadline_us = INT64_MAX;
		begin_stop(s, now_us);
	}
	hz_children_start_due(s, now_us);
	hz_handover_tick(s, now_us);
	if (s->stopping && hz_children_gone(s))
		s->done = true;
}

static int loop(struct hz_supervisor *s)
{
	while (!s->done) {
		struct epoll_event ev[8];
		int n = epoll_wait(s->epoll, ev, 8, timeout_ms(s, hz_now_us()));
		if (n < 0 && errno != EINTR)
			return -errno;
		int64_t now_us = hz_now_us();
		for (int i = 0; i < n; i++) {
			if (ev[i].data.u32 == HZ_TAG_SIGNALS)
				on_signals(s, now_us);
			else if (ev[i].data.u32 == HZ_TAG_CONTROL)
				on_control(s, now_us);
			else if (ev[i].data.u32 == HZ_TAG_LISTENER)
				hz_handover_accept(s, now_us);
			else if (ev[i].data.u32 == HZ_TAG_HANDOVER)
				hz_handover_read(s, now_us);
			else if (s->takeover.conn >= 0)
				hz_takeover_read(s, now_us);
		}
		on_time(s, hz_now_us());
	}
	return s->failed;
}

static int open_signals(struct hz_supervisor *s)
{
	sigset_t set;
	sigemptyset(&set);
	static const int wanted[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR2};
	for (unsigned i = 0; i < 5; i++)
		sigaddset(&set, wanted[i]);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->signals < 0 || s->epoll < 0)
		return -errno;
	return hz_supervisor_watch(s, s->signals, HZ_TAG_SIGNALS);
}

static void raise_limits(void)
{
	struct rlimit files;
	umask(077);
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files); // doctor tells when it is too low
}

static void find_program(struct hz_supervisor *s)
{
	static const char deleted[] = " (deleted)";
	ssize_t n = readlink("/proc/self/exe", s->program, sizeof(s->program) - 1);
	s->program[n > 0 ? n : 0] = '\0';
	char *end = n > (ssize_t)sizeof(deleted) ? s->program + n - (sizeof(deleted) - 1) : NULL;
	if (end && strcmp(end, deleted) == 0)
		*end = '\0';
}

// Takes over or opens; *ret_taken tells which.
static int open_shared(struct hz_supervisor *s, const struct hz_config *config, bool *ret_taken)
{
	char error[HZ_SHARED_ERROR_BYTES] = "";
	int err = s->options->takeover ? hz_takeover_begin(s, config, error) : -ENOENT;
	*ret_taken = err == 0;
	if (err == -ENOENT) {
		err = hz_shared_open(config, s->options->arena_bytes, error, &s->shared);
		if (!err)
			err = hz_shared_certificate(config, error);
	}
	if (err)
		hz_cli_error(HZ_EXIT_FAILED, "%s", error[0] ? error : strerror(-err));
	return err;
}

static int start_children(struct hz_supervisor *s, bool taken)
{
	int64_t now_us = hz_now_us();
	int err = hz_supervisor_watch(s, s->shared.listener, HZ_TAG_LISTENER);
	if (err)
		return err;
	if (taken)
		return hz_takeover_prepare(s, now_us);
	hz_children_want(s, true, true, now_us);
	hz_children_start_due(s, now_us);
	return 0;
}

static void close_all(struct hz_supervisor *s)
{
	const int fds[] = {s->epoll,         s->signals,       s->pair,         s->config_fd,
	                   s->handover.conn, s->handover.peer, s->takeover.conn};
	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	hz_memfd_unmap(s->config, HZ_CONFIG_FILE_BYTES);
	hz_shared_close(&s->shared);
}

int hz_supervisor_run(const struct hz_supervisor_options *options, const struct hz_config *config,
                      const struct hz_config_text *text)
{
	bool taken = false;
	struct hz_supervisor *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->options = options;
	s->records = config->record.enabled;
	s->mixes = config->mix.enabled;
	for (unsigned i = 0; i < HZ_PIPES; i++)
		s->pipes[i] = hz_pipe_wanted(config, i);
	s->epoll = s->signals = s->pair = s->config_fd = -1;
	s->handover.conn = s->handover.peer = s->takeover.conn = s->takeover.waiting = -1;
	s->drain_deadline_us = s->kill_at_us = s->handover.deadline_us = INT64_MAX;
	hz_shared_init(&s->shared);
	hz_children_init(s);
	snprintf(s->level, sizeof(s->level), "%s", config->log.level);
	hz_log_init("supervisor", hz_log_level(s->level));
	raise_limits();
	find_program(s);
	int err = hz_memfd_board("huizhen-config", HZ_CONFIG_FILE_BYTES, &s->config_fd, &s->config);
	if (!err) {
		write_config(s, text);
		err = open_signals(s);
	}
	if (!err)
		err = open_shared(s, config, &taken);
	if (!err)
		err = start_children(s, taken);
	if (!err) {
		hz_info("started", "pid=%d workers=%u takeover=%d", (int)getpid(), s->shared.workers, taken);
		err = loop(s);
		hz_info("stopped", "err=%d", err);
	}
	close_all(s);
	free(s);
	return err;
}

// huizhen-ingest WORKERS: theatre sources into consults. Inherits control's socket as descriptor 3 and its rings as 4; starts
// huizhen-source, which lies beside it, for each. huizhen-push is the same program with other children, huizhen-target: one for each
// place that a broadcast is sent to. Ends with control's socket (0), or with one line that says why not (1).
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/hang.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "media/ingest/sources.h"

enum { FD_API = 3, FD_RINGS = 4 };
#define COMMANDS_PER_TURN 64
#define ENVIRONMENT       64

#ifndef HZ_CHILD
#define HZ_CHILDREN    "ingest"
#define HZ_CHILD       "huizhen-source"
#define HZ_CHILD_BUILD "../pipeline"
#endif

static struct hz_sources *sources;
static char program[PATH_MAX];
static char *environment[ENVIRONMENT + 1];
static struct hz_ev_ack ack; // that found the socket full: nothing is read until it is sent
static bool holding;

static int say(struct hz_msg_header *h, unsigned type, size_t bytes)
{
	h->version = HZ_INGEST_API_VERSION;
	h->type = (uint16_t)type;
	h->bytes = (uint32_t)bytes;
	return hz_seqpacket_send(FD_API, h, bytes);
}

// --- children

static int start_child(void *ctx, int theirs, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	static char name[] = HZ_CHILD;
	char *argv[] = {name, NULL};
	int err = posix_spawn_file_actions_init(&actions);
	if (err)
		return -err;
	err = posix_spawn_file_actions_adddup2(&actions, theirs, FD_API);
	if (!err)
		err = posix_spawn(ret_pid, program, &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

static void kill_child(void *ctx, pid_t pid)
{
	(void)kill(pid, SIGKILL);
}

static void tell_control(void *ctx, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	(void)say(h, type, bytes); // full: the next one says it
}

static void reap(int64_t now_us)
{
	pid_t pid;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		hz_sources_ended(sources, pid, now_us);
}

// What it needs to find its libraries, and no configuration of ours.
static void choose_environment(char **all)
{
	static const char *const wanted[] = {
	    "PATH=",       "HOME=",        "XDG_CACHE_HOME=", "TZ=",   "LANG=",  "LD_LIBRARY_PATH=",
	    "GST_PLUGIN_", "GST_REGISTRY", "ASAN_",           "LSAN_", "UBSAN_", "TSAN_"};
	unsigned n = 0;
	for (; *all && n < ENVIRONMENT; all++)
		for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
			if (strncmp(*all, wanted[i], strlen(wanted[i])) == 0) {
				environment[n++] = *all;
				break;
			}
}

static int find_program(void)
{
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *slash = n > 0 ? memrchr(program, '/', (size_t)n) : NULL;
	static const char *const places[] = {HZ_CHILD, HZ_CHILD_BUILD "/" HZ_CHILD}; // installed, built
	size_t room = slash ? sizeof(program) - (size_t)(slash + 1 - program) : 0;
	for (unsigned i = 0; slash && i < 2; i++) {
		if ((size_t)snprintf(slash + 1, room, "%s", places[i]) < room && access(program, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

// --- control

static uint32_t source_of(const void *message, size_t bytes)
{
	const struct hz_ingest_source_del *m = message; // where a SET has it, too
	return bytes >= sizeof(*m) && (m->h.type == HZ_INGEST_SOURCE_SET || m->h.type == HZ_INGEST_SOURCE_DEL)
	           ? m->source
	           : 0;
}

// 0; -EPIPE: control is gone.
static int take_commands(int64_t now_us)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES];
	if (holding)
		holding = say(&ack.h, HZ_INGEST_ACK, sizeof(ack)) == -EAGAIN;
	for (unsigned n = 0; n < COMMANDS_PER_TURN && !holding; n++) {
		int fd = 0;
		const struct hz_seqpacket_in in = {.buf = buf, .cap = sizeof(buf), .fds = &fd, .fds_cap = 1};
		size_t bytes = 0;
		unsigned count = 0;
		int err = hz_seqpacket_recv_fds(FD_API, &in, &bytes, &count);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE || err == -ENOBUFS)
			continue;
		if (err)
			return -EPIPE;
		hz_sources_hand(sources, count ? fd : 0);
		const struct hz_msg_header *h = (const void *)buf;
		if (bytes < sizeof(*h))
			continue;
		ack = (struct hz_ev_ack){.h = {.seq = h->seq}, .id = source_of(buf, bytes)};
		ack.err = hz_sources_command(sources, buf, bytes, now_us);
		hz_wipe(buf, bytes);
		holding = say(&ack.h, HZ_INGEST_ACK, sizeof(ack)) == -EAGAIN;
	}
	return 0;
}

static int loop(void)
{
	struct pollfd fds[1 + HZ_INGEST_SOURCES];
	int err = 0;
	while (!err) {
		hz_hang_wind();
		int64_t now_us = hz_now_us(), due_us = hz_sources_tick(sources, now_us);
		unsigned n = hz_sources_fds(sources, fds + 1);
		int64_t wait_ms = (due_us - now_us) / 1000 + 1;
		fds[0] = (struct pollfd){.fd = FD_API, .events = holding ? POLLOUT : POLLIN};
		if (poll(fds, n + 1,
		         wait_ms < 0      ? 0
		         : wait_ms > 1000 ? 1000
		                          : (int)wait_ms) < 0 &&
		    errno != EINTR)
			return -errno;
		now_us = hz_now_us();
		hz_sources_read(sources, fds + 1, n, now_us);
		reap(now_us);
		if (fds[0].revents)
			err = take_commands(now_us);
	}
	return err == -EPIPE ? 0 : err;
}

// The rings bring nothing here. They are claimed because the one of before, at a takeover, reads the same socket: with two of them
// each would hear half. And nothing of all that a pipe inherits may come to the children, who read what strangers send.
static int settle(void)
{
	static int lock;
	int err = fcntl(FD_API, F_SETFL, O_NONBLOCK) < 0 ? -errno : hz_memfd_claim(FD_RINGS, &lock);
	if (!err && close_range(FD_API, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		err = -errno;
	return err;
}

int main(int argc, char **argv)
{
	static const struct hz_sources_ops ops = {
	    .start = start_child, .kill = kill_child, .say = tell_control};
	struct hz_ingest_hello hello = {.pid = (uint32_t)getpid()};
	hz_log_init(HZ_CHILDREN, HZ_LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	choose_environment(environ);
	int err = settle();
	if (!err)
		err = find_program();
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0); // every key, address and token is here
#endif
	if (!err)
		err = hz_sources_new(&ops, &sources);
	if (!err)
		err = say(&hello.h, HZ_INGEST_HELLO, sizeof(hello));
	if (!err)
		err = loop();
	hz_sources_free(sources);
	if (err)
		fprintf(stderr, "msg=" HZ_CHILDREN "_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}

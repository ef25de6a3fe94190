#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/archive/internal.h"

#define MEMORY_BYTES (4ull << 30)

static void limit(int what, rlim_t most)
{
	const struct rlimit l = {most, most};
	(void)setrlimit(what, &l);
}

// The number in /proc/self/fd/N; -1: the configuration is a file of its own.
static int config_fd(const char *config)
{
	static const char begin[] = "/proc/self/fd/";
	int fd = -1, n = 0;
	if (!config || strncmp(config, begin, sizeof(begin) - 1) != 0)
		return -1;
	return sscanf(config + sizeof(begin) - 1, "%9d%n", &fd, &n) == 1 &&
	               !config[sizeof(begin) - 1 + (size_t)n] && fd > 2
	           ? fd
	           : -1;
}

struct start {
	const char *program, *const *argv;
	pid_t parent;
	int keep_fd, said_fd;
	unsigned files;
};

// After fork: async-signal-safe calls only. The child goes with its parent, and yields to media.
static void become(const struct start *s)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpgid(0, 0); // what it starts itself is ended with it
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != s->parent)
		_exit(1);
	int null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
	}
	if (s->said_fd >= 0)
		dup2(s->said_fd, 2);
	if (s->keep_fd > 3)
		(void)syscall(SYS_close_range, 3u, (unsigned)s->keep_fd - 1, 0u);
	(void)syscall(SYS_close_range, s->keep_fd > 2 ? (unsigned)s->keep_fd + 1 : 3u, ~0u, 0u);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, s->files);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	limit(RLIMIT_AS, MEMORY_BYTES);
#endif
	(void)setpriority(PRIO_PROCESS, 0, 10);
	execv(s->program, (char *const *)(uintptr_t)s->argv);
	_exit(127);
}

int hz_child_start(const struct hz_archive_settings *settings, const char *command, const char *folder,
                   int said_fd, pid_t *ret, int *ret_pid_fd)
{
	const char *argv[8] = {settings->self};
	struct start start = {.program = settings->self,
	                      .argv = argv,
	                      .parent = getpid(),
	                      .keep_fd = config_fd(settings->config),
	                      .said_fd = said_fd,
	                      .files = 1024};
	unsigned n = 1;
	if (strcmp(command, "compose") == 0) { // one file a track at most, and no configuration
		argv[0] = start.program = settings->composer;
		start.keep_fd = -1;
		start.files = 1024;
		if (settings->without_captions)
			argv[n++] = "--no-captions";
		argv[n++] = folder;
	} else {
		if (strcmp(command, "finalize") == 0 || strcmp(command, "prepare") == 0)
			argv[n++] = "record";
		argv[n++] = command;
		argv[n++] = folder;
		argv[n++] = settings->config ? "--config" : NULL;
		argv[n] = settings->config;
	}
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(&start);
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) {
		int err = -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return err;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)setpgid(pid, pid); // both sides: whoever comes first
	*ret = pid;
	*ret_pid_fd = fd;
	return 0;
}

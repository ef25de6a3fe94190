#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
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

// After fork: async-signal-safe calls only. The child goes with its parent, and yields to media.
static void become(const struct hz_archive_settings *s, pid_t parent, const char *const *argv)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpgid(0, 0); // what it starts itself is ended with it
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	int null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
	}
	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, 256);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	limit(RLIMIT_AS, MEMORY_BYTES);
#endif
	(void)setpriority(PRIO_PROCESS, 0, 10);
	execv(s->self, (char *const *)(uintptr_t)argv);
	_exit(127);
}

int hz_child_start(const struct hz_archive_settings *settings, const char *verb, const char *folder,
                   pid_t *ret, int *ret_pid_fd)
{
	const char *argv[8] = {settings->self};
	unsigned n = 1;
	if (strcmp(verb, "finalize") == 0)
		argv[n++] = "record";
	argv[n++] = verb;
	argv[n++] = folder;
	if (settings->config) {
		argv[n++] = "--config";
		argv[n++] = settings->config;
	}
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		become(settings, parent, argv);
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

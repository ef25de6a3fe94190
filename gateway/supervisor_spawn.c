#include "gateway/supervisor_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

// Two steps, because a source may have the number that another one is to get.
static bool place_fds(const struct hz_spawn *spawn)
{
	int high[HZ_SPAWN_MAX_FDS];
	for (unsigned i = 0; i < spawn->fd_count; i++) {
		int from = spawn->fds[i].from;
		int fd = from >= 0 ? from : open("/dev/null", O_RDWR | O_CLOEXEC);
		high[i] = fcntl(fd, F_DUPFD_CLOEXEC, HZ_SPAWN_FD_END);
		if (high[i] < 0)
			return false;
	}
	close_range(3, HZ_SPAWN_FD_END - 1, 0);
	for (unsigned i = 0; i < spawn->fd_count; i++)
		if (dup2(high[i], spawn->fds[i].to) < 0)
			return false;
	return close_range(HZ_SPAWN_FD_END, ~0u, 0) == 0;
}

static void run_child(const struct hz_spawn *spawn, pid_t parent)
{
	sigset_t none;
	if (!spawn->detached) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent) // it died before the line above
			_exit(127);
		unsetenv("NOTIFY_SOCKET"); // what systemd is told is ours to say, and our successor's
	}
	static const int reset[] = {SIGPIPE, SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
	for (unsigned i = 0; i < sizeof(reset) / sizeof(reset[0]); i++)
		signal(reset[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	// The C library's caches of freed pieces, seven of each size, lie anywhere among what a crowd took and left, and each
	// keeps a page from going back to the system. There is no call for that. Whoever runs us may know better.
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0", 0);
	if (place_fds(spawn))
		execv(spawn->file, (char *const *)(void *)spawn->argv);
	_exit(127);
}

int hz_spawn(const struct hz_spawn *spawn, pid_t *ret_pid)
{
	pid_t parent = getpid();
	if (spawn->fd_count > HZ_SPAWN_MAX_FDS)
		return -EINVAL;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_child(spawn, parent);
	*ret_pid = pid;
	return 0;
}

// Starts a child process of this binary with exactly the descriptors it shall have. Thread: the supervisor's only one
// (PR_SET_PDEATHSIG follows the thread that forked).
#ifndef HZ_GATEWAY_SUPERVISOR_SPAWN_H
#define HZ_GATEWAY_SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#define HZ_SPAWN_MAX_FDS 96
#define HZ_SPAWN_FD_END  100 // child numbers are below

struct hz_spawn {
	const char *file;        // to execute
	const char *const *argv; // ends with NULL
	struct hz_spawn_fd {
		int from; // ours; -1: /dev/null
		int to;   // its number in the child
	} fds[HZ_SPAWN_MAX_FDS];
	unsigned fd_count; // beside 0, 1, 2; everything else is closed
	bool detached;     // lives on when we die
};

// 0; -EINVAL too many descriptors; -errno of fork. A child that cannot execute `file` exits with 127.
int hz_spawn(const struct hz_spawn *spawn, pid_t *ret_pid);

#endif

// The begin of a pipe's process: huizhen-NAME NUMBER, with control's socket, the rings, an eventfd a worker and its own behind them from
// descriptor 3 on. Thread: main's.
#ifndef HZ_MEDIA_PIPE_START_H
#define HZ_MEDIA_PIPE_START_H

#include "media/pipe/loop.h"

struct hz_pipe_start {
	const char *name;   // "mix": of its log, and of what it says on standard error
	const char *number; // of processes: the workers, and with `counted` itself; NULL: none was given
	bool counted;
	int (*run)(const struct hz_pipe_fds *fds);
};

// Waits until nobody else serves these rings (a takeover), hides from debuggers, and runs. Returns what main shall: 0; 1 with one line
// that says why; 2: how it is called.
int hz_pipe_start(const struct hz_pipe_start *start);

#endif

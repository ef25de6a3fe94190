// The process around the rooms: control's commands in, pictures into the rings, a clock that ends it when it hangs.
// docs/decisions/020-the-live-lane.md. Thread: its one.
#ifndef HZ_MEDIA_LIVE_PIPE_H
#define HZ_MEDIA_LIVE_PIPE_H

struct hz_live_fds {      // the caller's
	int api;          // SOCK_SEQPACKET of media/live/api.h
	int rings;        // memfd of hz_ring_pipe_bytes() (gateway/base/ring_grid.h)
	const int *wake;  // an eventfd for each worker, and its own behind them
	unsigned workers; // 1..HZ_LIVE_WORKERS
};

// Enters the sandbox and runs until control's end is closed: 0. -errno: it cannot run.
int hz_live_pipe_run(const struct hz_live_fds *fds);

#endif

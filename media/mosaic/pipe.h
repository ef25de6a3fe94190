// The process around the rooms: control's commands in, pictures out of the rings and into them, a clock that ends it when it
// hangs. docs/decisions/014-the-mosaic.md. Thread: its one.
#ifndef HZ_MEDIA_MOSAIC_PIPE_H
#define HZ_MEDIA_MOSAIC_PIPE_H

struct hz_mosaic_fds {    // the caller's
	int api;          // SOCK_SEQPACKET of media/mosaic/api.h
	int rings;        // memfd of hz_ring_pipe_bytes() (gateway/base/ring_grid.h)
	const int *wake;  // an eventfd for each worker, and the mosaic's own behind them
	unsigned workers; // 1..HZ_MOSAIC_WORKERS
};

// Enters the sandbox and runs until control's end is closed: 0. -errno: it cannot run. A turn that
// does not end ends the process (gateway/base/hang.h).
int hz_mosaic_pipe_run(const struct hz_mosaic_fds *fds);

#endif

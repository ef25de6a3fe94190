// The process around the live broadcasts: control's commands in, packets out of the rings, files; a clock that ends it when it hangs.
// Thread: its one.
#ifndef HZ_MEDIA_HLS_PIPE_H
#define HZ_MEDIA_HLS_PIPE_H

#define HZ_HLS_WORKERS 64u

struct hz_hls_fds {       // the caller's
	int api;          // SOCK_SEQPACKET of media/hls/api.h
	int rings;        // memfd of its own rings (gateway/base/ring_grid.h)
	const int *wake;  // an eventfd for each worker, behind them its own
	unsigned workers; // 1 to HZ_HLS_WORKERS
};

// Says HELLO, waits for the folder, enters the sandbox (nothing but that folder, no network), and only then takes media. Runs until
// control's end is closed: 0. -errno: it cannot run. A turn that does not end ends the process (gateway/base/hang.h).
int hz_hls_pipe_run(const struct hz_hls_fds *fds);

#endif

// The process around the rooms: control's commands in, voices out of the rings and mixes into them, a clock that ends it when it
// hangs. docs/decisions/013-the-mix-pipe.md. Thread: its one.
#ifndef HZ_MEDIA_MIX_PIPE_H
#define HZ_MEDIA_MIX_PIPE_H

#define HZ_MIX_PROCESSES 65u // workers, and the mix

struct hz_mix_fds {         // the caller's
	int api;            // SOCK_SEQPACKET of media/mix/api.h
	int rings;          // memfd of the grid (gateway/base/ring_grid.h)
	const int *wake;    // an eventfd for each process
	unsigned processes; // the mix is the last
};

// Enters the sandbox and runs until control's end is closed: 0. -errno: it cannot run. A turn that
// does not end ends the process (gateway/base/hang.h).
int hz_mix_pipe_run(const struct hz_mix_fds *fds);

#endif

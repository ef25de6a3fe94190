// The media worker process: one thread, one UDP socket, one arena. Started by the supervisor, restarted by it.
// Everything it must know to go on after a kill -9 lives in the arena; everything else is rebuilt from it.
#ifndef HZ_MEDIA_WORKER_WORKER_H
#define HZ_MEDIA_WORKER_WORKER_H

#include <stddef.h>
#include <stdint.h>

struct hz_worker_fds {
	int arena; // memfd of hz_worker_arena_bytes(), zeroed when fresh; owned by the supervisor, inherited
	int udp;   // bound dual-stack UDP socket, non-blocking
	int api;   // SOCK_SEQPACKET to control (media/api.h), non-blocking
	int shelf_in, shelf_out; // SOCK_SEQPACKET pair, both ends kept by the supervisor (shelf.h); -1: none
	int identity; // memfd: PEM certificate and key of this installation (media/transport/identity.h)
	// The rings to the other workers and to the mix (relay.h), and an eventfd each. The mix counts as one, the last.
	// workers < 2: there is nobody else.
	unsigned workers;
	int rings, wake[65];
	struct
	{ // the pipes, by their number (HZ_RELAY_PIPES): memfd of hz_ring_pipe_bytes() and the pipe's eventfd
		int rings, wake;
	} pipe[8];
	unsigned pipes; // 0: none
	int taps; // memfd of hz_worker_taps_bytes(): a ring to the recorder for each worker (tap.h); 0 or less: none
};

struct hz_worker_options {
	uint32_t index;
};

// Size of the arena's memfd. Sparse: a page costs memory only once it is used.
size_t hz_worker_arena_bytes(void);

// Size of the memfd with the rings between so many processes, workers and the mix; sparse as well.
size_t hz_worker_rings_bytes(unsigned workers);

// Of one worker's ring to the recorder, and of the memfd with all of them; sparse as well.
size_t hz_worker_tap_bytes(void);
size_t hz_worker_taps_bytes(unsigned workers);

// Layout version of the arena; a takeover by a build with another one is refused.
uint32_t hz_worker_arena_version(void);

// Runs until SIGTERM (finishes the batch in hand, returns 0) or an error (returns -errno).
int hz_worker_run(const struct hz_worker_fds *fds, const struct hz_worker_options *options);

#endif

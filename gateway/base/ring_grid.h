// Rings in one memfd, one for each ordered pair of processes that send packets to each other: the media workers, and behind
// them whoever else takes part (the mix). Sizes follow from the number of processes alone. Thread: any.
#ifndef HZ_BASE_RING_GRID_H
#define HZ_BASE_RING_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

size_t hz_ring_grid_each(unsigned processes); // bytes of one ring
size_t hz_ring_grid_bytes(unsigned processes);
// Both below the number of processes.
uint8_t *hz_ring_grid_place(void *memory, unsigned processes, unsigned from, unsigned to);

// A pipe's own memfd: two rings a worker and nobody else's, so that a pipe which was taken over by what it decodes sees no other media.
// Index below the number of workers; to_pipe: worker to pipe, else back.
#define HZ_RING_PIPE_EACH ((size_t)4 << 20)
size_t hz_ring_pipe_bytes(unsigned workers);
uint8_t *hz_ring_pipe_place(void *memory, unsigned worker, bool to_pipe);

#endif

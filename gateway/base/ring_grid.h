// Rings in one memfd, one for each ordered pair of processes that send packets to each other: the media workers, and behind
// them whoever else takes part (the mix). Sizes follow from the number of processes alone. Thread: any.
#ifndef HZ_BASE_RING_GRID_H
#define HZ_BASE_RING_GRID_H

#include <stddef.h>
#include <stdint.h>

size_t hz_ring_grid_each(unsigned processes); // bytes of one ring
size_t hz_ring_grid_bytes(unsigned processes);
// Both below the number of processes.
uint8_t *hz_ring_grid_place(void *memory, unsigned processes, unsigned from, unsigned to);

#endif

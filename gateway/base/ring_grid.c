#include "gateway/base/ring_grid.h"

// Enough for a burst of keyframes; few pages of it are ever touched. Whole for eight workers and the mix.
size_t hz_ring_grid_each(unsigned processes)
{
	size_t bytes = (size_t)2 << 20;
	for (unsigned n = 9; n < processes; n *= 2)
		bytes /= 2;
	return bytes;
}

size_t hz_ring_grid_bytes(unsigned processes)
{
	return hz_ring_grid_each(processes) * processes * processes;
}

uint8_t *hz_ring_grid_place(void *memory, unsigned processes, unsigned from, unsigned to)
{
	return (uint8_t *)memory + hz_ring_grid_each(processes) * ((size_t)from * processes + to);
}

size_t hz_ring_pipe_bytes(unsigned workers)
{
	return HZ_RING_PIPE_EACH * 2 * workers;
}

uint8_t *hz_ring_pipe_place(void *memory, unsigned worker, bool to_pipe)
{
	return (uint8_t *)memory + HZ_RING_PIPE_EACH * (2 * (size_t)worker + (to_pipe ? 0 : 1));
}

// Pages of the arena that nobody uses any more.
#include <sys/mman.h>

#include "media/router/arena.h"

#define PAGE_BYTES 4096u

struct slots {
	uint8_t *base;
	size_t stride; // the id is first
	uint32_t *high;
};

static void give_back(const uint8_t *from, const uint8_t *to)
{
	uintptr_t first = ((uintptr_t)from + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
	uintptr_t end = (uintptr_t)to & ~(uintptr_t)(PAGE_BYTES - 1);
	if (end > first) // refused (another file system, an old kernel): it costs memory, no more
		(void)madvise((void *)first, end - first, MADV_REMOVE);
}

static bool is_free(const struct slots *s, uint32_t i)
{
	return *(const hz_id *)(const void *)(s->base + i * s->stride) == 0;
}

static void trim(const struct slots *s)
{
	uint32_t was = *s->high, run = 0; // first slot of the run of free ones
	while (*s->high > 0 && is_free(s, *s->high - 1))
		--*s->high; // as if never used
	for (uint32_t i = 0; i < *s->high; i++) {
		if (is_free(s, i))
			continue;
		give_back(s->base + run * s->stride, s->base + i * s->stride);
		run = i + 1;
	}
	give_back(s->base + run * s->stride, s->base + was * s->stride);
}

void hz_arena_give_back(struct hz_arena *arena)
{
	trim(&(struct slots){(uint8_t *)arena->peer, sizeof(arena->peer[0]), &arena->peers_high});
	trim(&(struct slots){(uint8_t *)arena->track, sizeof(arena->track[0]), &arena->tracks_high});
	trim(&(struct slots){(uint8_t *)arena->sub, sizeof(arena->sub[0]), &arena->subs_high});
}

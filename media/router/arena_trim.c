// Pages of the arena, and of the router's tables beside it, that nobody uses any more.
#include <sys/mman.h>

#include "media/router/arena.h"
#include "media/router/state.h"

#define PAGE_BYTES 4096u

struct slots {
	uint8_t *base;
	size_t stride; // the id is first
	uint32_t *high;
};

static void give_back(const uint8_t *from, const uint8_t *to, int advice)
{
	uintptr_t first = ((uintptr_t)from + PAGE_BYTES - 1) & ~(uintptr_t)(PAGE_BYTES - 1);
	uintptr_t end = (uintptr_t)to & ~(uintptr_t)(PAGE_BYTES - 1);
	if (end > first) // refused (another file system, an old kernel): it costs memory, no more
		(void)madvise((void *)first, end - first, advice);
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
		give_back(s->base + run * s->stride, s->base + i * s->stride, MADV_REMOVE);
		run = i + 1;
	}
	give_back(s->base + run * s->stride, s->base + was * s->stride, MADV_REMOVE);
}

void hz_arena_give_back(struct hz_arena *arena)
{
	trim(&(struct slots){(uint8_t *)arena->peer, sizeof(arena->peer[0]), &arena->peers_high});
	trim(&(struct slots){(uint8_t *)arena->track, sizeof(arena->track[0]), &arena->tracks_high});
	trim(&(struct slots){(uint8_t *)arena->sub, sizeof(arena->sub[0]), &arena->subs_high});
}

// A table of the router with a place for each slot: free places are cleared again when they are taken.
static void trim_table(const struct slots *s, void *table, size_t stride)
{
	uint8_t *base = table;
	uint32_t run = 0;
	for (uint32_t i = 0; i < *s->high; i++) {
		if (is_free(s, i))
			continue;
		give_back(base + run * stride, base + i * stride, MADV_DONTNEED);
		run = i + 1;
	}
	give_back(base + run * stride, base + *s->high * stride, MADV_DONTNEED);
}

void hz_router_give_back(struct hz_router *r)
{
	struct hz_arena *arena = r->arena;
	const struct slots peers = {(uint8_t *)arena->peer, sizeof(arena->peer[0]), &arena->peers_high};
	const struct slots tracks = {(uint8_t *)arena->track, sizeof(arena->track[0]), &arena->tracks_high};
	const struct slots subs = {(uint8_t *)arena->sub, sizeof(arena->sub[0]), &arena->subs_high};
	trim_table(&peers, r->peer, sizeof(*r->peer));
	trim_table(&tracks, r->track, sizeof(*r->track));
	trim_table(&tracks, r->track_cc, sizeof(*r->track_cc));
	trim_table(&subs, r->sub, sizeof(*r->sub));
	trim_table(&subs, r->sub_cc, sizeof(*r->sub_cc));
	hz_arena_give_back(arena); // last: it lowers the marks
}

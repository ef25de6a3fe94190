#include "gateway/base/timers.h"

#include <errno.h>
#include <stdlib.h>

struct hz_timers {
	uint32_t capacity, count;
	int64_t *deadline; // by id
	uint32_t *place;   // by id: index in heap + 1, 0: not set
	uint32_t *heap;    // ids, earliest first
};

int hz_timers_new(uint32_t capacity, struct hz_timers **ret)
{
	if (capacity == 0 || capacity == UINT32_MAX)
		return -EINVAL;
	struct hz_timers *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->capacity = capacity;
	t->deadline = calloc(capacity, sizeof(*t->deadline));
	t->place = calloc(capacity, sizeof(*t->place));
	t->heap = calloc(capacity, sizeof(*t->heap));
	if (!t->deadline || !t->place || !t->heap) {
		hz_timers_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void hz_timers_free(struct hz_timers *t)
{
	if (!t)
		return;
	free(t->deadline);
	free(t->place);
	free(t->heap);
	free(t);
}

static void put(struct hz_timers *t, uint32_t at, uint32_t id)
{
	t->heap[at] = id;
	t->place[id] = at + 1;
}

static void sift_up(struct hz_timers *t, uint32_t at, uint32_t id)
{
	while (at > 0) {
		uint32_t up = (at - 1) / 2;
		if (t->deadline[t->heap[up]] <= t->deadline[id])
			break;
		put(t, at, t->heap[up]);
		at = up;
	}
	put(t, at, id);
}

static void sift_down(struct hz_timers *t, uint32_t at, uint32_t id)
{
	for (;;) {
		uint32_t down = at * 2 + 1;
		if (down >= t->count)
			break;
		if (down + 1 < t->count && t->deadline[t->heap[down + 1]] < t->deadline[t->heap[down]])
			down++;
		if (t->deadline[id] <= t->deadline[t->heap[down]])
			break;
		put(t, at, t->heap[down]);
		at = down;
	}
	put(t, at, id);
}

void hz_timers_set(struct hz_timers *t, uint32_t id, int64_t deadline_us)
{
	if (id >= t->capacity)
		return;
	if (!t->place[id])
		put(t, t->count++, id);
	t->deadline[id] = deadline_us;
	sift_up(t, t->place[id] - 1, id);
	sift_down(t, t->place[id] - 1, id);
}

void hz_timers_cancel(struct hz_timers *t, uint32_t id)
{
	if (id >= t->capacity || !t->place[id])
		return;
	uint32_t at = t->place[id] - 1;
	uint32_t last = t->heap[--t->count];
	t->place[id] = 0;
	if (last == id)
		return;
	put(t, at, last);
	sift_up(t, at, last);
	sift_down(t, t->place[last] - 1, last);
}

int64_t hz_timers_get(const struct hz_timers *t, uint32_t id)
{
	return id < t->capacity && t->place[id] ? t->deadline[id] : INT64_MAX;
}

int64_t hz_timers_next(const struct hz_timers *t)
{
	return t->count ? t->deadline[t->heap[0]] : INT64_MAX;
}

bool hz_timers_pop(struct hz_timers *t, int64_t now_us, uint32_t *ret_id)
{
	if (!t->count || t->deadline[t->heap[0]] > now_us)
		return false;
	uint32_t id = t->heap[0];
	hz_timers_cancel(t, id);
	*ret_id = id;
	return true;
}

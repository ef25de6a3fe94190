#include "gateway/base/each.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

struct all {
	void (*fn)(void *arg, unsigned i);
	void *arg;
	unsigned count;
	atomic_uint next;
};

static void *run(void *arg)
{
	struct all *all = arg;
	for (;;) {
		unsigned i = atomic_fetch_add(&all->next, 1);
		if (i >= all->count)
			return NULL;
		all->fn(all->arg, i);
	}
}

void hz_each(unsigned count, void (*fn)(void *arg, unsigned i), void *arg)
{
	struct all all = {.fn = fn, .arg = arg, .count = count};
	pthread_t threads[HZ_EACH_THREADS];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned others = 0, most = cores > HZ_EACH_THREADS ? HZ_EACH_THREADS
	                            : cores > 1             ? (unsigned)cores
	                                                    : 1;
	while (others + 1 < most && others + 1 < count &&
	       pthread_create(&threads[others], NULL, run, &all) == 0)
		others++;
	run(&all);
	while (others)
		pthread_join(threads[--others], NULL);
}

#include "tests/bench/load/measure.h"

#include <string.h>
#include <time.h>

void load_histogram_add(struct load_histogram *h, int64_t us)
{
	us = us < 0 ? 0 : us;
	h->count++;
	if (us > h->worst_us)
		h->worst_us = us;
	if (us < LOAD_FINE_US * LOAD_FINE_BINS) {
		h->fine[us / LOAD_FINE_US]++;
		return;
	}
	int64_t bin = (us - LOAD_FINE_US * LOAD_FINE_BINS) / LOAD_COARSE_US;
	h->coarse[bin < LOAD_COARSE_BINS ? bin : LOAD_COARSE_BINS - 1]++;
}

int64_t load_histogram_us(const struct load_histogram *h, unsigned per_mille)
{
	uint64_t below = 0, wanted = (h->count * per_mille + 999) / 1000;
	if (h->count == 0)
		return 0;
	for (int i = 0; i < LOAD_FINE_BINS; i++) {
		below += h->fine[i];
		if (below >= wanted)
			return (i + 1) * LOAD_FINE_US;
	}
	for (int i = 0; i < LOAD_COARSE_BINS; i++) {
		below += h->coarse[i];
		if (below >= wanted)
			return LOAD_FINE_US * LOAD_FINE_BINS + (int64_t)(i + 1) * LOAD_COARSE_US;
	}
	return h->worst_us;
}

int64_t load_cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void load_measure_mark(struct load_measure *m, int64_t now_us)
{
	memset(m, 0, sizeof(*m));
	m->mark_us = now_us;
	m->mark_cpu_us = load_cpu_us();
}

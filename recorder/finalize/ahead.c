#include "recorder/finalize/ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS 4096 // of a batch

struct batch {
	struct hz_journal_item item[ITEMS];
	size_t count, bytes;
	int result; // after its items: 1 more follow; else what the source said
	uint8_t data[HZ_AHEAD_BYTES];
};

struct hz_ahead {
	struct hz_items from;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool started, stop;
	struct batch *batch[HZ_AHEAD_BATCHES]; // number n at n % HZ_AHEAD_BATCHES
	uint64_t filled, taken;                // batches
	struct batch *now;                     // number `taken`; NULL: none yet
	size_t at;                             // of it: the item that comes next
};

static void fill(struct hz_ahead *a, struct batch *b)
{
	struct hz_journal_item item;
	b->count = b->bytes = 0;
	while (b->count < ITEMS && b->bytes + HZ_JOURNAL_RECORD_BYTES <= HZ_AHEAD_BYTES) {
		b->result = a->from.next(a->from.arg, &item);
		if (b->result == 1 && item.bytes > HZ_JOURNAL_RECORD_BYTES)
			b->result = -EMSGSIZE;
		if (b->result != 1)
			return;
		if (item.bytes)
			memcpy(b->data + b->bytes, item.data, item.bytes);
		item.data = b->data + b->bytes;
		b->bytes += item.bytes;
		b->item[b->count++] = item;
	}
}

static void *run(void *arg)
{
	struct hz_ahead *a = arg;
	bool more = true;
	pthread_mutex_lock(&a->lock);
	while (more && !a->stop) {
		if (a->filled - a->taken == HZ_AHEAD_BATCHES) {
			pthread_cond_wait(&a->changed, &a->lock);
			continue;
		}
		struct batch *b = a->batch[a->filled % HZ_AHEAD_BATCHES];
		pthread_mutex_unlock(&a->lock);
		fill(a, b);
		more = b->result == 1;
		pthread_mutex_lock(&a->lock);
		a->filled++;
		pthread_cond_broadcast(&a->changed);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static void end(struct hz_ahead *a)
{
	if (!a->started)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	a->started = a->stop = false;
}

static int rewind_all(void *arg)
{
	struct hz_ahead *a = arg;
	end(a);
	int err = a->from.rewind(a->from.arg);
	if (err)
		return err;
	a->filled = a->taken = 0;
	a->now = NULL;
	err = pthread_create(&a->thread, NULL, run, a);
	a->started = err == 0;
	return -err;
}

// The batch that is being read; the one before goes back when all of it was.
static struct batch *current(struct hz_ahead *a)
{
	struct batch *b = a->now;
	if (b && (a->at < b->count || b->result != 1))
		return b;
	pthread_mutex_lock(&a->lock);
	if (b) {
		a->taken++;
		pthread_cond_broadcast(&a->changed);
	}
	while (a->filled == a->taken)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
	a->at = 0;
	a->now = a->batch[a->taken % HZ_AHEAD_BATCHES];
	return a->now;
}

static int next(void *arg, struct hz_journal_item *ret)
{
	struct hz_ahead *a = arg;
	if (!a->started)
		return -EINVAL;
	const struct batch *b = current(a);
	if (a->at == b->count)
		return b->result;
	*ret = b->item[a->at++];
	return 1;
}

int hz_ahead_new(const struct hz_items *from, struct hz_ahead **ret)
{
	struct hz_ahead *a = calloc(1, sizeof(*a));
	bool whole = a != NULL;
	for (unsigned i = 0; whole && i < HZ_AHEAD_BATCHES; i++)
		whole = (a->batch[i] = malloc(sizeof(struct batch))) != NULL;
	if (!whole) {
		for (unsigned i = 0; a && i < HZ_AHEAD_BATCHES; i++)
			free(a->batch[i]);
		free(a);
		return -ENOMEM;
	}
	a->from = *from;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	*ret = a;
	return 0;
}

void hz_ahead_free(struct hz_ahead *a)
{
	if (!a)
		return;
	end(a);
	for (unsigned i = 0; i < HZ_AHEAD_BATCHES; i++)
		free(a->batch[i]);
	pthread_cond_destroy(&a->changed);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

struct hz_items hz_ahead_items(struct hz_ahead *ahead)
{
	return (struct hz_items){.next = next, .rewind = rewind_all, .arg = ahead};
}

// Writer threads: each has its records, and looks at all of them every HZ_REC_SEAL_US, at once at those that have a command.
// All threads do the former at the same moments, so that the disk gets what there is together.
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/state.h"

#define IDLE_US 10000000 // without a record: the first one's command wakes it

void hz_done_post(struct hz_recorder *r, struct hz_done *done)
{
	struct hz_done **tail = &done->next;
	while (*tail)
		tail = &(*tail)->next;
	pthread_mutex_lock(&r->done_lock);
	*r->done_tail = done;
	r->done_tail = tail;
	pthread_mutex_unlock(&r->done_lock);
	if (eventfd_write(r->wake, 1) && errno != EAGAIN)
		hz_error("recorder.wake", "err=%d", errno);
}

// Waits for the deadline or a kick. False: it is to stop.
static bool wait_until(struct hz_rec_thread *t, int64_t at_us)
{
	struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
	pthread_mutex_lock(&t->lock);
	while (!t->kicked && !t->stop && hz_now_us() < at_us)
		pthread_cond_timedwait(&t->cond, &t->lock, &at);
	t->kicked = false;
	bool stop = t->stop;
	pthread_mutex_unlock(&t->lock);
	return !stop;
}

static struct hz_rec *first_of(struct hz_rec_thread *t)
{
	pthread_mutex_lock(&t->lock);
	struct hz_rec *rec = t->records;
	pthread_mutex_unlock(&t->lock);
	return rec;
}

// New records are put in front: the rest of the list is this thread's alone.
static void drop_finished(struct hz_rec_thread *t, struct hz_rec *gone)
{
	pthread_mutex_lock(&t->lock);
	for (struct hz_rec **at = &t->records; *at; at = &(*at)->next_of_thread) {
		if (*at != gone)
			continue;
		*at = gone->next_of_thread;
		t->count--;
		break;
	}
	pthread_mutex_unlock(&t->lock);
}

// What ends a record is told last: then the reader frees it.
static void settle(struct hz_rec_thread *t, struct hz_rec *rec)
{
	hz_rec_settle(rec, hz_now_us());
	if (!rec->finished)
		return;
	struct hz_done *last = rec->waiting;
	rec->waiting = NULL;
	drop_finished(t, rec);
	hz_done_post(t->recorder, last);
}

// All are written before the first is waited for. all: not only those that have a command.
static void work(struct hz_rec_thread *t, bool all)
{
	struct hz_rec *next, *first = first_of(t);
	for (struct hz_rec *rec = first; rec; rec = rec->next_of_thread)
		if (atomic_exchange(&rec->kicked, false) || all)
			rec->at_work = hz_rec_work(rec, hz_now_us(), hz_wall_us());
	for (struct hz_rec *rec = first; rec; rec = next) {
		next = rec->next_of_thread;
		if (!rec->at_work)
			continue;
		rec->at_work = false;
		settle(t, rec);
	}
}

static void *run(void *arg)
{
	struct hz_rec_thread *t = arg;
	int64_t due_us = 0;
	bool more = true;
	while (more) {
		more = wait_until(t, first_of(t) ? due_us : hz_now_us() + IDLE_US);
		bool all = hz_now_us() >= due_us;
		work(t, all || !more);
		if (all)
			due_us = (hz_now_us() / HZ_REC_SEAL_US + 1) * HZ_REC_SEAL_US;
	}
	return NULL;
}

int hz_threads_start(struct hz_recorder *r)
{
	pthread_condattr_t monotonic;
	r->threads = calloc(r->options->writers, sizeof(*r->threads));
	if (!r->threads)
		return -ENOMEM;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	int err = 0;
	for (unsigned i = 0; i < r->options->writers && !err; i++) {
		struct hz_rec_thread *t = &r->threads[i];
		t->recorder = r;
		pthread_mutex_init(&t->lock, NULL);
		pthread_cond_init(&t->cond, &monotonic);
		err = -pthread_create(&t->thread, NULL, run, t);
		t->started = !err;
	}
	pthread_condattr_destroy(&monotonic);
	return err;
}

static void kick(struct hz_rec_thread *t, bool stop)
{
	pthread_mutex_lock(&t->lock);
	t->kicked = true;
	t->stop = t->stop || stop;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

void hz_threads_stop(struct hz_recorder *r)
{
	for (unsigned i = 0; r->threads && i < r->options->writers; i++)
		if (r->threads[i].started)
			kick(&r->threads[i], true);
	for (unsigned i = 0; r->threads && i < r->options->writers; i++) {
		if (!r->threads[i].started)
			continue;
		pthread_join(r->threads[i].thread, NULL);
		pthread_mutex_destroy(&r->threads[i].lock);
		pthread_cond_destroy(&r->threads[i].cond);
	}
	free(r->threads);
	r->threads = NULL;
}

void hz_threads_add(struct hz_recorder *r, struct hz_rec *rec)
{
	struct hz_rec_thread *least = &r->threads[0];
	unsigned few = UINT32_MAX;
	for (unsigned i = 0; i < r->options->writers; i++) {
		struct hz_rec_thread *t = &r->threads[i];
		pthread_mutex_lock(&t->lock);
		if (t->count < few) {
			few = t->count;
			least = t;
		}
		pthread_mutex_unlock(&t->lock);
	}
	rec->thread = least;
	pthread_mutex_lock(&least->lock);
	rec->next_of_thread = least->records;
	least->records = rec;
	least->count++;
	pthread_mutex_unlock(&least->lock);
}

void hz_threads_kick(struct hz_rec *rec)
{
	atomic_store(&rec->kicked, true);
	kick(rec->thread, false);
}

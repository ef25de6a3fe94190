#include "recorder/outbox/delivery.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/journal/file.h"

#define LOOK_MS 60000 // at least so often, even if nobody woke us
#define POLL_MS 2000  // `huizhen retry` writes into the spool

struct hz_delivery {
	struct hz_delivery_settings settings;
	char store[HZ_RECORD_PATH_BYTES], name[16], folder[HZ_RECORD_PATH_BYTES + 32];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool started, woken;
	_Atomic int stop;
	struct hz_delivery_stats stats;
	unsigned away; // failures of the destination, in a row
	int64_t away_until_ms;
};

int hz_delivery_new(const struct hz_delivery_settings *settings, struct hz_delivery **ret)
{
	struct hz_delivery *d = calloc(1, sizeof(*d));
	pthread_condattr_t attributes;
	if (!d)
		return -ENOMEM;
	d->settings = *settings;
	snprintf(d->store, sizeof(d->store), "%s", settings->store);
	snprintf(d->name, sizeof(d->name), "%s", settings->name);
	snprintf(d->folder, sizeof(d->folder), "%s/outbox/%s", d->store, d->name);
	int err = hz_file_folder(d->folder); // durable: what is put there counts as queued
	if (err) {
		free(d);
		return err;
	}
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&d->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret = d;
	return 0;
}

void hz_delivery_free(struct hz_delivery *d)
{
	if (!d)
		return;
	if (d->started) {
		atomic_store(&d->stop, 1);
		hz_delivery_wake(d);
		pthread_join(d->thread, NULL);
	}
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

const _Atomic int *hz_delivery_stop_flag(struct hz_delivery *d)
{
	return &d->stop;
}

static int64_t pause_of(const struct hz_delivery *d, unsigned attempts)
{
	int64_t pause = d->settings.first_ms;
	for (unsigned i = 1; i < attempts && pause < d->settings.most_ms; i++)
		pause *= 2;
	return pause < d->settings.most_ms ? pause : d->settings.most_ms;
}

// No pause is longer than the longest: one that seems to be was noted before the clock was set back.
static bool is_ahead(const struct hz_delivery *d, int64_t until_ms, int64_t now_ms)
{
	return until_ms > now_ms && until_ms - now_ms <= d->settings.most_ms;
}

// Counts of the pass under way; published at its end.
struct pass {
	struct hz_delivery_stats now;
	char held[HZ_RECORD_ID_BYTES]; // a record whose order must be kept
	int64_t now_ms, next_ms;
	struct hz_delivery *delivery;
	bool away; // in this batch
	struct sending {
		struct hz_delivery *delivery;
		pthread_t thread;
		struct hz_spool_item item;
		enum hz_outcome outcome;
		struct hz_outcome_text text;
	} batch[HZ_DELIVERY_PARALLEL]; // of one record
	unsigned sending;
};

static void note_waiting(struct pass *p, const struct hz_spool_item *item)
{
	p->now.waiting++;
	if (!p->now.oldest_ms || item->queued_ms < p->now.oldest_ms)
		p->now.oldest_ms = item->queued_ms;
}

static void sooner(struct pass *p, int64_t at_ms)
{
	if (at_ms < p->next_ms)
		p->next_ms = at_ms;
}

static void publish(struct hz_delivery *d, const struct hz_delivery_stats *now)
{
	pthread_mutex_lock(&d->lock);
	d->stats = *now;
	pthread_mutex_unlock(&d->lock);
}

static void folder_of(const struct hz_delivery *d, const struct hz_spool_item *item,
                      char ret[HZ_RECORD_PATH_BYTES + 80])
{
	snprintf(ret, HZ_RECORD_PATH_BYTES + 80, "%s/%s", d->store, item->folder);
}

// Noted first, so that nothing stays behind of an item that is out of the spool, whenever the process dies.
static int take_out(const struct hz_delivery *d, struct hz_spool_item *item, bool gone)
{
	char folder[HZ_RECORD_PATH_BYTES + 80];
	folder_of(d, item, folder);
	if (!d->settings.done)
		return hz_spool_done(d->folder, item->name);
	bool noted = item->stored || gone;
	item->stored = true;
	noted = noted || hz_spool_write(d->folder, item) == 0;
	if (noted)
		d->settings.done(d->settings.arg, folder, item);
	int err = hz_spool_done(d->folder, item->name);
	if (!noted &&
	    !err) // a full disk keeps nothing from going; who dies now leaves a file, not an item without one
		d->settings.done(d->settings.arg, folder, item);
	return err;
}

static void stored(struct hz_delivery *d, struct pass *p, struct hz_spool_item *item, bool gone)
{
	int err = take_out(d, item, gone);
	hz_info("outbox.delivered", "to=%s record=%s attempts=%u err=%d", d->name, item->record,
	        item->attempts, err);
	p->now.delivered++;
	p->now.away_since_ms = 0;
	p->now.error[0] = '\0';
	d->away = 0;
}

static void settle(struct hz_delivery *d, struct pass *p, struct hz_spool_item *item, enum hz_outcome outcome,
                   const struct hz_outcome_text *text)
{
	int64_t now_ms = hz_wall_us() / 1000;
	bool gone = !hz_spool_is_there(d->folder, item->name); // taken out while it was sent
	item->attempts++;
	snprintf(item->error, sizeof(item->error), "%s", text->why);
	if (outcome == HZ_STORED) {
		stored(d, p, item, gone);
		return;
	}
	p->now.failed++;
	snprintf(p->now.error, sizeof(p->now.error), "%s", text->why);
	if (outcome == HZ_AWAY) {
		d->away += !p->away; // all of a batch find out
		p->away = true;
		d->away_until_ms = now_ms + pause_of(d, d->away);
		p->now.away_since_ms = p->now.away_since_ms ? p->now.away_since_ms : now_ms;
		sooner(p, d->away_until_ms);
	} else if (!gone) {
		item->parked = outcome == HZ_REFUSED;
		item->next_ms = now_ms + pause_of(d, item->attempts);
		snprintf(p->held, sizeof(p->held), "%s", item->parked ? "" : item->record);
		sooner(p, item->parked ? p->next_ms : item->next_ms);
	}
	if (gone)
		return;
	if (item->parked)
		p->now.parked++;
	else
		note_waiting(p, item);
	int err = hz_spool_write(d->folder, item);
	char safe[HZ_OUTCOME_WHY_BYTES];
	hz_warn(item->parked ? "outbox.parked" : "outbox.waits",
	        "to=%s record=%s attempts=%u why=\"%s\" err=%d", d->name, item->record, item->attempts,
	        hz_log_safe(text->why, safe, sizeof(safe)), err);
}

static void *send_one(void *arg)
{
	struct sending *s = arg;
	struct hz_delivery *d = s->delivery;
	char folder[HZ_RECORD_PATH_BYTES + 80];
	folder_of(d, &s->item, folder);
	s->outcome =
	    s->item.stored ? HZ_STORED : d->settings.send(d->settings.arg, folder, &s->item, &s->text);
	return NULL;
}

// *ret: until it is closed nobody erases the record; -1: it has no folder.
static bool may_send(const struct hz_delivery *d, const struct hz_spool_item *item, int *ret)
{
	char folder[HZ_RECORD_PATH_BYTES + 80];
	struct hz_record_state state;
	int lock = -1;
	folder_of(d, item, folder);
	if (hz_record_lock_sending(folder, true, &lock) == -EBUSY)
		return false;
	// Who erases it waits for us: nothing more is begun.
	if (hz_record_state_read(folder, &state) == 0 && state.phase == HZ_RECORD_FINALISING) {
		if (lock >= 0)
			close(lock);
		return false;
	}
	*ret = lock;
	return true;
}

static void hold(struct pass *p)
{
	for (unsigned i = 0; i < p->sending; i++)
		note_waiting(p, &p->batch[i].item);
	snprintf(p->held, sizeof(p->held), "%s", p->batch[0].item.record);
	sooner(p, hz_wall_us() / 1000 + POLL_MS);
	p->sending = 0;
}

// They were read before the lock was taken.
static void read_again(const struct hz_delivery *d, struct pass *p)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < p->sending; i++) {
		struct hz_spool_item item;
		if (hz_spool_read(d->folder, p->batch[i].item.name, &item) == 0)
			p->batch[kept++].item = item;
	}
	p->sending = kept;
}

// Sends what was gathered, in the spool's order, and puts down what became of each.
static void send_batch(struct hz_delivery *d, struct pass *p)
{
	unsigned started = 1;
	while (started < p->sending &&
	       pthread_create(&p->batch[started].thread, NULL, send_one, &p->batch[started]) == 0)
		started++;
	send_one(&p->batch[0]);
	for (unsigned i = started; i < p->sending; i++) // no threads: one after another
		send_one(&p->batch[i]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(p->batch[i].thread, NULL);
	p->away = false;
	for (unsigned i = 0; i < p->sending; i++) {
		struct sending s = p->batch[i];
		if (s.outcome == HZ_STOPPED)
			note_waiting(p, &s.item);
		else
			settle(d, p, &s.item, s.outcome, &s.text);
	}
	p->sending = 0;
}

static void flush(struct hz_delivery *d, struct pass *p)
{
	int lock = -1;
	if (!p->sending)
		return;
	if (!may_send(d, &p->batch[0].item, &lock)) {
		hold(p);
		return;
	}
	read_again(d, p);
	if (p->sending)
		send_batch(d, p);
	if (lock >= 0)
		close(lock);
}

static void gather(struct hz_delivery *d, struct pass *p, const struct hz_spool_item *item)
{
	unsigned most = d->settings.parallel ? d->settings.parallel : 1;
	p->batch[p->sending++] = (struct sending){.delivery = d, .item = *item};
	if (p->sending >= most || p->sending == HZ_DELIVERY_PARALLEL)
		flush(d, p);
}

static int64_t later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void try_one(struct hz_delivery *d, struct pass *p, const char *name, int64_t now_ms)
{
	struct hz_spool_item item;
	int err = hz_spool_read(d->folder, name, &item);
	if (err) {
		p->now.parked += err == -EBADMSG; // nobody can say what it was: `huizhen doctor` counts them
		return;
	}
	if (p->sending && strcmp(p->batch[0].item.record, item.record) != 0)
		flush(d, p); // may find the destination away
	if (item.parked) {
		p->now.parked++;
		return;
	}
	now_ms = is_ahead(d, d->away_until_ms, now_ms) ? now_ms : later_of(hz_wall_us() / 1000, now_ms);
	bool held = strcmp(p->held, item.record) == 0, away = is_ahead(d, d->away_until_ms, now_ms);
	bool pause = is_ahead(d, item.next_ms, now_ms);
	if (held || away || pause || atomic_load(&d->stop)) {
		if (!held && !away && pause)
			sooner(p, item.next_ms);
		snprintf(p->held, sizeof(p->held), "%s", item.record);
		note_waiting(p, &item);
		return;
	}
	gather(d, p, &item);
}

static bool try_next(void *arg, const char *name)
{
	struct pass *p = arg;
	try_one(p->delivery, p, name, p->now_ms);
	return true;
}

int64_t hz_delivery_pass(struct hz_delivery *d, int64_t now_ms)
{
	struct pass p = {.now_ms = now_ms, .next_ms = now_ms + LOOK_MS, .delivery = d};
	hz_delivery_stats(d, &p.now);
	p.now.waiting = p.now.parked = 0;
	p.now.oldest_ms = 0;
	if (is_ahead(d, d->away_until_ms, now_ms))
		sooner(&p, d->away_until_ms);
	int err = hz_spool_each(d->folder, 0, try_next, &p);
	flush(d, &p);
	if (err)
		hz_error("outbox.unreadable", "to=%s err=%d", d->name, err);
	else
		publish(d, &p.now);
	return p.next_ms;
}

void hz_delivery_stats(struct hz_delivery *d, struct hz_delivery_stats *ret)
{
	pthread_mutex_lock(&d->lock);
	*ret = d->stats;
	pthread_mutex_unlock(&d->lock);
}

static void wait_for(struct hz_delivery *d, int64_t ms)
{
	struct timespec until;
	ms = ms < 10 ? 10 : ms > POLL_MS ? POLL_MS : ms;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&d->lock);
	while (!d->woken && !atomic_load(&d->stop) && pthread_cond_timedwait(&d->wake, &d->lock, &until) == 0)
		;
	d->woken = false;
	pthread_mutex_unlock(&d->lock);
}

static void *run(void *arg)
{
	struct hz_delivery *d = arg;
	while (!atomic_load(&d->stop)) {
		int64_t next_ms = hz_delivery_pass(d, hz_wall_us() / 1000);
		wait_for(d, next_ms - hz_wall_us() / 1000);
	}
	return NULL;
}

int hz_delivery_start(struct hz_delivery *d)
{
	int err = pthread_create(&d->thread, NULL, run, d);
	d->started = err == 0;
	return -err;
}

void hz_delivery_wake(struct hz_delivery *d)
{
	pthread_mutex_lock(&d->lock);
	d->woken = true;
	pthread_cond_signal(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

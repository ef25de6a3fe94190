// One look at all records of the store: what is to be done next for each, the oldest first, and what is begun of it.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/archive/internal.h"

#define LOOK_MS                                                                                              \
	10000 // at least so often: pauses end, deliveries finish, somebody writes without us hearing of it
#define LONGEST_MS 600000 // of pauses: hz_job_pause_ms()
#define WATCH_MASK (IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_ONLYDIR)

struct due { // work: the oldest
	bool found;
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_record_state state;
};

// A pause that has not passed; one that lies further ahead than any was made before the clock was set back.
static bool is_ahead(int64_t due_ms, int64_t now_ms)
{
	return due_ms > now_ms && due_ms - now_ms <= LONGEST_MS;
}

struct look {
	struct hz_archive *archive;
	int64_t now_ms;
	struct due job, second, compose, early; // tracks come first
	int64_t early_ms;                       // when it is due
	struct hz_queue_names queue;
};

static void watch(struct hz_archive *a, const char *path)
{
	if (a->inotify_fd >= 0)
		(void)inotify_add_watch(a->inotify_fd, path, WATCH_MASK); // full: the next look sees it
}

// A record that nobody works on any more needs no watch.
static void unwatch(struct hz_archive *a, const char *path)
{
	int wd = a->inotify_fd >= 0 ? inotify_add_watch(a->inotify_fd, path, WATCH_MASK) : -1;
	if (wd >= 0)
		(void)inotify_rm_watch(a->inotify_fd, wd);
}

// Its recorder holds a lock on journal/ (recorder/journal/writer.c). Nobody does, and nothing was written for long: it will not
// come back, or goes on with another record.
static bool is_abandoned(const struct look *l, const char *folder, const struct hz_record_state *state)
{
	char path[HZ_RECORD_PATH_BYTES + 16];
	struct stat st;
	snprintf(path, sizeof(path), "%s/journal", folder);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool free_now = flock(fd, LOCK_SH | LOCK_NB) == 0 && fstat(fd, &st) == 0;
	close(fd);
	int64_t newest_ms = state->changed_ms, limit_ms = (int64_t)l->archive->settings->abandoned_s * 1000;
	if (!free_now)
		return false;
	for (unsigned n = 1; n < 10000; n++) { // the newest segment's time
		snprintf(path, sizeof(path), "%s/journal/%04u.hzj", folder, n);
		if (stat(path, &st) < 0)
			break;
		int64_t at_ms = (int64_t)st.st_mtim.tv_sec * 1000;
		newest_ms = at_ms > newest_ms ? at_ms : newest_ms;
	}
	int64_t silent_ms = l->now_ms - newest_ms;
	return silent_ms > limit_ms || silent_ms < -limit_ms; // written in the future: the clock was set back
}

static void offer_to(struct due *due, const char *folder, const struct hz_record_state *state)
{
	if (due->found && due->state.ended_ms <= state->ended_ms)
		return;
	due->found = true;
	due->state = *state;
	snprintf(due->folder, sizeof(due->folder), "%s", folder);
}

static void offer(struct look *l, const char *folder, const struct hz_record_state *state)
{
	int64_t due_ms = state->changed_ms + hz_job_pause_ms(state->attempts);
	if (!state->attempts || !is_ahead(due_ms, l->now_ms))
		offer_to(&l->job, folder, state);
}

// What follows the tracks.
static void offer_composing(struct look *l, const char *folder, const struct hz_record_state *state)
{
	struct hz_archive *a = l->archive;
	int64_t due_ms = state->composing.changed_ms + hz_job_pause_ms(state->composing.attempts);
	bool second = hz_job_is_second(state), wants = hz_composing_wants(state) && a->settings->compose;
	a->to_compose += second || wants;
	a->not_composed += state->composing.phase == HZ_COMPOSING_FAILED;
	if (hz_composing_wants(state) && !wants) { // switched off meanwhile
		struct hz_record_state off = *state;
		hz_composing_set(&off, HZ_COMPOSING_OFF, "");
		(void)hz_record_state_write(folder, &off);
		hz_composing_sweep(folder);
	}
	if (state->composing.attempts && is_ahead(due_ms, l->now_ms))
		return;
	if (second)
		offer_to(&l->second, folder, state);
	else if (wants)
		offer_to(&l->compose, folder, state);
}

// The one that waits longest.
static void offer_early(struct look *l, const char *folder, const struct hz_record_state *state)
{
	int64_t due_ms = hz_early_due_ms(folder, state, l->now_ms);
	if (due_ms > l->now_ms || (l->early.found && l->early_ms <= due_ms))
		return;
	l->early.found = false;
	l->early_ms = due_ms;
	offer_to(&l->early, folder, state);
}

static bool same_delivery(const struct hz_record_state *a, const struct hz_record_state *b)
{
	bool same = strcmp(a->error, b->error) == 0;
	for (unsigned k = 0; k < HZ_DESTINATIONS; k++)
		same = same && a->delivery[k].phase == b->delivery[k].phase &&
		       strcmp(a->delivery[k].error, b->delivery[k].error) == 0;
	return same;
}

// FINALISED becomes DELIVERED when nothing of it waits any more.
static void delivered(struct look *l, const char *folder, const struct hz_record_state *state)
{
	struct hz_record_state after = *state;
	char error[HZ_OUTCOME_WHY_BYTES];
	if (!hz_queue_look(l->archive->settings->store, &l->queue, l->now_ms, &after, error))
		after.phase = HZ_RECORD_DELIVERED;
	snprintf(after.error, sizeof(after.error), "%s", error);
	if (after.phase == state->phase && same_delivery(&after, state))
		return;
	after.changed_ms = l->now_ms;
	int err = hz_record_state_write(folder, &after);
	if (after.phase == HZ_RECORD_DELIVERED && !err) { // was counted as it was
		l->archive->phases[HZ_RECORD_FINALISED]--;
		l->archive->phases[HZ_RECORD_DELIVERED]++;
	}
	if (after.phase == HZ_RECORD_DELIVERED)
		hz_info("archive.delivered", "record=%s err=%d", state->id, err);
}

static bool is_worked_on(const struct hz_archive *a, const char *id)
{
	return (a->job.active && strcmp(a->job.state.id, id) == 0) ||
	       (a->composing.active && strcmp(a->composing.id, id) == 0);
}

static void look_at_finalised(struct look *l, const char *folder, const struct hz_record_state *state)
{
	struct hz_archive *a = l->archive;
	bool job = a->job.active && strcmp(a->job.state.id, state->id) == 0;
	bool first =
	    !hz_job_is_queued(folder) || !state->composing.phase; // made anew by hand, or not told yet
	if (!job && first)
		offer(l, folder, state);
	if (!job && !first)
		delivered(l, folder, state);
	if (!first && !is_worked_on(a, state->id))
		offer_composing(l, folder, state);
}

// The EMR refuses what it is told of who looked at a record that it has.
static void look_at_viewings(struct look *l, const char *folder, const struct hz_record_state *state)
{
	struct hz_record_state after = *state;
	if (!hz_queue_viewings_look(l->archive->settings->store, &l->queue, l->now_ms, &after))
		return;
	int err = hz_record_state_write(folder, &after);
	if (err)
		hz_error("archive.viewings", "record=%s err=%d", state->id, err);
}

// What `huizhen record erase --all` left when it was killed is not for the retention to keep. True: there was something.
static bool look_at_erased(const struct hz_archive *a, const char *folder,
                           const struct hz_record_state *state)
{
	int err =
	    state->phase == HZ_RECORD_DELETED ? hz_erase_go_on(a->settings->store, folder, state->id) : 0;
	if (err < 0 && err != -EBUSY && err != -EPERM)
		hz_error("archive.erase", "record=%s err=%d", state->id, err);
	return err != 0;
}

static bool look_at(void *arg, const char *folder, const struct hz_record_state *state)
{
	struct look *l = arg;
	struct hz_archive *a = l->archive;
	bool working = is_worked_on(a, state->id);
	if (state->phase > 0 && state->phase < HZ_ARCHIVE_PHASES)
		a->phases[state->phase]++;
	switch (state->phase) {
	case HZ_RECORD_RECORDING:
		watch(a, folder);
		if (is_abandoned(l, folder, state))
			offer(l, folder, state);
		else
			offer_early(l, folder, state);
		break;
	case HZ_RECORD_ENDED:
	case HZ_RECORD_FINALISING:
		watch(a, folder);
		if (!working)
			offer(l, folder, state);
		break;
	case HZ_RECORD_FINALISED:
		look_at_finalised(l, folder, state);
		break;
	default:
		unwatch(a, folder);
		if (!working) {
			look_at_viewings(l, folder, state);
			offer_composing(l, folder, state);
			if (!look_at_erased(a, folder, state) && a->may_delete)
				(void)hz_retention(a, folder, state, l->now_ms);
		}
	}
	return true;
}

static bool count_held(void *arg, const char *folder, const struct hz_record_state *state)
{
	struct hz_archive *a = arg;
	a->held += hz_retention_is_held(a->settings->store, state->id);
	return true;
}

static void watch_months(struct hz_archive *a)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	time_t now = time(NULL);
	struct tm tm;
	watch(a, a->settings->store);
	hz_viewings_folder(a->settings->store, path);
	a->viewings_wd = a->inotify_fd < 0 ? -1
	                                   : inotify_add_watch(a->inotify_fd, path,
	                                                       IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR);
	for (int i = 0; i < 2; i++) { // this month and, at its end, the next
		gmtime_r(&now, &tm);
		snprintf(path, sizeof(path), "%s/%04d", a->settings->store, tm.tm_year + 1900);
		watch(a, path);
		snprintf(path, sizeof(path), "%s/%04d/%02d", a->settings->store, tm.tm_year + 1900,
		         tm.tm_mon + 1);
		watch(a, path);
		now += 86400;
	}
}

typedef int start_fn(struct hz_archive *a, const char *folder, const struct hz_record_state *state);

// True: it was delivered, deleted or taken meanwhile, perhaps by this very look: to be looked at again soon.
static bool begin(struct hz_archive *a, const struct due *due, bool busy, start_fn *start)
{
	struct hz_record_state now;
	if (!due->found || busy || hz_record_state_read(due->folder, &now) != 0)
		return false;
	if (now.changed_ms != due->state.changed_ms || now.phase != due->state.phase)
		return true;
	int err = start(a, due->folder, &due->state);
	if (err)
		hz_error("archive.start", "record=%s err=%d", due->state.id, err);
	return false;
}

// What waits behind a Bundle that is being sent goes on soon after, and the numbers follow; an EMR that is away is not asked.
void hz_archive_look_for_viewings(struct hz_archive *a)
{
	struct hz_delivery_stats emr = {.away_since_ms = 0};
	bool more = hz_viewings_pass(a);
	if (a->emr)
		hz_delivery_stats(a->emr, &emr);
	a->viewings_us = more && !emr.away_since_ms ? hz_now_us() + 1000000 : 0;
}

int64_t hz_archive_look(struct hz_archive *a)
{
	struct look l = {.archive = a, .now_ms = hz_wall_us() / 1000};
	a->may_delete = hz_archive_clock_good(&a->clock, l.now_ms, hz_archive_boot_ms());
	if (a->may_delete)
		hz_archive_clock_note(&a->clock, a->settings->store);
	memset(a->phases, 0, sizeof(a->phases));
	a->to_compose = a->not_composed = 0;
	watch_months(a);
	hz_queue_names_read(a->settings->store, &l.queue);
	int err = hz_record_each(a->settings->store, look_at, &l);
	if (err && err != -ENOENT)
		hz_error("archive.store", "err=%d", err);
	hz_queue_names_done(&l.queue);
	a->held = 0;
	(void)hz_record_each(a->settings->store, count_held, a);
	bool again = begin(a, l.job.found ? &l.job : &l.second, a->job.active, hz_job_start);
	again = begin(a, &l.compose, a->composing.active, hz_composing_start) || again;
	again = begin(a, &l.early, a->early.active || a->job.active, hz_early_start) || again;
	hz_archive_look_for_viewings(a);
	hz_archive_metrics(a);
	return again ? HZ_ARCHIVE_SETTLE_MS : LOOK_MS;
}

#include "recorder/archive/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/archive/internal.h"
#include "recorder/journal/file.h"

#define WAIT_MS  500
#define AGAIN_MS 500 // after news: a folder seen before its state.json came is not watched yet

// Our own files in the store's folder, written after each look, are no news; nor is the end of a watch (unwatch()).
static bool is_news(const struct inotify_event *e)
{
	static const char *const ours[] = {"metrics.prom", "outbox.json", "archive.lock", "archive.clock"};
	if (e->mask & IN_IGNORED)
		return false;
	for (unsigned i = 0; e->len && i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strncmp(e->name, ours[i], strlen(ours[i])) == 0)
			return false;
	return true;
}

// Reads all; true: somebody else wrote what a look is needed for.
static bool drain(struct hz_archive *a)
{
	char buf[4096] __attribute__((aligned(8)));
	bool news = false;
	for (ssize_t n; (n = read(a->inotify_fd, buf, sizeof(buf))) > 0;)
		for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
			const struct inotify_event *e = (const void *)(buf + at);
			bool viewing = e->wd == a->viewings_wd && a->viewings_wd >= 0;
			if (viewing && !a->viewings_us)
				a->viewings_us = hz_now_us() + HZ_ARCHIVE_SETTLE_MS * 1000;
			news = (!viewing && is_news(e)) || news;
			at += (ssize_t)sizeof(*e) + (ssize_t)e->len;
		}
	return news;
}

static bool wait_for(struct hz_archive *a, int stop_fd, int64_t wait_ms, int64_t *next_us)
{
	struct pollfd fds[5] = {{.fd = stop_fd, .events = POLLIN},
	                        {.fd = a->inotify_fd, .events = POLLIN},
	                        {.fd = a->job.active ? a->job.pid_fd : -1, .events = POLLIN},
	                        {.fd = a->composing.active ? a->composing.pid_fd : -1, .events = POLLIN},
	                        {.fd = a->early.active ? a->early.pid_fd : -1, .events = POLLIN}};
	int n = poll(fds, 5, wait_ms < 0 ? 0 : wait_ms > 1000 ? 1000 : (int)wait_ms);
	if ((n < 0 && errno != EINTR) || (n > 0 && fds[0].revents))
		return false;
	if (n > 0 && fds[1].revents && drain(a)) {
		a->news_us = hz_now_us();
		int64_t soon_us = a->news_us + HZ_ARCHIVE_SETTLE_MS * 1000;
		*next_us = soon_us < *next_us ? soon_us : *next_us;
	}
	if (n > 0 && fds[2].revents) {
		hz_job_child_ended(a);
		*next_us = 0;
	}
	if (n > 0 && fds[3].revents) {
		hz_composing_child_ended(a);
		*next_us = 0;
	}
	if (n > 0 && fds[4].revents)
		hz_early_child_ended(a);
	// Deliveries run beside: a record becomes DELIVERED within a second or two.
	if (n == 0 && a->phases[HZ_RECORD_FINALISED] && *next_us > hz_now_us() + 1000000)
		*next_us = hz_now_us() + 1000000;
	return true;
}

static void loop(struct hz_archive *a, int stop_fd)
{
	int64_t next_us = 0, until_us;
	do {
		if (hz_now_us() < next_us && a->viewings_us && hz_now_us() >= a->viewings_us) {
			hz_archive_look_for_viewings(a); // without a look at every record
			hz_archive_metrics(a);
		} else if (hz_now_us() >= next_us) {
			int64_t pause_ms = hz_archive_look(a);
			if (a->news_us && hz_now_us() - a->news_us < AGAIN_MS * 1000 && pause_ms > AGAIN_MS)
				pause_ms = AGAIN_MS;
			next_us = hz_now_us() + pause_ms * 1000;
		}
		until_us = a->viewings_us && a->viewings_us < next_us ? a->viewings_us : next_us;
	} while (wait_for(a, stop_fd, (until_us - hz_now_us() + 999) / 1000, &next_us));
}

static int lock_store(const char *store)
{
	char path[HZ_RECORD_PATH_BYTES + 16];
	int err = hz_file_folder(store);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/archive.lock", store);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	close(fd);
	return err;
}

// At a takeover the old gateway's archive still has the store: this one stands by. Returns the lock's descriptor, -ECANCELED to
// end, or -errno.
static int await_store(const struct hz_archive_settings *settings, int stop_fd)
{
	struct pollfd stop = {.fd = stop_fd, .events = POLLIN};
	int fd = lock_store(settings->store);
	if (fd == -EBUSY && settings->wait)
		hz_info("archive.waits", "for=\"another archive of this store\"");
	while (fd == -EBUSY && settings->wait) {
		if (poll(&stop, 1, WAIT_MS) > 0)
			return -ECANCELED;
		fd = lock_store(settings->store);
	}
	return fd;
}

int hz_archive_run(const struct hz_archive_settings *settings, int stop_fd)
{
	struct hz_archive a = {.settings = settings,
	                       .job = {.pid_fd = -1, .lock_fd = -1},
	                       .composing = {.pid_fd = -1},
	                       .early = {.pid_fd = -1},
	                       .viewings_wd = -1};
	char path[HZ_RECORD_PATH_BYTES + 32];
	a.lock_fd = await_store(settings, stop_fd);
	if (a.lock_fd < 0)
		return a.lock_fd == -ECANCELED ? 0 : a.lock_fd;
	snprintf(path, sizeof(path), "%s/hold", settings->store);
	(void)mkdir(path, 0750);
	hz_viewings_folder(settings->store, path);
	(void)hz_file_folder(path); // control makes it, too
	a.inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (a.inotify_fd < 0)
		hz_warn("archive.inotify", "err=%d", -errno); // looks every 10 s
	hz_archive_clock_open(&a.clock, settings->store, hz_wall_us() / 1000, hz_archive_boot_ms());
	int err = hz_queue_open(&a);
	if (!err)
		loop(&a, stop_fd);
	hz_job_stop(&a);
	hz_composing_stop(&a);
	hz_early_stop(&a);
	hz_queue_close(&a);
	if (a.inotify_fd >= 0)
		close(a.inotify_fd);
	close(a.lock_fd);
	return err;
}

struct retry {
	const char *record;
	int count;
};

static bool retry_one(void *arg, const char *folder, const struct hz_record_state *state)
{
	struct retry *r = arg;
	struct hz_record_state again = *state;
	bool composing = state->composing.phase == HZ_COMPOSING_FAILED;
	if ((state->phase != HZ_RECORD_FAILED && !composing) ||
	    (r->record && strcmp(r->record, state->id) != 0))
		return true;
	if (composing) {
		again.composing.attempts = 0;
		hz_composing_set(&again, HZ_COMPOSING_WAITING, "");
	}
	if (state->phase == HZ_RECORD_FAILED) {
		again.phase = HZ_RECORD_ENDED;
		again.attempts = 0;
		again.error[0] = '\0';
		again.changed_ms = hz_wall_us() / 1000;
	}
	r->count += hz_record_state_write(folder, &again) == 0;
	return true;
}

int hz_archive_retry(const char *store, const char *record)
{
	static const char *const names[] = {"pacs", "emr"};
	struct retry r = {.record = record};
	char folder[HZ_RECORD_PATH_BYTES + 32];
	int err = hz_record_each(store, retry_one, &r);
	for (unsigned i = 0; !err && i < 2; i++) {
		snprintf(folder, sizeof(folder), "%s/outbox/%s", store, names[i]);
		int released = hz_spool_release(folder, record);
		if (released < 0)
			err = released;
		else
			r.count += released;
	}
	return err && err != -ENOENT ? err : r.count;
}

#include "recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/secret.h"
#include "recorder/journal/file.h"
#include "recorder/journal/keys.h"
#include "recorder/state.h"

#define CLEAN_FILE "recorder.clean" // there while no recorder runs: the last one ended by itself

_Static_assert(HZ_TAP_LAYER == HZ_RECORD_LAYER && HZ_TAP_REPAIRED == HZ_RECORD_REPAIRED,
               "flags go from the tap into the journal as they are");

static int path_of(const struct hz_recorder *r, const char *name, char ret[HZ_RECORD_PATH_BYTES])
{
	int n = snprintf(ret, HZ_RECORD_PATH_BYTES, "%s/%s", r->options->dir, name);
	return n < HZ_RECORD_PATH_BYTES ? 0 : -ENAMETOOLONG;
}

// Another gateway with this store, or at a takeover the one before us, has to end first.
static int open_store(struct hz_recorder *r)
{
	char path[HZ_RECORD_PATH_BYTES];
	int err = hz_file_folder(r->options->dir);
	if (!err)
		err = path_of(r, HZ_RECORD_LOCK, path);
	if (err)
		return err;
	r->root_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (r->root_lock < 0)
		return -errno;
	if (flock(r->root_lock, LOCK_EX | LOCK_NB) < 0) {
		hz_warn("recorder.waits", "for=\"another recorder of this store\"");
		while (flock(r->root_lock, LOCK_EX) < 0)
			if (errno != EINTR)
				return -errno;
	}
	err = path_of(r, CLEAN_FILE, path);
	r->was_clean = !err && unlink(path) == 0;
	return err ? err : hz_record_key_master(r->options->master_key, r->master);
}

static void note_clean(const struct hz_recorder *r)
{
	char path[HZ_RECORD_PATH_BYTES];
	int fd = path_of(r, CLEAN_FILE, path) ? -1 : open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

static int open_rings(struct hz_recorder *r)
{
	size_t bytes = r->options->ring_bytes;
	if (!r->options->workers || r->options->workers > HZ_REC_MAX_WORKERS)
		return -EINVAL;
	int err = hz_memfd_map(r->options->taps, bytes * r->options->workers, &r->memory);
	// Plain media passes through: not into a core dump.
	if (!err && madvise(r->memory, bytes * r->options->workers, MADV_DONTDUMP))
		err = -errno;
	for (unsigned i = 0; i < r->options->workers && !err; i++)
		err = hz_ring_consume(&r->ring[i], (uint8_t *)r->memory + bytes * i, bytes);
	return err;
}

static int open_loop(struct hz_recorder *r)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT); // Ctrl-C reaches the whole group: the supervisor decides
	if (pthread_sigmask(SIG_BLOCK, &set, NULL))
		return -EINVAL;
	sigdelset(&set, SIGINT);
	r->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	r->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return r->signals < 0 || r->wake < 0 ? -errno : 0;
}

static int start(struct hz_recorder *r)
{
	pthread_mutex_init(&r->done_lock, NULL);
	r->done_tail = &r->done;
	r->root_lock = r->signals = r->wake = -1;
	r->disk = HZ_REC_DISK_GOOD;
	r->now_us = hz_now_us();
	r->hello = (int32_t)(r->now_us / 1000 & 0x7ffffffe) + 1;
	int err = open_loop(r);
	if (!err)
		err = open_store(r);
	if (!err)
		err = open_rings(r);
	if (!err)
		err = hz_map_new(2 * HZ_REC_MAX_RECORDS, &r->by_id);
	if (!err)
		err = hz_map_new(HZ_MAX_TRACKS * HZ_REC_MAX_WORKERS, &r->tracks);
	if (!err && r->options->sandbox)
		err = hz_rec_sandbox(r->options->dir);
	if (!err)
		err = hz_threads_start(r);
	return err;
}

static void stop(struct hz_recorder *r)
{
	hz_threads_stop(r);
	if (r->done_tail)
		hz_rec_done(r);
	while (r->records)
		hz_rec_forget(r, r->records);
	hz_map_free(r->by_id);
	hz_map_free(r->tracks);
	hz_memfd_unmap(r->memory, r->options->ring_bytes * r->options->workers);
	const int fds[] = {r->root_lock, r->signals, r->wake};
	for (unsigned i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pthread_mutex_destroy(&r->done_lock);
	hz_wipe(r, sizeof(*r));
	free(r);
}

static int turn(struct hz_recorder *r)
{
	struct pollfd fds[] = {{.fd = r->options->api, .events = POLLIN},
	                       {.fd = r->signals, .events = POLLIN},
	                       {.fd = r->wake, .events = POLLIN}};
	eventfd_t woken;
	if (poll(fds, 3, r->record_count ? HZ_REC_POLL_MS : HZ_REC_IDLE_MS) < 0 && errno != EINTR)
		return -errno;
	r->now_us = hz_now_us();
	if (fds[2].revents)
		(void)eventfd_read(r->wake, &woken);
	hz_rec_done(r);
	int err = hz_rec_read(r);
	hz_rec_drain(r);
	hz_rec_watch(r);
	r->stopping = fds[1].revents != 0;
	return err;
}

int hz_recorder_run(const struct hz_recorder_options *options)
{
	struct hz_recorder *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->options = options;
	int err = start(r);
	if (!err) {
		hz_info("recorder.started", "workers=%u writers=%u clean=%d", options->workers,
		        options->writers, r->was_clean);
		hz_rec_hello(r);
	}
	while (!err && !r->stopping)
		err = turn(r);
	if (!err) {
		hz_rec_drain_lost(r);
		hz_threads_stop(r);
		note_clean(r);
		hz_info("recorder.stopped", "records=%u", r->record_count);
	}
	stop(r);
	return err;
}

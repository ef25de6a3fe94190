#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/archive/internal.h"
#include "recorder/finalize/prepare.h"

#define EVERY_MS 180000 // at first
#define MOST_MS  900000
#define SHARE    12 // each run reads the whole journal: of a long consult less often

int64_t hz_early_due_ms(const char *folder, const struct hz_record_state *state, int64_t now_ms)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	struct stat st;
	int64_t pause = (now_ms - state->started_ms) / SHARE;
	pause = pause < EVERY_MS ? EVERY_MS : pause > MOST_MS ? MOST_MS : pause;
	snprintf(path, sizeof(path), "%s/" HZ_EARLY_BEGUN, folder);
	if (stat(path, &st) < 0)
		return state->started_ms + EVERY_MS;
	int64_t last_ms = (int64_t)st.st_mtim.tv_sec * 1000;
	return last_ms > now_ms ? now_ms : last_ms + pause; // the clock was set back
}

int hz_early_start(struct hz_archive *a, const char *folder, const struct hz_record_state *state)
{
	struct hz_archive_early *e = &a->early;
	*e = (struct hz_archive_early){.pid_fd = -1, .began_us = hz_now_us()};
	snprintf(e->folder, sizeof(e->folder), "%s", folder);
	snprintf(e->id, sizeof(e->id), "%s", state->id);
	int err = hz_child_start(a->settings, "prepare", folder, -1, &e->pid, &e->pid_fd);
	e->active = !err;
	return err;
}

void hz_early_child_ended(struct hz_archive *a)
{
	struct hz_archive_early *e = &a->early;
	int status = 0;
	if (waitpid(e->pid, &status, 0) != e->pid)
		status = 0x7f00;
	close(e->pid_fd);
	e->pid_fd = -1;
	e->active = false;
	// It fails without harm: what it did not make is made at the end.
	hz_info("archive.prepared", "record=%s seconds=%lld status=%d", e->id,
	        (long long)((hz_now_us() - e->began_us) / 1000000), status);
}

void hz_early_stop(struct hz_archive *a)
{
	struct hz_archive_early *e = &a->early;
	if (!e->active)
		return;
	kill(-e->pid, SIGKILL);
	waitpid(e->pid, NULL, 0);
	close(e->pid_fd);
	e->pid_fd = -1;
	e->active = false;
}

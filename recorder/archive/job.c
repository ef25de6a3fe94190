#include <errno.h>
#include <fcntl.h>
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
#include "recorder/record/certificate.h"
#include "recorder/record/files.h"

static const char *const commands[] = {
    [HZ_STEP_FINALIZE] = "finalize", [HZ_STEP_PACKAGE] = "package", [HZ_STEP_SIGN] = "sign"};

int64_t hz_job_pause_ms(unsigned attempts)
{
	int64_t pause = 5000;
	for (unsigned i = 1; i < attempts && pause < 600000; i++)
		pause *= 3;
	return attempts == 0 ? 0 : pause < 600000 ? pause : 600000;
}

bool hz_job_is_second(const struct hz_record_state *state)
{
	return state->composing.phase == HZ_COMPOSING_MADE &&
	       (state->phase == HZ_RECORD_FINALISED || state->phase == HZ_RECORD_DELIVERED);
}

bool hz_job_is_queued(const char *folder)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/delivery.json", folder);
	return access(path, F_OK) == 0;
}

static void close_job(struct hz_archive_job *job)
{
	if (job->pid_fd >= 0)
		close(job->pid_fd);
	if (job->lock_fd >= 0)
		close(job->lock_fd);
	job->pid_fd = job->lock_fd = -1;
	job->active = false;
}

static void note_first(const struct hz_archive *a, struct hz_archive_job *job, const char *why)
{
	struct hz_record_state *s = &job->state;
	s->attempts = why ? job->attempts + 1 : 0;
	if (!why) {
		s->error[0] = '\0';
		s->phase = HZ_RECORD_FINALISED;
		if (s->composing.phase == HZ_COMPOSING_NONE) {
			hz_composing_sweep(job->folder); // of tracks as they were before
			hz_composing_set(s, a->settings->compose ? HZ_COMPOSING_WAITING : HZ_COMPOSING_OFF,
			                 "");
		}
	} else if (s->phase != HZ_RECORD_FAILED) {
		snprintf(s->error, sizeof(s->error), "%s: %s", commands[job->step], why);
		s->phase = s->attempts >= HZ_ARCHIVE_ATTEMPTS ? HZ_RECORD_FAILED : HZ_RECORD_FINALISING;
	}
	if (s->phase == HZ_RECORD_FAILED) // nobody knows how long it stays so
		(void)hz_prepare_remove(job->folder);
	s->changed_ms = hz_wall_us() / 1000;
}

// The tracks are where they shall be, whatever becomes of this.
static void note_second(struct hz_archive_job *job, const char *why)
{
	struct hz_record_state *s = &job->state;
	char text[sizeof(s->composing.error)] = "";
	s->composing.attempts = why ? s->composing.attempts + 1 : 0;
	if (why)
		snprintf(text, sizeof(text), "%s: %.120s", commands[job->step], why);
	hz_composing_set(s,
	                 !why                                           ? HZ_COMPOSING_DONE
	                 : s->composing.attempts >= HZ_ARCHIVE_ATTEMPTS ? HZ_COMPOSING_FAILED
	                                                                : HZ_COMPOSING_MADE,
	                 text);
	if (!why) { // delivered when what was added is
		s->phase = HZ_RECORD_FINALISED;
		s->changed_ms = hz_wall_us() / 1000;
	}
}

static void end(struct hz_archive *a, const char *why)
{
	struct hz_archive_job *job = &a->job;
	struct hz_record_state now;
	// The child wrote the state, too: what it found (lost, torn, FAILED with its reason) stays.
	if (hz_record_state_read(job->folder, &now) == 0)
		job->state = now;
	if (job->second)
		note_second(job, why);
	else
		note_first(a, job, why);
	if (!why)
		hz_queue_note(job->folder, &job->state);
	int err = hz_record_state_write(job->folder, &job->state);
	if (why)
		hz_error("archive.failed", "record=%s step=%s second=%d attempt=%u why=\"%s\" err=%d",
		         job->state.id, commands[job->step], job->second,
		         job->second ? job->state.composing.attempts : job->state.attempts, why, err);
	else
		hz_info("archive.finalised", "record=%s second=%d seconds=%lld err=%d", job->state.id,
		        job->second, (long long)((hz_now_us() - job->began_us) / 1000000), err);
	close_job(job);
}

// Bundle, certificate and queue: no stranger's bytes but JSON that our children wrote.
static void sign(struct hz_archive *a)
{
	static char why[128];
	struct hz_archive_job *job = &a->job;
	const struct hz_archive_settings *s = a->settings;
	const char *what = "bundle";
	job->step = HZ_STEP_SIGN;
	unsigned bundle = 0;
	int err = hz_fhir_write(s->store, job->folder, &s->fhir, s->sm2, &bundle);
	if (!err) {
		what = "certificate";
		err = hz_certificate_issue(s->store, job->folder, s->sm2);
	}
	if (!err) {
		what = "queue";
		err = hz_queue_put(a, job->folder, &job->state, bundle);
	}
	snprintf(why, sizeof(why), "%s: %s", what, strerror(-err));
	end(a, err ? why : NULL);
}

static void step(struct hz_archive *a, enum hz_archive_step next)
{
	static char why[128];
	struct hz_archive_job *job = &a->job;
	int err = 0;
	job->step = next;
	if (next != HZ_STEP_FINALIZE && job->lock_fd < 0) // that one takes it itself
		err = hz_record_lock(job->folder, &job->lock_fd);
	if (!err && next == HZ_STEP_SIGN) {
		sign(a);
		return;
	}
	if (!err)
		err = hz_child_start(a->settings, commands[next], job->folder, -1, &job->pid, &job->pid_fd);
	if (err) {
		job->pid_fd = -1;
		snprintf(why, sizeof(why), "%s",
		         err == -EBUSY ? "somebody else works on it" : strerror(-err));
		end(a, why);
	}
}

int hz_job_start(struct hz_archive *a, const char *folder, const struct hz_record_state *state)
{
	struct hz_archive_job *job = &a->job;
	int lock_fd;
	hz_early_stop(a);
	int busy = hz_record_lock(folder, &lock_fd);
	if (busy)
		return busy == -EBUSY ? 0 : busy; // somebody works on it by hand: later
	close(lock_fd);
	*job = (struct hz_archive_job){.active = true,
	                               .second = hz_job_is_second(state),
	                               .state = *state,
	                               .pid_fd = -1,
	                               .lock_fd = -1,
	                               .began_us = hz_now_us(),
	                               .attempts = state->attempts};
	snprintf(job->folder, sizeof(job->folder), "%s", folder);
	// FINALISED: by a child of an archive that died then, or by hand.
	bool finalised = job->second || state->phase == HZ_RECORD_FINALISED;
	if (!finalised) {
		job->state.phase = HZ_RECORD_FINALISING;
		job->state.changed_ms = hz_wall_us() / 1000;
		int err = hz_record_state_write(folder, &job->state);
		if (err) {
			job->active = false;
			return err;
		}
	}
	step(a, finalised ? HZ_STEP_PACKAGE : HZ_STEP_FINALIZE);
	return 0;
}

void hz_job_child_ended(struct hz_archive *a)
{
	static char why[128];
	struct hz_archive_job *job = &a->job;
	struct hz_record_state now;
	int status = 0;
	if (waitpid(job->pid, &status, 0) != job->pid)
		status = 0x7f00;
	close(job->pid_fd);
	job->pid_fd = -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		bool failed = hz_record_state_read(job->folder, &now) == 0 && now.phase == HZ_RECORD_FAILED;
		if (failed)
			end(a, "the journal is altered");
		else
			step(a, job->step == HZ_STEP_FINALIZE ? HZ_STEP_PACKAGE : HZ_STEP_SIGN);
		return;
	}
	snprintf(why, sizeof(why), WIFSIGNALED(status) ? "killed by signal %d" : "exit code %d",
	         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	end(a, why);
}

// The record stays as it is: the next archive begins again.
void hz_job_stop(struct hz_archive *a)
{
	struct hz_archive_job *job = &a->job;
	if (!job->active || job->pid_fd < 0)
		return;
	kill(-job->pid, SIGKILL);
	waitpid(job->pid, NULL, 0);
	close_job(job);
}

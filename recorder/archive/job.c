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

bool hz_job_is_queued(const char *folder)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/delivery.json", folder);
	return access(path, F_OK) == 0;
}

static void end(struct hz_archive *a, const char *why)
{
	struct hz_archive_job *job = &a->job;
	struct hz_record_state now;
	if (job->pid_fd >= 0)
		close(job->pid_fd);
	job->pid_fd = -1;
	job->active = false;
	// The child wrote the state, too: what it found (lost, torn, FAILED with its reason) stays.
	if (hz_record_state_read(job->folder, &now) == 0)
		job->state = now;
	job->state.attempts = why ? job->attempts + 1 : 0;
	if (!why) {
		job->state.error[0] = '\0';
		job->state.phase = HZ_RECORD_FINALISED;
	} else if (job->state.phase != HZ_RECORD_FAILED) {
		snprintf(job->state.error, sizeof(job->state.error), "%s: %s", commands[job->step], why);
		job->state.phase =
		    job->state.attempts >= HZ_ARCHIVE_ATTEMPTS ? HZ_RECORD_FAILED : HZ_RECORD_FINALISING;
	}
	job->state.changed_ms = hz_wall_us() / 1000;
	int err = hz_record_state_write(job->folder, &job->state);
	if (why)
		hz_error("archive.failed", "record=%s step=%s attempt=%u why=\"%s\" err=%d", job->state.id,
		         commands[job->step], job->state.attempts, why, err);
	else
		hz_info("archive.finalised", "record=%s seconds=%lld err=%d", job->state.id,
		        (long long)((hz_now_us() - job->began_us) / 1000000), err);
}

// Bundle, certificate and queue: no stranger's bytes but JSON that our children wrote.
static void sign(struct hz_archive *a)
{
	static char why[128];
	struct hz_archive_job *job = &a->job;
	const struct hz_archive_settings *s = a->settings;
	const char *what = "bundle";
	job->step = HZ_STEP_SIGN;
	int err = hz_fhir_write(s->store, job->folder, &s->fhir, s->sm2);
	if (!err) {
		what = "certificate";
		err = hz_certificate_issue(s->store, job->folder, s->sm2);
	}
	if (!err) {
		what = "queue";
		err = hz_queue_put(a, job->folder, &job->state);
	}
	snprintf(why, sizeof(why), "%s: %s", what, strerror(-err));
	end(a, err ? why : NULL);
}

static void step(struct hz_archive *a, enum hz_archive_step next)
{
	static char why[128];
	struct hz_archive_job *job = &a->job;
	job->step = next;
	if (next == HZ_STEP_SIGN) {
		sign(a);
		return;
	}
	int err = hz_child_start(a->settings, commands[next], job->folder, &job->pid, &job->pid_fd);
	if (err) {
		job->pid_fd = -1;
		snprintf(why, sizeof(why), "%s", strerror(-err));
		end(a, why);
	}
}

int hz_job_start(struct hz_archive *a, const char *folder, const struct hz_record_state *state)
{
	struct hz_archive_job *job = &a->job;
	*job = (struct hz_archive_job){.active = true,
	                               .state = *state,
	                               .pid_fd = -1,
	                               .began_us = hz_now_us(),
	                               .attempts = state->attempts};
	snprintf(job->folder, sizeof(job->folder), "%s", folder);
	bool finalised = state->phase == HZ_RECORD_FINALISED; // by a child of an archive that died then
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

// The record stays FINALISING: the next archive begins again.
void hz_job_stop(struct hz_archive *a)
{
	struct hz_archive_job *job = &a->job;
	if (!job->active || job->pid_fd < 0)
		return;
	kill(-job->pid, SIGKILL);
	waitpid(job->pid, NULL, 0);
	close(job->pid_fd);
	job->pid_fd = -1;
	job->active = false;
}

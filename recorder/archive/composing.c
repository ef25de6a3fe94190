// The composed picture: a slot of its own beside the job, so that the next record's tracks never wait for it. The child
// (huizhen-compose) reads what strangers sent, in a sandbox; afterwards a job makes objects, Bundle and certificate anew.
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "recorder/archive/internal.h"

void hz_composing_set(struct hz_record_state *state, enum hz_record_composing phase, const char *why)
{
	state->composing.phase = phase;
	state->composing.changed_ms = hz_wall_us() / 1000;
	snprintf(state->composing.error, sizeof(state->composing.error), "%s", why);
}

bool hz_composing_wants(const struct hz_record_state *state)
{
	bool done = state->phase == HZ_RECORD_FINALISED || state->phase == HZ_RECORD_DELIVERED;
	return done && (state->composing.phase == HZ_COMPOSING_WAITING ||
	                state->composing.phase == HZ_COMPOSING_RUNNING);
}

// What the child said last, without the folder's name behind it.
static void read_why(int fd, char ret[128])
{
	char text[4096], *line = text;
	ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	for (char *end; (end = strchr(line, '\n')) && end[1];)
		line = end + 1;
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "huizhen-compose: ", 17) == 0)
		line += 17;
	char *folder = strstr(line, ", in /");
	if (folder)
		*folder = '\0';
	for (char *c = line; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	snprintf(ret, 128, "%s", line);
}

// The next run may never come: it was the last one, or composing is switched off.
void hz_composing_sweep(const char *folder)
{
	static const char *const parts[] = {"composed.mp4.part", "poster.jpg.part", "strip.jpg.part",
	                                    "manifest.json.part"};
	char path[HZ_RECORD_PATH_BYTES + 32];
	for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
		(void)unlink(path); // mostly not there
	}
}

static void close_slot(struct hz_archive_slot *c)
{
	hz_composing_sweep(c->folder);
	const int fds[] = {c->pid_fd, c->said_fd, c->lock_fd};
	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	c->pid_fd = c->said_fd = c->lock_fd = -1;
	c->active = false;
}

// why NULL: composed.mp4 is there.
static void end(struct hz_archive *a, const char *why)
{
	struct hz_archive_slot *c = &a->composing;
	struct hz_record_state state;
	int err = hz_record_state_read(c->folder, &state);
	bool last = why && state.composing.attempts >= HZ_ARCHIVE_ATTEMPTS;
	if (!err) {
		hz_composing_set(&state,
		                 !why   ? HZ_COMPOSING_MADE
		                 : last ? HZ_COMPOSING_FAILED
		                        : HZ_COMPOSING_WAITING,
		                 why ? why : "");
		if (!why)
			state.composing.attempts = 0;
		err = hz_record_state_write(c->folder, &state);
	}
	if (why)
		hz_error("archive.not_composed", "record=%s attempt=%u why=\"%s\" err=%d", c->id,
		         state.composing.attempts, why, err);
	else
		hz_info("archive.composed", "record=%s seconds=%lld err=%d", c->id,
		        (long long)((hz_now_us() - c->began_us) / 1000000), err);
	close_slot(c);
}

// The attempt counts from its begin: one that takes everything down with it is not begun for ever.
static int begin(const char *folder, const struct hz_record_state *state)
{
	struct hz_record_state now = *state;
	bool died = state->composing.phase == HZ_COMPOSING_RUNNING;
	bool enough = now.composing.attempts >= HZ_ARCHIVE_ATTEMPTS;
	now.composing.attempts += !enough;
	hz_composing_set(&now, enough ? HZ_COMPOSING_FAILED : HZ_COMPOSING_RUNNING,
	                 died ? "the archive ended meanwhile" : "");
	int err = hz_record_state_write(folder, &now);
	if (enough)
		hz_composing_sweep(folder);
	return err ? err : enough ? -ECANCELED : 0;
}

int hz_composing_start(struct hz_archive *a, const char *folder, const struct hz_record_state *state)
{
	struct hz_archive_slot *c = &a->composing;
	int lock_fd;
	int err = hz_record_lock(folder, &lock_fd);
	if (err)
		return err == -EBUSY ? 0 : err; // somebody works on it by hand: later
	err = begin(folder, state);
	if (err) {
		close(lock_fd);
		return err == -ECANCELED ? 0 : err;
	}
	*c = (struct hz_archive_slot){
	    .active = true, .pid_fd = -1, .lock_fd = lock_fd, .began_us = hz_now_us()};
	snprintf(c->folder, sizeof(c->folder), "%s", folder);
	snprintf(c->id, sizeof(c->id), "%s", state->id);
	c->said_fd = memfd_create("said", MFD_CLOEXEC);
	err = access(a->settings->composer, X_OK) < 0 ? -errno : 0;
	if (!err)
		err = hz_child_start(a->settings, "compose", folder, c->said_fd, &c->pid, &c->pid_fd);
	if (err) {
		c->pid_fd = -1;
		end(a, err == -ENOENT ? "huizhen-compose is not installed" : strerror(-err));
	}
	return 0;
}

void hz_composing_child_ended(struct hz_archive *a)
{
	struct hz_archive_slot *c = &a->composing;
	char said[128], why[160];
	int status = 0;
	if (waitpid(c->pid, &status, 0) != c->pid)
		status = 0x7f00;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		end(a, NULL);
		return;
	}
	read_why(c->said_fd, said);
	snprintf(why, sizeof(why), WIFSIGNALED(status) ? "killed by signal %d" : "exit code %d",
	         WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	end(a, said[0] ? said : why);
}

void hz_composing_stop(struct hz_archive *a)
{
	struct hz_archive_slot *c = &a->composing;
	struct hz_record_state state;
	if (!c->active)
		return;
	kill(-c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	if (hz_record_state_read(c->folder, &state) == 0 && state.composing.phase == HZ_COMPOSING_RUNNING) {
		state.composing.attempts -= state.composing.attempts > 0; // it was us
		hz_composing_set(&state, HZ_COMPOSING_WAITING, "");
		(void)hz_record_state_write(c->folder, &state);
	}
	close_slot(c);
}

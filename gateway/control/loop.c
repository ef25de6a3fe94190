// What runs beside HTTP in the control process: the workers' sockets, the supervisor's, and three timers.
#include <errno.h>
#include <malloc.h>
#include <stddef.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "gateway/child.h"
#include "gateway/session/composed/easel.h"
#include "gateway/session/brain.h"
#include "gateway/session/consult.h"
#include "gateway/session/table/images.h"
#include "gateway/session/table/receive.h"
#include "gateway/session/table/studies.h"
#include "gateway/session/broadcast/hls.h"
#include "gateway/link/media_link.h"
#include "gateway/session/composed/mix.h"
#include "gateway/session/persist.h"
#include "gateway/session/composed/picture.h"
#include "gateway/link/pipe_link.h"
#include "gateway/control/process.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record.h"
#include "gateway/session/broadcast/targets.h"
#include "gateway/session/theatre.h"
#include "gateway/http/whip_ops.h"

#define TICK_US        250000
#define STATUS_US      2000000
#define SWEEP_US       60000000
#define PROBE_US       5000000
#define TRIM_US        5000000
#define TRIM_BYTES     (512u << 10)
#define READY_AFTER_US 2000000 // READY is not held back longer by a worker that is down
#define RETRY_STOP_MS  200
#define RETRY_DRAIN_MS 2000

void hz_process_clock(struct hz_process *process)
{
	hz_brain_clock(process->brain, hz_now_us(), hz_wall_us());
}

// NULL: it has none, or there is none of this kind.
static struct hz_pipe_link *pipe_of(struct hz_brain *brain, unsigned kind)
{
	switch (kind) {
	case HZ_END_MIX:
		return hz_mix_link_pipe(brain->mix);
	case HZ_END_MOSAIC:
		return hz_picture_link_pipe(brain->picture);
	case HZ_END_EASEL:
		return hz_easel_link_pipe(brain->easel);
	case HZ_END_HLS:
		return hz_hls_link_pipe(brain->hls);
	case HZ_END_INGEST:
		return &brain->theatre->pipe;
	case HZ_END_PUSH:
		return &brain->targets->pipe;
	default:
		return NULL;
	}
}

static void turn(void *ctx)
{
	struct hz_process *process = ctx;
	hz_process_clock(process);
	int64_t next = hz_brain_turn(process->brain);
	for (unsigned i = 0; i < process->brain->workers; i++) {
		if (process->link[i].handle && hz_media_link_blocked(process->brain->worker[i].link))
			hz_server_want_write(process->link[i].handle, true);
	}
	if (process->recorder && hz_record_link_blocked(process->brain->recorder))
		hz_server_want_write(process->recorder, true);
	for (unsigned i = 0; i < HZ_ENDS; i++) {
		const struct hz_pipe_link *pipe = pipe_of(process->brain, i);
		if (process->end[i].handle && pipe && pipe->blocked)
			hz_server_want_write(process->end[i].handle, true);
	}
	if (next != INT64_MAX)
		hz_server_timer_arm(process->push, next - process->brain->now_us);
}

void hz_process_wake(struct hz_process *process)
{
	if (hz_server_defer(process->server, turn, process))
		turn(process); // the queue of deferred work is full: now, then
}

static void tell_supervisor(struct hz_process *process, uint32_t type, uint32_t value)
{
	const struct hz_child_msg msg = {.type = type, .value = value};
	int err = hz_seqpacket_send(process->fds->supervisor, &msg, sizeof(msg));
	if (err && err != -EAGAIN)
		hz_warn("supervisor.send", "type=%u err=%d", type, -err);
}

static bool workers_ready(const struct hz_process *process)
{
	for (unsigned i = 0; i < process->brain->workers; i++) {
		if (!hz_media_link_ready(process->brain->worker[i].link))
			return false;
	}
	return true;
}

bool hz_process_ready(struct hz_process *process, const char **ret_why)
{
	struct hz_brain *brain = process->brain;
	if (brain->now_us - process->probed_us > PROBE_US || process->store_err) {
		hz_persist_flush(brain); // not inside a transaction
		process->store_err = hz_store_probe(brain->store);
		process->probed_us = brain->now_us;
	}
	*ret_why = !workers_ready(process) ? "media worker\n" : "store\n";
	return workers_ready(process) && !process->store_err && !brain->store_sick;
}

static void maybe_ready(struct hz_process *process)
{
	bool late = process->brain->now_us - process->started_us > READY_AFTER_US;
	if (process->ready_sent || (!late && !workers_ready(process)))
		return;
	process->ready_sent = true;
	tell_supervisor(process, HZ_CHILD_READY, 0);
	hz_info("control.ready", "workers=%u late=%d", process->brain->workers, late);
}

static void stop(struct hz_process *process, unsigned retry_ms)
{
	if (process->stopping)
		return;
	process->stopping = true;
	hz_push_closing(process->brain, retry_ms);
	hz_persist_flush(process->brain);
	hz_server_stop(process->server, HZ_WS_GOING_AWAY, "restarting");
}

// --- timers

// What people who left have left behind is free inside the process only: when there is more of it, it goes back.
static void trim(struct hz_process *process)
{
	size_t idle_bytes = mallinfo2().fordblks;
	process->trimmed_us = process->brain->now_us;
	if (idle_bytes > process->idle_bytes + TRIM_BYTES) {
		if (process->brain->store)
			hz_store_release(process->brain->store);
		malloc_trim(0);
		process->idle_bytes = idle_bytes; // counted on: given back in the middle of the heap
	} else if (idle_bytes < process->idle_bytes) {
		process->idle_bytes = idle_bytes; // in use again
	}
}

static void on_tick(void *ctx)
{
	struct hz_process *process = ctx;
	hz_process_clock(process);
	hz_brain_tick(process->brain);
	hz_whip_sweep(process->brain);
	if (process->brain->now_us - process->swept_us > SWEEP_US) {
		process->swept_us = process->brain->now_us;
		hz_persist_flush(process->brain);
		hz_brain_sweep(process->brain);
	}
	if (process->brain->now_us - process->trimmed_us > TRIM_US)
		trim(process);
	maybe_ready(process);
	if (process->brain->draining && hz_consults_busy(process->brain) == 0)
		stop(process, RETRY_DRAIN_MS);
	hz_process_wake(process);
	hz_server_timer_arm(process->tick, TICK_US);
}

static void on_status(void *ctx)
{
	struct hz_process *process = ctx;
	tell_supervisor(process, HZ_CHILD_STATUS, hz_consults_busy(process->brain));
	hz_server_timer_arm(process->status, STATUS_US);
}

// --- workers

static void on_worker_readable(void *ctx, int fd)
{
	struct hz_process_link *link = ctx;
	struct hz_process *process = link->process;
	(void)fd;
	hz_process_clock(process);
	int err = hz_media_link_read(process->brain->worker[link->worker].link);
	if (err) {
		// The supervisor holds both ends: only its own end closes this socket.
		hz_error("worker.socket", "worker=%u err=%d", link->worker, -err);
		hz_server_remove_fd(link->handle);
		link->handle = NULL;
	}
	maybe_ready(process);
	hz_process_wake(process);
}

static void on_worker_writable(void *ctx, int fd)
{
	struct hz_process_link *link = ctx;
	struct hz_media_link *media = link->process->brain->worker[link->worker].link;
	(void)fd;
	hz_media_link_flush(media);
	hz_server_want_write(link->handle, hz_media_link_blocked(media));
}

// --- the recorder

static void on_recorder_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_record_link_read(process->brain->recorder);
	if (err) { // the supervisor holds both ends: only its own end closes this socket
		hz_error("recorder.socket", "err=%d", -err);
		hz_server_remove_fd(process->recorder);
		process->recorder = NULL;
	}
	hz_process_wake(process);
}

static void on_recorder_writable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_record_link_flush(process->brain->recorder);
	hz_server_want_write(process->recorder, hz_record_link_blocked(process->brain->recorder));
}

// --- pipe processes

static int read_of(struct hz_brain *brain, unsigned kind)
{
	switch (kind) {
	case HZ_END_MIX:
		return hz_mix_link_read(brain->mix);
	case HZ_END_MOSAIC:
		return hz_picture_link_read(brain->picture);
	case HZ_END_EASEL:
		return hz_easel_link_read(brain->easel);
	case HZ_END_HLS:
		return hz_hls_link_read(brain->hls, brain->now_us);
	case HZ_END_INGEST:
		return hz_theatre_read(brain);
	case HZ_END_PUSH:
		return hz_targets_read(brain);
	case HZ_END_IMAGES:
		return hz_images_read(brain->images);
	case HZ_END_STUDIES:
		return hz_studies_read(brain->studies);
	default:
		return hz_receive_read(brain->receive);
	}
}

static void on_end_readable(void *ctx, int fd)
{
	static const char *const lost[HZ_ENDS] = {"mix.socket",    "mosaic.socket",  "easel.socket",
	                                          "hls.socket",    "ingest.socket",  "push.socket",
	                                          "images.socket", "studies.socket", "receive.socket"};
	struct hz_process_end *end = ctx;
	struct hz_process *process = end->process;
	unsigned kind = (unsigned)(end - process->end);
	hz_process_clock(process);
	int err = read_of(process->brain, kind);
	if (err) { // the supervisor holds both ends: only its own end closes this socket
		hz_error(lost[kind], "err=%d", -err);
		hz_server_remove_fd(end->handle);
		end->handle = NULL;
	}
	if (pipe_of(process->brain, kind))
		hz_process_wake(process);
}

static void on_end_writable(void *ctx, int fd)
{
	struct hz_process_end *end = ctx;
	struct hz_pipe_link *pipe = pipe_of(end->process->brain, (unsigned)(end - end->process->end));
	hz_pipe_link_flush(pipe);
	hz_server_want_write(end->handle, pipe->blocked);
}

// -1: there is none.
static int fd_of(const struct hz_process *process, unsigned kind)
{
	struct hz_brain *brain = process->brain;
	const struct hz_pipe_link *pipe = pipe_of(brain, kind);
	switch (kind) {
	case HZ_END_IMAGES:
		return brain->images ? process->fds->pipe[HZ_PIPE_IMAGING] : -1;
	case HZ_END_STUDIES:
		return brain->studies ? process->fds->pipe[HZ_PIPE_STUDIES] : -1;
	case HZ_END_RECEIVE:
		return brain->receive ? process->fds->pipe[HZ_PIPE_RECEIVE] : -1;
	default:
		return pipe ? pipe->fd : -1;
	}
}

static int add_ends(struct hz_process *process)
{
	int err = 0;
	for (unsigned i = 0; i < HZ_ENDS && !err; i++) {
		struct hz_process_end *end = &process->end[i];
		int fd = fd_of(process, i);
		end->process = process;
		if (fd >= 0)
			err = hz_server_add_fd(process->server, fd, on_end_readable,
			                       pipe_of(process->brain, i) ? on_end_writable : NULL, end,
			                       &end->handle);
	}
	return err;
}

// --- the supervisor

static void say_kept(const char *section, const char *name)
{
	hz_warn("config.reload", "key=%s.%s kept=old", section, name);
}

static void reload(struct hz_process *process)
{
	char error[HZ_CONFIG_ERROR_BYTES] = "";
	struct hz_config *fresh = NULL, *old = process->config;
	int err = hz_config_load(old->path, error, &fresh);
	if (err) {
		hz_error("config.reload", "err=%d", -err);
		return;
	}
	process->config = fresh;
	err = hz_process_configure(process, error);
	if (err) {
		hz_error("config.reload", "err=%d", -err);
		process->config = old;
		hz_config_free(fresh);
		return;
	}
	if (process->reloaded)
		hz_config_free(old);
	process->reloaded = true;
	hz_config_restarts(process->started, fresh, say_kept);
	if (process->fds->https >= 0 &&
	    hz_server_reload_tls(process->server, fresh->https.certificate, fresh->https.key))
		hz_warn("config.reload", "what=certificate kept=old");
	if (hz_server_set_origins(process->server, process->origins))
		hz_warn("config.reload", "what=origins kept=old");
	hz_info("config.reloaded", "keys=%u", fresh->tokens.keys_count);
}

static void drain(struct hz_process *process)
{
	if (process->brain->draining)
		return;
	process->brain->draining = true;
	hz_info("control.drain", "consults=%u", hz_consults_busy(process->brain));
	hz_push_closing(process->brain, RETRY_DRAIN_MS);
}

static void on_supervisor(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	struct hz_child_msg msg;
	size_t bytes = 0;
	hz_process_clock(process);
	int err = hz_seqpacket_recv(fd, &msg, sizeof(msg), &bytes);
	if (err == -EAGAIN)
		return;
	if (err) { // nobody restarts us any more: end in good order
		hz_server_remove_fd(process->supervisor);
		process->supervisor = NULL;
		stop(process, RETRY_STOP_MS);
		return;
	}
	if (bytes != sizeof(msg))
		return;
	if (msg.type == HZ_CHILD_STOP)
		stop(process, RETRY_STOP_MS);
	else if (msg.type == HZ_CHILD_DRAIN)
		drain(process);
	else if (msg.type == HZ_CHILD_RELOAD)
		reload(process);
	hz_process_wake(process);
}

// --- start and stop

int hz_process_start_loop(struct hz_process *process)
{
	struct hz_server *server = process->server;
	int err = hz_server_timer_new(server, on_tick, process, &process->tick);
	if (!err)
		err = hz_server_timer_new(server, turn, process, &process->push);
	if (!err)
		err = hz_server_timer_new(server, on_status, process, &process->status);
	if (!err)
		err = hz_server_add_fd(server, process->fds->supervisor, on_supervisor, NULL, process,
		                       &process->supervisor);
	if (!err && process->brain->recorder)
		err = hz_server_add_fd(server, process->fds->recorder, on_recorder_readable,
		                       on_recorder_writable, process, &process->recorder);
	if (!err)
		err = add_ends(process);
	for (unsigned i = 0; i < process->brain->workers && !err; i++) {
		process->link[i] = (struct hz_process_link){.process = process, .worker = i};
		err = hz_server_add_fd(server, process->fds->api[i], on_worker_readable, on_worker_writable,
		                       &process->link[i], &process->link[i].handle);
	}
	if (err)
		return err;
	process->started_us = hz_now_us();
	process->swept_us = process->started_us;
	hz_server_timer_arm(process->tick, 0);
	hz_server_timer_arm(process->status, STATUS_US);
	hz_process_wake(process);
	return 0;
}

void hz_process_stop_loop(struct hz_process *process)
{
	hz_server_undefer(process->server, turn, process);
	hz_server_timer_free(process->tick);
	hz_server_timer_free(process->push);
	hz_server_timer_free(process->status);
	hz_server_remove_fd(process->supervisor);
	hz_server_remove_fd(process->recorder);
	for (unsigned i = 0; i < HZ_ENDS; i++)
		hz_server_remove_fd(process->end[i].handle);
	for (unsigned i = 0; i < process->brain->workers; i++)
		hz_server_remove_fd(process->link[i].handle);
}

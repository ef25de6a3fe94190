// What runs beside HTTP in the control process: the workers' sockets, the supervisor's, and three timers.
#include <errno.h>
#include <malloc.h>
#include <stddef.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "gateway/child.h"
#include "gateway/session/easel.h"
#include "gateway/session/brain.h"
#include "gateway/session/consult.h"
#include "gateway/session/images.h"
#include "gateway/session/receive.h"
#include "gateway/session/studies.h"
#include "gateway/session/hls.h"
#include "gateway/session/media_link.h"
#include "gateway/session/mix.h"
#include "gateway/session/persist.h"
#include "gateway/session/picture.h"
#include "gateway/session/process.h"
#include "gateway/session/push.h"
#include "gateway/session/record.h"
#include "gateway/session/targets.h"
#include "gateway/session/theatre.h"
#include "gateway/session/whip_ops.h"

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
	if (process->mix && process->brain->mix_blocked)
		hz_server_want_write(process->mix, true);
	if (process->hls && process->brain->hls_blocked)
		hz_server_want_write(process->hls, true);
	if (process->ingest && process->brain->theatre->pipe.blocked)
		hz_server_want_write(process->ingest, true);
	if (process->targets && process->brain->targets->pipe.blocked)
		hz_server_want_write(process->targets, true);
	if (process->easel && process->brain->easel_blocked)
		hz_server_want_write(process->easel, true);
	if (process->mosaic && process->brain->picture_blocked)
		hz_server_want_write(process->mosaic, true);
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

// --- the mix

static void on_mix_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_mix_link_read(process->brain->mix);
	if (err) { // the supervisor holds both ends: only its own end closes this socket
		hz_error("mix.socket", "err=%d", -err);
		hz_server_remove_fd(process->mix);
		process->mix = NULL;
	}
	hz_process_wake(process);
}

static void on_mix_writable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	process->brain->mix_blocked = hz_mix_link_flush(process->brain->mix);
	hz_server_want_write(process->mix, process->brain->mix_blocked);
}

// --- the mosaic

static void on_mosaic_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_picture_link_read(process->brain->picture);
	if (err) { // the supervisor holds both ends: only its own end closes this socket
		hz_error("mosaic.socket", "err=%d", -err);
		hz_server_remove_fd(process->mosaic);
		process->mosaic = NULL;
	}
	hz_process_wake(process);
}

static void on_mosaic_writable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	process->brain->picture_blocked = hz_picture_link_flush(process->brain->picture);
	hz_server_want_write(process->mosaic, process->brain->picture_blocked);
}

// --- the images as a picture

static void on_easel_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_easel_link_read(process->brain->easel);
	if (err) { // as the mix
		hz_error("easel.socket", "err=%d", -err);
		hz_server_remove_fd(process->easel);
		process->easel = NULL;
	}
	hz_process_wake(process);
}

static void on_easel_writable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	process->brain->easel_blocked = hz_easel_link_flush(process->brain->easel);
	hz_server_want_write(process->easel, process->brain->easel_blocked);
}

// --- images

static void on_images_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_images_read(process->brain->images);
	if (err) { // as the mix
		hz_error("images.socket", "err=%d", -err);
		hz_server_remove_fd(process->images);
		process->images = NULL;
	}
}

static void on_studies_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_studies_read(process->brain->studies);
	if (err) {
		hz_error("studies.socket", "err=%d", -err);
		hz_server_remove_fd(process->studies);
		process->studies = NULL;
	}
}

static void on_receive_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_receive_read(process->brain->receive);
	if (err) {
		hz_error("receive.socket", "err=%d", -err);
		hz_server_remove_fd(process->receive);
		process->receive = NULL;
	}
}

// --- the delayed leg of broadcasts

static void on_hls_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_hls_link_read(process->brain->hls, process->brain->now_us);
	if (err) { // the supervisor holds both ends: only its own end closes this socket
		hz_error("hls.socket", "err=%d", -err);
		hz_server_remove_fd(process->hls);
		process->hls = NULL;
	}
	hz_process_wake(process);
}

static void on_hls_writable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	process->brain->hls_blocked = hz_hls_link_flush(process->brain->hls);
	hz_server_want_write(process->hls, process->brain->hls_blocked);
}

// --- theatre sources

static void on_ingest_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_theatre_read(process->brain);
	if (err) { // the supervisor holds both ends: only its own end closes this socket
		hz_error("ingest.socket", "err=%d", -err);
		hz_server_remove_fd(process->ingest);
		process->ingest = NULL;
	}
	hz_process_wake(process);
}

static void on_ingest_writable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_theatre_flush(process->brain);
	hz_server_want_write(process->ingest, process->brain->theatre->pipe.blocked);
}

// --- where broadcasts are sent on to

static void on_targets_readable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_process_clock(process);
	int err = hz_targets_read(process->brain);
	if (err) { // the supervisor holds both ends: only its own end closes this socket
		hz_error("push.socket", "err=%d", -err);
		hz_server_remove_fd(process->targets);
		process->targets = NULL;
	}
	hz_process_wake(process);
}

static void on_targets_writable(void *ctx, int fd)
{
	struct hz_process *process = ctx;
	(void)fd;
	hz_targets_flush(process->brain);
	hz_server_want_write(process->targets, process->brain->targets->pipe.blocked);
}

// --- the supervisor

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
	if (process->fds->https >= 0 && hz_server_reload_tls(process->server))
		hz_warn("config.reload", "what=certificate kept=old");
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
	if (!err && process->brain->mix)
		err = hz_server_add_fd(server, process->fds->mix, on_mix_readable, on_mix_writable, process,
		                       &process->mix);
	if (!err && process->brain->picture)
		err = hz_server_add_fd(server, process->fds->pipe[HZ_PIPE_MOSAIC], on_mosaic_readable,
		                       on_mosaic_writable, process, &process->mosaic);
	if (!err && process->brain->images)
		err = hz_server_add_fd(server, process->fds->pipe[HZ_PIPE_IMAGING], on_images_readable, NULL,
		                       process, &process->images);
	if (!err && process->brain->easel)
		err = hz_server_add_fd(server, process->fds->pipe[HZ_PIPE_LIVE], on_easel_readable,
		                       on_easel_writable, process, &process->easel);
	if (!err && process->brain->studies)
		err = hz_server_add_fd(server, process->fds->pipe[HZ_PIPE_STUDIES], on_studies_readable, NULL,
		                       process, &process->studies);
	if (!err && process->brain->receive)
		err = hz_server_add_fd(server, process->fds->pipe[HZ_PIPE_RECEIVE], on_receive_readable, NULL,
		                       process, &process->receive);
	if (!err && process->brain->hls)
		err = hz_server_add_fd(server, process->fds->pipe[HZ_PIPE_HLS], on_hls_readable,
		                       on_hls_writable, process, &process->hls);
	if (!err && process->brain->theatre->pipe.fd >= 0)
		err = hz_server_add_fd(server, process->brain->theatre->pipe.fd, on_ingest_readable,
		                       on_ingest_writable, process, &process->ingest);
	if (!err && process->brain->targets->pipe.fd >= 0)
		err = hz_server_add_fd(server, process->brain->targets->pipe.fd, on_targets_readable,
		                       on_targets_writable, process, &process->targets);
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
	hz_server_remove_fd(process->mix);
	hz_server_remove_fd(process->mosaic);
	hz_server_remove_fd(process->easel);
	hz_server_remove_fd(process->ingest);
	hz_server_remove_fd(process->targets);
	hz_server_remove_fd(process->hls);
	hz_server_remove_fd(process->images);
	hz_server_remove_fd(process->studies);
	hz_server_remove_fd(process->receive);
	for (unsigned i = 0; i < process->brain->workers; i++)
		hz_server_remove_fd(process->link[i].handle);
}

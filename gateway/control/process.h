// The control process as one structure: the brain, and what ties it to sockets, timers, workers and the supervisor.
// Inside gateway/control: control.c starts and ends it, loop.c runs it, web.c answers HTTP. Thread: one.
#ifndef HZ_GATEWAY_CONTROL_PROCESS_H
#define HZ_GATEWAY_CONTROL_PROCESS_H

#include "gateway/control/control.h"
#include "gateway/session/model.h"
#include "gateway/http/rest.h"
#include "gateway/http/whip_ops.h"
#include "signaling/server/server.h"
#include "signaling/server/static.h"

struct hz_process;

struct hz_process_link { // one worker's descriptor in the loop
	struct hz_process *process;
	unsigned worker;
	struct hz_server_fd *handle;
};

// Pipe processes whose sockets are in the loop; the last three have no pipe_link.h.
enum hz_process_end_kind {
	HZ_END_MIX,
	HZ_END_MOSAIC,
	HZ_END_EASEL,
	HZ_END_HLS,
	HZ_END_INGEST,
	HZ_END_PUSH,
	HZ_END_IMAGES,
	HZ_END_STUDIES,
	HZ_END_RECEIVE,
	HZ_ENDS,
};

struct hz_process_end {
	struct hz_process *process;
	struct hz_server_fd *handle; // NULL: there is none, or it is gone
};

struct hz_process {
	const struct hz_control_fds *fds;
	struct hz_config *config; // the newest; owned when `reloaded`
	bool reloaded;
	const struct hz_config *started; // with this one; the caller's
	uint16_t https_port;             // since the start; 0: off
	bool tcp;                        // media.tcp at the start
	struct hz_brain *brain;
	struct hz_server *server;
	struct hz_static *pages; // NULL: not built
	struct hz_static *old_pages;
	int64_t pages_us;
	struct hz_rest rest;
	const char *origins[2]; // of WebSockets, NULL-terminated: rest.public_url, where there is one
	struct hz_whip_door door;
	struct hz_process_link link[HZ_MAX_WORKERS];
	struct hz_server_fd *supervisor, *recorder;
	struct hz_process_end end[HZ_ENDS];
	struct hz_server_timer *tick, *push, *status;
	int64_t started_us, swept_us, probed_us, trimmed_us;
	size_t idle_bytes; // of the heap: free, and known to the newest trim()
	int store_err;     // of the newest probe
	bool ready_sent, stopping;
};

// Where a large body goes: hz_server_ops.
int hz_process_on_upload(void *ctx, const struct hz_request *req, uint64_t bytes, uint64_t *ret_owner);
// The end of this loop turn is a turn of the brain.
void hz_process_wake(struct hz_process *process);
// Both clocks of the brain.
void hz_process_clock(struct hz_process *process);
// Workers have confirmed everything and the store takes writes. ret_why: a word for /readyz.
bool hz_process_ready(struct hz_process *process, const char **ret_why);

// loop.c: descriptors, timers, supervisor messages.
int hz_process_start_loop(struct hz_process *process);
void hz_process_stop_loop(struct hz_process *process);

// web.c: for hz_server_ops; ctx is the process.
void hz_process_on_request(void *ctx, const struct hz_request *req, struct hz_response *res);
void hz_process_on_ws_open(void *ctx, struct hz_ws *ws, const struct hz_request *req);
void hz_process_on_ws_text(void *ctx, struct hz_ws *ws, const char *text, size_t bytes);
void hz_process_on_ws_close(void *ctx, struct hz_ws *ws, int code);
int hz_process_on_ice_tcp(void *ctx, const struct hz_ice_tcp *conn);
extern const struct hz_brain_ops hz_process_brain_ops;

// control.c: what can be changed while it runs, from process->config. error: one line.
int hz_process_configure(struct hz_process *process, char error[HZ_CONFIG_ERROR_BYTES]);

#endif

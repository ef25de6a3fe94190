// What outlives every child and is handed over at a takeover: sockets, shared memory, the lock of the data folder.
#ifndef HZ_GATEWAY_SUPERVISOR_SHARED_H
#define HZ_GATEWAY_SUPERVISOR_SHARED_H

#include <stddef.h>

#include "gateway/child.h"
#include "gateway/config.h"

#define HZ_SHARED_ERROR_BYTES 256

enum hz_shared_kind {       // on the wire of a takeover: what is new goes to the end
	HZ_SHARED_LOCK = 1, // data.dir/run/lock, held with flock(2): one gateway a folder
	HZ_SHARED_LISTENER, // data.dir/run/supervisor.sock: where a takeover knocks
	HZ_SHARED_IDENTITY, // media/transport/identity.h
	HZ_SHARED_HTTP,
	HZ_SHARED_HTTPS,
	HZ_SHARED_RINGS, // between the workers and the mix
	HZ_SHARED_TAPS,  // from the workers to the recorder
	HZ_SHARED_REC_RECORDER,
	HZ_SHARED_REC_CONTROL,
	HZ_SHARED_ARENA, // one a worker
	HZ_SHARED_UDP,
	HZ_SHARED_API_WORKER,
	HZ_SHARED_API_CONTROL,
	HZ_SHARED_SHELF_IN,
	HZ_SHARED_SHELF_OUT,
	HZ_SHARED_WAKE,    // the last of one a worker
	HZ_SHARED_MIX_MIX, // an older gateway has none of these
	HZ_SHARED_MIX_CONTROL,
	HZ_SHARED_MIX_WAKE,
	HZ_SHARED_PIPE_PIPE, // one a pipe; an older gateway has none of these, or not of every pipe
	HZ_SHARED_PIPE_CONTROL,
	HZ_SHARED_PIPE_RINGS,
	HZ_SHARED_PIPE_WAKE,
	HZ_SHARED_KINDS,
};

struct hz_shared {
	unsigned workers;
	int lock, listener, identity;
	int http, https;               // -1: off
	int rings;                     // HZ_FD_WORKER_RINGS
	int taps;                      // HZ_FD_RECORDER_TAPS
	int rec_recorder, rec_control; // both ends of the pair between recorder and control
	int mix_mix, mix_control;      // both ends of the pair between mix and control
	int mix_wake;                  // the mix's HZ_FD_WORKER_WAKE
	struct hz_shared_pipe {
		int pipe, control; // both ends of the pair between the pipe and control
		int rings, wake;   // HZ_FD_WORKER_PIPE
	} pipe[HZ_PIPES];
	struct hz_shared_worker {
		int arena, udp;
		int api_worker,
		    api_control; // both ends of the pair, so that messages survive either side's restart
		int shelf_in, shelf_out; // HZ_FD_WORKER_SHELF_IN
		int wake;                // HZ_FD_WORKER_WAKE
	} worker[HZ_MAX_WORKERS];
};

void hz_shared_init(struct hz_shared *shared); // everything -1
void hz_shared_close(struct hz_shared *shared);

// Makes the data folder (0700), takes its lock, opens everything. 0; -errno with one line in ret_error; -EBUSY when
// another gateway has the folder. On failure nothing stays open.
int hz_shared_open(const struct hz_config *config, size_t arena_bytes, char ret_error[HZ_SHARED_ERROR_BYTES],
                   struct hz_shared *ret);

// The place of one descriptor, NULL for a kind or index that does not exist.
int *hz_shared_fd(struct hz_shared *shared, unsigned kind, unsigned index);

// After a takeover from a gateway that knew of no mix: makes what it did not hand over, and the rings anew, in which the mix has a
// place; what was in the old ones is lost, as in a worker's restart. Otherwise nothing. 0; -EPROTO: part of it was handed over;
// -errno; ret_error as above.
int hz_shared_add_mix(struct hz_shared *shared, char ret_error[HZ_SHARED_ERROR_BYTES]);

// Makes, for each pipe, what there is not: at the start all of it, after a takeover what the one before did not know. 0; -EPROTO: part
// of a pipe's was handed over; -errno; ret_error as above.
int hz_shared_add_pipes(struct hz_shared *shared, char ret_error[HZ_SHARED_ERROR_BYTES]);

// Writes our pid into the lock file, for the error message of the next one.
void hz_shared_sign_lock(const struct hz_shared *shared);

// Connects to the gateway that has this data folder. -ENOENT, -ECONNREFUSED: there is none.
int hz_shared_connect(const struct hz_config *config, int *ret_fd);

// Makes the self-signed HTTPS certificate when none is configured and none is there yet or it ends within 30 days.
int hz_shared_certificate(const struct hz_config *config, char ret_error[HZ_SHARED_ERROR_BYTES]);

#endif

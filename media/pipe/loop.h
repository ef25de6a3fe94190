// The loop of a pipe, a process of one task (mix, mosaic, HLS, images): control's messages in and their ACKs out, records in from each
// worker's ring and out into it, a status twice a second, a clock that ends the process when a turn hangs (gateway/base/hang.h; its parent
// starts it again). What the task is, it is told by callbacks, all from within hz_pipe_loop_run(). Thread: its one.
//
// Bounds: 64 messages and `records` of each worker a turn; an answer that finds the socket full is kept, and no message is read until it
// is sent; a ring that is full loses the record, counted in it; what a ring lost or made no sense is logged. Nobody is waited for but
// control, the wake and the tick.
#ifndef HZ_MEDIA_PIPE_LOOP_H
#define HZ_MEDIA_PIPE_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/ring.h"
#include "gateway/base/sandbox.h"
#include "media/api.h"

#define HZ_PIPE_WORKERS      64u
#define HZ_PIPE_MESSAGE_MOST 4096u

struct hz_pipe_fds {      // the caller's
	int api;          // SOCK_SEQPACKET, control's other end
	int rings;        // memfd (gateway/base/ring_grid.h)
	const int *wake;  // an eventfd for each worker, and its own behind them
	unsigned workers; // 1 to HZ_PIPE_WORKERS
};

struct hz_pipe_command {
	const void *message; // as it came, of at least a header; valid during the call
	size_t bytes;
	int fd; // that came along, the callback's to close; -1: none
	int64_t now_us;
};

struct hz_pipe_ops {
	const char *name;    // "mix": of its log records
	bool grid;           // the rings are those of all workers, and it is the last of them; else its own
	bool descriptors;    // one may come with a message; else they are closed
	uint16_t version;    // of its messages
	uint16_t hello, ack; // their types; ack 0: messages are not answered
	unsigned message_bytes; // of the largest, at most HZ_PIPE_MESSAGE_MOST; a larger one is left out
	unsigned records;       // of each worker in a turn
	int64_t reading_us;     // of all workers in a turn, where a record takes its time; 0: they do not

	// A copy of what a worker wrote, valid during the call.
	void (*record)(void *ctx, unsigned worker, const struct hz_ring_record *record, const uint8_t *data,
	               size_t bytes, int64_t now_us);
	// 0, or what the ACK says; *ret_id: whom the message names, 0 before the call.
	int (*command)(void *ctx, const struct hz_pipe_command *command, uint32_t *ret_id);
	int64_t (*tick)(void *ctx, int64_t now_us); // each turn; returns when to call again at the latest
	void (*status)(void *ctx);                  // says it
};

struct hz_pipe_loop;

// Maps the rings. ops: stays. -EINVAL (as well where the memfd is too small), -ENOMEM, another one of the kernel's.
int hz_pipe_loop_new(const struct hz_pipe_ops *ops, void *ctx, const struct hz_pipe_fds *fds,
                     struct hz_pipe_loop **ret);
void hz_pipe_loop_free(struct hz_pipe_loop *loop); // NULL allowed

// From here on it is in a sandbox: memory_bytes beside the rings, `loop` as it must be.
int hz_pipe_loop_enter(const struct hz_pipe_loop *loop, const struct hz_sandbox *sandbox);
int hz_pipe_loop_hello(const struct hz_pipe_loop *loop); // as hz_pipe_loop_say()

// Until control's end is closed: 0. -errno: it cannot wait.
int hz_pipe_loop_run(struct hz_pipe_loop *loop);

// These three, one after the other: for a task that needs nothing more from outside before it begins.
int hz_pipe_loop_serve(struct hz_pipe_loop *loop, const struct hz_sandbox *sandbox);

// Fills in the rest of the header. 0; -EAGAIN: control's queue is full, it is not said; -EPIPE.
int hz_pipe_loop_say(const struct hz_pipe_loop *loop, struct hz_msg_header *h, unsigned type, size_t bytes);
// Of a message that came before the loop runs.
void hz_pipe_loop_answer(struct hz_pipe_loop *loop, const struct hz_msg_header *h, uint32_t id, int err);
void hz_pipe_loop_tell(struct hz_pipe_loop *loop); // a status now, the next one half a second later

// A record for a worker, who is woken at the end of the turn, for RTCP at once: when it comes is what a sender report says. Full: it is lost, counted by the ring.
void hz_pipe_loop_send(struct hz_pipe_loop *loop, unsigned worker, uint32_t consult, unsigned kind,
                       const uint8_t *data, size_t bytes);

#endif

#include "media/pipe/loop.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/hang.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring_grid.h"
#include "gateway/base/seqpacket.h"

#define COMMANDS_PER_TURN 64
#define STATUS_US         500000

struct hz_pipe_loop {
	const struct hz_pipe_ops *ops;
	void *ctx;
	struct hz_pipe_fds fds;
	void *memory;
	size_t bytes;
	struct hz_ring in[HZ_PIPE_WORKERS], out[HZ_PIPE_WORKERS];
	bool written[HZ_PIPE_WORKERS];
	int64_t now_us, status_us;
	uint64_t lost;
	struct hz_ev_ack ack; // that found the socket full: nothing is read until it is sent
	bool holding;
};

struct hello { // every pipe's
	struct hz_msg_header h;
	uint32_t pid;
	uint32_t reserved;
};

static const char *event(const struct hz_pipe_loop *l, const char *what, char ret[32])
{
	snprintf(ret, 32, "%s.%s", l->ops->name, what);
	return ret;
}

// --- media

static void wake_worker(struct hz_pipe_loop *l, unsigned worker)
{
	char name[32];
	if (l->written[worker] && eventfd_write(l->fds.wake[worker], 1) && errno != EAGAIN)
		hz_error(event(l, "wake", name), "worker=%u err=%d", worker, errno);
	l->written[worker] = false;
}

void hz_pipe_loop_send(struct hz_pipe_loop *l, unsigned worker, uint32_t consult, unsigned kind,
                       const uint8_t *data, size_t bytes)
{
	const struct hz_ring_record record = {
	    .kind = (uint16_t)kind, .source = consult, .arrival_us = l->now_us};
	(void)hz_ring_put(&l->out[worker], &record, data, bytes); // full: the ring counts it
	l->written[worker] = true;
	if (kind == HZ_RING_RTCP)
		wake_worker(l, worker);
}

// True: there may be more.
static bool read_worker(struct hz_pipe_loop *l, unsigned worker)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	int64_t share_us = l->ops->reading_us / l->fds.workers;
	int64_t until_us = share_us ? hz_now_us() + share_us : 0;
	bool more = false;
	for (unsigned n = 1; !more && hz_ring_take(&l->in[worker], &record, buf, &bytes) == 1; n++) {
		l->ops->record(l->ctx, worker, &record, buf, bytes, l->now_us);
		more = n == l->ops->records || (share_us && hz_now_us() >= until_us);
	}
	l->lost += hz_ring_lost(&l->in[worker]);
	return more;
}

static bool read_rings(struct hz_pipe_loop *l)
{
	eventfd_t woken;
	bool more = false;
	(void)eventfd_read(l->fds.wake[l->fds.workers], &woken);
	for (unsigned i = 0; i < l->fds.workers; i++)
		more |= read_worker(l, i);
	if (l->ops->reading_us)
		l->now_us = hz_now_us();
	return more;
}

static void wake_workers(struct hz_pipe_loop *l)
{
	for (unsigned i = 0; i < l->fds.workers; i++)
		wake_worker(l, i);
}

// --- control

int hz_pipe_loop_say(const struct hz_pipe_loop *l, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	h->version = l->ops->version;
	h->type = (uint16_t)type;
	h->bytes = (uint32_t)bytes;
	return hz_seqpacket_send(l->fds.api, h, bytes);
}

int hz_pipe_loop_hello(const struct hz_pipe_loop *l)
{
	struct hello hello = {.pid = (uint32_t)getpid()};
	return hz_pipe_loop_say(l, &hello.h, l->ops->hello, sizeof(hello));
}

static void say_ack(struct hz_pipe_loop *l)
{
	l->holding = hz_pipe_loop_say(l, &l->ack.h, l->ops->ack, sizeof(l->ack)) == -EAGAIN;
}

void hz_pipe_loop_answer(struct hz_pipe_loop *l, const struct hz_msg_header *h, uint32_t id, int err)
{
	if (!l->ops->ack)
		return;
	l->ack = (struct hz_ev_ack){.h = {.seq = h->seq}, .id = id, .err = err};
	say_ack(l);
}

static void take_command(struct hz_pipe_loop *l, const struct hz_pipe_command *command)
{
	uint32_t id = 0;
	if (command->bytes < sizeof(struct hz_msg_header)) {
		if (command->fd >= 0)
			close(command->fd);
		return;
	}
	int err = l->ops->command(l->ctx, command, &id);
	hz_pipe_loop_answer(l, command->message, id, err);
}

// 0; -EPIPE: control is gone.
static int take_commands(struct hz_pipe_loop *l)
{
	_Alignas(8) uint8_t buf[HZ_PIPE_MESSAGE_MOST];
	if (l->holding)
		say_ack(l);
	for (unsigned n = 0; n < COMMANDS_PER_TURN && !l->holding; n++) {
		struct hz_pipe_command command = {.message = buf, .fd = -1, .now_us = l->now_us};
		const struct hz_seqpacket_in in = {.buf = buf,
		                                   .cap = l->ops->message_bytes,
		                                   .fds = &command.fd,
		                                   .fds_cap = l->ops->descriptors};
		unsigned count = 0;
		int err = hz_seqpacket_recv_fds(l->fds.api, &in, &command.bytes, &count);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE || err == -ENOBUFS)
			continue;
		if (err)
			return -EPIPE;
		take_command(l, &command);
	}
	return 0;
}

void hz_pipe_loop_tell(struct hz_pipe_loop *l)
{
	char name[32];
	l->status_us = l->now_us + STATUS_US;
	l->ops->status(l->ctx);
	if (l->lost)
		hz_warn(event(l, "lost", name), "records=%llu", (unsigned long long)l->lost);
	l->lost = 0;
}

// --- the loop

// 0: time has passed, or records are there; -EALREADY: a command is.
static int turn(const struct hz_pipe_loop *l, bool more, int64_t due_us)
{
	struct pollfd fds[] = {{.fd = l->fds.api, .events = l->holding ? POLLOUT : POLLIN},
	                       {.fd = l->fds.wake[l->fds.workers], .events = POLLIN}};
	int64_t until_us = due_us < l->status_us ? due_us : l->status_us, wait_us = until_us - hz_now_us();
	if (more || wait_us < 0)
		wait_us = 0;
	const struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
	if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR)
		return -errno;
	return fds[0].revents ? -EALREADY : 0;
}

int hz_pipe_loop_run(struct hz_pipe_loop *l)
{
	int64_t due_us = 0;
	bool more = true;
	int err = 0;
	while (!err) {
		hz_hang_wind();
		err = turn(l, more, due_us);
		l->now_us = hz_now_us();
		if (err == -EALREADY)
			err = take_commands(l);
		more = read_rings(l);
		due_us = l->ops->tick(l->ctx, l->now_us);
		wake_workers(l);
		if (l->now_us >= l->status_us)
			hz_pipe_loop_tell(l);
	}
	return err == -EPIPE ? 0 : err;
}

// --- begin

static int attach(struct hz_pipe_loop *l)
{
	unsigned workers = l->fds.workers, processes = workers + 1;
	bool grid = l->ops->grid;
	l->bytes = grid ? hz_ring_grid_bytes(processes) : hz_ring_pipe_bytes(workers);
	size_t each = grid ? hz_ring_grid_each(processes) : HZ_RING_PIPE_EACH;
	int err = hz_memfd_map(l->fds.rings, l->bytes, &l->memory);
	if (!err && madvise(l->memory, l->bytes, MADV_DONTDUMP)) // plain media
		err = -errno;
	for (unsigned i = 0; i < workers && !err; i++) {
		uint8_t *out = grid ? hz_ring_grid_place(l->memory, processes, workers, i)
		                    : hz_ring_pipe_place(l->memory, i, false);
		uint8_t *in = grid ? hz_ring_grid_place(l->memory, processes, i, workers)
		                   : hz_ring_pipe_place(l->memory, i, true);
		err = hz_ring_produce(&l->out[i], out, each);
		if (!err)
			err = hz_ring_consume(&l->in[i], in, each);
	}
	return err;
}

int hz_pipe_loop_new(const struct hz_pipe_ops *ops, void *ctx, const struct hz_pipe_fds *fds,
                     struct hz_pipe_loop **ret)
{
	assert(ops->message_bytes <= HZ_PIPE_MESSAGE_MOST && ops->records);
	if (fds->workers < 1 || fds->workers > HZ_PIPE_WORKERS)
		return -EINVAL;
	struct hz_pipe_loop *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->ops = ops;
	l->ctx = ctx;
	l->fds = *fds;
	l->now_us = hz_now_us();
	int err = attach(l);
	if (err)
		hz_pipe_loop_free(l);
	else
		*ret = l;
	return err;
}

void hz_pipe_loop_free(struct hz_pipe_loop *l)
{
	if (!l)
		return;
	hz_memfd_unmap(l->memory, l->bytes);
	free(l);
}

int hz_pipe_loop_enter(const struct hz_pipe_loop *l, const struct hz_sandbox *sandbox)
{
	struct hz_sandbox with = *sandbox;
	with.memory_bytes += l->bytes;
	with.loop = true;
	return hz_sandbox_enter(&with);
}

int hz_pipe_loop_serve(struct hz_pipe_loop *l, const struct hz_sandbox *sandbox)
{
	int err = hz_pipe_loop_enter(l, sandbox);
	if (!err)
		err = hz_pipe_loop_hello(l);
	return err ? err : hz_pipe_loop_run(l);
}

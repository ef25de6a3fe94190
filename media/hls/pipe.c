#include "media/hls/pipe.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/hang.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "gateway/base/ring_grid.h"
#include "gateway/base/sandbox.h"
#include "gateway/base/seqpacket.h"
#include "media/hls/live.h"

#define RECORDS_PER_TURN  512 // of each worker
#define COMMANDS_PER_TURN 64
#define STATUS_US         500000
#define MEMORY_BYTES      (6ull << 30)
#define FILE_BYTES        (64ull << 20) // a segment is smaller

struct pipe {
	struct hz_hls_fds fds;
	void *memory;
	size_t bytes;
	struct hz_ring in[HZ_HLS_WORKERS], out[HZ_HLS_WORKERS];
	bool written[HZ_HLS_WORKERS];
	struct hz_live *live;
	int folder;
	int64_t now_us, status_us;
	uint64_t lost;
	struct hz_ev_ack ack; // that found the socket full: nothing is read until it is sent
	bool holding;
};

// --- media

static void on_rtcp(void *ctx, unsigned worker, uint32_t consult, const uint8_t *data, size_t bytes)
{
	struct pipe *p = ctx;
	const struct hz_ring_record record = {
	    .kind = HZ_RING_RTCP, .source = consult, .arrival_us = p->now_us};
	(void)hz_ring_put(&p->out[worker], &record, data, bytes); // full: asked for again
	p->written[worker] = true;
}

// True: there may be more.
static bool read_worker(struct pipe *p, unsigned worker)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	unsigned n = 0;
	for (; n < RECORDS_PER_TURN && hz_ring_take(&p->in[worker], &record, buf, &bytes) == 1; n++) {
		if (record.kind != HZ_RING_RTP)
			continue;
		// written since the clock was read: now
		int64_t arrival_us = record.arrival_us < p->now_us ? record.arrival_us : p->now_us;
		const struct hz_live_rtp packet = {.worker = worker,
		                                   .consult = record.source,
		                                   .data = buf,
		                                   .bytes = bytes,
		                                   .arrival_us = arrival_us};
		hz_live_rtp(p->live, &packet);
	}
	p->lost += hz_ring_lost(&p->in[worker]);
	return n == RECORDS_PER_TURN;
}

static bool read_rings(struct pipe *p)
{
	eventfd_t woken;
	bool more = false;
	(void)eventfd_read(p->fds.wake[p->fds.workers], &woken);
	for (unsigned i = 0; i < p->fds.workers; i++)
		more |= read_worker(p, i);
	return more;
}

static void wake_workers(struct pipe *p)
{
	for (unsigned i = 0; i < p->fds.workers; i++) {
		if (p->written[i] && eventfd_write(p->fds.wake[i], 1) && errno != EAGAIN)
			hz_error("hls.wake", "worker=%u err=%d", i, errno);
		p->written[i] = false;
	}
}

// --- control

static int say(struct pipe *p, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	h->version = HZ_HLS_API_VERSION;
	h->type = (uint16_t)type;
	h->bytes = (uint32_t)bytes;
	return hz_seqpacket_send(p->fds.api, h, bytes);
}

static void answer(struct pipe *p, const void *message, size_t bytes, int err)
{
	const struct hz_hls_broadcast_del *m = message; // a consult's number is where a SET has it, too
	bool names =
	    bytes >= sizeof(*m) && (m->h.type == HZ_HLS_BROADCAST_SET || m->h.type == HZ_HLS_BROADCAST_DEL);
	p->ack = (struct hz_ev_ack){.h = {.seq = m->h.seq}, .id = names ? m->consult : 0, .err = err};
	p->holding = say(p, &p->ack.h, HZ_HLS_ACK, sizeof(p->ack)) == -EAGAIN;
}

// 0; -EPIPE: control is gone.
static int take_commands(struct pipe *p)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	if (p->holding)
		p->holding = say(p, &p->ack.h, HZ_HLS_ACK, sizeof(p->ack)) == -EAGAIN;
	for (unsigned n = 0; n < COMMANDS_PER_TURN && !p->holding; n++) {
		int fd = 0;
		const struct hz_seqpacket_in in = {.buf = buf, .cap = sizeof(buf), .fds = &fd, .fds_cap = 1};
		size_t bytes = 0;
		unsigned count = 0;
		int err = hz_seqpacket_recv_fds(p->fds.api, &in, &bytes, &count);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE || err == -ENOBUFS)
			continue;
		if (err)
			return -EPIPE;
		hz_live_hand(p->live, count ? fd : 0);
		if (bytes >= sizeof(struct hz_msg_header))
			answer(p, buf, bytes, hz_live_command(p->live, buf, bytes, p->now_us));
	}
	return 0;
}

static void tell_status(struct pipe *p)
{
	struct hz_hls_status s = {.broadcasts = 0};
	if (p->now_us < p->status_us)
		return;
	p->status_us = p->now_us + STATUS_US;
	hz_live_status(p->live, &s);
	(void)say(p, &s.h, HZ_HLS_STATUS, sizeof(s));
	if (p->lost)
		hz_warn("hls.lost", "records=%llu", (unsigned long long)p->lost);
	p->lost = 0;
}

// --- the loop

static int turn(struct pipe *p, bool more, int64_t due_us)
{
	struct pollfd fds[] = {{.fd = p->fds.api, .events = p->holding ? POLLOUT : POLLIN},
	                       {.fd = p->fds.wake[p->fds.workers], .events = POLLIN}};
	int64_t wait_us = due_us < p->status_us ? due_us - p->now_us : p->status_us - p->now_us;
	if (more || wait_us < 0)
		wait_us = 0;
	const struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
	if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR)
		return -errno;
	return fds[0].revents ? -EALREADY : 0;
}

static int loop(struct pipe *p)
{
	int64_t due_us = 0;
	bool more = true;
	int err = 0;
	while (!err) {
		hz_hang_wind();
		err = turn(p, more, due_us);
		p->now_us = hz_now_us();
		if (err == -EALREADY)
			err = take_commands(p);
		more = read_rings(p);
		due_us = hz_live_tick(p->live, p->now_us);
		wake_workers(p);
		tell_status(p);
	}
	return err == -EPIPE ? 0 : err;
}

// --- begin

// The folder comes with the first command, which is a RECONCILE_BEGIN. -EPIPE: control is gone.
static int wait_for_folder(struct pipe *p, void *message, size_t room, size_t *ret_bytes)
{
	for (;;) {
		int fd = -1;
		unsigned count = 0;
		const struct hz_seqpacket_in in = {.buf = message, .cap = room, .fds = &fd, .fds_cap = 1};
		struct pollfd poll_fd = {.fd = p->fds.api, .events = POLLIN};
		if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
			return -errno;
		int err = hz_seqpacket_recv_fds(p->fds.api, &in, ret_bytes, &count);
		if (err == -EAGAIN || err == -EMSGSIZE || err == -ENOBUFS)
			continue;
		if (err)
			return -EPIPE;
		const struct hz_msg_header *h = message;
		if (count == 1 && *ret_bytes == sizeof(struct hz_hls_begin) &&
		    h->type == HZ_HLS_RECONCILE_BEGIN) {
			p->folder = fd;
			return 0;
		}
		if (count)
			close(fd);
		if (*ret_bytes >= sizeof(*h))
			answer(p, message, *ret_bytes, -EAGAIN); // control repeats it
	}
}

static int attach(struct pipe *p)
{
	int err = hz_memfd_map(p->fds.rings, p->bytes, &p->memory);
	if (!err && madvise(p->memory, p->bytes, MADV_DONTDUMP)) // plain media
		err = -errno;
	for (unsigned i = 0; i < p->fds.workers && !err; i++) {
		err = hz_ring_produce(&p->out[i], hz_ring_pipe_place(p->memory, i, false), HZ_RING_PIPE_EACH);
		if (!err)
			err = hz_ring_consume(&p->in[i], hz_ring_pipe_place(p->memory, i, true),
			                      HZ_RING_PIPE_EACH);
	}
	return err;
}

static int enter(struct pipe *p)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->folder);
	const struct hz_sandbox sandbox = {.folder = path,
	                                   .folders = true,
	                                   .memory_bytes = MEMORY_BYTES + p->bytes,
	                                   .file_bytes = FILE_BYTES,
	                                   .files = 192,
	                                   .loop = true};
	return hz_sandbox_enter(&sandbox);
}

static int run(struct pipe *p)
{
	_Alignas(8) uint8_t first[HZ_API_MAX_BYTES];
	struct hz_hls_hello hello = {.pid = (uint32_t)getpid()};
	const struct hz_live_ops ops = {.ctx = p, .rtcp = on_rtcp};
	size_t bytes = 0;
	int err = attach(p);
	if (!err)
		err = say(p, &hello.h, HZ_HLS_HELLO, sizeof(hello));
	if (!err)
		err = wait_for_folder(p, first, sizeof(first), &bytes);
	if (!err)
		err = enter(p);
	p->now_us = hz_now_us();
	if (!err)
		err = hz_live_new(&ops, p->fds.workers, p->folder, hz_wall_us() - p->now_us, &p->live);
	if (err)
		return err == -EPIPE ? 0 : err;
	answer(p, first, bytes, hz_live_command(p->live, first, bytes, p->now_us));
	return loop(p);
}

int hz_hls_pipe_run(const struct hz_hls_fds *fds)
{
	if (fds->workers < 1 || fds->workers > HZ_HLS_WORKERS)
		return -EINVAL;
	struct pipe *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->fds = *fds;
	p->folder = -1;
	p->bytes = hz_ring_pipe_bytes(fds->workers);
	int err = run(p);
	hz_live_free(p->live);
	if (p->folder >= 0)
		close(p->folder);
	hz_memfd_unmap(p->memory, p->bytes);
	free(p);
	return err;
}

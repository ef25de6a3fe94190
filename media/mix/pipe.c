#include "media/mix/pipe.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
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
#include "media/mix/rooms.h"

#define RECORDS_PER_TURN  256 // of each worker
#define COMMANDS_PER_TURN 64
#define STATUS_US         500000
#define MEMORY_BYTES      (768ull << 20) // 32 rooms of 10 MB, and as much again; beside the rings

struct pipe {
	struct hz_mix_fds fds;
	unsigned workers;
	void *memory;
	size_t bytes;
	struct hz_ring in[HZ_MIX_PROCESSES], out[HZ_MIX_PROCESSES];
	bool written[HZ_MIX_PROCESSES];
	struct hz_rooms *rooms;
	int64_t now_us, status_us;
	uint64_t lost;
	struct hz_ev_ack ack; // that found the socket full: nothing is read until it is sent
	bool holding;
};

// --- media

static void on_packet(void *ctx, unsigned worker, uint32_t consult, bool report, const uint8_t *data,
                      size_t bytes)
{
	struct pipe *p = ctx;
	const struct hz_ring_record record = {
	    .kind = report ? HZ_RING_RTCP : HZ_RING_RTP, .source = consult, .arrival_us = p->now_us};
	(void)hz_ring_put(&p->out[worker], &record, data, bytes); // full: the ring counts it
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
		const struct hz_rooms_rtp packet = {.worker = worker,
		                                    .consult = record.source,
		                                    .data = buf,
		                                    .bytes = bytes,
		                                    .arrival_us = record.arrival_us};
		if (record.kind == HZ_RING_RTP)
			hz_rooms_rtp(p->rooms, &packet, p->now_us);
		else if (record.kind == HZ_RING_RTCP)
			hz_rooms_rtcp(p->rooms, &packet, p->now_us);
	}
	p->lost += hz_ring_lost(&p->in[worker]);
	return n == RECORDS_PER_TURN;
}

static bool read_rings(struct pipe *p)
{
	eventfd_t woken;
	bool more = false;
	(void)eventfd_read(p->fds.wake[p->workers], &woken);
	for (unsigned i = 0; i < p->workers; i++)
		more |= read_worker(p, i);
	return more;
}

static void wake_workers(struct pipe *p)
{
	for (unsigned i = 0; i < p->workers; i++) {
		if (p->written[i] && eventfd_write(p->fds.wake[i], 1) && errno != EAGAIN)
			hz_error("mix.wake", "worker=%u err=%d", i, errno);
		p->written[i] = false;
	}
}

// --- control

static int say(struct pipe *p, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	h->version = HZ_MIX_API_VERSION;
	h->type = (uint16_t)type;
	h->bytes = (uint32_t)bytes;
	return hz_seqpacket_send(p->fds.api, h, bytes);
}

static uint32_t object_of(const void *message, size_t bytes, unsigned type)
{
	const struct hz_mix_member_del *m = message; // a member's id is where a SET has it, too
	return bytes >= sizeof(*m) && (type == HZ_MIX_MEMBER_SET || type == HZ_MIX_MEMBER_DEL) ? m->member
	                                                                                       : 0;
}

// 0; -EPIPE: control is gone.
static int take_commands(struct pipe *p)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	if (p->holding)
		p->holding = say(p, &p->ack.h, HZ_MIX_ACK, sizeof(p->ack)) == -EAGAIN;
	for (unsigned n = 0; n < COMMANDS_PER_TURN && !p->holding; n++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(p->fds.api, buf, sizeof(buf), &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE)
			continue;
		if (err)
			return -EPIPE;
		const struct hz_msg_header *h = (const void *)buf;
		if (bytes < sizeof(*h))
			continue;
		p->ack = (struct hz_ev_ack){.h = {.seq = h->seq}, .id = object_of(buf, bytes, h->type)};
		p->ack.err = hz_rooms_command(p->rooms, buf, bytes, p->now_us);
		p->holding = say(p, &p->ack.h, HZ_MIX_ACK, sizeof(p->ack)) == -EAGAIN;
	}
	return 0;
}

static void tell_status(struct pipe *p)
{
	struct hz_mix_status s = {0};
	if (p->now_us < p->status_us)
		return;
	p->status_us = p->now_us + STATUS_US;
	hz_rooms_status(p->rooms, &s);
	(void)say(p, &s.h, HZ_MIX_STATUS, sizeof(s));
	if (p->lost)
		hz_warn("mix.lost", "records=%llu", (unsigned long long)p->lost);
	p->lost = 0;
}

// --- the loop

static int turn(struct pipe *p, bool more, int64_t due_us)
{
	struct pollfd fds[] = {{.fd = p->fds.api, .events = p->holding ? POLLOUT : POLLIN},
	                       {.fd = p->fds.wake[p->workers], .events = POLLIN}};
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
		due_us = hz_rooms_tick(p->rooms, p->now_us, hz_wall_us());
		wake_workers(p);
		tell_status(p);
	}
	return err == -EPIPE ? 0 : err;
}

static int attach(struct pipe *p)
{
	size_t each = hz_ring_grid_each(p->fds.processes);
	int err = hz_memfd_map(p->fds.rings, p->bytes, &p->memory);
	if (!err && madvise(p->memory, p->bytes, MADV_DONTDUMP)) // plain media
		err = -errno;
	for (unsigned i = 0; i < p->workers && !err; i++) {
		err = hz_ring_produce(&p->out[i],
		                      hz_ring_grid_place(p->memory, p->fds.processes, p->workers, i), each);
		if (!err)
			err = hz_ring_consume(
			    &p->in[i], hz_ring_grid_place(p->memory, p->fds.processes, i, p->workers), each);
	}
	return err;
}

int hz_mix_pipe_run(const struct hz_mix_fds *fds)
{
	struct hz_mix_hello hello = {.pid = (uint32_t)getpid()};
	if (fds->processes < 2 || fds->processes > HZ_MIX_PROCESSES)
		return -EINVAL;
	struct pipe *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->fds = *fds;
	p->workers = fds->processes - 1;
	p->bytes = hz_ring_grid_bytes(fds->processes);
	p->now_us = hz_now_us();
	const struct hz_rooms_ops ops = {.ctx = p, .send = on_packet};
	const struct hz_sandbox sandbox = {
	    .memory_bytes = MEMORY_BYTES + p->bytes, .file_bytes = UINT64_MAX, .files = 128, .loop = true};
	int err = attach(p);
	if (!err)
		err = hz_rooms_new(&ops, p->workers, &p->rooms);
	if (!err)
		err = hz_sandbox_enter(&sandbox);
	if (!err)
		err = say(p, &hello.h, HZ_MIX_HELLO, sizeof(hello));
	if (!err)
		err = loop(p);
	hz_rooms_free(p->rooms);
	hz_memfd_unmap(p->memory, p->bytes);
	free(p);
	return err;
}

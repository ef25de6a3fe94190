#include "media/mosaic/pipe.h"

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
#include "media/mosaic/rooms.h"

#define RECORDS_PER_TURN  48 // of each worker: a few pictures' worth of decoding
#define COMMANDS_PER_TURN 64
#define READ_US           40000 // of all workers in a turn; what is begun is decoded to its end
#define STATUS_US         500000
#define MEMORY_BYTES      (2048ull << 20) // beside the rings: 4 rooms, of which one is hostile

struct pipe {
	struct hz_mosaic_fds fds;
	void *memory;
	size_t bytes;
	struct hz_ring in[HZ_MOSAIC_WORKERS], out[HZ_MOSAIC_WORKERS];
	bool written[HZ_MOSAIC_WORKERS];
	struct hz_text *text;
	struct hz_mosaic *mosaic;
	int64_t now_us, status_us;
	uint64_t lost;
	struct hz_ev_ack ack; // that found the socket full: nothing is read until it is sent
	bool holding;
};

static int say(const struct pipe *p, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	h->version = HZ_MOSAIC_API_VERSION;
	h->type = (uint16_t)type;
	h->bytes = (uint32_t)bytes;
	return hz_seqpacket_send(p->fds.api, h, bytes);
}

// --- media

static void on_send(void *ctx, unsigned worker, const struct hz_mosaic_out *out)
{
	struct pipe *p = ctx;
	const struct hz_ring_record record = {
	    .kind = (uint16_t)out->kind, .source = out->consult, .arrival_us = p->now_us};
	(void)hz_ring_put(&p->out[worker], &record, out->data, out->bytes); // full: the ring counts it
	p->written[worker] = true;
}

static bool on_tell(void *ctx, const struct hz_mosaic_tiles *tiles)
{
	struct hz_mosaic_tiles message = *tiles;
	return say(ctx, &message.h, HZ_MOSAIC_TILES, sizeof(message)) == 0;
}

// True: there may be more.
static bool read_worker(struct pipe *p, unsigned worker)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	unsigned n = 0;
	int64_t until_us = hz_now_us() + READ_US / p->fds.workers;
	bool more = false;
	for (; !more && hz_ring_take(&p->in[worker], &record, buf, &bytes) == 1; n++) {
		const struct hz_mosaic_record r = {.worker = worker,
		                                   .consult = record.source,
		                                   .kind = record.kind,
		                                   .data = buf,
		                                   .bytes = bytes,
		                                   .arrival_us = record.arrival_us};
		hz_mosaic_take(p->mosaic, &r, p->now_us);
		more = n + 1 == RECORDS_PER_TURN || hz_now_us() >= until_us;
	}
	p->lost += hz_ring_lost(&p->in[worker]);
	return more;
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
			hz_error("mosaic.wake", "worker=%u err=%d", i, errno);
		p->written[i] = false;
	}
}

// --- control

// 0; -EPIPE: control is gone.
static int take_commands(struct pipe *p)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	if (p->holding)
		p->holding = say(p, &p->ack.h, HZ_MOSAIC_ACK, sizeof(p->ack)) == -EAGAIN;
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
		p->ack = (struct hz_ev_ack){.h = {.seq = h->seq}};
		p->ack.err = hz_mosaic_command(p->mosaic, buf, bytes, p->now_us, &p->ack.id);
		p->holding = say(p, &p->ack.h, HZ_MOSAIC_ACK, sizeof(p->ack)) == -EAGAIN;
	}
	return 0;
}

static void tell_status(struct pipe *p)
{
	struct hz_mosaic_status s = {0};
	if (p->now_us < p->status_us)
		return;
	p->status_us = p->now_us + STATUS_US;
	hz_mosaic_status(p->mosaic, &s);
	(void)say(p, &s.h, HZ_MOSAIC_STATUS, sizeof(s));
	if (p->lost)
		hz_warn("mosaic.lost", "records=%llu", (unsigned long long)p->lost);
	p->lost = 0;
}

// --- the loop

// 0: time has passed, or records are there; -EALREADY: a command is.
static int turn(const struct pipe *p, bool more, int64_t due_us)
{
	struct pollfd fds[] = {{.fd = p->fds.api, .events = p->holding ? POLLOUT : POLLIN},
	                       {.fd = p->fds.wake[p->fds.workers], .events = POLLIN}};
	int64_t until_us = due_us < p->status_us ? due_us : p->status_us, wait_us = until_us - hz_now_us();
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
		p->now_us = hz_now_us(); // decoding takes its time
		due_us = hz_mosaic_tick(p->mosaic, p->now_us, hz_wall_us());
		wake_workers(p);
		tell_status(p);
	}
	return err == -EPIPE ? 0 : err;
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

static void open_text(struct pipe *p)
{
	int err = hz_text_open(NULL, &p->text);
	if (err)
		hz_warn("mosaic.text", "err=%d: pictures without names: install fonts-noto-cjk", -err);
	else if (!hz_text_has_chinese(p->text))
		hz_warn("mosaic.text", "no Chinese: install fonts-noto-cjk");
}

int hz_mosaic_pipe_run(const struct hz_mosaic_fds *fds)
{
	struct hz_mosaic_hello hello = {.pid = (uint32_t)getpid()};
	if (!fds->workers || fds->workers > HZ_MOSAIC_WORKERS)
		return -EINVAL;
	struct pipe *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->fds = *fds;
	p->bytes = hz_ring_pipe_bytes(fds->workers);
	p->now_us = hz_now_us();
	const struct hz_mosaic_ops ops = {.ctx = p, .send = on_send, .tell = on_tell};
	const struct hz_sandbox sandbox = {
	    .memory_bytes = MEMORY_BYTES + p->bytes, .file_bytes = UINT64_MAX, .files = 192, .loop = true};
	open_text(p);
	int err = attach(p);
	if (!err)
		err = hz_mosaic_new(&ops, fds->workers, p->text, &p->mosaic);
	if (!err)
		err = hz_sandbox_enter(&sandbox);
	if (!err)
		err = say(p, &hello.h, HZ_MOSAIC_HELLO, sizeof(hello));
	if (!err)
		err = loop(p);
	hz_mosaic_free(p->mosaic);
	hz_text_close(p->text);
	hz_memfd_unmap(p->memory, p->bytes);
	free(p);
	return err;
}

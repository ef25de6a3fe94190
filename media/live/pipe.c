#include "media/live/pipe.h"

#include <errno.h>
#include <poll.h>
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
#include "media/live/rooms.h"

#define RECORDS_PER_TURN  64
#define COMMANDS_PER_TURN 64
#define STATUS_US         500000
#define MEMORY_BYTES                                                                                         \
	(1536ull << 20) // beside the rings: what the library keeps, a file and a frame that come, and codecs

struct pipe {
	struct hz_live_fds fds;
	void *memory;
	size_t bytes;
	struct hz_ring in[HZ_LIVE_WORKERS], out[HZ_LIVE_WORKERS];
	bool written[HZ_LIVE_WORKERS];
	struct hz_text *text;
	struct hz_lane *live;
	int64_t now_us, status_us;
	uint64_t packets;
};

static int say(const struct pipe *p, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	h->version = HZ_LIVE_API_VERSION;
	h->type = (uint16_t)type;
	h->bytes = (uint32_t)bytes;
	return hz_seqpacket_send(p->fds.api, h, bytes);
}

static void on_send(void *ctx, uint64_t workers, uint32_t consult, unsigned kind, const uint8_t *data,
                    size_t bytes)
{
	struct pipe *p = ctx;
	const struct hz_ring_record record = {
	    .kind = (uint16_t)kind, .source = consult, .arrival_us = p->now_us};
	for (unsigned i = 0; i < p->fds.workers; i++) {
		if (!(workers >> i & 1))
			continue;
		(void)hz_ring_put(&p->out[i], &record, data, bytes); // full: the ring counts it
		p->written[i] = true;
		p->packets += kind == HZ_RING_RTP;
	}
}

static bool on_want(void *ctx, const struct hz_live_want *want)
{
	struct hz_live_want message = *want;
	return say(ctx, &message.h, HZ_LIVE_WANT, sizeof(message)) == 0;
}

// Lost where the socket is full: then a fault is not told apart from others, and nothing else.
static void on_trying(void *ctx, const struct hz_live_ref *what)
{
	struct hz_live_try message = {0};
	if (what)
		message.what = *what;
	hz_hang_wind(); // a large one may take a turn of its own
	(void)say(ctx, &message.h, HZ_LIVE_TRY, sizeof(message));
}

static bool read_rings(struct pipe *p)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes = 0;
	eventfd_t woken;
	bool more = false;
	(void)eventfd_read(p->fds.wake[p->fds.workers], &woken);
	for (unsigned i = 0; i < p->fds.workers; i++) {
		unsigned n = 0;
		for (; n < RECORDS_PER_TURN && hz_ring_take(&p->in[i], &record, buf, &bytes) == 1; n++)
			if (record.kind == HZ_RING_RTCP)
				hz_lane_take(p->live, record.source, buf, bytes);
		more |= n == RECORDS_PER_TURN;
	}
	return more;
}

static void wake_workers(struct pipe *p)
{
	for (unsigned i = 0; i < p->fds.workers; i++) {
		if (p->written[i] && eventfd_write(p->fds.wake[i], 1) && errno != EAGAIN)
			hz_error("live.wake", "worker=%u err=%d", i, errno);
		p->written[i] = false;
	}
}

static void tell_status(struct pipe *p)
{
	struct hz_live_status s = {.packets_out = p->packets};
	p->status_us = p->now_us + STATUS_US;
	hz_lane_status(p->live, &s);
	(void)say(p, &s.h, HZ_LIVE_STATUS, sizeof(s));
}

// 0; -EPIPE: control is gone.
static int take_commands(struct pipe *p)
{
	_Alignas(8) uint8_t buf[HZ_LIVE_MESSAGE_MOST];
	for (unsigned n = 0; n < COMMANDS_PER_TURN; n++) {
		int fd = -1;
		const struct hz_seqpacket_in in = {.buf = buf, .cap = sizeof(buf), .fds = &fd, .fds_cap = 1};
		size_t bytes = 0;
		unsigned count = 0;
		int err = hz_seqpacket_recv_fds(p->fds.api, &in, &bytes, &count);
		if (err == -EAGAIN)
			return 0;
		if (err == -EPIPE)
			return err;
		if (err)
			continue;
		err = hz_lane_command(p->live, buf, bytes, count ? fd : -1, p->now_us);
		const struct hz_msg_header *h = (const void *)buf;
		if (err)
			hz_warn("live.command", "type=%u err=%d", bytes >= sizeof(*h) ? h->type : 0, -err);
		else if (h->type == HZ_LIVE_END)
			tell_status(p);
	}
	return 0;
}

// 0: time has passed, or records are there; -EALREADY: a command is.
static int turn(const struct pipe *p, bool more, int64_t due_us)
{
	struct pollfd fds[] = {{.fd = p->fds.api, .events = POLLIN},
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
		const struct hz_live_moment moment = {p->now_us, hz_wall_us()};
		due_us = hz_lane_tick(p->live, &moment);
		wake_workers(p);
		if (p->now_us >= p->status_us)
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
		err = hz_ring_consume(&p->in[i], hz_ring_pipe_place(p->memory, i, true), HZ_RING_PIPE_EACH);
		if (!err)
			err = hz_ring_produce(&p->out[i], hz_ring_pipe_place(p->memory, i, false),
			                      HZ_RING_PIPE_EACH);
	}
	return err;
}

int hz_live_pipe_run(const struct hz_live_fds *fds)
{
	struct hz_live_hello hello = {.pid = (uint32_t)getpid()};
	struct pipe *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->fds = *fds;
	p->bytes = hz_ring_pipe_bytes(fds->workers);
	p->now_us = hz_now_us();
	const struct hz_lane_ops ops = {p, on_send, on_want, on_trying};
	const struct hz_sandbox sandbox = {
	    .memory_bytes = MEMORY_BYTES + p->bytes, .file_bytes = UINT64_MAX, .files = 192, .loop = true};
	if (hz_text_open(NULL, &p->text))
		hz_warn("live.font", "there is no font: images have no words");
	int err = attach(p);
	if (!err)
		err = hz_lane_new(&ops, p->text, &p->live);
	if (!err)
		err = hz_sandbox_enter(&sandbox);
	if (!err)
		err = say(p, &hello.h, HZ_LIVE_HELLO, sizeof(hello));
	if (!err)
		err = loop(p);
	hz_lane_free(p->live);
	hz_text_close(p->text);
	hz_memfd_unmap(p->memory, p->bytes);
	free(p);
	return err;
}

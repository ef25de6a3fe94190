#include "media/hls/pipe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/seqpacket.h"
#include "media/hls/live.h"

#define MEMORY_BYTES (6ull << 30)
#define FILE_BYTES   (64ull << 20) // a segment is smaller

struct pipe {
	struct hz_pipe_loop *loop;
	struct hz_live *live;
	int folder;
};

static void on_rtcp(void *ctx, unsigned worker, uint32_t consult, const uint8_t *data, size_t bytes)
{
	const struct pipe *p = ctx;
	hz_pipe_loop_send(p->loop, worker, consult, HZ_RING_RTCP, data, bytes); // lost: asked for again
}

static void on_record(void *ctx, unsigned worker, const struct hz_ring_record *record, const uint8_t *data,
                      size_t bytes, int64_t now_us)
{
	struct pipe *p = ctx;
	// written since the clock was read: now
	int64_t arrival_us = record->arrival_us < now_us ? record->arrival_us : now_us;
	const struct hz_live_rtp packet = {.worker = worker,
	                                   .consult = record->source,
	                                   .data = data,
	                                   .bytes = bytes,
	                                   .arrival_us = arrival_us};
	if (record->kind == HZ_RING_RTP)
		hz_live_rtp(p->live, &packet);
}

// Whom a message names; 0: nobody.
static uint32_t consult_of(const void *message, size_t bytes)
{
	const struct hz_hls_broadcast_del *m = message; // a consult's number is where a SET has it, too
	bool names =
	    bytes >= sizeof(*m) && (m->h.type == HZ_HLS_BROADCAST_SET || m->h.type == HZ_HLS_BROADCAST_DEL);
	return names ? m->consult : 0;
}

static int on_command(void *ctx, const struct hz_pipe_command *command, uint32_t *ret_id)
{
	struct pipe *p = ctx;
	*ret_id = consult_of(command->message, command->bytes);
	hz_live_hand(p->live, command->fd < 0 ? 0 : command->fd);
	return hz_live_command(p->live, command->message, command->bytes, command->now_us);
}

static int64_t on_tick(void *ctx, int64_t now_us)
{
	struct pipe *p = ctx;
	return hz_live_tick(p->live, now_us);
}

static void on_status(void *ctx)
{
	struct pipe *p = ctx;
	struct hz_hls_status s = {.broadcasts = 0};
	hz_live_status(p->live, &s);
	(void)hz_pipe_loop_say(p->loop, &s.h, HZ_HLS_STATUS, sizeof(s));
}

// --- begin

// The folder comes with the first command, which is a RECONCILE_BEGIN. -EPIPE: control is gone.
static int wait_for_folder(struct pipe *p, int api, void *message, size_t *ret_bytes)
{
	for (;;) {
		int fd = -1;
		unsigned count = 0;
		const struct hz_seqpacket_in in = {
		    .buf = message, .cap = HZ_API_MAX_BYTES, .fds = &fd, .fds_cap = 1};
		struct pollfd poll_fd = {.fd = api, .events = POLLIN};
		if (poll(&poll_fd, 1, -1) < 0 && errno != EINTR)
			return -errno;
		int err = hz_seqpacket_recv_fds(api, &in, ret_bytes, &count);
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
		if (*ret_bytes >= sizeof(*h)) // control repeats it
			hz_pipe_loop_answer(p->loop, h, consult_of(h, *ret_bytes), -EAGAIN);
	}
}

static int enter(const struct pipe *p)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->folder);
	const struct hz_sandbox sandbox = {.folder = path,
	                                   .folders = true,
	                                   .memory_bytes = MEMORY_BYTES,
	                                   .file_bytes = FILE_BYTES,
	                                   .files = 192};
	return hz_pipe_loop_enter(p->loop, &sandbox);
}

static int run(struct pipe *p, const struct hz_pipe_fds *fds)
{
	_Alignas(8) uint8_t first[HZ_API_MAX_BYTES];
	const struct hz_live_ops ops = {.ctx = p, .rtcp = on_rtcp};
	size_t bytes = 0;
	int err = hz_pipe_loop_hello(p->loop);
	if (!err)
		err = wait_for_folder(p, fds->api, first, &bytes);
	if (!err)
		err = enter(p);
	int64_t now_us = hz_now_us();
	if (!err)
		err = hz_live_new(&ops, fds->workers, p->folder, hz_wall_us() - now_us, &p->live);
	if (err)
		return err == -EPIPE ? 0 : err;
	err = hz_live_command(p->live, first, bytes, now_us);
	hz_pipe_loop_answer(p->loop, (const struct hz_msg_header *)(const void *)first, 0, err);
	return hz_pipe_loop_run(p->loop);
}

int hz_hls_pipe_run(const struct hz_pipe_fds *fds)
{
	static const struct hz_pipe_ops ops = {.name = "hls",
	                                       .descriptors = true,
	                                       .version = HZ_HLS_API_VERSION,
	                                       .hello = HZ_HLS_HELLO,
	                                       .ack = HZ_HLS_ACK,
	                                       .message_bytes = HZ_API_MAX_BYTES,
	                                       .records = 512,
	                                       .record = on_record,
	                                       .command = on_command,
	                                       .tick = on_tick,
	                                       .status = on_status};
	struct pipe p = {.folder = -1};
	int err = hz_pipe_loop_new(&ops, &p, fds, &p.loop);
	if (!err)
		err = run(&p, fds);
	hz_live_free(p.live);
	if (p.folder >= 0)
		close(p.folder);
	hz_pipe_loop_free(p.loop);
	return err;
}

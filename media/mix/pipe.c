#include "media/mix/pipe.h"

#include "gateway/base/clock.h"
#include "media/mix/rooms.h"

#define MEMORY_BYTES (768ull << 20) // 32 rooms of 10 MB, and as much again; beside the rings

struct pipe {
	struct hz_pipe_loop *loop;
	struct hz_rooms *rooms;
};

static void on_packet(void *ctx, unsigned worker, uint32_t consult, bool report, const uint8_t *data,
                      size_t bytes)
{
	const struct pipe *p = ctx;
	hz_pipe_loop_send(p->loop, worker, consult, report ? HZ_RING_RTCP : HZ_RING_RTP, data, bytes);
}

static void on_record(void *ctx, unsigned worker, const struct hz_ring_record *record, const uint8_t *data,
                      size_t bytes, int64_t now_us)
{
	struct pipe *p = ctx;
	const struct hz_rooms_rtp packet = {.worker = worker,
	                                    .consult = record->source,
	                                    .data = data,
	                                    .bytes = bytes,
	                                    .arrival_us = record->arrival_us};
	if (record->kind == HZ_RING_RTP)
		hz_rooms_rtp(p->rooms, &packet, now_us);
	else if (record->kind == HZ_RING_RTCP)
		hz_rooms_rtcp(p->rooms, &packet, now_us);
}

static int on_command(void *ctx, const struct hz_pipe_command *command, uint32_t *ret_id)
{
	struct pipe *p = ctx;
	const struct hz_mix_member_del *m = command->message; // a member's id is where a SET has it, too
	if (command->bytes >= sizeof(*m) &&
	    (m->h.type == HZ_MIX_MEMBER_SET || m->h.type == HZ_MIX_MEMBER_DEL))
		*ret_id = m->member;
	return hz_rooms_command(p->rooms, m, command->bytes, command->now_us);
}

static int64_t on_tick(void *ctx, int64_t now_us)
{
	struct pipe *p = ctx;
	return hz_rooms_tick(p->rooms, now_us, hz_wall_us());
}

static void on_status(void *ctx)
{
	struct pipe *p = ctx;
	struct hz_mix_status s = {0};
	hz_rooms_status(p->rooms, &s);
	(void)hz_pipe_loop_say(p->loop, &s.h, HZ_MIX_STATUS, sizeof(s));
}

int hz_mix_pipe_run(const struct hz_pipe_fds *fds)
{
	static const struct hz_pipe_ops ops = {.name = "mix",
	                                       .grid = true,
	                                       .version = HZ_MIX_API_VERSION,
	                                       .hello = HZ_MIX_HELLO,
	                                       .ack = HZ_MIX_ACK,
	                                       .message_bytes = HZ_API_MAX_BYTES,
	                                       .records = 256,
	                                       .record = on_record,
	                                       .command = on_command,
	                                       .tick = on_tick,
	                                       .status = on_status};
	static const struct hz_sandbox sandbox = {
	    .memory_bytes = MEMORY_BYTES, .file_bytes = UINT64_MAX, .files = 128};
	struct pipe p = {0};
	const struct hz_rooms_ops rooms = {.ctx = &p, .send = on_packet};
	int err = hz_pipe_loop_new(&ops, &p, fds, &p.loop);
	if (!err)
		err = hz_rooms_new(&rooms, fds->workers, &p.rooms);
	if (!err)
		err = hz_pipe_loop_serve(p.loop, &sandbox);
	hz_rooms_free(p.rooms);
	hz_pipe_loop_free(p.loop);
	return err;
}

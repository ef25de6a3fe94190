#include "media/live/pipe.h"

#include "gateway/base/clock.h"
#include "gateway/base/hang.h"
#include "gateway/base/log.h"
#include "media/live/rooms.h"

#define MEMORY_BYTES                                                                                         \
	(1536ull << 20) // beside the rings: what the library keeps, a file and a frame that come, and codecs

_Static_assert(HZ_PIPE_WORKERS <= HZ_LIVE_WORKERS, "a bit for each");
_Static_assert(HZ_LIVE_MESSAGE_MOST <= HZ_PIPE_MESSAGE_MOST, "the loop takes every message");

struct pipe {
	struct hz_pipe_loop *loop;
	unsigned workers;
	struct hz_text *text;
	struct hz_lane *live;
	uint64_t packets;
};

static void on_send(void *ctx, uint64_t workers, uint32_t consult, unsigned kind, const uint8_t *data,
                    size_t bytes)
{
	struct pipe *p = ctx;
	for (unsigned i = 0; i < p->workers; i++) {
		if (!(workers >> i & 1))
			continue;
		hz_pipe_loop_send(p->loop, i, consult, kind, data, bytes);
		p->packets += kind == HZ_RING_RTP;
	}
}

static bool on_want(void *ctx, const struct hz_live_want *want)
{
	const struct pipe *p = ctx;
	struct hz_live_want message = *want;
	return hz_pipe_loop_say(p->loop, &message.h, HZ_LIVE_WANT, sizeof(message)) == 0;
}

// Lost where the socket is full: then a fault is not told apart from others, and nothing else.
static void on_trying(void *ctx, const struct hz_live_ref *what)
{
	const struct pipe *p = ctx;
	struct hz_live_try message = {0};
	if (what)
		message.what = *what;
	hz_hang_wind(); // a large one may take a turn of its own
	(void)hz_pipe_loop_say(p->loop, &message.h, HZ_LIVE_TRY, sizeof(message));
}

static void on_record(void *ctx, unsigned worker, const struct hz_ring_record *record, const uint8_t *data,
                      size_t bytes, int64_t now_us)
{
	struct pipe *p = ctx;
	if (record->kind == HZ_RING_RTCP)
		hz_lane_take(p->live, record->source, data, bytes);
}

static int on_command(void *ctx, const struct hz_pipe_command *command, uint32_t *ret_id)
{
	struct pipe *p = ctx;
	const struct hz_msg_header *h = command->message;
	int err = hz_lane_command(p->live, h, command->bytes, command->fd, command->now_us);
	if (err)
		hz_warn("live.command", "type=%u err=%d", h->type, -err);
	else if (h->type == HZ_LIVE_END)
		hz_pipe_loop_tell(p->loop);
	return err;
}

static int64_t on_tick(void *ctx, int64_t now_us)
{
	struct pipe *p = ctx;
	const struct hz_live_moment moment = {now_us, hz_wall_us()};
	return hz_lane_tick(p->live, &moment);
}

static void on_status(void *ctx)
{
	struct pipe *p = ctx;
	struct hz_live_status s = {.packets_out = p->packets};
	hz_lane_status(p->live, &s);
	(void)hz_pipe_loop_say(p->loop, &s.h, HZ_LIVE_STATUS, sizeof(s));
}

int hz_live_pipe_run(const struct hz_pipe_fds *fds)
{
	static const struct hz_pipe_ops ops = {.name = "live",
	                                       .descriptors = true,
	                                       .version = HZ_LIVE_API_VERSION,
	                                       .hello = HZ_LIVE_HELLO,
	                                       .message_bytes = HZ_LIVE_MESSAGE_MOST,
	                                       .records = 64,
	                                       .record = on_record,
	                                       .command = on_command,
	                                       .tick = on_tick,
	                                       .status = on_status};
	static const struct hz_sandbox sandbox = {
	    .memory_bytes = MEMORY_BYTES, .file_bytes = UINT64_MAX, .files = 192};
	struct pipe p = {.workers = fds->workers};
	const struct hz_lane_ops rooms = {&p, on_send, on_want, on_trying};
	if (hz_text_open(NULL, &p.text))
		hz_warn("live.font", "there is no font: images have no words");
	int err = hz_pipe_loop_new(&ops, &p, fds, &p.loop);
	if (!err)
		err = hz_lane_new(&rooms, p.text, &p.live);
	if (!err)
		err = hz_pipe_loop_serve(p.loop, &sandbox);
	hz_lane_free(p.live);
	hz_text_close(p.text);
	hz_pipe_loop_free(p.loop);
	return err;
}

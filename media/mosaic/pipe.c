#include "media/mosaic/pipe.h"

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/mosaic/rooms.h"

#define MEMORY_BYTES (2048ull << 20) // beside the rings: 4 rooms, of which one is hostile

struct pipe {
	struct hz_pipe_loop *loop;
	struct hz_text *text;
	struct hz_mosaic *mosaic;
};

static void on_send(void *ctx, unsigned worker, const struct hz_mosaic_out *out)
{
	const struct pipe *p = ctx;
	hz_pipe_loop_send(p->loop, worker, out->consult, out->kind, out->data, out->bytes);
}

static bool on_tell(void *ctx, const struct hz_mosaic_tiles *tiles)
{
	const struct pipe *p = ctx;
	struct hz_mosaic_tiles message = *tiles;
	return hz_pipe_loop_say(p->loop, &message.h, HZ_MOSAIC_TILES, sizeof(message)) == 0;
}

static void on_record(void *ctx, unsigned worker, const struct hz_ring_record *record, const uint8_t *data,
                      size_t bytes, int64_t now_us)
{
	struct pipe *p = ctx;
	const struct hz_mosaic_record r = {.worker = worker,
	                                   .consult = record->source,
	                                   .kind = record->kind,
	                                   .data = data,
	                                   .bytes = bytes,
	                                   .arrival_us = record->arrival_us};
	hz_mosaic_take(p->mosaic, &r, now_us);
}

static int on_command(void *ctx, const struct hz_pipe_command *command, uint32_t *ret_id)
{
	struct pipe *p = ctx;
	return hz_mosaic_command(p->mosaic, command->message, command->bytes, command->now_us, ret_id);
}

static int64_t on_tick(void *ctx, int64_t now_us)
{
	struct pipe *p = ctx;
	return hz_mosaic_tick(p->mosaic, now_us, hz_wall_us());
}

static void on_status(void *ctx)
{
	struct pipe *p = ctx;
	struct hz_mosaic_status s = {0};
	hz_mosaic_status(p->mosaic, &s);
	(void)hz_pipe_loop_say(p->loop, &s.h, HZ_MOSAIC_STATUS, sizeof(s));
}

static void open_text(struct pipe *p)
{
	int err = hz_text_open(NULL, &p->text);
	if (err)
		hz_warn("mosaic.text", "err=%d: pictures without names: install fonts-noto-cjk", -err);
	else if (!hz_text_has_chinese(p->text))
		hz_warn("mosaic.text", "no Chinese: install fonts-noto-cjk");
}

int hz_mosaic_pipe_run(const struct hz_pipe_fds *fds)
{
	static const struct hz_pipe_ops ops = {.name = "mosaic",
	                                       .version = HZ_MOSAIC_API_VERSION,
	                                       .hello = HZ_MOSAIC_HELLO,
	                                       .ack = HZ_MOSAIC_ACK,
	                                       .message_bytes = HZ_API_MAX_BYTES,
	                                       .records = 48,       // a few pictures' worth of decoding
	                                       .reading_us = 40000, // what is begun is decoded to its end
	                                       .record = on_record,
	                                       .command = on_command,
	                                       .tick = on_tick,
	                                       .status = on_status};
	static const struct hz_sandbox sandbox = {
	    .memory_bytes = MEMORY_BYTES, .file_bytes = UINT64_MAX, .files = 192};
	struct pipe p = {0};
	const struct hz_mosaic_ops rooms = {.ctx = &p, .send = on_send, .tell = on_tell};
	open_text(&p);
	int err = hz_pipe_loop_new(&ops, &p, fds, &p.loop);
	if (!err)
		err = hz_mosaic_new(&rooms, fds->workers, p.text, &p.mosaic);
	if (!err)
		err = hz_pipe_loop_serve(p.loop, &sandbox);
	hz_mosaic_free(p.mosaic);
	hz_text_close(p.text);
	hz_pipe_loop_free(p.loop);
	return err;
}

#include "gateway/link/picture_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/link/pipe_link.h"

struct hz_picture_link {
	struct hz_pipe_link pipe;
	const struct hz_picture_link_ops *ops;
	void *ctx;
	struct hz_mosaic_status status;
};

static const struct hz_pipe_api api;

int hz_picture_link_new(int fd, const struct hz_picture_link_ops *ops, void *ctx,
                        struct hz_picture_link **ret)
{
	struct hz_picture_link *link = calloc(1, sizeof(*link));
	int err = link ? hz_pipe_link_init(&link->pipe, &api, fd, link) : -ENOMEM;
	if (err) {
		free(link);
		return err;
	}
	link->ops = ops;
	link->ctx = ctx;
	*ret = link;
	return 0;
}

void hz_picture_link_free(struct hz_picture_link *link)
{
	if (link)
		hz_pipe_link_done(&link->pipe);
	free(link);
}

// --- wishes

int hz_picture_link_set(struct hz_picture_link *link, const struct hz_msg_header *h, uint16_t type)
{
	return hz_pipe_link_set(&link->pipe, h, type);
}

int hz_picture_link_del(struct hz_picture_link *link, uint16_t set_type, uint32_t id)
{
	return hz_pipe_link_del(&link->pipe, set_type, &id);
}

void hz_picture_link_retry(struct hz_picture_link *link)
{
	struct hz_pipe_wish *w;
	uint32_t at = 0;
	while ((w = hz_map_next(link->pipe.wishes, &at))) {
		if (w->refused)
			hz_pipe_link_again(&link->pipe, w);
		w->refused = false;
	}
}

struct hz_pipe_link *hz_picture_link_pipe(struct hz_picture_link *link)
{
	return link ? &link->pipe : NULL;
}

// --- in

static void on_hello(void *ctx, const void *message)
{
	struct hz_picture_link *link = ctx;
	hz_pipe_link_hello(&link->pipe);
	link->ops->on_hello(link->ctx);
}

static void on_ack(void *ctx, const void *message)
{
	struct hz_picture_link *link = ctx;
	const struct hz_ev_ack *ack = message;
	const struct hz_pipe_wish *w = hz_pipe_link_acked(&link->pipe, ack);
	if (w)
		link->ops->on_refused(link->ctx, link->pipe.api->classes[w->class].set, w->id[0], ack->err);
}

static void on_status(void *ctx, const void *message)
{
	struct hz_picture_link *link = ctx;
	memcpy(&link->status, message, sizeof(link->status));
	link->ops->on_status(link->ctx);
}

static void on_tiles(void *ctx, const void *message)
{
	struct hz_picture_link *link = ctx;
	const struct hz_mosaic_tiles *tiles = message;
	if (tiles->count <= HZ_MOSAIC_MEMBERS)
		link->ops->on_tiles(link->ctx, tiles);
}

static void on_ready(void *ctx, bool ready)
{
	struct hz_picture_link *link = ctx;
	link->ops->on_ready(link->ctx, ready);
}

static const struct hz_pipe_in in[] = {
    {HZ_MOSAIC_HELLO, false, sizeof(struct hz_mosaic_hello), on_hello},
    {HZ_MOSAIC_ACK, false, sizeof(struct hz_ev_ack), on_ack},
    {HZ_MOSAIC_STATUS, false, sizeof(struct hz_mosaic_status), on_status},
    {HZ_MOSAIC_TILES, false, sizeof(struct hz_mosaic_tiles), on_tiles},
    {0},
};

// A member without its room is refused.
static const struct hz_pipe_class classes[HZ_PIPE_CLASSES] = {
    {HZ_MOSAIC_ROOM_SET, HZ_MOSAIC_ROOM_DEL, sizeof(struct hz_mosaic_room_set),
     sizeof(struct hz_mosaic_room_del), 1},
    {HZ_MOSAIC_MEMBER_SET, HZ_MOSAIC_MEMBER_DEL, sizeof(struct hz_mosaic_member_set),
     sizeof(struct hz_mosaic_member_del), 1},
    {HZ_MOSAIC_RENDITION_SET, HZ_MOSAIC_RENDITION_DEL, sizeof(struct hz_mosaic_rendition_set),
     sizeof(struct hz_mosaic_rendition_del), 1},
    {HZ_MOSAIC_SPEAKERS_SET, 0, sizeof(struct hz_mosaic_speakers_set), 0, 1},
};

static const struct hz_pipe_api api = {
    .strange = "mosaic.message",
    .version = HZ_MOSAIC_API_VERSION,
    .begin = HZ_MOSAIC_RECONCILE_BEGIN,
    .end = HZ_MOSAIC_RECONCILE_END,
    .messages_a_call = 256,
    .in = in,
    .classes = classes,
    // Twice what a mosaic takes: what it refuses is remembered, too.
    .wishes_most = 2 * HZ_MOSAIC_ROOMS * (2 + HZ_MOSAIC_MEMBERS + HZ_MOSAIC_RENDITIONS),
    .on_ready = on_ready,
};

int hz_picture_link_read(struct hz_picture_link *link)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	int err = hz_pipe_link_read(&link->pipe, buf, sizeof(buf));
	if (err)
		link->status = (struct hz_mosaic_status){0};
	return err;
}

const struct hz_mosaic_status *hz_picture_link_status(const struct hz_picture_link *link)
{
	return &link->status;
}

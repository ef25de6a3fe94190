#include "gateway/link/hls_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/link/pipe_link.h"

#define AGAIN_US 2000000

struct wish {
	struct hz_hls_broadcast_set set; // consult 0: free
	int feed_fd;                     // 0: none
	uint32_t seq;                    // of the newest SET that was sent; 0: none was
	bool unsaid, gone, answered;
	int err;
	int64_t again_us; // when to say it again; 0: when somebody asks
};

struct hz_hls_link {
	struct hz_pipe_link pipe;
	int folder;
	uint64_t disk_bytes;
	struct wish wish[HZ_HLS_WISHES];
	int64_t heard_us;
	struct hz_hls_status status;
};

static const struct hz_pipe_api api;

static void say_all(struct hz_hls_link *link)
{
	hz_pipe_link_resume(&link->pipe);
	for (unsigned i = 0; i < HZ_HLS_WISHES; i++) {
		struct wish *w = &link->wish[i];
		if (w->gone) { // what is not named ends
			*w = (struct wish){.unsaid = false};
			continue;
		}
		w->unsaid = w->set.consult != 0;
		w->answered = false;
	}
}

int hz_hls_link_new(int fd, int folder, uint64_t disk_bytes, int64_t now_us, struct hz_hls_link **ret)
{
	struct hz_hls_link *link = calloc(1, sizeof(*link));
	int err = link ? hz_pipe_link_init(&link->pipe, &api, fd, link) : -ENOMEM;
	if (err) {
		free(link);
		return err;
	}
	link->folder = folder;
	link->disk_bytes = disk_bytes;
	link->heard_us = now_us;
	say_all(link);
	*ret = link;
	return 0;
}

void hz_hls_link_free(struct hz_hls_link *link)
{
	if (link)
		hz_pipe_link_done(&link->pipe);
	free(link);
}

// --- wishes

static struct wish *find(const struct hz_hls_link *link, uint32_t consult)
{
	for (unsigned i = 0; i < HZ_HLS_WISHES; i++) {
		if (link->wish[i].set.consult == consult)
			return (struct wish *)&link->wish[i];
	}
	return NULL;
}

int hz_hls_link_set(struct hz_hls_link *link, const struct hz_hls_broadcast_set *wish)
{
	struct wish *w = find(link, wish->consult);
	if (!w)
		w = find(link, 0);
	if (!w)
		return -ENOSPC;
	*w = (struct wish){.set = *wish, .feed_fd = w->feed_fd, .unsaid = true};
	return 0;
}

void hz_hls_link_feed(struct hz_hls_link *link, uint32_t consult, int fd)
{
	struct wish *w = find(link, consult);
	if (w)
		w->feed_fd = fd;
}

void hz_hls_link_del(struct hz_hls_link *link, uint32_t consult)
{
	struct wish *w = find(link, consult);
	if (w)
		w->gone = w->unsaid = true;
}

void hz_hls_link_tick(struct hz_hls_link *link, int64_t now_us)
{
	for (unsigned i = 0; i < HZ_HLS_WISHES; i++) {
		struct wish *w = &link->wish[i];
		if (!w->set.consult || w->unsaid || (w->answered && !w->err))
			continue;
		if (w->again_us && now_us >= w->again_us)
			w->unsaid = true;
		if (!w->again_us || w->unsaid)
			w->again_us = now_us + AGAIN_US;
	}
}

// --- out

static int say_begin(void *ctx)
{
	struct hz_hls_link *link = ctx;
	struct hz_hls_begin m = {.disk_bytes = link->disk_bytes};
	return hz_pipe_link_send(&link->pipe, &m.h, HZ_HLS_RECONCILE_BEGIN, sizeof(m), &link->folder);
}

static int say_wish(struct hz_hls_link *link, struct wish *w)
{
	struct hz_hls_broadcast_del del = {.consult = w->set.consult};
	const int *feed = w->set.feed && w->feed_fd ? &w->feed_fd : NULL;
	int err = w->gone
	              ? hz_pipe_link_send(&link->pipe, &del.h, HZ_HLS_BROADCAST_DEL, sizeof(del), NULL)
	              : hz_pipe_link_send(&link->pipe, &w->set.h, HZ_HLS_BROADCAST_SET, sizeof(w->set), feed);
	if (err)
		return err;
	w->seq = link->pipe.seq;
	w->unsaid = w->answered = false;
	if (w->gone)
		*w = (struct wish){.unsaid = false};
	return 0;
}

static int say(void *ctx)
{
	struct hz_hls_link *link = ctx;
	int err = 0;
	for (unsigned i = 0; i < HZ_HLS_WISHES && !err; i++) {
		if (link->wish[i].set.consult && link->wish[i].unsaid)
			err = say_wish(link, &link->wish[i]);
	}
	return err;
}

struct hz_pipe_link *hz_hls_link_pipe(struct hz_hls_link *link)
{
	return link ? &link->pipe : NULL;
}

// --- in

static void on_hello(void *ctx, const void *message)
{
	say_all(ctx);
}

static void on_ack(void *ctx, const void *message)
{
	struct hz_hls_link *link = ctx;
	const struct hz_ev_ack *ack = message;
	struct wish *w = ack->id ? find(link, ack->id) : NULL;
	if (!w || w->seq != ack->h.seq || w->unsaid)
		return;
	w->answered = true;
	w->again_us = 0;
	if (w->err != ack->err && ack->err)
		hz_warn("hls.refused", "number=%u err=%d", ack->id, -ack->err);
	w->err = ack->err;
}

static void on_status(void *ctx, const void *message)
{
	struct hz_hls_link *link = ctx;
	memcpy(&link->status, message, sizeof(link->status));
}

static const struct hz_pipe_in in[] = {
    {HZ_HLS_HELLO, false, sizeof(struct hz_hls_hello), on_hello},
    {HZ_HLS_ACK, false, sizeof(struct hz_ev_ack), on_ack},
    {HZ_HLS_STATUS, false, sizeof(struct hz_hls_status), on_status},
    {0},
};

static const struct hz_pipe_api api = {
    .strange = "hls.message",
    .version = HZ_HLS_API_VERSION,
    .end = HZ_HLS_RECONCILE_END,
    .messages_a_call = 256,
    .in = in,
    .say_begin = say_begin,
    .say = say,
};

int hz_hls_link_read(struct hz_hls_link *link, int64_t now_us)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	unsigned before = link->pipe.heard;
	int err = hz_pipe_link_read(&link->pipe, buf, sizeof(buf));
	if (link->pipe.heard != before)
		link->heard_us = now_us;
	return err;
}

// --- what is so

bool hz_hls_link_there(const struct hz_hls_link *link, int64_t now_us)
{
	return link->status.h.bytes && now_us - link->heard_us < HZ_HLS_SILENT_US;
}

int hz_hls_link_answer(const struct hz_hls_link *link, uint32_t consult)
{
	const struct wish *w = find(link, consult);
	return w && w->answered && !w->unsaid ? w->err : -EAGAIN;
}

bool hz_hls_link_holds(const struct hz_hls_link *link, uint32_t consult, int64_t now_us)
{
	int err = hz_hls_link_answer(link, consult);
	return !find(link, consult) || err == 0 || err == -ENOSPC || err == -EINVAL || link->pipe.fd < 0 ||
	       now_us - link->heard_us >= HZ_HLS_SILENT_US;
}

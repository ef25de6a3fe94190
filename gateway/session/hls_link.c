#include "gateway/session/hls_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"

#define MESSAGES_A_CALL 256
#define AGAIN_US        2000000

struct wish {
	struct hz_hls_broadcast_set set; // consult 0: free
	int feed_fd;                     // 0: none
	uint32_t seq;                    // of the newest SET that was sent; 0: none was
	bool unsaid, gone, answered;
	int err;
	int64_t again_us; // when to say it again; 0: when somebody asks
};

struct hz_hls_link {
	int fd, folder;
	uint64_t disk_bytes;
	struct wish wish[HZ_HLS_WISHES];
	bool begin_unsaid, end_unsaid;
	uint32_t seq;
	int64_t heard_us;
	struct hz_hls_status status;
};

static void say_all(struct hz_hls_link *link)
{
	link->begin_unsaid = link->end_unsaid = true;
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
	if (!link)
		return -ENOMEM;
	link->fd = fd;
	link->folder = folder;
	link->disk_bytes = disk_bytes;
	link->heard_us = now_us;
	hz_random(&link->seq, sizeof(link->seq)); // answers to an earlier control are not taken for ours
	say_all(link);
	*ret = link;
	return 0;
}

void hz_hls_link_free(struct hz_hls_link *link)
{
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

static void head(struct hz_hls_link *link, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	if (!++link->seq)
		link->seq = 1;
	*h = (struct hz_msg_header){.version = HZ_HLS_API_VERSION,
	                            .type = (uint16_t)type,
	                            .bytes = (uint32_t)bytes,
	                            .seq = link->seq};
}

static int say_begin(struct hz_hls_link *link)
{
	struct hz_hls_begin m = {.disk_bytes = link->disk_bytes};
	head(link, &m.h, HZ_HLS_RECONCILE_BEGIN, sizeof(m));
	return hz_seqpacket_send_fds(link->fd, &m, sizeof(m), &link->folder, 1);
}

static int say_wish(struct hz_hls_link *link, struct wish *w)
{
	struct hz_hls_broadcast_del del = {.consult = w->set.consult};
	int err;
	if (w->gone) {
		head(link, &del.h, HZ_HLS_BROADCAST_DEL, sizeof(del));
		err = hz_seqpacket_send(link->fd, &del, sizeof(del));
	} else {
		head(link, &w->set.h, HZ_HLS_BROADCAST_SET, sizeof(w->set));
		unsigned fds = w->set.feed && w->feed_fd ? 1 : 0;
		err = hz_seqpacket_send_fds(link->fd, &w->set, sizeof(w->set), &w->feed_fd, fds);
	}
	if (err)
		return err;
	w->seq = link->seq;
	w->unsaid = w->answered = false;
	if (w->gone)
		*w = (struct wish){.unsaid = false};
	return 0;
}

bool hz_hls_link_flush(struct hz_hls_link *link)
{
	struct hz_cmd_reconcile end;
	int err = link->fd < 0 ? -EPIPE : 0;
	if (!err && link->begin_unsaid) {
		err = say_begin(link);
		link->begin_unsaid = err != 0;
	}
	for (unsigned i = 0; i < HZ_HLS_WISHES && !err; i++) {
		if (link->wish[i].set.consult && link->wish[i].unsaid)
			err = say_wish(link, &link->wish[i]);
	}
	if (!err && link->end_unsaid) {
		head(link, &end.h, HZ_HLS_RECONCILE_END, sizeof(end));
		err = hz_seqpacket_send(link->fd, &end, sizeof(end));
		link->end_unsaid = err != 0;
	}
	return err == -EAGAIN;
}

// --- in

static void on_ack(struct hz_hls_link *link, const struct hz_ev_ack *ack)
{
	struct wish *w = ack->id ? find(link, ack->id) : NULL;
	if (!w || w->seq != ack->h.seq || w->unsaid)
		return;
	w->answered = true;
	w->again_us = 0;
	if (w->err != ack->err && ack->err)
		hz_warn("hls.refused", "number=%u err=%d", ack->id, -ack->err);
	w->err = ack->err;
}

static void on_message(struct hz_hls_link *link, const void *buf, size_t bytes, int64_t now_us)
{
	const struct hz_msg_header *h = buf;
	if (bytes < sizeof(*h) || h->version != HZ_HLS_API_VERSION || h->bytes != bytes) {
		hz_warn("hls.message", "bytes=%zu", bytes);
		return;
	}
	link->heard_us = now_us;
	if (h->type == HZ_HLS_HELLO && bytes == sizeof(struct hz_hls_hello))
		say_all(link);
	else if (h->type == HZ_HLS_ACK && bytes == sizeof(struct hz_ev_ack))
		on_ack(link, buf);
	else if (h->type == HZ_HLS_STATUS && bytes == sizeof(link->status))
		memcpy(&link->status, buf, bytes);
}

int hz_hls_link_read(struct hz_hls_link *link, int64_t now_us)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	for (unsigned n = 0; n < MESSAGES_A_CALL && link->fd >= 0; n++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(link->fd, buf, sizeof(buf), &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err == -EMSGSIZE)
			continue;
		if (err) {
			link->fd = -1;
			return -EPIPE;
		}
		on_message(link, buf, bytes, now_us);
	}
	return 0;
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
	return !find(link, consult) || err == 0 || err == -ENOSPC || err == -EINVAL || link->fd < 0 ||
	       now_us - link->heard_us >= HZ_HLS_SILENT_US;
}

const struct hz_hls_status *hz_hls_link_status(const struct hz_hls_link *link)
{
	return &link->status;
}

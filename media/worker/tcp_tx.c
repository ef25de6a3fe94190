// Out: frames wait in a ring of their own until the kernel takes them; it keeps little (TCP_NOTSENT_LOWAT), so that
// what got too old can still be left out here.
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "media/worker/tcp_internal.h"

#define FRAMES_A_WRITE 64

static struct hz_tcp_frame *frame_at(struct hz_tcp_conn *c, uint32_t i)
{
	return &c->queue[(c->head + i) % HZ_TCP_QUEUE];
}

static void leave_out(struct hz_worker *w, struct hz_tcp_conn *c, struct hz_tcp_frame *f)
{
	c->video -= f->class == HZ_TCP_VIDEO;
	f->bytes = 0;
	w->arena->counters.tcp_dropped++;
}

static void pop(struct hz_tcp_conn *c)
{
	struct hz_tcp_frame *f = frame_at(c, 0);
	c->video -= f->bytes && f->class == HZ_TCP_VIDEO;
	c->head = (c->head + 1) % HZ_TCP_QUEUE;
	if (--c->count == 0)
		c->head = 0; // the same pages again
}

static void age(struct hz_worker *w, struct hz_tcp_conn *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		struct hz_tcp_frame *f = frame_at(c, i);
		int64_t most = f->class == HZ_TCP_VIDEO   ? HZ_TCP_VIDEO_US
		               : f->class == HZ_TCP_AUDIO ? HZ_TCP_AUDIO_US
		                                          : INT64_MAX;
		if (f->bytes && w->now_us - f->queued_us > most)
			leave_out(w, c, f);
	}
	while (c->count && !frame_at(c, 0)->bytes)
		pop(c);
}

// Frames in the queue are whole: of one that was begun the rest is in the arena.
void hz_tcp_leave_out(struct hz_worker *w, uint32_t slot)
{
	uint32_t seen = 0;
	for (uint32_t i = 0; seen < w->tcp->count && i < HZ_ARENA_CONNS; i++) {
		struct hz_tcp_conn *c = &w->tcp->conn[i];
		seen += c->fd >= 0;
		for (uint32_t k = 0; c->fd >= 0 && c->slot == slot && k < c->count; k++) {
			struct hz_tcp_frame *f = frame_at(c, k);
			if (f->bytes && f->class != HZ_TCP_CONTROL)
				leave_out(w, c, f);
		}
	}
}

static bool has_room(struct hz_worker *w, struct hz_tcp_conn *c, enum hz_tcp_class class)
{
	if (c->count == HZ_TCP_QUEUE)
		age(w, c);
	return c->count < HZ_TCP_QUEUE && (class != HZ_TCP_VIDEO || c->video < HZ_TCP_QUEUE_VIDEO);
}

int hz_tcp_send(struct hz_worker *w, uint32_t conn, const void *data, size_t bytes, enum hz_tcp_class class)
{
	struct hz_tcp_conn *c = hz_tcp_find(w, conn);
	if (!c)
		return -ENOTCONN;
	if (bytes > HZ_TCPFRAME_MAX_BYTES)
		return -EMSGSIZE;
	if (!has_room(w, c, class)) {
		w->arena->counters.tcp_dropped++;
		return -ENOBUFS;
	}
	struct hz_tcp_frame *f = frame_at(c, c->count++);
	f->queued_us = w->now_us;
	f->class = class;
	f->bytes = (uint16_t)(HZ_TCPFRAME_HEADER + bytes);
	hz_tcpframe_head(f->data, bytes);
	memcpy(f->data + HZ_TCPFRAME_HEADER, data, bytes);
	c->video += class == HZ_TCP_VIDEO;
	if (!c->dirty && !c->blocked) {
		c->dirty = true;
		w->tcp->dirty[w->tcp->dirty_count++] = (uint16_t)hz_tcp_index(w, c);
	}
	return 0;
}

static void set_blocked(struct hz_worker *w, struct hz_tcp_conn *c, bool blocked)
{
	if (c->blocked == blocked)
		return;
	c->blocked = blocked;
	hz_tcp_watch(w, c, EPOLL_CTL_MOD);
}

// The rest of a frame that the kernel took in part goes where a successor finds it.
static void keep_tail(struct hz_arena_conn *ac, const struct hz_tcp_conn *c, const uint8_t *rest,
                      size_t bytes)
{
	ac->tail_bytes = 0;
	HZ_ARENA_BARRIER();
	memcpy(ac->tail, rest, bytes);
	ac->tail_at = c->position;
	HZ_ARENA_BARRIER();
	ac->tail_bytes = (uint32_t)bytes;
}

static size_t tail_left(const struct hz_arena_conn *ac, const struct hz_tcp_conn *c)
{
	return ac->tail_bytes ? (size_t)(ac->tail_at + ac->tail_bytes - c->position) : 0;
}

// *ret_count parts, the tail first. Returns all bytes.
static size_t gather(struct hz_tcp_conn *c, struct hz_arena_conn *ac, struct iovec *parts, int *ret_count)
{
	size_t left = tail_left(ac, c), total = left;
	int count = 0;
	if (left)
		parts[count++] = (struct iovec){ac->tail + (ac->tail_bytes - left), left};
	for (uint32_t i = 0; i < c->count && count <= FRAMES_A_WRITE; i++) {
		struct hz_tcp_frame *f = frame_at(c, i);
		if (!f->bytes)
			continue;
		parts[count++] = (struct iovec){f->data, f->bytes};
		total += f->bytes;
	}
	*ret_count = count;
	return total;
}

// n bytes were taken: true when they ended with a frame.
static bool settle(struct hz_tcp_conn *c, struct hz_arena_conn *ac, size_t n)
{
	size_t left = tail_left(ac, c);
	c->position += n;
	if (n < left)
		return false; // the arena's tail still covers it
	n -= left;
	while (n > 0) {
		struct hz_tcp_frame *f = frame_at(c, 0);
		if (f->bytes > n) {
			keep_tail(ac, c, f->data + n, f->bytes - n);
			pop(c);
			return false;
		}
		n -= f->bytes; // 0 for one that was left out
		pop(c);
	}
	ac->whole = c->position;
	HZ_ARENA_BARRIER();
	ac->tail_bytes = 0;
	return true;
}

void hz_tcp_write(struct hz_worker *w, struct hz_tcp_conn *c)
{
	struct hz_arena_conn *ac = &w->arena->conn[hz_tcp_index(w, c)];
	struct iovec parts[FRAMES_A_WRITE + 2];
	for (;;) {
		int count = 0;
		age(w, c);
		size_t total = gather(c, ac, parts, &count);
		if (!total)
			break;
		const struct msghdr msg = {.msg_iov = parts, .msg_iovlen = (size_t)count};
		ac->intent = c->position + total;
		HZ_ARENA_BARRIER();
		ssize_t n = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			hz_tcp_close(w, c, "send");
			return;
		}
		if (n > 0)
			settle(c, ac, (size_t)n);
		if (n < 0 || (size_t)n < total) {
			set_blocked(w, c, true);
			return;
		}
		w->arena->counters.tx_packets += (unsigned)count;
		w->arena->counters.tx_bytes += total;
	}
	set_blocked(w, c, false);
}

void hz_tcp_flush(struct hz_worker *w)
{
	struct hz_tcp *tcp = w->tcp;
	for (uint32_t i = 0; i < tcp->dirty_count; i++) {
		struct hz_tcp_conn *c = &tcp->conn[tcp->dirty[i]];
		c->dirty = false;
		if (c->fd >= 0 && !c->blocked)
			hz_tcp_write(w, c);
	}
	tcp->dirty_count = 0;
}

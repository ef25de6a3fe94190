// The process's other descriptors, timers and deferred calls on the same loop.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "signaling/server/internal.h"

#define EVENTS_A_TURN 16

// All of them in one epoll, which lws polls as one: most of them are quiet while others are served, and each that poll() is
// given costs with each turn.
int hz_loop_start(struct hz_server *server)
{
	lws_adopt_desc_t info = {.vh = server->vhost, .type = LWS_ADOPT_RAW_FILE_DESC};
	server->watch.kind = HZ_WSI_FD;
	server->watch.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->watch.epoll < 0)
		return -errno;
	info.opaque = &server->watch;
	info.vh_prot_name = HZ_PROTOCOL_FD;
	info.fd.filefd = fcntl(server->watch.epoll, F_DUPFD_CLOEXEC, 3); // lws closes what it adopts
	if (info.fd.filefd < 0)
		return -errno;
	if (lws_adopt_descriptor_vhost_via_info(&info))
		return 0;
	close(info.fd.filefd);
	return -ENOMEM;
}

int hz_server_add_fd(struct hz_server *server, int fd, hz_server_fd_cb *on_readable,
                     hz_server_fd_cb *on_writable, void *ctx, struct hz_server_fd **ret)
{
	if (fd < 0 || !on_readable)
		return -EINVAL;
	struct hz_server_fd *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct hz_server_fd){.server = server, .fd = fd, .ctx = ctx};
	h->on_readable = on_readable;
	h->on_writable = on_writable;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = h};
	h->watched = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (h->watched < 0 || epoll_ctl(server->watch.epoll, EPOLL_CTL_ADD, h->watched, &event) < 0) {
		int err = -errno;
		if (h->watched >= 0)
			close(h->watched);
		free(h);
		return err;
	}
	h->next = server->fds;
	if (server->fds)
		server->fds->prev = h;
	server->fds = h;
	*ret = h;
	return 0;
}

void hz_server_want_write(struct hz_server_fd *handle, bool want)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = handle};
	if (want == handle->want_write)
		return;
	handle->want_write = want;
	if (want && handle->on_writable)
		event.events |= EPOLLOUT;
	if (handle->watched >= 0)
		(void)epoll_ctl(handle->server->watch.epoll, EPOLL_CTL_MOD, handle->watched, &event);
}

static void free_handle(struct hz_server_fd *h)
{
	*(h->prev ? &h->prev->next : &h->server->fds) = h->next;
	if (h->next)
		h->next->prev = h->prev;
	free(h);
}

static void let_go(struct hz_server_fd *h)
{
	if (h->watched < 0)
		return;
	// Not left to close(): somebody else may have the same socket open.
	(void)epoll_ctl(h->server->watch.epoll, EPOLL_CTL_DEL, h->watched, NULL);
	close(h->watched);
	h->watched = -1;
}

void hz_server_remove_fd(struct hz_server_fd *handle)
{
	if (!handle || handle->removed)
		return;
	let_go(handle);
	handle->removed = true;
	if (handle->server->watch.inside)
		handle->server->watch.some_removed = true;
	else
		free_handle(handle);
}

static void on_event(struct hz_server_fd *h, uint32_t events)
{
	bool hung_up = !(events & EPOLLIN) && events & (EPOLLHUP | EPOLLERR);
	if (h->removed)
		return;
	if (hung_up) // without anything to read: the reader finds that out by reading, and is told once
		let_go(h);
	if (hung_up || events & EPOLLIN)
		h->on_readable(h->ctx, h->fd);
	if (!hung_up && events & EPOLLOUT && !h->removed && h->want_write)
		h->on_writable(h->ctx, h->fd);
}

int hz_loop_on_ready(struct hz_server *server, enum lws_callback_reasons reason)
{
	struct epoll_event events[EVENTS_A_TURN];
	if (reason != LWS_CALLBACK_RAW_RX_FILE || server->destroying)
		return 0;
	int count =
	    epoll_wait(server->watch.epoll, events, EVENTS_A_TURN, 0); // those left come with the next turn
	server->watch.inside = true; // whoever is removed meanwhile may be among them
	for (int i = 0; i < count; i++)
		on_event(events[i].data.ptr, events[i].events);
	server->watch.inside = false;
	for (struct hz_server_fd *h = server->watch.some_removed ? server->fds : NULL, *next; h; h = next) {
		next = h->next;
		if (h->removed)
			free_handle(h);
	}
	server->watch.some_removed = false;
	return 0;
}

// --- timers

struct hz_server_timer {
	struct hz_server *server;
	hz_server_cb *cb;
	void *ctx;
	lws_sorted_usec_list_t sul;
};

static void on_timer(lws_sorted_usec_list_t *sul)
{
	struct hz_server_timer *timer = lws_container_of(sul, struct hz_server_timer, sul);
	timer->cb(timer->ctx); // may free the timer
}

int hz_server_timer_new(struct hz_server *server, hz_server_cb *cb, void *ctx, struct hz_server_timer **ret)
{
	struct hz_server_timer *timer = calloc(1, sizeof(*timer));
	if (!timer)
		return -ENOMEM;
	timer->server = server;
	timer->cb = cb;
	timer->ctx = ctx;
	*ret = timer;
	return 0;
}

void hz_server_timer_arm(struct hz_server_timer *timer, int64_t delay_us)
{
	lws_sul_schedule(timer->server->context, 0, &timer->sul, on_timer, delay_us > 0 ? delay_us : 1);
}

void hz_server_timer_disarm(struct hz_server_timer *timer)
{
	lws_sul_cancel(&timer->sul);
}

void hz_server_timer_free(struct hz_server_timer *timer)
{
	if (!timer)
		return;
	lws_sul_cancel(&timer->sul);
	free(timer);
}

// --- deferred calls

int hz_server_defer(struct hz_server *server, hz_server_cb *cb, void *ctx)
{
	for (unsigned i = 0; i < server->deferred_count; i++)
		if (server->deferred[i].cb == cb && server->deferred[i].ctx == ctx)
			return 0;
	if (server->deferred_count == HZ_DEFERRED_MAX)
		return -ENOSPC;
	if (server->deferred_count == server->deferred_cap) {
		unsigned cap = server->deferred_cap ? server->deferred_cap * 2 : 64;
		struct hz_deferred *grown = realloc(server->deferred, cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		server->deferred = grown;
		server->deferred_cap = cap;
	}
	server->deferred[server->deferred_count++] = (struct hz_deferred){cb, ctx};
	return 0;
}

void hz_server_undefer(struct hz_server *server, hz_server_cb *cb, void *ctx)
{
	for (unsigned i = 0; i < server->deferred_count; i++)
		if (server->deferred[i].cb == cb && server->deferred[i].ctx == ctx)
			server->deferred[i].cb = NULL; // keeps its place: the list may be running
}

void hz_loop_run_deferred(struct hz_server *server)
{
	unsigned now = server->deferred_count; // what these defer comes in the next turn
	for (unsigned i = 0; i < now; i++) {
		struct hz_deferred d = server->deferred[i];
		server->deferred[i].cb = NULL; // from here on it may be deferred again
		if (d.cb)
			d.cb(d.ctx);
	}
	unsigned left = 0;
	for (unsigned i = now; i < server->deferred_count; i++)
		server->deferred[left++] = server->deferred[i];
	server->deferred_count = left;
}

void hz_loop_free(struct hz_server *server)
{
	for (struct hz_server_fd *h = server->fds, *next; h; h = next) {
		next = h->next;
		if (h->watched >= 0)
			close(h->watched);
		free(h);
	}
	server->fds = NULL;
	if (server->watch.epoll >= 0)
		close(server->watch.epoll);
	free(server->deferred);
	server->deferred = NULL;
	server->deferred_count = 0;
}

// The process's other descriptors, timers and deferred calls on the same loop.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "signaling/server/internal.h"

int hz_server_add_fd(struct hz_server *server, int fd, hz_server_fd_cb *on_readable,
                     hz_server_fd_cb *on_writable, void *ctx, struct hz_server_fd **ret)
{
	if (fd < 0 || !on_readable)
		return -EINVAL;
	struct hz_server_fd *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	lws_adopt_desc_t info = {.vh = server->vhost, .type = LWS_ADOPT_RAW_FILE_DESC, .opaque = h};
	info.vh_prot_name = HZ_PROTOCOL_FD;
	info.fd.filefd = fcntl(fd, F_DUPFD_CLOEXEC, 3); // lws closes what it adopts
	if (info.fd.filefd < 0) {
		free(h);
		return -errno;
	}
	*h = (struct hz_server_fd){.kind = HZ_WSI_FD, .server = server, .fd = fd, .ctx = ctx};
	h->on_readable = on_readable;
	h->on_writable = on_writable;
	h->wsi = lws_adopt_descriptor_vhost_via_info(&info);
	if (!h->wsi) {
		close(info.fd.filefd);
		free(h);
		return -ENOMEM;
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
	handle->want_write = want;
	if (want && handle->wsi) {
		lws_callback_on_writable(handle->wsi);
		handle->server->rearm = handle->server->rearm || handle->inside;
	}
}

static void free_handle(struct hz_server_fd *h)
{
	*(h->prev ? &h->prev->next : &h->server->fds) = h->next;
	if (h->next)
		h->next->prev = h->prev;
	free(h);
}

void hz_server_remove_fd(struct hz_server_fd *handle)
{
	if (!handle || handle->removed)
		return;
	handle->removed = true;
	if (!handle->wsi) {
		if (!handle->inside)
			free_handle(handle);
		return;
	}
	// The loop closes lws' duplicate; until then no callback runs. hz_fd_callback(DESTROY) frees the handle.
	lws_set_timeout(handle->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static int on_event(struct hz_server_fd *h, bool writable)
{
	if (h->removed)
		return -1;
	h->inside = true;
	if (!writable)
		h->on_readable(h->ctx, h->fd);
	else if (h->on_writable && h->want_write)
		h->on_writable(h->ctx, h->fd);
	h->inside = false;
	if (h->removed)
		return -1;
	// lws switches writability off after each callback, so who still wants it is asked for again after the turn.
	h->server->rearm = h->server->rearm || h->want_write;
	return 0;
}

int hz_fd_callback(struct hz_server_fd *h, enum lws_callback_reasons reason)
{
	switch ((int)reason) {
	case LWS_CALLBACK_RAW_RX_FILE:
		return on_event(h, false);
	case LWS_CALLBACK_RAW_WRITEABLE_FILE:
		return on_event(h, true);
	case LWS_CALLBACK_RAW_CLOSE_FILE:
		h->wsi = NULL;
		h->inside = true; // a removal from in here frees the handle at DESTROY, not before
		// Hung up without anything to read: the reader finds that out by reading.
		if (!h->removed && !h->server->destroying)
			h->on_readable(h->ctx, h->fd);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		h->wsi = NULL;
		h->inside = false;
		if (h->removed)
			free_handle(h);
		return 0;
	default:
		return 0;
	}
}

void hz_loop_rearm(struct hz_server *server)
{
	if (!server->rearm)
		return;
	server->rearm = false;
	for (struct hz_server_fd *h = server->fds; h; h = h->next)
		if (h->want_write && h->wsi && !h->removed)
			lws_callback_on_writable(h->wsi);
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
		free(h);
	}
	server->fds = NULL;
	free(server->deferred);
	server->deferred = NULL;
	server->deferred_count = 0;
}

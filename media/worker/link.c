// The socket to control. HELLO and ACKs are never lost: one that does not fit waits, and until it is out no further
// command is read, so that the wait is bounded by control itself. Events never wait.
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "media/worker/state.h"

#define COMMANDS_PER_TURN 64 // media comes first

static void header(struct hz_msg_header *h, uint16_t type, size_t bytes, uint32_t seq)
{
	*h = (struct hz_msg_header){
	    .version = HZ_API_VERSION, .type = type, .bytes = (uint32_t)bytes, .seq = seq};
}

static void watch(struct hz_worker *w, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = w->fds.api};
	if (epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->fds.api, &e))
		hz_error("api.epoll", "err=%d", errno);
}

// Media flows on without control; the supervisor decides what becomes of us.
static void closed(struct hz_worker *w, int err)
{
	hz_warn("api.closed", "err=%d", err);
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, w->fds.api, NULL);
	w->api_open = false;
	w->pending_bytes = 0;
}

static void say(struct hz_worker *w, const union hz_msg *msg)
{
	int err = hz_seqpacket_send(w->fds.api, msg, msg->h.bytes);
	if (err == -EAGAIN) {
		memcpy(&w->pending, msg, msg->h.bytes);
		w->pending_bytes = msg->h.bytes;
		watch(w, EPOLLOUT);
	} else if (err) {
		closed(w, err);
	}
}

void hz_worker_hello(struct hz_worker *w)
{
	struct hz_router_counts counts;
	hz_router_counts(w->router, &counts);
	union hz_msg msg = {.hello = {.worker = w->index,
	                              .incarnation = w->arena->incarnation,
	                              .pid = (uint32_t)getpid(),
	                              .peers = counts.peers,
	                              .tracks = counts.tracks,
	                              .subs = counts.subs}};
	header(&msg.h, HZ_EV_HELLO, sizeof(msg.hello), 0);
	say(w, &msg);
}

void hz_worker_api_writable(struct hz_worker *w)
{
	if (!w->pending_bytes)
		return;
	int err = hz_seqpacket_send(w->fds.api, &w->pending, w->pending_bytes);
	if (err == -EAGAIN)
		return;
	w->pending_bytes = 0;
	if (err)
		closed(w, err);
	else
		watch(w, EPOLLIN);
}

// fd: -1, or what came along: ours.
static int command(struct hz_worker *w, const union hz_msg *msg, size_t bytes, int fd, hz_id *ret_id)
{
	if (bytes == sizeof(msg->tcp_accept) && msg->h.type == HZ_CMD_TCP_ACCEPT &&
	    msg->h.version == HZ_API_VERSION && fd >= 0) {
		*ret_id = msg->tcp_accept.peer;
		return hz_tcp_accept(w, &msg->tcp_accept, fd);
	}
	if (fd >= 0)
		close(fd);
	if (bytes == sizeof(msg->agent_set) && msg->h.type == HZ_CMD_AGENT_SET &&
	    msg->h.version == HZ_API_VERSION) {
		*ret_id = msg->agent_set.peer;
		return hz_worker_agent_set(w, &msg->agent_set);
	}
	if (bytes == sizeof(msg->agent_remote) && msg->h.type == HZ_CMD_AGENT_REMOTE &&
	    msg->h.version == HZ_API_VERSION) {
		*ret_id = msg->agent_remote.peer;
		return hz_worker_agent_remote(w, &msg->agent_remote);
	}
	return hz_router_command(w->router, msg, bytes, w->now_us, ret_id);
}

static void handle(struct hz_worker *w, const union hz_msg *msg, size_t bytes, int fd)
{
	union hz_msg ack = {.ack = {.err = 0}};
	hz_id id = 0;
	uint32_t seq = bytes >= sizeof(msg->h) ? msg->h.seq : 0;
	int err = command(w, msg, bytes, fd, &id);
	if (err)
		hz_info("command.refused", "type=%u id=%08x err=%d",
		        bytes >= sizeof(msg->h) ? msg->h.type : 0, id, err);
	header(&ack.h, HZ_EV_ACK, sizeof(ack.ack), seq);
	ack.ack.err = err;
	ack.ack.id = id;
	say(w, &ack);
}

void hz_worker_api_read(struct hz_worker *w)
{
	union hz_msg msg;
	for (unsigned i = 0; i < COMMANDS_PER_TURN && w->api_open && !w->pending_bytes; i++) {
		size_t bytes = 0;
		int fd = -1;
		unsigned fds = 0;
		const struct hz_seqpacket_in in = {.buf = &msg, .cap = sizeof(msg), .fds = &fd, .fds_cap = 1};
		int err = hz_seqpacket_recv_fds(w->fds.api, &in, &bytes, &fds);
		if (err == -EAGAIN)
			return;
		if (err == -EMSGSIZE || err == -ENOBUFS)
			bytes = 0; // refused and acknowledged as such
		else if (err) {
			closed(w, err);
			return;
		}
		handle(w, &msg, bytes, err || !fds ? -1 : fd);
	}
}

bool hz_worker_event(void *ctx, const union hz_msg *msg)
{
	struct hz_worker *w = ctx;
	if (!w->api_open || w->pending_bytes)
		return false;
	int err = hz_seqpacket_send(w->fds.api, msg, msg->h.bytes);
	if (err && err != -EAGAIN)
		closed(w, err);
	return !err;
}

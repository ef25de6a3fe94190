#include "gateway/link/media_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"

#define EVENTS_A_CALL 512
#define ACCEPTS       64    // connections that wait to be handed over
#define RECENT        16384 // commands that are remembered for their ACK; more do not fit the socket

enum phase { IDLE, BEGIN, OBJECTS, END };

struct hz_media_link {
	int fd;
	unsigned worker;
	const struct hz_media_link_ops *ops;
	void *ctx;
	struct hz_msg_header *queue[HZ_MEDIA_QUEUE];
	unsigned head, count;
	struct with_fd {
		struct hz_cmd_tcp_accept command;
		int fd; // ours
	} accepts[ACCEPTS];
	unsigned accepts_head, accepts_count;
	uint32_t seq;
	struct {
		uint64_t queued; // commands of the queue that were sent until then, or dropped
		uint16_t type;
	} recent[RECENT];
	uint64_t queued, left; // commands that ever entered the queue, and that left it
	uint64_t answered;     // of them
	enum phase phase;
	uint32_t at;      // of the objects
	uint32_t end_seq; // of the last END sent, 0: none
	bool doubtful;    // a SUB_SET was refused, and nothing was repeated since
	bool ready, blocked;
	struct hz_media_link_counters counters;
};

int hz_media_link_new(int fd, unsigned worker, const struct hz_media_link_ops *ops, void *ctx,
                      struct hz_media_link **ret)
{
	struct hz_media_link *link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->fd = fd;
	link->worker = worker;
	link->ops = ops;
	link->ctx = ctx;
	link->phase = BEGIN;
	*ret = link;
	return 0;
}

static void drop_queue(struct hz_media_link *link)
{
	link->left += link->count;
	for (; link->count > 0; link->count--) {
		free(link->queue[link->head]);
		link->head = (link->head + 1) % HZ_MEDIA_QUEUE;
	}
}

void hz_media_link_free(struct hz_media_link *link)
{
	if (!link)
		return;
	drop_queue(link);
	for (; link->accepts_count > 0; link->accepts_count--)
		close(link->accepts[(link->accepts_head++) % ACCEPTS].fd);
	free(link);
}

// What waits is covered by the repetition: it names the newest state of everything.
static void reconcile(struct hz_media_link *link)
{
	drop_queue(link);
	link->phase = BEGIN;
	link->at = 0;
	link->end_seq = 0;
	link->ready = link->doubtful = false;
	link->counters.reconciles++;
}

void hz_media_link_repeat(struct hz_media_link *link)
{
	reconcile(link);
}

void hz_media_link_send(struct hz_media_link *link, struct hz_msg_header *command, uint16_t type,
                        size_t bytes)
{
	command->version = HZ_API_VERSION;
	command->type = type;
	command->bytes = (uint32_t)bytes;
	bool again = type != HZ_CMD_AGENT_SET && type != HZ_CMD_AGENT_REMOTE;
	if (link->phase == BEGIN && again) // everything will be named anyway
		return;
	struct hz_msg_header *copy = link->count < HZ_MEDIA_QUEUE ? malloc(bytes) : NULL;
	if (!copy) {
		link->counters.overflows++;
		reconcile(link);
		return;
	}
	memcpy(copy, command, bytes);
	link->queue[(link->head + link->count++) % HZ_MEDIA_QUEUE] = copy;
	link->queued++;
}

// 0 sent, -EAGAIN later. Another error means that the worker is gone: its HELLO will start a RECONCILE.
static int send_with(struct hz_media_link *link, const struct hz_msg_header *command, const int *fd)
{
	union hz_msg msg;
	memcpy(&msg, command, command->bytes);
	msg.h.seq = link->seq + 1;
	int err = hz_seqpacket_send_fds(link->fd, &msg, command->bytes, fd, fd != NULL);
	if (err)
		return err;
	link->seq++;
	link->recent[link->seq % RECENT].type = command->type;
	link->recent[link->seq % RECENT].queued = link->left;
	link->counters.sent++;
	return 0;
}

static int send_one(struct hz_media_link *link, const struct hz_msg_header *command)
{
	return send_with(link, command, NULL);
}

static int send_mark(struct hz_media_link *link, uint16_t type)
{
	struct hz_cmd_reconcile mark = {
	    .h = {.version = HZ_API_VERSION, .type = type, .bytes = sizeof(mark)},
	};
	return send_one(link, &mark.h);
}

static int send_objects(struct hz_media_link *link)
{
	for (;;) {
		uint32_t at = link->at;
		const struct hz_msg_header *command = link->ops->next(link->ctx, link->worker, &at);
		if (!command)
			return 0;
		int err = send_one(link, command);
		if (err)
			return err;
		link->at = at;
	}
}

static int send_reconcile(struct hz_media_link *link)
{
	int err = 0;
	if (link->phase == BEGIN) {
		err = send_mark(link, HZ_CMD_RECONCILE_BEGIN);
		if (!err)
			link->phase = OBJECTS;
	}
	if (!err && link->phase == OBJECTS) {
		err = send_objects(link);
		if (!err)
			link->phase = END;
	}
	if (!err && link->phase == END) {
		err = send_mark(link, HZ_CMD_RECONCILE_END);
		if (!err) {
			link->phase = IDLE;
			link->end_seq = link->seq;
		}
	}
	return err;
}

static int send_accepts(struct hz_media_link *link)
{
	for (; link->accepts_count > 0; link->accepts_count--) {
		struct with_fd *at = &link->accepts[link->accepts_head];
		int err = send_with(link, &at->command.h, &at->fd);
		if (err)
			return err;
		close(at->fd);
		link->accepts_head = (link->accepts_head + 1) % ACCEPTS;
	}
	return 0;
}

void hz_media_link_flush(struct hz_media_link *link)
{
	int err = link->phase == IDLE ? 0 : send_reconcile(link);
	while (!err && link->count > 0) {
		err = send_one(link, link->queue[link->head]);
		if (err)
			break;
		link->recent[link->seq % RECENT].queued = ++link->left;
		free(link->queue[link->head]);
		link->head = (link->head + 1) % HZ_MEDIA_QUEUE;
		link->count--;
	}
	if (!err)
		err = send_accepts(link);
	link->blocked = err == -EAGAIN;
}

int hz_media_link_send_fd(struct hz_media_link *link, struct hz_cmd_tcp_accept *command, int fd)
{
	struct with_fd *at = &link->accepts[(link->accepts_head + link->accepts_count) % ACCEPTS];
	if (link->accepts_count == ACCEPTS)
		return -ENOSPC;
	command->h = (struct hz_msg_header){
	    .version = HZ_API_VERSION, .type = HZ_CMD_TCP_ACCEPT, .bytes = sizeof(*command)};
	at->command = *command;
	at->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (at->fd < 0)
		return -errno;
	link->accepts_count++;
	hz_media_link_flush(link);
	return 0;
}

uint64_t hz_media_link_mark(const struct hz_media_link *link)
{
	return link->queued;
}

bool hz_media_link_reached(const struct hz_media_link *link, uint64_t mark)
{
	return link->ready && !link->doubtful && link->answered >= mark;
}

bool hz_media_link_doubtful(const struct hz_media_link *link)
{
	return link->doubtful;
}

bool hz_media_link_blocked(const struct hz_media_link *link)
{
	return link->blocked;
}

static void on_ack(struct hz_media_link *link, const struct hz_ev_ack *ack)
{
	bool known = link->seq - ack->h.seq < RECENT;
	uint16_t type = known ? link->recent[ack->h.seq % RECENT].type : 0;
	link->counters.acked++;
	if (known)
		link->answered = link->recent[ack->h.seq % RECENT].queued;
	if (link->end_seq && ack->h.seq == link->end_seq)
		link->ready = true;
	if (ack->err == 0)
		return;
	if (ack->err == -ESTALE && (type == HZ_CMD_AGENT_SET || type == HZ_CMD_AGENT_REMOTE))
		return; // another ICE restart came in between
	// Deleting what is gone already is fine: it went with its peer, or with the worker.
	bool is_delete = type == HZ_CMD_TCP_ACCEPT || type == HZ_CMD_PEER_DEL || type == HZ_CMD_TRACK_DEL ||
	                 type == HZ_CMD_SUB_DEL || type == HZ_CMD_PEER_SHARE;
	if (is_delete && ack->err == -ENOENT)
		return;
	if (link->ready && type == HZ_CMD_SUB_SET) // before, the repetition covers it
		link->doubtful = true;
	link->counters.refused++;
	if (link->ops->on_refused)
		link->ops->on_refused(link->ctx, link->worker, type, ack->err);
}

static const uint16_t event_bytes[] = {
    [HZ_EV_HELLO] = sizeof(struct hz_ev_hello),
    [HZ_EV_ACK] = sizeof(struct hz_ev_ack),
    [HZ_EV_PEER_STATE] = sizeof(struct hz_ev_peer_state),
    [HZ_EV_TRACK_STATE] = sizeof(struct hz_ev_track_state),
    [HZ_EV_SPEAKERS] = sizeof(struct hz_ev_speakers),
    [HZ_EV_PEER_STATS] = sizeof(struct hz_ev_peer_stats),
    [HZ_EV_WORKER_STATS] = sizeof(struct hz_ev_worker_stats),
    [HZ_EV_SUB_STATE] = sizeof(struct hz_ev_sub_state),
    [HZ_EV_AGENT_LOCAL] = sizeof(struct hz_ev_agent_local),
    [HZ_EV_PEER_SHARE] = sizeof(struct hz_ev_peer_share),
    [HZ_EV_PEER_UPLINK] = sizeof(struct hz_ev_peer_uplink),
};

static bool well_formed(const union hz_msg *msg, size_t bytes)
{
	if (bytes < sizeof(msg->h) || msg->h.version != HZ_API_VERSION || msg->h.bytes != bytes)
		return false;
	if (msg->h.type < HZ_EV_HELLO || msg->h.type > HZ_EV_PEER_UPLINK)
		return false;
	return bytes == event_bytes[msg->h.type];
}

int hz_media_link_read(struct hz_media_link *link)
{
	union hz_msg msg;
	for (int i = 0; i < EVENTS_A_CALL; i++) {
		size_t bytes = 0;
		int err = hz_seqpacket_recv(link->fd, &msg, sizeof(msg), &bytes);
		if (err == -EAGAIN)
			return 0;
		if (err && err != -EMSGSIZE)
			return err;
		if (err || !well_formed(&msg, bytes)) {
			link->counters.bad_events++;
			continue;
		}
		if (msg.h.type == HZ_EV_ACK) {
			on_ack(link, &msg.ack);
			continue;
		}
		if (msg.h.type == HZ_EV_HELLO)
			reconcile(link);
		link->ops->on_event(link->ctx, link->worker, &msg);
	}
	return 0;
}

bool hz_media_link_ready(const struct hz_media_link *link)
{
	return link->ready;
}

const struct hz_media_link_counters *hz_media_link_counters(const struct hz_media_link *link)
{
	return &link->counters;
}

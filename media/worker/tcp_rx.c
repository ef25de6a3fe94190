// In: whole frames only. What is there is looked at first (MSG_PEEK), then exactly its whole frames are taken
// (MSG_TRUNC throws them away without another copy), then they are handled: wherever we are killed, the kernel's
// stream begins with a frame.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "media/worker/tcp_internal.h"

// Without this a frame that has come in part would keep epoll awake.
static void want(struct hz_tcp_conn *c, size_t bytes)
{
	int value = (int)bytes;
	if (c->lowat == bytes)
		return;
	if (setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &value, sizeof(value)) == 0)
		c->lowat = (uint32_t)bytes;
}

// Bytes of whole frames; *ret_need: how many the one after them needs. -EMSGSIZE.
static int borders(const uint8_t *data, size_t bytes, size_t *ret_whole, size_t *ret_need)
{
	size_t at = 0, payload = 0;
	int err;
	while (!(err = hz_tcpframe_next(data + at, bytes - at, &payload)))
		at += HZ_TCPFRAME_HEADER + payload;
	if (err == -EMSGSIZE)
		return err;
	*ret_whole = at;
	*ret_need = at == bytes ? 1 : payload;
	return 0;
}

static void deliver(struct hz_worker *w, uint32_t id, size_t bytes)
{
	struct hz_tcp *tcp = w->tcp;
	const struct hz_arena_conn *ac = &w->arena->conn[HZ_ID_SLOT(id)];
	struct hz_udp_packet packet = {.data = tcp->packet};
	size_t payload = 0;
	for (size_t at = 0; at < bytes; at += HZ_TCPFRAME_HEADER + payload) {
		// A border was found here before. A frame may have ended its connection.
		if (hz_tcpframe_next(tcp->in + at, bytes - at, &payload) || !hz_tcp_alive(w, id))
			return;
		if (!payload)
			continue;
		memcpy(tcp->packet, tcp->in + at + HZ_TCPFRAME_HEADER, payload);
		packet.bytes = payload;
		packet.path =
		    (struct hz_path){.remote = ac->remote, .local = ac->local.sin6_addr, .conn = id};
		hz_worker_dispatch(w, &packet);
	}
}

size_t hz_tcp_read(struct hz_worker *w, struct hz_tcp_conn *c, bool closing)
{
	struct hz_tcp *tcp = w->tcp;
	uint32_t id = hz_tcp_id(w, c);
	size_t whole = 0, need = 1;
	ssize_t n = recv(c->fd, tcp->in, sizeof(tcp->in), MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !closing)
		return 0;
	if (n <= 0) {
		hz_tcp_close(w, c, n == 0 ? "end" : "error");
		return 0;
	}
	if (borders(tcp->in, (size_t)n, &whole, &need)) {
		w->arena->counters.rtp_bad++;
		hz_tcp_close(w, c, "frame");
		return (size_t)n;
	}
	if (whole == 0 && closing) { // the rest of a frame will not come
		hz_tcp_close(w, c, "end");
		return (size_t)n;
	}
	if (whole && recv(c->fd, tcp->in, whole, MSG_TRUNC | MSG_DONTWAIT) != (ssize_t)whole) {
		hz_tcp_close(w, c, "error");
		return (size_t)n;
	}
	want(c, need);
	deliver(w, id, whole);
	return (size_t)n;
}

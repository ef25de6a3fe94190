// The other side of a worker: control at its socket, and clients with real ICE checks, DTLS and SRTP on loopback.
#ifndef HZ_TESTS_UNIT_WORKER_CLIENT_H
#define HZ_TESTS_UNIT_WORKER_CLIENT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/ring.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "media/router/arena.h"
#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"
#include "media/transport/demux.h"
#include "media/transport/dtls.h"
#include "media/transport/srtp.h"
#include "media/transport/stun.h"
#include "media/transport/tcpframe.h"
#include "media/transport/udp.h"
#include "media/worker/worker.h"

#define RIG_INDEX 3
#define WAIT_US   5000000 // for anything that must happen

struct rig {
	struct hz_worker_fds fds;
	int control;
	pid_t pid;
	struct hz_arena *arena; // the test's view
	uint16_t port;
	uint32_t seq;
	struct hz_identity *identity; // of the worker
	void *taps;
	struct hz_ring tap; // the recorder's end of it
};

static inline void rig_spawn(struct rig *rig)
{
	rig->pid = fork();
	assert_true(rig->pid >= 0);
	if (rig->pid)
		return;
	hz_log_init("worker", HZ_LOG_ERROR);
	prctl(PR_SET_PDEATHSIG, SIGKILL); // a failed test leaves nothing behind
	hz_srtp_done();                   // what the fork inherited: the worker begins anew
	close(rig->control);
	int err = hz_worker_run(&rig->fds, &(struct hz_worker_options){.index = RIG_INDEX});
#ifdef __SANITIZE_ADDRESS__
	if (!err && __lsan_do_recoverable_leak_check())
		_exit(99);
#endif
	_exit(err ? (-err & 0x7f) : 0);
}

static inline struct rig *rig_new(unsigned api_bytes)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	int pair[2];
	struct sockaddr_in6 at;
	void *map;
	assert_int_equal(hz_memfd_new("arena", hz_worker_arena_bytes(), &rig->fds.arena), 0);
	assert_int_equal(hz_udp_open("127.0.0.1", 0, &rig->fds.udp), 0);
	assert_int_equal(hz_udp_local(rig->fds.udp, &at), 0);
	rig->port = ntohs(at.sin6_port);
	assert_int_equal(hz_seqpacket_pair(api_bytes, pair), 0);
	rig->control = pair[0];
	rig->fds.api = pair[1];
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	rig->fds.shelf_in = pair[0];
	rig->fds.shelf_out = pair[1];
	assert_int_equal(hz_identity_generate(&rig->fds.identity), 0);
	assert_int_equal(hz_identity_load(rig->fds.identity, &rig->identity), 0);
	assert_int_equal(hz_memfd_map(rig->fds.arena, hz_worker_arena_bytes(), &map), 0);
	rig->arena = map;
	assert_int_equal(hz_memfd_new("taps", hz_worker_taps_bytes(RIG_INDEX + 1), &rig->fds.taps), 0);
	assert_int_equal(hz_memfd_map(rig->fds.taps, hz_worker_taps_bytes(RIG_INDEX + 1), &rig->taps), 0);
	assert_int_equal(hz_ring_consume(&rig->tap, (uint8_t *)rig->taps + hz_worker_taps_bytes(RIG_INDEX),
	                                 hz_worker_tap_bytes()),
	                 0);
	rig_spawn(rig);
	return rig;
}

// Ends the worker as the supervisor would; its exit code.
static inline int rig_stop(struct rig *rig)
{
	int status = 0;
	kill(rig->pid, SIGTERM);
	assert_int_equal(waitpid(rig->pid, &status, 0), rig->pid);
	rig->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void rig_kill(struct rig *rig)
{
	kill(rig->pid, SIGKILL);
	assert_int_equal(waitpid(rig->pid, NULL, 0), rig->pid);
}

static inline void rig_free(struct rig *rig)
{
	if (rig->pid)
		assert_int_equal(rig_stop(rig), 0);
	hz_identity_free(rig->identity);
	hz_memfd_unmap(rig->arena, hz_worker_arena_bytes());
	hz_memfd_unmap(rig->taps, hz_worker_taps_bytes(RIG_INDEX + 1));
	close(rig->fds.taps);
	close(rig->fds.arena);
	close(rig->fds.udp);
	close(rig->fds.api);
	close(rig->fds.shelf_in);
	close(rig->fds.shelf_out);
	close(rig->fds.identity);
	close(rig->control);
	free(rig);
}

static inline bool rig_event(struct rig *rig, union hz_msg *ret, int64_t wait_us)
{
	struct pollfd p = {.fd = rig->control, .events = POLLIN};
	size_t bytes;
	if (poll(&p, 1, (int)(wait_us / 1000)) <= 0)
		return false;
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(hz_seqpacket_recv(rig->control, ret, sizeof(*ret), &bytes), 0);
	assert_int_equal(bytes, ret->h.bytes);
	return true;
}

// The next event of that type; others are passed over.
static inline union hz_msg rig_expect(struct rig *rig, uint16_t type)
{
	union hz_msg msg;
	int64_t until = hz_now_us() + WAIT_US;
	while (hz_now_us() < until && rig_event(rig, &msg, until - hz_now_us()))
		if (msg.h.type == type)
			return msg;
	fail_msg("event %u did not come", type);
	return msg;
}

static inline void rig_expect_state(struct rig *rig, hz_id peer, uint8_t state, uint8_t reason)
{
	union hz_msg msg;
	do
		msg = rig_expect(rig, HZ_EV_PEER_STATE);
	while (msg.peer_state.peer != peer || msg.peer_state.state != state);
	assert_int_equal(msg.peer_state.reason, reason);
}

static inline void rig_send(struct rig *rig, union hz_msg *msg, uint16_t type, size_t bytes)
{
	msg->h = (struct hz_msg_header){
	    .version = HZ_API_VERSION, .type = type, .bytes = (uint32_t)bytes, .seq = ++rig->seq};
	assert_int_equal(hz_seqpacket_send(rig->control, msg, bytes), 0);
}

static inline int rig_command(struct rig *rig, union hz_msg *msg, uint16_t type, size_t bytes)
{
	rig_send(rig, msg, type, bytes);
	union hz_msg ack = rig_expect(rig, HZ_EV_ACK);
	assert_int_equal(ack.h.seq, rig->seq);
	return ack.ack.err;
}

// --- clients

struct client {
	struct rig *rig;
	uint32_t slot;
	int fd;
	int tcp; // 0: UDP; else its end of a connection (client_tcp_connect)
	// Instead of both, when set: one datagram out; one in, waiting so long (0: none came).
	void (*write)(struct client *c, const uint8_t *data, size_t bytes);
	ssize_t (*read)(struct client *c, uint8_t *data, int64_t wait_us);
	struct hz_path path;
	struct hz_udp_rx *rx;
	struct hz_udp_tx *tx;
	struct hz_identity *identity;
	struct hz_dtls_ctx *ctx;
	struct hz_dtls *dtls;
	struct hz_srtp *srtp;
	char ufrag[HZ_UFRAG_BYTES], pwd[HZ_PWD_BYTES]; // the worker's
	uint64_t auth_failed, replayed;
	uint64_t rtcp;    // compounds received
	uint64_t plis;    // for `pli_ssrc`
	unsigned answers; // to STUN
	uint8_t last_id[HZ_STUN_ID_BYTES];
};

static void client_output(void *user, const uint8_t *data, size_t bytes)
{
	struct client *c = user;
	if (c->write) {
		c->write(c, data, bytes);
		return;
	}
	if (c->tcp) {
		uint8_t frame[HZ_TCPFRAME_HEADER + HZ_TCPFRAME_MAX_BYTES];
		hz_tcpframe_head(frame, bytes);
		memcpy(frame + HZ_TCPFRAME_HEADER, data, bytes);
		bytes += HZ_TCPFRAME_HEADER;
		assert_int_equal(send(c->tcp, frame, bytes, MSG_NOSIGNAL), bytes);
		return;
	}
	assert_int_equal(hz_udp_queue(c->tx, &c->path, data, bytes), 0);
	hz_udp_flush(c->tx);
}

static inline void client_raw(struct client *c, const void *data, size_t bytes)
{
	client_output(c, data, bytes);
}

static inline int client_set(struct client *c, uint32_t consult, uint32_t flags)
{
	union hz_msg m = {.peer_set = {.peer = HZ_ID(c->slot, 1), .consult = consult, .flags = flags}};
	memcpy(m.peer_set.local_ufrag, c->ufrag, sizeof(c->ufrag));
	memcpy(m.peer_set.local_pwd, c->pwd, sizeof(c->pwd));
	snprintf(m.peer_set.remote_ufrag, HZ_UFRAG_BYTES, "client%u", c->slot);
	snprintf(m.peer_set.remote_pwd, HZ_PWD_BYTES, "a-password-that-is-not-used");
	hz_identity_fingerprint(c->identity, m.peer_set.fingerprint);
	return rig_command(c->rig, &m, HZ_CMD_PEER_SET, sizeof(m.peer_set));
}

static inline struct client *client_new(struct rig *rig, uint32_t slot)
{
	struct client *c = calloc(1, sizeof(*c));
	int identity;
	c->rig = rig;
	c->slot = slot;
	assert_int_equal(hz_udp_open("127.0.0.1", 0, &c->fd), 0);
	assert_int_equal(hz_udp_rx_new(&c->rx), 0);
	assert_int_equal(hz_udp_tx_new(c->fd, &c->tx), 0);
	c->path.remote.sin6_family = AF_INET6;
	c->path.remote.sin6_port = htons(rig->port);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &c->path.remote.sin6_addr);
	assert_int_equal(hz_identity_generate(&identity), 0);
	assert_int_equal(hz_identity_load(identity, &c->identity), 0);
	close(identity);
	assert_int_equal(hz_dtls_ctx_new(c->identity, &c->ctx), 0);
	hz_random_text(c->ufrag, 8);
	hz_random_text(c->pwd, 24);
	return c;
}

static inline void client_free(struct client *c)
{
	hz_dtls_free(c->dtls);
	hz_dtls_ctx_free(c->ctx);
	hz_srtp_free(c->srtp);
	hz_identity_free(c->identity);
	hz_udp_rx_free(c->rx);
	hz_udp_tx_free(c->tx);
	close(c->fd);
	if (c->tcp)
		close(c->tcp);
	free(c);
}

static inline void client_check_send(struct client *c, const char *pwd, bool use_candidate)
{
	uint8_t buf[HZ_STUN_MAX_BYTES];
	size_t bytes;
	struct hz_stun_check check = {.remote_ufrag = c->ufrag,
	                              .local_ufrag = "clnt",
	                              .remote_pwd = pwd,
	                              .priority = 100,
	                              .tie_breaker = 7,
	                              .use_candidate = use_candidate};
	hz_random(check.id, sizeof(check.id));
	memcpy(c->last_id, check.id, sizeof(c->last_id));
	assert_int_equal(hz_stun_request(&check, buf, sizeof(buf), &bytes), 0);
	client_raw(c, buf, bytes);
}

struct client_in { // a decrypted RTP packet
	uint8_t data[2048];
	struct hz_rtp_packet p;
};

static inline void client_rtcp(struct client *c, struct hz_udp_packet *packet)
{
	size_t bytes = packet->bytes;
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	int err = c->srtp ? hz_srtp_unprotect_rtcp(c->srtp, packet->data, &bytes) : -EINVAL;
	if (err) {
		c->auth_failed += err == -EACCES;
		c->replayed += err == -EALREADY;
		return;
	}
	c->rtcp++;
	hz_rtcp_iter_init(&iter, packet->data, bytes);
	while (hz_rtcp_next(&iter, &p) == 1)
		c->plis += p.type == HZ_RTCP_PSFB && p.count == HZ_PSFB_PLI;
}

static inline bool client_take(struct client *c, struct hz_udp_packet *packet, struct client_in *ret)
{
	struct hz_stun_result result;
	size_t bytes = packet->bytes;
	switch (hz_demux(packet->data, packet->bytes)) {
	case HZ_DEMUX_STUN:
		c->answers += !hz_stun_response(packet->data, packet->bytes, c->last_id, c->pwd, &result);
		return false;
	case HZ_DEMUX_DTLS:
		if (c->dtls)
			(void)hz_dtls_feed(c->dtls, packet->data, packet->bytes, hz_now_us());
		return false;
	case HZ_DEMUX_RTCP:
		client_rtcp(c, packet);
		return false;
	case HZ_DEMUX_RTP:
		break;
	default:
		fail_msg("junk from the worker");
	}
	int err = c->srtp ? hz_srtp_unprotect(c->srtp, packet->data, &bytes) : -EINVAL;
	c->auth_failed += err == -EACCES;
	c->replayed += err == -EALREADY; // an index used twice would show here
	if (err || !ret)
		return false;
	memcpy(ret->data, packet->data, bytes);
	assert_int_equal(hz_rtp_parse(ret->data, bytes, &ret->p), 0);
	return true;
}

// One whole frame, waiting for its rest; 0: the connection ended.
static inline ssize_t client_frame(int fd, uint8_t *data)
{
	uint8_t head[HZ_TCPFRAME_HEADER];
	size_t bytes = 0;
	if (recv(fd, head, sizeof(head), MSG_WAITALL) != sizeof(head))
		return 0;
	(void)hz_tcpframe_next(head, sizeof(head), &bytes);
	bytes = bytes ? bytes - HZ_TCPFRAME_HEADER : 0;
	assert_in_range(bytes, 1, HZ_TCPFRAME_MAX_BYTES);
	return recv(fd, data, bytes, MSG_WAITALL) == (ssize_t)bytes ? (ssize_t)bytes : 0;
}

// The next RTP packet within wait_us. One datagram is read at a time, so that none is lost between calls.
static inline bool client_next(struct client *c, struct client_in *ret, int64_t wait_us)
{
	int64_t until = hz_now_us() + wait_us;
	static uint8_t data[2048];
	do {
		struct pollfd p = {.fd = c->tcp ? c->tcp : c->fd, .events = POLLIN};
		int64_t left = until - hz_now_us();
		if (!c->read && poll(&p, 1, left > 0 ? (int)((left + 999) / 1000) : 0) <= 0)
			continue;
		struct hz_udp_packet packet = {.data = data};
		ssize_t n = c->read  ? c->read(c, data, left)
		            : c->tcp ? client_frame(c->tcp, data)
		                     : recv(c->fd, data, sizeof(data), MSG_DONTWAIT);
		if (n <= 0)
			continue;
		packet.bytes = (size_t)n;
		if (client_take(c, &packet, ret))
			return true;
	} while (hz_now_us() < until);
	return false;
}

static inline void client_pump(struct client *c, int64_t wait_us)
{
	struct client_in in;
	while (client_next(c, &in, wait_us))
		;
}

static inline bool client_check(struct client *c, const char *pwd, bool use_candidate, int64_t wait_us)
{
	unsigned before = c->answers;
	int64_t until = hz_now_us() + wait_us;
	struct client_in in;
	client_check_send(c, pwd, use_candidate);
	while (c->answers == before && hz_now_us() < until)
		(void)client_next(c, &in, 5000);
	return c->answers != before;
}

static inline void client_hello(struct client *c, const uint8_t *fingerprint)
{
	struct hz_dtls_options options = {
	    .is_client = true, .fingerprint = fingerprint, .output = client_output, .user = c};
	hz_dtls_free(c->dtls);
	c->dtls = NULL;
	assert_int_equal(hz_dtls_new(c->ctx, &options, hz_now_us(), &c->dtls), 0);
	hz_dtls_start(c->dtls, hz_now_us());
}

static inline enum hz_dtls_state client_handshake(struct client *c, int64_t wait_us)
{
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	struct client_in in;
	int64_t until = hz_now_us() + wait_us;
	hz_identity_fingerprint(c->rig->identity, fingerprint);
	client_hello(c, fingerprint);
	while (hz_dtls_state(c->dtls) == HZ_DTLS_HANDSHAKING && hz_now_us() < until) {
		(void)client_next(c, &in, 5000);
		hz_dtls_handle_timeout(c->dtls, hz_now_us());
	}
	return hz_dtls_state(c->dtls);
}

// Check, handshake, keys.
static inline void client_connect(struct client *c)
{
	struct hz_srtp_keys keys;
	assert_true(client_check(c, c->pwd, true, WAIT_US));
	assert_int_equal(client_handshake(c, WAIT_US), HZ_DTLS_CONNECTED);
	assert_int_equal(hz_dtls_export(c->dtls, &keys), 0);
	assert_int_equal(hz_srtp_new(&keys, &c->srtp), 0);
	rig_expect_state(c->rig, HZ_ID(c->slot, 1), HZ_PEER_CONNECTED, HZ_REASON_NONE);
}

static inline void client_rtp(struct client *c, const struct hz_rtp_header *header, const void *payload,
                              size_t bytes)
{
	uint8_t buf[2048];
	struct hz_rtp_offsets at;
	assert_int_equal(hz_rtp_write_header(buf, sizeof(buf), header, NULL, NULL, &at), 0);
	memcpy(buf + at.header_bytes, payload, bytes);
	size_t n = at.header_bytes + bytes;
	assert_int_equal(hz_srtp_protect(c->srtp, buf, &n, sizeof(buf)), 0);
	client_raw(c, buf, n);
}

#endif

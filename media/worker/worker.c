#include "media/worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/worker/relay.h"
#include "media/worker/state.h"
#include "media/worker/tap.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(NDEBUG)
#define DUMPABLE 1 // sanitizers and debuggers look into their own process
#else
#define DUMPABLE 0
#endif

size_t hz_worker_arena_bytes(void)
{
	return sizeof(struct hz_arena);
}

uint32_t hz_worker_arena_version(void)
{
	return HZ_ARENA_VERSION;
}

static int failure(void)
{
	return errno > 0 ? -errno : -EIO;
}

static int add(struct hz_worker *w, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) ? failure() : 0;
}

static int open_loop(struct hz_worker *w)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set,
	          SIGINT); // Ctrl-C reaches the whole group: the supervisor decides, we only do not die of it
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return failure();
	sigdelset(&set, SIGINT);
	w->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->signals < 0 || w->epoll < 0)
		return failure();
	int err = add(w, w->signals);
	if (!err)
		err = add(w, w->fds.udp);
	if (!err)
		err = add(w, w->fds.api);
	w->api_open = !err;
	return err;
}

static int open_transport(struct hz_worker *w)
{
	int err = hz_udp_prepare(w->fds.udp);
	if (!err)
		err = hz_udp_rx_new(&w->rx);
	if (!err)
		err = hz_udp_tx_new(w->fds.udp, &w->tx);
	if (!err)
		err = hz_srtp_init();
	w->srtp_ready = !err;
	if (!err)
		err = hz_identity_load(w->fds.identity, &w->identity);
	if (!err)
		err = hz_dtls_ctx_new(w->identity, &w->dtls_ctx);
	return err;
}

static int open_tables(struct hz_worker *w)
{
	int err = hz_addresses_new(&w->addresses);
	if (!err)
		err = hz_tcp_new(w, &w->tcp);
	if (!err)
		err = add(w, hz_tcp_poll_fd(w->tcp));
	if (!err)
		err = hz_relay_new(w, &w->relay);
	if (!err && w->relay)
		err = add(w, hz_relay_poll_fd(w));
	if (!err)
		err = hz_tap_new(w, &w->tap);
	if (!err)
		err = hz_map_new(2 * HZ_MAX_PEERS, &w->ufrags);
	if (!err)
		err = hz_timers_new(HZ_MAX_PEERS, &w->handshakes);
	if (err)
		return err;
	w->peer = calloc(HZ_MAX_PEERS, sizeof(*w->peer));
	if (!w->peer)
		return -ENOMEM;
	for (uint32_t i = 0; i < HZ_MAX_PEERS; i++) {
		w->peer[i].worker = w;
		w->peer[i].slot = i;
	}
	return 0;
}

static int open_arena(struct hz_worker *w, struct hz_arena_report *ret)
{
	int err = hz_arena_map(w->fds.arena, &w->arena);
	if (err)
		return err;
	err = hz_arena_open(w->arena, ret);
	if (err == -EPROTO)
		hz_error("arena.version", "found=%u want=%u", w->arena->version, HZ_ARENA_VERSION);
	return err;
}

static void recover_peer(struct hz_worker *w, uint32_t slot)
{
	struct hz_arena_peer *ap = &w->arena->peer[slot];
	hz_worker_router_ops.peer_changed(w, slot);
	if (hz_worker_agent_wanted(w, slot))
		hz_worker_agent_lost(w, slot);
	if (ap->has_path) {
		if (!hz_arena_path(ap)->conn)
			hz_addresses_set(w->addresses, &hz_arena_path(ap)->remote, slot, w->now_us);
		w->peer[slot].selected_us = w->now_us;
		w->peer[slot].pairs.heard_us = ap->consent_us;
	}
	if (ap->dtls != HZ_ARENA_DTLS_DONE || ap->state == HZ_PEER_CLOSED)
		return;
	int err = hz_worker_srtp_start(w, slot);
	if (!err)
		return;
	hz_warn("arena.keys", "peer=%08x err=%d", ap->id, err);
	ap->dtls = HZ_ARENA_DTLS_NONE;
	hz_router_peer_state(w->router, slot, HZ_PEER_FAILED, HZ_REASON_LOST_HANDSHAKE, w->now_us);
}

static int open_router(struct hz_worker *w)
{
	struct hz_router_options options = {.arena = w->arena,
	                                    .ops = &hz_worker_router_ops,
	                                    .ctx = w,
	                                    .now_us = w->now_us,
	                                    .wall_offset_us = hz_wall_us() - w->now_us};
	int err = hz_router_new(&options, &w->router);
	if (err)
		return err;
	hz_worker_hello(w);
	hz_tcp_restore(w);
	for (uint32_t i = 0; i < w->arena->peers_high; i++)
		if (w->arena->peer[i].id)
			recover_peer(w, i);
	return 0;
}

static int start(struct hz_worker *w)
{
	struct hz_arena_report report = {0};
	w->now_us = hz_now_us();
	w->sweep_us = w->now_us + HZ_WORKER_SWEEP_US;
	w->pairs_us = w->now_us + HZ_PAIRS_TICK_US;
	w->stats_us = w->now_us + HZ_WORKER_STATS_US;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, DUMPABLE, 0, 0, 0))
		return failure();
	int err = open_loop(w);
	if (!err)
		err = open_transport(w);
	if (!err)
		err = open_tables(w);
	if (!err)
		err = open_arena(w, &report);
	if (!err)
		err = open_router(w);
	if (!err)
		hz_info("worker.started",
		        "incarnation=%u fresh=%d peers=%u tracks=%u subs=%u dropped=%u lost_handshakes=%u",
		        w->arena->incarnation, report.fresh, report.peers, report.tracks, report.subs,
		        report.dropped, report.lost_handshakes);
	return err;
}

static void stop(struct hz_worker *w)
{
	if (w->tx && w->router)
		hz_worker_flush(w);
	for (uint32_t i = 0; w->peer && i < HZ_MAX_PEERS; i++) {
		hz_srtp_free(w->peer[i].srtp);
		hz_dtls_free(w->peer[i].dtls);
	}
	hz_worker_agents_free(w);
	hz_router_free(w->router);
	free(w->peer);
	hz_timers_free(w->handshakes);
	hz_map_free(w->ufrags);
	hz_relay_free(w->relay);
	hz_tap_free(w->tap);
	hz_addresses_free(w->addresses);
	hz_tcp_free(w->tcp);
	hz_dtls_ctx_free(w->dtls_ctx);
	hz_identity_free(w->identity);
	if (w->srtp_ready)
		hz_srtp_done();
	hz_udp_tx_free(w->tx);
	hz_udp_rx_free(w->rx);
	hz_arena_unmap(w->arena);
	if (w->epoll >= 0)
		close(w->epoll);
	if (w->signals >= 0)
		close(w->signals);
	free(w);
}

int hz_worker_run(const struct hz_worker_fds *fds, const struct hz_worker_options *options)
{
	struct hz_worker *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fds = *fds;
	w->index = options->index;
	w->epoll = w->signals = -1;
	int err = start(w);
	if (!err)
		err = hz_worker_loop(w);
	stop(w);
	return err;
}

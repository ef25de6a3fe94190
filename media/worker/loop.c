// The loop: commands, then packets, then what is due.
#include <errno.h>
#include <malloc.h>
#include <sys/epoll.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/transport/demux.h"
#include "media/worker/relay.h"
#include "media/worker/state.h"

#define BATCHES_PER_TURN 8 // before commands and timers get their turn

void hz_worker_dispatch(struct hz_worker *w, struct hz_udp_packet *packet)
{
	w->arena->counters.rx_packets++;
	w->arena->counters.rx_bytes += packet->bytes;
	switch (hz_demux(packet->data, packet->bytes)) {
	case HZ_DEMUX_STUN:
		hz_worker_stun(w, packet);
		break;
	case HZ_DEMUX_DTLS:
		hz_worker_dtls(w, packet);
		break;
	case HZ_DEMUX_RTP:
		hz_worker_rtp(w, packet, false);
		break;
	case HZ_DEMUX_RTCP:
		hz_worker_rtp(w, packet, true);
		break;
	default:
		w->arena->counters.rtp_bad++;
		break;
	}
}

// A frame's packets come one by one while the first is being looked at: what has come since is taken along, so that all
// of a frame goes to each receiver at once.
static int take(struct hz_worker *w)
{
	unsigned n = 0;
	int err = 0;
	hz_router_burst_begin(w->router);
	do {
		for (; n < w->rx->count; n++)
			hz_worker_dispatch(w, &w->rx->packet[n]);
		if (hz_router_burst_waits(w->router))
			err = hz_udp_receive_more(w->rx, w->fds.udp);
	} while (!err && w->rx->count > n);
	hz_router_burst_end(w->router);
	hz_worker_early(w);
	hz_worker_flush(w);
	return err;
}

// The process was stopped or starved, or the machine below it was (a virtual one whose monotonic clock went on; where the
// clock stood still as well, as in a suspended machine, nothing shows here): nobody may hear now what was said then.
// What has come meanwhile is seen in the next turn, before any timer finds that nobody was heard for so long.
static bool noticed_stall(struct hz_worker *w, int timeout_ms)
{
	int64_t now_us = hz_now_us();
	int64_t lost_us = now_us - w->turn_us - (int64_t)timeout_ms * 1000;
	bool stalled = w->turn_us && lost_us > HZ_WORKER_STALL_US;
	w->turn_us = now_us;
	if (!stalled)
		return false;
	hz_warn("worker.stall", "ms=%lld", (long long)lost_us / 1000);
	hz_router_late(w->router, true);
	w->late = w->backlog = true; // nobody has looked yet
	w->late_us = now_us;
	return true;
}

// As the turn before left it.
static void caught_up(struct hz_worker *w)
{
	bool more = w->backlog || w->turn_us - w->tcp_more_us < HZ_WORKER_QUIET_US;
	w->backlog = false;
	// A worker that never gets to the end of its sockets has too much to do: what it reads is not old.
	if (!w->late || (more && w->turn_us - w->late_us < HZ_WORKER_LATE_US))
		return;
	hz_router_late(w->router, false);
	w->late = false;
}

static int receive(struct hz_worker *w)
{
	for (unsigned i = 0; i < BATCHES_PER_TURN; i++) {
		int64_t began_us = hz_now_us();
		int err = hz_udp_receive(w->rx, w->fds.udp);
		bool more = w->rx->count == HZ_UDP_BATCH;
		if (err || w->rx->count == 0)
			return err;
		w->now_us = began_us;
		err = take(w);
		hz_worker_latency(w, hz_now_us() - began_us, w->rx->count);
		if (err || !more)
			return err;
	}
	w->backlog = true;
	return 0;
}

// --- time

// What many small objects leave behind is free inside the process only: after a crowd has come or gone it goes back.
static void trim(struct hz_worker *w)
{
	uint64_t sent = hz_udp_tx_stats(w->tx)->packets;
	bool busy = sent - w->trim_sent > HZ_WORKER_TRIM_BUSY;
	w->trim_sent = sent;
	if (w->freed < HZ_WORKER_TRIM_FREED ||
	    w->now_us - w->trimmed_us < (busy ? HZ_WORKER_TRIM_BUSY_US : HZ_WORKER_TRIM_US))
		return;
	w->freed = 0;
	w->trimmed_us = w->now_us;
	malloc_trim(0);
	hz_router_give_back(w->router);
}

static void timers(struct hz_worker *w)
{
	w->now_us = hz_now_us();
	hz_worker_dtls_timers(w);
	if (w->now_us >= hz_worker_agents_deadline(w))
		hz_worker_agents_run(w);
	if (w->now_us >= w->pairs_us) {
		hz_pairs_tick(w);
		hz_worker_agents_nominate(w);
		w->pairs_us = w->now_us + HZ_PAIRS_TICK_US;
	}
	if (w->now_us >= w->sweep_us) {
		hz_worker_agents_tick(w);
		hz_worker_consent(w);
		hz_tcp_tick(w);
		trim(w);
		w->sweep_us = w->now_us + HZ_WORKER_SWEEP_US;
	}
	hz_router_tick(w->router, w->now_us);
	if (w->now_us >= w->stats_us) {
		hz_worker_stats(w);
		w->stats_us = w->now_us + HZ_WORKER_STATS_US;
	}
	hz_worker_flush(w);
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int timeout_ms(const struct hz_worker *w)
{
	int64_t pairs_us = w->arena->peers_high ? w->pairs_us : INT64_MAX;
	int64_t at = earliest(earliest(earliest(w->sweep_us, pairs_us), w->stats_us),
	                      earliest(hz_router_deadline(w->router), hz_timers_next(w->handshakes)));
	int64_t left = earliest(at, hz_worker_agents_deadline(w)) - hz_now_us();
	return left <= 0 ? 0 : (int)((left + 999) / 1000);
}

static void commands(struct hz_worker *w)
{
	if (!w->api_open)
		return;
	w->now_us = hz_now_us();
	hz_worker_api_writable(w);
	hz_worker_api_read(w);
}

static int packets(struct hz_worker *w, int fd)
{
	if (fd == w->fds.udp)
		return receive(w);
	if (fd == hz_tcp_poll_fd(w->tcp)) {
		int64_t began_us = w->now_us = hz_now_us();
		uint64_t before = w->arena->counters.rx_packets;
		if (hz_tcp_ready(w))
			w->tcp_more_us = w->now_us;
		hz_worker_flush(w);
		hz_worker_latency(w, hz_now_us() - began_us,
		                  (uint32_t)(w->arena->counters.rx_packets - before));
	} else if (fd == hz_worker_agents_poll_fd(w)) {
		w->now_us = hz_now_us();
		hz_worker_agents_run(w);
		hz_worker_flush(w);
	} else if (fd == hz_relay_poll_fd(w)) {
		w->now_us = hz_now_us();
		if (hz_relay_ready(w))
			w->backlog = true;
	}
	return 0;
}

static int turn(struct hz_worker *w)
{
	struct epoll_event events[8];
	int timeout = timeout_ms(w);
	int count = epoll_wait(w->epoll, events, 8, timeout);
	int err = count < 0 && errno != EINTR ? -errno : 0;
	if (err || noticed_stall(w, timeout))
		return err;
	// Commands first: a client's first check may be in the socket already when its peer is in the queue.
	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == w->signals)
			w->stopping = true;
		else if (events[i].data.fd == w->fds.api)
			commands(w);
	}
	caught_up(w);
	for (int i = 0; i < count; i++) {
		err = packets(w, events[i].data.fd);
		if (err)
			return err;
	}
	timers(w);
	return 0;
}

int hz_worker_loop(struct hz_worker *w)
{
	int err = 0;
	while (!err && !w->stopping)
		err = turn(w);
	return err;
}

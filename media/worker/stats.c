// The worker's own figures. Latency is from the moment a batch was taken from the socket to the moment all that it
// caused was handed to the kernel, weighted by packets, in buckets of four to a doubling.
#include <string.h>

#include "media/worker/state.h"

static unsigned bucket_of(int64_t us)
{
	unsigned octave = 0;
	uint64_t v = us > 0 ? (uint64_t)us : 0;
	if (v < 4)
		return (unsigned)v;
	while (v >> octave >= 8)
		octave++;
	unsigned at = 4 * (octave + 1) + (unsigned)(v >> octave) - 4;
	return at < HZ_LATENCY_BUCKETS ? at : HZ_LATENCY_BUCKETS - 1;
}

// Upper end of a bucket.
static uint32_t value_of(unsigned bucket)
{
	if (bucket < 4)
		return bucket + 1;
	return (bucket % 4 + 5) << (bucket / 4 - 1);
}

void hz_worker_latency(struct hz_worker *w, int64_t us, uint32_t packets)
{
	w->latency.bucket[bucket_of(us)] += packets;
	w->latency.count += packets;
}

static uint32_t percentile(const struct hz_latency *l, unsigned percent)
{
	uint64_t want = ((uint64_t)l->count * percent + 99) / 100, seen = 0;
	for (unsigned i = 0; i < HZ_LATENCY_BUCKETS && l->count; i++) {
		seen += l->bucket[i];
		if (seen >= want)
			return value_of(i);
	}
	return 0;
}

static void count_sent(struct hz_worker *w)
{
	const struct hz_udp_tx_stats *now = hz_udp_tx_stats(w->tx);
	struct hz_arena_counters *c = &w->arena->counters;
	c->tx_packets += now->packets - w->tx_told.packets;
	c->tx_bytes += now->bytes - w->tx_told.bytes;
	c->tx_dropped += now->dropped - w->tx_told.dropped;
	w->tx_told = *now;
	c->rtp_bad += w->rx->truncated - w->rx_truncated_told;
	w->rx_truncated_told = w->rx->truncated;
}

void hz_worker_stats(struct hz_worker *w)
{
	struct hz_router_counts counts;
	const struct hz_arena_counters *c = &w->arena->counters;
	count_sent(w);
	hz_router_counts(w->router, &counts);
	union hz_msg msg = {.worker_stats = {.rx_packets = c->rx_packets,
	                                     .rx_bytes = c->rx_bytes,
	                                     .tx_packets = c->tx_packets,
	                                     .tx_bytes = c->tx_bytes,
	                                     .stun_bad = c->stun_bad,
	                                     .stun_unknown = c->stun_unknown,
	                                     .dtls_bad = c->dtls_bad,
	                                     .srtp_auth_failed = c->srtp_auth_failed,
	                                     .srtp_replayed = c->srtp_replayed,
	                                     .rtp_bad = c->rtp_bad,
	                                     .rtcp_bad = c->rtcp_bad,
	                                     .unmatched = c->unmatched,
	                                     .tx_dropped = c->tx_dropped,
	                                     .events_dropped = c->events_dropped,
	                                     .recoveries = c->recoveries,
	                                     .late = c->late,
	                                     .fec_recovered = c->fec_recovered,
	                                     .handshakes_done = c->handshakes_done,
	                                     .handshakes_failed = c->handshakes_failed,
	                                     .handshakes_refused = c->handshakes_refused,
	                                     .tcp_accepted = c->tcp_accepted,
	                                     .tcp_refused = c->tcp_refused,
	                                     .tcp_dropped = c->tcp_dropped,
	                                     .tcp_connections = hz_tcp_count(w->tcp),
	                                     .peers = counts.peers,
	                                     .tracks = counts.tracks,
	                                     .subs = counts.subs,
	                                     .half_open = w->half_open,
	                                     .forward_p50_us = percentile(&w->latency, 50),
	                                     .forward_p99_us = percentile(&w->latency, 99)}};
	msg.h.version = HZ_API_VERSION;
	msg.h.type = HZ_EV_WORKER_STATS;
	msg.h.bytes = sizeof(msg.worker_stats);
	if (!hz_worker_event(w, &msg))
		w->arena->counters.events_dropped++;
	memset(&w->latency, 0, sizeof(w->latency));
}

// The worker's private memory and what its files offer each other. Thread: the worker's only one.
#ifndef HZ_MEDIA_WORKER_STATE_H
#define HZ_MEDIA_WORKER_STATE_H

#include <signal.h>

#include "gateway/base/map.h"
#include "gateway/base/timers.h"
#include "media/router/arena.h"
#include "media/router/router.h"
#include "media/transport/dtls.h"
#include "media/transport/srtp.h"
#include "media/transport/stun.h"
#include "media/transport/udp.h"
#include "media/worker/address.h"
#include "media/worker/agents.h"
#include "media/worker/pairs.h"
#include "media/worker/tcp.h"
#include "media/worker/worker.h"

#define HZ_WORKER_REST_US                                                                                    \
	10000000 // after the handshake, at the latest: a client asks no more for its last flight
#define HZ_WORKER_TRIM_US      2000000 // between two times that free memory goes back to the system: some ms each,
#define HZ_WORKER_TRIM_BUSY_US 10000000 // so less often while media flows
#define HZ_WORKER_TRIM_BUSY    200      // packets sent since the last look that mean media flows
#define HZ_WORKER_TRIM_FREED   32       // associations and peers that went since: less is not worth it
#define HZ_WORKER_EARLY                                                                                      \
	8 // checks of a batch for peers that are not known yet: asked again after the commands
#define HZ_WORKER_HALF_OPEN   256      // DTLS handshakes under way; more are refused and counted
#define HZ_WORKER_LOST_US     7000000  // without a check: DISCONNECTED
#define HZ_WORKER_CONSENT_US  30000000 // RFC 7675 section 5.1
#define HZ_WORKER_STALE_US    3000000  // a selected path that is not checked any more may be left
#define HZ_WORKER_NOMINATE_US 1000000  // a nomination this old yields to one of lower priority
#define HZ_WORKER_STALL_US    1000000  // the loop stood still this long: what waits in the sockets is old
#define HZ_WORKER_LATE_US     2000000  // after that, at the latest, it is read as new
#define HZ_WORKER_QUIET_US                                                                                   \
	100000 // senders by TCP hold back what found no room in our socket: it comes this soon
#define HZ_WORKER_SWEEP_US 500000 // between looks at consent
#define HZ_WORKER_STATS_US 2000000
#define HZ_WORKER_RETIRED  32 // received SSRCs without a track that a peer keeps the roll-over counter of
#define HZ_LATENCY_BUCKETS 64

struct hz_ring;

struct hz_worker_peer {
	struct hz_srtp *srtp;
	struct hz_dtls *dtls;     // NULL after a restart: keys go on, close_notify is not understood
	struct hz_path dtls_path; // where its last datagram came from
	struct hz_worker *worker;
	char ufrag[HZ_UFRAG_BYTES]; // as registered in the map; "" none
	char old_ufrag[HZ_UFRAG_BYTES];
	int64_t selected_us, nominated_us; // last check, last USE-CANDIDATE on the selected path
	uint32_t priority;                 // of the selected path
	struct hz_pairs pairs;
	uint32_t slot;
	uint32_t retired_next;
	uint32_t retired[HZ_WORKER_RETIRED];
	struct hz_ring *relay; // HZ_PEER_RELAY: the way there; NULL else (relay.h)
	uint64_t relay_key;
	struct hz_peer_agents *agents, *old_agents; // HZ_PEER_AGENT (agents.h); NULL: none
};

struct hz_latency {
	uint32_t bucket[HZ_LATENCY_BUCKETS];
	uint32_t count;
};

struct hz_worker {
	struct hz_worker_fds fds;
	uint32_t index;
	int epoll, signals;
	bool stopping, api_open;
	struct hz_arena *arena;
	struct hz_router *router;
	struct hz_identity *identity;
	struct hz_dtls_ctx *dtls_ctx;
	struct hz_udp_rx *rx;
	struct hz_udp_tx *tx;
	struct hz_addresses *addresses;
	struct hz_tcp *tcp;
	struct hz_relay *relay;       // NULL: there are no other workers
	struct hz_tap *tap;           // NULL: there is no recorder
	struct hz_agents *agents;     // NULL: no peer needed one yet
	uint32_t agent_generation;    // newest
	struct hz_map *ufrags;        // -> struct hz_worker_peer
	struct hz_timers *handshakes; // by slot: DTLS deadlines of half-open associations
	struct hz_worker_peer *peer;  // HZ_MAX_PEERS
	const struct hz_udp_packet *early[HZ_WORKER_EARLY]; // of rx
	uint32_t early_count;
	bool early_again; // they are being asked again: no further time
	uint32_t half_open;
	uint32_t freed; // associations put to rest and peers removed since the last trim
	int64_t trimmed_us;
	uint64_t trim_sent; // packets at the last look
	bool srtp_ready;
	int64_t now_us;
	int64_t turn_us; // begin of this turn of the loop
	bool late,
	    backlog;     // reading what waited while the loop stood still; more waits than this turn has read
	int64_t late_us; // when it was noticed
	int64_t tcp_more_us;        // last turn that found much in a connection
	int64_t sweep_us, stats_us; // next
	int64_t pairs_us;           // next
	union hz_msg pending; // HELLO or ACK that did not fit: nothing else is said or read before it is out
	size_t pending_bytes; // 0 none
	struct hz_latency latency;
	struct hz_udp_tx_stats tx_told; // already in the arena's counters
	uint64_t rx_truncated_told;
};

// loop.c: until SIGTERM (0) or a broken descriptor (-errno).
int hz_worker_loop(struct hz_worker *w);
void hz_worker_dispatch(struct hz_worker *w, struct hz_udp_packet *packet);

// path.c: along a path: UDP, TCP or an agent. Copies. What finds no room is counted.
void hz_worker_send(struct hz_worker *w, const struct hz_path *path, const void *data, size_t bytes);
void hz_worker_send_media(struct hz_worker *w, uint32_t slot, const void *data,
                          size_t bytes); // a protected RTP packet by a path that is not UDP
bool hz_worker_path_alive(const struct hz_worker *w, const struct hz_path *path);
void hz_worker_flush(struct hz_worker *w);
uint32_t hz_worker_slot(const struct hz_worker *w, const struct hz_path *path); // HZ_ADDRESS_NONE

// ice.c
void hz_worker_stun(struct hz_worker *w, const struct hz_udp_packet *packet);
void hz_worker_early(struct hz_worker *w);   // after a batch: checks that overtook their peer's command
void hz_worker_consent(struct hz_worker *w); // looks at all peers
void hz_worker_ice_alive(struct hz_worker *w, uint32_t slot); // agents.c: a new generation has found a way
void hz_worker_ufrags(struct hz_worker *w, uint32_t slot);    // registers what the arena says now
void hz_worker_ufrags_drop(struct hz_worker *w, uint32_t slot);

// handshake.c
void hz_worker_dtls(struct hz_worker *w, const struct hz_udp_packet *packet);
void hz_worker_dtls_timers(struct hz_worker *w);
void hz_worker_dtls_rest(struct hz_worker *w,
                         uint32_t slot); // the client has finished: the association may shrink
void hz_worker_dtls_drop(struct hz_worker *w, uint32_t slot);

// media.c
void hz_worker_rtp(struct hz_worker *w, struct hz_udp_packet *packet, bool rtcp);
int hz_worker_srtp_start(struct hz_worker *w, uint32_t slot); // from the keys in the arena
void hz_worker_srtp_drop(struct hz_worker *w, uint32_t slot);
extern const struct hz_router_ops hz_worker_router_ops; // ctx: the worker

// link.c
void hz_worker_hello(struct hz_worker *w);
void hz_worker_api_read(struct hz_worker *w);
void hz_worker_api_writable(struct hz_worker *w);
bool hz_worker_event(void *ctx, const union hz_msg *msg);

// stats.c
void hz_worker_latency(struct hz_worker *w, int64_t us, uint32_t packets);
void hz_worker_stats(struct hz_worker *w);

#endif

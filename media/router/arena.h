// What a media worker must not lose: a fixed-layout struct in a memfd that the supervisor keeps, so that a worker
// that was killed at any instruction is replaced and goes on with the next packet.
//
// Rules of writing. A kill leaves a prefix of the stores in program order (the memory is shared, nothing is torn by
// power loss), so:
//   - an object's `id` is written last when it is made and cleared first when it goes;
//   - what has to change together is kept twice, with an index that is flipped last (`live`);
//   - HZ_ARENA_BARRIER() keeps the compiler from moving stores across such a step.
// Whatever is still half done (a track whose peer is gone) is dropped at the next start or repaired by control's
// reconcile. Indices of outgoing packets are advanced here before the packet is protected.
//
// No I/O but mapping, no clock. Thread: the worker's only one. Times are CLOCK_MONOTONIC microseconds.
#ifndef HZ_MEDIA_ROUTER_ARENA_H
#define HZ_MEDIA_ROUTER_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/api.h"
#include "media/rtp/clockmap.h"
#include "media/rtp/vp8_rewrite.h"
#include "media/transport/srtp.h"
#include "media/transport/udp.h"

#define HZ_ARENA_MAGIC   0x3161726e657a6968ull
#define HZ_ARENA_VERSION 3u // any change of the structs below or of media/api.h bumps it
#define HZ_ARENA_RETIRED 32 // SSRCs of removed subscriptions a peer remembers

#define HZ_ARENA_BARRIER() __atomic_signal_fence(__ATOMIC_SEQ_CST)

// Counters since the arena was made; names as in struct hz_ev_worker_stats.
struct hz_arena_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t stun_bad, stun_unknown, dtls_bad, srtp_auth_failed, srtp_replayed, rtp_bad, rtcp_bad,
	    unmatched;
	uint64_t tx_dropped, events_dropped, recoveries, late, fec_recovered;
	uint64_t handshakes_done, handshakes_failed, handshakes_refused;
	uint64_t tcp_accepted, tcp_refused, tcp_dropped;
};

enum hz_arena_dtls {
	HZ_ARENA_DTLS_NONE = 0,
	HZ_ARENA_DTLS_HANDSHAKING, // lost at a restart: OpenSSL's state is private
	HZ_ARENA_DTLS_DONE,        // keys are valid
};

// The newest index a removed subscription used with this peer's keys: the SSRC goes on behind it if it comes back.
struct hz_arena_retired {
	uint32_t ssrc; // 0: unused
	uint32_t reserved;
	uint64_t index;
};

struct hz_arena_peer {
	hz_id id; // 0: free
	uint32_t live;
	struct hz_cmd_peer_set set[2];

	uint8_t state, reason; // enum hz_peer_state, hz_peer_reason
	uint8_t dtls;          // enum hz_arena_dtls
	uint8_t ice_pending;   // 1: old_* are accepted until the new credentials are nominated
	uint8_t
	    media_seen; // an authentic SRTP or SRTCP packet arrived: the client finished the handshake too
	uint8_t event_pending; // a PEER_STATE did not fit the queue
	uint8_t has_path;
	uint8_t path_live;
	struct hz_path path[2]; // selected
	int64_t consent_us;     // last authenticated check on the selected path
	char old_local_ufrag[HZ_UFRAG_BYTES];
	char old_local_pwd[HZ_PWD_BYTES];
	struct hz_srtp_keys keys;
	struct hz_clock_peer clock;
	uint64_t twcc_seq; // of the next packet to this peer
	uint32_t retired_next;
	struct hz_arena_retired retired[HZ_ARENA_RETIRED];
};

// One received SSRC.
struct hz_arena_rx {
	uint32_t ssrc;   // 0: not known yet
	uint32_t seen;   // 1: index and highest are valid
	uint64_t index;  // (SRTP roll-over counter << 16) | newest sequence number under it
	int64_t highest; // extended number as media/rtp/receiver.h counts
};

struct hz_arena_track {
	hz_id id;
	uint32_t live;
	struct hz_cmd_track_set set[2];
	struct hz_arena_rx rx[HZ_MAX_LAYERS];
	struct hz_arena_rx rtx[HZ_MAX_LAYERS];
	struct hz_clockmap clock[HZ_MAX_LAYERS];
	uint8_t event_pending; // a TRACK_STATE did not fit the queue
	uint8_t codec;         // enum hz_codec that arrived last
	uint8_t reserved[6];
};

// How received packets become outgoing ones; a new one at every switch of track, layer or codec.
struct hz_sub_map {
	hz_id track;      // 0: none, the next packet that may start begins a new one
	uint32_t rx_ssrc; // the received SSRC; another one behind the same layer is a new source
	uint8_t layer;
	uint8_t codec; // enum hz_codec; Opus in RED counts as Opus
	// Highest spatial and temporal ids that go out (HZ_LAYERS_ALL: no bound); changed in place.
	uint8_t spatial, temporal;
	uint32_t ts_offset; // out timestamp = in + this
	uint64_t in_first;  // extended sequence number of the first packet; older ones are dropped
	uint64_t out_first; // its index
	uint64_t
	    left_out; // numbers since in_first that were not forwarded and have no index; counted up in place
	struct hz_vp8_delta
	    vp8;           // of the newest picture; its picture id goes down in place when one is left out
	uint16_t dd_delta; // added to frame numbers of dependency descriptors, once one came
	uint8_t dd_set, reserved;
};

struct hz_arena_sub {
	hz_id id;
	uint32_t live;
	struct hz_cmd_sub_set set[2];
	// 48-bit indices (ROC << 16 | sequence number): the newest that may have been sent; 0: none yet.
	uint64_t out_index, rtx_index;
	uint32_t map_live;
	struct hz_sub_map map[2];
	uint32_t last_ts; // newest outgoing timestamp and when it was sent
	uint32_t started; // 1: last_ts is valid
	int64_t last_us;
	uint32_t packets, octets;  // of the main stream, for sender reports
	struct hz_vp8_rewrite vp8; // its delta is taken from the map at a restart
	uint16_t dd_last;          // newest frame number sent in a dependency descriptor, if dd_started
	uint8_t dd_started, reserved;
};

#define HZ_ARENA_CONNS      1024 // TCP connections of a worker; more are refused
#define HZ_ARENA_TAIL_BYTES 2050 // the longest frame: RFC 4571 length and HZ_UDP_MAX_BYTES

// A TCP connection (media/worker/tcp.h). Its descriptor survives on the shelf (media/worker/shelf.h). Byte positions
// count what was handed to the kernel since it was taken over, so that what a killed worker's last write did can be
// seen: it ended at `whole` (did not happen), at `intent` (took everything), or inside the tail.
struct hz_arena_conn {
	hz_id peer;          // 0: free
	uint32_t generation; // of the slot, counted up at each use; never 0 in use
	struct sockaddr_in6 remote, local;
	uint64_t base;       // the kernel's count when it was taken over
	uint64_t whole;      // frames end here
	uint64_t intent;     // and here, once the write under way is done
	uint64_t tail_at;    // where the tail begins
	uint32_t tail_bytes; // 0: none; rest of a frame that the kernel took only in part
	uint8_t authenticated;
	uint8_t tail[HZ_ARENA_TAIL_BYTES];
};

struct hz_arena {
	uint64_t magic; // written last when the arena is made
	uint32_t version;
	uint32_t incarnation;
	uint64_t bytes;
	uint32_t command_seq; // of the newest command handled
	uint32_t rtcp_base;   // random; the RTCP sender SSRC is this + incarnation
	struct hz_arena_counters counters;
	// No slot at or above these was ever used: the pages behind them cost nothing.
	uint32_t peers_high, tracks_high, subs_high;
	uint32_t reserved;
	struct hz_arena_peer peer[HZ_MAX_PEERS];
	struct hz_arena_track track[HZ_MAX_TRACKS];
	struct hz_arena_sub sub[HZ_MAX_SUBS];
	struct hz_arena_conn conn[HZ_ARENA_CONNS];
};

struct hz_arena_report {
	bool fresh;
	uint32_t peers, tracks, subs; // good ones found
	uint32_t dropped;             // broken ones dropped, each logged
	uint32_t lost_handshakes;     // peers set to FAILED/LOST_HANDSHAKE, event_pending set
};

// Maps a memfd of at least sizeof(struct hz_arena). 0; -EINVAL too small; -errno. Unmap with hz_arena_unmap().
int hz_arena_map(int fd, struct hz_arena **ret);
void hz_arena_unmap(struct hz_arena *arena);

// At the start of an incarnation: makes a fresh arena, or checks the old one and drops what is broken or half
// made; then counts the incarnation up. 0; -EPROTO foreign magic or another layout version (nothing is changed).
int hz_arena_open(struct hz_arena *arena, struct hz_arena_report *ret);

static inline const struct hz_cmd_peer_set *hz_arena_peer_set(const struct hz_arena_peer *p)
{
	return &p->set[p->live & 1];
}

static inline const struct hz_cmd_track_set *hz_arena_track_set(const struct hz_arena_track *t)
{
	return &t->set[t->live & 1];
}

static inline const struct hz_cmd_sub_set *hz_arena_sub_set(const struct hz_arena_sub *s)
{
	return &s->set[s->live & 1];
}

static inline const struct hz_path *hz_arena_path(const struct hz_arena_peer *p)
{
	return &p->path[p->path_live & 1];
}

static inline const struct hz_sub_map *hz_arena_sub_map(const struct hz_arena_sub *s)
{
	return &s->map[s->map_live & 1];
}

// Each puts the new content into force at one store. A free slot becomes used with the first one: the caller
// then calls hz_arena_*_make() last.
void hz_arena_peer_update(struct hz_arena_peer *peer, const struct hz_cmd_peer_set *set);
void hz_arena_track_update(struct hz_arena_track *track, const struct hz_cmd_track_set *set);
void hz_arena_sub_update(struct hz_arena_sub *sub, const struct hz_cmd_sub_set *set);
void hz_arena_sub_set_map(struct hz_arena_sub *sub, const struct hz_sub_map *map);
void hz_arena_set_path(struct hz_arena_peer *peer, const struct hz_path *path);

void hz_arena_peer_make(struct hz_arena *arena, hz_id id);
void hz_arena_track_make(struct hz_arena *arena, hz_id id);
void hz_arena_sub_make(struct hz_arena *arena, hz_id id);

// After a crowd has left: the pages on which no slot is used go back to the system. Free slots are zero before and after.
void hz_arena_give_back(struct hz_arena *arena);

// Clears the id, then wipes the whole slot. Call hz_arena_retire() for a subscription's SSRCs before.
void hz_arena_peer_clear(struct hz_arena_peer *peer);
void hz_arena_track_clear(struct hz_arena_track *track);
void hz_arena_sub_clear(struct hz_arena_sub *sub);

// The newest index this SSRC used with the peer's present keys before its subscription was removed; 0: none.
uint64_t hz_arena_retired_index(const struct hz_arena_peer *peer, uint32_t ssrc);

// Notes it (index 0: nothing to note). Returns the SSRC that had to be forgotten for it, or 0.
uint32_t hz_arena_retire(struct hz_arena_peer *peer, uint32_t ssrc, uint64_t index);

// Used object of that id, or NULL.
struct hz_arena_peer *hz_arena_peer(struct hz_arena *arena, hz_id id);
struct hz_arena_track *hz_arena_track(struct hz_arena *arena, hz_id id);
struct hz_arena_sub *hz_arena_sub(struct hz_arena *arena, hz_id id);

#endif

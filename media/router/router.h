// The relay of one worker: peers publish tracks, subscriptions forward them to other peers. Takes decrypted packets
// and commands, gives plaintext packets and events to a table of callbacks; the worker does ICE, DTLS, SRTP and I/O.
// No I/O, no clock: now_us is CLOCK_MONOTONIC. All that must survive a kill is in the arena (media/router/arena.h);
// the rest is rebuilt by hz_router_new(). Nothing is allocated per packet; per received stream once, on its first
// packet. Thread: the worker's only one. Callbacks may not call back into the router.
#ifndef HZ_MEDIA_ROUTER_ROUTER_H
#define HZ_MEDIA_ROUTER_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/ring.h"
#include "media/api.h"
#include "media/router/arena.h"
#include "media/rtp/rtcp.h"

#define HZ_ROUTER_PACKET_BYTES 2048 // room that rtp_buffer must give, trailer of SRTP included
#define HZ_ROUTER_RTCP_BYTES   1200 // no RTCP compound is larger, trailer not included

struct hz_router;

// `slot` is the slot of a peer (arena->peer[slot]).
struct hz_router_ops {
	// Where the next RTP packet to this peer is to be written, HZ_ROUTER_PACKET_BYTES of room; NULL: no room, the
	// packet is dropped (and counted by the callee). Without a send_rtp() after it the buffer is given out again.
	uint8_t *(*rtp_buffer)(void *ctx, uint32_t slot);
	// The next but `distance` packets or so go to this peer: time to fetch what is needed then into the cache. May be
	// NULL.
	void (*prefetch)(void *ctx, uint32_t slot, unsigned distance);
	// Plaintext in that buffer. Its index is in the arena already: it must not be sent if it cannot be protected.
	void (*send_rtp)(void *ctx, uint32_t slot, uint8_t *buf, size_t bytes);
	// Plaintext compound, valid during the call, HZ_SRTP_TRAILER_BYTES of room behind it.
	void (*send_rtcp)(void *ctx, uint32_t slot, uint8_t *buf, size_t bytes);
	// False: the queue is full. STATE events are kept and offered again, others dropped and counted.
	bool (*event)(void *ctx, const union hz_msg *msg);
	// After a peer was made or its set changed (credentials, flags); before a peer is wiped. May be NULL.
	void (*peer_changed)(void *ctx, uint32_t slot);
	void (*peer_removed)(void *ctx, uint32_t slot);
	// A received SSRC that no track uses any more; an SSRC we sent with whose index is no longer remembered. May be
	// NULL.
	void (*rx_retired)(void *ctx, uint32_t slot, uint32_t ssrc);
	void (*tx_forgotten)(void *ctx, uint32_t slot, uint32_t ssrc);
	// A live slot (HZ_SUB_LIVE) of this peer was paused: media for it that waits to be written is left out. May be NULL.
	void (*media_over)(void *ctx, uint32_t slot);
	// Something of a track that is recorded (HZ_TRACK_TAP), as media/api.h says; valid during the call. May be NULL.
	void (*tap)(void *ctx, const struct hz_ring_record *record, const uint8_t *data, size_t bytes);
};

struct hz_router_options {
	struct hz_arena *arena; // opened (hz_arena_open()); kept, owned by the caller
	const struct hz_router_ops *ops;
	void *ctx;
	int64_t now_us;
	int64_t wall_offset_us; // microseconds since 1970 minus now_us, for NTP times
	size_t history_bytes;   // bound of all packet histories together; 0: 64 MiB
};

// Rebuilds itself from the arena and asks every video track that somebody watches for a keyframe at the first tick.
// 0; -ENOMEM.
int hz_router_new(const struct hz_router_options *options, struct hz_router **ret);
void hz_router_free(struct hz_router *router); // the arena keeps its objects; NULL allowed

// After a crowd has left: pages of free slots, of the router's tables and of the arena, go back to the system.
void hz_router_give_back(struct hz_router *router);

// One command of control, `bytes` long. *ret_id: the object it named (0: none).
// 0; -EPROTO version; -EINVAL; -ENOENT unknown peer or track; -EEXIST ufrag or SSRC taken; -ENOMEM.
int hz_router_command(struct hz_router *router, const union hz_msg *msg, size_t bytes, int64_t now_us,
                      hz_id *ret_id);

// One authentic, decrypted packet from a peer; changed in place. roc: SRTP's roll-over counter of its SSRC after it.
// 0 taken or dropped on purpose (muted, duplicate, probe); -EBADMSG malformed; -ENOENT matches no track.
int hz_router_rtp(struct hz_router *router, uint32_t slot, uint8_t *data, size_t bytes, uint32_t roc,
                  int64_t now_us);

// Around the packets of one receive batch, whose buffers stay as they are until the end: what is to be forwarded of them
// may wait for the end and then goes out receiver by receiver. Outside, every packet is forwarded at once.
void hz_router_burst_begin(struct hz_router *router);
void hz_router_burst_end(struct hz_router *router);
bool hz_router_burst_waits(const struct hz_router *router); // something is to be forwarded at the end

// While true, what comes has waited here too long to be shown (the process or the machine stood still): it counts as
// received, is kept and answered as ever, but is not forwarded. Receivers would play it, and everything after it, late:
// their jitter buffers take seconds to shrink again. Subscriptions go on with the first packet, or keyframe, that is new.
void hz_router_late(struct hz_router *router, bool late);

// One authentic, decrypted compound. 0; -EBADMSG.
int hz_router_rtcp(struct hz_router *router, uint32_t slot, const uint8_t *data, size_t bytes,
                   int64_t now_us);

// Packets of this peer's got lost on the way: asks for keyframes of whatever arrives.
void hz_router_lost(struct hz_router *router, uint32_t slot, int64_t now_us);

// What is due: reports, feedback, NACKs, keyframe requests, speakers, statistics, kept events.
void hz_router_tick(struct hz_router *router, int64_t now_us);
int64_t hz_router_deadline(const struct hz_router *router); // of the next tick

// ICE and DTLS have news of a peer: stores them, tells control, starts or stops its media.
void hz_router_peer_state(struct hz_router *router, uint32_t slot, enum hz_peer_state state,
                          enum hz_peer_reason reason, int64_t now_us);

// A report to this peer is due now, whatever there is to report: it is to hear of us.
void hz_router_report_now(struct hz_router *router, uint32_t slot, int64_t now_us);

// Another pair of addresses was nominated for a peer (its path is in the arena already).
void hz_router_path_changed(struct hz_router *router, uint32_t slot, int64_t now_us);

// HZ_KIND_* of what is sent to a peer with that SSRC, repairs among it; 0: none of its subscriptions has it.
uint8_t hz_router_kind(const struct hz_router *router, uint32_t slot, uint32_t ssrc);

// The SSRC of the first packet of each RTCP compound in this incarnation.
uint32_t hz_router_rtcp_ssrc(const struct hz_router *router);

// Objects alive.
struct hz_router_counts {
	uint32_t peers, tracks, subs;
};
void hz_router_counts(const struct hz_router *router, struct hz_router_counts *ret);

#endif

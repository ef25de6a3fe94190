// Congestion control of the receiving peers: the estimator, ladder and pacer of media/cc tied to the router. Made with
// the first packet that carries a transport-wide number to a peer with video, or with its first REMB; about 11 kB, and
// 9 kB more while video waits. Nothing of it is in the arena: a new worker begins anew.
//
// A peer whose link is far from its limit costs one test of a byte a packet, and a line in the ring of sent packets.
// Thread: the worker's only one.
#ifndef HZ_MEDIA_ROUTER_CONGESTION_H
#define HZ_MEDIA_ROUTER_CONGESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/cc/cc.h"
#include "media/cc/ladder.h"
#include "media/cc/pacer.h"
#include "media/cc/share.h"
#include "media/router/layers.h"

#define HZ_ALLOT_US          100000
#define HZ_URGENT_US         2000000 // after a return: rises do not wait
#define HZ_STILL_US          4000000 // between two stills; where there is less than HZ_STILL_BPS for each slot:
#define HZ_STILL_RARE_US     10000000
#define HZ_STILL_BPS         24000u
#define HZ_REST_US           1000000 // a stream that sends nothing for so long rests
#define HZ_PACE_SLOTS        384u
#define HZ_TRICKLE_US        1000000 // where nothing waits in the network a packet of a still may go so often
#define HZ_KEPT_PACKETS      384u // a longer still is not whole and not shown; a screen's have a hundred and more
#define HZ_REPEAT_SLOTS      256u
#define HZ_REPEAT_US         20000  // between a packet and its copies: what takes one may take its neighbours
#define HZ_REPEAT_RTT_US     120000 // shorter round trips leave time to ask
#define HZ_REPEAT_LOSS       30u // permille from which on there is one copy; from twice as much on there are two
#define HZ_PLAYOUT_LOSS      5u // permille from which on pictures are held back until repairs can be there
#define HZ_PLAYOUT_RTT_US    120000 // shorter round trips: receivers know by themselves
#define HZ_PLAYOUT_MAX_US    600000
#define HZ_PLAYOUT_MARGIN_US 40000 // a repair's own delays, and all there is where packets follow unasked
#define HZ_PLAYOUT_KEEP_US   4000000
#define HZ_PLAYOUT_QUIET_US  20000000 // where nothing had to be asked for: parity may have mended it
#define HZ_PLAYOUT_MAX_10MS  1000
#define HZ_PACE_US           800000 // video that waited longer is dropped, to begin anew at a keyframe
#define HZ_PACE_DETAIL_US                                                                                    \
	1800000 // of details (a screen, ultrasound): pictures are large, late is better than never
#define HZ_PACE_STILL_US 9000000 // a still may take its time

struct hz_router;
struct hz_rt_in;
struct hz_rtcp_packet;
struct hz_rtp_packet;

struct hz_paced { // a packet of the publisher's history that waits
	int64_t ext;
	int64_t at_us;
	uint16_t sub, track;
	uint8_t layer, codec;
};

// A packet of a still. It may take longer on its way than the history remembers, and be asked for again after that.
struct hz_kept {
	struct hz_kept *next;
	int64_t ext;
	uint16_t sub, track, bytes;
	uint8_t layer;
	uint8_t data[];
};

struct hz_repeat { // a packet that follows once more
	int64_t at_us;
	uint64_t index;
	uint16_t sub;
	uint8_t more; // copies, this one included
};

struct hz_rt_congestion {
	struct hz_cc *cc;
	int64_t allot_us; // next round
	uint8_t look;     // whether a probe is due: after feedback, and while one goes out
	uint8_t probing;  // the packets now being sent are a probe
	uint16_t pace_count, pace_head;
	uint32_t sending_bps, fresh_bps; // of a second; of a quarter of one
	uint32_t video_bps;              // what the ladder gave out last
	struct hz_share share;
	int64_t share_told_us; // 0: not since it began
	uint32_t share_told_bps;
	struct hz_pacer pacer;
	uint64_t bytes;              // sent since the newest round, wire
	int64_t short_us;            // the ladder's
	int64_t round_us, urgent_us; // newest round; until when it is urgent
	int64_t trickle_us;          // newest packet of a still
	uint32_t audio_bps;          // falls slowly: silence is not room for video
	uint32_t probes_told;
	uint32_t loss_x16; // permille, smoothed over some seconds
	uint8_t repeats_wanted;
	uint16_t repeat_head, repeat_count;
	struct hz_repeat
	    *repeat; // HZ_REPEAT_SLOTS, in the order of at_us; NULL until there was loss on a long way
	struct hz_paced *pace; // HZ_PACE_SLOTS; NULL until something had to wait
	struct hz_kept *kept;  // newest stills of its slots, at most HZ_KEPT_PACKETS
	uint32_t kept_count;
};

struct hz_rt_sub_cc { // of a video subscription, beside the hot part
	struct hz_ladder_slot ladder;
	hz_id track;           // that `ladder` and `told` are about
	struct hz_layers want; // newest one given to layers.h
	uint8_t wanted;        // it is valid; not: everything
	int64_t still_us;
	uint32_t pace_ts; // of the still that is being queued
	uint8_t pace_key;
	int64_t hold_us; // since when pictures are held back for longer than needed
	uint8_t told;    // the four below are in the newest SUB_STATE
	uint8_t step, layer, spatial, temporal;
};

struct hz_rt_track_cc { // rates of a track, smoothed over a second or so
	hz_id track;
	int64_t at_us;
	struct hz_layers_rates rates;
};

// congestion.c
void hz_congestion_free(struct hz_router *r, uint32_t slot);
// Every packet that leaves with a transport-wide number.
void hz_congestion_sent(struct hz_router *r, uint32_t slot, uint16_t seq, size_t bytes, int64_t now_us);
void hz_congestion_feedback(struct hz_router *r, uint32_t slot, const struct hz_rtcp_packet *packet,
                            int64_t now_us);
void hz_congestion_remb(struct hz_router *r, uint32_t slot, uint64_t bps, int64_t now_us);
void hz_congestion_report(struct hz_router *r, uint32_t slot, uint8_t fraction_lost, int64_t now_us);
void hz_congestion_path(struct hz_router *r, uint32_t slot, int64_t now_us);
void hz_congestion_tick(struct hz_router *r, uint32_t slot, int64_t now_us);
uint32_t hz_congestion_resend_bps(const struct hz_router *r, uint32_t slot);

// allot.c: who gets what; events of it.
void hz_allot(struct hz_router *r, uint32_t slot, int64_t now_us);
void hz_allot_forget(struct hz_router *r, uint32_t sub); // a new subscription, or one pointed elsewhere
void hz_allot_tell_all(struct hz_router *r);             // every state once more

// congestion.c: the round trip to a peer: by its reports, else by its feedback (which waits for its interval); 0 unknown.
uint32_t hz_congestion_rtt_us(const struct hz_router *r, uint32_t slot);

// repeat.c: where asking takes too long (a long round trip with loss) and the link has room, each video packet follows
// once or twice more, by RTX, before anybody asks. What is wanted is part of the demand; video comes first.
unsigned hz_repeat_wanted(struct hz_router *r, uint32_t slot); // copies, by loss and round trip; each round
// video_bps goes out of room_bps: are there bits for copies?
void hz_repeat_decide(struct hz_router *r, uint32_t slot, uint64_t video_bps, uint64_t room_bps);
void hz_repeat_note(struct hz_router *r, uint32_t sub, uint64_t index, unsigned copies, int64_t now_us);
void hz_repeat_due(struct hz_router *r, uint32_t slot, int64_t now_us);

// share.c: control wants a share of the link for so long (HZ_CMD_PEER_SHARE). 0.
int hz_peer_share(struct hz_router *r, uint32_t slot, uint32_t for_ms, int64_t now_us);
// What is left for pictures of target_bps, audio and the share taken out; tells control. least_bps: all of them at their smallest.
uint64_t hz_share_left(struct hz_router *r, uint32_t slot, uint32_t target_bps, uint64_t least_bps,
                       int64_t now_us);

// playout.c: tells the receiver (playout-delay extension) to hold pictures back until what was lost on one of the long
// ways can have been sent again: it waits for nothing by itself, and shows gaps. Each round.
void hz_playout(struct hz_router *r, uint32_t slot, uint32_t sub, int64_t now_us);

// pace.c
// A packet to a peer whose pacer is on: true: it waits (or is dropped), false: send it now.
bool hz_pace(struct hz_router *r, const struct hz_rt_in *in, uint32_t sub);
// A packet of the subscription's newest still. 0; -ENOENT.
int hz_kept_get(const struct hz_router *r, uint32_t sub, const struct hz_paced *q, struct hz_rtp_packet *ret);
void hz_kept_free(struct hz_router *r, uint32_t sub);
void hz_pace_drain(struct hz_router *r, uint32_t slot, int64_t now_us);
bool hz_pace_waits(const struct hz_router *r, uint32_t sub); // does anything wait for it?
void hz_pace_drop(struct hz_router *r, uint32_t sub);        // what waits for it
// Is there a stream that padding may go on?
bool hz_probe_may(const struct hz_router *r, uint32_t slot);
// What is due of a probe. True: there will be more at the next tick.
bool hz_probe_send(struct hz_router *r, uint32_t slot, int64_t now_us);

#endif

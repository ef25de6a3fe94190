// Video that comes in RED with ULPFEC (RFC 2198, RFC 5109): what the publisher's link lost is made from parity packets,
// where a retransmission would come a round trip later. FEC packets take numbers of the media stream and are forwarded
// to nobody: hz_filter_place() leaves their numbers out. Of a received stream, from its first packet in RED on; about 1 KB.
// The parity packets themselves lie in the stream's history. Lost without harm at a restart. Thread: its worker's.
#ifndef HZ_MEDIA_ROUTER_FEC_H
#define HZ_MEDIA_ROUTER_FEC_H

#include "media/rtp/receiver.h"
#include "media/rtp/ulpfec.h"

#define HZ_FEC_WAITING 32 // parity packets that may be of use yet; when full the oldest goes
#define HZ_FEC_FILLS   16 // places filled at once, when a late packet shows that nothing belongs there
#define HZ_FEC_BACK    64 // numbers looked at between two frames
#define HZ_FEC_STEPS   8  // frames that tell how frame numbers count

struct hz_router;
struct hz_rt_stream;
struct hz_rt_in;

struct hz_fec_waiting {
	int64_t ext;     // its own number
	int64_t base;    // of what it protects
	int64_t missing; // the one that it can make, when all others are there
	uint64_t mask;   // bit i: base + i; 0: unused
};

struct hz_rt_fec {
	int64_t top; // newest number received
	uint32_t next;
	uint32_t waiting;                       // entries in use
	uint64_t none[HZ_RECEIVER_WINDOW / 64]; // bit (number % window): has nothing for receivers
	uint64_t
	    rewritten[HZ_RECEIVER_WINDOW / 64]; // other bytes than those that FEC was made of: came by RTX
	struct hz_fec_waiting wait[HZ_FEC_WAITING];
	int64_t end_ext; // newest packet that ended a frame; 0: none
	uint16_t end_number;
	uint16_t
	    step[2]; // smallest difference of numbers of neighbouring frames: of late, before; 0: not known
	uint32_t steps;
};

// Takes the RED header of a video packet at `data` away: the packet begins one byte later. -EBADMSG: more than one
// block, or a payload type that RED may not carry. Bare packets stay as they are.
int hz_fec_open(struct hz_router *r, struct hz_rt_in *in, uint8_t *data);

// A number has come, or was found to have nothing. NULL allowed.
void hz_fec_arrived(struct hz_rt_fec *fec, int64_t ext, bool none, bool rewritten);

// Has this number nothing for receivers? NULL allowed; false for what is older than the window.
bool hz_fec_none(const struct hz_rt_fec *fec, int64_t ext);

// The first such number of from..to, else `to`. NULL allowed.
int64_t hz_fec_next_none(const struct hz_rt_fec *fec, int64_t from, int64_t to);

// Keeps a parity packet for as long as it may be of use.
void hz_fec_keep(struct hz_rt_stream *stream, const struct hz_rt_in *in);

// Makes one lost packet that can be made; it lies in *sum. False: none can.
bool hz_fec_make(struct hz_router *r, struct hz_rt_stream *stream, uint32_t track, int64_t now_us,
                 struct hz_ulpfec_sum *sum, struct hz_rtp_packet *ret);

// in begins or ends a frame: between it and its neighbour nothing but FEC was sent. What is missing there was FEC, is
// not asked for again, and takes no place. Senders do not repeat FEC: it would be given up after all, for a keyframe.
void hz_fec_settle(struct hz_router *r, struct hz_rt_stream *stream, const struct hz_rt_in *in);

// Fills the places that subscriptions have kept free for a number which turned out to have nothing.
void hz_fec_fill(struct hz_router *r, const struct hz_rt_in *in, int64_t ext);

#endif

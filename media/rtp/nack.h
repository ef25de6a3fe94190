// Which packets of one received stream to ask for again, and when (generic NACK, RFC 4585 6.2.1).
// No pointers, about 12 KB; kept outside the arena, a restarted worker begins anew. Thread: its worker's.
#ifndef HZ_MEDIA_RTP_NACK_H
#define HZ_MEDIA_RTP_NACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp/rtcp.h"

#define HZ_NACK_MAX_MISSING  512  // when full: all is forgotten and a keyframe wanted
#define HZ_NACK_REORDER_US   5000 // first request after this: reordering heals itself
#define HZ_NACK_MIN_RETRY_US 5000 // next requests after max(RTT + 1/8, this); every second one waits twice as
#define HZ_NACK_SLOW_US      100000 // long, up to this, so that ten tries outlast a short outage of a short link
#define HZ_NACK_LONG_US      120000 // a request lost on so long a way costs too much: each goes out twice,
#define HZ_NACK_TWICE_US     30000  // this far apart; a sender answers but one of them within a round trip
// Where more than a third is lost for two windows, or more than half for one, there is a queue that overflows, and repairs would
// fill it: a stream that yields (others of its sender matter more) is not repaired then; the keyframe that this takes is asked
// for afterwards.
#define HZ_NACK_WINDOW_US    300000
#define HZ_NACK_WINDOW_LOST  8 // at least; and so many must have come until it is well again
#define HZ_NACK_WINDOW_HOLES 4 // more than half lost, in so many places: that is clear before the window ends
#define HZ_NACK_REST_US      3000000 // after so long without any it begins anew
#define HZ_NACK_MAX_TRIES    10
#define HZ_NACK_MAX_AGE_US   1000000 // at least; 4 RTTs on longer links
#define HZ_NACK_LAST_AGE_US  2000000 // never longer: nobody keeps packets for more

struct hz_nack_missing {
	int64_t ext;
	int64_t found_us;
	int64_t next_us; // of the next request
	uint32_t tries;
	uint32_t asked_us; // first request, since found_us
};

struct hz_nack {
	int64_t highest;
	int64_t next_us;           // not later than the earliest next_us; INT64_MAX none
	uint64_t requested;        // numbers asked for, with repeats
	uint64_t given_up;         // numbers never repaired
	uint32_t count;            // of missing
	uint32_t rtt_us;           // from a request to what it brought, smoothed; 0 unknown
	uint32_t got, lost, holes; // in this window; late ones are got; a hole is lost packets in a row
	uint32_t waits_us;         // the caller's: what the sender sends again stands behind so much
	uint8_t started;
	uint8_t keyframe;  // wanted: something was given up
	uint8_t yields;    // the caller's
	uint8_t choked;    // 1: a window with too much loss, 2: more than that
	int64_t window_us; // begin of the window
	int64_t last_us;   // of the last new packet
	struct hz_nack_missing missing[HZ_NACK_MAX_MISSING]; // ascending ext
};

void hz_nack_init(struct hz_nack *n);

// A packet that hz_receiver_on_packet() called NEW or RESTART, by its extended number. O(1) without loss.
void hz_nack_on_packet(struct hz_nack *n, int64_t ext, int64_t now_us);

// This number is no longer wanted: it was made from redundancy, which tells nothing about the round trip.
void hz_nack_forget(struct hz_nack *n, int64_t ext);

// Nothing is asked for any more; video needs a keyframe if something was.
void hz_nack_give_up(struct hz_nack *n);

// Everything before `ext` is no longer wanted (a keyframe begins there), nor another keyframe for it.
void hz_nack_forget_before(struct hz_nack *n, int64_t ext);

// The requests due at now_us, packed; at most `max` items, the rest stays due. rtt_us: 0 unknown (what the
// answers so far took, else 100 ms).
size_t hz_nack_collect(struct hz_nack *n, int64_t now_us, uint32_t rtt_us, struct hz_nack_item *ret_items,
                       size_t max);

// When to call hz_nack_collect() and hz_nack_take_keyframe() next; INT64_MAX: not before another packet.
int64_t hz_nack_deadline(const struct hz_nack *n);

// It yields, and too much of it is lost: what comes of it is not worth watching.
bool hz_nack_left_alone(const struct hz_nack *n);

// True once after a packet was given up (tries, age, overflow, jump): video needs a keyframe.
bool hz_nack_take_keyframe(struct hz_nack *n);

#endif

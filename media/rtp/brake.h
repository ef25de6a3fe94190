// A publisher's uplink that became narrow all at once: packets wait as long as its queue lets them, and the rest is lost. The
// publisher's own estimate needs a second or more to see that, and fills the queue meanwhile; we see it by abs-send-time
// (http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time) and transport-wide numbers within two tenths of one, and know
// what comes through. Random loss does not wait, and a far way does not lose: neither brakes.
// Plain data, no pointers, no clock. Thread: its worker's.
#ifndef HZ_MEDIA_RTP_BRAKE_H
#define HZ_MEDIA_RTP_BRAKE_H

#include <stdbool.h>
#include <stdint.h>

#define HZ_BRAKE_PART_US   100000
#define HZ_BRAKE_PARTS     6        // at most so many are looked at, at least two
#define HZ_BRAKE_WAIT_US   80000    // longer than the shortest way: a queue
#define HZ_BRAKE_LOST      6        // packets at least, and a quarter of all
#define HZ_BRAKE_BASE_US   10000000 // the shortest way is that of the last ten to twenty seconds
#define HZ_BRAKE_CALM_US   30000    // shorter in so many parts in a row:
#define HZ_BRAKE_CALM      3        // the queue is empty
#define HZ_BRAKE_LEAST_US  1500000  // how long it brakes
#define HZ_BRAKE_MOST_US   5000000  // then what is longer is the way
#define HZ_BRAKE_SILENT_US 1000000  // without a packet: an outage, and what waited in it says nothing

struct hz_brake_part {
	int64_t least_us; // shortest way in it, on two clocks
	uint32_t bytes, got, expected;
};

struct hz_brake { // zero: nothing came yet
	int64_t sent_us, part_us, base_us, base_before_us, base_since_us, since_us;
	uint32_t stamp;                  // newest abs-send-time
	uint32_t bps;                    // what came through when it began to brake; 0: it does not
	int64_t highest, highest_before; // transport-wide numbers, extended; until the part before
	struct hz_brake_part now, past[HZ_BRAKE_PARTS]; // past: newest first
	uint8_t parts, calm, started;
};

struct hz_brake_in {
	uint32_t abs_send_time; // 24 bits
	uint16_t twcc_seq;
	uint32_t bytes;
	int64_t now_us;
};

// A packet came. True: it brakes from now on, or does so no more: b->bps is new.
bool hz_brake_on_packet(struct hz_brake *b, const struct hz_brake_in *in);

// At least each second: whoever was told to send less and sends nothing must not stay told. As hz_brake_on_packet().
bool hz_brake_poll(struct hz_brake *b, int64_t now_us);

// Another way, or it cannot be told what was lost: what was seen says nothing any more. Whether it brakes stays.
void hz_brake_forget(struct hz_brake *b);

// How long packets wait in the queue; 0 unknown.
uint32_t hz_brake_waits_us(const struct hz_brake *b);

#endif

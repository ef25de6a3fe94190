// Reception of one SSRC: extended sequence numbers, duplicates, loss and jitter (RFC 3550 A.1, A.3, A.8).
// Plain data of fixed layout, no pointers: it may live in the worker's arena. Thread: its worker's.
#ifndef HZ_MEDIA_RTP_RECEIVER_H
#define HZ_MEDIA_RTP_RECEIVER_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "media/rtp/rtcp.h"

#define HZ_RECEIVER_WINDOW 1024 // packets behind the highest that are told apart from duplicates

enum hz_receive {
	HZ_RECEIVE_NEW = 0,   // first time seen: pass it on
	HZ_RECEIVE_DUPLICATE, // seen before: drop
	HZ_RECEIVE_OLD,       // further back than the window: drop
	HZ_RECEIVE_RESTART, // the source began anew (its number jumped back): pass it on, ask for a keyframe
};

struct hz_receiver {
	int64_t highest;        // extended; its low 16 bits are the wire's
	int64_t base;           // first extended number that is counted
	int64_t expected_prior; // at the last report block
	int64_t received_prior;
	int64_t received;  // from the wire, each number once, without repaired ones
	int64_t recovered; // by retransmission or RTX, each number once
	int64_t duplicates;
	int64_t arrival_us;  // of the packet that jitter_ts belongs to
	int64_t sr_us;       // arrival of the last SR
	uint32_t sr_compact; // its compact NTP; 0 none
	uint32_t clock_hz;
	uint32_t jitter_q4; // jitter in timestamp units * 16 (RFC 3550 A.8)
	uint32_t jitter_ts; // timestamp of the last new packet
	uint16_t bad_seq;   // expected next number of a suspected restart
	uint8_t bad_valid;
	uint8_t started; // 0: no packet yet
	uint8_t jitter_valid;
	uint8_t reserved[7];
	uint64_t seen[HZ_RECEIVER_WINDOW / 64]; // bit (number % window)
};
static_assert(sizeof(struct hz_receiver) == 9 * 8 + 4 * 4 + 2 + 12 + 2 + HZ_RECEIVER_WINDOW / 8,
              "arena layout");

void hz_receiver_init(struct hz_receiver *r, uint32_t clock_hz);

// Continues after a worker's restart from what is known: everything up to `highest` counts as seen; statistics
// begin at the next packet. Not needed if the whole struct survived.
void hz_receiver_seed(struct hz_receiver *r, uint32_t clock_hz, int64_t highest);

// One packet. recovered: it came by RTX or as a retransmission (left out of jitter and of reported loss).
// *ret_ext is the extended number (written also for duplicates and old ones); the first one is 65536 + seq.
// Any jump forward up to 32767 is taken as it is; a jump back beyond the window is OLD until two packets in a row
// confirm it, then RESTART and the extended number goes on upwards (never back).
enum hz_receive hz_receiver_on_packet(struct hz_receiver *r, uint16_t seq, uint32_t ts, bool recovered,
                                      int64_t now_us, int64_t *ret_ext);

// Has this number come? Those that are older than the window have.
bool hz_receiver_has(const struct hz_receiver *r, int64_t ext);

void hz_receiver_on_sr(struct hz_receiver *r, uint64_t ntp, int64_t now_us);

// The block of a report to be sent now; moves the interval of fraction_lost on. -ENODATA: no packet yet.
int hz_receiver_block(struct hz_receiver *r, uint32_t ssrc, int64_t now_us, struct hz_report_block *ret);

// Since the start: expected - received - recovered, never under 0.
int64_t hz_receiver_lost_after_repair(const struct hz_receiver *r);
uint32_t hz_receiver_jitter_us(const struct hz_receiver *r);

#endif

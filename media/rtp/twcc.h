// Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).
// The receiving side records arrivals per peer and writes feedback; the parser serves the sender side, whose
// estimator is a later matter (media/cc). No pointers; about 8 KB a peer; outside the arena: a restarted worker
// begins anew with the next packet. Thread: its worker's.
#ifndef HZ_MEDIA_RTP_TWCC_H
#define HZ_MEDIA_RTP_TWCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp/rtcp.h"

#define HZ_TWCC_WINDOW      1024  // transport-wide numbers remembered
#define HZ_TWCC_INTERVAL_US 50000 // between feedbacks
#define HZ_TWCC_MAX_DUE     256   // so many unreported numbers make one due at once
#define HZ_TWCC_TICK_US     250

struct hz_twcc {
	int64_t next;     // first extended number not yet reported
	int64_t highest;  // highest extended number that arrived
	int64_t first_us; // arrival of the oldest unreported packet; INT64_MAX none
	uint8_t started;
	uint8_t feedback_count; // of the next feedback
	uint16_t reserved[3];
	int64_t arrival_us[HZ_TWCC_WINDOW]; // by ext % window; -1: not arrived
};

void hz_twcc_init(struct hz_twcc *t);

// One packet carrying transport-wide number `seq` arrived. The second arrival of a number and one older than the
// window are ignored. A jump forward beyond the window begins anew there (the gap is not reported as lost).
// A late packet of a range already reported makes the next feedback begin there again.
void hz_twcc_on_packet(struct hz_twcc *t, uint16_t seq, int64_t now_us);

// When hz_twcc_write() should be called; INT64_MAX: nothing to report.
int64_t hz_twcc_deadline(const struct hz_twcc *t);

// Writes one feedback packet of what is unreported, as much as fits (also into the room of w) and as deltas can say.
// 0: written; hz_twcc_pending() tells whether to call again. -ENODATA: nothing to report. -ENOBUFS: not even one.
int hz_twcc_write(struct hz_twcc *t, struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc);
bool hz_twcc_pending(const struct hz_twcc *t);

// --- sender side

struct hz_twcc_feedback {
	uint32_t sender_ssrc, media_ssrc;
	uint16_t base_seq;
	uint16_t status_count;  // numbers reported on, from base_seq
	int32_t reference_64ms; // 24 bits, signed
	uint8_t feedback_count;
};

struct hz_twcc_arrival {
	uint16_t seq;
	bool received;
	int64_t at_us; // on the receiver's clock: reference * 64 ms + deltas; valid if received
};

// Parses the feedback packet; arrivals in order of number. At most `max` are written, *ret_count says how many were;
// status_count how many there are. -EBADMSG: not that type, chunks or deltas that do not fit.
int hz_twcc_parse(const struct hz_rtcp_packet *packet, struct hz_twcc_feedback *ret,
                  struct hz_twcc_arrival *ret_items, size_t max, size_t *ret_count);

// What was sent, for matching with feedback: a ring, the oldest is overwritten.
#define HZ_TWCC_SENT 1024
struct hz_twcc_sent {
	int64_t sent_us;
	uint16_t seq;
	uint16_t bytes;
	uint32_t valid;
};
struct hz_twcc_sender {
	struct hz_twcc_sent sent[HZ_TWCC_SENT]; // by seq % HZ_TWCC_SENT
};
void hz_twcc_sender_add(struct hz_twcc_sender *s, uint16_t seq, uint16_t bytes, int64_t now_us);
const struct hz_twcc_sent *hz_twcc_sender_find(const struct hz_twcc_sender *s,
                                               uint16_t seq); // NULL: not there

#endif

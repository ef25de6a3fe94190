// RTCP: compound packets (RFC 3550 section 6), feedback (RFC 4585, RFC 5104), REMB (draft-alvestrand-rmcat-remb).
// Transport-wide feedback is in media/rtp/twcc.h. Reading: iterate, then parse by type. Writing: into a bounded
// buffer, whole packets only. Pure; thread: any.
#ifndef HZ_MEDIA_RTP_RTCP_H
#define HZ_MEDIA_RTP_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hz_rtcp_type {
	HZ_RTCP_SR = 200,
	HZ_RTCP_RR = 201,
	HZ_RTCP_SDES = 202,
	HZ_RTCP_BYE = 203,
	HZ_RTCP_APP = 204,
	HZ_RTCP_RTPFB = 205, // count: HZ_RTPFB_*
	HZ_RTCP_PSFB = 206,  // count: HZ_PSFB_*
	HZ_RTCP_XR = 207,
};
enum { HZ_RTPFB_NACK = 1, HZ_RTPFB_TWCC = 15 };
enum { HZ_PSFB_PLI = 1, HZ_PSFB_FIR = 4, HZ_PSFB_AFB = 15 };

#define HZ_RTCP_MAX_BLOCKS 31u // in one SR, RR or BYE

struct hz_rtcp_packet {
	const uint8_t *body; // after the 4-byte common header, without padding
	size_t body_bytes;
	uint8_t type;  // enum hz_rtcp_type or unknown (skip it)
	uint8_t count; // RC, SC or FMT
};

struct hz_rtcp_iter {
	const uint8_t *at;
	size_t left;
};

// Checks the framing of the whole compound: version 2 throughout, lengths that add up. Reduced-size compounds
// (RFC 5506) are taken, and so is padding of any length on any packet: libwebrtc pads transport feedback by 1 to 3
// bytes wherever it stands, which RFC 3550 6.4.1 does not foresee. -EBADMSG; also for an empty datagram.
int hz_rtcp_check(const uint8_t *data, size_t bytes);

void hz_rtcp_iter_init(struct hz_rtcp_iter *iter, const uint8_t *data, size_t bytes);

// 1: *ret is the next packet. 0: end. -EBADMSG: framing is wrong, iteration is over.
int hz_rtcp_next(struct hz_rtcp_iter *iter, struct hz_rtcp_packet *ret);

// RFC 3550 6.4.1. Also what hz_receiver_block() makes.
struct hz_report_block {
	uint32_t ssrc;
	int32_t cumulative_lost; // 24 bits, signed
	uint32_t highest_seq;    // extended, 32 bits
	uint32_t jitter;         // timestamp units
	uint32_t lsr;            // compact NTP of the last SR; 0 none
	uint32_t dlsr;           // 1/65536 s since that SR
	uint8_t fraction_lost;   // /256
};

struct hz_sender_info {
	uint64_t ntp;
	uint32_t rtp_ts;
	uint32_t packets;
	uint32_t octets;
};

struct hz_rtcp_report { // SR or RR
	uint32_t ssrc;  // of the sender of the packet
	bool is_sr;     // `sender` is valid
	uint8_t block_count;
	struct hz_sender_info sender;
	struct hz_report_block block[HZ_RTCP_MAX_BLOCKS];
};

struct hz_nack_item {
	uint16_t pid; // lost
	uint16_t blp; // bit i: pid + i + 1 is lost too
};

struct hz_rtcp_feedback { // common part of RTPFB and PSFB
	uint32_t sender_ssrc;
	uint32_t media_ssrc;
	const uint8_t *fci;
	size_t fci_bytes; // any number: padding of a hostile length is taken off
};

struct hz_rtcp_remb {
	uint64_t bps; // saturates at UINT64_MAX
	uint8_t ssrc_count;
	const uint8_t *ssrcs; // big-endian, 4 bytes each
};

// Each parser: -EBADMSG if the packet is not of that type or its lengths do not fit. Trailing profile-specific
// words of SR and RR are ignored.
int hz_rtcp_parse_report(const struct hz_rtcp_packet *packet, struct hz_rtcp_report *ret);
int hz_rtcp_parse_feedback(const struct hz_rtcp_packet *packet, struct hz_rtcp_feedback *ret);
int hz_rtcp_parse_sdes(const struct hz_rtcp_packet *packet); // validates only
// Ids of the leaving sources, at most HZ_RTCP_MAX_BLOCKS.
int hz_rtcp_parse_bye(const struct hz_rtcp_packet *packet, uint32_t ret_ssrcs[HZ_RTCP_MAX_BLOCKS],
                      size_t *ret_count);

// Of a feedback with count HZ_RTPFB_NACK: number of items, item i. At least 1 item, else -EBADMSG.
int hz_rtcp_nack_count(const struct hz_rtcp_feedback *fb, size_t *ret_count);
struct hz_nack_item hz_rtcp_nack_item(const struct hz_rtcp_feedback *fb, size_t i);

// Of a feedback with count HZ_PSFB_FIR: number of entries, entry i (RFC 5104 4.3.1). PLI has no more than media_ssrc.
int hz_rtcp_fir_count(const struct hz_rtcp_feedback *fb, size_t *ret_count);
void hz_rtcp_fir_item(const struct hz_rtcp_feedback *fb, size_t i, uint32_t *ret_ssrc, uint8_t *ret_seq);

// Of any packet of a compound. True: it asks for a keyframe (PLI, FIR; of a FIR its first entry counts) of *ret_ssrc.
bool hz_rtcp_asks_keyframe(const struct hz_rtcp_packet *packet, uint32_t *ret_ssrc);

// Of a feedback with count HZ_PSFB_AFB. -ENOENT: another application's message.
int hz_rtcp_parse_remb(const struct hz_rtcp_feedback *fb, struct hz_rtcp_remb *ret);

// --- writing

struct hz_rtcp_writer {
	uint8_t *buf;
	size_t room;
	size_t bytes; // written so far: what to send
};

void hz_rtcp_writer_init(struct hz_rtcp_writer *w, uint8_t *buf, size_t room);

// Begins a compound with an RR of sender_ssrc; up to 31 blocks here, more with hz_rtcp_write_rr(). The first SSRC
// chooses the SRTCP index space (RFC 3711 3.2.1), so the caller takes a fresh sender_ssrc in each incarnation of a
// worker: the SRTCP index cannot be restored. Every writer: -ENOBUFS if it does not fit, the buffer is unchanged;
// -EINVAL for more items than the packet can hold.
int hz_rtcp_begin(struct hz_rtcp_writer *w, uint32_t sender_ssrc, const struct hz_report_block *blocks,
                  size_t count);
int hz_rtcp_write_rr(struct hz_rtcp_writer *w, uint32_t sender_ssrc, const struct hz_report_block *blocks,
                     size_t count);
int hz_rtcp_write_sr(struct hz_rtcp_writer *w, uint32_t ssrc, const struct hz_sender_info *info,
                     const struct hz_report_block *blocks, size_t count);
int hz_rtcp_write_cname(struct hz_rtcp_writer *w, uint32_t ssrc, const char *cname); // 1..255 bytes
int hz_rtcp_write_nack(struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc,
                       const struct hz_nack_item *items, size_t count);
int hz_rtcp_write_pli(struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc);
int hz_rtcp_write_fir(struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint32_t media_ssrc, uint8_t seq);
int hz_rtcp_write_remb(struct hz_rtcp_writer *w, uint32_t sender_ssrc, uint64_t bps, const uint32_t *ssrcs,
                       size_t count);
int hz_rtcp_write_bye(struct hz_rtcp_writer *w, const uint32_t *ssrcs, size_t count);

// For writers of other files: room for a packet of `bytes` (a multiple of 4, header included) with its header
// filled in, or NULL. The caller fills all of it.
uint8_t *hz_rtcp_reserve(struct hz_rtcp_writer *w, uint8_t type, uint8_t count, size_t bytes);

// --- NTP (64 bits: seconds since 1900 in 32.32). us: microseconds since the same zero the caller uses; the
// functions add no epoch. HZ_NTP_UNIX_US turns a wall clock (since 1970) into NTP's.
#define HZ_NTP_UNIX_US (2208988800LL * 1000000LL)
uint64_t hz_ntp_from_us(int64_t us);
int64_t hz_ntp_to_us(uint64_t ntp); // seconds taken as unsigned, rounded to the nearest microsecond
static inline uint32_t hz_ntp_compact(uint64_t ntp)
{
	return (uint32_t)(ntp >> 16);
}
// Round trip from a report block (RFC 3550 6.4.1): now, lsr and dlsr compact. -ENODATA: lsr is 0 or the sum is
// negative (clock trouble, forged). A round trip under 1/65536 s gives 0.
int hz_rtcp_rtt_us(uint32_t now_compact, uint32_t lsr, uint32_t dlsr, uint32_t *ret_us);

#endif

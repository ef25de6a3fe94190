// Serial-number arithmetic (RFC 1982) for 16-bit sequence numbers, 32-bit timestamps and 24-bit counters, and
// unwrapping to 64-bit extended numbers. A distance of exactly half the range counts as behind.
#ifndef HZ_MEDIA_RTP_SEQ_H
#define HZ_MEDIA_RTP_SEQ_H

#include <stdbool.h>
#include <stdint.h>

// a - b, in -32768..32767.
static inline int32_t hz_seq_diff(uint16_t a, uint16_t b)
{
	return (int16_t)(uint16_t)(a - b);
}

static inline bool hz_seq_newer(uint16_t a, uint16_t b)
{
	return hz_seq_diff(a, b) > 0;
}

// a - b of 32-bit RTP timestamps.
static inline int32_t hz_ts_diff(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static inline bool hz_ts_newer(uint32_t a, uint32_t b)
{
	return hz_ts_diff(a, b) > 0;
}

// a - b of 24-bit numbers, in -2^23..2^23-1.
static inline int32_t hz_diff24(uint32_t a, uint32_t b)
{
	uint32_t d = (a - b) & 0xffffffu;
	return d & 0x800000u ? (int32_t)d - 0x1000000 : (int32_t)d;
}

// The extended number nearest to `near` whose low 16 bits are `seq`. May be negative if near < 32768.
static inline int64_t hz_seq_extend(int64_t near, uint16_t seq)
{
	return near + hz_seq_diff(seq, (uint16_t)near);
}

// The same for 32-bit timestamps.
static inline int64_t hz_ts_extend(int64_t near, uint32_t ts)
{
	return near + hz_ts_diff(ts, (uint32_t)near);
}

// The first extended number of a stream: one turn up, so that packets from before the first one stay positive.
static inline int64_t hz_seq_first(uint16_t seq)
{
	return 65536 + (int64_t)seq;
}

#endif

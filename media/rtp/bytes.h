// Big-endian loads and stores of unaligned bytes; the caller has checked the bounds.
#ifndef HZ_MEDIA_RTP_BYTES_H
#define HZ_MEDIA_RTP_BYTES_H

#include <stdbool.h>
#include <stdint.h>

static inline uint16_t hz_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t hz_get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t hz_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t hz_get64(const uint8_t *p)
{
	return (uint64_t)hz_get32(p) << 32 | hz_get32(p + 4);
}

static inline void hz_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void hz_put24(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	p[1] = (uint8_t)(v >> 8);
	p[2] = (uint8_t)v;
}

static inline void hz_put32(uint8_t *p, uint32_t v)
{
	hz_put16(p, (uint16_t)(v >> 16));
	hz_put16(p + 2, (uint16_t)v);
}

static inline void hz_put64(uint8_t *p, uint64_t v)
{
	hz_put32(p, (uint32_t)(v >> 32));
	hz_put32(p + 4, (uint32_t)v);
}

// A bounded reader: after a read past the end every further one gives 0 and `bad` stays set.
struct hz_reader {
	const uint8_t *at, *end;
	bool bad;
};

static inline uint8_t hz_read8(struct hz_reader *r)
{
	if (r->at >= r->end) {
		r->bad = true;
		return 0;
	}
	return *r->at++;
}

static inline uint16_t hz_read16(struct hz_reader *r)
{
	uint16_t high = hz_read8(r);
	return (uint16_t)(high << 8 | hz_read8(r));
}

#endif

// A bounded reader of big-endian bit fields: after a read past the end every further one gives 0 and `bad` stays set.
// Thread: any.
#ifndef HZ_MEDIA_RTP_BITS_H
#define HZ_MEDIA_RTP_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_bits {
	const uint8_t *data;
	size_t at, end; // bits
	bool bad;
};

static inline struct hz_bits hz_bits_begin(const uint8_t *data, size_t bytes)
{
	return (struct hz_bits){data, 0, bytes * 8, false};
}

// count: 0..32
static inline uint32_t hz_bits_get(struct hz_bits *b, unsigned count)
{
	uint32_t v = 0;
	if (b->bad || b->end - b->at < count) {
		b->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < count; i++, b->at++)
		v = v << 1 | (b->data[b->at / 8] >> (7 - b->at % 8) & 1u);
	return v;
}

// ns(n) of the AV1 specification 4.10.7: a value under n in as few bits as possible. n at least 1.
static inline uint32_t hz_bits_ns(struct hz_bits *b, uint32_t n)
{
	unsigned w = 0;
	for (uint32_t x = n; x; x >>= 1)
		w++;
	uint32_t m = (1u << w) - n;
	uint32_t v = hz_bits_get(b, w - 1);
	if (v < m)
		return v;
	return (v << 1) - m + hz_bits_get(b, 1);
}

#endif

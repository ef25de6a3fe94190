// Writes dependency descriptors for tests, bit by bit, independently of the parser.
#ifndef HZ_TESTS_UNIT_RTP_DD_WRITE_H
#define HZ_TESTS_UNIT_RTP_DD_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dd_bits {
	uint8_t data[256];
	size_t at;
};

static inline void dd_put(struct dd_bits *b, uint32_t value, unsigned count)
{
	for (unsigned i = count; i-- > 0; b->at++)
		if (value >> i & 1)
			b->data[b->at / 8] |= (uint8_t)(0x80u >> b->at % 8);
}

static inline size_t dd_bytes(const struct dd_bits *b)
{
	return (b->at + 7) / 8;
}

static inline void dd_head(struct dd_bits *b, int start, int end, unsigned template_id, unsigned number)
{
	memset(b, 0, sizeof(*b));
	dd_put(b, (uint32_t)start, 1);
	dd_put(b, (uint32_t)end, 1);
	dd_put(b, template_id, 6);
	dd_put(b, number, 16);
}

// A structure of `spatial` x `temporal` layers, one template and one decode target each (template s * temporal + t;
// target likewise). Every frame of (s, t) is needed by the targets that are no lower in either; it lets into the
// higher temporal targets of its own spatial layer.
static inline void dd_structure(struct dd_bits *b, unsigned offset, unsigned spatial, unsigned temporal)
{
	unsigned count = spatial * temporal;
	dd_put(b, offset, 6);
	dd_put(b, count - 1, 5);
	for (unsigned i = 0; i < count; i++) { // next_layer_idc
		bool last_t = i % temporal == temporal - 1;
		dd_put(b, i == count - 1 ? 3 : last_t ? 2 : 1, 2);
	}
	for (unsigned i = 0; i < count; i++) {
		unsigned s = i / temporal, t = i % temporal;
		for (unsigned d = 0; d < count; d++) {
			unsigned ds = d / temporal, dt = d % temporal;
			bool present = s <= ds && t <= dt;
			dd_put(b, !present ? 0 : s < ds ? 3 : t < dt || t == 0 ? 2 : 1, 2);
		}
	}
	for (unsigned i = 0; i < count; i++) { // one difference each, but the first
		if (i) {
			dd_put(b, 1, 1);
			dd_put(b, i % 16, 4);
		}
		dd_put(b, 0, 1);
	}
	dd_put(b, 0, 0);
}

// ns(n) as the AV1 specification writes it.
static inline void dd_ns(struct dd_bits *b, uint32_t value, uint32_t n)
{
	unsigned w = 0;
	for (uint32_t x = n; x; x >>= 1)
		w++;
	uint32_t m = (1u << w) - n;
	if (value < m)
		dd_put(b, value, w - 1);
	else
		dd_put(b, value + m, w);
}

// The end of a structure: no chains, no resolutions.
static inline void dd_structure_end(struct dd_bits *b, unsigned targets)
{
	dd_ns(b, 0, targets + 1);
	dd_put(b, 0, 1);
}

// A whole keyframe descriptor of template `t`.
// With a structure of its own, whose templates begin at this id.
static inline size_t dd_key_at(struct dd_bits *b, unsigned offset, unsigned number, unsigned spatial,
                               unsigned temporal)
{
	dd_head(b, 1, 1, offset, number);
	dd_put(b, 0x10, 5); // structure
	dd_structure(b, offset, spatial, temporal);
	dd_structure_end(b, spatial * temporal);
	return dd_bytes(b);
}

static inline size_t dd_key(struct dd_bits *b, unsigned t, unsigned number, unsigned spatial,
                            unsigned temporal)
{
	dd_head(b, 1, 1, t, number);
	dd_put(b, 0x10, 5); // structure
	dd_structure(b, 0, spatial, temporal);
	dd_structure_end(b, spatial * temporal);
	return dd_bytes(b);
}

#endif

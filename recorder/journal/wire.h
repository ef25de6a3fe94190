// The heads of segments and chunks, to bytes and back (format.h says what they mean). Pure; thread: any.
// hz_..._get returns NULL, or in a few fixed words what is wrong; *ret is written only with NULL.
#ifndef HZ_RECORDER_JOURNAL_WIRE_H
#define HZ_RECORDER_JOURNAL_WIRE_H

#include <stdint.h>

#include "recorder/journal/crypt.h"
#include "recorder/journal/format.h"

#define HZ_JOURNAL_RECORD_HEAD 8
#define HZ_JOURNAL_CHUNK_TAIL  (HZ_GCM256_TAG_BYTES + HZ_JOURNAL_HASH_BYTES)
#define HZ_JOURNAL_AAD_BYTES   (16 + HZ_JOURNAL_CHUNK_HEAD)
#define HZ_JOURNAL_SEGMENTS    9999u // four digits of a file's name

static const uint8_t hz_segment_magic[8] = {'H', 'Z', 'J', 'S', 'E', 'G', '1', '\n'},
                     hz_chunk_magic[4] = {'H', 'Z', 'C', '1'};

struct hz_segment_head {
	uint32_t number;
	uint8_t record[16];
	int64_t monotonic_us, wall_us;
	uint8_t chain[HZ_JOURNAL_HASH_BYTES];
	uint64_t cut;
};

struct hz_chunk_head {
	uint32_t kind, track;
	uint64_t number;
	int64_t first_us, last_us;
	uint32_t bytes, records;
	uint32_t segment; // of the nonce
};

// With the hash at its end.
void hz_segment_head_put(struct hz_hasher *hasher, const struct hz_segment_head *head,
                         uint8_t ret[HZ_JOURNAL_SEGMENT_HEAD]);
const char *hz_segment_head_get(struct hz_hasher *hasher, const uint8_t data[HZ_JOURNAL_SEGMENT_HEAD],
                                struct hz_segment_head *ret);
// With the check of the head.
void hz_chunk_head_put(struct hz_hasher *hasher, const struct hz_chunk_head *head,
                       uint8_t ret[HZ_JOURNAL_CHUNK_HEAD]);
const char *hz_chunk_head_get(struct hz_hasher *hasher, const uint8_t data[HZ_JOURNAL_CHUNK_HEAD],
                              struct hz_chunk_head *ret);
// Additional data of a chunk; the nonce is at hz_chunk_nonce() of its head.
void hz_chunk_aad(const uint8_t record[16], const uint8_t head[HZ_JOURNAL_CHUNK_HEAD],
                  uint8_t ret[HZ_JOURNAL_AAD_BYTES]);
const uint8_t *hz_chunk_nonce(const uint8_t head[HZ_JOURNAL_CHUNK_HEAD]);

static inline void hz_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void hz_put_u32(uint8_t *p, uint32_t v)
{
	hz_put_u16(p, (uint16_t)v);
	hz_put_u16(p + 2, (uint16_t)(v >> 16));
}

static inline void hz_put_u64(uint8_t *p, uint64_t v)
{
	hz_put_u32(p, (uint32_t)v);
	hz_put_u32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t hz_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t hz_get_u32(const uint8_t *p)
{
	return hz_get_u16(p) | (uint32_t)hz_get_u16(p + 2) << 16;
}

static inline uint64_t hz_get_u64(const uint8_t *p)
{
	return hz_get_u32(p) | (uint64_t)hz_get_u32(p + 4) << 32;
}

#endif

#include "recorder/journal/wire.h"

#include <string.h>

void hz_segment_head_put(struct hz_hasher *hasher, const struct hz_segment_head *head,
                         uint8_t ret[HZ_JOURNAL_SEGMENT_HEAD])
{
	memcpy(ret, hz_segment_magic, 8);
	hz_put_u32(ret + 8, HZ_JOURNAL_VERSION);
	hz_put_u32(ret + 12, head->number);
	memcpy(ret + 16, head->record, 16);
	hz_put_u64(ret + 32, (uint64_t)head->monotonic_us);
	hz_put_u64(ret + 40, (uint64_t)head->wall_us);
	memcpy(ret + 48, head->chain, HZ_JOURNAL_HASH_BYTES);
	hz_put_u64(ret + 80, head->cut);
	hz_hash(hasher, NULL, ret, 88, ret + 88);
}

const char *hz_segment_head_get(struct hz_hasher *hasher, const uint8_t data[HZ_JOURNAL_SEGMENT_HEAD],
                                struct hz_segment_head *ret)
{
	uint8_t hash[HZ_JOURNAL_HASH_BYTES];
	if (memcmp(data, hz_segment_magic, 8) != 0)
		return "not a segment's header";
	hz_hash(hasher, NULL, data, 88, hash);
	if (memcmp(hash, data + 88, sizeof(hash)) != 0)
		return "hash of the header does not match";
	if (hz_get_u32(data + 8) != HZ_JOURNAL_VERSION)
		return "version is not known";
	ret->number = hz_get_u32(data + 12);
	memcpy(ret->record, data + 16, 16);
	ret->monotonic_us = (int64_t)hz_get_u64(data + 32);
	ret->wall_us = (int64_t)hz_get_u64(data + 40);
	memcpy(ret->chain, data + 48, HZ_JOURNAL_HASH_BYTES);
	ret->cut = hz_get_u64(data + 80);
	return NULL;
}

static uint32_t head_check(struct hz_hasher *hasher, const uint8_t *data)
{
	uint8_t hash[HZ_JOURNAL_HASH_BYTES];
	hz_hash(hasher, NULL, data, 60, hash);
	return hz_get_u32(hash);
}

void hz_chunk_head_put(struct hz_hasher *hasher, const struct hz_chunk_head *head,
                       uint8_t ret[HZ_JOURNAL_CHUNK_HEAD])
{
	memcpy(ret, hz_chunk_magic, 4);
	hz_put_u32(ret + 4, head->kind);
	hz_put_u32(ret + 8, head->track);
	hz_put_u32(ret + 12, 0);
	hz_put_u64(ret + 16, head->number);
	hz_put_u64(ret + 24, (uint64_t)head->first_us);
	hz_put_u64(ret + 32, (uint64_t)head->last_us);
	hz_put_u32(ret + 40, head->bytes);
	hz_put_u32(ret + 44, head->records);
	hz_put_u64(ret + 48, head->number);
	hz_put_u32(ret + 56, head->segment);
	hz_put_u32(ret + 60, head_check(hasher, ret));
}

static const char *wrong_values(const struct hz_chunk_head *h)
{
	if (h->kind < HZ_CHUNK_EVENTS || h->kind > HZ_CHUNK_END)
		return "kind of the chunk is not known";
	if (h->track >= HZ_JOURNAL_TRACKS || (h->track != 0) != (h->kind == HZ_CHUNK_MEDIA))
		return "track of the chunk is out of range";
	if (h->bytes > HZ_JOURNAL_CHUNK_BYTES || h->records > h->bytes / HZ_JOURNAL_RECORD_HEAD)
		return "length of the chunk is out of range";
	if ((h->records == 0) != (h->kind == HZ_CHUNK_END) || (h->records == 0 && h->bytes != 0))
		return "chunk without records";
	if (h->last_us < h->first_us ||
	    (uint64_t)h->last_us - (uint64_t)h->first_us > (uint64_t)HZ_JOURNAL_CHUNK_US)
		return "times of the chunk are out of range";
	return NULL;
}

const char *hz_chunk_head_get(struct hz_hasher *hasher, const uint8_t data[HZ_JOURNAL_CHUNK_HEAD],
                              struct hz_chunk_head *ret)
{
	struct hz_chunk_head h = {.kind = hz_get_u32(data + 4),
	                          .track = hz_get_u32(data + 8),
	                          .number = hz_get_u64(data + 16),
	                          .first_us = (int64_t)hz_get_u64(data + 24),
	                          .last_us = (int64_t)hz_get_u64(data + 32),
	                          .bytes = hz_get_u32(data + 40),
	                          .records = hz_get_u32(data + 44),
	                          .segment = hz_get_u32(data + 56)};
	if (memcmp(data, hz_chunk_magic, 4) != 0)
		return "not a chunk's head";
	if (hz_get_u32(data + 60) != head_check(hasher, data))
		return "check of the chunk's head does not match";
	if (hz_get_u32(data + 12) != 0 || hz_get_u64(data + 48) != h.number)
		return "head of the chunk contradicts itself";
	const char *wrong = wrong_values(&h);
	if (!wrong)
		*ret = h;
	return wrong;
}

void hz_chunk_aad(const uint8_t record[16], const uint8_t head[HZ_JOURNAL_CHUNK_HEAD],
                  uint8_t ret[HZ_JOURNAL_AAD_BYTES])
{
	memcpy(ret, record, 16);
	memcpy(ret + 16, head, HZ_JOURNAL_CHUNK_HEAD);
}

const uint8_t *hz_chunk_nonce(const uint8_t head[HZ_JOURNAL_CHUNK_HEAD])
{
	return head + 48;
}

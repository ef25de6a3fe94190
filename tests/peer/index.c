#include "tests/peer/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t key; // 0: free
	uint64_t hash;
};

struct stream { // newest extended sequence of one SSRC, to unwrap the 16 bits
	uint32_t ssrc;
	uint64_t newest;
};

struct hz_index {
	struct entry *entries;
	size_t cap, used;
	struct stream streams[256];
	unsigned stream_count;
};

int hz_index_new(struct hz_index **ret)
{
	struct hz_index *index = calloc(1, sizeof(*index));
	if (!index)
		return -ENOMEM;
	index->cap = 1 << 14;
	index->entries = calloc(index->cap, sizeof(*index->entries));
	if (!index->entries) {
		free(index);
		return -ENOMEM;
	}
	*ret = index;
	return 0;
}

void hz_index_free(struct hz_index *index)
{
	if (!index)
		return;
	free(index->entries);
	free(index);
}

static uint64_t fnv(const uint8_t *data, size_t bytes)
{
	uint64_t hash = 1469598103934665603ull;
	for (size_t i = 0; i < bytes; i++)
		hash = (hash ^ data[i]) * 1099511628211ull;
	return hash;
}

static uint64_t unwrap(struct hz_index *index, uint32_t ssrc, uint16_t seq)
{
	for (unsigned i = 0; i < index->stream_count; i++) {
		struct stream *stream = &index->streams[i];
		if (stream->ssrc != ssrc)
			continue;
		uint64_t ext = stream->newest + (uint64_t)(int64_t)(int16_t)(seq - (uint16_t)stream->newest);
		if (ext > stream->newest)
			stream->newest = ext;
		return ext;
	}
	if (index->stream_count < 256)
		index->streams[index->stream_count++] =
		    (struct stream){.ssrc = ssrc, .newest = 0x10000u + seq};
	return 0x10000u + seq;
}

static struct entry *slot(struct entry *entries, size_t cap, uint64_t key)
{
	size_t at = (size_t)((key * 0x9e3779b97f4a7c15ull) >> 20) & (cap - 1);
	while (entries[at].key != 0 && entries[at].key != key)
		at = (at + 1) & (cap - 1);
	return &entries[at];
}

static void grow(struct hz_index *index)
{
	size_t cap = index->cap * 2;
	struct entry *entries = calloc(cap, sizeof(*entries));
	if (!entries)
		abort(); // a test tool: no proof without memory
	for (size_t i = 0; i < index->cap; i++)
		if (index->entries[i].key)
			*slot(entries, cap, index->entries[i].key) = index->entries[i];
	free(index->entries);
	index->entries = entries;
	index->cap = cap;
}

static uint32_t read32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool hz_index_reused(struct hz_index *index, const uint8_t *packet, size_t bytes, bool rtcp, size_t tag_bytes)
{
	uint64_t key;
	if (rtcp) {
		// AEAD puts the tag before the index word, HMAC after it.
		size_t trailer = tag_bytes == 16 ? 4 : tag_bytes + 4;
		if (bytes < 8 + trailer)
			return false;
		key = 1ull << 63 | (uint64_t)read32(packet + 4) << 31 |
		      (read32(packet + bytes - trailer) & 0x7fffffff);
	} else {
		if (bytes < 12)
			return false;
		uint32_t ssrc = read32(packet + 8);
		uint64_t ext = unwrap(index, ssrc, (uint16_t)(packet[2] << 8 | packet[3]));
		key = (uint64_t)ssrc << 31 | (ext & 0x7fffffff);
	}
	struct entry *entry = slot(index->entries, index->cap, key);
	uint64_t hash = fnv(packet, bytes);
	if (entry->key)
		return entry->hash != hash;
	*entry = (struct entry){.key = key, .hash = hash};
	if (++index->used * 2 > index->cap)
		grow(index);
	return false;
}

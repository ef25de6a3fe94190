// Proof that no SRTP index is used twice: remembers, per (SSRC, 48-bit index), a hash of the protected packet.
// The same bytes again (a duplicate on the wire) are harmless; other bytes under the same index are a nonce reuse.
#ifndef HZ_TESTS_PEER_INDEX_H
#define HZ_TESTS_PEER_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_index;

int hz_index_new(struct hz_index **ret); // 0 or -ENOMEM; grows with the packets seen
void hz_index_free(struct hz_index *index);

// rtcp: a protected SRTCP packet, else SRTP. Takes it as it came from the wire.
// Returns true when its index was seen before with other bytes.
bool hz_index_reused(struct hz_index *index, const uint8_t *packet, size_t bytes, bool rtcp,
                     size_t tag_bytes);

#endif

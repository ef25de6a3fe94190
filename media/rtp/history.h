// Recent packets of one published stream (layer), for retransmission: one copy whatever the number of subscribers,
// keyed by the extended incoming sequence number. The copy is header and payload as received, without padding.
// Bytes come in chunks from a pool that all histories of a worker share and that has a bound; a chunk is taken when
// packets need it and given back when its packets are too old. Thread: its worker's. Not in the arena.
#ifndef HZ_MEDIA_RTP_HISTORY_H
#define HZ_MEDIA_RTP_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "media/rtp/packet.h"

#define HZ_HISTORY_CHUNK_BYTES 32768u
#define HZ_HISTORY_MAX_AGE_US  2000000
#define HZ_HISTORY_MAX_PACKET  2048u // larger ones are not kept (-EMSGSIZE)

struct hz_history_pool;
struct hz_history;

// limit_bytes: of all chunks together, at least one chunk. -ENOMEM.
int hz_history_pool_new(size_t limit_bytes, struct hz_history_pool **ret);
void hz_history_pool_free(struct hz_history_pool *pool);               // after its histories; NULL is fine
size_t hz_history_pool_used_bytes(const struct hz_history_pool *pool); // in histories
size_t hz_history_pool_held_bytes(const struct hz_history_pool *pool); // with idle chunks

// slots: packets kept at most, a power of two, 64..4096. Takes no chunk yet. -EINVAL, -ENOMEM.
int hz_history_new(struct hz_history_pool *pool, uint32_t slots, struct hz_history **ret);
void hz_history_free(struct hz_history *h); // gives its chunks back; NULL is fine

// Keeps a copy; overwrites what is `slots` older. When the pool is dry the history's own oldest chunk is reused;
// -ENOBUFS: it has none (the packet is not kept). -EEXIST: this number is kept already. -EMSGSIZE: too large.
// -ESTALE: older than everything that the slots can hold.
int hz_history_put(struct hz_history *h, int64_t ext, const struct hz_rtp_packet *packet, int64_t now_us);

// The packet as received, until the next put or expire. -ENOENT: never kept, overwritten, or over 2 s old.
// ret_arrived_us may be NULL.
int hz_history_get(const struct hz_history *h, int64_t ext, int64_t now_us, struct hz_rtp_packet *ret,
                   int64_t *ret_arrived_us);

// Gives back chunks of packets over 2 s old. put does it too; call it now and then for streams that stopped.
void hz_history_expire(struct hz_history *h, int64_t now_us);

#endif

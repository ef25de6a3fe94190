// H.264 from RTP (RFC 6184, packetization-mode 0 and 1) to access units in the byte stream format. Packets may come late, twice
// and in any order; what is missing for longer than HZ_UNPACK_WAIT_US is given up, and pictures wait for the next keyframe. Parameter
// sets that a keyframe came without are put before it. All memory is bounded. No I/O, no clock: now_us in. Thread: one.
#ifndef HZ_MEDIA_HLS_UNPACK_H
#define HZ_MEDIA_HLS_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_UNPACK_PACKETS    1024u // that wait for one before them; a power of two
#define HZ_UNPACK_WAIT_US    400000
#define HZ_UNPACK_UNIT_BYTES (2u << 20)
#define HZ_UNPACK_SET_BYTES  1024u

struct hz_unpack;

struct hz_unpack_unit {
	const uint8_t *data; // Annex B; valid during the call
	size_t bytes;
	uint32_t rtp_ts;
	int64_t arrival_us; // of its first packet
	bool key;
};

struct hz_unpack_ops {
	void *ctx;
	void (*unit)(void *ctx, const struct hz_unpack_unit *unit);
};

int hz_unpack_new(const struct hz_unpack_ops *ops, struct hz_unpack **ret); // -ENOMEM
void hz_unpack_free(struct hz_unpack *u);                                   // NULL allowed
void hz_unpack_reset(
    struct hz_unpack *u); // another stream comes: begins with a keyframe, knows nothing of before

// A whole RTP packet; copied. -EBADMSG, -EMSGSIZE.
int hz_unpack_push(struct hz_unpack *u, const uint8_t *packet, size_t bytes, int64_t arrival_us);
void hz_unpack_tick(struct hz_unpack *u, int64_t now_us); // gives up what did not come

bool hz_unpack_needs_key(const struct hz_unpack *u);  // pictures wait for a keyframe
uint64_t hz_unpack_broken(const struct hz_unpack *u); // pictures that were left out

#endif

// All live broadcasts: wanted states in (media/hls/api.h), RTP in, folders out. No clock; no I/O but the folders'. Times: now_us of
// CLOCK_MONOTONIC. Thread: one.
#ifndef HZ_MEDIA_HLS_LIVE_H
#define HZ_MEDIA_HLS_LIVE_H

#include <stddef.h>
#include <stdint.h>

#include "media/hls/api.h"

struct hz_live;

struct hz_live_ops {
	void *ctx;
	// An RTCP packet for a worker's relay peer of the consult; valid during the call.
	void (*rtcp)(void *ctx, unsigned worker, uint32_t consult, const uint8_t *data, size_t bytes);
};

// folder: of all broadcasts, borrowed; epoch_us: wall clock less now_us. -ENOMEM.
int hz_live_new(const struct hz_live_ops *ops, unsigned workers, int folder, int64_t epoch_us,
                struct hz_live **ret);
void hz_live_free(struct hz_live *live); // leaves the files. NULL allowed

// A descriptor that comes with the next command: taken over.
void hz_live_hand(struct hz_live *live, int fd);
// One message as it came: 0, or what the ACK says: -EINVAL, -ENOENT, -ENOSPC (too many; nothing of it is in a file), -EAGAIN (a cut that the
// store did not take is tried on), -ENOMEM, of the store.
int hz_live_command(struct hz_live *live, const void *message, size_t bytes, int64_t now_us);

struct hz_live_rtp {
	unsigned worker;
	uint32_t consult;
	const uint8_t *data;
	size_t bytes;
	int64_t arrival_us;
};
void hz_live_rtp(struct hz_live *live, const struct hz_live_rtp *packet);

int64_t hz_live_tick(struct hz_live *live, int64_t now_us);                 // when to call again
void hz_live_status(const struct hz_live *live, struct hz_hls_status *ret); // all but the header

#endif

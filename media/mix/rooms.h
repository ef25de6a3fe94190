// The consults that are mixed: a mixer each, fed and emptied by RTP packets that name worker and consult. Wanted states in,
// packets out. No I/O, no clock, single thread; memory is taken when a room or a member comes. Times: now_us of one clock.
#ifndef HZ_MEDIA_MIX_ROOMS_H
#define HZ_MEDIA_MIX_ROOMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/mix/api.h"
#include "media/mix/mixer.h"

struct hz_rooms;

struct hz_rooms_ops {
	void *ctx;
	// An RTP packet, or a sender report, for a worker's relay peer of the consult; valid during the call, which must not call back.
	void (*send)(void *ctx, unsigned worker, uint32_t consult, bool report, const uint8_t *data,
	             size_t bytes);
};

int hz_rooms_new(const struct hz_rooms_ops *ops, unsigned workers, struct hz_rooms **ret); // -ENOMEM
void hz_rooms_free(struct hz_rooms *rooms);                                                // NULL allowed

// One message of media/mix/api.h, as it came: 0, or what the ACK says: -EINVAL, -ENOENT, -EEXIST, -ENOSPC, -ENOMEM.
int hz_rooms_command(struct hz_rooms *rooms, const void *message, size_t bytes, int64_t now_us);

// A packet of a relay peer. What is of no member is counted and left.
struct hz_rooms_rtp {
	unsigned worker;
	uint32_t consult;
	const uint8_t *data;
	size_t bytes;
	int64_t arrival_us;
};
void hz_rooms_rtp(struct hz_rooms *rooms, const struct hz_rooms_rtp *packet, int64_t now_us);
// RTCP from there: sender reports of the voices, of which those of the mix are made; all else is left.
void hz_rooms_rtcp(struct hz_rooms *rooms, const struct hz_rooms_rtp *packet, int64_t now_us);

// Does what is due; returns when to call again, INT64_MAX while nobody is there. wall_us: since 1970, at now_us.
int64_t hz_rooms_tick(struct hz_rooms *rooms, int64_t now_us, int64_t wall_us);

// Fills in the counts; the header is the caller's.
void hz_rooms_status(const struct hz_rooms *rooms, struct hz_mix_status *ret);

#endif

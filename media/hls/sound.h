// The voices of a live programme as one sound: Opus in, Opus out, 20 ms, mono. Thread: one.
#ifndef HZ_MEDIA_HLS_SOUND_H
#define HZ_MEDIA_HLS_SOUND_H

#include <stddef.h>
#include <stdint.h>

#include "media/rtp/packet.h"

struct hz_sound;

struct hz_sound_packet {
	const uint8_t *data; // valid during the call
	size_t bytes;
	uint32_t ts;   // 48 kHz
	int64_t at_us; // all that is in it arrived before
};
struct hz_sound_ops {
	void *ctx;
	void (*packet)(void *ctx, const struct hz_sound_packet *packet);
};

int hz_sound_new(const struct hz_sound_ops *ops, int64_t now_us, struct hz_sound **ret); // -ENOMEM
void hz_sound_free(struct hz_sound *s);                                                  // NULL allowed
// Forgets all that came; voices stay. Silent if there is no memory, until the next one.
void hz_sound_reset(struct hz_sound *s);
// Voice n is another one (ssrc), or none (0). -ENOSPC, -ENOMEM.
int hz_sound_voice(struct hz_sound *s, unsigned n, uint32_t ssrc);
int hz_sound_push(struct hz_sound *s, unsigned n, const struct hz_rtp_packet *packet, int64_t arrival_us);
int64_t hz_sound_tick(struct hz_sound *s, int64_t now_us); // when to call again

#endif

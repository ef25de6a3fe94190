// Opus packets (RFC 6716 section 3) without decoding them: are they sound, how long do they sound. Pure.
#ifndef HZ_RECORDER_FINALIZE_OPUS_H
#define HZ_RECORDER_FINALIZE_OPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_opus_info {
	uint32_t samples; // at 48 kHz, of all frames; at most 5760
	bool stereo;
	bool silent; // nothing coded: discontinuous transmission
};
int hz_opus_parse(const uint8_t *packet, size_t bytes,
                  struct hz_opus_info *ret); // -EBADMSG: against [R1] to [R7]

// A packet of digital silence, the longest of 20, 10, 5 and 2.5 ms that fits into `samples`; 0: none fits.
#define HZ_OPUS_SILENCE_BYTES 3
uint32_t hz_opus_silence(uint32_t samples, uint8_t ret[HZ_OPUS_SILENCE_BYTES]);

#endif

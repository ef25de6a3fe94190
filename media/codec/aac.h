// Opus to AAC-LC, for platforms that know nothing else: mono, 48 kHz. A hole of the input is a hole of the output. No clock.
// Thread: one.
#ifndef HZ_MEDIA_CODEC_AAC_H
#define HZ_MEDIA_CODEC_AAC_H

#include <stddef.h>
#include <stdint.h>

#define HZ_AAC_BITRATE 96000

struct hz_aac_encoder;

struct hz_aac_frame {
	const uint8_t *data; // without ADTS; valid during the call
	size_t bytes;
	int64_t at_us; // of its first sample, what the encoder puts before taken off
};
struct hz_aac_ops {
	void *ctx;
	void (*frame)(void *ctx, const struct hz_aac_frame *frame);
};

int hz_aac_new(const struct hz_aac_ops *ops, struct hz_aac_encoder **ret);       // -ENOTSUP, -ENOMEM
void hz_aac_free(struct hz_aac_encoder *a);                                      // NULL allowed
const uint8_t *hz_aac_config(const struct hz_aac_encoder *a, size_t *ret_bytes); // AudioSpecificConfig

// A packet of Opus (RFC 6716); at_us: of its first sample. -EBADMSG: not one; what it held is silence.
int hz_aac_push(struct hz_aac_encoder *a, const uint8_t *data, size_t bytes, int64_t at_us);

#endif

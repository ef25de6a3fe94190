// Fragmented MP4 of one stream, in memory: an initialization section, and fragments (moof, mdat) as CMAF wants them
// (ISO/IEC 23000-19 7.3): one track, decode times of its own (tfdt), each fragment parsed with the initialization alone.
// The same calls give the same bytes. Thread: one.
#ifndef HZ_MEDIA_CODEC_FMP4_H
#define HZ_MEDIA_CODEC_FMP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_fmp4;

enum hz_fmp4_codec { HZ_FMP4_H264 = 1, HZ_FMP4_AAC, HZ_FMP4_OPUS };

struct hz_fmp4_open {
	enum hz_fmp4_codec codec;
	uint16_t width, height;
	unsigned channels;
	const uint8_t *config; // avcC, or AudioSpecificConfig; copied
	size_t config_bytes;
};
// Times are in 90 kHz for video and 48 kHz for sound. -EBADMSG: libavformat does not take it; -ENOMEM.
int hz_fmp4_new(const struct hz_fmp4_open *with, struct hz_fmp4 **ret);
void hz_fmp4_free(struct hz_fmp4 *f); // NULL allowed

const uint8_t *hz_fmp4_init(const struct hz_fmp4 *f, size_t *ret_bytes); // lives as long as f

struct hz_fmp4_sample {
	const uint8_t *data; // NAL units with lengths before them, or one frame of sound
	size_t bytes;
	int64_t pts, dts;
	uint32_t duration;
	bool key;
};
// One fragment; dts ascend and none is negative. The bytes live until the next call. -ERANGE: it begins more than 2^31
// ticks after the one before: a new writer can. After any error the writer is not to be used again.
int hz_fmp4_fragment(struct hz_fmp4 *f, const struct hz_fmp4_sample *sample, unsigned count,
                     const uint8_t **ret, size_t *ret_bytes);

#endif
